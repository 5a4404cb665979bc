"""Getting the HTML package of a collection: started, waited for, fetched within its minute, checked, saved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import anyio

from flipsnack_mcp.api.actions.collections import GetCollection
from flipsnack_mcp.api.actions.packages import DownloadHtml, Package
from flipsnack_mcp.api.errors import FlipsnackError
from flipsnack_mcp.api.links import public_address
from flipsnack_mcp.api.pace import Lane
from flipsnack_mcp.files.fetching import LinkExpired, Transfer, TransferBroken, fetched, same_origin
from flipsnack_mcp.files.packages import BadPackage, SavedPackage, save_package
from flipsnack_mcp.workflows.errand import Errand, Throttled
from flipsnack_mcp.workflows.waiting import Watch, Watched

LINK_SECONDS = 60
FETCH_TRIES = 3


@dataclass(frozen=True)
class Exported:
    """How far the package is, and where it lies once it is saved."""

    package: Package
    states: tuple[str, ...]
    saved: SavedPackage | None = None


async def export(errand: Errand, action: DownloadHtml, wait_seconds: float) -> Watched[Package]:
    """Start the package, or find it under way or done, and wait for it."""

    async def look(errand: Errand, lane: Lane) -> Package:
        return await errand.send(action, lane=lane)

    return await Watch("package", look, lambda seen: seen.state).until_settled(errand, wait_seconds)


async def save_export(
    errand: Errand, action: DownloadHtml, wait_seconds: float, folder: Path, api_url: str
) -> Exported:
    """The same, and as soon as it is complete save it below the download folder."""
    title = (await errand.send(GetCollection(collection_hash=action.collection_hash))).title
    watched = await export(errand, action, wait_seconds)
    if watched.last.state != "complete":
        return Exported(watched.last, watched.states)
    package = watched.last
    for _ in range(FETCH_TRIES):
        try:
            with anyio.CancelScope(deadline=errand.deadline):
                saved = await saved_from(errand, package, folder, title, action.collection_hash, api_url)
                return Exported(package, watched.states, saved)
        except BadPackage as error:
            raise not_saved(str(error)) from None
        except (LinkExpired, TransferBroken):
            # A later call gives a new link, or says that the package is built anew.
            package = await errand.send(action)
            if package.state != "complete":
                return Exported(package, (*watched.states, f"{package.state} again"))
            continue
        raise not_saved("The package is complete at Flipsnack, but its transfer takes longer than one call may.")
    raise not_saved("The package is complete at Flipsnack, but its transfer broke off several times.")


async def saved_from(
    errand: Errand, package: Package, folder: Path, title: str, collection_hash: str, api_url: str
) -> SavedPackage:
    """Fetch a complete package and put it in its place."""
    async with fetched(errand.flipsnack.http, checked_link(package, api_url)) as transfer:
        told = Throttled(errand.tell, "download")

        async def received(done: int) -> None:
            await told(done, transfer.total)

        return await save_package(whole(transfer), folder, title, collection_hash, received=received)


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
