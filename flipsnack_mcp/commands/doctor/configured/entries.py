"""Entries in the configurations of clients that start this server, or bear its name: found on this computer, and read."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

from flipsnack_mcp.api import quoted
from flipsnack_mcp.clients import CLIENTS, Computer, this_computer
from flipsnack_mcp.commands.setup.editing.change import IN_JSON, IN_TOML, Configuration
from flipsnack_mcp.commands.setup.editing.jsonc import NotUnderstood
from flipsnack_mcp.settings import VARIABLES

SIGN = "flipsnack"
"""What a file has to hold somewhere, or it is none of our business."""
IN_A_PROJECT = {
    "claude-code": ".mcp.json",
    "vscode": ".vscode/mcp.json",
    "cursor": ".cursor/mcp.json",
    "codex": ".codex/config.toml",
    "gemini": ".gemini/settings.json",
}
"""What a client reads besides, in the folder in which somebody works."""
NAMES_SHOWN = frozenset(one.name for one in VARIABLES)
"""Names that can be shown: any other may be a key in the wrong place."""
TABLES = ("mcpServers", "servers")
"""Under one of which servers stand in JSON, by the client."""
HALF_OR_NUL = re.compile("[\0\ud800-\udfff]")
ADDRESSES = ("url", "serverUrl", "httpUrl")


@dataclass(frozen=True)
class ClientEntry:
    """A server as a client's configuration names it."""

    kind: str
    """Of its client, in `CLIENTS`."""
    file: Path
    name: str
    command: str = ""
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    handed_on: tuple[str, ...] = ()
    """Variables that the client hands on from its own environment."""
    address: str = ""
    """Where it is reached, if it runs elsewhere."""
    faults: tuple[str, ...] = ()
    """What in it no client could read."""
    project: str = ""
    """For which it counts alone."""

    @property
    def label(self) -> str:
        """For a person."""
        return f"{CLIENTS[self.kind].title}, {quoted(self.name, 60)}"

    @property
    def words(self) -> tuple[str, ...]:
        """What would be typed to start it."""
        return (self.command, *self.arguments)


@dataclass(frozen=True)
class UnreadFile:
    """A file that names this server and cannot be understood."""

    kind: str
    file: Path
    why: str


def found_here(computer: Computer | None = None, work: Path | None = None) -> list[ClientEntry | UnreadFile]:
    """What the clients of this computer are told of this server, at home and in the folder in which somebody works."""
    try:
        files = list(files_of_clients(computer or this_computer(), work or Path.cwd()))
    except (OSError, RuntimeError):  # somebody without a home, or in a folder that is gone
        return []
    return [one for kind, file in files for one in read_entries(kind, file)]


def files_of_clients(computer: Computer, work: Path) -> Iterator[tuple[str, Path]]:
    """Where each client may be told something, each file once."""
    seen = set[Path]()
    for kind, client in CLIENTS.items():
        own = [Path(one) for one in client.files(computer)]
        for file in (*own, *([work / IN_A_PROJECT[kind]] if kind in IN_A_PROJECT else ())):
            if file not in seen:
                seen.add(file)
                yield kind, file


def client_of_file(file: Path, computer: Computer | None = None) -> str:
    """Whose configuration a file is: by where it lies, else by what it is called."""
    known = {path: kind for kind, path in files_of_clients(computer or this_computer(), file.parent)}
    if file in known:
        return known[file]
    if of_a_project := [kind for kind, name in IN_A_PROJECT.items() if file.match(name)]:
        return of_a_project[0]
    if file.suffix == ".toml":
        return "codex"
    by_name = {".claude.json": "claude-code", "settings.json": "gemini"}
    if file.name in by_name:
        return by_name[file.name]
    content = content_of(file)
    if b'"servers"' in content:
        return "vscode"
    # Two clients call it alike; what stands in it they do not.
    usual = "cursor" if b'"mcpServers"' in content else "vscode"
    return usual if file.name == "mcp.json" else "claude-desktop"


def read_entries(kind: str, file: Path) -> list[ClientEntry | UnreadFile]:
    """What a file says of this server; nothing where it cannot be opened, or names other servers alone."""
    content = content_of(file)
    try:
        return list(entries_in(kind, file, text_in_file(content)))
    except NotUnderstood as error:
        return [UnreadFile(kind, file, str(error))] if names_us(content) else []


def content_of(file: Path) -> bytes:
    """What a file holds; nothing where it is none, or cannot be opened."""
    with suppress(OSError):
        return file.read_bytes() if file.is_file() else b""
    return b""


def text_in_file(content: bytes) -> str:
    """What stands in a file.

    Raises:
        NotUnderstood: It is no text that a client reads.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotUnderstood("is not written in UTF-8: save it so") from None


def names_us(content: bytes) -> bool:
    """Whether this server is spoken of, in whatever encoding."""
    return SIGN.encode() in content.replace(b"\0", b"").lower()


def entries_in(kind: str, file: Path, text: str) -> Iterator[ClientEntry]:
    """The entries of a text that are ours.

    Raises:
        NotUnderstood: It is not what the client reads.
    """
    if SIGN not in text.lower():
        return
    for place, body in servers_in(kind, told_in(kind, text)):
        if SIGN in place.name.lower() or SIGN in " ".join(words_in(body)).lower():
            yield entry_at(place, file, body)


def told_in(kind: str, text: str) -> Mapping[str, Any]:
    """What a text says; the quick way where it is plain JSON, which can be megabytes of what a client remembers."""
    with suppress(ValueError, RecursionError):
        if kind != "codex" and isinstance(told := json.loads(text), dict):
            return told
    return Configuration(CLIENTS[kind], text, IN_TOML if kind == "codex" else IN_JSON).told


class EntryPlace(NamedTuple):
    """Where in a configuration a server stands."""

    kind: str
    name: str
    table: str
    project: str = ""


def servers_in(kind: str, told: Mapping[str, Any]) -> Iterator[tuple[EntryPlace, dict[str, Any]]]:
    """The servers that a configuration names: for everywhere, and for single projects where it has those in it as well."""
    parts = [("", told), *((str(name), one) for name, one in as_members(told.get("projects")))]
    for project, part in parts:
        for table in dict.fromkeys((CLIENTS[kind].table, *TABLES)):
            for name, body in as_members(as_table(part).get(table)):
                if isinstance(body, dict):
                    yield EntryPlace(kind, str(name), table, project), body


def as_table(value: object) -> Mapping[str, Any]:
    """An object; for anything else an empty one."""
    return value if isinstance(value, dict) else {}


def as_members(value: object) -> Iterable[tuple[str, Any]]:
    """The members of an object, of anything else none."""
    return as_table(value).items()


def words_in(body: Mapping[str, Any]) -> list[str]:
    """What it starts, as far as that is text."""
    arguments = body.get("args")
    return [str(one) for one in (body.get("command", ""), *(arguments if isinstance(arguments, list) else ()))]


def entry_at(place: EntryPlace, file: Path, body: Mapping[str, Any]) -> ClientEntry:
    """One entry, as far as it can be read, with what cannot."""
    command = body.get("command")
    return ClientEntry(
        place.kind,
        file,
        place.name,
        command if can_be_told(command) else "",
        as_texts(body.get("args")) or (),
        {str(one): value for one, value in as_members(body.get("env")) if can_be_told(value)},
        as_texts(body.get("env_vars")) or (),
        next((str(body[one]) for one in ADDRESSES if can_be_told(body.get(one))), ""),
        tuple(faults_in(place, body)),
        place.project,
    )


def faults_in(place: EntryPlace, body: Mapping[str, Any]) -> Iterator[str]:
    """What in an entry no client could read."""
    client, environment = CLIENTS[place.kind], body.get("env", {})
    if place.table != client.table:
        yield f'{client.title} reads "{client.table}", and it stands under "{place.table}"'
    if not can_be_told(body.get("command", "")):
        yield "its command is no text"
    if as_texts(body.get("args", [])) is None:
        yield "its arguments are no list of texts"
    if not isinstance(environment, dict):
        yield "its variables are no table"
    for one, value in as_members(environment):
        if not can_be_told(value):
            yield f"{one if one in NAMES_SHOWN else 'a variable'} is no text there: put it in quotes"


def as_texts(value: object) -> tuple[str, ...] | None:
    """What arguments have to be; None where it is something else."""
    return tuple(value) if isinstance(value, list) and all(map(can_be_told, value)) else None


def can_be_told(value: object) -> TypeGuard[str]:
    """Whether it is a text that a program can be given: without NUL, and without half characters."""
    return isinstance(value, str) and not HALF_OR_NUL.search(value)
