"""Zips put together field by field, so that each of them can lie; and zips as common programs write them."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

from typing_extensions import override

Fields = dict[str, int | bytes]
LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
END_64, LOCATOR_64, DESCRIPTOR = b"PK\x06\x06", b"PK\x06\x07", b"PK\x07\x08"
UTF8, STREAMED, FULL = 0x800, 0x8, 0xFFFFFFFF


@dataclass(frozen=True)
class Entry:
    """One entry; `local` and `central` say otherwise than the truth in the header of that name."""

    name: str | bytes
    content: bytes = b"content"
    method: int = zipfile.ZIP_DEFLATED
    flags: int = 0
    mode: int = 0o100644
    extra: bytes = b""
    local: Fields = field(default_factory=dict)
    central: Fields = field(default_factory=dict)
    packed: bytes | None = None
    before: bytes = b""
    """What stands before its local header."""
    after: bytes = b""
    """What stands behind its packed bytes: a data descriptor, or what should not be there."""

    @property
    def truth(self) -> Fields:
        name = self.name if isinstance(self.name, bytes) else self.name.encode()
        utf8 = UTF8 if isinstance(self.name, str) and not self.name.isascii() else 0
        return {
            "name": name, "extra": self.extra, "comment": b"", "flags": self.flags | utf8, "method": self.method,
            "crc": zlib.crc32(self.content), "size": len(self.bytes), "unpacked": len(self.content), "version": 20,
            "made": 0x0314, "disk": 0, "attributes": self.mode << 16, "signature": 0,
        }  # fmt: skip

    @property
    def bytes(self) -> bytes:
        if self.packed is not None:
            return self.packed
        return deflated(self.content) if self.method == zipfile.ZIP_DEFLATED else self.content


@lru_cache(1)
def deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


def local_header(facts: Fields) -> bytes:
    name, extra = bytes_of(facts, "name"), bytes_of(facts, "extra")
    numbers = [facts[one] for one in ("version", "flags", "method")]
    rest = [facts[one] for one in ("crc", "size", "unpacked")]
    return struct.pack("<4s5H3L2H", LOCAL, *numbers, 0, 0x5A21, *rest, len(name), len(extra)) + name + extra


def central_header(facts: Fields, offset: int) -> bytes:
    texts = [bytes_of(facts, one) for one in ("name", "extra", "comment")]
    numbers = [facts[one] for one in ("made", "version", "flags", "method")]
    rest = [facts[one] for one in ("crc", "size", "unpacked")]
    lengths = [len(text) for text in texts]
    placed = [facts["disk"], 0, facts["attributes"], facts.get("offset", offset)]
    return struct.pack("<4s6H3L5H2L", CENTRAL, *numbers, 0, 0x5A21, *rest, *lengths, *placed) + b"".join(texts)


def bytes_of(facts: Fields, name: str) -> bytes:
    value = facts[name]
    assert isinstance(value, bytes)
    return value


def extra(kind: int, body: bytes) -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def descriptor(entry: Entry, *, sized: str = "L", signed: bool = True, **lies: int) -> bytes:
    """What follows the packed bytes of an entry whose sizes were not known before."""
    facts = {"crc": zlib.crc32(entry.content), "size": len(entry.bytes), "unpacked": len(entry.content)} | lies
    return (DESCRIPTOR if signed else b"") + struct.pack(f"<L2{sized}", facts["crc"], facts["size"], facts["unpacked"])


def streamed(name: str = "page.html", content: bytes = b"content") -> Entry:
    """An entry as a writer makes it that cannot go back."""
    entry = Entry(name, content, flags=STREAMED, local={"crc": 0, "size": 0, "unpacked": 0})
    return replace(entry, after=descriptor(entry))


INDEX = Entry("index.html", b"<html>" * 20)


@dataclass(frozen=True)
class Ending:
    """What stands behind the entries; `record` and `record_64` say otherwise than the truth."""

    before: bytes = b""
    inside: bytes = b""
    """Between the directory and the records of its end."""
    comment: bytes = b""
    behind: bytes = b""
    record: Fields = field(default_factory=dict)
    record_64: Fields | None = None
    locator: Fields = field(default_factory=dict)


def put_together(*entries: Entry, ending: Ending = Ending(), start: bytes = b"") -> bytes:
    """The entries, their directory and its end."""
    out, directory = start, b""
    for entry in entries:
        out += entry.before
        directory += central_header(entry.truth | entry.central, len(out))
        out += local_header(entry.truth | entry.local) + entry.bytes + entry.after
    out += ending.before
    facts: Fields = {"entries": len(entries), "size": len(directory), "directory": len(out), "disk": 0, "first": 0}
    out += directory + ending.inside
    if ending.record_64 is not None:
        out += end_64(facts | ending.record_64, ending.locator, len(out))
    facts = facts | {"here": facts["entries"], "comment": len(ending.comment)} | ending.record
    numbers = [facts[one] for one in ("disk", "first", "here", "entries", "size", "directory", "comment")]
    return out + struct.pack("<4s4H2LH", END, *numbers) + ending.comment + ending.behind


def end_64(facts: Fields, locator: Fields, at: int) -> bytes:
    numbers = [facts[one] for one in ("entries", "entries", "size", "directory")]
    length = facts.get("length", 44)
    record = struct.pack("<4sQ2H2L4Q", END_64, length, 45, 45, facts["disk"], facts["first"], *numbers)
    found = {"disk": 0, "at": at, "disks": 1, "gap": b""} | locator
    gap = found["gap"]
    assert isinstance(gap, bytes)
    return record + gap + struct.pack("<4sLQL", LOCATOR_64, found["disk"], found["at"], found["disks"])


# Zips as common programs write them. What Java, Info-ZIP and 7-Zip write was looked at and is put together here; where
# those programs are found, `benchmarks/unpackers.py` makes real ones.


class Pipe(io.BytesIO):
    """A stream that cannot go back."""

    @override
    def seekable(self) -> bool:
        return False


def by_python(pipe: io.BytesIO, method: int = zipfile.ZIP_DEFLATED, *, force_zip64: bool = False) -> bytes:
    with zipfile.ZipFile(pipe, "w", method) as archive:
        archive.mkdir("assets")
        for name in ("index.html", "assets/größe.css"):
            with archive.open(name, "w", force_zip64=force_zip64) as file:
                file.write(b"<html>" * 50)
        archive.comment = b"made by Python"
    return pipe.getvalue()


UNIX_EXTRAS = extra(0x5455, b"\x03V8\x0ckV8\x0ck") + extra(0x7875, b"\x01\x04\0\0\0\0\x04\0\0\0\0")
UNIX_CENTRAL = extra(0x5455, b"\x03V8\x0ck") + extra(0x7875, b"\x01\x04\0\0\0\0\x04\0\0\0\0")
NTFS = extra(0x000A, b"\0\0\0\0\x01\0\x18\0" + bytes(24))
SIZES_64: Fields = {"size": FULL, "unpacked": FULL}


def in_64(entry: Entry) -> Entry:
    """An entry as `zip -fz` writes it: all sizes in the long form, where none needs it."""
    long = extra(0x0001, struct.pack("<QQ", len(entry.content), len(entry.bytes)))
    short = extra(0x0001, struct.pack("<Q", len(entry.content)))
    return replace(
        entry,
        local={"extra": long, "version": 45, **SIZES_64},
        central={"extra": short, "version": 45, "unpacked": FULL},
    )


def folder(name: str | bytes, local: Fields | None = None, central: Fields | None = None) -> Entry:
    return Entry(name, b"", zipfile.ZIP_STORED, mode=0o40755, local=local or {}, central=central or {})


def honest() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Names, and what makes a zip that has to be taken."""
    yield "python", lambda: by_python(io.BytesIO())
    yield "python, stored", lambda: by_python(io.BytesIO(), zipfile.ZIP_STORED)
    yield "python, streamed", lambda: by_python(Pipe())
    yield "python, streamed and stored", lambda: by_python(Pipe(), zipfile.ZIP_STORED)
    yield "python, zip64", lambda: by_python(io.BytesIO(), force_zip64=True)
    yield "python, zip64 streamed", lambda: by_python(Pipe(), force_zip64=True)
    mine: Fields = {"extra": UNIX_EXTRAS}
    listed: Fields = {"extra": UNIX_CENTRAL, "made": 0x031E}
    unflagged = replace(Entry("größe.css"), local={"flags": 0}, central={"flags": 0, "made": 0x031E})
    yield "zip", lambda: put_together(folder("d/", mine, listed), replace(INDEX, local=mine, central=listed))
    yield "zip, names in UTF-8 that no flag tells", lambda: put_together(INDEX, unflagged)
    yield "zip -fd", lambda: put_together(streamed("index.html"), folder("d/"), streamed("d/ä.css"))
    ending = Ending(record_64={})
    yield "zip -fz", lambda: put_together(in_64(INDEX), in_64(Entry("a.js")), ending=ending)
    cafe: Fields = {"extra": extra(0xCAFE, b"")}
    java = streamed("META-INF/MANIFEST.MF")
    yield "java", lambda: put_together(replace(java, local=java.local | cafe, central=cafe), streamed("ä/b.html"))
    empty = deflated(b"")
    zero: Fields = {"crc": 0, "size": 0, "unpacked": 0}
    dir_of_java = Entry("d/", b"", mode=0, flags=STREAMED, local=zero, packed=empty)
    yield "java, folder", lambda: put_together(replace(dir_of_java, after=descriptor(dir_of_java)), streamed())
    seven: Fields = {"extra": NTFS, "made": 0x033F, "attributes": 0x81A48020}
    yield "7z", lambda: put_together(replace(INDEX, central=seven), folder("d/", central={"extra": NTFS, "made": 0x3F}))
    yield "bsdtar of a folder", lambda: put_together(folder("./"), streamed("./index.html"), streamed("./css/a.css"))
    entry = replace(streamed(), after=descriptor(streamed(), signed=False))
    yield "a descriptor without a signature", lambda: put_together(entry)
    yield "no type of file, made by Windows", lambda: put_together(replace(INDEX, mode=0, central={"made": 0x0A14}))
    yield "with a line as its comment", lambda: put_together(INDEX, ending=Ending(comment=b"A plain line.\r\n"))
    said: Fields = {"comment": b"the first page"}
    yield "an entry with a comment", lambda: put_together(replace(INDEX, central=said))
    same = extra(0x7075, b"\x01" + struct.pack("<L", zlib.crc32("ä.css".encode())) + "ä.css".encode())
    yield "a second name that is the first", lambda: put_together(replace(Entry("ä.css"), extra=same))
    yield "an empty file", lambda: put_together(INDEX, Entry("empty.txt", b"", zipfile.ZIP_STORED))
    yield "a directory in another order", reordered
    yield "how hard it was packed", lambda: put_together(replace(INDEX, local={"flags": 2}))
    yield "emoji and Persian names", lambda: put_together(Entry("👨‍👩‍👧 ❤️.png"), Entry("می‌خواهم.html"))
    yield "names that only look odd", lambda: put_together(Entry("a b & c (1) ~ #.html"), Entry(".nojekyll"))
    yield (
        "names of devices inside others",
        lambda: put_together(Entry("console.js"), Entry("com10.css"), Entry("x.con")),
    )
    yield "sticky folder of a group", lambda: put_together(INDEX, replace(folder("d/"), mode=0o43775))
    yield "one well packed picture", lambda: put_together(INDEX, Entry("a.svg", bytes(5 * 1024 * 1024)))
    yield "a zip inside", lambda: put_together(INDEX, Entry("source.zip", put_together(streamed()), zipfile.ZIP_STORED))
    disks: Fields = {"here": 0xFFFF, "entries": 0xFFFF, "size": FULL, "directory": FULL}
    yield "nothing but zip64 says where", lambda: put_together(INDEX, ending=Ending(record_64={}, record=disks))


def reordered() -> bytes:
    """A directory that lists its entries in another order than they lie in."""
    whole = put_together(INDEX, Entry("app.js"))
    end, first = whole.find(END), whole.find(CENTRAL)
    second = whole.find(CENTRAL, first + 4)
    return whole[:first] + whole[second:end] + whole[first:second] + whole[end:]
