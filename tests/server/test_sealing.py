"""A question and its answer across restarts: the key that seals them is in the store, and nobody else's opens them."""

import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import pytest
from mcp import Client, MCPError
from mcp.types import CallToolResult, ElicitResult, InputRequiredResult, InputResponses, TextContent

from flipsnack_mcp.server.consent.sealing import CODEC
from flipsnack_mcp.server.resources import ACCOUNT_ADDRESS
from flipsnack_mcp.server.server import FlipsnackServer, build_server
from flipsnack_mcp.store.records import Records, Store, StoreUnusable, T
from flipsnack_mcp.store.sqlite import MemoryStore, SqliteStore
from tests.server.bench import Bench, Person, declines
from tests.server.destructions import TITLE, TOOLS, Destruction, assert_only
from tests.server.revisions import newer
from tests.virtual_clock import DAY_IN_SECONDS, Machine

YES: InputResponses = {"title": ElicitResult(action="accept", content={"title": TITLE})}
HOUR = 3600.0
LATE = "came too late"

# Before 2026-07-28 a question is answered within its call, and nothing is sealed.
mode = newer


@pytest.fixture
def machine() -> Machine:
    return Machine()


class Life:
    """The server of a person, which is ended and started again over one state file."""

    def __init__(self, bench: Bench, machine: Machine) -> None:
        self.bench, self.machine = bench, machine
        self.path = bench.folder / "state.sqlite"
        self.store: Store = SqliteStore(self.path, machine)

    def started(self, **settings: Any) -> FlipsnackServer:
        """The next process."""
        flipsnack = partial(self.bench.connect, self.bench.settings)  # whoever it says it is
        return build_server(replace(self.bench.settings, **settings), lambda _: flipsnack(), self.machine, self.store)

    async def round(
        self, tool: Destruction, state: str | None = None, **settings: Any
    ) -> CallToolResult | InputRequiredResult:
        """One process, and one call in it: the question, or with its state the answer."""
        given = tool.arguments(self.bench.collection(TITLE))
        refused: MCPError | None = None
        found: CallToolResult | InputRequiredResult | None = None
        async with Client(self.started(**settings), mode="auto", elicitation_callback=Person(declines)) as client:
            try:
                found = await client.session.call_tool(
                    tool.tool, given, input_responses=YES if state else None, request_state=state,
                    allow_input_required=True,
                )  # fmt: skip
            except MCPError as error:  # outside, it would arrive in a group
                refused = error
        self.bench.witness.saw(found)
        if found is None:
            raise refused or AssertionError
        return found

    async def asked(self, tool: Destruction, **settings: Any) -> str:
        """The sealed state of a new question."""
        question = await self.round(tool, **settings)
        assert isinstance(question, InputRequiredResult)
        return question.request_state or ""


@pytest.fixture
async def life(bench: Bench, machine: Machine) -> AsyncIterator[Life]:
    life = Life(bench, machine)
    yield life
    await life.store.close()


def said(answer: CallToolResult | InputRequiredResult) -> str:
    """A text that a model sees, and a failed call."""
    assert isinstance(answer, CallToolResult)
    assert answer.is_error
    (part,) = answer.content
    assert isinstance(part, TextContent)
    assert part.text.count("Nothing was changed.") == 1
    return part.text


LATER = (599.0, 60.0, 1.0)


@pytest.mark.parametrize(
    ("tool", "later"), [*((TOOLS[0], later) for later in LATER), *zip(TOOLS[1:], LATER, strict=True)]
)
async def test_a_form_is_answered_after_a_restart(life: Life, tool: Destruction, later: float) -> None:
    collection = life.bench.collection(TITLE)
    before = deepcopy(collection)
    state = await life.asked(tool)
    life.machine.run(later)
    answer = await life.round(tool, state)
    assert isinstance(answer, CallToolResult)
    assert not answer.is_error
    assert_only(life.bench.sandbox, tool, 1)
    life.bench.sandbox.account.keep(before)
    assert "used before" in said(await life.round(tool, state))
    assert_only(life.bench.sandbox, tool, 1)


@pytest.mark.parametrize(
    ("tool", "way"), [(TOOLS[0], "approve"), *zip(TOOLS, ("block", "approve", "block", "approve"), strict=True)]
)
async def test_a_form_is_no_yes_after_a_restart_that_takes_none(life: Life, tool: Destruction, way: str) -> None:
    state = await life.asked(tool)
    life.machine.run(60.0)
    refused = said(await life.round(tool, state, confirm=way))
    assert ("flipsnack-mcp approve" in refused) is (way == "approve")
    assert_only(life.bench.sandbox, tool, 0)


@pytest.mark.parametrize("later", [601.0, HOUR, 2 * HOUR, DAY_IN_SECONDS, 3 * DAY_IN_SECONDS, 30 * DAY_IN_SECONDS])
async def test_an_answer_that_comes_too_late_is_told_so_in_words(life: Life, later: float) -> None:
    state = await life.asked(TOOLS[0])
    life.machine.run(later)
    assert ("minutes ago" if later < 2 * DAY_IN_SECONDS else LATE) in said(await life.round(TOOLS[0], state))
    assert_only(life.bench.sandbox, TOOLS[0], 0)


@pytest.mark.parametrize("days", [30.0, -30.0, 400.0, -400.0, 0.1, -0.1])
async def test_an_answer_of_another_day_is_told_so_in_words(life: Life, days: float) -> None:
    state = await life.asked(TOOLS[0])
    life.machine.set_clock(days)
    assert "minutes ago" in said(await life.round(TOOLS[0], state))
    assert_only(life.bench.sandbox, TOOLS[0], 0)


class TakenOut:
    """A state file whose disk was taken out."""

    shared = True

    async def transact(self, _: Callable[[Records], T]) -> T:
        raise StoreUnusable("The disk is gone.", "Look for it.")

    async def close(self) -> None:
        """There is nothing left to close."""


async def test_an_answer_whose_key_cannot_be_read_is_told_why_in_words(life: Life) -> None:
    state = await life.asked(TOOLS[0])
    await life.store.close()
    life.store = TakenOut()
    assert "The disk is gone." in said(await life.round(TOOLS[0], state))
    assert_only(life.bench.sandbox, TOOLS[0], 0)


async def test_an_answer_outlives_one_new_key_and_not_two(life: Life) -> None:
    """There is a new key after a day, and the one before it stays good for opening."""
    collection = life.bench.collection(TITLE)
    first = await life.asked(TOOLS[0])
    life.machine.run(DAY_IN_SECONDS - 60.0)
    second = await life.asked(TOOLS[0])
    life.machine.run(120.0)
    await life.asked(TOOLS[1])  # sealed with a new key
    answer = await life.round(TOOLS[0], second)
    assert isinstance(answer, CallToolResult)
    assert not answer.is_error
    life.bench.sandbox.account.keep(collection)
    assert "minutes ago" in said(await life.round(TOOLS[0], first))
    life.machine.run(DAY_IN_SECONDS + 60.0)
    await life.asked(TOOLS[3])
    assert LATE in said(await life.round(TOOLS[0], first))
    assert_only(life.bench.sandbox, TOOLS[0], 1)
    assert len(keys_of(life)) == 2


def keys_of(life: Life) -> list[str]:
    """All keys in the state file."""
    with closing(sqlite3.connect(life.path)) as db:
        bodies = [body for (body,) in db.execute("SELECT body FROM records WHERE kind = 'sealing-keys'")]
    return [key for body in bodies for key in json.loads(body)["keys"]]


Gone: TypeAlias = Callable[[Life], Awaitable[dict[str, Any]]]


async def another_account(_: Life) -> dict[str, Any]:
    return {"api_key": "KEY-OF-SOMEBODY-ELSE"}


async def another_file(life: Life) -> dict[str, Any]:
    life.store = SqliteStore(life.bench.folder / "another.sqlite", life.machine)
    return {}


async def a_file_that_was_deleted(life: Life) -> dict[str, Any]:
    await life.store.close()
    life.path.unlink()
    return {}


async def only_memory(life: Life) -> dict[str, Any]:
    life.store = MemoryStore(life.machine)
    return {}


async def keys_that_somebody_edited(life: Life) -> dict[str, Any]:
    edit(life, '{"keys": ["x", 5, null], "made": 0}')
    return {}


async def keys_that_are_no_list(life: Life) -> dict[str, Any]:
    edit(life, '{"keys": 5, "made": "x"}')
    return {}


async def no_record(life: Life) -> dict[str, Any]:
    edit(life, '["x"]')
    return {}


async def no_keys(life: Life) -> dict[str, Any]:
    edit(life, "{}")
    return {}


async def short_keys(life: Life) -> dict[str, Any]:
    edit(life, '{"keys": ["00"], "made": 1790000000}')
    return {}


def edit(life: Life, body: str) -> None:
    with closing(sqlite3.connect(life.path)) as db, db:
        db.execute("UPDATE records SET body = ? WHERE kind = 'sealing-keys'", [body])


GONE: tuple[Gone, ...] = (
    another_account, another_file, a_file_that_was_deleted, only_memory, keys_that_somebody_edited,
    keys_that_are_no_list, no_record, no_keys, short_keys,
)  # fmt: skip


@pytest.mark.parametrize("gone", GONE, ids=lambda one: one.__name__)
async def test_where_its_key_is_not_it_opens_nothing_and_a_text_says_so(life: Life, gone: Gone) -> None:
    state = await life.asked(TOOLS[0])
    settings = await gone(life)
    assert LATE in said(await life.round(TOOLS[0], state, **settings))
    assert_only(life.bench.sandbox, TOOLS[0], 0)
    assert await life.asked(TOOLS[0], **settings)  # the next question is sealed with a new key


async def test_the_key_of_another_account_seals_nothing_of_this_one(life: Life) -> None:
    """Both have their keys in one file, and neither opens what the other sealed."""
    mine = await life.asked(TOOLS[0])
    theirs = await life.asked(TOOLS[0], api_key="KEY-OF-SOMEBODY-ELSE")
    assert LATE in said(await life.round(TOOLS[0], theirs))
    assert LATE in said(await life.round(TOOLS[0], mine, api_key="KEY-OF-SOMEBODY-ELSE"))
    assert len(set(keys_of(life))) == 2
    assert_only(life.bench.sandbox, TOOLS[0], 0)


async def test_no_key_outlives_its_call(life: Life) -> None:
    """A task may handle several calls, of other accounts as well."""
    state = await life.asked(TOOLS[0])
    assert CODEC.get() is None
    await life.round(TOOLS[0], state)
    assert CODEC.get() is None


async def test_a_state_that_fits_another_call_stays_an_error_of_the_protocol(life: Life) -> None:
    state = await life.asked(TOOLS[0])
    with pytest.raises(MCPError):
        await life.round(TOOLS[3], state)
    assert_only(life.bench.sandbox, TOOLS[0], 0)


async def test_the_keys_are_in_no_answer(life: Life) -> None:
    await life.asked(TOOLS[0])
    keys = keys_of(life)
    assert keys
    async with Client(life.started(), mode="auto") as client:
        texts = [(await client.read_resource(ACCOUNT_ADDRESS)).model_dump_json()]
        for tool in (await client.list_tools()).tools:
            found = await client.call_tool(tool.name, {})
            texts.append(found.model_dump_json())
    assert not [key for key in keys for text in (*texts, *life.bench.witness.texts) if key in text]


async def test_a_process_that_goes_on_takes_up_the_keys_of_the_others(life: Life) -> None:
    """Two servers over one file, each a day at work: either opens what the other sealed."""
    collection, tool = life.bench.collection(TITLE), TOOLS[0]
    person = Person(declines)
    async with (
        Client(life.started(), mode="auto", elicitation_callback=person) as one,
        Client(life.started(), mode="auto", elicitation_callback=person) as other,
    ):
        for asking, answering in ((one, other), (other, one)):
            life.bench.sandbox.account.keep(collection)
            question = await asking.session.call_tool(tool.tool, tool.arguments(collection), allow_input_required=True)
            assert isinstance(question, InputRequiredResult)
            life.machine.run(1.0)  # as a person needs to read
            answer = await answering.session.call_tool(
                tool.tool, tool.arguments(collection), input_responses=YES, request_state=question.request_state
            )
            assert not answer.is_error
            life.machine.run(DAY_IN_SECONDS + 60.0)
    assert_only(life.bench.sandbox, tool, 2)
