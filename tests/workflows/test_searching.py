"""What people type is found: words in any order, with slips, by link or hash; and where nothing is, what is nearest."""

import json
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from flipsnack_mcp.api.actions.collections import CollectionList, CollectionSummary, ListCollections
from flipsnack_mcp.sandbox import Sandbox
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.finding import ROWS_OF_A_REQUEST, Choice
from flipsnack_mcp.workflows.recalling import Recent
from flipsnack_mcp.workflows.searching.search import Ask, Search, SearchResult, search
from flipsnack_mcp.workflows.searching.words import distance, distance_so_far, nearest_titles
from tests.api.asking import asking, unlimited

TYPED = json.loads(Path(__file__).with_name("typed.json").read_text(encoding="utf-8"))


@pytest.fixture
async def sandbox() -> Sandbox:
    return unlimited(account="large")


@pytest.fixture
async def ask(sandbox: Sandbox) -> AsyncIterator[Ask]:
    """Asks as list_collections does."""
    async with asking(sandbox.app) as flipsnack:
        recent = Recent(MemoryStore(), "me")

        async def recalled(question: ListCollections) -> CollectionList:
            return await recent.ask(CallContext(flipsnack), question)

        yield recalled


def titles(found: SearchResult) -> list[str]:
    return [row.title for row in found.rows]


def windows(sandbox: Sandbox) -> int:
    return -(-len(sandbox.account.collections) // ROWS_OF_A_REQUEST)


async def test_what_people_type_is_among_the_first_three(ask: Ask) -> None:
    missed = dict[str, list[str]]()
    for query, meant in TYPED["searches"].items():
        found = titles(await search(ask, Search(query)))[:3]
        if not any(title.startswith(meant) for title in found):
            missed[query] = found
    assert missed == {}


@pytest.mark.parametrize("like", [True, False], ids=["like it", "another"])
def test_a_slip_is_forgiven_in_words_of_four_letters_and_never_in_figures(*, like: bool) -> None:
    pairs = TYPED["like it" if like else "another"]
    assert [pair for pair in pairs if (distance(*pair) is not None) is not like] == []


def test_what_is_written_as_it_was_typed_comes_before_what_only_begins_so_and_that_before_a_slip() -> None:
    assert [distance("list", title) for title in ("A list", "Listing", "Lists", "Lost")] == [0, 1, 1, 2]


async def test_the_own_list_is_looked_through_only_where_flipsnack_finds_nothing(sandbox: Sandbox, ask: Ask) -> None:
    by_flipsnack = await search(ask, Search("Autumn catalogue"))
    assert (by_flipsnack.looked_through, len(sandbox.requests)) == (False, 1)
    here = await search(ask, Search("catalogue autumn"))
    assert (here.looked_through, len(sandbox.requests)) == (True, 2 + windows(sandbox))


async def test_searches_that_follow_each_other_share_one_look_through_the_list(sandbox: Sandbox, ask: Ask) -> None:
    for query in ("catalogue autumn", "wekly", "nothing like it at all"):
        await search(ask, Search(query))
    assert len(sandbox.requests) == 3 + windows(sandbox)


async def test_windows_of_what_was_found_here_follow_each_other(ask: Ask) -> None:
    seen: list[str] = []
    offset: int | None = 0
    while offset is not None:
        found = await search(ask, Search("sale summer", offset=offset, limit=25))
        seen += titles(found)
        offset = found.next_offset
        assert found.total == 60
    assert len(set(seen)) == len(seen) == 60


@pytest.mark.parametrize(
    "query", ["", "branch leaflet", "2025 leaflet"], ids=["no words", "Flipsnack's search", "the list"]
)
async def test_several_statuses_and_days_narrow_whatever_is_found(sandbox: Sandbox, ask: Ask, query: str) -> None:
    among = Choice(only_status=("unlisted", "editable"))
    expected = {
        one.hash
        for one in sandbox.account.collections.values()
        if one.status in among.only_status and ("leaflet" in one.title or not query)
    }
    found = await search(ask, Search(query, among, limit=100))
    assert {row.collection_hash for row in found.rows} == expected
    days = sorted(str(row.created_date)[:10] for row in found.rows)
    half = Choice(only_status=among.only_status, created_after=date.fromisoformat(days[len(days) // 2]))
    later = await search(ask, Search(query, half, limit=100))
    assert len(later.rows) == later.total == len([day for day in days if day >= days[len(days) // 2]]) < found.total


async def test_the_order_that_was_asked_for_stays(ask: Ask) -> None:
    found = titles(await search(ask, Search("leaflet branch", order_by="name", order="asc", limit=100)))
    assert found == sorted(found, key=str.casefold)
    assert len(found) == 48


@pytest.mark.parametrize(
    "link",
    [
        "https://www.flipsnack.com/shop/x-nothere77.html",
        "https://www.flipsnack.com/",
        "flipsnack.com/no-such-words.html",
    ],
)
async def test_a_link_to_nothing_that_is_there_finds_nothing(ask: Ask, link: str) -> None:
    found = await search(ask, Search(link))
    assert (found.rows, found.total) == ((), 0)


async def test_a_list_that_is_the_same_from_wherever_it_is_looked_through_comes_to_an_end() -> None:
    async def the_same(asked: ListCollections) -> CollectionList:
        rows = [CollectionSummary(collection_hash=f"h{n:06}", title="Menu") for n in range(asked.limit)]
        return CollectionList(collections=[] if asked.query else rows, total=0, next_offset=asked.offset + asked.limit)

    assert len((await search(the_same, Search("menus", among=Choice(only_status=("public", "unlisted"))))).rows) == 0


async def test_a_link_without_a_hash_is_searched_by_the_words_in_it(ask: Ask) -> None:
    assert (
        titles(await search(ask, Search("https://www.flipsnack.com/shop/kitchen-brochure.html")))
        == ["Kitchen brochure"] * 2
    )


async def test_a_link_whose_hash_reads_as_a_word_is_found_by_it(sandbox: Sandbox, ask: Ask) -> None:
    wanted = next(iter(sandbox.account.collections.values()))
    wanted.hash = "tfosizsw"
    found = await search(ask, Search("https://www.flipsnack.com/shop/another-title-meanwhile-tfosizsw.html"))
    assert [row.collection_hash for row in found.rows] == ["tfosizsw"]


@pytest.mark.parametrize(
    "link",
    [
        "http://www.flipsnack.com/user/lorem-ipsum.html",
        "flipsnack.com/user/lorem-ipsum/full-view.html",
        "[read it](https://www.flipsnack.com/User/lorem-ipsum.html?p=3)",
        "https://www.flipsnack.com/user/lorem-ipsum",
    ],
)
async def test_a_link_without_a_hash_finds_the_one_whose_link_it_is(link: str) -> None:
    """As in Flipsnack's sample, where links have no hash; of two with one title, and of one that has another by now."""
    links = {"a1": "lorem-ipsum-2", "a2": "lorem-ipsum", "a3": "menu"}
    rows = [
        CollectionSummary(
            collection_hash=one, title="Lorem ipsum", direct_link=f"http://www.flipsnack.com/user/{page}.html"
        )
        for one, page in links.items()
    ]

    async def listed(_: ListCollections) -> CollectionList:
        return CollectionList(collections=rows, total=len(rows))

    found = await search(listed, Search(link))
    assert [row.collection_hash for row in found.rows] == ["a2"]


async def test_while_somebody_is_typing_the_beginning_of_a_hash_is_one(sandbox: Sandbox, ask: Ask) -> None:
    wanted = next(iter(sandbox.account.collections))
    for typed in (wanted[:1], wanted[:4], wanted):
        assert wanted in [row.collection_hash for row in (await search(ask, Search(typed, limit=100, begun=True))).rows]
    assert len(sandbox.requests) == windows(sandbox)
    assert (await search(ask, Search(wanted[:4]))).rows == ()


@pytest.mark.parametrize("title", ["Weekly offers, Week 38", "Kitchen brochure"])
async def test_while_somebody_is_typing_a_title_it_stays_among_what_is_found(ask: Ask, title: str) -> None:
    for end in range(1, len(title) + 1):
        found = await search(ask, Search(title[:end].strip(), limit=100, begun=True))
        assert title in [row.title for row in found.rows], title[:end]
    assert distance("week 3", "Weekly offers, Week 38") is None  # of who has ended typing a number is a whole one


@pytest.mark.parametrize("title", ["Weekly offers W38", "Q1/2025", "週間チラシ 第20号", "L'été indien", "🎄🎁"])
def test_no_beginning_of_a_title_is_far_from_it_whatever_letters_and_figures_stand_side_by_side(title: str) -> None:
    begun = [title[:end].strip() for end in range(1, len(title) + 1)]
    assert [typed for typed in begun if distance_so_far(typed, title) is None] == []
    assert distance("W3", "Weekly offers W38") is None
    assert distance("🎄", "Weekly offers W38") is None


@pytest.mark.parametrize(
    ("query", "near"),
    [
        ("kitchn brosure new", ["Kitchen brochure", "Kitchen brochure"]),
        ("kitchen week 99", ["Weekly", "Kitchen"]),
        ("xylophone", []),
        ("🎄", []),
    ],
)
def test_nearest_is_what_has_most_of_the_words_and_never_another_number_alone(query: str, near: list[str]) -> None:
    every = ["Kitchen brochure", "Weekly offers, Week 38", "Kitchen brochure", "Store 98"]
    found = [every[place].split()[0] for place in nearest_titles(query, every, 2)]
    assert sorted(found) == sorted(one.split()[0] for one in near)
