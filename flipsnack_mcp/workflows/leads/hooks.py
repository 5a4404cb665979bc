"""Hooks: the secret paths at which leads arrive, one for each account, kept by their hash alone."""

import hashlib
import secrets
from dataclasses import dataclass
from hmac import compare_digest

from flipsnack_mcp.store.records import Records, Store

HOOK = "hook"


@dataclass(frozen=True)
class Hook:
    """The hook of an account. Its path is told once, when it is made."""

    account: str
    made: float


@dataclass(frozen=True)
class KnownHooks:
    """The hooks there are at one moment."""

    known_by: tuple[tuple[str, str], ...]
    """Account, and hash of the secret."""
    at: float
    """What the store's clock on the wall shows: one for all replicas."""


async def add_hook(store: Store, account: str) -> str | None:
    """The secret of a new hook; None where the account has one."""

    def work(records: Records) -> str | None:
        return None if records.get(HOOK, account) else drawn_for(records, account)

    return await store.transact(work)


async def replace_hook(store: Store, account: str) -> str | None:
    """The secret of another hook, with which the one before it ends; None where there was none."""

    def work(records: Records) -> str | None:
        return drawn_for(records, account) if records.get(HOOK, account) else None

    return await store.transact(work)


async def revoke_hook(store: Store, account: str) -> bool:
    """End a hook; whether there was one."""

    def work(records: Records) -> bool:
        there = records.get(HOOK, account) is not None
        records.delete(HOOK, account)
        return there

    return await store.transact(work)


async def every_hook(store: Store) -> list[Hook]:
    """The hooks there are."""
    found = await store.transact(lambda records: records.all(HOOK))
    return [Hook(account, body["made"]) for account, body in found]


async def known_hooks(store: Store) -> KnownHooks:
    """All there are."""

    def work(records: Records) -> KnownHooks:
        return KnownHooks(tuple((account, body["known_by"]) for account, body in records.all(HOOK)), records.wall)

    return await store.transact(work)


def account_behind(hooks: KnownHooks, secret: str) -> str:
    """Whose hook has this secret; nobody's is empty. It takes as long for each: all are compared, to their ends."""
    asked = hash_of_hook(secret)
    return "".join([account for account, known_by in hooks.known_by if compare_digest(known_by, asked)])


def drawn_for(records: Records, account: str) -> str:
    """Draw a secret and write down its hash."""
    secret = secrets.token_urlsafe(32)
    records.put(HOOK, account, {"known_by": hash_of_hook(secret), "made": records.wall})
    return secret


def hash_of_hook(secret: str) -> str:
    """What is kept of a secret: from it nobody finds the path."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
