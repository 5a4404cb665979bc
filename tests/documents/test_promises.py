"""Every sentence of the README and of docs/behaviour.md stands in docs/promises.md, beside what holds it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_guarantees import cells, runs_always

ROOT = Path(__file__).parents[2]
LEFT_OUT = re.compile(r"<!--.*?-->|^```.*?^```$|^#.*?$|^!\[.*?$|^\|.*?$|^\[[^\]]+\]: .*?$", re.MULTILINE | re.DOTALL)
"""What states nothing itself: remarks, blocks of commands, headings, pictures, the table of pages, and where links lead."""
WRITTEN = re.compile(r"<!-- (\w+): written by .*?<!-- end of \1 -->", re.DOTALL)
"""By a program, which a test holds to it."""
END = re.compile(r"""(?<=[.!?])["”]?\s+(?=[A-Z`\["*])""")
PAGES = ("README.md", "docs/behaviour.md")
HEAD = "| it says | held by |\n|---|---|\n"
NO_PROMISE = "no promise: "
PROMISES = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")


def statements(text: str) -> list[str]:
    """The sentences of a page, in their order, without the marks of lists and quotations."""
    plain = LEFT_OUT.sub("", WRITTEN.sub("", text))
    paragraphs = re.split(r"\n\s*\n|^(?=- )", re.sub(r"^> ?", "", plain, flags=re.MULTILINE), flags=re.MULTILINE)
    lines = (" ".join(one.removeprefix("- ").split()) for one in paragraphs)
    return [sentence for line in lines if line for sentence in END.split(line)]


def rows(page: str) -> Iterator[list[str]]:
    """The lines of its table in the list of promises."""
    section = PROMISES.partition(f"## {page}\n")[2].partition("\n## ")[0]
    yield from map(cells, section.partition(HEAD)[2].strip().splitlines())


ROWS = [row for page in PAGES for row in rows(page)]


@pytest.mark.parametrize("page", PAGES)
def test_every_sentence_has_its_line_in_the_list_of_promises(page: str) -> None:
    assert [said for said, _ in rows(page)] == statements((ROOT / page).read_text(encoding="utf-8"))


def test_what_holds_a_sentence_is_there() -> None:
    held_by = [
        (said, holder) for said, held in ROWS if not held.startswith(NO_PROMISE) for holder in held.split("<br>")
    ]
    assert [(said, holder) for said, holder in held_by if not is_there(holder)] == []


def is_there(holder: str) -> bool:
    """Whether a test runs, or a program of the gate lies where it is named."""
    return runs_always(holder) if "::" in holder else (ROOT / holder.strip("`")).is_file()


def test_few_sentences_promise_nothing() -> None:
    assert len([held for _, held in ROWS if held.startswith(NO_PROMISE)]) <= len(ROWS) / 6


def test_a_new_sentence_is_noticed() -> None:
    page = "# Head\n\n> It is\n> small. It is `1.5` MB.\n\n```sh\nrun. It\n```\n\n- **One** thing.\n- Another: see [docs].\n"
    assert statements(page) == ["It is small.", "It is `1.5` MB.", "**One** thing.", "Another: see [docs]."]
