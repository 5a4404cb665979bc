"""Whether a zip is whole and safe to unpack: read once from end to end, unpacked to nowhere."""

import copy
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile, ZipInfo

from flipsnack_mcp.files.zip_end import ZipEnd, read_zip_end
from flipsnack_mcp.files.zip_entries import keys, objection

PIECE = 256 * 1024
# Whatever zipfile raises at a zip made to confuse it; seeking to a made-up offset is an OSError.
CONFUSED = (
    BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ArithmeticError,
    ValueError,
    OSError,
    struct.error,
)


@dataclass(frozen=True)
class ZipLimits:
    """How much a package may be.

    Attributes:
        package_bytes: What is received at most.
        unpacked_bytes: What all entries unpack to at most, counted while unpacking.
        ratio: How many times its packed size an entry may unpack to.
        free_bytes: Below this an entry's ratio does not matter.
        entries: How many entries there may be.
        directory_bytes: How long the list of entries may be; it is the only part held in memory.
    """

    package_bytes: int = 4 * 1024**3
    unpacked_bytes: int = 4 * 1024**3
    ratio: int = 200
    free_bytes: int = 10 * 1024**2
    entries: int = 50_000
    directory_bytes: int = 32 * 1024**2


class BadPackage(Exception):  # noqa: N818 - it names what arrived, as RefusedFile names what was asked
    """What arrived is not a whole and safe zip; nothing of it was kept.

    Attributes:
        happened: What is wrong with it, one sentence.
    """

    def __init__(self, happened: str) -> None:
        super().__init__(happened)
        self.happened = happened


def check_zip(file: BinaryIO, length: int, limits: ZipLimits, between: Callable[[], None]) -> tuple[str, ...]:
    """Returns the names of the files in a whole and safe zip; raises `BadPackage` for anything else.

    Calls `between` again and again, so that somebody who no longer waits can stop it by an exception.
    """
    end = read_zip_end(file, length)
    if end is None or not end.is_whole:
        raise BadPackage("The package is not a whole zip: it does not end like one.")
    _check_end(end, limits)
    try:
        with ZipFile(file) as archive:
            entries = archive.infolist()
            _check_entries(entries, end, length, limits)
            _check_content(archive, entries, limits, between)
    except CONFUSED as error:
        raise BadPackage("The package is not a whole zip: it cannot be unpacked or its content is damaged.") from error
    return tuple(info.filename for info in entries if not info.is_dir())


def _check_end(end: ZipEnd, limits: ZipLimits) -> None:
    if end.entries == 0:
        raise BadPackage("The package is an empty zip.")
    if end.entries > limits.entries or end.size > limits.directory_bytes:
        raise BadPackage(f"The package holds more than {limits.entries} entries or too long names.")


def _check_entries(entries: Sequence[ZipInfo], end: ZipEnd, length: int, limits: ZipLimits) -> None:
    if len(entries) != end.entries:
        raise BadPackage("The package is not a whole zip: it holds another number of entries than it says.")
    seen: set[str] = set()
    for info in entries:
        reason = objection(info)
        if reason:
            raise BadPackage(f"The package is not safe to unpack: it holds {reason}.")
        names = keys(info)
        if seen & names:
            raise BadPackage("The package is not safe to unpack: two entries have the same name.")
        seen |= names
    if all(info.is_dir() for info in entries):
        raise BadPackage("The package is an empty zip: it holds only folders.")
    # Entries that share packed bytes make a small bomb large.
    if sum(info.compress_size for info in entries) > length:
        raise BadPackage("The package is not safe to unpack: its entries overlap.")
    if sum(info.file_size for info in entries) > limits.unpacked_bytes:
        raise _too_large(limits)


def _check_content(
    archive: ZipFile, entries: Sequence[ZipInfo], limits: ZipLimits, between: Callable[[], None]
) -> None:
    left = limits.unpacked_bytes
    for info in entries:
        left -= _unpacked(archive, info, left, limits, between)


def _unpacked(archive: ZipFile, info: ZipInfo, left: int, limits: ZipLimits, between: Callable[[], None]) -> int:
    # zipfile stops at the size an entry declares; with a larger one it reads what is really there.
    greedy = copy.copy(info)
    greedy.file_size = left + PIECE
    count = 0
    with archive.open(greedy) as entry:
        while piece := entry.read(PIECE):
            between()
            count += len(piece)
            if count > left:
                raise _too_large(limits)
            if count > limits.free_bytes and count > limits.ratio * info.compress_size:
                raise BadPackage(
                    f"The package is not safe to unpack: an entry grows over {limits.ratio} times its size."
                )
    if count != info.file_size:
        raise BadPackage("The package is not a whole zip: an entry has another size than it says.")
    return count


def _too_large(limits: ZipLimits) -> BadPackage:
    return BadPackage(f"The package unpacks to more than {limits.unpacked_bytes / 1024**2:.0f} MB.")
