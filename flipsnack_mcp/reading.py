"""How one value after the other is read that a person, a shell or a host has written, and what is said of each that is wrong.

What can be understood is, by the rules of `as_written`. What a value was is never repeated.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from flipsnack_mcp.as_written import (
    IN_AN_EXAMPLE,
    JOINED,
    KEY_SHAPE,
    LEFT_OPEN,
    SECRET_SHAPE,
    SEE_THAT_IT_CAN_BE_READ,
    credential_in,
    is_plain_host,
    misspelt,
    reason_of,
    split_beside_placeholders,
)
from flipsnack_mcp.redis_address import is_redis, redis_address
from flipsnack_mcp.text import as_many

CONFIRM_WAYS = ("ask", "approve", "block", "allow")
TOOLSETS = ("default", "legacy")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
CREDENTIALS = ("FLIPSNACK_API_KEY", "FLIPSNACK_API_SECRET")
FOLDERS = ("FLIPSNACK_UPLOAD_DIRS", "FLIPSNACK_DOWNLOAD_DIR")
ACCOUNTS = "FLIPSNACK_ACCOUNTS"
NO_HOME = "This user has no home folder: set HOME (on Windows USERPROFILE) to the whole path of one."
AS_SENT = re.compile(r"https?://[\w.:\[\]-]+(?:/[\w.~!$&'()*+,;=:@%/-]*)?", re.ASCII | re.IGNORECASE)
"""An address as it comes in a request; of any other letters it would never be that of one."""
SWITCH_WORDS = {"1": True, "true": True, "0": False, "false": False}


@dataclass(frozen=True)
class Variable:
    """One setting, as docs/settings.md, the registry and the command line show it."""

    name: str
    meaning: str
    default: str = ""
    secret: bool = False
    flag: bool = False
    separator: str = ""
    """What stands between the parts of a list."""
    kind: str = "string"
    """What a form takes it for: string, number, boolean or filepath."""
    choices: tuple[str, ...] = ()
    """All that it may be, where that can be listed."""
    in_words: bool = False
    """Whether `default` describes a value instead of being one."""
    asked: str = ""
    """What a form calls it that asks for it; nothing where none does."""
    gist: str = ""
    """Its meaning without how a list is written, for who picks the parts one by one."""

    @property
    def option(self) -> str:
        """Its option of `serve`; a secret has none, options show in process lists."""
        return "" if self.secret else "--" + self.name.removeprefix("FLIPSNACK_").lower().replace("_", "-")


class Reading:
    """Reads one value after the other and collects problems, so that all are told at once."""

    def __init__(
        self, variables: Sequence[Variable], environment: Mapping[str, str], options: Mapping[str, str]
    ) -> None:
        self._variables = variables
        self.problems: list[str] = []
        self.hints: list[str] = [*misspelt(environment, [one.name for one in variables])]
        self.notes: list[str] = []
        self.wrong_folders: dict[str, str] = {}
        """What is wrong with a folder, by its variable: it stops only what needs that folder."""
        given = {one.name: environment[one.name] for one in variables if environment.get(one.name)}
        self._values = self._filled(given | dict(options))
        sources = dict.fromkeys(given, "environment") | dict.fromkeys(options, "option")
        self.sources = {name: source for name, source in sources.items() if name in self._values}
        # The sandbox needs no key, so one that a client failed to fill in is no problem there.
        self._in_sandbox = SWITCH_WORDS.get(self._values.get("FLIPSNACK_SANDBOX", "").lower(), False)
        if self._in_sandbox:
            self._drop_credentials()
        elif ACCOUNTS in self._values and self._drop_credentials():
            self.hints.append(f"A key is set beside {ACCOUNTS}, and not used: that file says which keys count.")

    def _drop_credentials(self) -> bool:
        """Look at no key and no secret; whether there were any that somebody filled in."""
        dropped = {name: value for name, value in self._values.items() if name.startswith(CREDENTIALS)}
        self._values = {name: value for name, value in self._values.items() if name not in dropped}
        return not all(map(LEFT_OPEN.fullmatch, dropped.values()))

    def _filled(self, given: Mapping[str, str]) -> dict[str, str]:
        """What somebody filled in: a placeholder alone, also as a part of a list, is a field that was left empty."""
        values = dict[str, str]()
        for one in self._variables:
            value = given.get(one.name, "")
            parts = split_beside_placeholders(value, one.separator)
            kept = [part for part in parts if one.secret or not LEFT_OPEN.fullmatch(part)]
            if len(kept) < len(parts):
                self.notes.append(f"{one.name} counts as not set where its placeholder, ${{...}}, was not filled in.")
            if any(kept):
                values[one.name] = one.separator.join(kept)
        return values

    def text(self, name: str) -> str:
        """A value as it stands, after pointing out what clients and shells get wrong."""
        value = self._values.get(name, "")
        if "${" in value:
            self._wrong(
                name, "still holds a placeholder, ${...}: the client did not fill it in; write the value itself."
            )
        elif value != value.strip() or (len(value) > 1 and value[0] in "\"'" and value[-1] == value[0]):
            self._wrong(name, "has quotes or spaces around its value: remove them.")
        return value

    def _wrong(self, name: str, said: str) -> None:
        """Note what is wrong with a value."""
        if name in FOLDERS:
            self.wrong_folders.setdefault(name, f"{name} {said}")
        elif (problem := f"{name} {said}") not in self.problems:  # a value may be read twice
            self.problems.append(problem)

    def as_it_stands(self, name: str, _: object) -> str:
        """A value that somebody else will understand."""
        return self.text(name)

    def credential(self, name: str, _: str) -> str:
        """A credential from its variable or from the file its `_FILE` variable names."""
        direct, file = self.text(name), self.text(f"{name}_FILE")
        if direct and file:
            self.problems.append(f"Both {name} and {name}_FILE are set: keep one of them.")
        if direct or not file:
            return direct
        try:
            content = credential_in(self._path(f"{name}_FILE", file))
        except (OSError, ValueError) as error:
            self.problems.append(
                f"The file that {name}_FILE names cannot be read: {reason_of(error)}. {SEE_THAT_IT_CAN_BE_READ}"
            )
            return ""
        if not content:
            self.problems.append(f"The file that {name}_FILE names is empty.")
        return content

    def _path(self, name: str, value: str) -> Path:
        try:
            return Path(value).expanduser()
        except RuntimeError:
            self._wrong(name, "names a home folder that cannot be found: write the whole path.")
            return Path(value)

    def look_at_credentials(self, key: str, secret: str) -> None:
        if key and key == secret:
            self.problems.append(
                "FLIPSNACK_API_KEY and FLIPSNACK_API_SECRET hold the same value: one of them is wrong."
            )
        elif SECRET_SHAPE.fullmatch(key) and KEY_SHAPE.fullmatch(secret):
            self.hints.append("FLIPSNACK_API_KEY and FLIPSNACK_API_SECRET look swapped.")
        for name, value in zip(CREDENTIALS, (key, secret), strict=True):
            if IN_AN_EXAMPLE.fullmatch(value):
                said = f"{name} looks like what an example has in its place: write the value itself."
                # One word alone may be somebody's key in an imitation of their own.
                (self.hints if value.isalpha() else self.problems).append(said)
        if any(not one.isprintable() or not one.isascii() for one in (key, secret)):
            self.problems.append("The API key or secret holds characters that neither can have: copy it once more.")

    def switch(self, name: str, default: bool, *, unclear: bool = False) -> bool:  # noqa: FBT001  # like every reader
        """A switch; a value that is none counts as `unclear` and is pointed out."""
        value = self.text(name).lower()
        if value and value not in SWITCH_WORDS:
            self.problems.append(f"{name} is neither 1, 0, true nor false.")
        return SWITCH_WORDS.get(value, unclear) if value else default

    def number(self, name: str, default: int, least: int = 1, most: int = 1000) -> int:
        value = self.text(name)
        if value.isascii() and value.isdigit() and len(value) <= len(str(most)) and least <= int(value) <= most:
            return int(value)
        if value:
            self.problems.append(f"{name} is no whole number from {least} to {most}.")
        return default

    def parts(self, name: str, separator: str) -> list[str]:
        return [part.strip() for part in self.text(name).split(separator) if part.strip()]

    def toolsets(self, name: str, default: frozenset[str]) -> frozenset[str]:
        """The sets that are known; where none is, the tools are there all the same, and every call says what is wrong."""
        names = frozenset(part.lower() for part in self.parts(name, ","))
        if unknown := names.difference(TOOLSETS):
            self.problems.append(
                f"{name} names {as_many(len(unknown), 'unknown set')}; there are: {', '.join(TOOLSETS)}."
            )
        return names - unknown or default

    def confirm(self, name: str, default: str) -> str:
        value = self.text(name).lower() or default
        if value not in CONFIRM_WAYS:
            self.hints.append(f"{name} is none of {', '.join(CONFIRM_WAYS)}: deletions are blocked.")
            return "block"
        return value

    def folders(self, name: str, default: tuple[Path, ...]) -> tuple[Path, ...]:
        if any(JOINED.search(one) and not os.path.exists(one) for one in self.parts(name, os.pathsep)):  # noqa: PTH110  # that of Path can raise
            self.hints.append(
                f'{name} looks like folders joined by something else: they are separated by "{os.pathsep}".'
            )
        return tuple(filter(None, (self._folder(name, one) for one in self.parts(name, os.pathsep)))) or default

    def folder(self, name: str, default: Path | None) -> Path | None:
        value = self.text(name)
        if not value and name in FOLDERS and not has_home():  # where it would be otherwise
            self._wrong(name, f"is not set. {NO_HOME}")
        return self._folder(name, value) if value else default

    def _folder(self, name: str, value: str) -> Path | None:
        """A folder; none where nobody can know which is meant."""
        path = self._path(name, value)
        if path.is_absolute():
            return path
        if not value.startswith("~"):
            self._wrong(name, "holds a relative folder: write the whole path.")
        return None

    def state(self, name: str, default: str) -> str:
        """Where to remember things; what cannot be understood is not repeated, it may hold a password."""
        before = len(self.problems)
        value = self.credential(name, "")
        if is_redis(value):
            self._look_at_redis(name, value)
        elif value == "sqlite::memory:":  # as others write it; a file of that name would be nobody's wish
            self.problems.append(f"{name} names no file: write memory: alone, and nothing is kept.")
        elif value and value != "memory:" and not (value.startswith("sqlite:") and len(value) > len("sqlite:")):
            said = "is neither sqlite:PATH (a file) nor redis://HOST:PORT/DATABASE nor memory: (nothing is kept)."
            self.problems.append(f"{name} {said}")
        elif value:
            self._look_at_file(name, self._path(name, value.removeprefix("sqlite:")))
        elif not (self._in_sandbox or has_home() or os.path.isabs(os.environ.get("XDG_STATE_HOME", ""))):  # noqa: PTH117  # a text
            self.problems.append(f"{NO_HOME} Or let {name} name a file.")
        return "memory:" if len(self.problems) > before else value or default

    def _look_at_file(self, name: str, path: Path) -> None:
        try:
            if not path.absolute().name:  # the folder of all, beside which nothing lies
                self.problems.append(f"{name} names no file but a whole disk: write the path of a file on it.")
        except OSError:
            self.problems.append(
                f"{name} names a file by its way from the working folder, which is gone: write the whole path."
            )

    def _look_at_redis(self, name: str, value: str) -> None:
        try:
            address = redis_address(value)
        except ValueError as error:
            self.problems.append(f"{name} {error}")
            return
        if address.passwords and self.sources.get(name) == "option":
            self.problems.append(
                "--state holds a password, which would show in process lists: set FLIPSNACK_STATE in the environment, "
                "or let FLIPSNACK_STATE_FILE name a file that holds the address."
            )

    def log_level(self, name: str, default: str) -> str:
        value = self.text(name).upper() or default
        if value not in LOG_LEVELS:
            self.hints.append(f"{name} is none of {', '.join(LOG_LEVELS)}: {default} is used.")
            return default
        return value

    def hosts(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """Names of hosts. What is none is left out and pointed out: without pictures all else goes on."""
        named = [one.lower() for one in self.parts(name, ",")]
        good = tuple(dict.fromkeys(filter(is_plain_host, named)))
        if len(good) < len(set(named)):
            self.hints.append(f"{name} takes plain host names such as {default[0]}: what is none is left out.")
        return good if named else default

    def address(self, name: str, default: str) -> str:
        """A base address: https anywhere, http on this machine only, for it carries the key."""
        value = self.text(name) or default
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host, parts = None, urlsplit("")
        good = host and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))
        if not good or "@" in parts.netloc or parts.query or parts.fragment:
            self.problems.append(f"{name} is no https address (http is taken for this machine only).")
            return default
        return value if value.endswith("/") else f"{value}/"

    def own_address(self, name: str, default: str) -> str:
        """An address that is compared as it stands, or none."""
        value = self.text(name)
        return value if value and self.address(name, default) != default else default

    def reached_at(self, name: str, default: str) -> str:
        """Under which address a server is reached: what comes behind it is added here."""
        value = self.own_address(name, default)
        if value.rstrip("/").endswith("/mcp"):
            said = "ends with /mcp, which is added to it: leave that out, else links for documents lead nowhere."
            self.hints.append(f"{name} {said}")
        if value and not AS_SENT.fullmatch(value.strip()):
            said = "has to be written as browsers send it: a name of other letters as xn--..., a space as %20."
            self._wrong(name, said)
            return default
        return value


def has_home() -> bool:
    """Whether it is known where this user keeps things."""
    home = os.path.expanduser("~")  # noqa: PTH111  # that of Path can raise
    return os.path.isabs(home) and os.environ.get("HOME") != ""  # noqa: PTH117  # a text
