"""What the check sees of a zip is what any unpacker sees; `benchmarks/unpackers.py` asks three of them."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from flipsnack_mcp.files.limits import MEGABYTE, PackageLimits
from flipsnack_mcp.files.packages import save_package
from flipsnack_mcp.files.zips.bytes_of_zip import BadPackage
from flipsnack_mcp.files.zips.check import UNPACKED_PIECE, check_zip
from tests.files.ground import names_in, sent
from tests.files.zip_maker import (
    CENTRAL,
    DESCRIPTOR,
    END,
    FULL,
    INDEX,
    LOCATOR_64,
    STREAMED,
    UTF8,
    Ending,
    Entry,
    Fields,
    descriptor,
    extra,
    folder,
    honest,
    put_together,
    streamed,
)

EVIL = put_together(Entry("../../evil.sh"))
STORED = zipfile.ZIP_STORED


def second_name(name: str, *, of: str = "index.html", version: int = 1, crc: int = 0) -> bytes:
    return extra(0x7075, struct.pack("<BL", version, zlib.crc32(of.encode()) ^ crc) + name.encode())


def pointing_elsewhere(record: str) -> bytes:
    """A good directory, and an evil one in the bytes of an entry, to which one of the two end records points."""
    at = EVIL.find(CENTRAL)
    pointed: Fields = {"directory": 40 + at, "size": EVIL.find(END) - at, "entries": 1, "here": 1}
    ending = Ending(record_64=pointed) if record == "record_64" else Ending(record_64={}, record=pointed)
    return put_together(Entry("index.html", EVIL, STORED), ending=ending)


def two_records() -> bytes:
    """Two zip64 records: the locator points to the first, and the second lies where readers look without asking it."""
    whole = put_together(INDEX, ending=Ending(record_64={}))
    at = whole.find(LOCATOR_64)
    return put_together(INDEX, ending=Ending(inside=whole[at - 56 : at], record_64={}, locator={"at": at - 56}))


def prefixed(before: bytes) -> bytes:
    return put_together(INDEX, Entry("app.js"), start=before)


def bombs(count: int, size: int) -> bytes:
    """Many entries that are each too small for a look at their ratio."""
    content = bytes(size)
    return put_together(*(Entry(f"{number}.svg", content) for number in range(count)))


def lie(where: str, **facts: int | bytes) -> bytes:
    lied: Fields = dict(facts)
    app = Entry("app.js", b"js" * 30)
    return put_together(INDEX, replace(app, local=lied) if where == "local" else replace(app, central=lied))


def named(*names: str | bytes) -> bytes:
    return put_together(INDEX, *(folder(one) if str(one).endswith("/") else Entry(one) for one in names))


def odd(**facts: int | bytes) -> bytes:
    """The same in both headers, and wrong in both."""
    local: Fields = {name: value for name, value in facts.items() if name not in {"made", "disk", "attributes"}}
    return put_together(INDEX, replace(Entry("app.js"), local=local, central=dict(facts)))


def with_extra(field: bytes) -> bytes:
    return put_together(replace(INDEX, extra=field), Entry("app.js"))


LYING = streamed("page.html")
NOT_STREAMED = Entry("a.js", b"js" * 30)
HIDDEN = put_together(Entry("hidden.exe")).partition(CENTRAL)[0]
SPLIT = b"first" + DESCRIPTOR + struct.pack("<3L", zlib.crc32(b"first"), 5, 5) + HIDDEN
SPLITTING = Entry("split.bin", SPLIT, STORED, flags=STREAMED, local={"crc": 0, "size": 0, "unpacked": 0})
AES = struct.pack("<HH2sBH", 0x9901, 7, b"AE", 3, 8)
LONG = struct.pack("<QQ", 60, 9)

# fmt: off
CASES: dict[str, Mapping[str, bytes | Callable[[], bytes]]] = {
    "which directory": {
        "zip64 points elsewhere": pointing_elsewhere("record_64"),
        "plain record points elsewhere": pointing_elsewhere("record"),
        "another number in zip64": put_together(INDEX, ending=Ending(record_64={"entries": 2})),
        "another size in zip64": put_together(INDEX, ending=Ending(record_64={"size": 1})),
        "another number in the plain record": put_together(INDEX, ending=Ending(record_64={}, record={"entries": 9, "here": 9})),
        "another place in the plain record": put_together(INDEX, ending=Ending(record_64={}, record={"directory": 3})),
        "locator to the start": put_together(INDEX, ending=Ending(record_64={}, locator={"at": 0})),
        "locator to another record": two_records(),
        "something between record and locator": put_together(INDEX, ending=Ending(record_64={}, locator={"gap": b"gap!"})),
        "a record with an extension": put_together(INDEX, ending=Ending(record_64={"length": 48}, locator={"gap": b"gap!"})),
        "locator to another disk": put_together(INDEX, ending=Ending(record_64={}, locator={"disk": 1})),
        "several disks in zip64": put_together(INDEX, ending=Ending(record_64={"disk": 1})),
        "no disk at all": put_together(INDEX, ending=Ending(record_64={}, locator={"disks": 0})),
        "only one of the numbers is longer": put_together(INDEX, ending=Ending(record_64={}, record={"here": 0xFFFF})),
        "only the other one is": put_together(INDEX, ending=Ending(record_64={}, record={"entries": 0xFFFF})),
        "a lone locator": put_together(INDEX, ending=Ending(inside=struct.pack("<4sLQL", LOCATOR_64, 0, 0, 1))),
        "a whole other zip in the comment": put_together(INDEX, ending=Ending(comment=EVIL)),
        "an end record in the comment": put_together(INDEX, ending=Ending(comment=END + bytes(18))),
        "an end record in an entry's comment": lie("central", comment=END + bytes(18)),
        "a comment for the terminal": put_together(INDEX, ending=Ending(comment=b"\x1b]52;c;Y3VybA==\x07")),
        "an entry's comment for the terminal": lie("central", comment=b"\x1b[2J"),
        "behind the comment": put_together(INDEX, ending=Ending(comment=b"fine", behind=b"more")),
        "another disk": lie("central", disk=1),
    },
    "hidden": {
        "before the first: a program": prefixed(b"MZ" + bytes(100)),
        "before the first: a page": prefixed(b"<html>hello</html>"),
        "before the first: an entry": prefixed(HIDDEN),
        "between two: bytes": put_together(INDEX, replace(Entry("a.js"), before=b"gap")),
        "between two: an entry": put_together(INDEX, replace(Entry("a.js"), before=HIDDEN)),
        "behind the last: bytes": put_together(INDEX, ending=Ending(before=b"gap")),
        "behind the last: an entry": put_together(INDEX, ending=Ending(before=HIDDEN)),
        "behind the directory": put_together(INDEX, ending=Ending(inside=b"gap")),
        "behind the directory: a signature": put_together(INDEX, ending=Ending(inside=b"PK\x05\x05\x04\0sign")),
        "behind the packed bytes": put_together(replace(INDEX, packed=INDEX.bytes + HIDDEN)),
        "behind stored bytes": put_together(Entry("a.bin", b"abc", STORED, packed=b"abcdef")),
        "an entry twice in the directory": put_together(INDEX, replace(Entry("again.html"), central={"offset": 0})),
    },
    "headers": {
        **{f"local {what}": lie("local", **{what: value}) for what, value in {
            "flags": 0x1, "method": STORED, "size": 5, "unpacked": 5, "crc": 7, "version": 99,
        }.items()}, "local name": lie("local", name=b"evil.x"),
        "local utf-8 flag": lie("local", flags=UTF8), "local descriptor flag": lie("local", flags=STREAMED),
        "local method unknown": lie("local", method=99), "local name longer": lie("local", name=b"../../evil.sh"),
        "local name in another case": lie("local", name=b"App.js"),
        "local second name": put_together(replace(INDEX, local={"extra": second_name("../../evil.sh")})),
        "local long sizes": put_together(replace(INDEX, local={"extra": extra(1, LONG), "size": FULL, "unpacked": FULL})),
        "local extra cut": put_together(replace(INDEX, local={"extra": b"\x55\x54\xff\0abc"})),
        "local link of unix": put_together(replace(INDEX, local={"extra": extra(0x756E, bytes(14) + b"/etc/passwd")})),
        "local attributes of libarchive": put_together(replace(INDEX, local={"extra": extra(0x6C78, b"\x0f" + bytes(8))})),
    },
    "descriptors": {
        "another crc": put_together(replace(LYING, after=descriptor(LYING, crc=1))),
        "another size": put_together(replace(LYING, after=descriptor(LYING, size=1))),
        "another unpacked size": put_together(replace(LYING, after=descriptor(LYING, unpacked=1))),
        "none": put_together(replace(LYING, after=b""), INDEX),
        "cut": put_together(replace(LYING, after=descriptor(LYING)[:9]), INDEX),
        "long sizes that nobody announced": put_together(replace(LYING, after=descriptor(LYING, sized="Q")), INDEX),
        "stored, and no signature": put_together(replace(SPLITTING, content=b"x", after=descriptor(replace(SPLITTING, content=b"x"), signed=False))),
        "twice": put_together(replace(LYING, after=descriptor(LYING) * 2), INDEX),
        "one that nobody announced": put_together(replace(NOT_STREAMED, after=descriptor(NOT_STREAMED)), INDEX),
        "sizes before that are others": put_together(replace(LYING, local={"crc": 0, "size": 4, "unpacked": 4})),
        "a stored entry that holds its own end": put_together(replace(SPLITTING, after=descriptor(SPLITTING)), INDEX),
    },
    "what it is": {
        "aes": with_extra(AES), "strong encryption": with_extra(extra(0x0017, bytes(8))),
        "link of pkware": with_extra(extra(0x000D, bytes(12) + b"/etc/passwd")),
        "link of unix": with_extra(extra(0x756E, bytes(14) + b"/etc/passwd")),
        "name of a macintosh": with_extra(extra(0x2605, b"ZPIT\x04evil")), "name of xceed": with_extra(extra(0x554E, b"NUCX\0\0e\0")),
        "unknown field": with_extra(extra(0x4242, b"????")), "zip64 twice": with_extra(extra(1, LONG) * 2),
        "zip64 too short": odd(extra=extra(1, b"\0\0\0\0"), size=FULL), "extra that is cut": with_extra(b"\x55\x54\x20\0abc"),
        "extra too short for a field": with_extra(extra(0x5455, b"\x03V8\x0ck") + b"\x55\x54\x20"),
        "patched data": odd(flags=0x20), "enhanced deflating": odd(flags=0x10), "a hidden directory": odd(flags=0x2000),
        "unknown flag": odd(flags=0x8000), "deflate64": odd(method=9), "zstandard": odd(method=93),
        "version that few unpack": odd(version=99), "made by an unknown system": odd(made=0x1E14), "made by VMS": odd(made=0x0214),
        "setuid": odd(attributes=0o104755 << 16), "setgid": odd(attributes=0o102755 << 16),
        "link": odd(attributes=0o120777 << 16), "link made by Windows": odd(attributes=0o120777 << 16, made=0x0014),
        "volume label": odd(attributes=0x8), "junction": odd(attributes=0x400),
        "a folder that is called a file": odd(attributes=0o40755 << 16), "the same in DOS": odd(attributes=0x10),
        "a file that is called a folder": put_together(INDEX, replace(folder("d/"), mode=0o100644)),
        "a folder with content": put_together(INDEX, Entry("d/", b"content", mode=0o40755)),
    },
    "second names": {
        "evil": with_extra(second_name("../../evil.sh")), "another": with_extra(second_name("other.html")),
        "wrong check": with_extra(second_name("index.html", crc=1)), "odd version": with_extra(second_name("index.html", version=2)),
        "cut": with_extra(extra(0x7075, b"\x01\0")), "twice": with_extra(second_name("index.html") * 2),
        "no utf-8": with_extra(extra(0x7075, struct.pack("<BL", 1, zlib.crc32(b"index.html")) + b"\xff")),
        "in the directory only": put_together(replace(INDEX, central={"extra": second_name("x.html")})),
    },
    "names": {
        repr(name): named(name) for name in (
            "aux", "COM1", "a/nul.txt", "con.html", "lpt9.css", "prn", "conin$", "com¹.js", "aux/index.html", "NUL .txt",
            "a.", "a ", "a./b", "a /b", "dir /", "...", "a:b", "a::$DATA", "C:", "c:/x", "a\\b", "..\\x", "a/../b", "../x", "/x", "//x",
            "a//b", "index.html;1", "d;7/a", "a/./b", "././a", "..", ".", "a<b", "a>b", 'a"b', "a|b", "a?b", "a*b", "a\tb", "a\x7fb", "a\x1bb", "a\u2028b",
            "\u202ecod.exe", "a\u2066b\u2069", "a\u200b.html", "a\u200d", "a\u200c.html", "\ufeffa", "a\u00ad.js", "a\u3164", "a\u115f",
            "\U000e0041a", "a\ue000", "a\uf03ab", "\uef80", "x" * 256, "/".join(["d" * 200] * 6),
            "open.lnk", "a/Start.URL", "x.desktop", "a.webloc", "a.scf", "desktop.ini", "a/Autorun.inf", "x.library-ms",
            "setup.exe", "a.SCR", "run.bat", "x.cmd", "a.com", "x.msi", "x.ps1", "x.vbs", "x.hta", "x.jar", "x.pif", "run.command",
            "a.msc", "a.jnlp", "a.vb", "a.ws", "a.wsc", "a.sct", "a.application", "a.appinstaller", "a.msixbundle", "a.settingcontent-ms",
            "a.scpt", "a.terminal", "a.workflow/x", "a.pkg", "a.dmg", "a.AppImage", "a.run", "a.xll", "a.psm1", "a.gadget", "a.diagcab",
            "a.rdp", "a.iso", "a.IMG", "a.vhdx", "a.py", "a.pyzw", "a.deb", "a.flatpakref",
            "a.website", "a.search-ms", "a.theme", ".directory",
            "a\u2800b", "\u2800.html", "a\U0001d159", "a\U000e0002b", "a\u2065b", "a\ufff0b", "a\uffff", "a\U000e0fff",
            "index.html\u00a0", "a\u3000", "a\u2003/x", "\u00a0/x",
        )
    } | {
        "no name": named(b""), "no utf-8 for all that": odd(name=b"\xff.html", flags=UTF8),
        "in no alphabet that is told": named(b"gr\x94\xe1e.css"),
        "utf-8 of an old system without its flag": put_together(INDEX, replace(Entry("ä.css"), local={"flags": 0}, central={"flags": 0, "made": 0x14})),
        "a nul": named(b"index.html\0.exe"),
    },
    "collisions": {
        "file and folder": named("a", "a/b"), "folder and file": named("a/b", "a"), "folder twice": named("a/", "a/"),
        "file and folder of one name": named("a/", "a"), "in another case": named("A", "a/b"), "deep": named("x/Y/z", "X/y"),
        "normalised file and folder": named("e\u0301", "\u00e9/x"), "folded": named("straße.html", "STRASSE.html"),
        "the same name again": named("index.html"), "from the folder itself": named("./index.html"),
        "once without the flag": put_together(Entry("é"), replace(Entry("é"), local={"flags": 0}, central={"flags": 0})),
        "kelvin": named("k.js", "\u212a.js"), "joined": named("م\u200cن.html", "من.html"), "selected": named("❤.png", "❤\ufe0f.png"),
        "old reading": put_together(Entry("├ñ"), replace(Entry("ä"), local={"flags": 0}, central={"flags": 0})),
    },
    "bombs": {
        "many small ones": lambda: bombs(30, 1 * MEGABYTE), "a few of nine": lambda: bombs(4, 9 * MEGABYTE),
        "one small and much stored": lambda: put_together(Entry("noise", bytes(10_000), STORED), Entry("a", bytes(30 * MEGABYTE))),
        "declared only": lie("central", unpacked=0xFFFFFFF0),
    },
}
# fmt: on


async def refusal(content: bytes, folder: Path) -> str:
    """Why a package is not kept; nothing where it is."""
    try:
        await save_package(sent(content, 1_000_000), folder, "Title", "hash1")
    except BadPackage as bad:
        return str(bad)
    return ""


@pytest.mark.parametrize("kind", CASES)
async def test_a_zip_that_unpackers_would_see_otherwise_is_refused(tmp_path: Path, kind: str) -> None:
    for name, made in CASES[kind].items():
        said = await refusal(made if isinstance(made, bytes) else made(), tmp_path)
        assert (bool(said), said.isprintable(), names_in(tmp_path)) == (True, True, []), name


@pytest.mark.parametrize("make", [make for _, make in honest()], ids=[name for name, _ in honest()])
async def test_a_zip_as_common_programs_write_it_is_taken(tmp_path: Path, make: Callable[[], bytes]) -> None:
    saved = await save_package(sent(make()), tmp_path, "Title", "hash1")
    assert names_in(tmp_path) == ["Title.zip"]
    assert saved.files
    assert not [name for name in saved.files if name.endswith("/")]


async def test_a_folder_that_is_called_as_a_host_is_no_program(tmp_path: Path) -> None:
    hosts = named("assets/cdn.flipsnack.com/", "assets/cdn.flipsnack.com/a.js", "example.run/b.js")
    assert await refusal(hosts, tmp_path) == ""
    assert "a program" in await refusal(named("assets/flipsnack.com"), tmp_path)
    assert "a program" in await refusal(named("Start.app/"), tmp_path)


async def test_a_name_without_a_flag_is_read_as_unix_wrote_it(tmp_path: Path) -> None:
    old = replace(Entry("ä.css"), local={"flags": 0}, central={"flags": 0})
    assert (await save_package(sent(put_together(old)), tmp_path, "Title", "hash1")).files == ("ä.css",)


async def test_a_bomb_is_refused_by_what_it_declares_before_anything_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bombs(40, MEGABYTE)
    monkeypatch.delattr(zlib, "decompressobj")
    with pytest.raises(BadPackage, match="it grows over 50 times"):
        await save_package(sent(content), tmp_path, "Title", "hash1")


class Stopped(Exception):  # noqa: N818 - it is no error
    """Whoever waited for the check has gone."""


def test_a_long_list_of_entries_can_be_stopped_before_anything_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    content = put_together(INDEX, *(Entry(f"{number}.js") for number in range(50)))
    monkeypatch.delattr(zlib, "decompressobj")
    left = list(range(50))

    def between() -> None:
        if not left:
            raise Stopped
        left.pop()

    with pytest.raises(Stopped):
        check_zip(io.BytesIO(content), len(content), PackageLimits(), between)


def test_packed_bytes_that_unpack_to_nothing_can_be_stopped() -> None:
    nothing = b"\0\0\0\xff\xff"
    content = put_together(INDEX, Entry("e", b"", packed=nothing * 200_000 + b"\1" + nothing[1:]))
    told = list[None]()
    check_zip(io.BytesIO(content), len(content), PackageLimits(), lambda: told.append(None))
    assert len(told) > 2 + len(content) // UNPACKED_PIECE
