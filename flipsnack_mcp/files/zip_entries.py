"""What the name and the attributes of a zip entry must not be."""

import re
import stat
import struct
import unicodedata
from collections.abc import Iterator
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipInfo

from flipsnack_mcp.files.names import has_control
from flipsnack_mcp.files.objections import Rules, first_objection

ENCRYPTED = 0x1 | 0x40 | 0x2000  # plain, strong, and a hidden directory
REPARSE_POINT = 0x400  # Windows' links
UNICODE_PATH = 0x7075  # a second name, which some unpackers prefer to the first
EXTRA = struct.Struct("<HH")
DRIVE = re.compile(r"[A-Za-z]:")


def _leads_out(name: str) -> bool:
    # Windows drops dots and spaces at the end of a name: ".. " is ".." there.
    return any(step not in {"", "."} and not step.rstrip(" .") for step in name.split("/"))


NAMES: Rules = (
    ("a name with control characters or none", lambda name: not name or has_control(name)),
    ("an absolute name", lambda name: name.startswith("/")),
    ("a name with a backslash", lambda name: "\\" in name),
    ("a name with a drive letter", lambda name: DRIVE.match(name) is not None),
    ("a name with a colon", lambda name: ":" in name),
    ("a name that leads out of its folder", _leads_out),
)


def objection(info: ZipInfo) -> str:
    """Returns why an entry is refused, or nothing."""
    for name in _names(info):
        reason = first_objection(name, NAMES)
        if reason:
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


def keys(info: ZipInfo) -> set[str]:
    """Returns the entry's names as the least careful file system would compare them."""
    return {_key(name) for name in _names(info)}


def _key(name: str) -> str:
    steps = [step.rstrip(" .") for step in name.split("/") if step not in {"", "."}]
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", "/".join(steps)).casefold())


def _names(info: ZipInfo) -> Iterator[str]:
    yield info.orig_filename  # `filename` is already cut at a NUL and, on Windows, has its backslashes turned
    extra = info.extra
    while len(extra) >= EXTRA.size:
        kind, size = EXTRA.unpack_from(extra)
        if kind == UNICODE_PATH:
            yield extra[EXTRA.size + 5 : EXTRA.size + size].decode(errors="replace")
        extra = extra[EXTRA.size + size :]
