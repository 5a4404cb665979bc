"""The zip check: whether a package is whole and safe to unpack, read once from end to end and unpacked to nowhere."""

import copy
import re
import stat
import struct
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from flipsnack_mcp.files.limits import MEGABYTE, PackageLimits
from flipsnack_mcp.files.names import TextRules, first_objection, has_control

UNPACKED_PIECE = 256 * 1024
# Whatever zipfile raises at a zip made to confuse it; seeking to a made-up offset is an OSError.
CONFUSED = (BadZipFile, zlib.error, EOFError, RuntimeError, ArithmeticError, ValueError, OSError, struct.error)
END_SIGNATURE = b"PK\x05\x06"
END_LOCATOR_64 = b"PK\x06\x07"
END_SIGNATURE_64 = b"PK\x06\x06"
END_RECORD = struct.Struct("<4s4H2LH")
END_RECORD_64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR_SIZE = 20
LONGEST_COMMENT = 0xFFFF
ENCRYPTED = 0x1 | 0x40 | 0x2000  # plain, strong, and a hidden directory
REPARSE_POINT = 0x400  # Windows' links
UNICODE_PATH = 0x7075  # a second name, which some unpackers prefer to the first
EXTRA_FIELD = struct.Struct("<HH")
DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True)
class ZipEnd:
    """What the end record says: how many entries there are, and where the directory begins and ends."""

    entries: int
    directory: int
    size: int
    position: int

    @property
    def is_whole(self) -> bool:
        """Whether the directory reaches exactly to its end record, as in a zip that was neither cut nor glued."""
        return self.directory + self.size == self.position


class BadPackage(Exception):  # noqa: N818 - it names what arrived, as RefusedFile names what was asked
    """What arrived is not a whole and safe zip, for a reason that is said in one sentence; nothing of it was kept."""


def check_zip(file: BinaryIO, length: int, limits: PackageLimits, between: Callable[[], None]) -> tuple[str, ...]:
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
            left = limits.unpacked_bytes
            for info in entries:
                left -= _unpack(archive, info, left, limits, between)
    except CONFUSED as error:
        raise BadPackage("The package is not a whole zip: it cannot be unpacked or its content is damaged.") from error
    return tuple(info.filename for info in entries if not info.is_dir())


def _check_end(end: ZipEnd, limits: PackageLimits) -> None:
    if end.entries == 0:
        raise BadPackage("The package is an empty zip.")
    if end.entries > limits.entries or end.size > limits.directory_bytes:
        raise BadPackage(f"The package holds more than {limits.entries} entries or too long names.")


def _check_entries(entries: Sequence[ZipInfo], end: ZipEnd, length: int, limits: PackageLimits) -> None:
    if len(entries) != end.entries:
        raise BadPackage("The package is not a whole zip: it holds another number of entries than it says.")
    seen: set[str] = set()
    for info in entries:
        if reason := entry_objection(info):
            raise BadPackage(f"The package is not safe to unpack: it holds {reason}.")
        names = {_key(name) for name in _names(info)}
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


def _unpack(archive: ZipFile, info: ZipInfo, left: int, limits: PackageLimits, between: Callable[[], None]) -> int:
    # zipfile stops at the size an entry declares; with a larger one it reads what is really there.
    greedy = copy.copy(info)
    greedy.file_size = left + UNPACKED_PIECE
    count = 0
    with archive.open(greedy) as entry:
        while piece := entry.read(UNPACKED_PIECE):
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


def _too_large(limits: PackageLimits) -> BadPackage:
    return BadPackage(f"The package unpacks to more than {limits.unpacked_bytes / MEGABYTE:.0f} MB.")


# The end of the zip is read before anything else: `zipfile` would load a directory of any size into memory.


def read_zip_end(file: BinaryIO, length: int) -> ZipEnd | None:
    """Returns the end record that closes the file; None where the file ends in anything else."""
    tail_length = min(length, END_RECORD.size + LONGEST_COMMENT)
    file.seek(length - tail_length)
    tail = file.read(tail_length)
    at = tail.rfind(END_SIGNATURE)
    if at < 0 or len(tail) - at < END_RECORD.size:
        return None
    _, disk, first_disk, here, entries, size, directory, comment = END_RECORD.unpack_from(tail, at)
    if at + END_RECORD.size + comment != len(tail):
        return None
    position = length - tail_length + at
    if large := _read_zip_end_64(file, position):
        return large
    if disk or first_disk or here != entries:
        return None
    return ZipEnd(entries, directory, size, position)


def _read_zip_end_64(file: BinaryIO, position: int) -> ZipEnd | None:
    start = position - LOCATOR_SIZE - END_RECORD_64.size
    if start < 0:
        return None
    file.seek(start)
    block = file.read(END_RECORD_64.size + LOCATOR_SIZE)
    if block[END_RECORD_64.size :][:4] != END_LOCATOR_64 or block[:4] != END_SIGNATURE_64:
        return None
    *_, entries, size, directory = END_RECORD_64.unpack_from(block)
    return ZipEnd(entries, directory, size, start)


# The entries: what their names and attributes must not be.


def _leads_out(name: str) -> bool:
    # Windows drops dots and spaces at the end of a name: ".. " is ".." there.
    return any(step not in {"", "."} and not step.rstrip(" .") for step in name.split("/"))


UNSAFE_NAMES: TextRules = (
    ("a name with control characters or none", lambda name: not name or has_control(name)),
    ("an absolute name", lambda name: name.startswith("/")),
    ("a name with a backslash", lambda name: "\\" in name),
    ("a name with a drive letter", lambda name: DRIVE.match(name) is not None),
    ("a name with a colon", lambda name: ":" in name),
    ("a name that leads out of its folder", _leads_out),
)


def entry_objection(info: ZipInfo) -> str:
    """Returns why an entry is refused, or nothing."""
    for name in _names(info):
        if reason := first_objection(name, UNSAFE_NAMES):
            return reason
    if info.flag_bits & ENCRYPTED:
        return "an encrypted entry"
    if stat.S_IFMT(info.external_attr >> 16) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        return "a link or a device"
    if info.external_attr & REPARSE_POINT:
        return "a link"
    if info.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        return "an entry with an unusual compression"  # and zipfile cannot unpack the others in bounded memory
    return ""


def _key(name: str) -> str:
    """Returns a name as the least careful file system would compare it."""
    steps = [step.rstrip(" .") for step in name.split("/") if step not in {"", "."}]
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", "/".join(steps)).casefold())


def _names(info: ZipInfo) -> Iterator[str]:
    yield info.orig_filename  # `filename` is already cut at a NUL and, on Windows, has its backslashes turned
    extra = info.extra
    while len(extra) >= EXTRA_FIELD.size:
        kind, size = EXTRA_FIELD.unpack_from(extra)
        if kind == UNICODE_PATH:
            yield extra[EXTRA_FIELD.size + 5 : EXTRA_FIELD.size + size].decode(errors="replace")
        extra = extra[EXTRA_FIELD.size + size :]
