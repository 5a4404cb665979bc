"""Where a call is answered and a resource read: understood, allowed, carried out, worded. Every failure becomes a text of ours.

Imported at the first call: from here on stands everything that tools do, and a list must not wait for it.
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Self
from urllib.parse import unquote

from mcp import MCPError, types
from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from pydantic import BaseModel

from flipsnack_mcp.api import (
    Action,
    Changed,
    Effect,
    FlipsnackError,
    NotAuthorisedError,
    NotFoundError,
    cleaned,
)
from flipsnack_mcp.files.refusal import RefusedFile
from flipsnack_mcp.server.app import App
from flipsnack_mcp.server.arriving.observing import note_account
from flipsnack_mcp.server.by_address.offering import INSTEAD_OF_A_FILE, LOCAL_TOOLS, NOBODYS_DISK
from flipsnack_mcp.server.callers.accounts import ARGUMENT, NoSuchWorkError, WhichAccountError, account_named
from flipsnack_mcp.server.callers.away import as_callers_hear
from flipsnack_mcp.server.callers.caller import CALLER, Right
from flipsnack_mcp.server.callers.offer import Offer
from flipsnack_mcp.server.callers.rights import (
    NONE_OF_THEIRS,
    NotAllowedError,
    check_reading,
    check_rights,
    rights_needed,
)
from flipsnack_mcp.server.callers.whose import Whose, account_meant, heading_of_none, whose_call
from flipsnack_mcp.server.completing import NOTHING, SUGGESTED, suggest
from flipsnack_mcp.server.consent.preview import AlreadyGoneError
from flipsnack_mcp.server.consent.sealing import UNOPENED
from flipsnack_mcp.server.consent.yes import NotConfirmedError
from flipsnack_mcp.server.instructions import CHANGES_NOTHING
from flipsnack_mcp.server.request import ToolRequest
from flipsnack_mcp.server.resource_contents import NOT_TO_BE_HAD, read_resource
from flipsnack_mcp.server.resources import COLLECTION_ADDRESS, split_address
from flipsnack_mcp.server.safety.heading import Heading
from flipsnack_mcp.server.safety.redaction import log_unexpected
from flipsnack_mcp.server.tools.arguments import Options, ToolInput, options_of, understand
from flipsnack_mcp.server.tools.on_record import may_change, on_record
from flipsnack_mcp.server.tools.table import TOOLS
from flipsnack_mcp.server.tools.tool import Tool, ToolCall
from flipsnack_mcp.server.toolsets import menu
from flipsnack_mcp.server.views.clickable import with_link
from flipsnack_mcp.server.views.showing import with_view
from flipsnack_mcp.server.wording import Illustrated, as_failure, as_result
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import StoreUnusable, came_of_records

UNEXPECTED = (
    "Something unexpected went wrong in this server. Something may have been changed. "
    "Do not simply repeat it. Look with get_collection or list_collections what is there, and tell the person."
)

ALTERED = (
    "What this server keeps could not be understood: it may have been altered by hand or by another program. Something may have "
    "been changed. Do not simply repeat it. Tell the person, who can put back an earlier copy of what is kept, or let "
    "FLIPSNACK_STATE name another place, which begins anew."
)


@dataclass(frozen=True)
class Dispatcher:
    """Answers the calls of a server, and reads its resources."""

    settings: Settings
    apps: Mapping[str, App]
    """By what the store knows each account by, in their order."""
    offered: Collection[str]
    """The names of the tools on the menu: no other can be called."""

    def offering(self, offer: Offer) -> Self:
        """The same with what one caller is offered: no other account is there for them."""
        apps = {one.account: self.apps[one.account] for one in offer.settings.every}
        return replace(self, settings=offer.settings, apps=apps, offered=offer.menu.keys())

    @property
    def several(self) -> bool:
        """Whether accounts have names here, though one alone may be there for whoever calls."""
        return bool(self.first.called)

    @property
    def first(self) -> App:
        """Whom to ask where no account is named."""
        return next(iter(self.apps.values()))

    async def answer(
        self, name: str, arguments: Mapping[str, Any], request: ToolRequest
    ) -> types.CallToolResult | types.InputRequiredResult:
        """Carry out one call."""
        heading = heading_of_none([*self.apps.values()]) if self.several else self.first.heading()
        try:
            tool, given, whose = await self._understood(name, arguments, request)
            heading = whose.heading
            note_account(", ".join(one.settings.name for one in whose.apps))
            call = tool_call(tool, given, whose, request)
            outcome = await run_tool(tool, call, given)
        except (FlipsnackError, NotConfirmedError) as error:
            return as_failure(str(error), heading, elsewhere=isinstance(error, NotFoundError | NoSuchWorkError))
        except RefusedFile as error:
            return as_failure(after_nothing(error, StoreUnusable.retry), heading)
        except StoreUnusable as error:
            return as_failure(after_nothing(as_callers_hear(error), error.retry), heading)
        except MCPError:
            raise
        except Exception as error:  # noqa: BLE001  # the SDK would send the text of any exception to the model
            log_unexpected(name, error)
            return as_failure(ALTERED if came_of_records(error) else UNEXPECTED, heading)
        return (
            outcome if isinstance(outcome, types.InputRequiredResult) else await answered(tool, call, outcome, heading)
        )

    async def read(self, uri: str) -> str:
        """A resource as JSON."""
        try:
            check_reading()
        except NotAllowedError as error:
            raise MCPError(NOT_TO_BE_HAD, str(error), {"uri": uri}) from None
        if not self.several:
            return await read_resource(self.first, uri)
        name, address = split_address(uri)
        pasted = unquote(address.removeprefix(COLLECTION_ADDRESS))
        try:
            whose = await account_meant(self.apps, {ARGUMENT: name, "collection_hash": pasted})
        except WhichAccountError as error:
            raise ResourceNotFoundError(str(error)) from None
        return await read_resource(whose.apps[0], address)

    async def suggest(self, kind: str, typed: str, given: Mapping[str, str]) -> types.Completion:
        """What a person who is typing may mean, in the account that they named; nothing where there is no such account."""
        if not CALLER.get().may(Right.READ):
            return NOTHING
        name = given.get(ARGUMENT)
        account = account_named(self.settings.every, name) if name and self.several else self.first.settings
        return await suggest(self.apps[account.account], kind, typed, given) if account else NOTHING

    def suggest_accounts(self, typed: str) -> types.Completion | None:
        """Names of accounts that begin so."""
        if len(self.apps) == 1:
            return None
        names = [one.name for one in self.settings.every if one.name.lower().startswith(typed.strip().lower())]
        return types.Completion(values=names[:SUGGESTED], total=len(names), has_more=len(names) > SUGGESTED)

    async def _understood(
        self, name: str, arguments: Mapping[str, Any], request: ToolRequest
    ) -> tuple[Tool[Any], Any, Whose]:
        """Which tool is meant, with what, and of which account."""
        if unopened := UNOPENED.get():
            raise unopened
        tool = TOOLS.get(name) if name in self.offered else None
        if tool is None:
            if name in menu(self.settings):
                check_rights(name, rights_needed(name, arguments))
            raise no_such_tool(name, self.offered, request, self.settings)
        besides = (ARGUMENT,) if self.several else ()
        own = {key: value for key, value in arguments.items() if key not in besides}
        given = understand(tool.input, own, besides, team=self.settings.team)
        check_rights(name, rights_needed(name, dict(given)))
        if not self.several:
            return tool, given, Whose((self.first,))
        writes = tool.input.effect is not Effect.READS or asks_to_stop(given)
        return tool, given, await whose_call(self.apps, name, arguments, writes=writes)


def tool_call(tool: Tool[Any], given: Any, whose: Whose, request: ToolRequest) -> ToolCall:
    """What a tool works with."""
    options = options_of(given) if isinstance(given, Action) else Options()
    return ToolCall(whose.apps[0], request, tool.name, target_of(given), options, apps=whose.apps, linked=whose.linked)


async def run_tool(tool: Tool[Any], call: ToolCall, given: Any) -> BaseModel | Illustrated | types.InputRequiredResult:
    """Run a tool, on record where it may change something."""
    if len(call.apps) == 1:
        call.app.check_settings()
    try:
        return await (on_record(tool, call, given) if may_change(given, call.options) else tool.run(call, given))
    except NotAuthorisedError as error:
        error.next_step = " ".join((error.next_step, *call.app.settings.hints))  # one of them may tell what is wrong
        raise
    except (NotFoundError, AlreadyGoneError) as error:
        asked = vars(given).get("collection_hash")  # of others the history has titles and ids
        with suppress(StoreUnusable):
            if asked and (now := await call.app.history.hash_since(asked)):
                error.next_step = f'A change made from here gave it another hash: give collection_hash="{now}".'
        raise


async def answered(
    tool: Tool[Any], call: ToolCall, outcome: BaseModel | Illustrated, heading: Heading
) -> types.CallToolResult:
    """The answer: text and data for everybody, a saved file to click, and what the view is told where there is one."""
    result = as_result(outcome, heading)
    if call.request.takes_links:
        result = await with_link(result, outcome, heading)
    shown = tool.has_view and call.request.shows_views
    return await with_view(result, call.aside, call.app, heading) if shown else result


def asks_to_stop(given: Any) -> bool:
    """Whether what was given asks a tool that only reads by itself to stop something."""
    return isinstance(given, ToolInput) and given.changes_something


def after_nothing(error: RefusedFile | StoreUnusable, again: str) -> str:
    """What a model reads of an error before which nothing was done."""
    return f"{error.happened} {Changed.NOTHING.value} {again} {error.next_step}"


def target_of(given: Any) -> str:
    """What a call is about, in a few words."""
    said = vars(given)
    named = filter(None, map(said.get, ("collection_hash", "flipbook_hash", "upload_id", "plan_id", "work_id")))
    return "/".join(named) or cleaned(str(said.get("title") or ""), 100)


def no_such_tool(name: str, tools: Iterable[str], request: ToolRequest, settings: Settings) -> Exception:
    """What is not on the menu, hidden or unknown alike; that the server is read-only may be why.

    Up to 2025-11-25 the specification's own example is a protocol error. On 2026-07-28 the official suite expects an
    answer, as the SDK gives it, and the model can read that one.
    """
    read_only = f" {CHANGES_NOTHING}" if all(one.read_only for one in settings.every) else ""
    happened = f"There is no tool `{cleaned(name, 60)}`.{read_only}"
    if settings.team and name in LOCAL_TOOLS:
        happened = f"{happened} {NOBODYS_DISK} {INSTEAD_OF_A_FILE}"
    known = ", ".join(tools)
    told = FlipsnackError(happened, f"The tools are: {known}." if known else NONE_OF_THEIRS)
    return told if request.modern else MCPError(types.INVALID_PARAMS, str(told))
