"""People's own words lead to the right tool: hosts that defer tools find them by searching names and descriptions."""

import re
import tomllib
from collections import Counter
from math import log
from pathlib import Path

import pytest

from evaluations.first_calls import Request, requests
from flipsnack_mcp.server.tools.arguments import understand
from flipsnack_mcp.server.tools.table import TOOLS
from flipsnack_mcp.server.toolsets import menu
from flipsnack_mcp.settings import Settings
from tests.samples_of import TOOLS as SAMPLES
from tests.samples_of import expected_tool, file_of

ROOT = Path(__file__).parents[2]
ASKED = tomllib.loads((ROOT / "evaluations" / "requests.toml").read_text(encoding="utf-8"))
ENGLISH = [one for one in requests() if one.language == "en"]
CERTAIN = [(asked, tool) for tool, every in ASKED["certain"].items() for asked in every]
WRITTEN = {expected_tool(of).name: file_of(of).relative_to(ROOT).as_posix() for of in SAMPLES}
"""Where each tool is written down."""
SEARCHES = {expected_tool(of).name: expected_tool(of).searches for of in SAMPLES}
TURNS = [
    *CERTAIN,
    *((asked, tool) for tool, every in SEARCHES.items() for asked in every),
    *((one.asked, one.tool) for one in ENGLISH),
]
FEWEST = 5
"""Searches of a tool."""
K1, B = 1.2, 0.75


def words(text: str) -> list[str]:
    """In lower case, names apart at `_`, without the s of the plural."""
    return [one.removesuffix("s") for one in re.findall(r"[^\W_]+", text.lower())]


def before(tool: str, asked: str, documents: dict[str, Counter[str]]) -> list[str]:
    """The other tools that fit as well as this one, or better, by BM25."""
    usual = sum(document.total() for document in documents.values()) / len(documents)

    def fit(document: Counter[str]) -> float:
        length = K1 * (1 - B + B * document.total() / usual)
        return sum(
            rarity(word, documents) * document[word] * (K1 + 1) / (document[word] + length) for word in words(asked)
        )

    own = fit(documents[tool])
    return [name for name, document in documents.items() if name != tool and fit(document) >= own]


def rarity(word: str, documents: dict[str, Counter[str]]) -> float:
    having = sum(word in document for document in documents.values())
    return log(1 + (len(documents) - having + 0.5) / (having + 0.5))


def searched() -> dict[str, Counter[str]]:
    """What is searched of each tool that is offered unless more are asked for."""
    return {
        name: Counter(words(" ".join([name, one.title or "", one.description or "", *one.input_schema["properties"]])))
        for name, one in menu(Settings()).items()
    }


def test_requests_in_peoples_own_words_find_their_tool() -> None:
    documents = searched()
    missed = {asked: (tool, better) for asked, tool in TURNS if (better := before(tool, asked, documents))}
    assert len(missed) <= 0.20 * len(TURNS), missed
    assert sum(len(better) > 2 for _, better in missed.values()) <= 0.05 * len(TURNS), missed


def test_the_plainest_searches_find_their_tool_first() -> None:
    documents = searched()
    assert {asked: better for asked, tool in CERTAIN if (better := before(tool, asked, documents))} == {}


def test_there_are_requests_for_every_tool_and_in_several_languages() -> None:
    assert len(requests()) >= 120
    of_each = Counter(one.tool for one in ENGLISH)
    assert wanting(of_each, 1) == [], "at least one whole request, as `requests`"
    assert of_each.keys() <= searched().keys(), "it can be called only where a further toolset is asked for"
    assert len({one.language for one in requests()}) >= 4


def test_there_are_searches_for_every_tool() -> None:
    of_each = Counter({tool: len({*every}) for tool, every in SEARCHES.items() if every})
    assert wanting(of_each, FEWEST) == [], f"at least {FEWEST} that are a few words each, as `searches`"
    assert of_each.keys() <= searched().keys(), "it is found only where a further toolset is asked for"


def wanting(of_each: Counter[str], fewest: int) -> list[str]:
    """Where more has to be written about a tool that is offered unless more are asked for."""
    return [WRITTEN.get(tool, tool) for tool in searched() if of_each[tool] < fewest]


@pytest.mark.parametrize("request_", requests(), ids=lambda one: one.asked)
def test_what_is_asked_for_can_be_called_as_the_checks_say(request_: Request) -> None:
    kind = TOOLS[request_.tool].input
    equal, within, absent = request_.equals, request_.contains, request_.absent
    assert kind.model_fields.keys() >= {*equal, *within, *absent}
    assert not equal.keys() & within.keys()
    assert not {*absent} & {*equal, *within}
    read = understand(kind, {**equal, **within}).model_dump(mode="json")
    assert {name: read[name] for name in [*equal, *within]} == {**equal, **within}
