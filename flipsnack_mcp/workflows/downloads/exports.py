"""Getting the HTML package of a collection: started, waited for, fetched in the background within its minute, saved."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio

from flipsnack_mcp.api import Flipsnack, FlipsnackError, public_address, same_origin
from flipsnack_mcp.api.actions.collections import GetCollection
from flipsnack_mcp.api.actions.publishing import DownloadHtml, Package
from flipsnack_mcp.files.fetching import LinkExpired, TransferBroken, fetched
from flipsnack_mcp.files.packages import BadPackage, SavedPackage, save_package
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.jobs import Job, Jobs
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


@dataclass(frozen=True)
class Order:
    """Which package is wanted, and where it goes."""

    action: DownloadHtml
    folder: Path
    api_url: str


@dataclass(frozen=True)
class Exported:
    """How far the package is, and where it lies once it is saved."""

    package: Package
    states: tuple[str, ...]
    saved: SavedPackage | None = None
    downloading: bool = False


class Downloads:
    """The packages on their way to the disk, one for each collection at a time."""

    def __init__(self, flipsnack: Flipsnack, jobs: Jobs) -> None:
        self._flipsnack, self._jobs = flipsnack, jobs
        self._told: dict[str, Job] = {}
        """The last transfer of each collection of which a call was told how it ended."""

    def under_way(self, collection_hash: str, since: float) -> bool:
        """Whether a call that began at `since` should watch a transfer that runs, or ended unseen or meanwhile."""
        job = self._jobs.find(DOWNLOAD, collection_hash)
        if job is None or job.ended_at is None:
            return job is not None
        unseen = self._told.get(collection_hash) is not job
        missing = isinstance(job.result, SavedPackage) and not job.result.path.exists()
        return (unseen or job.ended_at > since) and not missing

    async def start(self, order: Order, title: str, package: Package) -> None:
        """Fetch a complete package in the background."""
        fetch = partial(self._fetch, order, title, package)
        await self._jobs.start(DOWNLOAD, order.action.collection_hash, fetch)

    async def watch(self, context: CallContext, collection_hash: str, seconds: float) -> Job | None:
        """The transfer once it has ended, or as it is when the time is up."""
        told = Throttled(context.tell, DOWNLOAD)

        async def tell(progress: Progress) -> None:
            if progress.done and not progress.ended:  # its end is told by the result
                await told(progress.done, progress.total)

        job = await self._jobs.watch(DOWNLOAD, collection_hash, seconds, tell)
        if job and job.ended:
            self._told[collection_hash] = job
        return job

    async def _fetch(self, order: Order, title: str, package: Package, job: Job) -> SavedPackage | Package:
        """What was saved, or what Flipsnack said instead of a new link: it is being built anew, or failed."""
        for left in reversed(range(FETCH_TRIES)):
            try:
                return await save_from(self._flipsnack, job, order, title, package)
            except BadPackage as error:
                raise not_saved(str(error)) from None
            except (LinkExpired, TransferBroken) as error:
                if not left:
                    raise not_saved(f"The package is complete at Flipsnack, but {str(error) or BROKEN_OFF}.") from None
                if isinstance(error, TransferBroken):
                    await anyio.sleep(BEFORE_NEXT_TRY)
            # A later call gives a new link, or says that the package is built anew.
            package = await CallContext(self._flipsnack).send(order.action)
            if package.state != "complete":
                break
        return package


async def export(context: CallContext, action: DownloadHtml, wait_seconds: float) -> Watched[Package]:
    """Start the package, or find it under way or done, and wait for it."""
    watch = Watch[Package]("package", lambda context, lane: context.send(action, lane=lane), lambda seen: seen.state)
    return await watch.until_settled(context, wait_seconds)


async def save_export(context: CallContext, downloads: Downloads, order: Order, wait_seconds: float) -> Exported:
    """The same, and as soon as it is complete save it below the download folder."""
    start, states, wanted = anyio.current_time(), tuple[str, ...](), order.action.collection_hash
    if not downloads.under_way(wanted, start):
        watched = await export(context, order.action, wait_seconds)
        states = watched.states
        if watched.last.state != "complete":
            return Exported(watched.last, states)
        title = (await context.send(GetCollection(collection_hash=wanted))).title
        # Asked again before starting: another call may have started it while this one waited.
        if not downloads.under_way(wanted, start):
            await downloads.start(order, title, watched.last)
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
    progress = job.progress if job else Progress()
    of = f" of {size_of(progress.total)}" if progress.total else ""
    said = f"complete, downloading: {size_of(progress.done)}{of}"
    return Exported(Package(state="processing"), (*states, said), downloading=True)


async def save_from(flipsnack: Flipsnack, job: Job, order: Order, title: str, package: Package) -> SavedPackage:
    """Fetch a complete package and put it in its place."""
    async with fetched(flipsnack.http, check_link(package, order.api_url)) as transfer:

        async def received(done: int) -> None:
            job.tell(done=done, total=transfer.total)

        return await save_package(transfer.pieces, order.folder, title, order.action.collection_hash, received=received)


def check_link(package: Package, api_url: str) -> str:
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
