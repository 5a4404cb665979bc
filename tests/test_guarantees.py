"""Every guarantee names a test that exists, and every clause of SECURITY.md has its guarantee."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SECTIONS = {
    "2 Rooms", "4 Tools", "5 Confirmation", "6 Waiting and progress", "7 Files", "8 The request budget",
    "9 Configuration", "10 Start-up and command line", "11 Sandbox", "12 What nobody knows", "14 Something to look at",
}  # fmt: skip


@dataclass(frozen=True)
class Guarantee:
    """One line of the table in README.md."""

    sentence: str
    promise: str
    tests: tuple[str, ...]

    @property
    def quotation(self) -> str:
        """The words of SECURITY.md that this holds; empty where the contract promises it."""
        found = re.fullmatch(r'SECURITY "(.+)"', self.promise)
        return found[1] if found else ""


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def guarantees() -> list[Guarantee]:
    text = (ROOT / "tests" / "README.md").read_text(encoding="utf-8")
    table = text.partition("| guarantee | promised in | held by |\n|---|---|---|\n")[2]
    rows = [cells(line) for line in table.splitlines()]
    return [Guarantee(sentence, promise, tuple(held.split("<br>"))) for sentence, promise, held in rows]


ALL = guarantees()


def plain(text: str) -> str:
    """On one line, without the marks of bold type."""
    return " ".join(text.replace("**", "").split())


def security() -> str:
    return (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def mistrusted() -> Iterator[str]:
    """The cells of the table of what is not trusted: whom, and what follows from it."""
    table = security().partition("| not trusted | so |")[2].partition("## ")[0]
    for line in table.splitlines():
        if line.startswith("|") and not line.startswith("|---"):
            yield " | ".join(cells(line))


PROMISES = security().partition("## What each guarantee rests on")[2].partition("## What is not protected against")[0]


def clauses(paragraph: str) -> Iterator[tuple[int, int]]:
    """Where each clause begins and ends, but for those that state a limit."""
    for sentence in re.finditer(r"\S.*?[.](?=\s+[*`A-Z]|$)", paragraph):
        if not sentence[0].startswith(("*Limit:*", "*Limits:*")):
            for clause in re.finditer(r"\S.*?[.;:](?=\s|$)", sentence[0]):
                yield sentence.start() + clause.start(), sentence.start() + clause.end()


def quoted(text: str) -> list[tuple[int, int]]:
    """Where the quotations of the table stand in a text."""
    found = ((text.find(one.quotation), len(one.quotation)) for one in ALL if one.quotation)
    return [(start, start + length) for start, length in found if start >= 0]


def uncovered(text: str, spans: Iterator[tuple[int, int]]) -> list[str]:
    marks = quoted(text)
    return [text[start:end] for start, end in spans if not any(a < end and start < b for a, b in marks)]


@cache
def functions_of(file: Path) -> Counter[str]:
    """How often a file defines each function; of a test that is defined twice only the last one runs."""
    body = ast.parse(file.read_text(encoding="utf-8")).body
    return Counter(one.name for one in body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


def runs_always(name: str) -> bool:
    """Whether a test exists, once, in a file that pytest collects."""
    path, _, function = name.strip("`").partition("::")
    file = ROOT / path
    collected = file.name.startswith("test_") and function.startswith("test_")
    return collected and file.is_file() and functions_of(file)[function] == 1


def test_the_table_is_read_to_its_end_and_names_every_guarantee_once() -> None:
    sentences = [one.sentence for one in ALL]
    assert len(ALL) >= 200
    assert all(sentence.endswith(".") for sentence in sentences)
    assert [sentence for sentence, times in Counter(sentences).items() if times > 1] == []


def test_every_test_that_holds_a_guarantee_exists() -> None:
    assert [name for one in ALL for name in one.tests if not runs_always(name)] == []


def test_every_promise_is_one_of_security_or_of_the_contract() -> None:
    told = {one.promise for one in ALL if not one.quotation}
    assert told == {f"design {section}" for section in SECTIONS}


def test_every_quotation_stands_in_security() -> None:
    text = plain(security())
    assert [one.quotation for one in ALL if one.quotation not in text] == []


def test_everything_that_is_not_trusted_has_a_guarantee() -> None:
    rows = list(mistrusted())
    assert len(rows) >= 5
    assert [row for row in rows if not quoted(row)] == []


@pytest.mark.parametrize(
    "paragraph", list(map(plain, PROMISES.strip().split("\n\n"))), ids=lambda text: text.partition(".")[0]
)
def test_every_clause_of_a_guarantee_of_security_has_a_line(paragraph: str) -> None:
    assert uncovered(paragraph, clauses(paragraph)) == []


def test_a_clause_without_a_line_is_noticed() -> None:
    new = "Files. Uploads only from `FLIPSNACK_UPLOAD_DIRS`; nobody reads your mail. *Limit:* but we might. It is so."
    assert uncovered(new, clauses(new)) == ["nobody reads your mail.", "It is so."]
