"""Random calls about three accounts, concurrent ones as well, and what each answer may say.

Every call names one account, none, or all; some come on purpose with what is another account's: a code, an id, a link, a
hash. What is asked for is written down in the book of its shop before the call, and what came of it afterwards.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import anyio
from mcp import Client, MCPError
from mcp.client import ClientRequestContext
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult, ErrorData, TextContent

from tests.survival.shops import Shop, Wish

HEADED = re.compile(r"\[account (\w+)")
CODE = re.compile(r'confirmation="([A-Z2-7]{8})"')
ASKED = re.compile(r'Account "(\w+)": ')
DOCUMENT = "https://example.com/offers.pdf"
"""The same for all accounts: an upload that stands in one of them stands in no other."""
READS_FOR = 0.08
"""Seconds that a person looks at a form: the servers take less for an answer of nobody's."""
WAITS = 10
TOO_MANY = ("which is as many as this server allows", "are left. Nothing")
GONE = (MCPError, anyio.ClosedResourceError, anyio.BrokenResourceError, anyio.EndOfStream)
UPDATE_TOOL, DELETE_TOOL, PLAN_TOOL, REPORT_TOOL = (
    "update_collection", "delete_collection", "update_collections", "report_stats",
)  # fmt: skip
DELETE_MANY_TOOL, UNDO_TOOL, BATCH_TOOL, STOP_TOOL = (
    "delete_collections", "undo_change", "create_collections", "stop_work",
)  # fmt: skip
JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Said:
    """What came back."""

    text: str
    is_error: bool
    data: JsonObject

    @property
    def unclear(self) -> bool:
        """Whether nobody can tell yet what became of it."""
        return self.is_error and "may have been changed" in self.text


@dataclass(frozen=True)
class Way:
    """What leads to a piece of work or a yes: an id, a code, and whose it is."""

    shop: Shop
    name: str
    wishes: tuple[Wish, ...] = ()
    tool: str = ""
    arguments: JsonObject = field(default_factory=dict[str, Any])

    @property
    def of_a_plan(self) -> bool:
        """Whether it is the code of one."""
        return "plan_id" in self.arguments

    @property
    def hashes(self) -> set[str]:
        """The collections that it is about."""
        return {one.hash for one in self.wishes if one.hash}


@dataclass(frozen=True)
class Intent:
    """What the person will answer to a form."""

    wishes: tuple[Wish, ...]
    answer: str


@dataclass
class Life:
    """One server, from its start to its end, and the client before it."""

    client: Client
    forms: bool
    over: bool = False
    restless: set[str] = field(default_factory=set[str])
    """Accounts of which a package is fetched that no call waits for."""


@dataclass
class Stroll:
    """All calls of a run."""

    shops: list[Shop]
    chance: random.Random
    kinds: Counter[str] = field(default_factory=Counter[str])
    """How many calls were made of each kind."""
    calls: int = 0
    declined: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Accounts and hashes to which a person said no."""
    crossed: list[str] = field(default_factory=list[str])
    intents: list[Intent] = field(default_factory=list[Intent])
    codes: list[Way] = field(default_factory=list[Way])
    plans: list[Way] = field(default_factory=list[Way])
    carried: list[Way] = field(default_factory=list[Way])
    """Plans that were begun and have not ended."""
    reports: list[Way] = field(default_factory=list[Way])
    joint_reports: list[str] = field(default_factory=list[str])
    entries: list[Way] = field(default_factory=list[Way])
    """Changes that can be undone, by their entries of the history."""
    uploads: list[Way] = field(default_factory=list[Way])
    done: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """Tools and accounts of calls that changed something and were answered."""
    unanswered: Counter[str] = field(default_factory=Counter[str])
    """Calls that a killed server left without an answer, by account."""
    refused_for_number: Counter[str] = field(default_factory=Counter[str])
    lost_yeses: Counter[str] = field(default_factory=Counter[str])
    """Deletions of which nobody knows whether they count, by account."""
    may_be_asked: set[str] = field(default_factory=set[str])
    """The accounts that the calls under way are about."""
    sealed: set[str] = field(default_factory=set[str])
    """Accounts whose questions travelled in a sealed state."""
    seals: bool = False
    """Whether questions do so at the server that is running."""
    number: int = 0

    # What is drawn

    def shop(self) -> Shop:
        return self.chance.choice(self.shops)

    def another(self, than: Shop) -> Shop:
        return self.chance.choice([one for one in self.shops if one is not than])

    def some(self, found: list[str], most: int = 1) -> list[str]:
        """Some of these; most of the time fewer than all."""
        return self.chance.sample(found, min(len(found), self.chance.randint(1, most)))

    def new_title(self, shop: Shop) -> str:
        self.number += 1
        return f"{shop.word} new {self.number} mark"

    # What is said

    def expect(self, holds: object, what: str) -> None:
        if not holds:
            self.crossed.append(what)

    async def call(self, life: Life, tool: str, about: Shop | None, **arguments: Any) -> Said | None:
        """The answer, looked through: about this account, all of them, or none, which is a refusal. None: the server died."""
        named = about.name if about else "none"
        self.calls += 1
        if about:
            self.may_be_asked.add(about.name)
        try:
            result = await life.client.call_tool(tool, arguments)
        except GONE as lost:
            self.expect(life.over, f"{tool} {arguments}: {lost!r}")
            self.unanswered[named] += 1
            return None
        said = said_in(result)
        self.look_through(f"{tool} {arguments}", about, said)
        if about and not said.is_error:
            self.done[tool, named] += 1
        return said

    def look_through(self, what: str, about: Shop | None, said: Said) -> None:
        """Whose the answer says it is, and that nobody else's title stands in it."""
        headed = HEADED.match(said.text)
        if about is None:
            self.expect(said.is_error, f"{what} was carried out: {said.text[:200]}")
            self.expect("may have been" not in said.text, f"{what}: {said.text[:200]}")
        else:
            self.expect(not headed or headed[1] == about.name, f"{what} is headed {said.text[:60]}")
            self.expect(said.is_error or headed, f"{what} names no account: {said.text[:60]}")
            self.expect(said.is_error or said.data.get("account") == about.name, f"{what}: {said.data.get('account')}")
        self.look_for_others(what, about, said.text, json.dumps(said.data, ensure_ascii=False))

    def look_for_others(self, what: str, about: Shop | None, *texts: str) -> None:
        for other in self.shops:
            if other is not about:
                self.expect(not any(other.word in one for one in texts), f"{what}: {other.word} in {texts}"[:600])

    async def refused(self, life: Life, tool: str, about: Shop | None, **arguments: Any) -> None:
        """A call that must not do anything."""
        said = await self.call(life, tool, about, **arguments)
        self.expect(said is None or said.is_error, f"{tool} {arguments} was not refused: {said}")

    # The person before the client

    async def person(
        self,
        context: ClientRequestContext,  # noqa: ARG002 - the SDK's name
        params: ElicitRequestParams,
    ) -> ElicitResult | ErrorData:
        """Reads the form, and answers as was intended for just this."""
        asked = ASKED.match(params.message)
        found = [
            one
            for one in self.intents
            if asked
            and one.wishes[0].shop.name == asked[1]
            and any(f"({wish.hash}" in params.message for wish in one.wishes)
        ]
        if asked and self.seals:
            self.sealed.add(asked[1])
        self.expect(found, f"a form that nobody asked for: {params.message}")
        await anyio.sleep(READS_FOR)
        if not found or found[0].answer == "no":
            self.declined.update((wish.shop.name, wish.hash) for one in found for wish in one.wishes)
            return ElicitResult(action="decline")
        self.look_for_others("the form", found[0].wishes[0].shop, params.message)
        if found[0].answer == "wrong":
            return ElicitResult(action="accept", content={"title": "something else"})
        for wish in found[0].wishes:
            wish.shop.licensed.add(wish.request)
        typed = re.search(r'type "([^"]*)"\.$', params.message)
        return ElicitResult(action="accept", content={"title": typed[1] if typed else ""})

    # What came of it

    def conclude(self, wish: Wish, said: Said | None) -> None:
        """Write into the book what an answer says of a change."""
        if said is None or said.unclear:
            wish.shop.unclear.append(wish)
        elif not said.is_error:
            wish.shop.carried_out(wish, said.data.get("collection_hash") or "")
        else:
            self.expect("Nothing was changed." in said.text, f"{wish.request}: {said.text[:300]}")
            self.too_many(wish.shop, 1, said)
            closed = "said no" in said.text
            self.expect(
                not closed or (wish.shop.name, wish.hash) in self.declined, f"{wish.request}: {said.text[:200]}"
            )

    def too_many(self, shop: Shop, wanted: int, said: Said) -> None:
        """The limit of deletions counts what was done, or is being done, in this account alone."""
        if any(one in said.text for one in TOO_MANY):
            self.refused_for_number[shop.name] += 1
            under_way = sum(len(one.wishes) for one in self.intents if one.wishes[0].shop is shop)
            counted = shop.destroyed() + self.lost_yeses[shop.name] + under_way + wanted
            self.expect(counted > shop.most_deletions, f"{shop.name}: {counted} deletions, and {said.text[:200]}")

    async def destroy(self, life: Life, wish: Wish, tool: str, arguments: JsonObject) -> None:
        """By a form that is answered somehow, or up to the code."""
        calling = partial(self.call, life, tool, wish.shop, account=wish.shop.name, **arguments)
        said = await self.asked_person((wish,), calling)
        self.note_code(Way(wish.shop, "", (wish,), tool, arguments), said)
        self.conclude(wish, said)

    async def asked_person(
        self, wishes: tuple[Wish, ...], calling: Callable[[], Awaitable[Said | None]]
    ) -> Said | None:
        """A call for which the person may be asked."""
        intent = Intent(wishes, self.chance.choice(["yes", "yes", "yes", "no", "wrong"]))
        self.intents.append(intent)
        try:
            said = await calling()
        finally:
            self.intents.remove(intent)
        if said is None or said.unclear:
            self.lost_yeses[wishes[0].shop.name] += len(wishes)
        return said

    def note_code(self, way: Way, said: Said | None) -> None:
        """A code that was given out for this, and works without a terminal."""
        if said and said.is_error and "approve" not in said.text and (code := CODE.search(said.text)):
            self.codes.append(replace(way, name=code[1]))

    def not_carried_out(self, way: Way, said: Said) -> None:
        """A plan that was refused can be called again."""
        self.expect("Nothing was changed." in said.text, f"plan of {way.shop.name}: {said.text[:300]}")
        self.too_many(way.shop, len(way.wishes), said)
        self.note_code(replace(way, arguments={"plan_id": way.name}), said)
        for hash_ in way.hashes:
            way.shop.books[hash_].busy = False
        self.plans.append(way)


def said_in(result: CallToolResult) -> Said:
    text = "".join(one.text for one in result.content if isinstance(one, TextContent))
    return Said(text, bool(result.is_error), dict(result.structured_content or {}))
