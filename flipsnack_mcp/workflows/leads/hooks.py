"""Hooks: the secret paths at which leads arrive, one for each account, kept by their hash alone."""

from dataclasses import dataclass
from hmac import compare_digest

from flipsnack_mcp.store.records import Records, Store
from flipsnack_mcp.workflows.addresses.drawing import draw, hash_of_address

HOOK = "hook"
RANDOM_BYTES_OF_HOOK = 32
"""More than an address of a quarter of an hour has: a hook stays."""


@dataclass(frozen=True)
class Hook:
    """The hook of an account. Its path is told once, when it is made."""

    account: str
    made: float
    known_by: str
    """The hash of its secret."""


@dataclass(frozen=True)
class KnownHooks:
    """The hooks there are at one moment."""

    every: tuple[Hook, ...]
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


async def known_hooks(store: Store) -> KnownHooks:
    """All there are."""

    def work(records: Records) -> KnownHooks:
        return KnownHooks(
            (*(Hook(one, body["made"], body["known_by"]) for one, body in records.all(HOOK)),), records.wall
        )

    return await store.transact(work)


def account_behind(hooks: KnownHooks, secret: str) -> str:
    """Whose hook has this secret; nobody's is empty. It takes as long for each: all are compared, to their ends."""
    asked = hash_of_address(secret)
    return "".join([one.account for one in hooks.every if compare_digest(one.known_by, asked)])


def drawn_for(records: Records, account: str) -> str:
    """Draw a secret and write down its hash."""
    drawn = draw(RANDOM_BYTES_OF_HOOK)
    records.put(HOOK, account, {"known_by": drawn.known_by, "made": records.wall})
    return drawn.secret
