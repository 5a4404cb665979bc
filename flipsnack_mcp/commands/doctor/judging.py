"""Whether an entry in a client's configuration starts this server rightly: command, placeholders, settings, folders, key."""

import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from flipsnack_mcp import published, systems
from flipsnack_mcp.api import names_with_room, quoted
from flipsnack_mcp.clients import CLIENTS
from flipsnack_mcp.commands.connecting import IS_OPEN
from flipsnack_mcp.commands.doctor.entries import ClientEntry, UnreadFile
from flipsnack_mcp.commands.doctor.finding import Finding, found_in_client
from flipsnack_mcp.commands.doctor.folders import folders, key_files
from flipsnack_mcp.commands.doctor.visit import server_at
from flipsnack_mcp.commands.setup.keychain import with_keychain
from flipsnack_mcp.files.refusal import quote_path
from flipsnack_mcp.parsing import WrongUsage, given_settings, parsed
from flipsnack_mcp.reading import CREDENTIALS
from flipsnack_mcp.settings import Settings, read_settings
from flipsnack_mcp.started import SCRIPT, as_typed, quoted_for_shell
from flipsnack_mcp.store.permissions import is_open_to_others

STARTS_US = re.compile(
    r"(?:.*[/\\])?flipsnack[-_]mcp(?:-script)?(?:\.(?:exe|py))?(?:\[[\w,]+\])?(?:[@=]=?[\w.]+)?", re.IGNORECASE
)
"""A word that starts this program: its command, its module, or its package with a version."""
RUNNERS = frozenset({"uvx", "uv", "pipx"})
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
FROM_A_DOCK = "claude-desktop"
"""The one of them that does not ask a shell for its environment."""
ASKED_FOR = ("Desktop", "Documents", "Downloads")
"""Folders that macOS opens to a program only once its person has said so."""
HANDS_ON_ALL = frozenset({"claude-code", "vscode", "cursor", "gemini"})
"""Clients whose servers have all that their own environment has."""


@dataclass(frozen=True)
class ServerTold:
    """What reaches the server of an entry."""

    environment: Mapping[str, str]
    unseen: tuple[str, ...]
    """What a client fills in by what cannot be seen here."""


def reaching(entry: ClientEntry, here: Mapping[str, str]) -> ServerTold:
    """What the client makes of an entry, with what is known in this terminal."""
    handed = [name for name in here if name.startswith("FLIPSNACK_") and entry.kind in HANDS_ON_ALL]
    known = {name: here[name] for name in (*handed, *entry.handed_on) if name in here}
    unseen = [name for name in entry.handed_on if name not in here]
    for name, value in entry.environment.items():
        filled = as_filled(value, entry.kind, here)
        known.pop(name, None)
        if filled is None:
            unseen.append(name)
        else:
            known[name] = filled
    return ServerTold(known, tuple(unseen))


def as_filled(value: str, kind: str, here: Mapping[str, str]) -> str | None:
    """A value as the client hands it on; nothing where that cannot be seen from here."""
    pattern, lost = FILLED_BY.get(kind), list[str]()
    if pattern is None:
        return value

    def filled(found: re.Match[str]) -> str:
        names = VALUE_OF.fullmatch(found[0])
        name = names and (names["name"] or names["plain"])
        if name in here or (names and names["otherwise"] is not None):
            return here.get(name or "", names["otherwise"] if names else "")
        lost.append(found[0])
        return ""

    text = pattern.sub(filled, value)
    return None if lost else text


def judged(found: Sequence[ClientEntry | UnreadFile], here: Mapping[str, str]) -> list[Finding]:
    """What is wrong with each of them, or that nothing is; and which get in each other's way."""
    findings = list[Finding]()
    read = list[tuple[ClientEntry, Settings]]()
    for one in found:
        if isinstance(one, UnreadFile):
            findings += of_unread_file(one)
        elif one.address:
            findings += found_in_client(one.label, [elsewhere(one)])
        elif one.command and not starts_us(one):
            said = f"starts another program, or a container, which was not looked at ({one.file})"
            findings += found_in_client(one.label, [Finding("entry", ok=True, said=said)])
        else:
            settings = settings_of_entry(one, here)
            faults = list(entry_faults(one, settings, here))
            well = [rightly(one, settings, here)] if all(fault.ok for fault in faults) else []
            findings += found_in_client(one.label, [*well, *faults])
            read += [(one, settings)]
    return [*findings, *in_each_others_way(read)]


def starts_us(entry: ClientEntry) -> bool:
    """Whether what it would be told can be seen."""
    return not entry.address and program_at(entry) >= 0


def program_at(entry: ClientEntry) -> int:
    """Which of its words starts this program; -1 where none does, or what it would be told is not to be seen."""
    if systems.HERE.paths(entry.command).stem.lower() in CONTAINERS:
        return -1
    pairs = enumerate(zip(("", *entry.words), entry.words, strict=False))
    return next((at for at, (before, one) in pairs if STARTS_US.fullmatch(one) and before not in SOURCES), -1)


def of_unread_file(one: UnreadFile) -> list[Finding]:
    """A file that its client may not understand either."""
    title = CLIENTS[one.kind].title
    said = f"{one.file} {one.why}, and it names this server: {title} may not start it. It was left as it is; set it right there"
    return found_in_client(title, [Finding("entry", ok=False, said=said)])


def elsewhere(entry: ClientEntry) -> Finding:
    """One that is reached by an address."""
    try:
        look = as_typed(f"doctor --http {quoted_for_shell(server_at(entry.address).url)}")
    except ValueError:  # what it is may hold a secret
        return Finding("entry", ok=True, said="is reached over HTTP, and was not looked at")
    return Finding("entry", ok=True, said=f"is reached over HTTP; `{look}` looks at it")


def rightly(entry: ClientEntry, settings: Settings, here: Mapping[str, str]) -> Finding:
    """One that is well."""
    key = f"key ending {settings.key_end}" if settings.key_end else "the sandbox" if settings.sandbox else ""
    unseen = reaching(entry, here).unseen
    filled = (
        f"{names_with_room([*unseen], 200)} filled in by {CLIENTS[entry.kind].title} and not seen here"
        if unseen
        else ""
    )
    uploads = (
        f"uploads from {names_with_room([quote_path(one) for one in settings.upload_dirs], 400)}"
        if settings.upload_dirs
        else "no folder to upload from"
    )
    told = filter(None, (key, filled, uploads, *maybe_otherwise(entry, settings)))
    return Finding("entry", ok=True, said=f"starts this server: {'; '.join(told)} ({entry.file})")


def maybe_otherwise(
    entry: ClientEntry, settings: Settings, found: Callable[[str], str | None] = shutil.which
) -> Iterator[str]:
    """What holds for this terminal and may not hold for the client, which was started from a dock or a menu."""
    title = CLIENTS[entry.kind].title
    if entry.kind == FROM_A_DOCK and systems.HERE.modes and entry.command == Path(entry.command).name:
        yield f"{title} may look for {entry.command} elsewhere than this terminal does: if it does not start, write {found(entry.command)}"
    home = Path.home()
    if systems.HERE.asks_for_folders and any(
        home / one in (folder, *folder.parents) for one in ASKED_FOR for folder in settings.upload_dirs
    ):
        yield f"macOS lets {title} read there once you allow it (System Settings > Privacy & Security > Files and Folders)"


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


def entry_faults(entry: ClientEntry, settings: Settings, here: Mapping[str, str]) -> Iterator[Finding]:
    """What keeps it from working."""
    where = f" Change it in {entry.file}."
    for said in entry.faults or command_faults(entry, here):
        yield Finding("entry", ok=False, said=f"{said}.{where}")
    if entry.command and not entry.faults:
        yield from told_faults(entry, settings, here, where)


def told_faults(entry: ClientEntry, settings: Settings, here: Mapping[str, str], where: str) -> Iterator[Finding]:
    """What is wrong with what its server would be told."""
    try:
        options_among(entry, here)
    except WrongUsage as error:
        end = "" if str(error).endswith("?") else "."
        yield Finding("entry", ok=False, said=f"its arguments are not what `serve` takes: {error}{end}{where}")
    for said in setting_faults(settings, reaching(entry, here).unseen):
        yield Finding("entry", ok=False, said=f"{said}{where}")
    for account in settings.every:
        yield from (one for one in folders(account) if not one.ok)
    yield from key_files(settings, reaching(entry, here).environment)
    if set(CREDENTIALS) & entry.environment.keys() and is_open_to_others(entry.file):
        yield Finding("keys", ok=True, said=IS_OPEN.format(entry.file))


def setting_faults(settings: Settings, unseen: Iterable[str]) -> Iterator[str]:
    """What is wrong with its settings; a key that is filled in elsewhere is not missing."""
    hidden = any(one.startswith(CREDENTIALS) for one in unseen)
    for account in (settings, *settings.accounts):
        yield from (*account.problems, *account.hints)
        if account.missing and not account.problems and not hidden and not (account is settings and settings.accounts):
            yield account.missing


def command_faults(
    entry: ClientEntry, here: Mapping[str, str], found: Callable[[str], str | None] = shutil.which
) -> Iterator[str]:
    """What is wrong with what it starts."""
    command = as_filled(entry.command, entry.kind, here)
    if not command:
        yield from [] if command is None else ["it names no command"]
        return
    path = systems.HERE.paths(command)
    if not path.is_absolute():
        if len(path.parts) > 1:
            yield f"its command {quoted(command, 200)} depends on the folder in which the client starts it: write the whole path"
        elif not found(command):
            yield f"its command {quoted(command, 200)} is not found from this terminal: install it, or write its whole path"
    elif not found(command) and Path(command).is_file():
        yield f"its command {quote_path(command)} may not be carried out by this user"
    elif not found(command):
        yield f"its command {quote_path(command)} is not there any more: `{as_typed(f'setup {entry.kind}')}` writes the right one"
    yield from runner_faults(path.stem.lower(), entry)


def runner_faults(runner: str, entry: ClientEntry) -> Iterator[str]:
    """What is wrong with a package that a runner is to fetch."""
    if runner not in RUNNERS:
        return
    named = [one for before, one in pairwise(entry.words) if before in SOURCES]
    folders_named = [one.partition("[")[0] for one in named if systems.HERE.paths(one).is_absolute()]
    for folder in folders_named:
        if not Path(folder).exists():
            yield f"{quote_path(folder)}, from which {runner} takes it, is not there any more"
    by_name = not named or any(STARTS_US.fullmatch(one) and not {"/", "\\"} & set(one) for one in named)
    if by_name and not folders_named and not published.PUBLISHED:
        yield (
            f"it lets {runner} fetch {SCRIPT} by its name, which is not ours on the registry yet: whoever takes that name would "
            f"be handed the key. `{as_typed(f'setup {entry.kind}')}` writes what starts this one"
        )


def in_each_others_way(read: Sequence[tuple[ClientEntry, Settings]]) -> Iterator[Finding]:
    """Entries with one key: twice in one client, or not sharing what counts its calls."""
    seen = dict[str, tuple[ClientEntry, Settings]]()
    for entry, settings in read:
        for account in settings.every:
            if not account.api_key or account.sandbox:
                continue
            other, others = seen.setdefault(account.account, (entry, settings))
            if other is not entry and (said := clash(entry, settings, other, others)):
                yield from found_in_client(entry.label, [Finding("entry", ok=False, said=said, cause="shared key")])


def clash(entry: ClientEntry, settings: Settings, other: ClientEntry, others: Settings) -> str:
    """What is wrong with two entries on one key, if anything is."""
    together = entry.project == other.project or "" in {entry.project, other.project}
    if entry.kind == other.kind and entry.name != other.name and together:
        beside = f"{quoted(other.name, 60)} in {other.file}"
        return f"has the same key as {beside}, so each tool is offered twice: take one of them out"
    if settings.state != others.state:
        return (
            f"has the same key as {other.label} and another FLIPSNACK_STATE, so they do not share the calls that Flipsnack "
            "allows the key, nor the limits of deletions: give both the same"
        )
    return ""
