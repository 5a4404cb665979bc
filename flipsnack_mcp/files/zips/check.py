"""The zip check: whether a package is whole and safe to unpack, read once from end to end and unpacked to nowhere.

There is no room in a zip for a second opinion: its entries lie one behind the other from the first byte to the
directory, the directory reaches to the end records, and whatever is said twice is said alike.
"""

import stat
import zlib
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED

from flipsnack_mcp.files.limits import MEGABYTE, PackageLimits
from flipsnack_mcp.files.names import first_objection
from flipsnack_mcp.files.zips.bytes_of_zip import BadPackage, not_whole, read_at, unsafe
from flipsnack_mcp.files.zips.ending import ZipEnd, read_zip_end
from flipsnack_mcp.files.zips.entry_names import UNSAFE_NAMES, Tree
from flipsnack_mcp.files.zips.headers import (
    DESCRIPTOR_SIGNATURE,
    ENCRYPTED,
    STREAMED,
    ZipEntry,
    read_directory,
    read_local,
)

UNPACKED_PIECE = 256 * 1024
DAMAGED_CONTENT = "it cannot be unpacked or its content is damaged"
SOMETHING_BETWEEN = "something stands between its entries"
# A volume label, a device, and Windows' links.
ODD_ATTRIBUTES, FOLDER_ATTRIBUTE = 0x8 | 0x40 | 0x400, 0x10
KNOWN_KINDS = frozenset({0, stat.S_IFREG, stat.S_IFDIR})
RUNS_AS_ANOTHER = stat.S_ISUID | stat.S_ISGID  # on a file; a folder's says whose group what is made in it has


def check_zip(file: BinaryIO, length: int, limits: PackageLimits, between: Callable[[], None]) -> tuple[str, ...]:
    """Returns the names of the files in a whole and safe zip; raises `BadPackage` for anything else.

    Calls `between` again and again, so that somebody who no longer waits can stop it by an exception.
    """
    try:
        end = read_zip_end(file, length)
        _check_end(end, limits)
        entries = read_directory(file, end)
        names = _check_entries(entries, length, limits, between)
        _check_bytes(file, entries, end, between)
    except zlib.error as error:
        raise not_whole(DAMAGED_CONTENT) from error
    except OSError as error:
        raise not_whole(f"it cannot be read back ({error.strerror})") from error
    return names


def _check_end(end: ZipEnd, limits: PackageLimits) -> None:
    if end.entries == 0:
        raise BadPackage("The package is an empty zip.")
    if end.entries > limits.entries or end.size > limits.directory_bytes:
        raise BadPackage(f"The package holds more than {limits.entries} entries or too long names.")


# What the directory says: names and kinds, and that nothing grows beyond measure. Nothing is unpacked for that.


def _check_entries(
    entries: Sequence[ZipEntry], length: int, limits: PackageLimits, between: Callable[[], None]
) -> tuple[str, ...]:
    tree, files = Tree(), list[str]()
    for entry in entries:
        between()
        names = entry.names
        if reason := next(filter(None, (first_objection(one, UNSAFE_NAMES) for one in names)), "") or first_objection(
            entry, UNSAFE_KINDS
        ):
            raise unsafe(f"it holds {reason}")
        tree.add(names, is_folder=entry.is_folder)
        if not entry.is_folder:
            files.append(names[0])
    if not files:
        raise BadPackage("The package is an empty zip: it holds only folders.")
    _check_sizes(entries, length, limits)
    return tuple(files)


def _check_sizes(entries: Sequence[ZipEntry], length: int, limits: PackageLimits) -> None:
    # Entries that share packed bytes make a small bomb large.
    if sum(entry.packed for entry in entries) > length:
        raise unsafe("its entries overlap")
    total = sum(entry.unpacked for entry in entries)
    if total > limits.unpacked_bytes:
        raise BadPackage(f"The package unpacks to more than {limits.unpacked_bytes / MEGABYTE:.0f} MB.")
    if total > limits.free_bytes and total > limits.package_ratio * length:
        raise unsafe(f"it grows over {limits.package_ratio} times its size")
    if any(one.unpacked > limits.free_bytes and one.unpacked > limits.ratio * one.packed for one in entries):
        raise unsafe(f"an entry grows over {limits.ratio} times its size")


def _kind(entry: ZipEntry) -> int:
    return stat.S_IFMT(entry.attributes >> 16)


UNSAFE_KINDS: tuple[tuple[str, Callable[[ZipEntry], bool]], ...] = (
    ("an encrypted entry", lambda one: bool(one.flags & ENCRYPTED)),
    ("a link or a device", lambda one: _kind(one) not in KNOWN_KINDS or bool(one.attributes & ODD_ATTRIBUTES)),
    ("an entry with an unusual compression", lambda one: one.method not in {ZIP_STORED, ZIP_DEFLATED}),
    ("an entry that only some programs can unpack", lambda one: not one.is_common),
    ("a folder with content", lambda one: one.is_folder and (one.unpacked > 0 or _kind(one) == stat.S_IFREG)),
    (
        "a folder under the name of a file",
        lambda one: not one.is_folder and (_kind(one) == stat.S_IFDIR or bool(one.attributes & FOLDER_ATTRIBUTE)),
    ),
    (
        "a program that runs as another user",
        lambda one: not one.is_folder and bool(one.attributes >> 16 & RUNS_AS_ANOTHER),
    ),
)


# What is really there, from the first byte to the directory.


def _check_bytes(file: BinaryIO, entries: Sequence[ZipEntry], end: ZipEnd, between: Callable[[], None]) -> None:
    lying = sorted(entries, key=attrgetter("offset"))
    behind = [*(entry.offset for entry in lying[1:]), end.directory]
    if lying[0].offset:
        raise unsafe("something stands before its first entry")
    for entry, following in zip(lying, behind, strict=True):
        content = read_local(file, entry)
        _check_gap(file, content.start + entry.packed, following, content.followers)
        _check_content(file, entry, content.start, between)


def _check_gap(file: BinaryIO, start: int, following: int, allowed: tuple[bytes, ...]) -> None:
    if start > following:
        raise unsafe("its entries overlap")
    if following - start not in map(len, allowed) or read_at(file, start, following - start) not in allowed:
        raise unsafe(SOMETHING_BETWEEN)


def _check_content(file: BinaryIO, entry: ZipEntry, start: int, between: Callable[[], None]) -> None:
    count, crc = 0, 0
    for piece in unpacked_pieces(file, entry, start):
        between()
        count, crc = count + len(piece), zlib.crc32(piece, crc)
        if count > entry.unpacked:
            break
    if count != entry.unpacked:
        raise not_whole("an entry has another size than it says")
    if crc != entry.crc:
        raise not_whole(DAMAGED_CONTENT)
    if entry.flags & STREAMED and entry.method == ZIP_STORED and _seems_to_end_early(file, entry, start):
        raise unsafe("an entry seems to end before its end")


def unpacked_pieces(file: BinaryIO, entry: ZipEntry, start: int) -> Iterator[bytes]:
    """Gives what an entry unpacks to, a piece at a time, and raises where its packed bytes end elsewhere."""
    if entry.method == ZIP_STORED:
        yield from _packed_pieces(file, entry, start)
        return
    stream = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    for packed in _packed_pieces(file, entry, start):
        if stream.eof:
            raise unsafe(SOMETHING_BETWEEN)
        piece = stream.decompress(packed, UNPACKED_PIECE)
        yield piece  # also where there is none: packed bytes that unpack to nothing can be stopped as well
        while piece:
            piece = stream.decompress(stream.unconsumed_tail, UNPACKED_PIECE)
            yield piece
    if not stream.eof:
        raise not_whole(DAMAGED_CONTENT)
    if stream.unused_data:
        raise unsafe(SOMETHING_BETWEEN)


def _packed_pieces(file: BinaryIO, entry: ZipEntry, start: int) -> Iterator[bytes]:
    for position in range(start, start + entry.packed, UNPACKED_PIECE):
        yield read_at(file, position, min(UNPACKED_PIECE, start + entry.packed - position))


def _seems_to_end_early(file: BinaryIO, entry: ZipEntry, start: int) -> bool:
    """Tell whether a reader that goes from front to back would take a part of the content for what follows it."""
    tail, passed = b"", 0
    for piece in _packed_pieces(file, entry, start):
        block = tail + piece
        at = block.find(DESCRIPTOR_SIGNATURE)
        while at >= 0:
            if block[at + 8 : at + 12] == (passed + at).to_bytes(8, "little")[:4]:
                return True
            at = block.find(DESCRIPTOR_SIGNATURE, at + 1)
        tail = block[-11:]
        passed += len(block) - len(tail)
    return False
