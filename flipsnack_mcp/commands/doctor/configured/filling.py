"""What reaches the server of an entry: placeholders filled in as its client does, variables and options read as the server does."""

import re
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass

from flipsnack_mcp import systems
from flipsnack_mcp.commands.doctor.configured.entries import NAMES_SHOWN, ClientEntry
from flipsnack_mcp.commands.setup.keychain import with_keychain
from flipsnack_mcp.commands.setup.starting import OF_THE_NETWORK
from flipsnack_mcp.parsing import WrongUsage, given_settings, parsed
from flipsnack_mcp.reading import CREDENTIALS
from flipsnack_mcp.settings import Settings, read_settings

STARTS_US = re.compile(
    r"(?:.*[/\\])?flipsnack[-_]mcp(?:-script)?(?:\.(?:exe|py))?(?:\[[\w,]+\])?(?:[@=]=?[\w.]+)?", re.IGNORECASE
)
"""A word that starts this program: its command, its module, or its package with a version."""
CONTAINERS = frozenset({"docker", "podman", "nerdctl"})
SOURCES = frozenset({"--from", "--directory", "--project", "--spec"})
"""Options of runners, behind which stands where they take a program from."""
VALUE_OF = re.compile(r"\$\{(?:env:)?(?P<name>\w+)(?::-(?P<otherwise>[^{}]*))?\}|\$(?P<plain>\w+)")
FILLED_BY = {
    "claude-code": re.compile(r"\$\{\w+(?::-[^{}]*)?\}"),
    "vscode": re.compile(r"\$\{(?:env|input|command|config):[^{}]+\}|\$\{(?:userHome|workspaceFolder[^{}]*)\}"),
    "cursor": re.compile(r"\$\{env:\w+\}|\$\{(?:userHome|workspaceFolder\w*|pathSeparator|/)\}"),
    "gemini": re.compile(r"\$\{\w+\}|\$\w+"),
}
"""What each client puts something else for. What it leaves as it stands reaches the server so, and is found there."""
HANDS_ON_ALL = frozenset({"claude-code", "vscode", "cursor", "gemini"})
"""Clients whose servers have all that their own environment has."""
KEEPS_SECRETS_BACK = frozenset({"gemini"})
"""Those of them that leave out what is called like a key or a secret, where the entry does not name it."""


@dataclass(frozen=True)
class ServerTold:
    """What reaches the server of an entry."""

    environment: Mapping[str, str]
    unseen: tuple[str, ...]
    """What a client fills in by what cannot be seen here."""


def reaching(entry: ClientEntry, here: Mapping[str, str]) -> ServerTold:
    """What the client makes of an entry, with what is known in this terminal."""
    ours = [name for name in here if name.startswith("FLIPSNACK_") and entry.kind in HANDS_ON_ALL]
    handed = [name for name in ours if not (entry.kind in KEEPS_SECRETS_BACK and name.startswith(CREDENTIALS))]
    known = {name: here[name] for name in (*handed, *entry.handed_on) if name in here}
    unseen = [name for name in entry.handed_on if name not in here]
    for name, value in entry.environment.items():
        filled = as_filled(value, entry.kind, here)
        known.pop(name, None)
        if filled is None:
            unseen.append(name)
        else:
            known[name] = filled
    return ServerTold(known, tuple(name for name in unseen if name in NAMES_SHOWN))


@contextmanager
def on_its_way(entry: ClientEntry, here: MutableMapping[str, str]) -> Iterator[None]:
    """Within it, proxies and authorities are those that the server of an entry would know of."""
    told, before = reaching(entry, here).environment, {name: here[name] for name in here if is_of_the_network(name)}
    if entry.kind not in HANDS_ON_ALL:
        for name in before:
            del here[name]
    here.update({name: value for name, value in told.items() if is_of_the_network(name)})
    try:
        yield
    finally:
        for name in [name for name in here if is_of_the_network(name)]:
            del here[name]
        here.update(before)


def is_of_the_network(name: str) -> bool:
    """Whether a variable says something of the way to the internet."""
    return name.upper() in OF_THE_NETWORK


def as_filled(value: str, kind: str, here: Mapping[str, str]) -> str | None:
    """A value as the client hands it on; nothing where that cannot be seen from here."""
    pattern, lost = FILLED_BY.get(kind), list[str]()
    if pattern is None:
        return value

    def filled(found: re.Match[str]) -> str:
        names = VALUE_OF.fullmatch(found[0])
        name = (names["name"] or names["plain"]) if names else ""  # what it is asked for by is no variable
        known = here.get(name, names["otherwise"]) if names else None
        if known is None:
            lost.append(found[0])
        return known or ""

    text = pattern.sub(filled, value)
    return None if lost else text


def starts_us(entry: ClientEntry) -> bool:
    """Whether what it would be told can be seen."""
    return not entry.address and program_at(entry) >= 0


def program_at(entry: ClientEntry) -> int:
    """Which of its words starts this program; -1 where none does, or what it would be told is not to be seen."""
    if systems.HERE.paths(entry.command).stem.lower() in CONTAINERS:
        return -1
    pairs = enumerate(zip(("", *entry.words), entry.words, strict=False))
    return next((at for at, (before, one) in pairs if STARTS_US.fullmatch(one) and before not in SOURCES), -1)


def settings_of_entry(entry: ClientEntry, here: Mapping[str, str]) -> Settings:
    """What the server of an entry would be told; its options count as far as they can be understood."""
    try:
        options = options_among(entry, here) if entry.command else {}
    except WrongUsage:
        options = {}
    return with_keychain(read_settings(reaching(entry, here).environment, options))


def options_among(entry: ClientEntry, here: Mapping[str, str]) -> dict[str, str]:
    """The settings among its arguments.

    Raises:
        WrongUsage: They are none that the server takes.
    """
    words = [as_filled(one, entry.kind, here) or one for one in entry.words]
    given = words[program_at(entry) + 1 :]
    if given and not given[0].startswith("-") and given[0] != "serve":
        raise WrongUsage("it is another command than `serve`, so no server starts")
    options = parsed(["serve", *(given[1:] if given[:1] == ["serve"] else given)])
    if options.http:
        raise WrongUsage("with --http it serves an address, and no client that starts it")
    return given_settings(options)
