"""What is configured here, where it came from, and whether it works. Shows no key and no secret."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio

from flipsnack_mcp import __version__
from flipsnack_mcp.api import ConfigurationError, FlipsnackError, Terms, names_with_room, one_line, quoted
from flipsnack_mcp.api.actions.statistics import GetUserStats
from flipsnack_mcp.api.network import described
from flipsnack_mcp.api.wire import signature
from flipsnack_mcp.commands import say
from flipsnack_mcp.commands.connecting import connect, kept_at, open_key_files, remember
from flipsnack_mcp.commands.doctor.finding import Finding, verdict
from flipsnack_mcp.files.folders import download_folder
from flipsnack_mcp.files.refusal import cure_of
from flipsnack_mcp.redis_address import is_redis, without_password
from flipsnack_mcp.server.consent.keys import sealing_keys_in
from flipsnack_mcp.settings import ACCOUNTS, VARIABLES, Settings, Variable
from flipsnack_mcp.started import as_typed
from flipsnack_mcp.store.labels import labels_in
from flipsnack_mcp.store.opening import address_in, state_file
from flipsnack_mcp.store.permissions import is_open_to_others
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.workflows.history import every_trail

# https://developers.flipsnack.com/how-to-sign-a-request
PUBLISHED = {"action": "collection.getCollection", "apiKey": "45FD-267-7SG7832", "collectionHash": "fxh4k89"}
PUBLISHED_SECRET = "123ABCDE-456-7890-FGH"  # noqa: S105  # the example of the documentation
PUBLISHED_SIGNATURE = "26e781d3d1751d82ec284acf4a019def"
CALL_PATIENCE = 20.0
UPLOADS, DOWNLOADS = "FLIPSNACK_UPLOAD_DIRS", "FLIPSNACK_DOWNLOAD_DIR"
WHICH_FOLDER = {UPLOADS: "uploads", DOWNLOADS: "downloads"}
NOT_SEEN_HERE = (
    "what an assistant's own configuration sets cannot be seen here: to look at its key, run `{}` with the same "
    "FLIPSNACK_ variables as stand there"
)
NO_KEY_HERE = "no key is set in this terminal, so Flipsnack was not asked; only what needs no key was looked at"


def doctor(settings: Settings, *, as_json: bool) -> int:
    """Look at everything and print it; 0 where all is well."""
    findings = anyio.run(examined, settings)
    well = all(one.ok for one in findings)
    say(report_json(settings, findings, well=well) if as_json else report(settings, findings))
    return 0 if well else 1


async def examined(settings: Settings) -> list[Finding]:
    """Look at everything, at what is local first; at the accounts of a file side by side."""
    if not settings.accounts:
        before = await used_before(settings)
        used = any(one.check == "state" and one.ok for one in before)
        local = [
            *(key_elsewhere(settings) if used else configuration(settings)),
            *await state(settings),
            *sealing(settings),
            *before,
            signing(),
            *folders(settings),
            *await callers(settings),
        ]
        return [*local, *await asked(settings)]
    found = dict[str, list[Finding]]()
    async with anyio.create_task_group() as looking:
        for one in settings.accounts:
            looking.start_soon(examine_account, one, settings, found)
    each = (one for account in settings.accounts for one in found[account.name])
    found_here = [*of_the_process(settings), *await state(settings), *sealing(settings), *await callers(settings)]
    return [*found_here, signing(), *each]


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
    """Tell that no key is set here; that is no fault where an assistant was given one. Half of one is."""
    if settings.problems or settings.api_key or settings.api_secret:
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
    for said in open_key_files(settings):
        yield Finding("keys", ok=True, said=said)


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


async def state(settings: Settings) -> list[Finding]:
    """Find out whether others may read what is remembered, and whether it is kept as it has to be."""
    if settings.problems:
        return []
    if is_redis(settings.state):
        return await state_on_redis(settings.state)
    file = state_file(kept_at(settings))
    if not (file and is_open_to_others(file)):
        return []
    said = f"{file} is open to other users of this machine; it is closed at its next use"
    return [Finding("state", ok=True, said=said)]


async def state_on_redis(state: str) -> list[Finding]:
    """Find out whether the server can be used, and keeps what is promised."""
    from flipsnack_mcp.store.redis.promises import broken_promises  # noqa: PLC0415  # few have one

    where = f"Redis at {address_in(state).shown}"
    try:
        broken = await broken_promises(state)
    except StoreUnusable as error:
        return [Finding("state", ok=False, said=str(error))]
    return [Finding("state", ok=False, said=f"{where}: {one}") for one in broken] or [
        Finding("state", ok=True, said=f"{where} keeps what is promised")
    ]


async def callers(settings: Settings) -> list[Finding]:
    """Find out who may call over HTTP, where callers are told apart, and who had changes made."""
    if not (settings.tokens or settings.auth_issuer):
        return []
    from flipsnack_mcp.team.authentication import looked_at_callers  # noqa: PLC0415  # it brings a web framework

    found = [Finding("callers", ok, said) for ok, said in await looked_at_callers(settings)]
    return [*found, *(await changes_by(settings) if not settings.problems and is_there(settings) else [])]


def is_there(settings: Settings) -> bool:
    """Tell whether anything can have been kept already: looking makes no file."""
    state = kept_at(settings)
    return is_redis(state) or bool((file := state_file(state)) and file.is_file())


async def changes_by(settings: Settings) -> list[Finding]:
    """Count the changes that each caller had made."""
    store = remember(settings)
    try:
        trails = await every_trail(store)
    except StoreUnusable:
        return []  # another look says so
    finally:
        await store.close()
    made = Counter(one.caller for trail in trails for one in trail.events if one.caller and one.decision != "allowed")
    told = [f"{quoted(name, 80)} ({count})" for name, count in made.most_common()]
    return [Finding("callers", ok=True, said=f"in the history: {names_with_room(told, 1000)}")] if told else []


async def used_before(settings: Settings) -> list[Finding]:
    """Name the accounts that the state file knows, in a terminal without a key: an assistant may have its own."""
    if not settings.missing:
        return []
    elsewhere = Finding("assistants", ok=True, said=NOT_SEEN_HERE.format(as_typed("doctor")))
    if settings.problems:
        return [elsewhere]
    if is_redis(settings.state):
        return [elsewhere, *await known_to(f"Redis at {address_in(settings.state).shown}", settings)]
    file = state_file(kept_at(settings))
    return [elsewhere, *(await known_to(str(file), settings) if file and file.is_file() else [])]


async def known_to(kept: str, settings: Settings) -> list[Finding]:
    """Name the accounts that servers used with what is kept there."""
    store = remember(settings)
    try:
        known = await store.transact(labels_in)
    except StoreUnusable as error:
        return [] if is_redis(settings.state) else [Finding("state", ok=False, said=str(error))]  # told already
    finally:
        await store.close()
    names = ", ".join(sorted(known.values()))
    approving = f"`{as_typed('history')}` and `{as_typed('approve')}` work for them without a key"
    return [Finding("state", ok=True, said=f"servers on {kept} used: {names}; {approving}")] if known else []


async def asked(settings: Settings) -> list[Finding]:
    """Ask Flipsnack, where that is possible."""
    if settings.missing:
        return []
    return [*([] if settings.sandbox else [network(settings)]), await call(settings)]


def signing() -> Finding:
    """Sign the example that Flipsnack publishes, and compare."""
    right = signature(PUBLISHED_SECRET, PUBLISHED) == PUBLISHED_SIGNATURE
    return Finding("signing", right, f"{'gives' if right else 'does not give'} the published signature")


def folders(settings: Settings) -> Iterator[Finding]:
    """Find out whether the folders are there and may be used."""
    for variable, said in settings.wrong_folders.items():
        yield Finding(WHICH_FOLDER[variable], ok=False, said=said)
    if not settings.upload_dirs and UPLOADS not in settings.wrong_folders:
        said = "no folder named: local files cannot be uploaded (FLIPSNACK_UPLOAD_DIRS)"
        yield Finding("uploads", ok=True, said=said)
    for folder in settings.upload_dirs:
        yield upload_folder(folder)
    if DOWNLOADS in settings.wrong_folders:
        return
    target = download_folder(settings.download_dir)
    nearest = next(one for one in (target, *target.parents) if one.exists() or one == one.parent)
    writable = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    yield Finding("downloads", writable, f"{target} {'can be written' if writable else 'cannot be written'}")


def network(settings: Settings) -> Finding:
    """Say which way Flipsnack is asked, or what is wrong with a proxy or with certificates on it."""
    try:
        ways = [described(one) for one in dict.fromkeys((settings.api_url, settings.upload_url))]
    except ConfigurationError as error:
        return Finding("network", ok=False, said=str(error))
    return Finding("network", ok=True, said="; ".join(ways))


def upload_folder(folder: Path) -> Finding:
    """Look into it: macOS forbids that to a program whatever the folder's own permissions say."""
    try:
        os.scandir(folder).close()
    except OSError as error:
        return Finding("uploads", ok=False, said=f"{folder} is no folder that can be read. {cure_of(error)}".rstrip())
    return Finding("uploads", ok=True, said=f"{folder} can be read")


async def call(settings: Settings) -> Finding:
    """Ask one harmless signed question: the account's statistics."""
    async with connect(settings) as flipsnack:
        try:
            stats = await flipsnack.send(GetUserStats(), terms=Terms(deadline=anyio.current_time() + CALL_PATIENCE))
        except FlipsnackError as error:
            return Finding("call", ok=False, said=f"{error.happened} {error.next_step}")
        except Exception as error:  # noqa: BLE001  # a doctor that breaks down helps nobody; the text can hold anything
            return Finding("call", ok=False, said=f"Something unexpected went wrong here: {type(error).__name__}.")
    return Finding("call", ok=True, said=f"user.getStats answered; API uploads left: {stats.api_uploads_left}")


def report(settings: Settings, findings: list[Finding]) -> str:
    """Write the findings for a person."""
    given = [one_line(f"  {name} = {value}  ({source})") for name, value, source in shown_settings(settings)]
    accounts = ["", "Accounts:", *map(account_line, settings.accounts)] if settings.accounts else []
    head = [f"flipsnack-mcp {__version__}, {mode(settings)}", "", "Settings:"]
    checks = ["", *(one.line for one in findings), "", verdict(findings)]
    return "\n".join([*head, *(given or ["  none given, all defaults"]), *accounts, *checks])


def account_line(account: Settings) -> str:
    """Say of an account what tells it from the others."""
    facts = [mode(account), *([f"key ending {account.key_end}"] if account.key_end else [])]
    return f"  {', '.join((account.name, *account.aliases))}: {', '.join(facts)}"


def report_json(settings: Settings, findings: list[Finding], *, well: bool) -> str:
    """Write the findings for a program."""
    given = [{"name": name, "value": value, "source": source} for name, value, source in shown_settings(settings)]
    facts = {"version": __version__, "mode": mode(settings), "ok": well, "settings": given}
    accounts = {"accounts": [account_facts(one) for one in settings.accounts]} if settings.accounts else {}
    return json.dumps({**facts, **accounts, "checks": [one.facts for one in findings]}, indent=2)


def account_facts(account: Settings) -> dict[str, object]:
    """Say the same for a program."""
    facts = {"name": account.name, "aliases": account.aliases, "label": account.label}
    return {**facts, "mode": mode(account), "key_end": account.key_end}


def mode(settings: Settings) -> str:
    """Say which Flipsnack is asked."""
    return "sandbox" if all(one.sandbox for one in settings.every) else "live"


def shown_settings(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """List what was given and where it came from."""
    for variable in VARIABLES:
        if source := settings.sources.get(variable.name):
            yield variable.name, shown_value(variable, settings), source


def shown_value(variable: Variable, settings: Settings) -> str:
    """Write a value as it may be shown; of a secret only that it is there."""
    if variable.secret:
        return "set"
    if variable.name == ACCOUNTS:
        return str(settings.accounts_file or "set")
    if variable.name == "FLIPSNACK_STATE":
        return without_password(settings.state)
    value = getattr(settings, variable.name.removeprefix("FLIPSNACK_").lower(), "set")
    if isinstance(value, tuple | frozenset):
        return os.pathsep.join(sorted(str(one) for one in value)) if value else "none"
    return str(value) if isinstance(value, str | int | Path) else "set"
