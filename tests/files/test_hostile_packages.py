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
from flipsnack_mcp.files.zip_check import BadPackage, check_zip
from tests.files.ground import names_in, sent, zipped

LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


GOOD = zipped(("index.html", b"<html>" * 100), ("app.js", b"js" * 100))


def named(name: str) -> bytes:
    """A zip with this name, exactly: zipfile itself would clean it."""
    stand_in = "x" * len(name.encode())
    return zipped(("index.html", b"a"), (stand_in, b"b")).replace(stand_in.encode(), name.encode())


def with_attributes(attributes: int, system: int = 3) -> bytes:
    info = zipfile.ZipInfo("entry")
    info.external_attr, info.create_system = attributes, system
    return zipped(("index.html", b"a"), (info, b"/etc/passwd"))


def with_mode(mode: int) -> bytes:
    return with_attributes(mode << 16)


def with_extra(extra: bytes) -> bytes:
    info = zipfile.ZipInfo("innocent")
    info.extra = extra
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
    zip_of_one = patched(zip_of_one, LOCAL, 14, "L", zlib.crc32(declared))
    zip_of_one = patched(zip_of_one, LOCAL, 22, "L", len(declared))
    zip_of_one = patched(zip_of_one, CENTRAL, 16, "L", zlib.crc32(declared))
    return patched(zip_of_one, CENTRAL, 24, "L", len(declared))


def overlapping() -> bytes:
    """Many entries in the directory that all share the packed bytes of one."""
    one = zipped(("a", b"x" * 5000), method=zipfile.ZIP_STORED)
    directory, end = one.find(CENTRAL), one.find(END)
    entry = one[directory:end]
    entries = b"".join(entry[:46] + name.encode() for name in "abcdefgh")
    record = struct.pack("<4s4H2LH", END, 0, 0, 8, 8, len(entries), directory, 0)
    return one[:directory] + entries + record


def huge_directory() -> bytes:
    """An end record that speaks of a directory of 2 GB."""
    return patched(GOOD, END, 12, "L", 2**31)


def zip64_lie() -> bytes:
    """A zip64 record that sends the reader far behind the end of the file."""
    end = GOOD.find(END)
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 2, 2, 2**40, 2**62)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    return GOOD[:end] + record + locator + GOOD[end:]


CASES = [
    # Names
    pytest.param(lambda: named("../evil.html"), "leads out", id="zip-slip"),
    pytest.param(lambda: named("a/b/../../../evil.html"), "leads out", id="zip-slip-deep"),
    pytest.param(lambda: named("a/.."), "leads out", id="zip-slip-last"),
    pytest.param(lambda: named(".. /evil.html"), "leads out", id="zip-slip-space"),
    pytest.param(lambda: named(".../evil.html"), "leads out", id="zip-slip-three-dots"),
    pytest.param(lambda: named("/etc/passwd"), "absolute", id="absolute"),
    pytest.param(lambda: named("//server/share"), "absolute", id="unc-slashes"),
    pytest.param(lambda: named("..\\evil.html"), "backslash", id="backslash"),
    pytest.param(lambda: named("\\\\server\\share"), "backslash", id="unc"),
    pytest.param(lambda: named("C:/evil.html"), "drive", id="drive"),
    pytest.param(lambda: named("c:evil.html"), "drive", id="drive-relative"),
    pytest.param(lambda: named("index.html:stream"), "colon", id="alternate-stream"),
    pytest.param(lambda: named("evil\0.html"), "control", id="nul"),
    pytest.param(lambda: named("evil\n.html"), "control", id="newline"),
    pytest.param(lambda: named("\x1b[2Jevil"), "control", id="escape-sequence"),
    pytest.param(lambda: named("evil\x7f"), "control", id="delete-character"),
    pytest.param(
        lambda: with_extra(struct.pack("<HHBL", 0x7075, 12, 1, 0) + b"../evil"), "leads out", id="second-name"
    ),
    # Two entries, one name
    pytest.param(lambda: named("index.html"), "same name", id="duplicate"),
    pytest.param(lambda: named("INDEX.html"), "same name", id="duplicate-case"),
    pytest.param(lambda: named("./index.html"), "same name", id="duplicate-dot"),
    pytest.param(lambda: named("index.html."), "same name", id="duplicate-trailing-dot"),
    pytest.param(lambda: zipped(("\u00e9", b""), ("e\u0301", b"")), "same name", id="duplicate-normalised"),
    pytest.param(lambda: zipped(("Å", b""), ("a\u030a", b"")), "same name", id="duplicate-normalised-case"),
    pytest.param(lambda: zipped(("a//b", b""), ("a/b", b"")), "same name", id="duplicate-slashes"),
    # What an entry is
    pytest.param(lambda: with_mode(stat.S_IFLNK | 0o777), "link", id="symlink"),
    pytest.param(lambda: with_mode(stat.S_IFCHR | 0o666), "device", id="character-device"),
    pytest.param(lambda: with_mode(stat.S_IFBLK | 0o666), "device", id="block-device"),
    pytest.param(lambda: with_mode(stat.S_IFIFO | 0o666), "device", id="fifo"),
    pytest.param(lambda: with_mode(stat.S_IFSOCK | 0o666), "device", id="socket"),
    pytest.param(lambda: with_attributes(0x400, system=0), "link", id="reparse-point"),
    pytest.param(lambda: patched(GOOD, CENTRAL, 8, "H", 0x1), "encrypted", id="encrypted"),
    pytest.param(lambda: patched(GOOD, CENTRAL, 8, "H", 0x41), "encrypted", id="strongly-encrypted"),
    pytest.param(lambda: zipped(("a", b"x"), method=zipfile.ZIP_LZMA), "compression", id="lzma"),
    pytest.param(lambda: zipped(("a", bytes(MEGABYTE)), method=zipfile.ZIP_BZIP2), "compression", id="bzip2"),
    pytest.param(lambda: patched(GOOD, CENTRAL, 10, "H", 99), "compression", id="unknown-compression"),
    # Too much
    pytest.param(lambda: zipped(("a", bytes(20 * MEGABYTE))), "grows over", id="bomb-ratio"),
    pytest.param(
        lambda: zipped(("a", bytes(9 * MEGABYTE)), ("b", bytes(9 * MEGABYTE))), "more than 16", id="bomb-total"
    ),
    pytest.param(lambda: lying(bytes(17 * MEGABYTE), b"short"), "grows over", id="bomb-declared-small"),
    pytest.param(lambda: lying(b"x" * 9999, b"x" * 10), "cannot be unpacked", id="declared-too-small"),
    pytest.param(lambda: patched(GOOD, CENTRAL, 24, "L", 9999), "another size", id="declared-too-large"),
    pytest.param(lambda: patched(GOOD, CENTRAL, 24, "L", 0xFFFFFFF0), "more than 16", id="declared-huge"),
    pytest.param(lambda: zipped(*((str(n), b"") for n in range(101))), "more than 100", id="too-many-entries"),
    pytest.param(overlapping, "overlap", id="overlapping"),
    pytest.param(huge_directory, "end like one", id="huge-directory"),
    pytest.param(zip64_lie, "end like one", id="zip64-lie"),
    # Not whole
    pytest.param(lambda: b"", "end like one", id="no-byte"),
    pytest.param(lambda: b"<html>Not found</html>", "end like one", id="not-a-zip"),
    pytest.param(lambda: b"PK\x03\x04" + bytes(100), "end like one", id="only-a-beginning"),
    pytest.param(zipped, "empty", id="empty"),
    pytest.param(lambda: zipped(("folder/", b"")), "only folders", id="only-folders"),
    pytest.param(lambda: GOOD[:-1], "end like one", id="last-byte-missing"),
    pytest.param(lambda: GOOD[: GOOD.find(END)], "end like one", id="end-record-missing"),
    pytest.param(lambda: GOOD[: len(GOOD) // 2], "end like one", id="truncated"),
    pytest.param(lambda: GOOD[: GOOD.rfind(CENTRAL)] + b"?" * 40, "end like one", id="garbage-after-cut-directory"),
    pytest.param(lambda: GOOD[: GOOD.rfind(CENTRAL)] + GOOD[GOOD.find(END) :], "end like one", id="entry-cut-out"),
    pytest.param(lambda: GOOD + b"more", "end like one", id="something-behind"),
    pytest.param(lambda: b"#!/bin/sh\n" + GOOD, "end like one", id="something-before"),
    pytest.param(lambda: GOOD + GOOD, "end like one", id="two-zips"),
    pytest.param(lambda: patched(GOOD, CENTRAL, 16, "L", 1), "damaged", id="wrong-crc"),
    pytest.param(lambda: patched(GOOD, LOCAL, 40, "L", 0), "damaged", id="damaged-content"),
    pytest.param(lambda: patched(GOOD, LOCAL, 0, "L", 0), "damaged", id="damaged-header"),
    pytest.param(lambda: patched(GOOD, LOCAL, 30, "L", 0), "damaged", id="two-different-names"),
    pytest.param(lambda: patched(GOOD, CENTRAL, 42, "L", 2**31), "damaged", id="entry-behind-the-end"),
    pytest.param(lambda: patched(GOOD, CENTRAL, 0, "L", 0), "damaged", id="damaged-directory"),
    pytest.param(lambda: patched(GOOD, END, 8, "HH", 1, 1), "another number", id="wrong-count"),
    pytest.param(lambda: patched(GOOD, END, 4, "H", 1), "end like one", id="several-disks"),
]
LIMITS = PackageLimits(unpacked_bytes=16 * MEGABYTE, entries=100)


@pytest.mark.parametrize(("make", "reason"), CASES)
async def test_hostile_package_is_refused_and_nothing_is_left(
    tmp_path: Path, make: Callable[[], bytes], reason: str
) -> None:
    limits = PackageLimits(entries=100) if reason == "grows over" else LIMITS

    with pytest.raises(BadPackage, match=reason) as bad:
        await save_package(sent(make(), 100_000), tmp_path, "Title", "hash1", limits=limits)

    assert not names_in(tmp_path)
    assert bad.value.happened == str(bad.value)
    assert bad.value.happened.isprintable()


def test_table_is_long_enough() -> None:
    assert len(CASES) >= 20
    assert len({case.id for case in CASES}) == len(CASES)


def test_total_counts_what_is_there_and_not_what_is_declared() -> None:
    content = lying(bytes(MEGABYTE), b"short")

    with pytest.raises(BadPackage, match="unpacks to more"):
        check(content, PackageLimits(unpacked_bytes=1000))


def test_directory_is_measured_before_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("flipsnack_mcp.files.zip_check.ZipFile")

    with pytest.raises(BadPackage, match="too long names"):
        check(GOOD, PackageLimits(directory_bytes=50))


def test_the_untouched_package_is_good() -> None:
    assert check(GOOD, LIMITS) == ("index.html", "app.js")


def check(content: bytes, limits: PackageLimits) -> tuple[str, ...]:
    return check_zip(io.BytesIO(content), len(content), limits, lambda: None)


@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=6), st.integers(0, len(GOOD)))
def test_damage_anywhere_is_refused_or_harmless(changes: list[tuple[int, int]], length: int) -> None:
    content = bytearray(GOOD)
    for position, value in changes:
        content[position] = value

    for damaged in (bytes(content), bytes(content[:length])):
        try:
            names = check(damaged, LIMITS)
        except BadPackage:
            continue
        assert len(names) <= 2
        assert not any(name.startswith("/") or ".." in name.split("/") for name in names)
