"""Tables as files: nothing in them acts, whichever program reads them."""

# ruff: noqa: RUF001  # look-alikes are what it is about

import csv
import io
import json
import re
import unicodedata
from html.parser import HTMLParser
from pathlib import Path

import cmarkgfm  # type: ignore[import-untyped]  # it has none
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from flipsnack_mcp.files.tables import as_csv, as_markdown

FORMULAS = ['=HYPERLINK("https://example.com";"Prices")', "+1+1", "-2+3", "@SUM(A1)", "\t=1", "＝1+1", " =1"]
TITLES: dict[str, list[str]] = json.loads(Path(__file__).with_name("titles.json").read_text(encoding="utf-8"))
ODD = [*FORMULAS, *TITLES["signs"], *TITLES["plain"]]
SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}


@pytest.mark.parametrize("title", FORMULAS)
def test_no_text_becomes_a_formula_and_numbers_stay_numbers(title: str) -> None:
    assert cells(written(title))[1] == ["'" + title.replace("\t", "\t'"), "-2", "x"]


def written(title: str) -> str:
    return as_csv(("title", "change", "note"), [(title, -2, "x"), ("x", None, title)]).decode("utf-8-sig")


def cells(text: str, separator: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))


def begins_like_a_formula(cell: str) -> bool:
    """Whether any program could take it for one: after what programs may drop from its beginning."""
    first = next((one for one in cell if one not in '"\u2800\u3164' and not is_dropped(one)), "")
    return bool(first) and (
        unicodedata.normalize("NFKC", first) in "=+-@−˗꞊➕➖" or unicodedata.category(first) == "Pd"
    )


def is_dropped(char: str) -> bool:
    return char.isspace() or unicodedata.category(char)[0] in "CZ" or "\ufe00" <= char <= "\ufe0f"


def formulas_in(title: str, separator: str) -> list[str]:
    """The cells that a program could take for one."""
    return [cell for row in cells(written(title), separator) for cell in row if begins_like_a_formula(cell)]


@pytest.mark.parametrize("separator", SEPARATORS.values(), ids=SEPARATORS)
def test_no_cell_begins_like_a_formula_whatever_separates_the_cells(separator: str) -> None:
    number = ["-2"] * (separator == ",")
    found = {title: formulas_in(title, separator) for title in ODD}
    assert {title: wrong for title, wrong in found.items() if wrong != number} == {}


@given(st.text(alphabet=st.sampled_from(list(";,\t|\r\n\"' \u00a0\u2800\u200b=+-@\u2212\uff1dab1")), max_size=12))
def test_no_text_of_separators_quotes_and_signs_becomes_a_formula(title: str) -> None:
    for separator in SEPARATORS.values():
        assert formulas_in(title, separator) == ["-2"] * (separator == ",")


def test_every_cell_is_quoted_and_only_apostrophes_are_added() -> None:
    for title in ODD:
        text = written(title)
        assert re.fullmatch(r'(?:"(?:[^"]|"")*"(?:,|\r\n))+', text), title
        assert cells(text)[1][0].replace("'", "") == title.replace("'", "")


def test_an_ordinary_text_is_written_as_it_is() -> None:
    assert [cells(written(title))[1] for title in TITLES["plain"]] == [[title, "-2", "x"] for title in TITLES["plain"]]


class Page(HTMLParser):
    """What a browser would make of it: its elements, with their attributes, and the texts of its cells."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.cells: list[str] = []
        self.feed(html)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(" ".join([tag, *(name for name, _ in attrs)]))
        if tag == "td":
            self.cells.append("")

    @override
    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data

    @override
    def handle_comment(self, data: str) -> None:
        self.elements.add("comment")


TABLE_ELEMENTS = {"h1", "table", "thead", "tbody", "tr", "th", "td"}


def rendered(title: str) -> Page:
    made = as_markdown("Report", ("title", "views", "note"), [(title, 3, None), ("x", 4, title)]).decode()
    return Page(cmarkgfm.github_flavored_markdown_to_html(made, cmarkgfm.Options.CMARK_OPT_UNSAFE))


def test_a_markdown_renderer_makes_nothing_of_a_text() -> None:
    for title in (*TITLES["markup"], *TITLES["plain"]):
        page = rendered(title)
        assert page.elements <= TABLE_ELEMENTS | {"code"}, title
        shown = re.sub(r"[\r\n\u2028]+", " ", title)
        assert [one.strip("\n") for one in page.cells] == [shown, "3", "", "x", "4", shown]


@given(st.text(alphabet=st.sampled_from(list("@.:/`\\|*_~<>[]()!&#;$ wahtp\u00a0")), max_size=16).map(str.strip))
def test_a_markdown_renderer_makes_nothing_of_any_text(title: str) -> None:
    page = rendered(title)
    assert page.elements <= TABLE_ELEMENTS | {"code"}
    assert len(page.cells) == 6
