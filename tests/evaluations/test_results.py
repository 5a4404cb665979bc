"""Results say which menu they were measured with, and that they are stale once it is another one."""

from pathlib import Path

import pytest

from evaluations import results
from evaluations.results import RESULTS, Outcome, claims, hash_of_menu, restated, section_of, with_section

OLD, NEW = "0123456789ab", "ba9876543210"
HEAD = "# Results\n\nWords.\n"
RIGHT, WRONG = (
    Outcome("rename", (), 2, 300, 0, 5, 1.2, 900),
    Outcome("rename", ("a|b is gone",), 3, 200, 1, 9, 7.0, 100),
)


def test_results_that_call_themselves_current_were_measured_with_the_menu_of_today() -> None:
    claimed = [one for one in claims(RESULTS.read_text(encoding="utf-8")) if one[2] and one[1] != hash_of_menu()]
    assert claimed == [], "the menu is another one: run python packaging/write_docs.py, which says so there"


def test_a_section_goes_stale_with_the_menu_and_comes_back_with_it() -> None:
    text = with_section(HEAD, "Somebody", section_of("Somebody", "2026-11-30", OLD, [[RIGHT]], []))
    assert claims(text) == [("Somebody", OLD, True)]
    stale = restated(text, NEW)
    assert claims(stale) == [("Somebody", OLD, False)]
    assert "## Somebody, 2026-11-30, menu 0123456789ab: stale" in stale.splitlines()
    assert restated(stale, OLD) == text


def test_any_word_of_the_menu_changes_its_hash() -> None:
    menu = results.MENU.read_bytes()
    assert hash_of_menu(menu) == hash_of_menu() != hash_of_menu(menu.replace(b"flipbook", b"brochure", 1))


def test_a_new_run_takes_the_place_of_the_same_assistants_older_one() -> None:
    text = HEAD
    for who, menu in (("One", OLD), ("One: first calls", OLD), ("One", NEW)):
        text = with_section(text, who, section_of(who, "2026-11-30", menu, [[RIGHT]], []))
    assert claims(text) == [("One: first calls", OLD, True), ("One", NEW, True)]
    assert text.startswith(HEAD)


def test_a_job_is_done_where_all_its_trials_are_right_and_a_row_has_the_worst_of_them() -> None:
    section = section_of("One", "2026-11-30", NEW, [[RIGHT, WRONG], [RIGHT, RIGHT]], [RIGHT, WRONG])
    assert (
        "1 of 2 jobs done right in all of 2 trials: 9 calls, 1100 tokens of answers, 2800 tokens of the model."
        in section
    )
    assert "| rename | 1 of 2 | 3 | 300 | 1 | 9 | 7 | a\\|b is gone |" in section
    assert "First calls: 1 of 2 right." in section


def test_the_program_marks_what_is_stale_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "RESULTS.md"
    file.write_text(with_section(HEAD, "One", section_of("One", "2026-11-30", OLD, [[RIGHT]], [])), encoding="utf-8")
    monkeypatch.setattr(results, "RESULTS", file)
    assert results.main() == 0
    assert claims(file.read_text(encoding="utf-8")) == [("One", OLD, False)]
    assert f"One: menu {OLD} is stale" in capsys.readouterr().out
