"""From settings to a client, of the real Flipsnack or of the sandbox inside this process, and to what outlives a call."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx2

from flipsnack_mcp.api import Access, BudgetInMemory, BudgetRules, BudgetStore, Flipsnack, Pacer
from flipsnack_mcp.api.counting.apart import BudgetApart, BudgetOfReplicas
from flipsnack_mcp.api.counting.ledger import blank, fits
from flipsnack_mcp.server.callers.away import for_strangers
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.labels import labels_in
from flipsnack_mcp.store.opening import open_shared_document, open_store
from flipsnack_mcp.store.permissions import is_open_to_others
from flipsnack_mcp.store.records import OpenedStore, Records, StoreUnusable
from flipsnack_mcp.store.redis.redis_document import RedisDocument

NO_OTHER_PROCESS = "FLIPSNACK_STATE is memory:, which no other process can read"
NO_APPROVAL = (
    "FLIPSNACK_CONFIRM=approve lets nothing be deleted while FLIPSNACK_STATE is memory:, which no terminal reaches: let it "
    "name a file"
)
IS_OPEN = "{} holds keys and is open to other users of this machine: take their rights away (chmod 600)."
SANDBOX_KEY, SANDBOX_SECRET = "SANDBOX-DEMO-KEY", "SANDBOX-DEMO-SECRET"  # opens nothing but the imitation


def connect(settings: Settings) -> Flipsnack:
    """Make the client for these settings. Nothing is opened or imported before its first request."""
    pacer = Pacer(budget(settings), rules_of(settings))
    if not settings.sandbox:
        access = Access(settings.api_key, settings.api_secret, settings.api_url, settings.upload_url)
        return Flipsnack(access, pacer)
    key = settings.api_key or SANDBOX_KEY
    return Flipsnack(Access(key, SANDBOX_SECRET), pacer, partial(sandbox_transport, key, settings.size))


def budget(settings: Settings) -> BudgetStore:
    """Find where the calls of the last minute are counted: for all processes on the key, and in no file that names it."""
    name, habits = f"calls-{settings.account}", BudgetApart(rules_of(settings))
    document = open_shared_document(kept_at(settings), name, blank(), fits, habits)
    if not isinstance(document, RedisDocument):
        return document or BudgetInMemory()
    # Here, since such an error is kept as well, by works that others look at, and told with other words around it.
    return BudgetOfReplicas(document, for_strangers if settings.team else None)


def rules_of(settings: Settings) -> BudgetRules:
    """What may be asked of Flipsnack in a second and a minute."""
    return BudgetRules(limits=((settings.calls_per_second, 1.0), (settings.calls_per_minute, 60.0)))


def remember(settings: Settings) -> OpenedStore:
    """Find where uploads, confirmations and the history are kept."""
    return open_store(kept_at(settings))


@asynccontextmanager
async def open_memory(settings: Settings) -> AsyncGenerator[OpenedStore]:
    """The same, as long as a command needs it.

    Raises:
        StoreUnusable: What was set names none; there nothing would be found, and told as if there were nothing.
    """
    if settings.problems and settings.state == "memory:":
        raise StoreUnusable(" ".join(settings.problems), "Set it right, then run this again.")
    store = remember(settings)
    try:
        yield store
    finally:
        await store.close()


def labels_known(settings: Settings, records: Records) -> dict[str, str]:
    """What accounts are called: in the accounts file, if there is one here, or by the server that used them last."""
    return {**labels_in(records), **{one.account: one.name for one in settings.accounts}}


def kept_at(settings: Settings) -> str:
    """An imitation forgets its collections when it ends, and each process has its own: by default nothing outlives it."""
    return "memory:" if not settings.state and all(one.sandbox for one in settings.every) else settings.state


def approves_nothing(settings: Settings) -> bool:
    """Whether deletions wait for a person in a terminal, who could never find them."""
    asked_there = any(one.confirm == "approve" and not one.read_only for one in settings.every)
    return asked_there and kept_at(settings) == "memory:"


def open_key_files(settings: Settings) -> Iterator[Path]:
    """The files with keys that others may read. They are a person's own, and are not closed here."""
    sealing = [settings.state_key_file] if settings.state_key_file else []
    return filter(is_open_to_others, (*settings.key_files, *sealing))


def remarks_on_keys(settings: Settings) -> list[str]:
    """What to say of them."""
    return [IS_OPEN.format(file) for file in open_key_files(settings)]


def sandbox_transport(key: str, size: str) -> httpx2.AsyncBaseTransport:
    """The imitation, answering under Flipsnack's own host names without a socket."""
    from flipsnack_mcp.sandbox import Sandbox  # noqa: PLC0415  # only where it is used: it brings a web framework

    return httpx2.ASGITransport(app=Sandbox(api_key=key, api_secret=SANDBOX_SECRET, account=size).app)
