"""What is expected of every action, from its folder in tests/samples: all by hand, nothing from the classes under test.

`request.txt` and `response.json` are copied from Flipsnack's documentation; `meaning.json` says what they mean here, what
else the documentation tells about the action, and what its tool looks like. A call may name what the tests have ready:
`<collection>`, `<draft>`, `<flipbook>`, and a document such as `<offers.pdf>` or `<logo.png>`.

A tool that stands on no action of its own has only a file in tests/workflow_tools: what `tool` is in `meaning.json`.

How people ask for a tool in English stands with it: `searches`, and whole `requests`, which may also stand with those in
other languages, in evaluations/requests.toml. Both are written before any ranking of the tools is looked at, and never
changed because a tool is not found.

What several answer alike is written once. A tool names as `shared` the results that others give too, and each of those
names it as `results_of`, beside the `results` of its own; likewise a sample's `result` may be only what differs from the
sample of another action, its `result_of`.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

SAMPLES = Path(__file__).parent / "samples"
WORKFLOW_TOOLS = Path(__file__).parent / "workflow_tools"
NAMES = tuple(sorted(folder.name for folder in SAMPLES.iterdir() if folder.is_dir()))
"""Flipsnack's names of all actions there are."""
TOOLS = (*NAMES, *sorted(path.stem for path in WORKFLOW_TOOLS.glob("*.json")))
"""All entries of the menu, by what they stand on: an action, or a workflow."""
FILES = {"request.txt", "response.json", "meaning.json"}
Effect = Literal["reads", "writes", "destroys"]


class Written(BaseModel):
    """Part of a file: every field has to be there, and nothing else."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


WrittenT = TypeVar("WrittenT", bound=Written)


class Hints(Written):
    """What a client may make of a tool."""

    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool = True


class Asked(Written):
    """A whole request to a tool in somebody's own words, with checks on the arguments that it should be called with.

    They are judged after the tool's input model has read them; what is not named may be anything that the tool takes.
    """

    asked: str
    equals: dict[str, Any] = {}
    """What an argument is."""
    contains: dict[str, Any] = {}
    """What a text holds, in any case, and what all a list holds."""
    absent: tuple[str, ...] = ()
    """What is not given; nor is what the input model takes for nothing, as "" or []."""


class ExpectedTool(Written):
    """One entry of the menu."""

    name: str
    title: str
    legacy: bool
    in_read_only_mode: bool
    """Whether read-only mode leaves it on the menu."""
    acts: bool = False
    """Whether it has to be told the account although read-only mode leaves it."""
    hints: Hints
    parameters: tuple[str, ...]
    free_texts: tuple[str, ...]
    """Those that may be any text of the person's own: `null` or `[]` are words there."""
    exact_texts: tuple[str, ...] = ()
    """Those of them in which a blank is a character like any other."""
    results: tuple[str, ...]
    first: tuple[str, dict[str, Any]] | None = None
    """A call that has to have been made before."""
    shared: tuple[str, ...] = ()
    """The results that other tools give as well; they come first."""
    results_of: str = ""
    """What stands in the place of `shared` with each of those."""
    call: dict[str, Any]
    """Arguments that a person's wish leads to, and that the sandbox answers."""
    searches: tuple[str, ...] = ()
    """What a host that defers tools looks for: a few words in English, with nothing to fill in. None where the tool has
    to be asked for."""
    requests: tuple[Asked, ...] = ()
    """In English as well."""


class Exchange(Written):
    """The sample: our arguments for its request, our result for its answer (what is absent there is null here)."""

    arguments: dict[str, Any]
    result: dict[str, Any]
    result_of: str = ""


class Everything(Written):
    """A value for every argument of the action, and all that is sent then, by the names of the catalogue."""

    arguments: dict[str, Any]
    sent: dict[str, str]


class Meaning(Written):
    """One `meaning.json`."""

    effect: Effect
    idempotent: bool
    """Whether it may be sent again after a lost connection."""
    codes: tuple[int, ...]
    """Status codes besides those that any action can end with."""
    request: Literal["GET https://api.flipsnack.com/v1/", "POST https://upload.flipsnack.com/v1/"]
    sample: Exchange
    everything: Everything
    tool: ExpectedTool
    remark: str = Field(default="", alias="//")

    @property
    def uploads(self) -> bool:
        """Whether a file goes with it."""
        return self.request.startswith("POST")


@cache
def meaning(name: str) -> Meaning:
    """What is expected of an action."""
    found = written(Meaning, SAMPLES / name / "meaning.json")
    if not found.sample.result_of:
        return found
    result = meaning(found.sample.result_of).sample.result | found.sample.result
    return found.model_copy(update={"sample": found.sample.model_copy(update={"result": result})})


@cache
def expected_tool(of: str) -> ExpectedTool:
    """What is expected of the tool of an action, or of one over a workflow, with its shared results."""
    tool = written_tool(of)
    first = tool.results_of or of
    shared = written_tool(first).shared
    whole = {"results_of": first if shared else "", "shared": shared, "results": shared + tool.results}
    return tool.model_copy(update=whole)


def written_tool(of: str) -> ExpectedTool:
    """A tool as it stands in its file."""
    return meaning(of).tool if of in NAMES else written(ExpectedTool, file_of(of))


def file_of(of: str) -> Path:
    """Where a tool is written down."""
    return SAMPLES / of / "meaning.json" if of in NAMES else WORKFLOW_TOOLS / f"{of}.json"


def written(kind: type[WrittenT], path: Path) -> WrittenT:
    """A file as what it has to be."""
    assert path.exists(), f"{path} is missing: write by hand what is expected"
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise AssertionError(f"{path}: {error}") from None


def answer(name: str) -> bytes:
    """The answer in the documentation."""
    return (SAMPLES / name / "response.json").read_bytes()


def names_with(effect: Effect) -> list[str]:
    """The actions with this effect, for parametrising: a file that cannot be read fails its own test, not all of them."""
    return [name for name in NAMES if _effect(name) == effect]


def _effect(name: str) -> object:
    try:
        return json.loads((SAMPLES / name / "meaning.json").read_bytes())["effect"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def expected_tools() -> dict[str, ExpectedTool]:
    """The whole menu, in no order."""
    return {tool.name: tool for tool in map(expected_tool, TOOLS)}


every_name = pytest.mark.parametrize("name", NAMES)
every_tool = pytest.mark.parametrize("of", TOOLS)
