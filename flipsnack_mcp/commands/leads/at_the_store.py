"""What commands about leads have in common: a store that servers use too, and the accounts in it by the names people use."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

import anyio

from flipsnack_mcp.api import quoted
from flipsnack_mcp.commands import NAMES_NO_ACCOUNT, NotDone
from flipsnack_mcp.commands.connecting import NO_OTHER_PROCESS, labels_known, open_memory
from flipsnack_mcp.server.callers.accounts import account_named, names_of
from flipsnack_mcp.settings import ACCOUNTS, Settings
from flipsnack_mcp.store.labels import told_apart
from flipsnack_mcp.store.records import OpenedStore, Store

OfLeadsT = TypeVar("OfLeadsT")
NOT_SHARED = f"{NO_OTHER_PROCESS}: name the file or the Redis server that the server on HTTP has. Nothing was changed."


def with_leads(settings: Settings, work: Callable[[OpenedStore], Awaitable[OfLeadsT]]) -> OfLeadsT:
    """Do something with the store of these settings, where servers see it.

    Raises:
        NotDone: No server would.
        StoreUnusable: It cannot be used.
    """

    async def opened() -> OfLeadsT:
        async with open_memory(settings) as store:
            if not store.shared:
                raise NotDone(NOT_SHARED)
            return await work(store)

    if settings.problems:
        raise NotDone(f"{' '.join(settings.problems)} Nothing was changed.")
    return anyio.run(opened)


def account_typed(settings: Settings, typed: str | None, known: Iterable[str] = ()) -> str:
    """By what the store knows the account that is meant: one of those known in it, or one of the settings.

    Raises:
        NotDone: None is called so, or none is named and there are several.
    """
    if typed in {*known}:
        return str(typed)
    if settings.accounts_file is None and ACCOUNTS in settings.sources:
        raise NotDone(" ".join(settings.problems))
    if not settings.accounts:
        return own_account(settings, typed)
    if typed is None:
        raise NotDone(f"Say for which account. The accounts are: {names_of(settings.every)}.")
    if found := account_named(settings.every, typed):
        return found.account
    raise NotDone(f"There is no account {quoted(typed, 60)}. The accounts are: {names_of(settings.every)}.")


def own_account(settings: Settings, typed: str | None) -> str:
    """The one account there is without a file, which needs no name.

    Raises:
        NotDone: It is called otherwise, or has no key.
    """
    if settings.missing:
        raise NotDone(settings.missing)
    if typed is not None and typed.strip().casefold() != settings.label.casefold():
        raise NotDone(NAMES_NO_ACCOUNT.format("it"))
    return settings.account


async def names_in(settings: Settings, store: Store, accounts: Iterable[str]) -> Mapping[str, str]:
    """What these accounts are called."""
    wanted = [*accounts]
    known = await store.transact(lambda records: labels_known(settings, records))
    labels = {one.account: one.label for one in settings.every if one.label} | known
    return told_apart({*labels, *wanted}, labels)
