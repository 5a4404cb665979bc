"""Getting the HTML package of a collection: started, waited for, fetched within its minute, checked, saved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import anyio

from flipsnack_mcp.api.actions.collections import GetCollection
from flipsnack_mcp.api.actions.packages import DownloadHtml, Package
from flipsnack_mcp.api.budget import Lane
from flipsnack_mcp.files.packages import SavedPackage
from flipsnack_mcp.workflows.downloads.transfers import Fetching, Order, Transfers
from flipsnack_mcp.workflows.errand import Errand
from flipsnack_mcp.workflows.progress import size_of
from flipsnack_mcp.workflows.waiting import SPARE, Watch, Watched

LINK_SECONDS = 60
AT_LEAST = 10.0
"""Seconds a call watches a transfer, however short it was asked to wait: most packages are there by then."""


@dataclass(frozen=True)
class Exported:
    """How far the package is, and where it lies once it is saved."""

    package: Package
    states: tuple[str, ...]
    saved: SavedPackage | None = None
    downloading: bool = False


async def export(errand: Errand, action: DownloadHtml, wait_seconds: float) -> Watched[Package]:
    """Start the package, or find it under way or done, and wait for it."""

    async def look(errand: Errand, lane: Lane) -> Package:
        return await errand.send(action, lane=lane)

    return await Watch("package", look, lambda seen: seen.state).until_settled(errand, wait_seconds)


async def save_export(
    errand: Errand, transfers: Transfers, action: DownloadHtml, wait_seconds: float, folder: Path, api_url: str
) -> Exported:
    """The same, and as soon as it is complete save it below the download folder."""
    start, states = anyio.current_time(), tuple[str, ...]()
    fetching = transfers.under_way(action.collection_hash, start)
    if fetching is None:
        watched = await export(errand, action, wait_seconds)
        states = watched.states
        if watched.last.state != "complete":
            return Exported(watched.last, states)
        title = (await errand.send(GetCollection(collection_hash=action.collection_hash))).title
        # Asked again without a pause before starting: another call may have started it while this one waited.
        fetching = transfers.under_way(action.collection_hash, start) or transfers.start(
            Order(action, title, folder, api_url), watched.last
        )
    now = anyio.current_time()
    patience = min(max(start + wait_seconds - now, AT_LEAST), errand.deadline - SPARE - now)
    return ended(await transfers.watch(errand, fetching, patience), states)


def ended(fetching: Fetching, states: tuple[str, ...]) -> Exported:
    """What became of a transfer so far."""
    if fetching.error:
        raise fetching.error
    if fetching.rebuilt:
        return Exported(fetching.rebuilt, (*states, f"{fetching.rebuilt.state} again"))
    if fetching.saved:
        return Exported(Package(state="complete"), states, fetching.saved)
    of = f" of {size_of(fetching.total)}" if fetching.total else ""
    return Exported(
        Package(state="processing"),
        downloading=True,
        states=(*states, f"complete, downloading: {size_of(fetching.done)}{of}"),
    )
