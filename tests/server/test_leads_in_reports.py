"""What report_stats says of leads and orders: how many came of each collection, to who may know, and nothing of what stands in them."""

import json
from typing import Any

import pytest

from flipsnack_mcp.server.callers.caller import Right
from flipsnack_mcp.store.sqlite import MemoryStore
from tests.server.bench import Bench, Given, Said
from tests.server.long_bench import to_its_end
from tests.server.received import Receiving, form, order, rows_saved, saved_as
from tests.server.revisions import newer
from tests.server.several import SeveralBench

TOOL = "report_stats"

# A report says the same on both revisions.
mode = newer


@pytest.fixture
async def receiving(bench: Bench) -> Receiving:
    """Three collections that bring leads, and some that bring none."""
    there = Receiving(bench, MemoryStore(bench.clock))
    summer, weekly, offers = hashes(bench)
    await there.got(form(summer, 1), form(summer, 2), order(summer, 3), form(weekly, 4), days_ago=3)
    await there.got(order(offers, 5), {"type": "survey"}, form("gone1234", 6), days_ago=3)
    await there.got(form(weekly, 7), days_ago=90)
    return there


def hashes(bench: Bench) -> list[str]:
    titles = ("Summer catalogue 2026", "Weekly offers, Week 38", "Weekly offers, Week 37")
    return [bench.collection(one).hash for one in titles]


async def reported(receiving: Receiving, *lacks: Right, settings: Given | None = None, **given: Any) -> Said:
    async with receiving.assistant(*lacks, **(settings or {})) as assistant:
        return await to_its_end(assistant, await assistant.call(TOOL, {"everything": True, **given}))


async def test_a_report_counts_leads_and_orders_by_collection(receiving: Receiving) -> None:
    summer, weekly, offers = hashes(receiving.bench)
    said = await reported(receiving)
    assert (said.data["totals"]["leads"], said.data["totals"]["orders"]) == (3, 2)
    told = [(one["collection_hash"], one["leads"], one["orders"]) for one in said.data["leads"]]
    assert told[0] == (summer, 2, 1)
    assert set(told[1:]) == {(weekly, 1, 0), (offers, 0, 1)}
    best = {one["collection_hash"]: one.get("leads") for one in said.data["collections"] + said.data["bottom"]}
    assert all(best[one] == {summer: 2, weekly: 1}.get(one) for one in best)


async def test_a_period_may_last_until_the_calendars_last_day(receiving: Receiving) -> None:
    days: Given = {"start_date": "2000-01-01", "end_date": "9999-12-31"}
    assert (await reported(receiving, **days)).data["totals"]["leads"] == 4
    async with receiving.assistant() as assistant:
        every, within = await assistant.call("list_leads"), await assistant.call("list_leads", days)
    assert within.data["total"] == every.data["total"] > 0


@pytest.mark.parametrize("what", [{"leads": False}, Right.LEADS], ids=["none are received", "may not know"])
async def test_where_nobody_may_know_a_report_has_not_a_word_of_them(receiving: Receiving, what: Any) -> None:
    lacks, settings = ((), what) if isinstance(what, dict) else ((what,), {})
    said = await reported(receiving, *lacks, settings=settings, save_as="csv")
    assert "leads" not in said.text
    assert "leads" not in json.dumps(said.data)
    assert "leads" not in rows_saved(said)[0]


async def test_a_report_begun_by_one_is_told_to_another_without_them(receiving: Receiving) -> None:
    said = await reported(receiving)
    again = await reported(receiving, Right.LEADS, report_id=said.data["report_id"])
    assert "leads" not in again.data["totals"]


async def test_the_saved_table_has_a_column_for_each(receiving: Receiving) -> None:
    said = await reported(receiving, save_as="csv")
    head, *rows, sums = rows_saved(said)
    assert head[-3:] == ["leads", "orders", "note"]
    assert {len(one) for one in (*rows, sums)} == {len(head)}
    assert {tuple(one[-3:-1]) for one in rows if one[-1] == ""} == {("0", "0"), ("2", "1"), ("1", "0"), ("0", "1")}
    assert sums[-3:-1] == ["3", "2"]


async def test_the_pages_have_them_too(receiving: Receiving) -> None:
    said = await reported(receiving, save_as="markdown")
    page = saved_as(said)
    assert "| leads | orders | link |" in page
    assert "| leads | 3 |" in page
    assert '"Leads and orders"' in saved_as(await reported(receiving, save_as="html"))


async def test_over_all_accounts_each_has_its_own(several: SeveralBench) -> None:
    several.own = {name: {"leads": True} for name in several.sandboxes}
    there = Receiving(several, MemoryStore(several.clock))
    known = {one.name: one.account for one in several.settings.every}
    summer = several.collection("Summer catalogue 2026").hash
    await there.got(form(summer, 1), form(summer, 2), days_ago=3, account=known["de"])
    await there.got(form(summer, 1), days_ago=3, account=known["uk"])
    said = await reported(there, account="*")
    assert said.data["totals"]["leads"] == 3
    assert {one["account"]: one["leads"] for one in said.data["accounts"]} == {"de": 2, "fr": 0, "uk": 1}
    assert {(one["account"], one["leads"]) for one in said.data["leads"]} == {("de", 2), ("uk", 1)}
