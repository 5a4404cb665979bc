"""A report saved as one file: it says what the answer says, acts on nothing but its own script, and is of no machine."""

import csv
import io
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from flipsnack_mcp.api import cleaned
from flipsnack_mcp.sandbox.faults import Fault
from flipsnack_mcp.server.views.page import as_inert_json, as_page
from flipsnack_mcp.store.sqlite import SqliteStore
from tests.server.bench import KEY, SECRET, Assistant, Bench, Said
from tests.server.long_bench import LongBench, to_its_end
from tests.server.revisions import newer
from tests.server.several import NAMES, key_of, with_accounts
from tests.server.tables import table

TOOL, STATS, VIEW = "report_stats", "collection.getStats", "flipsnack-mcp/view"
AUGUST = {"start_date": "2026-08-01", "end_date": "2026-08-31"}
DAY = 86_400
TITLES: dict[str, str] = table("page_titles")

# A file is the same on both revisions.
mode = newer


class Reader(HTMLParser):
    """What a browser would make of a page: its elements in their order, and what stands in styles and scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[str, str]] = []
        self.feed(page)
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    @override
    def handle_data(self, data: str) -> None:
        if self.elements and self.cdata_elem:
            self.inside.append((str(self.elements[-1][1].get("id", self.elements[-1][0])), data))

    def within(self, name: str) -> str:
        """All that stands in the styles or scripts of this name or id."""
        return "".join(text for found, text in self.inside if found == name)


@dataclass(frozen=True)
class Page:
    """A saved file."""

    text: str

    @classmethod
    def of(cls, said: Said) -> "Page":
        path = Path(said.data["path"])
        assert path.suffix == ".html"
        return cls(path.read_bytes().decode())

    @property
    def block(self) -> str:
        """The data as it stands in the file."""
        return Reader(self.text).within("saved")

    @property
    def around(self) -> str:
        """The file without it."""
        return self.text.replace(self.block, "")

    @property
    def data(self) -> dict[str, Any]:
        """What the answer said."""
        found: dict[str, Any] = json.loads(self.block)["structuredContent"]
        return found

    @property
    def aside(self) -> dict[str, Any]:
        """What the view is told besides."""
        found: dict[str, Any] = json.loads(self.block)["_meta"][VIEW]
        return found

    @property
    def policy(self) -> dict[str, str]:
        """What the file may do, by kind."""
        (given,) = (
            one.get("content") for tag, one in Reader(self.text).elements if tag == "meta" and "http-equiv" in one
        )
        parts = (part.strip().partition(" ") for part in str(given).split(";"))
        return {name: values for name, _, values in parts}


async def saved(assistant: Assistant, **arguments: Any) -> Said:
    return await to_its_end(assistant, await assistant.call(TOOL, {"save_as": "html", **AUGUST, **arguments}))


def titled(bench: Bench, *titles: str) -> None:
    """An account of collections with these titles and no others."""
    bench.sandbox.account.collections.clear()
    for n, title in enumerate(titles):
        bench.sandbox.account.add(title=title, created_at=bench.clock() - 90 * DAY - n)


def scalars(value: Any) -> Iterator[str | int | float]:
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from scalars(one)
    elif value is not None:
        yield value


NUMBER = re.compile(r"(?<![\w.+-])[+-]?\d+(?:\.\d+)?(?![\w.-]*\w)")


def said_in(text: str) -> tuple[set[str], set[float]]:
    """The texts in quotes and the numbers of what an assistant reads, but for what is said to it alone: where, and what next."""
    told = "\n".join(
        line for line in text.splitlines() if not line.startswith(("report_id: ", "path: ", "next_step: "))
    )
    plain = re.sub(r'"[^"]*"|\([^)]*\)', "", told)
    return set(re.findall(r'"([^"]*)"', told)), {float(one) for one in NUMBER.findall(plain)}


def assert_says_all(page: Page, said: Said) -> None:
    known = {one.replace('"', "'").replace("|", "¦") for one in scalars(page.data) if isinstance(one, str)}
    numbers = {float(one) for one in scalars(page.data) if not isinstance(one, str)}
    texts, figures = said_in(said.text)
    assert texts
    assert len(figures) > 10
    assert texts <= known
    assert figures <= numbers


async def test_it_says_all_that_the_answer_says(long_bench: LongBench) -> None:
    bench = long_bench
    bench.fails("code", STATS, code=43, message="Forbidden")
    gone = [f"gone{n:03}" for n in range(8)]
    named = [*bench.sandbox.account.collections, *gone]
    said = await saved(bench.client, collections=named, compare=True, start_date="2026-09-01", end_date="2026-09-20")
    page = Page.of(said)
    assert {
        "totals",
        "change",
        "collections",
        "bottom",
        "winners",
        "losers",
        "unread",
        "drafts",
        "failed",
    } <= said.data.keys()
    assert said.data["failed"]
    assert page.data == {name: one for name, one in said.data.items() if name != "path"}
    assert_says_all(page, said)


async def test_over_several_accounts_it_says_all_of_each(bench: Bench) -> None:
    group = with_accounts(bench)
    group.sandboxes["fr"].add_fault(Fault("code", None, code=41, message="Invalid key", times=0))
    async with group.assistant() as assistant:
        said = await saved(assistant, account="*", compare=True)
    page = Page.of(said)
    assert (said.data["state"], page.aside["account"]) == ("failed", "de, fr, uk")
    assert page.aside["made"] == "2026-09-21T14:13:20+00:00"
    assert page.data == {name: one for name, one in said.data.items() if name not in {"path", "next_step"}}
    assert_says_all(page, said)
    assert {one["account"] for one in page.aside["rows"]} == {"de", "uk"}
    assert Path(said.data["path"]).name == "Flipsnack report 2026-08-01 to 2026-08-31, all accounts.html"
    shared = {row["collection_hash"] for row in page.aside["rows"]}
    assert page.aside["links"].keys() == shared, "imitations have the same hashes, and here the same links"


async def test_every_row_stands_in_it_as_in_the_table_with_its_link(long_bench: LongBench) -> None:
    bench = long_bench
    said = await saved(bench.client, compare=True, sort_by="downloads")
    aside = Page.of(said).aside
    _, *rows, _ = cells(await bench.client.call(TOOL, report_id=said.data["report_id"], save_as="csv"))
    counted = [row for row in rows if row[6]]
    names = ("collection_hash", "title", "status", "date", "impressions", "views", "time_spent", "downloads")
    assert len(counted) == said.data["totals"]["collections"] == 19
    assert [[str(one[name]) for name in names] for one in aside["rows"]] == [row[:4] + row[5:9] for row in counted]
    assert [aside["links"][row[0]] for row in counted] == [row[4] for row in counted]
    for figure in ("impressions", "views", "time_spent", "downloads"):
        assert sum(one[f"previous_{figure}"] for one in aside["rows"]) == said.data["totals"][f"previous_{figure}"]
    assert aside["measure"] == "downloads"


def cells(said: Said) -> list[list[str]]:
    """What stands in a saved CSV file."""
    return [*csv.reader(io.StringIO(Path(said.data["path"]).read_bytes().decode("utf-8-sig"), newline=""))]


async def test_it_says_whose_numbers_these_are_when_it_was_made_and_what_they_mean(bench: Bench) -> None:
    async with bench.assistant() as assistant:
        said = await saved(assistant)
    aside = Page.of(said).aside
    assert (aside["account"], aside["made"]) == ("flipsnack.com/hearthandfield", "2026-09-21T14:13:20+00:00")
    meanings = {term.lower(): meaning for term, meaning in aside["definitions"]}
    named = {
        "impressions",
        "views",
        "reading time",
        "downloads",
        "change",
        "average time",
        "without views",
        "drafts",
        "created later",
        "not counted",
    }
    assert named <= meanings.keys()
    assert meanings["period"].startswith("2026-08-01 to 2026-08-31, both days counted.")
    assert not any("{" in meaning for meaning in meanings.values())


@pytest.mark.parametrize(("name", "sandboxes"), [("de", 1), ("fr", 0)])
async def test_a_named_account_is_called_by_its_name_and_an_imitation_marked(
    bench: Bench, name: str, sandboxes: int
) -> None:
    group = with_accounts(bench, own={"de": {"sandbox": True}})
    async with group.assistant() as assistant:
        page = Page.of(await saved(assistant, account=name))
    assert (page.data["account"], page.aside["account"]) == (name, name)
    assert page.data.get("sandbox", False) is bool(sandboxes)


async def test_the_only_account_of_a_file_is_called_by_its_name_too(bench: Bench) -> None:
    async with with_accounts(bench, ("de",)).assistant() as assistant:
        page = Page.of(await saved(assistant))
    assert (page.data.get("account"), page.aside["account"]) == (None, "de")


async def test_its_policy_allows_its_one_style_its_one_script_and_pictures_in_it(bench: Bench) -> None:
    async with bench.assistant() as assistant:
        page = Page.of(await saved(assistant))
    reader = Reader(page.text)

    def hash_of(name: str) -> str:
        return f"'sha256-{b64encode(sha256(reader.within(name).encode()).digest()).decode()}'"

    allowed = {"default-src": "'none'", "img-src": "data:", "base-uri": "'none'", "form-action": "'none'"}
    assert page.policy == {**allowed, "script-src": hash_of("script"), "style-src": hash_of("style")}
    tags = [tag for tag, _ in reader.elements]
    assert (tags.count("style"), tags.count("script"), reader.within("script").strip() != "") == (1, 2, True)
    assert tags.index("meta") + 1 == next(n for n, (_, one) in enumerate(reader.elements) if "http-equiv" in one)
    assert [one for tag, one in reader.elements if tag == "script"] == [{"type": "application/json", "id": "saved"}, {}]
    assert not [name for _, one in reader.elements for name in one if name == "style" or name.startswith("on")]


def test_where_no_script_runs_as_in_the_preview_of_a_mail_it_says_where_to_open_it() -> None:
    page = as_page({"report_id": "abcd1234"}, {}).decode()
    said, _, script = page.partition("<noscript>")[2].partition("</noscript>")
    assert said.startswith("Open this file in a browser")
    assert '<script type="application/json" id="saved">' in script


async def test_hostile_titles_stand_only_in_the_data_and_are_escaped_there(bench: Bench) -> None:
    """All of them in one file, by themselves and between other signs."""
    assert len(TITLES) >= 40
    plain, every = as_page({}, {}).decode(), [*TITLES.values()]
    titled(bench, *every, *(f"{n} {title} {n}" for n, title in enumerate(every)))
    async with bench.assistant() as assistant:
        said = await saved(assistant, compare=True)
    page = Page.of(said)
    assert page.around == Page(plain).around
    assert re.findall("[<>&\u2028\u2029\ud800-\udfff].{,40}", page.block) == []
    assert page.data["collections"] == said.data["collections"]
    told = {one.get("title", "") for one in page.aside["rows"]}
    assert [title for title in every if cleaned(title) not in told] == []
    assert [tag for tag, _ in Reader(page.text).elements] == [tag for tag, _ in Reader(plain).elements]


@pytest.mark.parametrize(
    "text", ["</script>", "<!--", "\u2028", "\ud83c", "&amp;", "</SCRIPT", "\udfff\ud800"], ids=ascii
)
def test_data_cannot_leave_its_block_wherever_it_stands(text: str) -> None:
    page = Page(as_page({text: [text, {text: text}]}, {text: text}).decode())
    assert page.data == {text: [text, {text: text}]}
    assert page.aside == {text: text}
    assert page.around == Page(as_page({}, {}).decode()).around


async def test_nothing_of_this_machine_no_key_and_no_address_that_is_asked_stands_in_it(bench: Bench) -> None:
    titled(bench, f"Offer {KEY}", f"apikey={KEY}&signature={'0' * 32}", SECRET)
    async with bench.assistant() as assistant:
        said = await saved(assistant, collections=[*bench.sandbox.account.collections, "gone1234"])
    text = Page.of(said).text
    bench.witness.saw(text)
    assert said.data["failed"]
    assert not [
        one
        for one in (
            KEY,
            SECRET,
            str(bench.folder),
            str(Path.home()),
            "api.flipsnack",
            "report_stats(",
            f"signature={'0' * 32}",
        )
        if one in text
    ]
    assert set(re.findall(r"\w+://[^/\"'\s]+", text.replace("http://www.w3.org", ""))) == {"https://www.flipsnack.com"}


async def test_two_processes_save_the_same_file(bench: Bench) -> None:
    async def by_another(folder: str, **arguments: Any) -> Said:
        store = SqliteStore(bench.folder / "state.sqlite", bench.clock)
        server = bench.server(store, download_dir=bench.folder / folder)
        async with bench.assistant(server=server) as assistant:
            return await saved(assistant, **arguments)

    first = await by_another("one", compare=True)
    bench.clock.advance(3600)
    second = await by_another("two", report_id=first.data["report_id"], compare=True)
    third = await by_another("two", report_id=first.data["report_id"], compare=True)
    paths = [Path(one.data["path"]) for one in (first, second, third)]
    assert [one.parent.name for one in paths] == ["one", "two", "two"]
    assert paths[1] == paths[2]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert len(list((bench.folder / "two").iterdir())) == 1


async def test_over_accounts_it_is_saved_once_and_anew_where_one_could_be_asked_that_could_not(bench: Bench) -> None:
    group = with_accounts(bench, NAMES)
    fault = Fault("code", None, code=41, message="Invalid key", times=0)
    group.sandboxes["fr"].add_fault(fault)
    async with group.assistant() as assistant:
        first = await saved(assistant, account="*")
        again = await assistant.call(TOOL, account="*", report_id=first.data["report_id"])
        group.sandboxes["fr"].clear_faults()
        mended = await saved(assistant, account="*", report_id=first.data["report_id"])
    assert first.data["path"] == again.data["path"] != mended.data["path"]
    assert {one["account"] for one in Page.of(mended).aside["rows"]} == set(NAMES)
    assert key_of("fr") not in Page.of(first).text


LONG_TITLES = {
    "plain": "Offer {:03} of the week, in all our stores and online, until the end of the month",
    "long": "{:03} " + "catalogue " * 29,
    "wide": "{:03} " + "春季目录与价格表" * 30,
    "signs": "{:03} " + "🌿🏡" * 60,
}


@pytest.mark.parametrize("title", LONG_TITLES)
async def test_a_thousand_rows_come_to_less_than_a_megabyte(long_bench: LongBench, title: str) -> None:
    titled(long_bench, *(LONG_TITLES[title].format(n) for n in range(10)))
    page = Page.of(await saved(long_bench.client, compare=True))
    assert len(page.aside["rows"]) == 10
    each = len(as_inert_json({name: page.aside[name] for name in ("rows", "links")}).encode()) / 10
    assert len(page.text.encode()) + 990 * each < 1_000_000


def test_the_view_has_one_style_and_one_script_for_the_policy() -> None:
    view = (files("flipsnack_mcp.server.views") / "view.html").read_text(encoding="utf-8")
    tags = [tag for tag, _ in Reader(view).elements]
    assert (tags.count("style"), tags.count("script")) == (1, 1)
