"""The system's keychain, where the extra `keyring` is installed and it has one to talk to.

It is read once somebody needs what is in it, in a thread of its own and for five seconds at most: a keychain that is
locked may ask a person, who is not there when an assistant starts a server.
"""

import json
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Generic, Protocol, TypeVar, cast

from typing_extensions import override

from flipsnack_mcp.settings import Settings

LIBRARY = "keyring"
SERVICE = "flipsnack-mcp"
ONLY_ACCOUNT = "default"
"""What it is called where no accounts file names any."""
KEYCHAIN_PATIENCE = 5.0
WITH_A_PERSON = 120.0
"""Seconds where somebody sits at a terminal, whom the system may ask to unlock it."""
TRUSTED_FROM = 1
"""From what priority on the library recommends a backend; below are files that anybody can read who reads this user's."""
ONE_IMPORT = threading.Lock()
KeptT = TypeVar("KeptT")
HOW_ELSE = "Unlock it and start this again, or name files with FLIPSNACK_API_KEY_FILE and FLIPSNACK_API_SECRET_FILE."


class Keychain(Protocol):
    """What the library offers."""

    def get_password(self, service: str, username: str, /) -> str | None: ...
    def set_password(self, service: str, username: str, password: str, /) -> None: ...
    def delete_password(self, service: str, username: str, /) -> None: ...


class KeychainUnusable(Exception):  # noqa: N818  # it says why
    """The keychain does not answer, or not as it should; its text says what to do."""


@dataclass(frozen=True)
class Credentials:
    """A key and its secret."""

    key: str
    secret: str

    @override
    def __repr__(self) -> str:
        """Neither of them."""
        return "Credentials(...)"


@dataclass
class InThread(Generic[KeptT]):
    """What a thread came to."""

    value: KeptT | None = None
    error: Exception | None = None


def patience() -> float:
    """How long it is waited for."""
    return WITH_A_PERSON if sys.stdin and sys.stdin.isatty() else KEYCHAIN_PATIENCE


def has_keychain() -> bool:
    """Whether there is one that can be used.

    Raises:
        KeychainUnusable: It does not answer.
    """
    return find_spec(LIBRARY) is not None and bool(asked_in_time(lambda keychain: keychain is not None))


def credentials_kept(account: str) -> Credentials | None:
    """What the keychain has for an account.

    Raises:
        KeychainUnusable: It does not answer.
    """
    if find_spec(LIBRARY) is None:
        return None
    text = asked_in_time(lambda keychain: keychain.get_password(SERVICE, account) if keychain else None)
    with suppress(ValueError, TypeError, KeyError):
        told = json.loads(text) if text else {}
        return Credentials(str(told["key"]), str(told["secret"]))
    return None


def keep_in_keychain(account: str, credentials: Credentials) -> None:
    """Keep both as one item, so that a system that asks a person asks once.

    Raises:
        KeychainUnusable: It does not take it.
    """
    text = json.dumps({"key": credentials.key, "secret": credentials.secret})
    asked_in_time(lambda keychain: keychain.set_password(SERVICE, account, text) if keychain else None)


def drop_from_keychain(account: str) -> bool:
    """Forget them; whether there were any.

    Raises:
        KeychainUnusable: It does not answer.
    """
    if credentials_kept(account) is None:
        return False
    asked_in_time(lambda keychain: keychain.delete_password(SERVICE, account) if keychain else None)
    return True


def asked_in_time(work: Callable[[Keychain | None], KeptT]) -> KeptT | None:
    """What some work with the keychain comes to; it is imported there too.

    Raises:
        KeychainUnusable: It failed, or did not end in time.
    """
    answer = InThread[KeptT]()

    def worked() -> None:
        try:
            answer.value = work(usable_keychain())
        except Exception as error:  # noqa: BLE001  # each backend has errors of its own
            answer.error = error

    thread = threading.Thread(target=worked, name="keychain", daemon=True)
    thread.start()
    thread.join(seconds := patience())
    if thread.is_alive():
        raise KeychainUnusable(
            f"The keychain of this computer did not answer in {seconds:.0f} s; it may be locked. {HOW_ELSE}"
        )
    if answer.error:
        raise KeychainUnusable(
            f"The keychain of this computer cannot be used ({type(answer.error).__name__}). {HOW_ELSE}"
        )
    return answer.value


def usable_keychain() -> Keychain | None:
    """The keychain of this system; none where the library has only files of its own, or nothing at all."""
    with ONE_IMPORT:
        library: Any = import_module(LIBRARY)
        found = library.get_keyring()
    # One that asks several stands before files as well, and is as good as the best of them.
    best = max(getattr(found, "backends", None) or [found], key=strength)
    return cast("Keychain", best) if strength(best) >= TRUSTED_FROM else None


def strength(backend: object) -> float:
    """How much the library thinks of a backend."""
    return float(getattr(backend, "priority", 0))


def with_keychain(settings: Settings) -> Settings:
    """The settings, and for each account without key and secret what the keychain has; where it is locked, that is said."""
    lacking = [one for one in settings.every if lacks_both(one)]
    if not lacking or find_spec(LIBRARY) is None:
        return settings
    try:
        unlocked = {id(one): with_kept(one) for one in lacking}
    except KeychainUnusable as error:  # it would not answer for the next one either
        unlocked = {id(one): replace(one, problems=(*one.problems, str(error))) for one in lacking}
    if not settings.accounts:
        return unlocked[id(settings)]
    return replace(settings, accounts=tuple(unlocked.get(id(one), one) for one in settings.accounts))


def lacks_both(account: Settings) -> bool:
    """Whether nobody gave it key or secret. What a host failed to fill in was meant to be one, and stays wrong."""
    return not (account.problems or account.sandbox or account.api_key or account.api_secret)


def with_kept(account: Settings) -> Settings:
    """The account with what the keychain has for it."""
    found = credentials_kept(account.name or ONLY_ACCOUNT)
    return replace(account, api_key=found.key, api_secret=found.secret) if found else account
