"""Whether an entry in a client's configuration starts this server rightly: command, placeholders, settings, folders, key."""

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from flipsnack_mcp import published, systems
from flipsnack_mcp.api import names_with_room, quoted
from flipsnack_mcp.clients import CLIENTS, this_computer
from flipsnack_mcp.commands.connecting import IS_OPEN, NO_APPROVAL, approves_nothing
from flipsnack_mcp.commands.doctor.configured.entries import ClientEntry, UnreadFile
from flipsnack_mcp.commands.doctor.configured.filling import (
    SOURCES,
    STARTS_US,
    as_filled,
    options_among,
    reaching,
    settings_of_entry,
    starts_us,
)
from flipsnack_mcp.commands.doctor.finding import Finding, found_in_client
from flipsnack_mcp.commands.doctor.folders import folders, key_files
from flipsnack_mcp.commands.doctor.visit import server_at
from flipsnack_mcp.files.in_sight import is_closed, is_file, is_in_sight
from flipsnack_mcp.files.refusal import quote_path
from flipsnack_mcp.parsing import WrongUsage
from flipsnack_mcp.reading import ACCOUNTS, CREDENTIALS
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.started import SCRIPT, as_typed, quoted_for_shell
from flipsnack_mcp.store.permissions import is_open_to_others

RUNNERS = frozenset({"uvx", "uv", "pipx"})
FROM_A_DOCK = "claude-desktop"
"""The one of them that does not ask a shell for its environment."""
NAMED = re.compile(r"\bFLIPSNACK_\w+")
ASKED_FOR = ("Desktop", "Documents", "Downloads")
"""Folders that macOS opens to a program only once its person has said so."""


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
    told = filter(None, (key, *asked_instead(settings), filled, uploads, *maybe_otherwise(entry, settings)))
    return Finding("entry", ok=True, said=f"starts this server: {'; '.join(told)} ({entry.file})")


def asked_instead(settings: Settings) -> Iterator[str]:
    """Whom it asks in Flipsnack's place: in a folder of somebody else this may be who wants the key."""
    usual = {host_of(one) for one in (Settings.api_url, Settings.upload_url)}
    asked = (host_of(url) for one in settings.every if not one.sandbox for url in (one.api_url, one.upload_url))
    if others := [*dict.fromkeys(one for one in asked if one not in usual)]:
        yield f"asks {names_with_room([quoted(one, 200) for one in others], 400)} in the place of Flipsnack"


def host_of(address: str) -> str:
    """Whom a request to an address is sent to."""
    return urlsplit(address).hostname or ""


def maybe_otherwise(
    entry: ClientEntry, settings: Settings, found: Callable[[str], str | None] = shutil.which
) -> Iterator[str]:
    """What holds for this terminal and may not hold for the client, which was started from a dock or a menu."""
    title = CLIENTS[entry.kind].title
    if entry.kind == FROM_A_DOCK and systems.HERE.modes and entry.command == Path(entry.command).name:
        whole = quote_path(found(entry.command) or entry.command)
        yield f"{title} may look for it elsewhere than this terminal does: if it does not start, let its command be {whole}"
    home = this_computer().home
    if systems.HERE.asks_for_folders and any(
        home / one in (folder, *folder.parents) for one in ASKED_FOR for folder in settings.upload_dirs
    ):
        yield f"macOS lets {title} read there once you allow it (System Settings > Privacy & Security > Files and Folders)"


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
    for said in dict.fromkeys(setting_faults(settings, reaching(entry, here).unseen)):
        yield Finding("entry", ok=False, said=f"{said}{said_elsewhere(said, entry, here) or where}")
    if not settings.problems and approves_nothing(settings):
        yield Finding("state", ok=False, said=NO_APPROVAL)
    for account in settings.every:
        yield from (one for one in folders(account) if not one.ok)
    for one in key_files(settings, reaching(entry, here).environment):
        yield one if is_of_person(entry) else replace(one, mend=None)
    if holds_key(entry) and is_open_to_others(entry.file):
        yield Finding("keys", ok=True, said=IS_OPEN.format(entry.file))


def is_of_person(entry: ClientEntry) -> bool:
    """Whether a person told their client so themselves: what comes with a project may name any file as one with a key."""
    return entry.file in map(Path, CLIENTS[entry.kind].files(this_computer()))


def holds_key(entry: ClientEntry) -> bool:
    """Whether a key stands in the file itself, and not only what its client fills in."""
    given = [entry.environment.get(one, "") for one in CREDENTIALS]
    return any(one and "${" not in one and as_filled(one, entry.kind, {}) == one for one in given)


def said_elsewhere(said: str, entry: ClientEntry, here: Mapping[str, str]) -> str:
    """Where else than in the entry a person sets a setting right: in the accounts file, which is named, or in this terminal."""
    told = reaching(entry, here).environment
    file = told.get(ACCOUNTS, "")
    if file and said.startswith(str(Path(os.path.expanduser(file)))):  # noqa: PTH111  # that of Path can raise
        return " The entry names that file."
    names = [one for one in NAMED.findall(said) if one in told and one not in entry.environment]
    return f" {names[0]} comes from this terminal." if names else ""


def setting_faults(settings: Settings, unseen: Iterable[str]) -> Iterator[str]:
    """What is wrong with its settings; a key that is filled in elsewhere is not missing."""
    hidden = any(one.startswith(CREDENTIALS) for one in unseen)
    for account in (settings, *settings.accounts):
        yield from (*account.problems, *account.hints)
        if account.missing and not account.problems and not hidden and not (account is settings and settings.accounts):
            yield account.missing


def command_faults(entry: ClientEntry, here: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with what it starts."""
    command, found = as_filled(entry.command, entry.kind, here), shutil.which
    if not command:
        yield from [] if command is None else ["it names no command"]
        return
    path = systems.HERE.paths(command)
    if not path.is_absolute():
        if len(path.parts) > 1:
            yield f"its command {quoted(command, 200)} depends on the folder in which the client starts it: write the whole path"
        elif not found(command):
            yield f"its command {quoted(command, 200)} is not found from this terminal: install it, or write its whole path"
    elif not found(command) and (is_file(command) or is_closed(command)):
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
        if not is_in_sight(folder) and not is_closed(folder):
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
