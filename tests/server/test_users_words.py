"""People's own words lead to the right tool: hosts that defer tools find them by searching names and descriptions."""

import json
import re
from collections import Counter
from math import log
from pathlib import Path

from flipsnack_mcp.server.menu import menu
from flipsnack_mcp.settings import Settings

REQUESTS = json.loads(Path(__file__).with_name("requests.json").read_text(encoding="utf-8"))["en"]
TURNS = [(asked, tool) for tool, every in REQUESTS.items() for asked in every]
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


def test_there_are_requests_for_every_tool_and_enough_of_them() -> None:
    assert len(TURNS) >= 120
    assert searched().keys() == REQUESTS.keys()
