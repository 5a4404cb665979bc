"""The keys that seal questions: made in the store for each account, or a person's own in a file that all hosts have."""

import base64
import hmac
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import anyio

from flipsnack_mcp.api import ConfigurationError
from flipsnack_mcp.as_written import credential_in, reason_of
from flipsnack_mcp.store.records import Body, Records, Store

KEYS = "sealing-keys"
SEALS_FOR = 24 * 3600.0
KEYS_KEPT = 2 * SEALS_FOR
KEY_BYTES = 32
FEWEST_VALUES = 16
"""Different bytes in a key; of 32 random ones fewer are so in one of 10**20."""
MOST_LINES = 2
BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
STATE_KEY_FILE = "FLIPSNACK_STATE_KEY_FILE"
TO_MAKE_ONE = (
    "Make it once with `openssl rand -hex 32`, give every replica the same file, and let nobody else read it (chmod 600). "
    "To turn a key over, put the new one on a second line on all replicas, then on the first, then take the old one out."
)


class Keys(Protocol):
    """Where the keys of an account are; the first of them seals, all open."""

    async def to_open(self, account: str) -> list[bytes]:
        """Those that are there."""

    async def to_seal(self, account: str) -> list[bytes]:
        """The same, and a new one where none is fit for it."""


@dataclass(frozen=True)
class KeysInStore:
    """Made by whoever needs one first, each good for a day."""

    store: Store

    async def to_open(self, account: str) -> list[bytes]:
        return await self.store.transact(lambda records: keys_of(records.get(KEYS, account)))

    async def to_seal(self, account: str) -> list[bytes]:
        return await self.store.transact(lambda records: renewed(records, account))


@dataclass(frozen=True)
class KeysInFile:
    """A person's own, read anew each time: they may have turned it over."""

    path: Path

    async def to_open(self, account: str) -> list[bytes]:
        """Of the account alone: its own are made of those in the file.

        Raises:
            ConfigurationError: There are none.
        """
        return belonging_to(await anyio.to_thread.run_sync(sealing_keys_in, self.path), account)

    to_seal = to_open


def sealing_keys_in(path: Path) -> list[bytes]:
    """The keys of a file, one a line in hex or base64.

    Raises:
        ConfigurationError: It is not there, or holds something else.
    """
    try:
        lines = credential_in(path).split()
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"The file that {STATE_KEY_FILE} names cannot be read: {reason_of(error)}.", TO_MAKE_ONE
        ) from None
    keys = list(dict.fromkeys(map(key_in, lines)))
    if not keys or len(lines) > MOST_LINES or any(len(set(one)) < FEWEST_VALUES for one in keys):
        raise ConfigurationError(
            f"The file that {STATE_KEY_FILE} names does not hold one or two keys of {KEY_BYTES} random bytes or more, each on a "
            "line of its own, in hex or base64.",
            TO_MAKE_ONE,
        )
    return keys


def key_in(line: str) -> bytes:
    """The key that a line holds; nothing where it holds none that is long enough."""
    try:
        key = bytes.fromhex(line)
    except ValueError:
        text = line.rstrip("=").replace("+", "-").replace("/", "_")
        padded = text + "=" * (-len(text) % 4)
        key = base64.urlsafe_b64decode(padded) if BASE64.fullmatch(line) and len(text) % 4 != 1 else b""
    return key if len(key) >= KEY_BYTES else b""


def belonging_to(keys: list[bytes], whose: str) -> list[bytes]:
    """Keys made of these for somebody alone; the same for nobody in particular."""
    return [hmac.digest(one, whose.encode(), "sha256") for one in keys] if whose else keys


def renewed(records: Records, account: str) -> list[bytes]:
    """The keys, the first of which is less than a day old."""
    found = records.get(KEYS, account) or {}
    keys = keys_of(found)
    made = found.get("made") if keys else None
    if not keys or not isinstance(made, float) or not 0 <= records.now - made < SEALS_FOR:
        keys = [secrets.token_bytes(KEY_BYTES), *keys[:1]]
        body = {"keys": [one.hex() for one in keys], "made": records.now}
        records.put(KEYS, account, body, keep=KEYS_KEPT)
    return keys


def keys_of(body: Body | None) -> list[bytes]:
    """The keys of a record; none where somebody made something else of it."""
    try:
        found = list(dict.fromkeys(bytes.fromhex(one) for one in (body or {}).get("keys", ())))
    except (AttributeError, TypeError, ValueError):
        return []
    return found if all(len(one) == KEY_BYTES for one in found) else []
