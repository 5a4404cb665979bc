"""Zips that must not be kept: after each of them the folder is empty."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipsnack_mcp.files.limits import MEGABYTE, PackageLimits
from flipsnack_mcp.files.packages import save_package
from flipsnack_mcp.files.zips.bytes_of_zip import BadPackage
from flipsnack_mcp.files.zips.check import check_zip
from tests.files.ground import names_in, sent, zipped

LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
Made = bytes | Callable[[], bytes]
GOOD = zipped(("index.html", b"<html>" * 100), ("app.js", b"js" * 100))


def named(name: str) -> bytes:
    """A zip with this name, exactly: zipfile itself would clean it."""
    stand_in = "x" * len(name.encode())
    return zipped(("index.html", b"a"), (stand_in, b"b")).replace(stand_in.encode(), name.encode())


def with_mode(mode: int, attributes: int = 0, system: int = 3) -> bytes:
    info = zipfile.ZipInfo("entry")
    info.external_attr, info.create_system = mode << 16 | attributes, system
    return zipped(("index.html", b"a"), (info, b"/etc/passwd"))


def second_name() -> bytes:
    info = zipfile.ZipInfo("innocent")
    info.extra = struct.pack("<HHBL", 0x7075, 12, 1, 0) + b"../evil"
    return zipped((info, b"a"))


def patched(content: bytes, signature: bytes, offset: int, layout: str, *values: int, last: bool = True) -> bytes:
    """Overwrites fields of a record: the last one with this signature, or the first."""
    changed = bytearray(content)
    at = content.rfind(signature) if last else content.find(signature)
    struct.pack_into(f"<{layout}", changed, at + offset, *values)
    return bytes(changed)


def lying(content: bytes, declared: bytes) -> bytes:
    """One entry that unpacks to the content, and says with size and checksum that it is something shorter."""
    zip_of_one = zipped(("index.html", content))
    for signature, offset in ((LOCAL, 14), (CENTRAL, 16)):
        zip_of_one = patched(zip_of_one, signature, offset, "L", zlib.crc32(declared))
        zip_of_one = patched(zip_of_one, signature, offset + 8, "L", len(declared))
    return zip_of_one


def overlapping() -> bytes:
    """Many entries in the directory that all share the packed bytes of one."""
    one = zipped(("a", b"x" * 5000), method=zipfile.ZIP_STORED)
    directory, end = one.find(CENTRAL), one.find(END)
    entry = one[directory:end]
    entries = b"".join(entry[:46] + name.encode() for name in "abcdefgh")
    record = struct.pack("<4s4H2LH", END, 0, 0, 8, 8, len(entries), directory, 0)
    return one[:directory] + entries + record


def zip64_lie() -> bytes:
    """A zip64 record that sends the reader far behind the end of the file."""
    end = GOOD.find(END)
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 2, 2, 2**40, 2**62)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    return GOOD[:end] + record + locator + GOOD[end:]


NAMES = {
    "leads out": ["../evil.html", "a/b/../../../evil.html", "a/..", ".. /evil.html", ".../evil.html"],
    "absolute": ["/etc/passwd", "//server/share"],
    "backslash": ["..\\evil.html", "\\\\server\\share"],
    "drive": ["C:/evil.html", "c:evil.html"],
    "colon": ["index.html:stream"],
    "control": ["evil\0.html", "evil\n.html", "\x1b[2Jevil", "evil\x7f"],
    "same name": ["index.html", "INDEX.html", "./index.html"],
    "dot or space": ["index.html."],
}
# fmt: off
CASES: dict[str, dict[str, Made]] = {
    "second name": {"second-name": second_name()},
    "same name": {
        "normalised": zipped(("\u00e9", b""), ("e\u0301", b"")),
        "normalised-case": zipped(("Å", b""), ("a\u030a", b"")),
    },
    "empty step": {"slashes": zipped(("a//b", b""), ("a/b", b""))},
    # What an entry is
    "link": {"symlink": with_mode(stat.S_IFLNK | 0o777), "reparse-point": with_mode(0, 0x400, system=0)},
    "device": {
        "character-device": with_mode(stat.S_IFCHR | 0o666), "block-device": with_mode(stat.S_IFBLK | 0o666),
        "fifo": with_mode(stat.S_IFIFO | 0o666), "socket": with_mode(stat.S_IFSOCK | 0o666),
    },
    "encrypted": {"plainly": patched(GOOD, CENTRAL, 8, "H", 0x1), "strongly": patched(GOOD, CENTRAL, 8, "H", 0x41)},
    "compression": {
        "lzma": zipped(("a", b"x"), method=zipfile.ZIP_LZMA), "unknown": patched(GOOD, CENTRAL, 10, "H", 99),
        "bzip2": lambda: zipped(("a", b"x"), method=zipfile.ZIP_BZIP2),
    },
    # Too much
    "grows over": {
        "bomb-ratio": lambda: zipped(("a", bytes(11 * MEGABYTE))),
    },
    "more than 2 MB": {
        "bomb-total": lambda: zipped(("a", bytes(MEGABYTE)), ("b", bytes(MEGABYTE + 1))),
        "declared-huge": patched(GOOD, CENTRAL, 24, "L", 0xFFFFFFF0),
    },
    "another size": {
        "declared-too-small": lying(b"x" * 9999, b"x" * 10), "bomb-declared-small": lambda: lying(bytes(3 * MEGABYTE), b"short"),
    },
    "something else of itself": {
        "declared-too-large": patched(GOOD, CENTRAL, 24, "L", 9999), "crc": patched(GOOD, CENTRAL, 16, "L", 1),
        "two-different-names": patched(GOOD, LOCAL, 30, "L", 0),
    },
    "more than 100": {"too-many-entries": zipped(*((str(number), b"") for number in range(101)))},
    "overlap": {"overlapping": overlapping()},
    # Not whole
    "end like one": {
        "huge-directory": patched(GOOD, END, 12, "L", 2**31), "several-disks": patched(GOOD, END, 4, "H", 1),
        "no-byte": b"", "not-a-zip": b"<html>Not found</html>", "only-a-beginning": b"PK\x03\x04" + bytes(100),
        "last-byte-missing": GOOD[:-1], "end-record-missing": GOOD[: GOOD.find(END)],
        "truncated": GOOD[: len(GOOD) // 2],
        "garbage-after-cut-directory": GOOD[: GOOD.rfind(CENTRAL)] + b"?" * 40,
        "entry-cut-out": GOOD[: GOOD.rfind(CENTRAL)] + GOOD[GOOD.find(END) :],
        "something-behind": GOOD + b"more", "something-before": b"#!/bin/sh\n" + GOOD, "two-zips": GOOD + GOOD,
    },
    "empty": {"nothing": zipped()},
    "only folders": {"only-folders": zipped(("folder/", b""))},
    "damaged": {
        "content": patched(GOOD, LOCAL, 40, "L", 0),
        "header": patched(GOOD, LOCAL, 0, "L", 0), "directory": patched(GOOD, CENTRAL, 0, "L", 0),
    },
    "between its entries": {"entry-behind-the-end": patched(GOOD, CENTRAL, 42, "L", 2**31)},
    "do not agree": {"zip64-lie": zip64_lie()},
    "another number": {"wrong-count": patched(GOOD, END, 8, "HH", 1, 1)},
}
# fmt: on
TABLE = [(reason, name, made) for reason, rows in CASES.items() for name, made in rows.items()]
TABLE += [(reason, repr(name), named(name)) for reason, names in NAMES.items() for name in names]
assert len(TABLE) >= 66
LIMITS = PackageLimits(unpacked_bytes=2 * MEGABYTE, entries=100)


async def test_hostile_package_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    for reason, name, made in TABLE:
        limits, said = PackageLimits(entries=100) if reason == "grows over" else LIMITS, ""
        try:
            content = sent(made if isinstance(made, bytes) else made(), 100_000)
            await save_package(content, tmp_path, "Title", "hash1", limits=limits)
        except BadPackage as bad:
            said = str(bad)
        assert (reason in said, said.isprintable(), names_in(tmp_path)) == (True, True, []), f"{name}: {said}"


def test_the_directory_is_measured_before_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("flipsnack_mcp.files.zips.check.read_directory")
    with pytest.raises(BadPackage, match="too long names"):
        check(GOOD, PackageLimits(directory_bytes=50))


def check(content: bytes, limits: PackageLimits) -> tuple[str, ...]:
    return check_zip(io.BytesIO(content), len(content), limits, lambda: None)


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=6), st.integers(0, len(GOOD)))
def test_damage_anywhere_is_refused_or_harmless(changes: list[tuple[int, int]], length: int) -> None:
    content = bytearray(GOOD)
    assert check(GOOD, LIMITS) == ("index.html", "app.js")
    for position, value in changes:
        content[position] = value
    for damaged in (bytes(content), bytes(content[:length])):
        try:
            names = check(damaged, LIMITS)
        except BadPackage:
            continue
        assert len(names) <= 2
        assert not any(name.startswith("/") or ".." in name.split("/") for name in names)
