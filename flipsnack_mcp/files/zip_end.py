"""The end of a zip, read before anything else: `zipfile` would load a directory of any size into memory."""

import struct
from dataclasses import dataclass
from typing import BinaryIO

SIGNATURE = b"PK\x05\x06"
LOCATOR_64 = b"PK\x06\x07"
SIGNATURE_64 = b"PK\x06\x06"
RECORD = struct.Struct("<4s4H2LH")
RECORD_64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR_64_SIZE = 20
LONGEST_COMMENT = 0xFFFF


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


def read_zip_end(file: BinaryIO, length: int) -> ZipEnd | None:
    """Returns the end record that closes the file; None where the file ends in anything else."""
    tail_length = min(length, RECORD.size + LONGEST_COMMENT)
    file.seek(length - tail_length)
    tail = file.read(tail_length)
    at = tail.rfind(SIGNATURE)
    if at < 0 or len(tail) - at < RECORD.size:
        return None
    _, disk, first_disk, here, entries, size, directory, comment = RECORD.unpack_from(tail, at)
    if at + RECORD.size + comment != len(tail):
        return None
    position = length - tail_length + at
    large = _read_zip_end_64(file, position)
    if large is not None:
        return large
    if disk or first_disk or here != entries:
        return None
    return ZipEnd(entries, directory, size, position)


def _read_zip_end_64(file: BinaryIO, position: int) -> ZipEnd | None:
    start = position - LOCATOR_64_SIZE - RECORD_64.size
    if start < 0:
        return None
    file.seek(start)
    block = file.read(RECORD_64.size + LOCATOR_64_SIZE)
    if block[RECORD_64.size :][:4] != LOCATOR_64 or block[:4] != SIGNATURE_64:
        return None
    *_, entries, size, directory = RECORD_64.unpack_from(block)
    return ZipEnd(entries, directory, size, start)
