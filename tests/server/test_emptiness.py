"""What clients and strict models fill in where they have nothing to say means what it would mean if it were left out.

Over all tools: a call with fillers is compared with its bare twin, at what Flipsnack received and what was answered.
"""

import re
from collections.abc import Iterator
from functools import partial
from itertools import count, cycle
from pathlib import Path
from random import Random
from typing import Any

import anyio
import pytest
from mcp.types import CallToolResult, ElicitResult, InputRequiredResult, Tool
from pydantic.fields import FieldInfo

from flipsnack_mcp.api import FlipsnackError
from flipsnack_mcp.sandbox import Pace, Sandbox
from flipsnack_mcp.server.arriving.parameters import Arriving
from flipsnack_mcp.server.tools.arguments import understand
from flipsnack_mcp.server.tools.emptiness import without_fillers
from flipsnack_mcp.server.tools.table import TOOLS
from tests.samples_of import TOOLS as SAMPLES
from tests.samples_of import expected_tool
from tests.server.bench import KEY, SECRET, Bench, Given, LoopClock, Person, Witness, types_what_is_asked
from tests.server.revisions import newer
from tests.server.tables import table
from tests.server.typical import ready

FILLINGS: tuple[Any, ...] = ("", 0, [], {}, False, None)
NESTED: tuple[Any, ...] = ([""], [None], [[]], ["  ", {}], {"": ""}, {"": None})
"""Nothing inside of something."""
AS_TEXT = ("[]", "{}", "null", '""', "0", "0.0", "false", '[""]', " null ")
"""Nothing, sent as JSON text: only where a parameter is no text of the person's own."""
BLANK = ("   ", "\t", "\n", "\u00a0", "\u200b", "\u2800", "\ufeff\u00a0", "\u3164\u00ad")
"""Texts in which nothing is seen."""
MEANT: set[tuple[str, str, str]] = {
    *((name, "wait_seconds", "0") for name, tool in TOOLS.items() if "wait_seconds" in tool.input.model_fields),
    ("download_collection_html", "save", "False"),
    ("update_collections", "replace", "''"),  # beside find: removes the text
    ("update_collection", "description", "''"),  # clears, where no other optional is filled with nothing
}
"""All that looks like nothing and is meant, by tool, parameter and filling."""
MEANT_AS_TEXT = {
    *((name, "wait_seconds", text) for name in TOOLS for text in ("0", "0.0")),
    ("download_collection_html", "save", "false"),
}
MIXTURES = 3
OF = {expected_tool(of).name: of for of in (*SAMPLES, "of_leads/list_leads")}
CASES = table("emptiness")
ADDED = ("task_progress", "toolCallId", "sessionId", "action", "chatInput", "random_string")
"""Names that clients are known to add."""
MADE_UP = re.compile(r"\b(upload|report|plan)_id\W+\w{8}|\d(?:\.\d+)? s\b|/(?:[^ /]+/)+")

# Arguments arrive alike on both revisions; test_arguments looks at both.
mode = newer


@pytest.fixture(autouse=True)
def fast(no_look_ahead: None) -> None:
    """Nobody counts pages here."""


class Twins:
    """Makes calls, each in a world of its own that is like any other."""

    def __init__(self, folder: Path, witness: Witness, known: dict[str, tuple[Any, ...]]) -> None:
        self._folder, self._witness, self._number = folder, witness, count()
        self._bare = known

    def world(self) -> Bench:
        clock = LoopClock()
        sandbox = Sandbox(
            api_key=KEY, api_secret=SECRET, clock=clock, pace=Pace(calls_per_second=0, calls_per_minute=0)
        )
        folder = self._folder / str(next(self._number))
        folder.mkdir()
        return Bench(sandbox, clock, self._witness, "auto", folder)

    async def bare(self, tool: str, arguments: Given) -> tuple[Any, ...]:
        """The outcome that others are compared with: every world is like any other, so once is enough."""
        called = repr((tool, arguments))
        if called not in self._bare:
            self._bare[called] = await self.outcome(tool, arguments)
        return self._bare[called]

    async def outcome(self, tool: str, arguments: Given) -> tuple[Any, ...]:
        """What Flipsnack received and what was answered."""
        bench = self.world()
        given = {name: placed(value, bench) for name, value in arguments.items()}
        said = await bench.send(tool, given, Person(types_what_is_asked), leads=True)
        sent = [
            (one.action, {name: value for name, value in one.params.items() if name not in {"signature", "apiKey"}})
            for one in bench.sandbox.requests
        ]
        return said.is_error, MADE_UP.sub("…", said.text), MADE_UP.sub("…", repr(said.data)), sent


@pytest.fixture(scope="module")
def known() -> dict[str, tuple[Any, ...]]:
    return {}


@pytest.fixture
def twins(tmp_path: Path, witness: Witness, known: dict[str, tuple[Any, ...]]) -> Twins:
    return Twins(tmp_path, witness, known)


def placed(value: Any, bench: Bench) -> Any:
    """What `<collection>` and the like stand for, also in a list."""
    return [ready(one, bench) for one in value] if isinstance(value, list) else ready(value, bench)


def optionals(tool: str) -> dict[str, FieldInfo]:
    return {name: field for name, field in TOOLS[tool].input.model_fields.items() if not field.is_required()}


def usual(tool: str, without: str = "") -> Given:
    """A call that a person's wish leads to."""
    return {name: value for name, value in expected_tool(OF[tool]).call.items() if name != without}


def fillings_of(tool: str, name: str) -> Iterator[Any]:
    """Everything that is nothing there."""
    of = expected_tool(OF[tool])
    yield from (*FILLINGS, *NESTED)
    yield from () if name in of.free_texts else AS_TEXT
    yield from () if name in of.exact_texts else BLANK


def is_meant(tool: str, name: str, value: object) -> bool:
    """Also as text, which a client may make of it."""
    is_free = name in expected_tool(OF[tool]).free_texts
    text = value.lower() if isinstance(value, str) and not is_free else None
    return (tool, name, repr(value)) in MEANT or (text is not None and (tool, name, text) in MEANT_AS_TEXT)


def test_the_table_knows_every_tool() -> None:
    assert OF.keys() == TOOLS.keys()


def understood(tool: str, arguments: Given) -> tuple[Any, ...]:
    """What is made of the arguments, where that decides all that follows."""
    try:
        given = understand(TOOLS[tool].input, {name: unplaced(value) for name, value in arguments.items()})
    except FlipsnackError as error:
        return (str(error),)
    values = given.model_dump()
    unusual = {name for name in given.model_fields_set if values[name] != type(given).model_fields[name].default}
    return values, unusual


def unplaced(value: Any) -> Any:
    return "fxh4k89" if isinstance(value, str) and value.startswith("<") else value


@pytest.mark.parametrize("tool", TOOLS)
def test_each_optional_filled_with_nothing_is_left_out(tool: str) -> None:
    wrong = [
        f"{name}={value!r}"
        for name in optionals(tool)
        for value in fillings_of(tool, name)
        if not is_meant(tool, name, value)
        and understood(tool, {**usual(tool), name: value}) != understood(tool, usual(tool, without=name))
    ]
    assert wrong == []


def mixtures(tool: str) -> Iterator[Given]:
    """All optionals filled alike, and seeded mixtures of some of them."""
    names, dice = list(optionals(tool)), Random(tool)  # noqa: S311  # only a seed
    for value in FILLINGS:
        yield {name: None if is_meant(tool, name, value) else value for name in names}
    for _ in range(MIXTURES if len(names) > 1 else 0):
        some = dice.sample(names, dice.randint(2, len(names)))
        drawn = {
            name: dice.choice([one for one in fillings_of(tool, name) if not is_meant(tool, name, one)])
            for name in some
        }
        if tool == "update_collection" and "description" in drawn:
            drawn["description"] = ""  # the one that emptied texts
        yield drawn


def kept(tool: str, filled: Given) -> Given:
    return {name: value for name, value in usual(tool).items() if name not in filled}


@pytest.mark.parametrize("tool", TOOLS)
def test_every_mixture_of_fillers_is_left_out(tool: str) -> None:
    wrong = [
        filled
        for filled in mixtures(tool)
        if understood(tool, {**kept(tool, filled), **filled}) != understood(tool, kept(tool, filled))
    ]
    assert wrong == []


@pytest.mark.parametrize("tool", TOOLS)
async def test_a_call_full_of_fillers_is_answered_as_its_bare_twin(tool: str, twins: Twins) -> None:
    """What is understood decides all that follows, so one call goes all the way, with each optional filled otherwise."""
    turns = zip(optionals(tool), cycle(FILLINGS), strict=False)
    filled = {name: None if is_meant(tool, name, value) else value for name, value in turns}
    bare = kept(tool, filled)
    assert await twins.outcome(tool, {**bare, **filled}) == await twins.bare(tool, bare)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_required_parameter_left_empty_is_said_to_be_missing(tool: str) -> None:
    wrong = [
        (name, value)
        for name, field in TOOLS[tool].input.model_fields.items()
        for value in (fillings_of(tool, name) if field.is_required() else ())
        if f"`{name}` is missing." not in str(understood(tool, {**usual(tool), name: value})[0])
    ]
    assert wrong == [], "is it one of the `free_texts` of its samples?"


@pytest.mark.parametrize("tool", TOOLS)
def test_a_free_text_that_only_looks_like_nothing_is_taken_as_it_is(tool: str) -> None:
    """Whether a parameter is one is written down by hand: forgotten in the code, words of the person's own would be lost."""
    of, kind = expected_tool(OF[tool]), TOOLS[tool].input
    assert {*of.exact_texts} <= {*of.free_texts} <= kind.model_fields.keys()
    lost = [
        (name, value)
        for name in of.free_texts
        for value in (*AS_TEXT, *(BLANK if name in of.exact_texts else ()))
        if without_fillers(tool, kind, {name: value}) != {name: value}
    ]
    assert lost == [], f"{kind.__name__}: `FreeText()`, which the `free_texts` of its samples promise"


def test_what_looks_like_nothing_and_is_meant_is_exactly_this() -> None:
    """DESIGN's list; a parameter that joins it has to be written down here."""
    named = {(tool, name) for tool, name, _ in MEANT if name != "wait_seconds"}
    assert named == {
        ("download_collection_html", "save"), ("update_collections", "replace"), ("update_collection", "description"),
    }  # fmt: skip
    defaults = {(tool, name) for tool in TOOLS for name, field in optionals(tool).items() if field.default is True}
    assert defaults == {("download_collection_html", "save")}


def test_these_mean_the_same() -> None:
    wrong = [row for row in CASES["the same"] if understood(row[0], row[1]) != understood(row[0], row[2])]
    assert wrong == []


@pytest.mark.parametrize(("tool", "row"), {row[0]: row for row in CASES["the same"]}.items())
async def test_what_means_the_same_is_answered_alike(twins: Twins, tool: str, row: Any) -> None:
    _, filled, bare = row
    assert await twins.outcome(tool, filled) == await twins.bare(tool, bare)


@pytest.mark.parametrize(("tool", "given", "bare"), CASES["not the same"], ids=str)
async def test_these_do_not_mean_the_same(twins: Twins, tool: str, given: Given, bare: Given) -> None:
    assert await twins.outcome(tool, given) != await twins.bare(tool, bare)


@pytest.mark.parametrize(
    ("tool", "name", "value"), [(tool, name, one) for tool, name, values in CASES["refused by name"] for one in values]
)
async def test_an_unknown_name_is_refused_whatever_it_holds(twins: Twins, tool: str, name: str, value: Any) -> None:
    error, said, _, sent = await twins.outcome(tool, {**usual(tool), name: value})
    assert error
    assert said.startswith(f"There is no argument `{name}`.")
    assert sent == []


async def test_a_description_that_is_emptied_alone_is_cleared_and_nothing_else_is(bench: Bench) -> None:
    book = bench.collection("Summer catalogue 2026")
    said = await bench.call("update_collection", collection_hash=book.hash, description="")
    assert not said.is_error, said.text
    assert (book.title, book.description) == ("Summer catalogue 2026", "")
    assert "| field | before | after |" in said.text


async def test_fillers_beside_a_change_empty_nothing(bench: Bench) -> None:
    book = bench.collection("Summer catalogue 2026")
    before = book.description
    fillers = {"title": "", "description": "", "width": 0, "height": 0, "settings": {}, "confirmation": ""}
    said = await bench.call("update_collection", collection_hash=book.hash, status="unlisted", **fillers)
    assert not said.is_error, said.text
    assert (book.title, book.description, book.status) == ("Summer catalogue 2026", before, "unlisted")
    assert [row["field"] for row in said.data["changes"]] == ["status"]


@pytest.mark.parametrize("tool", TOOLS)
async def test_names_that_clients_add_change_nothing(twins: Twins, tool: str) -> None:
    bare, reads = await twins.bare(tool, usual(tool)), expected_tool(OF[tool]).hints.read_only
    error, said, _, sent = await twins.outcome(tool, {**usual(tool), **dict.fromkeys(ADDED, "call_1")})
    assert (error, said, sent) == (bare[0], bare[1] + ("" if reads else f"\nignored: {', '.join(ADDED)}"), bare[3])


async def test_all_added_names_at_once_are_told_once_and_in_the_data_too(bench: Bench) -> None:
    book = bench.collection()
    said = await bench.call("update_collection", collection_hash=book.hash, title="New", **dict.fromkeys(ADDED, "x"))
    assert said.text.endswith(f"\nignored: {', '.join(ADDED)}")
    assert said.data["ignored"] == list(ADDED)


async def test_what_was_ignored_is_told_with_a_refusal_too(bench: Bench) -> None:
    said = await bench.call("update_collection", collection_hash="nothere", toolCallId="call_1")
    assert said.is_error
    assert said.text.endswith("\nignored: toolCallId")


async def test_an_added_name_never_hides_an_unknown_one(bench: Bench) -> None:
    said = await bench.call("delete_collection", collection_hash="fxh4k89", toolCallId="x", surprise=1)
    assert said.text.startswith("There is no argument `surprise`.")
    assert bench.requests == []


@pytest.mark.parametrize("added", ADDED)
async def test_a_new_added_value_in_each_round_does_not_spoil_a_form(bench: Bench, added: str) -> None:
    """The question is sealed to the arguments of the call, and its answer comes with the next round."""
    book, answer = bench.collection(), ElicitResult(action="accept", content={"title": bench.collection().title})
    async with bench.assistant(Person(types_what_is_asked)) as assistant:
        call = partial(assistant.client.session.call_tool, "delete_collection", allow_input_required=True)
        asked = await call({"collection_hash": book.hash, added: "call_1"})
        assert isinstance(asked, InputRequiredResult)
        await anyio.sleep(2)
        again = {"collection_hash": book.hash, added: "call_2"}
        done = await call(again, input_responses={"title": answer}, request_state=asked.request_state)
    assert isinstance(done, CallToolResult)
    assert not done.is_error, done.content
    assert book.hash not in bench.sandbox.account.collections


def test_an_added_name_that_is_a_parameter_of_the_tool_stays_one() -> None:
    tool = Tool(name="speak", input_schema={"type": "object", "properties": {"action": {}, "text": {}}})
    call = {"name": "speak", "arguments": dict.fromkeys(ADDED, "x")}
    assert Arriving({"speak": tool}).ignored(call) == [name for name in ADDED if name != "action"]
