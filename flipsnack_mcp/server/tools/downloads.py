"""download_collection_html: the package of a collection, waited for and saved, or its link."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from flipsnack_mcp.api import FlipsnackError
from flipsnack_mcp.api.actions.collections import GetCollection
from flipsnack_mcp.api.actions.publishing import DownloadHtml, Package
from flipsnack_mcp.server.app import App
from flipsnack_mcp.server.tools.addresses import SPOOL_SETTING, give_package_address
from flipsnack_mcp.server.tools.embedding import nothing_converted
from flipsnack_mcp.server.tools.tool import Answered, ByAddress, NextStep, States, ToolCall
from flipsnack_mcp.workflows.downloads.exports import (
    LINK_SECONDS,
    WantedPackage,
    check_link,
    export,
    id_of,
    save_export,
)

CONVERSION_FAILED = (
    "The conversion of its document failed, so there is nothing to pack, and to try again will not help. Tell the person: "
    "the document has to be uploaded anew, which costs one of the month's uploads."
)


class Download(Answered):
    """A package and where it lies."""

    state: Annotated[Literal["processing", "complete", "failed", "stopped"], Field(description="Of the package")]
    download_id: Annotated[str | None, Field(description="For stop_work")] = None
    path: Annotated[str | None, Field(description="Saved file")] = None
    file_address: ByAddress = None
    bytes: Annotated[int | None, Field(description="Its size")] = None
    sha256: Annotated[str | None, Field(description="Of the file")] = None
    files: Annotated[int | None, Field(description="How many are in it")] = None
    resource_url: Annotated[str | None, Field(description="With save=false")] = None
    expires_at: Annotated[str | None, Field(description="UTC")] = None
    states: States = []
    next_step: NextStep = None


async def download_html(call: ToolCall, action: DownloadHtml) -> Download:
    """Wait for the HTML package and save it, or give its link; of one that cannot be built say why, where that is known."""
    told = await packaged(call, action)
    if told.state == "failed":
        with suppress(FlipsnackError):
            seen = await call.app.recent.ask(call.context, GetCollection(collection_hash=action.collection_hash))
            if nothing_converted(seen):
                return told.model_copy(update={"next_step": CONVERSION_FAILED})
    return told


async def packaged(call: ToolCall, action: DownloadHtml) -> Download:
    """The package as far as it is, or its link."""
    seconds = call.options.wait_seconds
    if not call.options.save:
        watched = await export(call.context, action, seconds)
        last = watched.last
        if last.state == "complete":
            last = last.model_copy(update={"resource_url": check_link(last, call.app.settings.api_url)})
        return tell_package(last, list(watched.states), same_call(call, action))
    asked = wanted_package(call.app, action)
    done = await save_export(call.context, call.app.downloads, asked, seconds)
    if done.stopped:
        return Download(
            state="stopped", states=list(done.states), next_step=f"Call {same_call(call, action)} to save it after all."
        )
    if done.saved is None:
        told = tell_package(done.package, list(done.states), same_call(call, action), downloading=done.downloading)
        known = {"download_id": id_of(action.collection_hash)} if done.downloading else {}
        return told.model_copy(update=known)
    saved, files, states = done.saved, len(done.saved.files), list(done.states)
    facts: dict[str, Any] = {"bytes": saved.bytes, "sha256": saved.sha256, "files": files, "states": states}
    if asked.spool:
        given = await give_package_address(call, action.collection_hash, saved.name)
        return Download(state="complete", **given._asdict(), **facts)
    return Download(state="complete", path=str(saved.path), **facts)


def wanted_package(app: App, action: DownloadHtml) -> WantedPackage:
    """Where a package goes: below the download folder, or on the spool where nobody has that folder."""
    api_url = app.settings.api_url
    if app.handing:
        app.check_folder(SPOOL_SETTING)
        kept_as = f"{app.settings.account}/{action.collection_hash}"
        return WantedPackage(action, Path(), api_url, spool=app.handing.spool, kept_as=kept_as)
    return WantedPackage(action, app.download_dir, api_url, shared=bool(app.called))


def same_call(call: ToolCall, action: DownloadHtml) -> str:
    """The same call, to be made again."""
    kept = "" if call.options.save else ", save=false"
    return f'download_collection_html(collection_hash="{action.collection_hash}"{kept})'


def tell_package(package: Package, states: list[str], again: str, *, downloading: bool = False) -> Download:
    """A package that is not saved: its link where it is complete, what to do next where it is not."""
    if package.state == "complete":
        expires = datetime.now(UTC) + timedelta(seconds=LINK_SECONDS)
        at = expires.isoformat(timespec="seconds")
        return Download(state="complete", resource_url=package.resource_url, expires_at=at, states=states)
    step = f"{'Still downloading' if downloading else 'Still being built'}. Call {again} to wait on; it starts no second package."
    failed = (
        f"Flipsnack could not build it. Call {again} to have it tried once more; tell the person if it fails again."
    )
    return Download(state=package.state, states=states, next_step=failed if package.state == "failed" else step)
