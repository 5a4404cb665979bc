"""Which collections are meant: paging, days, names, and what the list shows twice."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import TypeAdapter

from flipsnack_mcp.api.actions.collections import CollectionSummary
from flipsnack_mcp.sandbox import Fault, Sandbox
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.finding import ROWS_OF_A_REQUEST, Choice, choose, day_of
from tests.api.asking import asking, unlimited

LIST = "collection.getList"


@pytest.fixture
async def sandbox() -> Sandbox:
    return unlimited(account="empty")


def filled(sandbox: Sandbox, count: int) -> list[str]:
    """So many collections, each a minute older than the one before; their hashes."""
    now = sandbox.account._clock()
    return [sandbox.account.add(title=f"Offer {n:03}", created_at=now - 60 * n).hash for n in range(count)]


def hashes(found: list[CollectionSummary]) -> list[str]:
    return [one.collection_hash for one in found]


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize(
    "count", [0, 1, *(ROWS_OF_A_REQUEST + more for more in (-1, 0, 1)), 2 * ROWS_OF_A_REQUEST, 250]
)
async def test_every_collection_is_found_once_newest_first(count: int, *, inclusive: bool) -> None:
    """Also where Flipsnack counts the end of the window in."""
    sandbox = unlimited(account="empty", inclusive_to=inclusive)
    expected = filled(sandbox, count)
    async with asking(sandbox.app) as flipsnack:
        assert hashes(await choose(CallContext(flipsnack), Choice())) == expected
    assert inclusive or len(sandbox.requests) == max(1, -(-count // ROWS_OF_A_REQUEST))


async def test_one_that_slides_into_the_next_window_counts_once(sandbox: Sandbox, context: CallContext) -> None:
    expected = filled(sandbox, ROWS_OF_A_REQUEST + 20)
    sandbox.add_fault(Fault("slow", LIST, seconds=4, phase="after"))

    async def grow() -> None:
        await anyio.sleep(2)
        for n in range(5):
            sandbox.account.add(title=f"Brand new {n}")

    async with anyio.create_task_group() as meanwhile:
        meanwhile.start_soon(grow)
        found = hashes(await choose(context, Choice()))
    assert found == expected
    assert len(sandbox.requests) == 2


@pytest.mark.parametrize("named", [False, True], ids=["all", "named"])
async def test_what_a_list_leaves_out_while_it_tells_another_twice_is_found_all_the_same(
    sandbox: Sandbox, context: CallContext, *, named: bool
) -> None:
    """The same day and no order of its own: rows change places between two windows."""
    expected = filled(sandbox, ROWS_OF_A_REQUEST + 2)
    shown = [{"collectionHash": one, "collectionTitle": one, "collectionStatus": "public"} for one in expected]
    for rows in (shown[:-2], shown[:2], shown[2:], shown[:2]):
        data = {"collectionsCount": str(len(expected)), "collections": rows}
        body = json.dumps({"code": 20, "status": "OK", "data": data})
        sandbox.add_fault(Fault("http", LIST, http_status=200, body=body))
    found = hashes(await choose(context, Choice((expected[-1], expected[0]) if named else ())))
    assert sorted(found) == sorted([expected[0], expected[-1]] if named else expected)
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    ("days", "fitting"),
    [([10, None], [11, 10]), ([None, 10], [10, 9]), ([10, 10], [10]), ([12, None], []), ([11, 9], [])],
)
async def test_both_days_count(sandbox: Sandbox, context: CallContext, days: list[Any], fitting: list[int]) -> None:
    for day in (9, 10, 11):
        sandbox.account.add(title=f"{day}", created_at=datetime(2026, 3, day, 12, tzinfo=UTC).timestamp())
    after, before = (date(2026, 3, day) if day else None for day in days)
    found = await choose(context, Choice(created_after=after, created_before=before))
    assert [int(one.title) for one in found] == fitting


@pytest.mark.parametrize(
    "created",
    [None, "", "09/08/2026", "31.12.2025", "1767225600", "1767225600000", "0000-00-00 00:00:00", "May 3, 2026"],
)
def test_a_collection_whose_date_cannot_be_read_is_in_no_span_of_days_but_in_everything_else(
    created: str | None,
) -> None:
    undated = CollectionSummary(collection_hash="abc1234", title="Undated", status="public", created_date=created)
    assert Choice().fits(undated)
    assert not Choice(created_after=date(2026, 1, 1)).fits(undated)
    assert not Choice(created_before=date(2026, 1, 1)).fits(undated)


async def test_one_status_is_left_to_flipsnack_and_checked_and_words_are_looked_for_here(
    sandbox: Sandbox, context: CallContext
) -> None:
    wanted = sandbox.account.add(title="Spring offers", status="unlisted").hash
    public = sandbox.account.add(title="Spring offers", status="public").hash
    sandbox.account.add(title="Autumn offers", description="As in spring", status="unlisted")
    assert hashes(await choose(context, Choice(query="offers SPRING", only_status=("unlisted",)))) == [wanted]
    assert sandbox.requests[0].params["collectionStatus"] == "unlisted"
    assert "query" not in sandbox.requests[0].params
    assert hashes(await choose(context, Choice((public,), only_status=("unlisted",)))) == []


@pytest.mark.parametrize(
    ("told", "day"),
    [
        ("2026-03-09 10:00:00", "2026-03-09"),
        ("2026-03-09T10:00:00Z", "2026-03-09"),
        ("September 9, 2026",) * 2,
        ("",) * 2,
    ],
)
def test_a_day_is_cut_from_no_date_of_another_form(told: str, day: str) -> None:
    assert day_of(CollectionSummary(collection_hash="abc1234", title="Offers", publish_date=told)) == day


async def test_a_list_that_is_the_same_from_wherever_it_is_asked_for_comes_to_an_end(
    sandbox: Sandbox, context: CallContext
) -> None:
    rows = [{"collectionHash": f"h{n:06}", "collectionTitle": "Menu"} for n in range(150)]
    body = json.dumps({"code": 20, "data": {"collections": rows}})  # without a count
    sandbox.add_fault(Fault("http", LIST, times=0, http_status=200, body=body))
    assert len(await choose(context, Choice())) == ROWS_OF_A_REQUEST
    assert len(sandbox.requests) == 2


CHOSEN = json.loads(Path(__file__).with_name("chosen.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("meant", [True, False], ids=["its words are there", "they are not"])
def test_a_query_chooses_by_whole_words_and_forgives_nothing(*, meant: bool) -> None:
    wrong = [
        (query, title)
        for query, title in CHOSEN["chosen" if meant else "left alone"]
        if Choice(query=query).fits(CollectionSummary(collection_hash="a", title=title)) is not meant
    ]
    assert wrong == []


@pytest.mark.parametrize("title", ["Sale 🌞", "Sale", "Sale 🎄🌞 2025"])
def test_a_picture_beside_words_has_to_be_there_as_well(title: str) -> None:
    """A plan to delete one season's took another's."""
    row = CollectionSummary(collection_hash="a", title=title)
    assert Choice(query="sale 🎄").fits(row) is ("🎄" in title)


@pytest.mark.parametrize("missing", [[], ["gone1234"]], ids=["all there", "one is gone"])
async def test_named_ones_are_looked_for_to_the_end(sandbox: Sandbox, context: CallContext, missing: list[str]) -> None:
    every = filled(sandbox, (2 if missing else 3) * ROWS_OF_A_REQUEST)
    named = [every[1], every[ROWS_OF_A_REQUEST + 5]]
    assert hashes(await choose(context, Choice((*named, *missing)))) == named
    assert len(sandbox.requests) == 2


@pytest.mark.parametrize(
    "more", [{"query": "x"}, {"only_status": ("public",)}, {"exclude": ("b",)}, {"created_after": date(2026, 1, 1)}]
)
def test_names_alone_are_all_there_is_to_know(more: dict[str, Any]) -> None:
    assert Choice(("a",)).by_name_only
    assert not Choice().by_name_only
    assert not Choice(("a",), **more).by_name_only


async def test_several_statuses_are_any_of_them_and_what_is_excluded_is_left_out() -> None:
    sandbox = unlimited()
    wanted = {one.hash for one in sandbox.account.collections.values() if one.status != "unlisted"}
    left_out = min(wanted)
    choice = Choice(only_status=("public", "editable"), exclude=(left_out,))
    async with asking(sandbox.app) as flipsnack:
        assert set(hashes(await choose(CallContext(flipsnack), choice))) == wanted - {left_out}


def test_one_status_alone_as_older_versions_stored_it_is_a_list_of_one() -> None:
    read = TypeAdapter(Choice).validate_python
    assert [read({"only_status": one}).only_status for one in ("public", None, ["public", "unlisted"])] == [
        ("public",), (), ("public", "unlisted")
    ]  # fmt: skip
