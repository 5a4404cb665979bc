"""Whatever a client does with the question: the sandbox counts exactly the destructions that were confirmed."""

import contextlib
from dataclasses import dataclass
from typing import Any

import anyio
import pytest
from mcp import MCPError
from mcp.types import ElicitResult, ErrorData

from tests.server.bench import CODE, Answer, Assistant, Bench, Mode, Person, Said, cancels, declines, types
from tests.server.destructions import (
    RETRY,
    TITLE,
    Destruction,
    assert_done,
    assert_only,
    assert_refused,
    cells,
    process,
)


def fails(_: str) -> ErrorData:
    return ErrorData(code=-32603, message="no screen")


@dataclass(frozen=True)
class Behaviour:
    """What a client does, and whether that is a yes."""

    answer: Answer | None
    said: str = ""
    """A part of the refusal; empty where it is a yes."""
    thinks: float = 2.0

    @property
    def confirmed(self) -> int:
        return int(not self.said)


NOT_THE_TITLE = "typed something else"
BEHAVIOURS = {
    "right title": Behaviour(types(TITLE)),
    "right title with spaces": Behaviour(types(f"  {TITLE} ")),
    "wrong title": Behaviour(types("Spring catalogue 2026"), NOT_THE_TITLE),
    "title in another case": Behaviour(types(TITLE.lower()), NOT_THE_TITLE),
    "empty": Behaviour(types(""), NOT_THE_TITLE),
    "blank": Behaviour(types("   "), NOT_THE_TITLE),
    "number": Behaviour(types(2026), NOT_THE_TITLE),
    "decimal": Behaviour(types(1.5), NOT_THE_TITLE),
    "boolean": Behaviour(types(True), NOT_THE_TITLE),  # noqa: FBT003 - what a client might send
    "list instead of text": Behaviour(types([TITLE]), NOT_THE_TITLE),
    "no content": Behaviour(lambda _: ElicitResult(action="accept"), NOT_THE_TITLE),
    "empty content": Behaviour(lambda _: ElicitResult(action="accept", content={}), NOT_THE_TITLE),
    "another field": Behaviour(lambda _: ElicitResult(action="accept", content={"name": TITLE}), NOT_THE_TITLE),
    "content outside the schema": Behaviour(types(TITLE, all="yes"), NOT_THE_TITLE),
    "declined": Behaviour(declines, "The person said no"),
    "cancelled": Behaviour(cancels, "The person said no"),
    "declined at once": Behaviour(declines, "probably never shown", thinks=0.01),
    "cancelled at once": Behaviour(cancels, "probably never shown", thinks=0.01),
    "no form": Behaviour(None, "This needs a person's yes."),
    "never answered": Behaviour(types(TITLE), "withdrawn", thinks=5000.0),
    "client error": Behaviour(fails, "failed in the client"),
}
SILENT = (BEHAVIOURS["never answered"], BEHAVIOURS["client error"])
"""On 2026-07-28 the call has ended with the question: a client that fails or waits never comes back."""


@pytest.mark.parametrize(("mode", "tool", "behaviour"), cells(BEHAVIOURS, ["right title", "wrong title", "no form"]))
async def test_only_a_clear_yes_in_the_form_destroys(
    bench: Bench, mode: Mode, tool: Destruction, behaviour: Behaviour
) -> None:
    collection = bench.collection(TITLE)
    person = Person(behaviour.answer, behaviour.thinks) if behaviour.answer else None
    async with process(bench, person) as assistant:
        said = await called(assistant, tool, collection, gives_up=mode == "auto" and behaviour in SILENT)

    assert_only(bench.sandbox, tool, behaviour.confirmed)
    assert len(person.forms if person else []) == (1 if person else 0)
    if said is None:
        return
    if behaviour.confirmed:
        assert_done(said)
        return
    assert_refused(said)
    assert behaviour.said in said.text
    assert said.seconds <= 50
    assert bool(CODE.search(said.text)) is (person is None or bool(RETRY.search(said.text)))


async def called(assistant: Assistant, tool: Destruction, collection: Any, *, gives_up: bool) -> Said | None:
    """The answer to a call; None where the client gives it up."""
    if not gives_up:
        return await assistant.call(tool.tool, tool.arguments(collection))
    with anyio.move_on_after(900), contextlib.suppress(MCPError):
        await assistant.call(tool.tool, tool.arguments(collection))
        raise AssertionError("the client did not give up")
    return None


REFUSED = {name: one for name, one in BEHAVIOURS.items() if one.answer and not one.confirmed}


@pytest.mark.parametrize(("mode", "tool", "behaviour"), cells(REFUSED, ["wrong title"]))
async def test_after_a_refused_form_no_code_works_without_a_person(
    bench: Bench, mode: Mode, tool: Destruction, behaviour: Behaviour
) -> None:
    collection = bench.collection(TITLE)
    async with process(bench, Person(behaviour.answer or declines, behaviour.thinks)) as assistant:
        first = await called(assistant, tool, collection, gives_up=mode == "auto" and behaviour in SILENT)
        found = CODE.search(first.text if first else "")
        code = found[1] if found else "AAAAAAAA"
        assert_refused(await assistant.call(tool.tool, tool.arguments(collection), confirmation=code))

    assert_only(bench.sandbox, tool, 0)


@pytest.mark.parametrize(("mode", "tool", "answer"), cells({"no": declines, "cancel": cancels}, ["no"]))
async def test_a_no_closes_the_way_by_code_for_ten_minutes_in_all_processes(
    bench: Bench, tool: Destruction, answer: Answer
) -> None:
    collection = bench.collection(TITLE)
    arguments = tool.arguments(collection)
    async with process(bench) as plain, process(bench, Person(answer)) as asking:
        earlier = (await plain.call(tool.tool, arguments)).code
        assert_refused(await asking.call(tool.tool, arguments))
        assert_refused(await plain.call(tool.tool, arguments, confirmation=earlier))
        shut = await plain.call(tool.tool, arguments)
        assert_refused(shut)
        assert not CODE.search(shut.text)
        assert_only(bench.sandbox, tool, 0)
        bench.clock.advance(601)
        later = await plain.call(tool.tool, arguments)
        assert_done(await plain.call(tool.tool, arguments, confirmation=later.code))

    assert_only(bench.sandbox, tool, 1)
