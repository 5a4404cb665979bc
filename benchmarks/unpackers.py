"""What unpackers make of hostile zips that our check lets through: no accepted zip may differ in any of them.

Run it by `python benchmarks/unpackers.py [NUMBER] [SEED]`. It makes real zips with the programs it finds (Python, `zip`,
`7zz`, `bsdtar`, `jar`), puts each of them out of order in many ways, and compares for every zip that the check accepts the
names and the bytes with what `unzip`, `7zz` (or `7z`) and `bsdtar` unpack, each in an empty folder. It says which of them it
found, and is no part of the gate: they may be absent.
"""

import io
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from flipsnack_mcp.files.limits import PackageLimits
from flipsnack_mcp.files.zips.bytes_of_zip import BadPackage
from flipsnack_mcp.files.zips.check import check_zip

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.files.test_unpackers import CASES
from tests.files.zip_maker import (
    NTFS,
    STREAMED,
    UNIX_EXTRAS,
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

NUMBER, SEED = 3000, 9
UNPACKERS = {
    "unzip": ("unzip", "-q", "-o", "{zip}", "-d", "{folder}"),
    "7z": ("7zz|7z|7za", "x", "-y", "-bd", "-o{folder}", "{zip}"),
    "bsdtar": ("bsdtar", "-xf", "{zip}", "-C", "{folder}"),
    "bsdtar, from a pipe": ("bsdtar", "-xf", "-", "-C", "{folder}"),
}
SIGNATURES = [b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x07\x08"]
Content = dict[str, bytes]


def program(names: str) -> str | None:
    """The first of these that is on this machine."""
    return next(filter(None, map(shutil.which, names.split("|"))), None)


def run(*command: str, folder: Path, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        command, cwd=folder, env=environment, input=given, capture_output=True, check=False, timeout=60
    )


# Real zips, from the programs that are here.


def write_pages(folder: Path) -> None:
    (folder / "pages" / "größe").mkdir(parents=True)
    (folder / "index.html").write_bytes(b"<html>" * 40)
    (folder / "pages" / "1.html").write_bytes(b"<p>one</p>" * 10)
    (folder / "pages" / "größe" / "ä.css").write_bytes(b"a { }")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "noise.bin").write_bytes(random.Random(1).randbytes(300))  # noqa: S311


MAKERS = {
    "zip": ("zip", "-q", "-r", "{zip}", "."),
    "zip -fd": ("zip", "-q", "-fd", "-r", "{zip}", "."),
    "zip -fz": ("zip", "-q", "-fz", "-r", "{zip}", "."),
    "zip -0": ("zip", "-q", "-0", "-r", "{zip}", "."),
    "7z": ("7zz|7z|7za", "a", "-bd", "-tzip", "{zip}", "."),
    "bsdtar": ("bsdtar", "--format", "zip", "-cf", "{zip}", "."),
    "bsdtar of names": ("bsdtar", "--format", "zip", "-cf", "{zip}", "index.html", "pages"),
    "jar": ("jar", "cf", "{zip}", "."),
    "jar -0": ("jar", "c0f", "{zip}", "."),
}


def real_zips(work: Path) -> Iterator[tuple[str, bytes]]:
    pages = work / "pages of a package"
    pages.mkdir()
    write_pages(pages)
    for name, (names, *arguments) in MAKERS.items():
        if found := program(names):
            target = work / "made.zip"
            target.unlink(missing_ok=True)
            made = run(found, *(one.format(zip=target) for one in arguments), folder=pages)
            assert made.returncode == 0, made.stderr
            yield name, target.read_bytes()
    for name, make in honest():
        yield name, make()


# Out of order: each takes a zip and a source of chance.


def flip(content: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 3)):
        content[chance.randrange(len(content))] = chance.randrange(256)


def near_signature(content: bytearray, chance: random.Random) -> None:
    """Change a field of some header: that is where the two opinions are."""
    places = [at for one in SIGNATURES for at in places_of(bytes(content), one)]
    for _ in range(chance.randint(1, 3)):
        at = chance.choice(places) + chance.randrange(4, 60)
        if at + 4 <= len(content):
            value = chance.choice([0, 1, 8, 0x800, 0xFFFF, 0xFFFFFFFF, len(content), chance.randrange(2**16)])
            struct.pack_into(
                *("<H", content, at, value & 0xFFFF) if chance.random() < 0.7 else ("<L", content, at, value)
            )


def insert(content: bytearray, chance: random.Random) -> None:
    places = [at for one in SIGNATURES for at in places_of(bytes(content), one)] + [0, len(content)]
    at = chance.choice(places)
    content[at:at] = chance.choice([b"MZ" + bytes(20), b"<html>", b"PK\x07\x08" + bytes(12), entry_alone(), b"\0"])


def cut_out(content: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(content))
    del content[at : at + chance.randint(1, 40)]


def rename(content: bytearray, chance: random.Random) -> None:
    """Change a name where it stands: in one header, or in both."""
    old, new = chance.choice(
        [(b"index.html", b"../e.shell"), (b"index.html", b"INDEX.html"), (b"1.html", b"2.html"), (b"pages/1", b"../../1"),
         (b"pages/", b"PAGES/"), (b"empty.txt", b"index.htm"), (b"index.html", b"pages/1.ht"), (b"noise.bin", b"noise.lnk"),
         (b"empty.txt", b"empty.tx "), (b"empty.txt", b"aux...txt"), (b"noise.bin", b"n\\\\se.bin"), (b"noise.bin", b"noise\0bin")]
    )  # fmt: skip
    places = places_of(bytes(content), old)
    for at in places if chance.random() < 0.5 else places[:1] if chance.random() < 0.5 else places[-1:]:
        content[at : at + len(old)] = new


def glue(content: bytearray, chance: random.Random) -> None:
    other = honest_bytes()[chance.randrange(len(honest_bytes()))]
    content[:] = content + other if chance.random() < 0.5 else other + content


def comment(content: bytearray, chance: random.Random) -> None:
    text = chance.choice([b"hello", b"PK\x05\x06" + bytes(18), bytes(content), b"\x1b[2J"])[:0xFFFF]
    if content[-22:-18] == b"PK\x05\x06":
        content[-2:] = len(text).to_bytes(2, "little")
        content += text


def swap(content: bytearray, chance: random.Random) -> None:
    """Give one record the bytes of another of its kind."""
    places = places_of(bytes(content), chance.choice(SIGNATURES[:2]))
    if len(places) > 1:
        one, other = chance.sample(places, 2)
        content[one + 4 : one + 30] = content[other + 4 : other + 30]


MISCHIEF: list[Callable[[bytearray, random.Random], None]] = [
    flip, near_signature, near_signature, near_signature, insert, cut_out, rename, rename, glue, comment, swap,
]  # fmt: skip


def places_of(content: bytes, what: bytes) -> list[int]:
    found, at = list[int](), content.find(what)
    while at >= 0:
        found.append(at)
        at = content.find(what, at + 1)
    return found or [0]


def entry_alone() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("hidden.exe", b"MZ")
    return buffer.getvalue().partition(b"PK\x01\x02")[0]


# In order, but for what is odd alike in both headers: most of these are taken, and so compared.

NAMES = [
    "index.html", "a", "A", "a/b", "a/b/c.js", "b/", "b/c", "./d.css", "größe.css", "gro\u0308ße.css", "e\u0301", "\u00e9", "👩‍👩‍👧.png", "❤\ufe0f.svg",
    "می‌خواهم.html", "中文/页.html", "-rf", "--help", "~/x", "$HOME", "a b", " lead", "a;b", "a&b", "a'b", "[a-z].js", "{x}", "%41.html", "#", "@a",
    "x" * 200, "/".join("d" * 30), ".hidden", "a.b.c", "\ufb01.html", "\u0131.js", "İ.js", "\u212a.js", "\u017f.css", "─ñ.css", "a=b", "index.html;1", "!", "^", "`ls`", "a,b",
    "META-INF/MANIFEST.MF", "__MACOSX/._a", ".DS_Store", "Thumbs.db", "._index.html", "a\u00a0b", "a\u3000b", "\u0301a", "\uff41.html", "x.tar.gz", "x.zip",
]  # fmt: skip
EXTRAS = [b"", UNIX_EXTRAS, NTFS, extra(0xCAFE, b""), extra(0x6375, b"\x01\0\0\0\0name"), extra(0xA11E, b"\x04\0\0"), extra(1, bytes(8)),
          extra(0xD935, b"\x04\0\0\0"), UNIX_EXTRAS + NTFS, extra(0x5855, bytes(8)), extra(0x7855, b""), extra(0x7875, b"\x01")]  # fmt: skip


def odd_but_whole(chance: random.Random) -> bytes:
    """Some entries with odd names, fields, systems and modes, said alike in both headers."""
    return put_together(
        *(odd_entry(name, chance) for name in chance.sample(NAMES, chance.randint(1, 4))),
        ending=chance.choice([Ending(), Ending(), Ending(comment=b"said"), Ending(record_64={})]),
    )


def odd_entry(name: str, chance: random.Random) -> Entry:
    both: Fields = {
        "extra": chance.choice(EXTRAS), "version": chance.choice([0, 10, 20, 45, 46]),
        "flags": chance.choice([0, 0, 2, 4, 6]) | (0 if name.isascii() else chance.choice([UTF8, UTF8, 0])),
    }  # fmt: skip
    kind = chance.choice([0, 0o100000, 0o100000]) if not name.endswith("/") else chance.choice([0, 0o40000])
    mode = kind | chance.choice([0, 0o400, 0o644, 0o755, 0o777, 0o1777])
    attributes = mode << 16 | chance.choice([0, 0, 1, 2, 4, 0x20, 0x80, 0x8000])
    made = chance.choice([0, 3, 3, 3, 7, 10, 11, 14, 19]) << 8 | chance.choice([0, 20, 63])
    said: Fields = {"made": made, "attributes": attributes, "comment": chance.choice([b"", b"said"])}
    if name.endswith("/"):
        return replace(folder(name), local=both, central={**both, **said})
    content = chance.choice([b"", b"x", b"<html>" * 30, HOST])
    entry = Entry(
        name, content, chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]), local=both, central={**both, **said}
    )
    if chance.random() < 0.4:
        flags = {"flags": int(both["flags"]) | STREAMED}
        zero: Fields = chance.choice([{}, {"crc": 0}, {"crc": 0, "size": 0, "unpacked": 0}])
        changed = replace(entry, local={**both, **flags, **zero}, central={**both, **said, **flags})
        sized = "Q" if both["extra"] == extra(1, bytes(8)) else "L"
        return replace(changed, after=descriptor(entry, sized=sized, signed=chance.random() < 0.8))
    return entry


HOST = put_together(Entry("inside.html"), streamed())
KEPT = list[bytes]()


def honest_bytes() -> list[bytes]:
    if not KEPT:
        KEPT.extend(make() for _, make in honest())
    return KEPT


REFUSED = {f"{kind}: {name}": made for kind, rows in CASES.items() for name, made in rows.items()}


def hostile(sources: list[tuple[str, bytes]], number: int, seed: int) -> Iterator[tuple[str, bytes]]:
    chance = random.Random(seed)  # noqa: S311
    for name, made in REFUSED.items():
        yield name, made if isinstance(made, bytes) else made()
    for count in range(number // 4):
        yield f"odd but whole #{count}", odd_but_whole(chance)
    for count in range(number):
        name, content = sources[count % len(sources)]
        if len(content) > 100_000:
            continue
        changed = bytearray(content)
        for mischief in chance.choices(MISCHIEF, k=chance.randint(1, 2)):
            if len(changed) > 70:
                mischief(changed, chance)
        if bytes(changed) != content:
            yield f"{name} #{count}", bytes(changed)


# Judging.


def ours(content: bytes) -> Content | None:
    """What we accept: the names that are told, and the bytes that were looked at."""
    try:
        names = check_zip(io.BytesIO(content), len(content), PackageLimits(), lambda: None)
    except BadPackage:
        return None
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = [one for one in archive.infolist() if not one.is_dir()]
        return {plain(name): archive.read(one) for name, one in zip(names, files, strict=True)}


def plain(name: str) -> str:
    return name.removeprefix("./")


def alike(found: Content, seen: Content, unpacker: str) -> bool:
    """Info-ZIP's unzip writes names that are not ASCII in an alphabet of its own where DOS made them, `jar` among it."""
    if unpacker == "unzip":
        return comparable(found) == comparable(seen)
    return composed(found) == composed(seen)


def composed(content: Content) -> Content:
    """Names as `bsdtar` writes them, which puts letters and their marks together."""
    return {unicodedata.normalize("NFC", name): told for name, told in content.items()}


def comparable(content: Content) -> Counter[tuple[str, bytes]]:
    return Counter((name if name.isascii() else "?", told) for name, told in content.items())


@dataclass
class Figures:
    accepted: int = 0
    refused: int = 0
    compared: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])


def unpacked(command: tuple[str, ...], content: bytes, work: Path) -> tuple[Content, str]:
    """What a program unpacks, and what it says to it."""
    folder, zipped = work / "unpacked", work / "hostile.zip"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    zipped.write_bytes(content)
    path = program(command[0])
    assert path
    given = content if "-" in command else b""
    done = run(path, *(one.format(zip=zipped, folder=folder) for one in command[1:]), folder=work, given=given)
    files = [one for one in folder.rglob("*") if one.is_symlink() or not one.is_dir()]
    found = {plain(str(one.relative_to(folder))): one.read_bytes() for one in files if not one.is_symlink()}
    found |= {plain(str(one.relative_to(folder))): b"a link" for one in files if one.is_symlink()}
    return found, (done.stderr + done.stdout).decode(errors="replace") if done.returncode else ""


def judge(name: str, content: bytes, work: Path, figures: Figures) -> None:
    seen = ours(content)
    if seen is None:
        figures.refused += 1
        return
    figures.accepted += 1
    for unpacker, command in UNPACKERS.items():
        if program(command[0]):
            found, complaint = unpacked(command, content, work)
            figures.compared[unpacker] += 1
            if not alike(found, seen, unpacker) or complaint:
                figures.wrong.append(f"{name}: {unpacker} has {sorted(found)}, we {sorted(seen)} {complaint[-200:]!r}")
                (work.parent / f"wrong-{len(figures.wrong)}.zip").write_bytes(content)


def main() -> int:
    number, seed = (int(one) for one in [*sys.argv[1:], *map(str, (NUMBER, SEED)[len(sys.argv) - 1 :])])
    present = [name for name, command in UNPACKERS.items() if program(command[0])]
    print(
        f"unpackers: {', '.join(present) or 'none'}; makers: {', '.join(n for n, c in MAKERS.items() if program(c[0]))}"
    )
    if not present:
        return 0
    real, figures = Figures(), Figures()
    with tempfile.TemporaryDirectory() as at:
        work = Path(at)
        sources = list(real_zips(work))
        for name, content in sources:
            judge(name, content, work, real)
        for name, content in hostile(sources, number, seed):
            judge(name, content, work, figures)
    print(
        f"{len(sources)} real zips: {real.accepted} accepted, {real.refused} refused, {len(real.wrong)} read otherwise"
    )
    print(f"{figures.accepted + figures.refused} hostile zips: {figures.refused} refused, {figures.accepted} accepted")
    print(f"accepted ones unpacked: {dict(figures.compared)}; wrong unpackings: {len(figures.wrong)}")
    print("\n".join([*real.wrong, *figures.wrong][:40]))
    return 1 if real.refused or real.wrong or figures.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
