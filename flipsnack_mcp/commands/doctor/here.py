"""What is configured here, where it came from, and whether it works. Shows no key and no secret."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio

from flipsnack_mcp.api import ConfigurationError, FlipsnackError, Terms
from flipsnack_mcp.api.actions.statistics import GetUserStats
from flipsnack_mcp.api.network import described
from flipsnack_mcp.api.wire import signature
from flipsnack_mcp.commands import say
from flipsnack_mcp.commands.connecting import connect, open_key_files
from flipsnack_mcp.commands.doctor.finding import Finding
from flipsnack_mcp.commands.doctor.kept import changes_by, is_there, state, used_before
from flipsnack_mcp.commands.doctor.shown import report, report_json
from flipsnack_mcp.files.folders import download_folder
from flipsnack_mcp.files.refusal import cure_of
from flipsnack_mcp.server.consent.keys import sealing_keys_in
from flipsnack_mcp.settings import Settings

# https://developers.flipsnack.com/how-to-sign-a-request
PUBLISHED_REQUEST = {"action": "collection.getCollection", "apiKey": "45FD-267-7SG7832", "collectionHash": "fxh4k89"}
PUBLISHED_SECRET = "123ABCDE-456-7890-FGH"  # noqa: S105  # the example of the documentation
PUBLISHED_SIGNATURE = "26e781d3d1751d82ec284acf4a019def"
CALL_PATIENCE = 20.0
UPLOADS, DOWNLOADS = "FLIPSNACK_UPLOAD_DIRS", "FLIPSNACK_DOWNLOAD_DIR"
WHICH_FOLDER = {UPLOADS: "uploads", DOWNLOADS: "downloads"}
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


async def callers(settings: Settings) -> list[Finding]:
    """Find out who may call over HTTP, where callers are told apart, and who had changes made."""
    if not (settings.tokens or settings.auth_issuer):
        return []
    from flipsnack_mcp.team.authentication import looked_at_callers  # noqa: PLC0415  # it brings a web framework

    found = [Finding("callers", ok, said) for ok, said in await looked_at_callers(settings)]
    changes = await changes_by(settings) if not settings.problems and is_there(settings) else []
    return [*found, *changes, *spool(settings)]


def spool(settings: Settings) -> Iterator[Finding]:
    """Find out whether documents and packages of a team can lie where they are to, and makes nothing."""
    if not (folder := settings.spool_dir):
        return
    nearest = next(one for one in (folder, *folder.parents) if one.exists() or one == one.parent)
    usable = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    yield Finding(
        "spool", usable, f"{folder} {'can be written' if usable else 'cannot be written'} (FLIPSNACK_SPOOL_DIR)"
    )


async def asked(settings: Settings) -> list[Finding]:
    """Ask Flipsnack, where that is possible."""
    if settings.missing:
        return []
    return [*([] if settings.sandbox else [network(settings)]), await call(settings)]


def signing() -> Finding:
    """Sign the example that Flipsnack publishes, and compare."""
    right = signature(PUBLISHED_SECRET, PUBLISHED_REQUEST) == PUBLISHED_SIGNATURE
    return Finding("signing", right, f"{'gives' if right else 'does not give'} the published signature")


def folders(settings: Settings) -> Iterator[Finding]:
    """Find out whether the folders are there and may be used."""
    if settings.tokens or settings.auth_issuer:  # a team's server reads and writes nobody's folders
        return
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
