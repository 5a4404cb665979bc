"""Tables as files: what a spreadsheet would calculate is text in them."""

import csv
import io

import pytest

from flipsnack_mcp.files.tables import as_csv

FORMULAS = ['=HYPERLINK("https://example.com";"Prices")', "+1+1", "-2+3", "@SUM(A1)", "\t=1", "＝1+1", " =1"]  # noqa: RUF001 - the full-width sign is one of them


@pytest.mark.parametrize("title", FORMULAS)
def test_no_text_becomes_a_formula_and_numbers_stay_numbers(title: str) -> None:
    written = as_csv(("title", "change"), [(title, -2)]).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(written, newline="")))[1] == [f"'{title}", "-2"]
