"""Forms nobody saw: whatever a client makes of the question by itself is no person's answer, and ends with a way that works."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from itertools import cycle
from typing import Any

import pytest

from flipsnack_mcp.server.consent.codes import Consents
from flipsnack_mcp.store.records import Store
from tests.server import destructions
from tests.server.bench import CODE, Bench
from tests.server.destructions import MODES, RETRY, REVISION, TITLE, TOOLS, UNCHANGED, assert_only, server_of
from tests.server.tables import table
from tests.server.wire import Outcome, Wire, declining, wired

TABLE = table("unseen_forms")
NEVER_SHOWN = "probably never shown"
AGAIN = "ake the same call again to ask"
UNSEEN = ["content empty", "content a list", "right title at once", "declined at once"]


def cells(rows: Mapping[str, Any], everywhere: Sequence[str], *, in_turn: bool = False) -> list[Any]:
    """Every row with the first tool, on both revisions or on them in turn; with the others, in turn, those that are named."""
    others = [(tool, name) for tool in TOOLS[1:] for name in everywhere]
    return [
        *destructions.cells(rows, [], in_turn=in_turn),
        *(
            pytest.param(mode, tool, rows[name], id=f"{REVISION[mode]}-{tool.tool}-{name}")
            for mode, (tool, name) in zip(cycle(MODES), others, strict=False)
        ),
    ]


def rows(meaning: str, everywhere: list[str]) -> pytest.MarkDecorator:
    """Rows of the table with this meaning, as cells: what an answer means does not depend on how it came."""
    return pytest.mark.parametrize(("mode", "tool", "row"), cells(TABLE[meaning], everywhere, in_turn=True))


@asynccontextmanager
async def connected(bench: Bench, row: Any = (2, None), store: Store | None = None) -> AsyncIterator[Wire]:
    """A process of the assistant whose client answers forms like this."""
    seconds, answer = row
    answering = (lambda _: answer) if answer else declining
    async with wired(server_of(bench, store), bench.mode, answering, seconds) as wire:
        yield wire


async def called(wire: Wire, tool: destructions.Destruction, bench: Bench, **more: Any) -> Outcome:
    return await wire.call(tool.tool, tool.arguments(bench.collection(TITLE)), **more)


def assert_refused(said: Outcome, *parts: str) -> None:
    assert said.error is None, said.error
    assert said.result
    assert said.result["isError"], said.text
    assert said.text.endswith(UNCHANGED), said.text
    assert "may have been" not in said.text
    assert [one for one in parts if one not in said.text] == [], said.text


def assert_names_the_terminal(said: Outcome) -> str:
    """It offers the one way that is left, with one code for it."""
    assert_refused(said, NEVER_SHOWN)
    assert len(CODE.findall(said.text)) == len(RETRY.findall(said.text)) == 1, said.text
    return str(RETRY.findall(said.text)[0])


@rows("unseen", [])
async def test_what_nobody_can_have_seen_is_called_so(bench: Bench, tool: destructions.Destruction, row: Any) -> None:
    async with connected(bench, row) as wire:
        said = await called(wire, tool, bench)
        assert_names_the_terminal(said)
        assert said.asked == 1
    assert_only(bench.sandbox, tool, 0)


@pytest.mark.parametrize(
    ("mode", "tool", "row"),
    cells({name: TABLE["unseen"][name] for name in UNSEEN}, UNSEEN),
)
async def test_where_nobody_can_have_seen_the_form_only_a_terminal_helps(
    bench: Bench, tool: destructions.Destruction, row: Any
) -> None:
    async with connected(bench, row) as wire:
        code = assert_names_the_terminal(await called(wire, tool, bench))
        assert_refused(await called(wire, tool, bench, confirmation=code), "approve")
        assert_only(bench.sandbox, tool, 0)

        assert await Consents(destructions.store_of(bench), bench.settings.account).approve(code)
        approved = await called(wire, tool, bench, confirmation=code)
        assert not (approved.result or {})["isError"], approved.text
    assert_only(bench.sandbox, tool, 1)


@rows("failing", ["no such method", "internal error"])
async def test_a_client_that_fails_twice_is_not_asked_for_ever(
    bench: Bench, tool: destructions.Destruction, row: Any
) -> None:
    """On 2026-07-28 the call has ended with the question: of a failure the server hears only the next call."""
    async with connected(bench, row) as one, connected(bench, row) as another:
        first = await called(one, tool, bench)
        second = await called(another, tool, bench)
        if bench.mode == "auto":
            assert first.result is second.result is None
            second = await called(one, tool, bench)
            assert second.asked == 0
        else:
            assert_refused(first, AGAIN)
            assert not CODE.search(first.text)
        code = assert_names_the_terminal(second)
        assert_refused(await called(another, tool, bench, confirmation=code), "approve")
    assert_only(bench.sandbox, tool, 0)


@rows("typed", ["a wrong title"])
async def test_something_else_typed_may_be_asked_again_and_from_the_second_on_names_the_terminal_too(
    bench: Bench, tool: destructions.Destruction, row: Any
) -> None:
    async with connected(bench, row) as wire:
        first = await called(wire, tool, bench)
        second = await called(wire, tool, bench)
        assert_refused(first, AGAIN)
        assert not CODE.search(first.text)
        assert_refused(second, AGAIN)
        assert len(RETRY.findall(second.text)) == len(CODE.findall(second.text)) == 1, second.text
        assert_only(bench.sandbox, tool, 0)
        wire.answering = lambda _: {"result": {"action": "accept", "content": {"title": TITLE}}}
        done = await called(wire, tool, bench)
        assert not (done.result or {})["isError"], done.text
    assert_only(bench.sandbox, tool, 1)


@rows("no", ["declined"])
async def test_a_no_that_was_read_stays_a_no(bench: Bench, tool: destructions.Destruction, row: Any) -> None:
    async with connected(bench, row) as wire:
        said = await called(wire, tool, bench)
        assert_refused(said, "The person said no")
        assert not CODE.search(said.text)
    assert_only(bench.sandbox, tool, 0)


@rows("yes", ["right title"])
async def test_a_yes_that_was_read_stays_a_yes(bench: Bench, tool: destructions.Destruction, row: Any) -> None:
    async with connected(bench, row) as wire:
        said = await called(wire, tool, bench)
        assert not (said.result or {})["isError"], said.text
    assert_only(bench.sandbox, tool, 1)


ENDLESS = {name: TABLE[meaning][name] for meaning, name in (
    ("unseen", "content empty"), ("unseen", "content a list"), ("unseen", "right title after 50 ms"),
    ("unseen", "declined at once"), ("failing", "no such method"), ("failing", "internal error"),
    ("typed", "an empty title"), ("typed", "a placeholder"),
)}  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "name", "memory"),
    [(MODES[turn % 2], name, turn // 2 % 2 == 1) for turn, name in enumerate(ENDLESS)],
)
async def test_nobody_is_sent_round_in_a_circle(bench: Bench, name: str, *, memory: bool) -> None:
    """Six times the same call: but for the first failures every refusal names a way that is not the same call again."""
    server = bench.server() if memory else server_of(bench)
    seconds, answer = ENDLESS[name]
    async with wired(server, bench.mode, lambda _: answer, seconds) as wire:
        said = [await called(wire, TOOLS[0], bench) for _ in range(6)]
    answered = [one for one in said if one.result]
    for one in answered:
        assert_refused(one)
    other_way = "FLIPSNACK_STATE" if memory else "flipsnack-mcp approve"
    assert all(other_way in one.text for one in answered[1:]), [one.text for one in answered]
    assert len(answered) >= 4
    assert not memory or all(CODE.search(one.text) is None for one in answered)
    assert_only(bench.sandbox, TOOLS[0], 0)


async def test_failures_count_for_their_own_target_and_for_a_while(bench: Bench) -> None:
    fails = TABLE["failing"]["internal error"]
    other = bench.sandbox.account.add(title=TITLE)
    async with connected(bench, fails) as wire:
        for _ in range(2):
            await called(wire, TOOLS[0], bench)
        elsewhere = await wire.call("delete_collection", {"collection_hash": other.hash})
        assert elsewhere.asked == 1
        assert elsewhere.result is None or AGAIN in elsewhere.text
        bench.clock.advance(3700)
        later = await called(wire, TOOLS[0], bench)
        assert later.asked == 1
        assert later.result is None or AGAIN in later.text
    assert_only(bench.sandbox, TOOLS[0], 0)


async def test_a_person_who_answers_ends_the_count(bench: Bench) -> None:
    fails, wrong = TABLE["failing"]["internal error"], TABLE["typed"]["a wrong title"]
    async with connected(bench, fails) as failing, connected(bench, wrong) as typing:
        await called(failing, TOOLS[0], bench)
        assert AGAIN in (await called(typing, TOOLS[0], bench)).text
        again = await called(failing, TOOLS[0], bench)
        assert again.asked == 1
        assert again.result is None or (AGAIN in again.text and not CODE.search(again.text))
    assert_only(bench.sandbox, TOOLS[0], 0)


ANSWERED = {name: TABLE[meaning][name] for meaning, name in (
    ("yes", "right title"), ("yes", "right title after 510 ms"), ("no", "declined"), ("no", "cancelled"),
    ("no", "declined after 510 ms"),
)}  # fmt: skip


@pytest.mark.parametrize(("mode", "tool", "row"), cells(ANSWERED, ["right title", "declined"], in_turn=True))
async def test_who_answers_each_question_is_put_the_next_one(
    bench: Bench, tool: destructions.Destruction, row: Any
) -> None:
    collection = bench.collection(TITLE)
    before = deepcopy(collection)
    async with connected(bench, row) as wire:
        for _ in range(3):
            bench.sandbox.account.keep(deepcopy(before))
            said = await wire.call(tool.tool, tool.arguments(before))
            assert (said.asked, NEVER_SHOWN in said.text) == (1, False), said.text


async def test_a_yes_ends_the_count_of_what_was_mistyped(bench: Bench) -> None:
    tool, wrong, right = TOOLS[-1], TABLE["typed"]["a wrong title"], TABLE["yes"]["right title"]
    async with connected(bench, wrong) as typing, connected(bench, right) as confirming:
        for _ in range(3):
            said = await called(typing, tool, bench)
            assert_refused(said, AGAIN)
            assert not RETRY.search(said.text)
            await called(confirming, tool, bench)
    assert_only(bench.sandbox, tool, 3)


@pytest.mark.parametrize("mode", ["auto"])
async def test_without_a_terminal_it_is_told_for_how_long_no_form_is_put(bench: Bench) -> None:
    async with wired(bench.server(), bench.mode, lambda _: TABLE["failing"]["internal error"][1]) as wire:
        for _ in range(2):
            await called(wire, TOOLS[0], bench)
        refused = await called(wire, TOOLS[0], bench)
        assert_refused(refused, NEVER_SHOWN, "FLIPSNACK_STATE", "10 minutes")
        assert AGAIN not in refused.text
        bench.clock.advance(601)
        assert (await called(wire, TOOLS[0], bench)).asked == 1


@pytest.mark.parametrize("mode", ["auto"])
async def test_forms_that_stay_open_are_no_way_round_a_no(bench: Bench) -> None:
    """Two open questions and a third call give a code that waits for a terminal, and none once a person said no."""
    async with (
        connected(bench, TABLE["no"]["declined"]) as saying_no,
        connected(bench, TABLE["failing"]["internal error"]) as failing,
    ):
        await called(saying_no, TOOLS[0], bench)
        for _ in range(3):
            await called(failing, TOOLS[0], bench)
        said = await called(failing, TOOLS[0], bench)
        assert_refused(said)
        assert not CODE.search(said.text)
    assert_only(bench.sandbox, TOOLS[0], 0)
