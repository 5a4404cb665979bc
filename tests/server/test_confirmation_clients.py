"""Whatever a client does with the question: the sandbox counts exactly the destructions that were confirmed."""

import contextlib
from dataclasses import dataclass
from itertools import product
from typing import Any

import anyio
import pytest
from mcp import MCPError
from mcp.types import ElicitResult, ErrorData

from tests.server.bench import CODE, Answer, Assistant, Bench, Mode, Person, Said, cancels, declines, types
from tests.server.destructions import (
    MODES,
    RETRY,
    REVISION,
    TITLE,
    TOOLS,
    Destruction,
    assert_done,
    assert_only,
    assert_refused,
    process,
)


def fails(_: str) -> ErrorData:
    return ErrorData(code=-32603, message="no screen")


@dataclass(frozen=True)
class Behaviour:
    """What a client does, and whether that is a yes."""

    name: str
    answer: Answer | None
    thinks: float = 2.0
    confirmed: int = 0
    said: str = ""
    """A part of the refusal."""
    gives_code: bool = False
    """Whether the refusal holds a code that works at once."""


NOT_THE_TITLE = "typed something else"
BEHAVIOURS = (
    Behaviour("right title", types(TITLE), confirmed=1),
    Behaviour("right title with spaces", types(f"  {TITLE} "), confirmed=1),
    Behaviour("wrong title", types("Spring catalogue 2026"), said=NOT_THE_TITLE),
    Behaviour("empty", types(""), said=NOT_THE_TITLE),
    Behaviour("no content", lambda _: ElicitResult(action="accept"), said=NOT_THE_TITLE),
    Behaviour("declined", declines, said="The person said no"),
    Behaviour("cancelled", cancels, said="The person said no"),
    Behaviour("declined at once", declines, thinks=0.01, said="probably never shown"),
    Behaviour("cancelled at once", cancels, thinks=0.01, said="probably never shown"),
    Behaviour("content outside the schema", types(TITLE, all="yes"), said=NOT_THE_TITLE),
    Behaviour("list instead of text", types([TITLE]), said=NOT_THE_TITLE),
    Behaviour("no form", None, said="This needs a person's yes.", gives_code=True),
    Behaviour("never answered", types(TITLE), thinks=5000.0, said="withdrawn"),
    Behaviour("client error", fails, said="failed in the client"),
)
CLIENT_CELLS = [
    pytest.param(mode, tool, behaviour, id=f"{REVISION[mode]}-{tool.tool}-{behaviour.name}")
    for mode, tool, behaviour in product(MODES, TOOLS, BEHAVIOURS)
]
SILENT = {"never answered", "client error"}
"""On 2026-07-28 the call has ended with the question: a client that fails or waits never comes back."""


@pytest.mark.parametrize(("mode", "tool", "behaviour"), CLIENT_CELLS)
async def test_only_a_clear_yes_in_the_form_destroys(
    bench: Bench, mode: Mode, tool: Destruction, behaviour: Behaviour
) -> None:
    collection = bench.collection(TITLE)
    person = Person(behaviour.answer, behaviour.thinks) if behaviour.answer else None
    async with process(bench, person) as assistant:
        said = await called(assistant, tool, collection, gives_up=mode == "auto" and behaviour.name in SILENT)

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
    assert bool(CODE.search(said.text)) is (behaviour.gives_code or bool(RETRY.search(said.text)))


async def called(assistant: Assistant, tool: Destruction, collection: Any, *, gives_up: bool) -> Said | None:
    """The answer to a call; None where the client gives it up."""
    if not gives_up:
        return await assistant.call(tool.tool, tool.arguments(collection))
    with anyio.move_on_after(900), contextlib.suppress(MCPError):
        await assistant.call(tool.tool, tool.arguments(collection))
        raise AssertionError("the client did not give up")
    return None


AFTER_CELLS = [
    pytest.param(mode, tool, behaviour, id=f"{REVISION[mode]}-{tool.tool}-{behaviour.name}")
    for mode, tool, behaviour in product(MODES, TOOLS, BEHAVIOURS)
    if not behaviour.confirmed and behaviour.answer and not (mode == "auto" and behaviour.name in SILENT)
]


@pytest.mark.parametrize(("mode", "tool", "behaviour"), AFTER_CELLS)
async def test_after_a_refused_form_no_code_works_without_a_person(
    bench: Bench,
    mode: Mode,  # noqa: ARG001 - chooses the bench's
    tool: Destruction,
    behaviour: Behaviour,
) -> None:
    collection = bench.collection(TITLE)
    async with process(bench, Person(behaviour.answer or declines, behaviour.thinks)) as assistant:
        first = await assistant.call(tool.tool, tool.arguments(collection))
        found = CODE.search(first.text)
        code = found[1] if found else "AAAAAAAA"
        assert_refused(await assistant.call(tool.tool, tool.arguments(collection), confirmation=code))

    assert_only(bench.sandbox, tool, 0)


CLOSING_CELLS = [
    pytest.param(mode, tool, answer, id=f"{REVISION[mode]}-{tool.tool}-{answer.__name__}")
    for mode, tool, answer in product(MODES, TOOLS, (declines, cancels))
]


@pytest.mark.parametrize(("mode", "tool", "answer"), CLOSING_CELLS)
async def test_a_no_closes_the_way_by_code_for_ten_minutes_in_all_processes(
    bench: Bench,
    mode: Mode,  # noqa: ARG001 - chooses the bench's
    tool: Destruction,
    answer: Answer,
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
