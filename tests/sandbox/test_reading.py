"""Lists, embed codes, statistics and the sample of a lead."""

import base64
from datetime import date, timedelta

import pytest

from flipsnack_mcp.sandbox import Pace, Sandbox
from flipsnack_mcp.sandbox.actions import HANDLERS
from tests.samples_of import NAMES
from tests.sandbox.calling import Caller, calling
from tests.virtual_clock import StandingClock


def test_every_documented_action_has_a_handler_and_no_other() -> None:
    assert HANDLERS.keys() == {*NAMES}, "each stands in `HANDLERS` or `UPLOADS`, in flipsnack_mcp/sandbox/actions"


async def test_the_account_holds_what_a_real_one_holds(sandbox: Sandbox, clock: StandingClock) -> None:
    assert Sandbox(clock=clock).account.collections == sandbox.account.collections
    shelf = list(sandbox.account.collections.values())
    assert len(shelf) >= 25
    titles = [one.title for one in shelf]
    assert len(titles) == len(set(titles)) + 1
    assert "" in titles
    assert any(not title.isascii() for title in titles)
    assert {one.status for one in shelf} == {"public", "editable", "unlisted"}
    assert sum(item.status(clock()) == "failed" for one in shelf for item in one.items) == 1
    assert any(len(one.items) == 2 for one in shelf)


async def test_a_list_starts_with_the_newest_counts_in_text_and_gives_drafts_no_date_or_link(caller: Caller) -> None:
    answer = await caller.data("collection.getList", collectionStatus="public", **{"from": "0", "to": "2"})
    assert answer["collectionsCount"] == "19"
    weeks = [one["collectionTitle"] for one in answer["collections"]]
    assert weeks == ["Weekly offers, Week 38", "Weekly offers, Week 37"]
    names = "collectionHash collectionTitle collectionStatus publishDate createdDate coverImage directLink"
    assert list(answer["collections"][0]) == names.split()
    drafts = (await caller.data("collection.getList", collectionStatus="editable"))["collections"]
    assert {(one["publishDate"], one["directLink"]) for one in drafts} == {("", "")}


@pytest.mark.parametrize(
    ("start", "end", "exclusive", "inclusive"),
    [("0", "2", 2, 3), ("2", "2", 0, 1), ("24", "50", 2, 2), ("30", "50", 0, 0), ("5", "2", 0, 0)],
)
async def test_the_end_of_a_range_is_exclusive_or_inclusive(
    clock: StandingClock, pace: Pace, start: str, end: str, exclusive: int, inclusive: int
) -> None:
    for inclusive_to, expected in ((False, exclusive), (True, inclusive)):
        async with calling(Sandbox(clock=clock, pace=pace, inclusive_to=inclusive_to)) as caller:
            answer = await caller.data("collection.getList", **{"from": start, "to": end})
        assert len(answer["collections"]) == expected


async def test_a_list_is_sorted_as_asked(caller: Caller) -> None:
    by_name = await caller.data("collection.getList", orderBy="name", orderMode="asc")
    titles = [one["collectionTitle"].casefold() for one in by_name["collections"]]
    assert titles == sorted(titles)
    by_creation = await caller.data("collection.getList", orderBy="date_created")
    created = [one["createdDate"] for one in by_creation["collections"]]
    assert created == sorted(created, reverse=True)


async def test_a_query_looks_into_titles_descriptions_and_hashes_and_gives_fifty_at_once(caller: Caller) -> None:
    kept = caller.sandbox.account.add(title="Plain", description="With a RARE word")
    for query in ("rare WORD", kept.hash):
        answer = await caller.data("collection.getList", query=query)
        assert [one["collectionHash"] for one in answer["collections"]] == [kept.hash]
    for number in range(60):
        caller.sandbox.account.add(title=f"More {number:02}")
    answer = await caller.data("collection.getList", query="more ")
    assert (len(answer["collections"]), answer["collectionsCount"]) == (50, "60")


NO_LISTS = ({"collectionStatus": "private"}, {"from": "-1"}, {"to": "many"}, {"orderBy": "size"}, {"orderMode": "up"})
NO_STATS = ({"startDate": "01.09.2026"}, {"endDate": "20260901"}, {"startDate": "2026-02-30"})
WRONG = [*(("getList", one) for one in NO_LISTS), *(("getStats", one) for one in NO_STATS)]
WRONG += [("getStats", {"startDate": "2026-09-02", "endDate": "2026-09-01"})]
WRONG += [("getStats", {"includePageStats": "maybe"}), ("getEmbed", {"responsive": "perhaps"})]


@pytest.mark.parametrize(("action", "wrong"), WRONG)
async def test_what_is_asked_for_wrongly_is_code_40(caller: Caller, action: str, wrong: dict[str, str]) -> None:
    target = {"collectionHash": caller.sandbox.account.add(title="Kept").hash}
    assert await caller.code(f"collection.{action}", **(target if action != "getList" else {}), **wrong) == 40


async def test_an_embed_code_carries_account_and_collection_and_has_the_size_that_is_asked_for(caller: Caller) -> None:
    kept = caller.sandbox.account.add(title="Embedded").hash
    code = (await caller.data("collection.getEmbed", collectionHash=kept, startPage="8"))["embedCode"]
    packed = code.partition("?hash=")[2].partition("&p=8")[0]
    assert base64.b64decode(packed).decode() == f"5AB0C5E7D1F+{kept}"
    assert 'width="650" height="385"' in code
    sized = await caller.data("collection.getEmbed", collectionHash=kept, width="200", height="100", startBook="2")
    assert 'width="200" height="100"' in sized["embedCode"]
    assert "&b=2" in sized["embedCode"]
    filling = await caller.data("collection.getEmbed", collectionHash=kept, responsive="true")
    assert 'width="100%" height="100%"' in filling["embedCode"]


async def test_statistics_of_a_period_are_the_sum_of_its_days(caller: Caller) -> None:
    kept = next(one for one in caller.sandbox.account.collections.values() if one.title == "Spring catalogue 2026").hash
    first = date(2026, 9, 1)
    days = [(first + timedelta(days=offset)).isoformat() for offset in range(7)]
    single = [await caller.data("collection.getStats", collectionHash=kept, startDate=one, endDate=one) for one in days]
    period = {"startDate": days[0], "endDate": days[-1], "includePageStats": "true"}
    week = await caller.data("collection.getStats", collectionHash=kept, **period)
    for name in ("impressions", "views", "time_spent", "downloads"):
        assert week[name] == sum(one[name] for one in single)
    assert week["views"] > 0
    assert [list(one) for one in week["pages"][:1]] == [["page", "time_spent", "clicks", "views"]]
    assert len(week["pages"]) == 104
    assert "pages" not in single[0]


async def test_statistics_begin_with_the_collection_and_end_today(caller: Caller) -> None:
    kept = caller.sandbox.account.add(title="New").hash
    whole = await caller.data("collection.getStats", collectionHash=kept)
    today = await caller.data("collection.getStats", collectionHash=kept, startDate="2026-09-21", endDate="2026-09-21")
    wide = await caller.data("collection.getStats", collectionHash=kept, startDate="1999-01-01", endDate="2099-01-01")
    before = await caller.data("collection.getStats", collectionHash=kept, endDate="2026-09-20")
    assert whole == today == wide
    assert before == {"impressions": 0, "views": 0, "time_spent": 0, "downloads": 0}


async def test_statistics_survive_the_change_of_the_hash(caller: Caller) -> None:
    draft = caller.sandbox.account.add(title="Draft", status="editable")
    assert (await caller.data("collection.getStats", collectionHash=draft.hash))["views"] == 0
    await caller.data("collection.update", collectionHash=draft.hash, collectionStatus="unlisted")
    first = await caller.data("collection.getStats", collectionHash=draft.hash)
    await caller.data("collection.update", collectionHash=draft.hash, collectionStatus="editable")
    await caller.data("collection.update", collectionHash=draft.hash, collectionStatus="public")
    assert await caller.data("collection.getStats", collectionHash=draft.hash) == first
    assert first["views"] > 0


async def test_the_totals_of_the_account_are_the_sum_of_its_collections(caller: Caller) -> None:
    total = await caller.data("user.getStats")
    shelf = list(caller.sandbox.account.collections)
    each = [await caller.data("collection.getStats", collectionHash=one) for one in shelf]
    for name in ("impressions", "views", "time_spent", "downloads"):
        assert total[name] == sum(one[name] for one in each)
    assert total["api_uploads_left"] == 53


async def test_the_sample_of_a_lead_has_the_names_of_the_webhook(caller: Caller) -> None:
    lead = await caller.data("zapier.getZapierLeadFormSample")
    assert lead["type"] == "contact"
    assert lead["flipbook_hash"] in caller.sandbox.account.collections
    assert (lead["timestamp"], lead["datetime"]) == (1790000000, "2026-09-21T14:13:20Z")
    assert set(lead["data"]) == {"Name", "Email", "Phone"}


async def test_an_empty_account_answers_as_well(clock: StandingClock) -> None:
    sandbox = Sandbox(clock=clock, account="empty")
    assert sandbox.account.collections == {}
    async with calling(sandbox) as caller:
        assert await caller.data("collection.getList") == {"collectionsCount": "0", "collections": []}
        assert (await caller.data("user.getStats"))["views"] == 0
        assert await caller.code("zapier.getZapierLeadFormSample") == 20
