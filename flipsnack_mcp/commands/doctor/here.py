"""What is configured here, where it came from, and whether it works. Shows no key and no secret."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio

from flipsnack_mcp.api import ConfigurationError
from flipsnack_mcp.commands import say
from flipsnack_mcp.commands.doctor.asking import asked, signing
from flipsnack_mcp.commands.doctor.configured.entries import ClientEntry, client_of_file, found_here, read_entries
from flipsnack_mcp.commands.doctor.configured.filling import on_its_way, settings_of_entry, starts_us
from flipsnack_mcp.commands.doctor.configured.judging import judged
from flipsnack_mcp.commands.doctor.finding import Finding, all_set_right, found_in_client
from flipsnack_mcp.commands.doctor.folders import folders, key_files, spool
from flipsnack_mcp.commands.doctor.kept import changes_by, is_there, state, used_before
from flipsnack_mcp.commands.doctor.shown import json_of, report, report_json, report_of
from flipsnack_mcp.commands.setup.starting import named_from_anywhere
from flipsnack_mcp.files.in_sight import is_file
from flipsnack_mcp.server.consent.keys import sealing_keys_in
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.started import as_typed

NO_KEY_HERE = "no key is set in this terminal, so Flipsnack was not asked; only what needs no key was looked at"


def doctor(settings: Settings, *, as_json: bool, fix: bool = False) -> int:
    """Look at everything and print it; 0 where all is well. With `fix` again, after what can be set right was."""
    findings, done = anyio.run(examined, settings), None
    if fix and (done := all_set_right(findings)):
        findings = anyio.run(examined, settings)
    say((report_json if as_json else report)(settings, findings, done))
    return 0 if all(one.ok for one in findings) else 1


def doctor_of_config(named: str, *, as_json: bool, fix: bool = False) -> int:
    """The same for what a client's configuration says, asking Flipsnack with the key that stands there."""
    file = Path(named_from_anywhere(named))
    findings, done = anyio.run(examined_config, file), None
    if fix and (done := all_set_right(findings)):
        findings = anyio.run(examined_config, file)
    say((json_of if as_json else report_of)("config", str(file), findings, done))
    return 0 if all(one.ok for one in findings) else 1


async def examined_config(file: Path) -> list[Finding]:
    """Look at each entry that starts this server; Flipsnack is asked where nothing is wrong before that."""
    entries = read_entries(client_of_file(file), file)
    if not entries:
        return [no_entry(file)]
    findings = judged(entries, os.environ)
    wrong = {one.client for one in findings if not one.ok}
    for one in entries:
        if isinstance(one, ClientEntry) and starts_us(one) and one.label not in wrong:
            with on_its_way(one, os.environ):
                findings += found_in_client(one.label, await tried(settings_of_entry(one, os.environ)))
    return findings


def no_entry(file: Path) -> Finding:
    """Say that a file says nothing of this server."""
    readable = is_file(file) and os.access(file, os.R_OK)
    why = "names no server that is this one" if readable else "is not there, or no file that can be read"
    return Finding("entry", ok=False, said=f"{file} {why}; `{as_typed('setup --help')}` says how one gets there")


async def tried(settings: Settings) -> list[Finding]:
    """Whether its store can be used, and Flipsnack answers each of its accounts."""
    answers = [replace(found, account=one.name) for one in settings.every for found in await asked(one)]
    return [*await state(settings), *answers]


async def examined(settings: Settings) -> list[Finding]:
    """Look at everything, at what is local first; at the accounts of a file side by side."""
    clients = judged(found_here(), os.environ)
    if not settings.accounts:
        before = await used_before(settings, seen=bool(clients))
        elsewhere = clients or [one for one in before if one.check == "state" and one.ok]
        local = [
            *(key_elsewhere(settings) if elsewhere else configuration(settings)),
            *key_files(settings, os.environ),
            *await state(settings),
            *sealing(settings),
            *before,
            signing(),
            *folders(settings),
            *await callers(settings),
        ]
        return [*local, *clients, *await asked(settings)]
    found = dict[str, list[Finding]]()
    async with anyio.create_task_group() as looking:
        for one in settings.accounts:
            looking.start_soon(examine_account, one, settings, found)
    each = (one for account in settings.accounts for one in found[account.name])
    of_all = [*of_the_process(settings), *await state(settings), *sealing(settings), *await callers(settings)]
    return [*of_all, signing(), *clients, *each]


async def examine_account(account: Settings, process: Settings, found: dict[str, list[Finding]]) -> None:
    """Look at one account; what is wrong with the whole process is told elsewhere."""
    own = replace(account, problems=tuple(one for one in account.problems if one not in process.problems))
    findings = [*configuration(own), *folders(account), *await asked(account)]
    found[account.name] = [replace(one, account=account.name) for one in findings]


def configuration(settings: Settings) -> Iterator[Finding]:
    """Find what is missing or malformed."""
    if settings.missing or not settings.hints:
        yield Finding("configuration", not settings.missing, settings.missing or "complete")
    yield from looked_odd(settings)


def key_elsewhere(settings: Settings) -> Iterator[Finding]:
    """Tell that no key is set here; that is no fault where an assistant was given one. Half of one is, and an imitation needs none."""
    if settings.problems or settings.sandbox or settings.api_key or settings.api_secret:
        yield from configuration(settings)
        return
    yield Finding("configuration", ok=True, said=NO_KEY_HERE)
    yield from looked_odd(settings)


def looked_odd(settings: Settings) -> Iterator[Finding]:
    """Tell what looks wrong, and what was left open."""
    for hint in settings.hints:
        yield Finding("configuration", ok=False, said=hint)
    for note in settings.notes:
        yield Finding("configuration", ok=True, said=note)


def of_the_process(settings: Settings) -> Iterator[Finding]:
    """Find what is wrong for all accounts of a file, and with the files that hold their keys."""
    for problem in settings.problems:
        yield Finding("configuration", ok=False, said=problem)
    yield from looked_odd(settings)
    yield from key_files(settings, {})


def sealing(settings: Settings) -> Iterator[Finding]:
    """Find out whether a person's own key that seals questions is one."""
    if (file := settings.state_key_file) is None:
        return
    try:
        count = len(sealing_keys_in(file))
    except ConfigurationError as error:
        yield Finding("sealing", ok=False, said=str(error))
        return
    more = "; the first one seals, and both open" if count > 1 else ""
    yield Finding("sealing", ok=True, said=f"{file} holds {'two keys' if count > 1 else 'a key'}{more}")


async def callers(settings: Settings) -> list[Finding]:
    """Find out who may call over HTTP, where callers are told apart, and who had changes made."""
    if not (settings.tokens or settings.auth_issuer):
        return []
    from flipsnack_mcp.team.authentication.starting import looked_at_callers  # noqa: PLC0415  # it brings a web framework

    found = [Finding("callers", ok, said) for ok, said in await looked_at_callers(settings)]
    changes = await changes_by(settings) if not settings.problems and is_there(settings) else []
    return [*found, *changes, *spool(settings)]
