"""Packages on their way to the disk. A transfer that outlasts its call goes on in the background."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from anyio.abc import TaskGroup

from flipsnack_mcp.api.actions.packages import DownloadHtml, Package
from flipsnack_mcp.api.client import Flipsnack
from flipsnack_mcp.api.errors import FlipsnackError
from flipsnack_mcp.api.links import public_address, same_origin
from flipsnack_mcp.files.fetching import LinkExpired, Transfer, TransferBroken, fetched
from flipsnack_mcp.files.packages import BadPackage, SavedPackage, save_package
from flipsnack_mcp.files.refusal import RefusedFile
from flipsnack_mcp.workflows.errand import Errand
from flipsnack_mcp.workflows.progress import Throttled

log = logging.getLogger(__name__)

FETCH_TRIES = 3
PAUSE = 2.0
"""Seconds before a broken transfer is begun anew: what answers with an error now may not in a moment."""
BROKEN_OFF = "its transfer broke off several times"
REMEMBERED = 600.0
"""Seconds in which the next call still finds a transfer that ended while nobody waited."""


@dataclass(frozen=True)
class Order:
    """Which package is fetched, and where it goes."""

    action: DownloadHtml
    title: str
    folder: Path
    api_url: str


@dataclass
class Fetching:
    """One transfer. Many may watch it, none owns it."""

    done: int = 0
    total: int | None = None
    saved: SavedPackage | None = None
    error: Exception | None = None
    rebuilt: Package | None = None
    """What Flipsnack said instead of a new link: the package is being built anew, or failed."""
    ended_at: float | None = None
    told: bool = False
    """Whether a call was told how it ended."""
    changed: anyio.Event = field(default_factory=anyio.Event)

    def tell(self, done: int | None = None, total: int | None = None) -> None:
        """Wake everybody who watches."""
        self.done, self.total = self.done if done is None else done, total or self.total
        self.changed.set()
        self.changed = anyio.Event()


class Transfers:
    """The transfers of this process, one for each collection at a time."""

    def __init__(self, flipsnack: Flipsnack, background: TaskGroup) -> None:
        self._flipsnack, self._background = flipsnack, background
        self._fetchings: dict[str, Fetching] = {}

    def under_way(self, collection_hash: str, since: float) -> Fetching | None:
        """The transfer that a call which began at `since` should watch: one that runs, or ended unseen or meanwhile."""
        found = self._fetchings.get(collection_hash)
        if found is None or found.ended_at is None:
            return found
        unseen = not found.told and anyio.current_time() - found.ended_at <= REMEMBERED
        missing = found.saved is not None and not found.saved.path.exists()
        return found if (unseen or found.ended_at > since) and not missing else None

    def start(self, order: Order, package: Package) -> Fetching:
        """Fetch a complete package in the background."""
        fetching = self._fetchings[order.action.collection_hash] = Fetching()
        self._background.start_soon(self._carry_out, fetching, order, package)
        return fetching

    async def watch(self, errand: Errand, fetching: Fetching, seconds: float) -> Fetching:
        """The transfer once it has ended, or as it is when the time is up."""
        told = Throttled(errand.tell, "download")
        with anyio.move_on_after(seconds):
            while fetching.ended_at is None:
                await fetching.changed.wait()
                await told(fetching.done, fetching.total)
        fetching.told = fetching.told or fetching.ended_at is not None
        return fetching

    async def _carry_out(self, fetching: Fetching, order: Order, package: Package) -> None:
        """Never raises but when cancelled: an error that escaped would end every other transfer."""
        try:
            await self._fetch(fetching, order, package)
        except (FlipsnackError, RefusedFile) as error:
            fetching.error = error
        except Exception as error:  # noqa: BLE001  # see above
            log.error("transfer failed with %s", type(error).__name__)  # noqa: TRY400  # a traceback can hold the link
            fetching.error = not_saved("The transfer failed in a way nobody expected.")
        finally:
            fetching.ended_at = anyio.current_time()
            fetching.tell()

    async def _fetch(self, fetching: Fetching, order: Order, package: Package) -> None:
        errand, why = Errand(self._flipsnack), BROKEN_OFF
        for left in reversed(range(FETCH_TRIES)):
            try:
                fetching.saved = await saved_from(self._flipsnack, fetching, order, package)
            except BadPackage as error:
                raise not_saved(str(error)) from None
            except (LinkExpired, TransferBroken) as error:
                why = str(error) or BROKEN_OFF
                if not left:
                    break
                if isinstance(error, TransferBroken):
                    await anyio.sleep(PAUSE)
                # A later call gives a new link, or says that the package is built anew.
                package = await errand.send(order.action)
                if package.state == "complete":
                    continue
                fetching.rebuilt = package
            return
        raise not_saved(f"The package is complete at Flipsnack, but {why}.")


async def saved_from(flipsnack: Flipsnack, fetching: Fetching, order: Order, package: Package) -> SavedPackage:
    """Fetch a complete package and put it in its place."""
    async with fetched(flipsnack.http, checked_link(package, order.api_url)) as transfer:

        async def received(done: int) -> None:
            fetching.tell(done, transfer.total)

        pieces = whole(transfer)
        return await save_package(pieces, order.folder, order.title, order.action.collection_hash, received=received)


async def whole(transfer: Transfer) -> AsyncIterator[bytes]:
    """The pieces of a transfer, which has to be as long as announced."""
    done = 0
    async for piece in transfer.pieces:
        yield piece
        done += len(piece)
    if transfer.total is not None and done != transfer.total:
        raise TransferBroken


def checked_link(package: Package, api_url: str) -> str:
    """Flipsnack's link, unless it leads somewhere no package of Flipsnack's can lie."""
    link = package.resource_url or ""
    try:
        return link if same_origin(link, api_url) else public_address(link)
    except ValueError:
        raise not_saved("Flipsnack gave a link for the package that is not a public https address.") from None


def not_saved(happened: str) -> FlipsnackError:
    """The package was not saved, and no half of it is left."""
    return FlipsnackError(
        f"{happened} Nothing was saved.",
        "Make the same call again; it starts no second package.",
        retry="You can try again.",
    )
