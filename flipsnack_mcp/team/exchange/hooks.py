"""Leads as Flipsnack's webhook brings them: /hooks/SECRET keeps what comes, and says nothing.

Flipsnack gives a hook up after five answers that are no 2xx. So at a right path everything is taken that can be, known or not;
and only what is wrong with the path or has no end is refused.
"""

import json
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import anyio
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from flipsnack_mcp.server.safety.redaction import log_unexpected
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import Store, StoreUnusable
from flipsnack_mcp.team.ending import header_of
from flipsnack_mcp.team.exchange.guessing import Guessing
from flipsnack_mcp.team.exchange.together import AskedTogether
from flipsnack_mcp.team.limits import read_whole
from flipsnack_mcp.workflows.leads.forgetting import forget_as_time_goes
from flipsnack_mcp.workflows.leads.hooks import KnownHooks, account_behind, known_hooks
from flipsnack_mcp.workflows.leads.keeping import HookBody, hook_body, keep_all

HOOKS_AT = "hooks"
LARGEST_LEAD = 1024 * 1024
"""Bytes."""
LONGEST_NUMBER = 9
TO_ARRIVE, ALL_OF_IT = 4.0, 8.5
"""Seconds for a body to come, and for all of it, also of a burst that waits for the store. Flipsnack waits for ten."""
AGAIN_IN = "10"
MOST_TOGETHER = 100
"""Leads that are stored in one step."""

NO_HOOKS = KnownHooks((), 0.0)

log = logging.getLogger(__name__)


def hook_routes(settings: Settings, store: Store) -> list[Route]:
    """The routes of hooks. Where leads are not wanted every path is a wrong one."""
    hooks = Hooks(settings, store)
    return [Route(f"/{HOOKS_AT}", hooks), Route(f"/{HOOKS_AT}/{{secret:path}}", hooks)]


def beside_hooks(settings: Settings, store: Store) -> Sequence[Callable[[], Coroutine[Any, Any, None]]]:
    """What lets leads go that are over, where any are received."""
    return [partial(forget_as_time_goes, store, settings.leads_days)] if settings.leads else []


@dataclass(eq=False)
class InLine:
    """What waits to be kept."""

    brought: HookBody
    kept: bool = False


class Hooks:
    """Answers at hooks."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._wanted, self._days, self._store = settings.leads, settings.leads_days, store
        self._accounts = {one.account for one in settings.every}
        self._guessing, self._turn = Guessing(), anyio.Lock()
        self._known = AskedTogether(partial(known_hooks, store))
        self._line = dict[InLine, None]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = anyio.current_time()
        try:
            with anyio.fail_after(ALL_OF_IT):
                status = await self._taken(scope, receive)
        except (StoreUnusable, TimeoutError) as error:
            log.warning("what came at a hook could not be stored: %s", type(error).__name__)
            status = 503
        except Exception as error:  # noqa: BLE001  # its text could hold a lead
            log_unexpected("a hook", error)
            status = 503
        if status == 404 and not await self._guessing.wait(began):
            status = 429
        await without_words(status)(scope, receive, send)

    async def _taken(self, scope: Scope, receive: Receive) -> int:
        """Take what a request brings; the status of its answer."""
        # Looked for in the same way whatever the path is; where leads are not wanted all are nobody's.
        hooks = await self._known.answer() if self._wanted else NO_HOOKS
        account = account_behind(hooks, scope["path_params"].get("secret", ""))
        if account not in self._accounts or scope["method"] != "POST":
            return 404
        body = bytearray()
        return await arriving(body, scope, receive) or await self._stored(read_at_hook(account, bytes(body), hooks.at))

    async def _stored(self, brought: HookBody) -> int:
        """Keep it, with all that wait by then: those of one process would only be in each other's way in the store."""
        one = InLine(brought)
        self._line[one] = None
        try:
            async with self._turn:
                if not one.kept:
                    await self._keep_together(
                        [one, *(other for other in self._line if other is not one and not other.kept)]
                    )
        finally:
            del self._line[one]
        return 204

    async def _keep_together(self, waiting: Sequence["InLine"]) -> None:
        some = waiting[:MOST_TOGETHER]
        await keep_all(self._store, [one.brought for one in some], self._days)
        for one in some:
            one.kept = True


async def arriving(body: bytearray, scope: Scope, receive: Receive) -> int:
    """Let a body come; the status with which it is refused, or none."""
    announced = header_of(scope, b"content-length")
    if announced.isdigit() and (len(announced) > LONGEST_NUMBER or int(announced) > LARGEST_LEAD):
        return 413
    with anyio.move_on_after(TO_ARRIVE):
        whole = await read_whole(body, receive, lambda: len(body) > LARGEST_LEAD)
        return 413 if len(body) > LARGEST_LEAD else 0 if whole else 400
    return 408


def read_at_hook(account: str, body: bytes, at: float) -> HookBody:
    """What a body says; what is no JSON, or nested as no lead is, counts as a text, by which a repetition is known."""
    try:
        return hook_body(account, told_by_hook(body), at)
    except (ValueError, RecursionError):
        return hook_body(account, body.decode("latin-1"), at)


def told_by_hook(body: bytes) -> object:
    """What is said in JSON, which is Unicode; in anything else as it is mostly meant, for a lead is more than its accents.

    Raises:
        ValueError: It is no JSON.
        RecursionError: It is nested too deeply to be read.
    """
    try:
        return cast("object", json.loads(body))
    except UnicodeDecodeError:
        return cast("object", json.loads(body.decode("cp1252", errors="replace")))


def without_words(status: int) -> Response:
    """An answer that says nothing but its status."""
    again = {"retry-after": AGAIN_IN} if status in {429, 503} else {}
    return Response(status_code=status, headers={"cache-control": "no-store", **again})
