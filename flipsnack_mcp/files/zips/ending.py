"""The end of a zip: where its directory lies, in the one or two records that say so and have to agree."""

import struct
from dataclasses import dataclass
from typing import BinaryIO

from flipsnack_mcp.files.names import has_control
from flipsnack_mcp.files.zips.bytes_of_zip import not_whole, read_at, unsafe

SIGNATURE, LOCATOR_64_SIGNATURE, SIGNATURE_64 = b"PK\x05\x06", b"PK\x06\x07", b"PK\x06\x06"
RECORD = struct.Struct("<4s4H2LH")
LOCATOR_64 = struct.Struct("<4sLQL")
RECORD_64 = struct.Struct("<4sQ4x2L4Q")
LENGTH_64 = RECORD_64.size - 12  # as the record itself counts; a longer one has an extension that nobody reads alike
LONGEST_COMMENT = 0xFFFF
FULL_16, FULL_32 = 0xFFFF, 0xFFFFFFFF
"""What stands in a field whose value is told in a longer one."""


@dataclass(frozen=True)
class ZipEnd:
    """How many entries there are, and where the directory begins, whose end is where the records begin."""

    entries: int
    size: int
    directory: int


def read_zip_end(file: BinaryIO, length: int) -> ZipEnd:
    """Read what closes the file. Before anything else: a directory of any size could be loaded into memory."""
    tail_length = min(length, RECORD.size + LONGEST_COMMENT)
    tail = read_at(file, length - tail_length, tail_length)
    at = tail.rfind(SIGNATURE)
    if at < 0 or len(tail) - at < RECORD.size:
        raise not_whole("it does not end like one")
    _, *fields, comment = RECORD.unpack_from(tail, at)
    if at + RECORD.size + comment != len(tail):
        raise not_whole("it does not end like one")
    if not is_plain(tail[at + RECORD.size :]):
        raise unsafe("its comment is no plain text")
    return _agreed(file, fields, length - tail_length + at)


def is_plain(comment: bytes) -> bool:
    """Tell whether a comment is text: unpackers print it on a terminal, and take records out of it that it may hold."""
    try:
        return not has_control(comment.decode().translate({9: None, 10: None, 13: None}))
    except UnicodeDecodeError:
        return False


def _agreed(file: BinaryIO, fields: list[int], position: int) -> ZipEnd:
    longer = _read_record_64(file, position)
    start = position - (RECORD_64.size + LOCATOR_64.size if longer else 0)
    fulls = (FULL_16, FULL_16, FULL_16, FULL_16, FULL_32, FULL_32)
    # Where only one number of entries sends to the longer record, 7-Zip does not go there.
    if fields[2] != fields[3]:
        raise not_whole("it does not end like one")
    if longer and any(short not in {long, full} for short, long, full in zip(fields, longer, fulls, strict=True)):
        raise unsafe("its two end records do not agree")
    disk, first_disk, here, entries, size, directory = longer or fields
    if disk or first_disk or here != entries or directory + size != start:
        raise not_whole("it does not end like one")
    return ZipEnd(entries, size, directory)


def _read_record_64(file: BinaryIO, position: int) -> list[int] | None:
    """Read the longer record before the plain one, where a locator stands between them."""
    start = position - LOCATOR_64.size
    if start < 0:
        return None
    signature, disk, at, disks = LOCATOR_64.unpack(read_at(file, start, LOCATOR_64.size))
    if signature != LOCATOR_64_SIGNATURE:
        return None
    if disk or disks != 1 or at != start - RECORD_64.size:
        raise unsafe("its end points to somewhere else")
    signature, length, *fields = RECORD_64.unpack(read_at(file, at, RECORD_64.size))
    if signature != SIGNATURE_64 or length != LENGTH_64:
        raise unsafe("its end points to somewhere else")
    return fields
