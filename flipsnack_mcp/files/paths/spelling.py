"""What people and their programs write for a path: blanks before it, quotes, `~` and `file://` are understood."""

import re
import sys
from pathlib import PurePath, PureWindowsPath
from urllib.parse import unquote_to_bytes

from flipsnack_mcp.files.names import DRIVE, TextRules, can_be_written, first_objection, has_control
from flipsnack_mcp.files.refusal import RefusedFile, quote_path
from flipsnack_mcp.systems import System

LONGEST_PATH = 4096
QUOTES = {
    '"': '"', "'": "'", "`": "`", "<": ">", "\u201c": "\u201d", "\u201d": "\u201d", "\u201e": "\u201c\u201d",
    "\u2018": "\u2019", "\u201a": "\u2018\u2019", "\u00ab": "\u00bb", "\u00bb": "\u00ab",
}  # fmt: skip
FILE_URL = re.compile(r"file://([^/\\?#]*)(.*)", re.IGNORECASE | re.DOTALL)
# Two letters and more: one letter is a drive. A colon without a slash is a name: "Menu: spring.pdf".
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:[/\\]|.*://", re.DOTALL)
SEPARATORS = re.compile(r"[/\\]")
# A folder of another machine. What has a dot or a question mark for its machine is a device.
SHARE = re.compile(r"[/\\]{2}[^/\\?.:][^/\\:]*[/\\][^/\\]")


def is_double(path: str) -> bool:
    """Tells whether a path begins with two separators, as those of other machines and of devices do."""
    return bool(SEPARATORS.match(path) and SEPARATORS.match(path[1:]))


A_URL = "is a URL, not the path of a file"
ENCODING_OF_NAMES = sys.getfilesystemencoding().upper()
NOT_IN_ENCODING = (
    f"has letters that are not in {ENCODING_OF_NAMES}, in which this server was started: set PYTHONUTF8=1 in its "
    "environment and restart it"
)
AS_TEXT: TextRules = (
    ("is empty", lambda path: not path.strip()),
    (f"is longer than {LONGEST_PATH} characters", lambda path: len(path) > LONGEST_PATH),
    ("holds control characters", has_control),
)
AS_URL: TextRules = (
    (A_URL, lambda url: not FILE_URL.sub(r"\2", url)),
    (
        'holds "?" or "#", where a URL of a file ends; in a name write %3F or %23',
        lambda url: bool(re.search("[?#]", url)),
    ),
    ("holds an encoded slash", lambda url: bool(re.search("%2f|%5c", url, re.IGNORECASE))),
)
AS_PATH: TextRules = (
    *AS_TEXT,
    (A_URL, lambda path: URL.match(path) is not None),
    ("begins with the home folder of another user", lambda path: path.startswith("~")),
    ("holds the component '..'", lambda path: ".." in SEPARATORS.split(path)),
    (NOT_IN_ENCODING, lambda path: not can_be_written(path)),
)
ON_WINDOWS: TextRules = (
    ("is a device path, or names no share", lambda path: is_double(path) and not SHARE.match(path)),
    ("names no drive, or no folder on it", lambda path: bool(PureWindowsPath(path).anchor and not is_whole(path))),
)
NOT_ON_WINDOWS: TextRules = (
    ("is a network or device path", is_double),
    ("is a path of Windows, and this server runs on another system",
     lambda path: bool(DRIVE.match(path) and SEPARATORS.match(path[2:]))),
)  # fmt: skip


def is_whole(path: str) -> bool:
    """Tells whether a path of Windows names drive and folder, or share and folder."""
    return PureWindowsPath(path).is_absolute()


def understood(text: str, system: System, home: str) -> PurePath:
    """Returns the path that was meant, absolute or relative; refuses every spelling that could mean two things.

    What comes out of a URL, of quotes or of `~` is judged like what was written without them, and decoded only once.
    """
    drives = system.paths is PureWindowsPath
    path = without_quotes(text)
    _refuse(text, first_objection(path, AS_TEXT))
    if FILE_URL.fullmatch(path):
        path = _path_of_url(text, path, drives=drives)
    elif path == "~" or (path[:1] == "~" and path[1] in ("/\\" if drives else "/")):
        path = home + path[1:]
    _refuse(text, first_objection(path, (*AS_PATH, *(ON_WINDOWS if drives else NOT_ON_WINDOWS))))
    return system.paths(path)


def without_quotes(text: str) -> str:
    """Returns the text without blanks before it and line ends after it, and without one pair of quotes around it.

    A blank after it stays: there are names that end so, and they are refused.
    """
    path = text.lstrip().rstrip("\t\r\n")
    inside = path.rstrip()
    closing = QUOTES.get(inside[:1])
    return inside[1:-1] if closing and len(inside) > 1 and inside[-1] in closing else path


def _path_of_url(text: str, url: str, *, drives: bool) -> str:
    machine = "" if FILE_URL.sub(r"\1", url).lower() == "localhost" else FILE_URL.sub(r"\1", url)
    _refuse(text, "names a file of another machine" if machine and not drives else "")
    _refuse(text, first_objection(url, AS_URL))
    try:
        path = unquote_to_bytes(FILE_URL.sub(r"\2", url)).decode()
    except UnicodeError:
        path = ""
        _refuse(text, "holds bytes that are not in UTF-8")
    if machine:
        return f"//{machine}{path}"
    return path[1:] if drives and DRIVE.match(path[1:]) else path


def _refuse(text: str, reason: str) -> None:
    if reason:
        address = "an https address as file_url (create_collection), or " if reason == A_URL else ""
        # What is said goes into the history, and behind the path of an address may stand what opens it to anybody.
        shown = re.split(r"[?#]", text, maxsplit=1)[0] if reason == A_URL else text
        raise RefusedFile(
            f"The path {quote_path(shown)} {reason}.",
            f"Give {address}the absolute path of a file in an upload folder, or its name alone.",
        )
