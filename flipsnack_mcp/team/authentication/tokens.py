"""The file of tokens: who may call with which one, for which accounts and with which rights. No token itself is in it."""

import hashlib
import hmac
import logging
import os
import secrets
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from flipsnack_mcp import systems
from flipsnack_mcp.as_written import SEE_THAT_IT_CAN_BE_READ
from flipsnack_mcp.server.callers.caller import Caller, Right
from flipsnack_mcp.started import as_typed
from flipsnack_mcp.store.permissions import OF_OTHERS
from flipsnack_mcp.team.authentication.unknowable import CannotTellError
from flipsnack_mcp.text import as_compared

log = logging.getLogger(__name__)

BEGINS_WITH = "fsm_"
"""So that a scanner for secrets knows one, and nobody asks an authorization server about it."""
RANDOM_BYTES = 32
LONGEST_TOKEN = 100
LONGEST_TOKENS_FILE = 1_000_000
ALL_ACCOUNTS = "*"


class TokensUnusableError(CannotTellError):
    """Nobody is let in by this file, and why; its text names the file, so it is for who runs the server."""


class TokenEntry(BaseModel):
    """One token, by what can be known of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=60)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    accounts: tuple[str, ...] = ()
    """Their names, or `*`; none, where the server has one account that has no name."""
    may: frozenset[Right]
    made: AwareDatetime
    expires: AwareDatetime | None = None

    @property
    def called(self) -> str:
        """Its name as names are told apart."""
        return as_told_apart(self.name)

    @property
    def principal(self) -> str:
        """Whose it is: another token of the same name is somebody else."""
        return f"token {self.sha256[:32]}"

    def is_over(self, now: float) -> bool:
        """Whether its time is."""
        return self.expires is not None and self.expires.timestamp() <= now


class TokensTold(BaseModel):
    """What the file says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    tokens: tuple[TokenEntry, ...] = ()

    @model_validator(mode="after")
    def each_once(self) -> "TokensTold":
        """A name or a token that stands there twice would be of two people."""
        names = [one.called for one in self.tokens]
        if len(set(names)) < len(names) or len({one.sha256 for one in self.tokens}) < len(names):
            raise ValueError("twice")
        return self


@dataclass(frozen=True)
class Sighting:
    """The file as it was read: what tells that it is another one by now, and what it says or why it says nothing."""

    seen: tuple[int, ...]
    said: TokensTold | TokensUnusableError


class TokensFile:
    """The file as the server uses it: looked at before each request, and read again once it is another."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self.path, self._now = path, now
        self._last: Sighting | None = None
        self._was_there = False

    def holder_of(self, token: str) -> TokenEntry | None:
        """Whose token this is. All are compared, so that the time it takes tells nothing of any.

        Raises:
            TokensUnusableError: It cannot be told.
        """
        given, found = token_digest(token), None
        for one in self.read().tokens:
            if hmac.compare_digest(one.sha256, given):
                found = one
        return found

    def of_principal(self, principal: str) -> TokenEntry | None:
        """The token of that principal, as long as it counts."""
        every = (one for one in self.read().tokens if one.principal == principal)
        return next((one for one in every if not one.is_over(self._now())), None)

    def is_over(self, entry: TokenEntry) -> bool:
        """Whether the time of a token is."""
        return entry.is_over(self._now())

    def read(self) -> TokensTold:
        """What the file says now. One that was not there since this began has only nobody in it yet.

        Raises:
            TokensUnusableError: It says nothing that counts.
        """
        try:
            seen = signs_of(os.stat(self.path))  # noqa: PTH116  # beside fstat
        except OSError as error:
            self._last = None
            if isinstance(error, FileNotFoundError) and not self._was_there:
                return TokensTold()
            raise cannot_be_read(self.path, error) from None
        self._was_there = True
        if self._last is None or self._last.seen != seen:
            self._last = sighting_of(self.path, seen)
            if isinstance(self._last.said, TokensUnusableError):
                log.error("%s", self._last.said)
        if isinstance(self._last.said, TokensUnusableError):
            raise self._last.said
        return self._last.said


def signs_of(status: os.stat_result) -> tuple[int, ...]:
    """What changes with whatever anybody does to a file."""
    return (
        status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev, status.st_mode,
        status.st_uid,
    )  # fmt: skip


def sighting_of(path: Path, seen: tuple[int, ...] = ()) -> Sighting:
    """The file as it is now, by one open descriptor; `seen` stands for what cannot even be opened."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        with open(descriptor, "rb") as opened:  # noqa: PTH123  # a descriptor
            status = os.fstat(descriptor)
            seen = signs_of(status)
            check_whose(path, status)
            return Sighting(seen, told_by_bytes(path, opened.read(LONGEST_TOKENS_FILE + 1)))
    except OSError as error:
        return Sighting(seen, cannot_be_read(path, error))
    except TokensUnusableError as error:
        return Sighting(seen, error)


def check_whose(path: Path, status: os.stat_result) -> None:
    """Raise where others could read the file, or write somebody into it."""
    if not stat.S_ISREG(status.st_mode):
        raise TokensUnusableError(f"{path} is no file, so nobody is let in by it. {SEE_THAT_IT_CAN_BE_READ}")
    if not systems.HERE.modes:
        return
    if status.st_mode & OF_OTHERS:
        raise TokensUnusableError(
            f"{path} is open to other users of this machine, so nobody is let in by it. Look whether what stands in it is "
            "what you wrote, then take their rights away (chmod 600)."
        )
    if status.st_uid not in {0, os.geteuid()}:
        raise TokensUnusableError(
            f"{path} belongs to another user of this machine, so a server of this user lets nobody in by it. Run this as that user "
            "(sudo -u NAME ...), or give the file to whoever runs the server (chown)."
        )


def told_by_bytes(path: Path, content: bytes) -> TokensTold:
    """What these bytes say. A file that is empty says that nobody has a token."""
    if len(content) <= LONGEST_TOKENS_FILE:
        try:
            return TokensTold.model_validate_json(content) if content.strip() else TokensTold()
        except ValidationError:
            pass
    command = as_typed("token add")
    raise TokensUnusableError(
        f"{path} is damaged or was not made by `{command}`, so nobody is let in by it. Put an earlier copy in its place, or "
        "move it away and make the tokens anew."
    )


def cannot_be_read(path: Path, error: OSError) -> TokensUnusableError:
    """What to say of a file that cannot even be opened."""
    if isinstance(error, FileNotFoundError):
        command = as_typed("token add NAME")
        return TokensUnusableError(
            f"{path} is gone, so nobody is let in by it: put it back, or make it anew with `{command}`."
        )
    reason = error.strerror or type(error).__name__
    return TokensUnusableError(
        f"{path} cannot be read ({reason}), so nobody is let in by it. {SEE_THAT_IT_CAN_BE_READ}"
    )


def as_told_apart(name: str) -> str:
    """What is the same of names that people take for one."""
    return as_compared(name).casefold()


def token_digest(token: str) -> str:
    """What is kept of a token: it is random, so nobody can find it by guessing."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token() -> str:
    """One that nobody can guess."""
    return BEGINS_WITH + secrets.token_urlsafe(RANDOM_BYTES)


def now_in_utc() -> datetime:
    """The time, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def as_caller(entry: TokenEntry, accounts: frozenset[str] | None) -> Caller:
    """Who comes with a token."""
    return Caller(entry.name, entry.principal, entry.may, accounts)
