"""Key and secret: from a terminal, stdin or files, never from arguments; kept in the keychain, else in files for their owner only."""

import getpass
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import platformdirs

from flipsnack_mcp import systems
from flipsnack_mcp.api import FlipsnackError, NotAuthorisedError, Terms
from flipsnack_mcp.api.actions.statistics import GetUserStats
from flipsnack_mcp.as_written import LONGEST_CREDENTIAL, credential_in
from flipsnack_mcp.commands.connecting import connect
from flipsnack_mcp.commands.setup.client_file import OWNER_ONLY, Unsuitable, file_found
from flipsnack_mcp.commands.setup.editing.jsonc import BYTE_ORDER_MARK
from flipsnack_mcp.commands.setup.keychain import (
    Credentials,
    credentials_kept,
    drop_from_keychain,
    has_keychain,
    keep_in_keychain,
)
from flipsnack_mcp.commands.setup.starting import named_from_anywhere
from flipsnack_mcp.files.in_sight import is_file
from flipsnack_mcp.reading import CREDENTIALS
from flipsnack_mcp.settings import Settings, read_settings
from flipsnack_mcp.store.permissions import is_open_to_others

ASKED_WITHIN = 10.0
"""Seconds for asking Flipsnack whether it knows a key."""
NO_CREDENTIALS_CAME = (
    "No key and secret came. Type them at a terminal, give both on stdin, each on a line of its own, or name files that "
    "hold them with --api-key-file and --api-secret-file.{} Nothing was changed."
)
NOT_TO_BE_ASKED = "Flipsnack could not be asked whether it knows this key"
NO_SUCH_CREDENTIALS = "Nothing was kept and nothing was changed."


@dataclass(frozen=True)
class Keeping:
    """Where key and secret are kept, and so what the server has to be told."""

    said: str
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    extra: str = ""
    """What of this package reads them."""


IN_KEYCHAIN = Keeping("in the keychain of this computer", extra="keyring")


def typed_credentials(without_key: str, option: str = "") -> Credentials | None:
    """What a person types, which is not shown, or what comes on stdin; None where the person has none.

    The question says `without_key` what comes of that, and a refusal by what `option` a program gets the same.

    Raises:
        Unsuitable: Nothing came.
    """
    if sys.stdin.isatty():
        key = getpass.getpass(f"API key (nothing is shown; Enter {without_key}): ").strip()
        return Credentials(key, getpass.getpass("API secret: ").strip()) if key else None
    # Where a window looks like a terminal and is none, as in Git Bash, somebody waits for a question.
    sys.stderr.write(f"Key and secret are read from stdin, a line each.{systems.HERE.no_terminal}\n")
    key, secret = line_of_stdin(), line_of_stdin()
    if not key or not secret:
        raise Unsuitable(NO_CREDENTIALS_CAME.format(option))
    return Credentials(key, secret)


def line_of_stdin() -> str:
    """What stands on the next line. PowerShell puts a mark before the first one."""
    return sys.stdin.readline(LONGEST_CREDENTIAL).removeprefix(BYTE_ORDER_MARK).strip()


def check_credentials(credentials: Credentials, settings: Settings) -> str:
    """Raise where they cannot be right; what to say where that could not be found out.

    Raises:
        Unsuitable: They are wrong, and so is what was to be done with them.
    """
    environment = dict(zip(CREDENTIALS, (credentials.key, credentials.secret), strict=True))
    addresses = {"FLIPSNACK_API_URL": settings.api_url, "FLIPSNACK_UPLOAD_URL": settings.upload_url}
    told = read_settings({**environment, **addresses})
    if told.missing:
        raise Unsuitable(f"{told.missing} {NO_SUCH_CREDENTIALS}")
    return " ".join(filter(None, (*told.hints, anyio.run(asked_flipsnack, told))))


async def asked_flipsnack(settings: Settings) -> str:
    """Ask the most harmless question, once; what to say where the answer says nothing of the key."""
    with anyio.move_on_after(ASKED_WITHIN):
        async with connect(settings) as flipsnack:
            try:
                await flipsnack.send(GetUserStats(), terms=Terms(deadline=anyio.current_time() + ASKED_WITHIN))
            except NotAuthorisedError as error:
                # One of the hints may tell what is wrong.
                said = (error.happened, error.next_step, *settings.hints, NO_SUCH_CREDENTIALS)
                raise Unsuitable(" ".join(said)) from None
            except FlipsnackError as error:
                return f"{NOT_TO_BE_ASKED}: {error.happened}"
            return ""
    return f"{NOT_TO_BE_ASKED}: there was no answer in {ASKED_WITHIN:.0f} s."


def files_of_account(account: str) -> dict[str, Path]:
    """The files in which both are kept where there is no keychain, by the variables that name them."""
    folder = platformdirs.user_config_path("flipsnack-mcp", appauthor=False)
    return {f"{one}_FILE": folder / f"{account}.{one.rpartition('_')[2].lower()}" for one in CREDENTIALS}


def kept_in_files(account: str) -> Keeping:
    """How the files of an account are told of."""
    files = files_of_account(account)
    named = " and ".join(str(one) for one in files.values())
    return Keeping(f"in files for you alone ({named})", {name: str(one) for name, one in files.items()})


def will_be_kept(account: str) -> Keeping:
    """Where they would be kept; nothing is written.

    Raises:
        KeychainUnusable: There is a keychain, and it does not answer.
    """
    return IN_KEYCHAIN if has_keychain() else kept_in_files(account)


def keep_credentials(account: str, credentials: Credentials) -> Keeping:
    """Keep both, where nobody else reads them.

    Raises:
        KeychainUnusable: There is a keychain, and it does not take them.
        Unsuitable: The files cannot be written.
    """
    if has_keychain():
        keep_in_keychain(account, credentials)
        return IN_KEYCHAIN
    key, secret = (replace(file_found(one), mode=OWNER_ONLY) for one in files_of_account(account).values())
    written = key.write(f"{credentials.key}\n".encode())
    try:
        secret.write(f"{credentials.secret}\n".encode())
    except BaseException:  # a key without its own secret is worse than none
        written.write(key.content)
        raise
    return kept_in_files(account)


def kept_credentials(account: str) -> tuple[Credentials, Keeping] | None:
    """What was kept before, and where.

    Raises:
        KeychainUnusable: There is a keychain, and it does not answer.
    """
    if found := credentials_kept(account):
        return found, IN_KEYCHAIN
    with suppress(OSError, ValueError):
        key, secret = map(credential_in, files_of_account(account).values())
        return (Credentials(key, secret), kept_in_files(account)) if key and secret else None
    return None


def forget_credentials(account: str) -> list[str]:
    """Forget both, wherever they are kept; where they were.

    Raises:
        KeychainUnusable: There is a keychain, and it does not answer.
        Unsuitable: A file cannot be removed.
    """
    gone = [IN_KEYCHAIN.said] if drop_from_keychain(account) else []
    for path in files_of_account(account).values():
        if (found := file_found(path)).content is not None:
            found.write(None)
            gone.append(str(path))
    return gone


def read_from_pipes(given: Mapping[str, str]) -> dict[str, str]:
    """Key and secret from what can be read once alone, as a password manager hands them over; its name leads nowhere later."""
    told = dict[str, str]()
    for name in CREDENTIALS:
        path = Path(named_from_anywhere(given.get(f"{name}_FILE", "")))
        with suppress(OSError, ValueError):  # which is said where it is read as a file
            if path.is_fifo():
                told |= {name: credential_in(path), f"{name}_FILE": ""}
    return told


def given_files(given: Mapping[str, str]) -> Keeping | None:
    """The files that a person named for key and secret, where nobody else can read them: they can stay where they are."""
    named = {f"{one}_FILE": given.get(f"{one}_FILE", "") for one in CREDENTIALS}
    if not all(named.values()):
        return None
    files = {name: Path(named_from_anywhere(text)) for name, text in named.items()}
    if any(not is_file(one) or is_open_to_others(one) for one in files.values()):
        return None
    return Keeping("in the files that you named", {name: str(one) for name, one in files.items()})
