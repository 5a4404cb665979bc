"""Packages that come in from Flipsnack: received under a hidden name, checked, then given their own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from anyio import CancelScope
from anyio.from_thread import check_cancelled
from anyio.to_thread import run_sync

from flipsnack_mcp.files.drafts import Draft, remove_leftovers
from flipsnack_mcp.files.names import safe_name
from flipsnack_mcp.files.writing import Received, writing
from flipsnack_mcp.files.zips import BadPackage, ZipLimits, check_zip

# The room's front door: whoever saves packages needs no other module.
__all__ = ["BadPackage", "SavedPackage", "ZipLimits", "remove_leftovers", "save_package"]


@dataclass(frozen=True)
class SavedPackage:
    """A package on disk: where it is, how large, its hash, and the names of the files in it."""

    path: Path
    bytes: int
    sha256: str
    files: tuple[str, ...]


async def save_package(
    pieces: AsyncIterator[bytes],
    folder: Path,
    title: str,
    collection_hash: str,
    *,
    received: Received | None = None,
    limits: ZipLimits = ZipLimits(),  # noqa: B008 - frozen
) -> SavedPackage:
    """Saves a zip as `Title.zip`, or under the next free number; raises and leaves nothing where anything is wrong.

    Raises:
        BadPackage: What arrived is not a whole and safe zip.
        RefusedFile: The folder cannot be written, or its disk is full.
    """
    draft = Draft(folder)
    try:
        await run_sync(draft.create)
        async with writing(draft, received) as writer:
            async for piece in _limited(pieces, limits.package_bytes):
                await writer.add(piece)
        verdict = partial(check_zip, limits=limits, between=check_cancelled)
        files = await run_sync(draft.judge, verdict)
        path = await run_sync(draft.publish, safe_name(title, collection_hash), ".zip")
    except BaseException:  # a cancellation too must leave nothing behind
        with CancelScope(shield=True):
            await run_sync(draft.discard)
        raise
    return SavedPackage(path, draft.size, writer.sha256, files)


async def _limited(pieces: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    # Counted as they come, not as they are written: a package without end is not even asked for its next piece.
    count = 0
    async for piece in pieces:
        count += len(piece)
        if count > most:
            raise BadPackage(f"The package is larger than {most / 1024**2:.0f} MB.")
        yield piece
