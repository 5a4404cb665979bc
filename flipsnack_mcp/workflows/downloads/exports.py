"""Getting the HTML package of a collection: started, waited for, fetched in the background within its minute, saved."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import anyio

from flipsnack_mcp.api import Flipsnack, FlipsnackError, NotPublicError, public_address, same_origin
from flipsnack_mcp.api.actions.collections import GetCollection
from flipsnack_mcp.api.actions.publishing import DownloadHtml, Package
from flipsnack_mcp.api.errors import UnreachableError
from flipsnack_mcp.api.network import Floor, is_loopback
from flipsnack_mcp.files.fetching import LinkExpired, TransferBroken, fetched
from flipsnack_mcp.files.names import telling_names
from flipsnack_mcp.files.packages import BadPackage, NotWhole, SavedPackage, save_package
from flipsnack_mcp.files.spool import Spool
from flipsnack_mcp.workflows.addresses.drawing import ADDRESS_SECONDS
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.job import Job
from flipsnack_mcp.workflows.jobs import Jobs
from flipsnack_mcp.workflows.progress import Progress, Throttled, size_of
from flipsnack_mcp.workflows.waiting import Watch, Watched

DOWNLOAD = "download"
LINK_SECONDS = 60
AT_LEAST = 10.0
"""Seconds a call watches a transfer, however short it was asked to wait: most packages are there by then."""
FETCH_TRIES = 3
BEFORE_NEXT_TRY = 2.0
"""Seconds before a broken transfer is begun anew: what answers with an error now may not in a moment."""
BROKEN_OFF = "its transfer broke off several times"
IN_FLIPSNACK = "Tell the person, who can download it in Flipsnack."
PLAIN_HTTP = re.compile(r"\Ahttp://", re.IGNORECASE)
TOO_SLOW = "it came too slowly"
CHECKING_SECONDS = 900.0
"""In which a package that has come has to be checked and put in its place."""


@dataclass(frozen=True)
class WantedPackage:
    """Which package is wanted, and where it goes."""

    action: DownloadHtml
    folder: Path
    api_url: str
    shared: bool = False
    """Whether other accounts save there as well."""
    spool: Spool | None = None
    """Where it waits for whoever fetches it by an address; nothing is saved in the folder then."""
    kept_as: str = ""
    """By what it is found there."""


@dataclass(frozen=True)
class Exported:
    """How far the package is, and where it lies once it is saved."""

    package: Package
    states: tuple[str, ...]
    saved: SavedPackage | None = None
    downloading: bool = False
    stopped: bool = False


class Downloads:
    """The packages on their way to the disk, one for each collection at a time."""

    def __init__(self, flipsnack: Flipsnack, jobs: Jobs) -> None:
        self._flipsnack, self._jobs = flipsnack, jobs
        self._floors: dict[str, Floor] = {}

    def under_way(self, collection_hash: str, since: float) -> bool:
        """Whether a call that began at `since` should watch a transfer that runs, or ended unseen or meanwhile."""
        job = self._jobs.find(DOWNLOAD, collection_hash)
        if job is None or job.ended_at is None:
            return job is not None
        if job.stopping:
            return False
        missing = isinstance(job.result, SavedPackage) and not job.result.path.exists()
        return (not job.told or job.ended_at > since) and not missing

    def stoppable(self, download_id: str) -> str | None:
        """The collection of a transfer that is under way here; None where there is none of that id."""
        under_way = (name for kind, name in self._jobs.under_way if kind == DOWNLOAD)
        return next((one for one in under_way if id_of(one) == download_id), None)

    async def drop(self, collection_hash: str) -> None:
        """Let go of a transfer; nothing of it is kept."""
        await self._jobs.stop(DOWNLOAD, collection_hash)

    async def drop_dead(self, collection_hash: str) -> None:
        """Let go of a transfer of which nothing comes any more: whoever asks again gets a new one."""
        floor = self._floors.get(collection_hash)
        if floor and floor.dead and self._jobs.running(DOWNLOAD, collection_hash):
            await self.drop(collection_hash)

    async def start(self, asked: WantedPackage, title: str, package: Package) -> None:
        """Fetch a complete package in the background."""
        fetch = partial(self._fetch, asked, title, package)
        await self._jobs.start(DOWNLOAD, asked.action.collection_hash, fetch)

    async def watch(self, context: CallContext, collection_hash: str, seconds: float) -> Job | None:
        """The transfer once it has ended, or as it is when the time is up."""
        told = Throttled(context.tell, DOWNLOAD)

        async def tell(progress: Progress) -> None:
            if progress.done and not progress.ended:  # its end is told by the result
                await told(progress.done, progress.total)

        job = await self._jobs.watch(DOWNLOAD, collection_hash, seconds, tell)
        if job and job.ended:
            job.told = True
        return job

    async def _fetch(self, asked: WantedPackage, title: str, package: Package, job: Job) -> SavedPackage | Package:
        """What was saved, or what Flipsnack said instead of a new link: it is being built anew, or failed."""
        for left in reversed(range(FETCH_TRIES)):
            try:
                return await self._saved(asked, title, package, job)
            except NotWhole as error:
                raise not_saved(str(error)) from None
            except BadPackage as error:  # the next transfer would bring the same
                raise FlipsnackError(f"{error} Nothing was saved.", IN_FLIPSNACK) from None
            except (LinkExpired, TransferBroken, UnreachableError) as error:
                if not left:
                    why = str(error) if isinstance(error, LinkExpired | TransferBroken) else error.happened
                    said = (why or BROKEN_OFF).removesuffix(".")
                    raise not_saved(f"The package is complete at Flipsnack, but {said}.") from None
                if not isinstance(error, LinkExpired):
                    await anyio.sleep(BEFORE_NEXT_TRY)
            # A later call gives a new link, or says that the package is built anew.
            package = await CallContext(self._flipsnack).send(asked.action)
            if package.state != "complete":
                break
        return package

    async def _saved(self, asked: WantedPackage, title: str, package: Package, job: Job) -> SavedPackage:
        floor = self._floors[asked.action.collection_hash] = Floor()
        try:
            with floor.scope:
                return await save_from(self._flipsnack, Transferred(job, floor), asked, title, package)
        except NotPublicError:
            happened = "Flipsnack gave a link for the package whose host is not in the internet, but in this network."
            raise FlipsnackError(f"{happened} Nothing was saved.", IN_FLIPSNACK) from None
        finally:
            del self._floors[asked.action.collection_hash]
        raise TransferBroken(TOO_SLOW)


@dataclass
class Transferred:
    """What has come of a package: told to whoever watches, and to the floor under it."""

    job: Job
    floor: Floor
    total: int | None = None
    done: int = 0

    async def received(self, done: int) -> None:
        """So much is on the disk."""
        self.job.tell(done=done, total=self.total)

    async def counted(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The pieces as they come."""
        async for piece in pieces:
            self.done += len(piece)
            self.floor.moved(self.done)
            yield piece
        self.floor.wait(CHECKING_SECONDS)


async def export(context: CallContext, action: DownloadHtml, wait_seconds: float) -> Watched[Package]:
    """Start the package, or find it under way or done, and wait for it."""
    watch = Watch[Package]("package", lambda context, lane: context.send(action, lane=lane), lambda seen: seen.state)
    return await watch.until_settled(context, wait_seconds)


async def save_export(
    context: CallContext, downloads: Downloads, asked: WantedPackage, wait_seconds: float
) -> Exported:
    """The same, and as soon as it is complete save it below the download folder."""
    start, states, wanted = anyio.current_time(), tuple[str, ...](), asked.action.collection_hash
    await downloads.drop_dead(wanted)
    if not downloads.under_way(wanted, start):
        watched = await export(context, asked.action, wait_seconds)
        states = watched.states
        if watched.last.state != "complete":
            return Exported(watched.last, states)
        title = (await context.send(GetCollection(collection_hash=wanted))).title
        # Asked again before starting: another call may have started it while this one waited.
        if not downloads.under_way(wanted, start):
            await downloads.start(asked, title, watched.last)
    patience = context.patience(max(start + wait_seconds - anyio.current_time(), AT_LEAST))
    return describe(await downloads.watch(context, wanted, patience), states)


def describe(job: Job | None, states: tuple[str, ...]) -> Exported:
    """What became of a transfer so far."""
    if job and job.error:
        raise job.error
    if job and isinstance(job.result, Package):
        return Exported(job.result, (*states, f"{job.result.state} again"))
    if job and isinstance(job.result, SavedPackage):
        return Exported(Package(state="complete"), states, job.result)
    if job and job.ended and job.stopping:
        return Exported(Package(state="complete"), (*states, "stopped on request"), stopped=True)
    progress = job.progress if job else Progress()
    of = f" of {size_of(progress.total)}" if progress.total else ""
    said = f"complete, downloading: {size_of(progress.done)}{of}"
    return Exported(Package(state="processing"), (*states, said), downloading=True)


async def save_from(
    flipsnack: Flipsnack, coming: Transferred, asked: WantedPackage, title: str, package: Package
) -> SavedPackage:
    """Fetch a complete package and put it in its place."""
    link = check_link(package, asked.api_url)
    http = await flipsnack.at_package(own=is_own(link, asked.api_url))
    async with fetched(http, link) as transfer:
        coming.total = transfer.total
        pieces, wanted = coming.counted(transfer.pieces), asked.action.collection_hash
        if asked.spool:
            async with asked.spool.place(transfer.total or 0) as place:
                name = f"{telling_names(title, wanted)[0]}.zip"
                saved = await place.fill_with_package(pieces, name, coming.received)
                await asked.spool.keep(asked.kept_as, place, ADDRESS_SECONDS)
                return saved
        return await save_package(pieces, asked.folder, title, wanted, received=coming.received, shared=asked.shared)


def id_of(collection_hash: str) -> str:
    """By what the download of a collection's package is stopped: there is one at a time."""
    return base64.b32encode(hashlib.sha256(collection_hash.encode()).digest()[:5]).decode().lower()


def check_link(package: Package, api_url: str) -> str:
    """Flipsnack's link, unless it leads somewhere no package of Flipsnack's can lie; plain http is raised to https.

    An imitation on this computer may give out its packages under another of the computer's names, or at another port; where
    it is asked itself, a link without a scheme is one of its own.
    """
    link = package.resource_url or ""
    if not link:
        raise not_saved("Flipsnack said that the package is complete, and gave no link to it.")
    try:
        if is_own(link, api_url):
            there, asked = urlsplit(link), urlsplit(api_url)
            return there._replace(scheme=asked.scheme).geturl() if there.netloc == asked.netloc else link
        return public_address(PLAIN_HTTP.sub("https://", link))
    except ValueError:
        raise FlipsnackError(
            "Flipsnack gave a link for the package that is not a public https address. Nothing was saved.",
            IN_FLIPSNACK,
        ) from None


def is_own(link: str, api_url: str) -> bool:
    """Whether a link leads to the server that is asked; of an imitation on this computer, to this computer."""
    return same_origin(link, api_url) or (on_this_computer(link) and on_this_computer(api_url))


def on_this_computer(address: str) -> bool:
    """Whether an address is one of this computer's own."""
    return is_loopback(urlsplit(address).hostname or "")


def not_saved(happened: str) -> FlipsnackError:
    """The package was not saved, and no half of it is left."""
    return FlipsnackError(
        f"{happened} Nothing was saved.",
        "Make the same call again; it starts no second package.",
        retry="You can try again.",
    )
