"""`flipsnack-mcp hooks`: the secret addresses at which Flipsnack's webhook brings leads; each is shown once."""

import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from time import time

from flipsnack_mcp.commands import NotDone, fail, fail_beside, say
from flipsnack_mcp.commands.columns import aligned
from flipsnack_mcp.commands.leads.at_the_store import account_typed, names_in, with_leads
from flipsnack_mcp.commands.trail_table import date_and_time
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import Store, StoreUnusable
from flipsnack_mcp.team.exchange.hooks import HOOKS_AT
from flipsnack_mcp.workflows.leads.hooks import Hook, add_hook, known_hooks, replace_hook, revoke_hook
from flipsnack_mcp.workflows.leads.keeping import DAY_OF_LEADS, Counted, counted
from flipsnack_mcp.workflows.leads.lead import UNKNOWN

HEADS_OF_HOOKS = ("Account", "Made", "Leads in 30 days", "Of unknown kind", "Last")
SHOWN_ONCE = (
    "This address is shown once. In Flipsnack it belongs into the webhook on the Integrations page, and nowhere else: whoever "
    "has it can send leads. A server with FLIPSNACK_LEADS=1 on this store takes them from now on.\n"
)
NO_PUBLIC_URL = (
    "FLIPSNACK_PUBLIC_URL is not set, so this is the path alone: put the https address before it under which Flipsnack "
    "reaches the server.\n"
)
BEFORE_IS_OVER = "The address before ended with this: until Flipsnack has the new one, what it sends is refused.\n"
OF_NO_ACCOUNT = " (what comes is refused: no account here has its key)"
HAS_ONE = "This account has a hook. `hooks replace` makes a new address and ends that one. Nothing was changed."
HAS_NONE = "This account has no hook; `hooks add` makes one. Nothing was changed."
Making = Callable[[Store, str], Awaitable[str | None]]


def hooks_add(settings: Settings, account: str | None) -> int:
    """Make the address of an account, print it once, and say beside it what it is for."""
    return made_hook(settings, account, add_hook, HAS_ONE)


def hooks_replace(settings: Settings, account: str | None) -> int:
    """Make another one, with which the one before ends."""
    if (status := made_hook(settings, account, replace_hook, HAS_NONE)) == 0:
        sys.stderr.write(BEFORE_IS_OVER)
    return status


def made_hook(settings: Settings, typed: str | None, make: Making, otherwise: str) -> int:
    """Make an address, or say why not."""

    async def made(store: Store) -> str | None:
        return await make(store, account_typed(settings, typed))

    try:
        secret = with_leads(settings, made)
    except (NotDone, StoreUnusable) as error:
        return fail_beside(str(error))
    if secret is None:
        return fail_beside(otherwise)
    say(f"{settings.public_url.rstrip('/')}/{HOOKS_AT}/{secret}")
    sys.stderr.write(SHOWN_ONCE if settings.public_url else NO_PUBLIC_URL + SHOWN_ONCE)
    return 0


def hooks_revoke(settings: Settings, typed: str | None) -> int:
    """End the address of an account: what comes there is refused from the next request on."""

    async def revoked(store: Store) -> bool:
        known = [one.account for one in (await known_hooks(store)).every]
        return await revoke_hook(store, account_typed(settings, typed, known))

    try:
        if not with_leads(settings, revoked):
            return fail(HAS_NONE)
    except (NotDone, StoreUnusable) as error:
        return fail(str(error))
    say(
        "The hook has ended: what comes there is refused from the next request on. The leads that came by it are kept as before."
    )
    return 0


def hooks_list(settings: Settings) -> int:
    """Print which accounts have one and what came by it; of none where it is."""
    try:
        rows = with_leads(settings, partial(rows_of_hooks, settings))
    except (NotDone, StoreUnusable) as error:
        return fail(str(error))
    say(aligned([HEADS_OF_HOOKS, *rows]) if rows else "No account has a hook.")
    return 0


async def rows_of_hooks(settings: Settings, store: Store) -> list[Sequence[str]]:
    """A line for each account that has one."""
    hooks, now = (await known_hooks(store)).every, time()
    names = await names_in(settings, store, (one.account for one in hooks))
    own = {one.account for one in settings.every}
    called = {account: name + OF_NO_ACCOUNT * (account not in own) for account, name in names.items()}
    counts = [
        await counted(store, one.account, since=now - 30 * DAY_OF_LEADS, until=now + DAY_OF_LEADS) for one in hooks
    ]
    return [row_of_hook(one, called, many) for one, many in zip(hooks, counts, strict=True)]


def row_of_hook(hook: Hook, called: Mapping[str, str], counts: Counted) -> Sequence[str]:
    """The line of one."""
    known = Counter[bool]()
    for (_, _, kind), many in counts.items():
        known[kind != UNKNOWN] += many
    last = max((day for day, _, _ in counts), default="none yet")
    return called[hook.account], date_and_time(hook.made), str(known[True]), str(known[False]), last
