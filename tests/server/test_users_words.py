"""People's own words lead to the right tool: hosts that defer tools find them by searching names and descriptions."""

import re
import tomllib
from collections import Counter
from math import log
from pathlib import Path
from typing import Any

import pytest

from flipsnack_mcp.server.tools.arguments import understand
from flipsnack_mcp.server.tools.table import TOOLS
from flipsnack_mcp.server.toolsets import menu
from flipsnack_mcp.settings import Settings

ASKED = tomllib.loads((Path(__file__).parents[2] / "evaluations" / "requests.toml").read_text(encoding="utf-8"))
REQUESTS = [one for every in ASKED["requests"].values() for one in every]
CERTAIN = [(asked, tool) for tool, every in ASKED["certain"].items() for asked in every]
TURNS = [
    *CERTAIN,
    *((asked, tool) for tool, every in ASKED["searches"]["en"].items() for asked in every),
    *((one["asked"], one["tool"]) for one in ASKED["requests"]["en"]),
]
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
    assert len(REQUESTS) >= 120
    asked_for = {one["tool"] for one in ASKED["requests"]["en"]}
    told = "each tool has its lines in evaluations/requests.toml, below searches.en and requests.en"
    assert searched().keys() == ASKED["searches"]["en"].keys() == asked_for, told
    assert len(ASKED["requests"]) >= 4


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: one["asked"])
def test_what_is_asked_for_can_be_called_as_the_checks_say(request_: dict[str, Any]) -> None:
    kind = TOOLS[request_["tool"]].input
    equal, within, absent = (request_.get(check, {}) for check in ("equals", "contains", "absent"))
    assert request_.keys() <= {"asked", "tool", "equals", "contains", "absent"}
    assert kind.model_fields.keys() >= {*equal, *within, *absent}
    assert not equal.keys() & within.keys()
    assert not {*absent} & {*equal, *within}
    read = understand(kind, {**equal, **within}).model_dump(mode="json")
    assert {name: read[name] for name in [*equal, *within]} == {**equal, **within}
