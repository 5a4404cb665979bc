"""The names in a zip: what they must not be, and which of them would be one file somewhere."""

import re
import unicodedata
from collections.abc import Iterator

from flipsnack_mcp.files.names import (
    DRIVE,
    INVISIBLE_LETTERS,
    TextRules,
    has_control,
    is_reserved,
    without_format_characters,
)
from flipsnack_mcp.files.zips.bytes_of_zip import unsafe
from flipsnack_mcp.text import one_line

OLD_VERSION = re.compile(r";[0-9]+(/|$)")  # as VMS writes it; unzip takes it off
REFUSED_BY_WINDOWS = re.compile(r'[<>"|?*]')
MOST_BYTES, MOST_BYTES_OF_STEP, MOST_STEPS = 1000, 255, 32
# A package is pages, pictures and scripts for a browser. These are opened by the system or run by it.
LEADS_ELSEWHERE = frozenset({
    "lnk", "url", "website", "desktop", "webloc", "inetloc", "fileloc", "scf", "library-ms", "search-ms", "searchconnector-ms",
    "appref-ms", "theme", "rdp",
})  # fmt: skip
PROGRAMS = frozenset({
    # Windows
    "exe", "scr", "com", "bat", "cmd", "pif", "msi", "msp", "mst", "msix", "msixbundle", "appx", "appxbundle", "appinstaller",
    "application", "ps1", "psm1", "vb", "vbs", "vbe", "jse", "ws", "wsf", "wsh", "wsc", "sct", "hta", "cpl",
    "msc", "reg", "inf", "chm", "dll", "ocx", "xll", "gadget", "diagcab", "settingcontent-ms",
    # as disks, whose programs the system then no longer knows to be from elsewhere
    "iso", "img", "vhd", "vhdx",
    # macOS, Linux, and wherever Java or Python is
    "command", "app", "terminal", "workflow", "scpt", "pkg", "mpkg", "dmg", "sh", "bash", "run", "appimage",
    "deb", "rpm", "flatpakref", "jar", "jnlp", "py", "pyw", "pyz", "pyzw",
})  # fmt: skip
# macOS takes a folder of such a name for a program; one that is called as a host is, cdn.flipsnack.com, is a folder everywhere.
BUNDLES = frozenset({"app", "workflow", "pkg", "mpkg"})
READ_BY_THE_DESKTOP = frozenset({"desktop.ini", "autorun.inf", ".directory"})


def steps_of(name: str) -> list[str]:
    """Split a name into folders and file. Some writers begin with `./`, or with that folder itself."""
    inside = name.removeprefix("./")
    return inside.removesuffix("/").split("/") if inside else []


def _leads_out(name: str) -> bool:
    # Windows drops dots and spaces at the end of a name: ".. " is ".." there.
    return any(step.startswith("..") and not step.rstrip(" .") for step in name.split("/"))


def _extension(step: str) -> str:
    return step.rpartition(".")[2].lower() if "." in step else ""


def _last(name: str) -> str:
    return (steps_of(name) or [""])[-1].lower()


def _too_long(name: str) -> bool:
    steps = steps_of(name)
    longest = max((len(step.encode()) for step in steps), default=0)
    return len(name.encode()) > MOST_BYTES or longest > MOST_BYTES_OF_STEP or len(steps) > MOST_STEPS


UNSAFE_NAMES: TextRules = (
    ("a name with control characters or none", lambda name: not name or has_control("".join(set(name)))),
    ("an absolute name", lambda name: name.startswith("/")),
    ("a name with a backslash", lambda name: "\\" in name),
    ("a name with a drive letter", lambda name: DRIVE.match(name) is not None),
    ("a name with a colon", lambda name: ":" in name),
    ("a name that leads out of its folder", _leads_out),
    ("a name with characters that cannot be seen", lambda name: one_line(name) != name),
    ("a name with characters that Windows refuses", lambda name: REFUSED_BY_WINDOWS.search(name) is not None),
    ("a name with the number of a version", lambda name: OLD_VERSION.search(name) is not None),
    ("a name with an empty step", lambda name: not {"", "."}.isdisjoint(steps_of(name))),
    (
        "a name with a dot or space at its end",
        lambda name: any(step != step.rstrip().rstrip(" .") for step in steps_of(name)),
    ),
    ("a name that is a device on Windows", lambda name: any(map(is_reserved, steps_of(name)))),
    ("a too long name", _too_long),
    ("a shortcut", lambda name: _extension(_last(name)) in LEADS_ELSEWHERE or _last(name) in READ_BY_THE_DESKTOP),
    (
        "a program",
        lambda name: (
            _extension(name.rpartition("/")[2]) in PROGRAMS
            or any(_extension(step) in BUNDLES for step in steps_of(name))
        ),
    ),
)


class Tree:
    """The files and folders that come of the names, on the least careful file system."""

    def __init__(self) -> None:
        self._files, self._folders, self._named = set[str](), set[str](), set[str]()

    def add(self, names: tuple[str, ...], *, is_folder: bool) -> None:
        """Give an entry its place, under all the names it may be read by; raises where another one has it."""
        for place in {_compared(steps_of(name)) for name in names}:
            if place in self._files or place in (self._named if is_folder else self._folders):
                raise unsafe("two entries have the same name")
            (self._named if is_folder else self._files).add(place)
            self._add_folders(place if is_folder else place.rpartition("/")[0])

    def _add_folders(self, place: str) -> None:
        for folder in _upwards(place):
            if folder in self._folders:
                return
            if folder in self._files:
                raise unsafe("two entries have the same name")
            self._folders.add(folder)


def _upwards(place: str) -> Iterator[str]:
    while place:
        yield place
        place = place.rpartition("/")[0]


def _compared(steps: list[str]) -> str:
    """Returns a name as the least careful file system would compare it."""
    seen = INVISIBLE_LETTERS.sub("", without_format_characters("/".join(steps)))
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", seen).casefold())
