"""The two headers of each entry: the one in the directory, and the one before its bytes, which has to say the same."""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO
from zipfile import ZIP_STORED

from flipsnack_mcp.files.zips.bytes_of_zip import not_whole, read_at, unsafe
from flipsnack_mcp.files.zips.ending import FULL_32, ZipEnd, is_plain

CENTRAL_SIGNATURE, LOCAL_SIGNATURE, DESCRIPTOR_SIGNATURE = b"PK\x01\x02", b"PK\x03\x04", b"PK\x07\x08"
CENTRAL = struct.Struct("<4s4H4x3L5H2L")
LOCAL = struct.Struct("<4s3H4x3L2H")
FIELD = struct.Struct("<HH")
ENCRYPTED = 0x1 | 0x40 | 0x2000  # plain, strong, and a hidden directory
STREAMED, UTF8 = 0x8, 0x800
HOW_HARD = 0x6  # it was tried to pack; no unpacker asks
UNIX_SYSTEMS = frozenset({3, 19})
SYSTEMS = frozenset({0, 7, 10, 11, 14}) | UNIX_SYSTEMS  # the others name files and their kinds in other ways
MOST_VERSION = 46  # Info-ZIP's unzip leaves out what asks for more
LONG_SIZES, SECOND_NAME = 0x0001, 0x7075
# Times, owners, a comment, a mark of Java's and what aligns. Any other field may name, link, encrypt or replace.
HARMLESS_FIELDS = frozenset({0x000A, 0x5455, 0x5855, 0x7855, 0x7875, 0x6375, 0xCAFE, 0xA11E, 0xD935})


@dataclass(frozen=True)
class ZipEntry:
    """What the directory says of an entry."""

    raw_name: bytes
    system: int
    version: int
    flags: int
    method: int
    crc: int
    packed: int
    unpacked: int
    attributes: int
    offset: int

    @property
    def is_folder(self) -> bool:
        """Tell what most unpackers go by."""
        return self.raw_name.endswith(b"/")

    @property
    def is_common(self) -> bool:
        """Tell whether every unpacker knows how it was made."""
        known = self.system in SYSTEMS and self.version <= MOST_VERSION
        return known and not self.flags & ~(HOW_HARD | STREAMED | UTF8)

    @property
    def names(self) -> tuple[str, ...]:
        """The name as it is meant, and how else it may be read."""
        if self.raw_name.isascii():
            return (self.raw_name.decode(),)
        if not self.flags & UTF8 and self.system not in UNIX_SYSTEMS:
            raise unsafe("it holds a name that does not say how it is written")
        try:
            meant = self.raw_name.decode()
        except UnicodeDecodeError:
            raise unsafe("it holds a name that does not say how it is written") from None
        return (meant,) if self.flags & UTF8 else (meant, self.raw_name.decode("cp437"))

    def descriptors(self, *, long: bool) -> tuple[bytes, ...]:
        """What may follow its bytes, where its sizes were not known before them."""
        bare = struct.pack("<L2Q" if long else "<3L", self.crc, self.packed, self.unpacked)
        # The end of stored bytes is found by the signature, where a zip is unpacked as it comes.
        is_clear = self.method != ZIP_STORED and not bare.startswith(DESCRIPTOR_SIGNATURE)
        return (DESCRIPTOR_SIGNATURE + bare, bare) if is_clear else (DESCRIPTOR_SIGNATURE + bare,)


@dataclass(frozen=True)
class ZipContent:
    """Where an entry's bytes begin, and what may follow them."""

    start: int
    followers: tuple[bytes, ...]


def read_directory(file: BinaryIO, end: ZipEnd) -> list[ZipEntry]:
    """Read all entries, in the order in which the directory lists them."""
    content = read_at(file, end.directory, end.size)
    entries, position = list[ZipEntry](), 0
    while position < len(content):
        entry, position = _read_central(content, position)
        entries.append(entry)
        if len(entries) > end.entries:
            break
    if len(entries) != end.entries:
        raise not_whole("it holds another number of entries than it says")
    return entries


def _read_central(content: bytes, position: int) -> tuple[ZipEntry, int]:
    if len(content) - position < CENTRAL.size:
        raise not_whole("its list of entries is damaged")
    signature, made, version, flags, method, *numbers = CENTRAL.unpack_from(content, position)
    crc, packed, unpacked, of_name, of_extra, of_comment, disk, _, attributes, offset = numbers
    after_name = position + CENTRAL.size + of_name
    raw_name, extra = content[position + CENTRAL.size : after_name], content[after_name : after_name + of_extra]
    end = after_name + of_extra + of_comment
    if signature != CENTRAL_SIGNATURE or end > len(content) or disk:
        raise not_whole("its list of entries is damaged")
    if not is_plain(content[end - of_comment : end]):
        raise unsafe("it holds a comment that is no plain text")
    unpacked, packed, offset = _long_values(_checked_fields(extra, raw_name), unpacked, packed, offset)
    entry = ZipEntry(raw_name, made >> 8, version, flags, method, crc, packed, unpacked, attributes, offset)
    return entry, end


def _checked_fields(extra: bytes, raw_name: bytes) -> bytes:
    """Look at what is said beside the header; gives what the longer values are in."""
    long = b""
    seen = set[int]()
    for kind, body in _fields(extra):
        if kind in seen:
            raise unsafe("it holds an entry that says something twice")
        seen.add(kind)
        if kind == LONG_SIZES and len(body) in {8, 16, 24, 28}:
            long = body
        elif kind == SECOND_NAME:
            if body != struct.pack("<BL", 1, zlib.crc32(raw_name)) + raw_name:
                raise unsafe("it holds an entry with a second name")
        elif kind not in HARMLESS_FIELDS:
            raise unsafe("it holds an entry with a field that unpackers read in different ways")
    return long


def _fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    while extra:
        if len(extra) < FIELD.size:
            raise not_whole("an entry's header is damaged")
        kind, size = FIELD.unpack_from(extra)
        body, extra = extra[FIELD.size : FIELD.size + size], extra[FIELD.size + size :]
        if len(body) != size:
            raise not_whole("an entry's header is damaged")
        yield kind, body


def _long_values(long: bytes, *short: int) -> list[int]:
    """Take from the field with long values, in this order, those that the header has no room for."""
    found = list[int]()
    for value in short:
        if value == FULL_32:
            if len(long) < 8:
                raise not_whole("an entry's size is missing")
            value, long = int.from_bytes(long[:8], "little"), long[8:]  # noqa: PLW2901 - the same value, longer
        found.append(value)
    return found


def read_local(file: BinaryIO, entry: ZipEntry) -> ZipContent:
    """Compare the header before an entry's bytes with the directory; gives what comes after it."""
    header = read_at(file, entry.offset, LOCAL.size)
    signature, version, flags, method, crc, packed, unpacked, of_name, of_extra = LOCAL.unpack(header)
    if signature != LOCAL_SIGNATURE:
        raise not_whole("an entry's header is damaged")
    texts = read_at(file, entry.offset + LOCAL.size, of_name + of_extra)
    raw_name, extra = texts[:of_name], texts[of_name:]
    long = _checked_fields(extra, raw_name)
    unpacked, packed = _long_values(long, unpacked, packed)
    same = (raw_name, method) == (entry.raw_name, entry.method) and not (flags ^ entry.flags) & ~HOW_HARD
    if not same or version > MOST_VERSION or not _same_sizes(entry, (crc, packed, unpacked)):
        raise unsafe("an entry says something else of itself than the directory does")
    followers = entry.descriptors(long=bool(long)) if entry.flags & STREAMED else (b"",)
    return ZipContent(entry.offset + LOCAL.size + len(texts), followers)


def _same_sizes(entry: ZipEntry, said: Sequence[int]) -> bool:
    truth = (entry.crc, entry.packed, entry.unpacked)
    if entry.flags & STREAMED:
        return all(one in {0, true} for one, true in zip(said, truth, strict=True))
    return tuple(said) == truth
