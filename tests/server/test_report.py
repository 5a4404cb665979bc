"""report_stats: short for any number of collections, gone on with by the call it names, saved once it is whole."""

import csv
import io
import json
import re
import secrets
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import pytest

from flipsnack_mcp.sandbox.faults import Fault
from flipsnack_mcp.server.tools.reporting import naming
from tests.server.bench import Said, tokens
from tests.server.long_bench import LongBench, assert_told_in_four_parts, named_call, to_its_end
from tests.server.revisions import turn

TOOL, STATS, LIST = "report_stats", "collection.getStats", "collection.getList"
AUGUST = {"start_date": "2026-08-01", "end_date": "2026-08-31"}
DAY = 86_400

# What is reported does not depend on the revision.
mode = turn


@pytest.fixture
def bench(long_bench: LongBench) -> LongBench:
    return long_bench


def filled(bench: LongBench, count: int, title: str = "Offer {:03}", **more: Any) -> list[str]:
    """An account of so many collections and no others."""
    account, now = bench.sandbox.account, bench.clock()
    account.collections.clear()
    return [account.add(title=title.format(n), created_at=now - 90 * DAY - n, **more).hash for n in range(count)]


async def reported(bench: LongBench, /, **arguments: Any) -> Said:
    return await to_its_end(bench.client, await bench.client.call(TOOL, arguments))


def content(said: Said) -> bytes:
    return Path(said.data["path"]).read_bytes()


def table(said: Said) -> list[list[str]]:
    """The cells of a saved CSV file."""
    return list(csv.reader(io.StringIO(content(said).decode("utf-8-sig"), newline="")))


def asked(bench: LongBench) -> int:
    return bench.requests.count(STATS)


def titles(rows: list[dict[str, Any]]) -> list[str]:
    return [str(one["title"]) for one in rows]


# --- what it says
async def test_the_numbers_are_those_of_the_single_tool(bench: LongBench) -> None:
    said = await reported(bench, query="catalogue", **AUGUST)
    rows = [*said.data["collections"], *said.data["bottom"]]
    alone = [await bench.call("get_collection_stats", collection_hash=one["collection_hash"], **AUGUST) for one in rows]
    assert len(rows) == said.data["totals"]["collections"] == 5
    for name in ("impressions", "views", "time_spent", "downloads"):
        assert [one[name] for one in rows] == [one.data[name] for one in alone]
        assert said.data["totals"][name] == sum(one.data[name] for one in alone)
        assert isinstance(said.data["totals"][name], int)
    totals = said.data["totals"]
    assert totals["average_time"] == round(totals["time_spent"] / totals["views"], 1)
    assert "path" not in said.data
    assert bench.downloaded == []


async def test_without_dates_it_is_the_last_thirty_full_days_and_says_so(bench: LongBench) -> None:
    said = await reported(bench, query="Kitchen")
    assert said.data["period"] == "2026-08-22 to 2026-09-20 (none was given: the last 30 full days)"
    sent = [one.params for one in bench.sandbox.requests if one.action == STATS]
    assert {(one["startDate"], one["endDate"]) for one in sent} == {("2026-08-22", "2026-09-20")}


@pytest.mark.parametrize(("series", "rows"), [(19, 20), (20, 2)], ids=["one by one", "in groups past so many"])
async def test_what_nobody_read_is_named_in_full(
    bench: LongBench, series: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert naming.ONE_BY_ONE == 200
    monkeypatch.setattr(naming, "ONE_BY_ONE", 20)
    named = [*filled(bench, series), bench.sandbox.account.add(title="Sale", created_at=bench.clock() - 90 * DAY).hash]
    for one in bench.sandbox.account.collections.values():
        one.unread = True
    said = await reported(bench, **AUGUST)
    unread = said.data["unread"]
    assert (said.data["totals"]["without_views"], len(unread)) == (len(named), rows)
    assert {one["collection_hash"] for one in unread} <= set(named)
    assert sum(one.get("count", 1) for one in unread) == len(named)
    assert all(one["collection_hash"] in said.text and one["title"] in said.text for one in unread)


async def test_drafts_stand_apart_and_are_not_asked_about(bench: LongBench) -> None:
    online = filled(bench, 2)
    drafts = [bench.sandbox.account.add(title="Untitled", status="editable").hash for _ in range(3)]
    said = await reported(bench, compare=True, **AUGUST)
    ranked = [one for name in ("collections", "bottom", "winners", "losers", "unread") for one in said.data[name]]
    assert {one["collection_hash"] for one in said.data["drafts"]} == set(drafts)
    assert {one["collection_hash"] for one in ranked} == set(online)
    assert (said.data["totals"]["collections"], said.data["totals"]["drafts"], asked(bench)) == (2, 3, 4)
    assert len({one["created_date"] for one in said.data["drafts"]}) == 1, "namesakes have a date"


@pytest.mark.parametrize("wanted", ["only_status", "collections"])
async def test_drafts_are_counted_where_they_are_wanted(bench: LongBench, wanted: str) -> None:
    drafts = filled(bench, 2, status="editable")
    said = await reported(bench, **{wanted: "editable" if wanted == "only_status" else drafts}, **AUGUST)
    assert (said.data["totals"]["collections"], asked(bench)) == (2, 2)
    assert {one["collection_hash"] for one in said.data["unread"]} == set(drafts)
    assert "drafts" not in said.data, "none stands apart, and it is not said that there is none"


async def test_what_came_later_is_not_asked_about_nor_how_a_new_one_did_before(bench: LongBench) -> None:
    (old,), now = filled(bench, 1), bench.clock()
    new = bench.sandbox.account.add(title="New", created_at=now - 10 * DAY).hash
    bench.sandbox.account.add(title="Newer", created_at=now - 2 * DAY)
    said = await reported(bench, compare=True, start_date="2026-09-09", end_date="2026-09-15")
    about = Counter(one.params["collectionHash"] for one in bench.sandbox.requests if one.action == STATS)
    changes = {one["collection_hash"]: one["change"] for one in said.data["collections"]}
    assert about == {old: 2, new: 1}
    assert (said.data["totals"]["collections"], said.data["totals"]["created_later"]) == (2, 1)
    assert changes[new] == {}
    assert [one["collection_hash"] for one in said.data["collections"] if "new" in one] == [new]
    assert [one["collection_hash"] for one in (*said.data["winners"], *said.data["losers"])] == [old]
    assert said.data["totals"]["previous_views"] == changes[old] or said.data["totals"]["previous_views"] > 0


async def test_winners_and_losers_are_those_that_moved_the_most(bench: LongBench) -> None:
    filled(bench, 12)
    said = await reported(bench, compare=True, top=10, **AUGUST)
    every = [*said.data["collections"], *said.data["bottom"]]
    for row in every:
        before = await bench.call(
            "get_collection_stats",
            collection_hash=row["collection_hash"],
            start_date="2026-07-01",
            end_date="2026-07-31",
        )
        row["rise"] = row["views"] - before.data["views"]
        assert row["change"] == {"views": round(100 * row["rise"] / before.data["views"], 1)}
    by_rise = [one["collection_hash"] for one in sorted(every, key=lambda one: -one["rise"]) if one["rise"] > 0]
    by_fall = [one["collection_hash"] for one in sorted(every, key=lambda one: one["rise"]) if one["rise"] < 0]
    assert [one["collection_hash"] for one in said.data["winners"]] == by_rise[:5]
    assert [one["collection_hash"] for one in said.data["losers"]] == by_fall[:5]
    assert said.data["losers"][0].keys() == {"collection_hash", "title", "previous_views", "views", "change"}


async def test_it_compares_with_the_period_before(bench: LongBench) -> None:
    said = await reported(bench, query="Katalog", compare=True, start_date="2026-08-16", end_date="2026-08-31")
    one = said.data["collections"][0]["collection_hash"]
    before = await bench.call(
        "get_collection_stats", collection_hash=one, start_date="2026-07-31", end_date="2026-08-15"
    )
    totals = said.data["totals"]
    assert totals["previous_views"] == before.data["views"]
    growth = 100 * (totals["views"] - totals["previous_views"]) / totals["previous_views"]
    assert said.data["change"]["views"] == round(growth, 1)
    assert asked(bench) == 3


async def test_an_account_without_collections_has_an_empty_report(bench: LongBench) -> None:
    bench.sandbox.account.collections.clear()
    said = await reported(bench, save_as="csv", **AUGUST)
    assert (said.data["state"], said.data["totals"]["collections"]) == ("complete", 0)
    assert bench.downloaded == ["Flipsnack report 2026-08-01 to 2026-08-31.csv"]


async def test_a_query_that_nothing_fits_is_told_with_what_to_do(bench: LongBench) -> None:
    said = await bench.client.call(TOOL, {"query": "wekly offers", "wait_seconds": 45, **AUGUST})
    assert (said.data["state"], said.data["totals"]["collections"]) == ("complete", 0)
    assert "list_collections" in said.data["next_step"]
    assert said.data["next_step"] in said.text


# --- which collections
async def test_links_hashes_and_json_text_name_collections_and_one_named_twice_counts_once(bench: LongBench) -> None:
    first, second, third = filled(bench, 3)
    links = [first, *(f"https://www.flipsnack.com/shop/offer-{one}.html" for one in (second, first))]
    as_list = await reported(bench, collections=links, **AUGUST)
    as_text = await reported(bench, collections=json.dumps(links), **AUGUST)
    one = await reported(bench, collections=third, **AUGUST)
    assert (as_list.data["totals"], as_list.data["totals"]["collections"]) == (as_text.data["totals"], 2)
    assert [row["collection_hash"] for row in one.data["collections"]] == [third]


async def test_conditions_narrow_the_choice(bench: LongBench) -> None:
    chosen = {"only_status": "unlisted", "created_after": "2026-02-01"}
    said = await reported(bench, **chosen, top=10, **AUGUST)
    earlier = await reported(bench, **chosen, created_before="2026-03-31", **AUGUST)
    assert sorted(titles(said.data["collections"])) == ["Annual report 2025", "Price list for partners 2026"]
    assert titles(earlier.data["collections"]) == ["Annual report 2025"]


async def test_a_title_that_we_changed_is_told_as_it_is_now(bench: LongBench) -> None:
    (named,) = filled(bench, 1)
    await to_its_end(bench.client, await bench.client.call(TOOL, collections=[named], **AUGUST))
    await bench.client.call("update_collection", collection_hash=named, title="Renamed")
    again = await to_its_end(bench.client, await bench.client.call(TOOL, collections=[named], **AUGUST))
    assert titles(again.data["collections"]) == ["Renamed"]
    assert asked(bench) == 1


# --- long ones
@pytest.mark.parametrize("named", [False, True], ids=["all", "named"])
@pytest.mark.parametrize("tool", [TOOL, "audit_account"])
async def test_while_it_still_chooses_it_says_how_many_there_can_be_as_soon_as_that_is_known(
    bench: LongBench, tool: str, *, named: bool
) -> None:
    """The list has three windows, the second of which is long in coming."""
    filled(bench, 240)
    chosen = {"collections": [*bench.sandbox.account.collections][-3:]} if named and tool == TOOL else {}
    before = await bench.client.call(tool, **AUGUST, **chosen, wait_seconds=0)
    bench.fails("slow", LIST, times=0, seconds=20)
    await anyio.sleep(1)
    after = await bench.client.call(tool, **AUGUST, **chosen, report_id=before.data["report_id"], wait_seconds=5)
    most = 3 if chosen else 240
    assert before.data["progress"] == {"done": 0}
    assert "How many collections it is about is not known yet. " in before.data["next_step"]
    assert "in about 5 s to see" in before.data["next_step"]
    assert after.data["progress"].items() >= {"done": 0, "total": most}.items()
    assert most <= after.data["progress"]["seconds_left"] <= 1.1 * most + 3
    assert "not known yet" not in after.data["next_step"]


async def test_a_report_that_goes_on_says_how_far_it_is_and_nothing_else(bench: LongBench) -> None:
    filled(bench, 30)
    first = await bench.client.call(TOOL, save_as="csv", wait_seconds=10, **AUGUST)
    tool, arguments = named_call(first)
    saved = bench.downloaded
    last = await to_its_end(bench.client, first)

    assert (tool, arguments) == (TOOL, {"report_id": first.data["report_id"]})
    assert first.data.keys() == {"report_id", "state", "progress", "next_step"}
    assert first.data["state"] == "running"
    assert re.search(r"^progress: done \d+, total 30, seconds_left \d+( s)?$", first.text, re.MULTILINE)
    assert 5 <= first.data["progress"]["done"] < first.data["progress"]["total"] == 30
    assert 30 - first.data["progress"]["done"] <= first.data["progress"]["seconds_left"] <= 32
    assert "end your turn" in first.data["next_step"]
    assert 10 <= first.seconds <= 11
    assert first.progress[-1][1].startswith("report: ")
    assert (last.data["state"], last.data["totals"]["collections"]) == ("complete", 30)
    assert "progress" not in last.data
    assert ("path" in first.data, saved, bench.downloaded) == (False, [], [Path(last.data["path"]).name])
    assert asked(bench) == 30


async def test_an_id_that_reads_as_a_zero_is_an_id_all_the_same(
    bench: LongBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    zero = bench.sandbox.account.add(title="Zero", collection_hash="0e7").hash
    monkeypatch.setattr(secrets, "token_hex", lambda _: "0e123456")
    first = await reported(bench, collections=zero, **AUGUST)
    before = len(bench.requests)
    again = await bench.client.call(TOOL, report_id=first.data["report_id"])
    assert again.data == first.data
    assert (len(bench.requests), first.data["report_id"]) == (before, "0e123456")
    assert not (await bench.call("get_collection", collection_hash=zero)).is_error


async def test_a_report_may_be_told_in_another_way_but_not_be_about_something_else(bench: LongBench) -> None:
    first = await to_its_end(bench.client, await bench.client.call(TOOL, query="catalogue", **AUGUST))
    before, one = len(bench.requests), first.data["report_id"]
    other = await bench.client.call(TOOL, report_id=one, query="catalogue", sort_by="downloads", top=1, **AUGUST)
    wrong = await bench.client.call(TOOL, report_id=one, query="magazine", compare=True)
    every = [*first.data["collections"], *first.data["bottom"]]
    assert [row["downloads"] for row in other.data["collections"]] == [max(one["downloads"] for one in every)]
    assert len(bench.requests) == before
    assert_told_in_four_parts(wrong, "begun with another compare, query")


async def test_collections_that_fail_or_are_not_there_are_told_and_the_rest_counted(bench: LongBench) -> None:
    named, gone = filled(bench, 6), [f"gone{n:03}" for n in range(14)]
    bench.fails("code", STATS, code=43, message="Forbidden")
    said = await reported(bench, collections=[*named, *gone], save_as="csv", **AUGUST)
    note = 'deleted, published under a new hash, or not allowed: Flipsnack refused with code 43 "Forbidden".'
    (failed, *others), missing = said.data["failed"], "not in the account's list, or excluded by a filter"
    assert (said.data["state"], said.data["totals"]["collections"]) == ("complete", 5)
    assert failed["collection_hash"] in named
    assert (failed["title"][:5], failed["reason"]) == ("Offer", note)
    assert [(one["collection_hash"], one["reason"]) for one in others[:-1]] == [(one, missing) for one in gone[:4]]
    assert others[-1] == {"title": "and 10 more"}
    assert said.data["totals"]["not_counted"] == 15
    assert [row[-1] for row in table(said)[6:-1]] == [note, *[missing] * 14]


async def test_a_report_that_ends_with_an_error_names_the_call_that_goes_on(bench: LongBench) -> None:
    filled(bench, 12)
    first = await bench.client.call(TOOL, wait_seconds=4, **AUGUST)
    bench.sandbox.add_fault(Fault("code", STATS, code=41, times=0))
    wrong = await bench.client.call(*named_call(first))
    bench.sandbox.clear_faults()
    found = re.search(r'report_stats\(report_id="(\w+)"\)', wrong.text)
    assert found
    last = await to_its_end(bench.client, await bench.client.call(TOOL, report_id=found[1]))
    assert_told_in_four_parts(wrong)
    assert (last.data["totals"]["collections"], last.data["report_id"]) == (12, first.data["report_id"])


# --- how much it says
TITLES = {
    "plain": ("Offer {:03} of the week, in all our stores and online, until the end of the month", 200),
    "long": ("{:03} " + "catalogue " * 29, 25),
    "wide": ("{:03} " + "春季目录与价格表" * 30, 25),
    "signs": ("{:03} " + "🌿🏡" * 60, 25),
}
"""And of how many: more than are told of are the same for every title."""


@pytest.mark.parametrize(("title", "many"), TITLES.values(), ids=list(TITLES))
async def test_the_answer_for_200_collections_is_small(bench: LongBench, title: str, many: int) -> None:
    gone = [f"gone{n:03}" for n in range(100)]
    named = filled(bench, many, title)
    for one in named[25:]:  # these are new, and not asked about in the days before
        bench.sandbox.account.collections[one].created_at = bench.clock() - 50 * DAY
    said = await reported(bench, collections=[*named, *gone], top=10, compare=True, save_as="csv", **AUGUST)
    assert (said.data["totals"]["collections"], len(said.data["collections"])) == (many, 10)
    assert tokens(said.text) < 2000
    assert tokens(json.dumps(said.data, ensure_ascii=False, separators=(",", ":"))) < 2000
    assert len(table(said)) == 1 + many + 100 + 1


# --- the file
async def test_a_saved_table_holds_every_collection(bench: LongBench) -> None:
    said = await reported(bench, save_as="csv", sort_by="downloads", **AUGUST)
    head, *rows, sums = table(said)
    raw = content(said)

    assert said.data["path"] == str(bench.folder / "downloads" / "Flipsnack report 2026-08-01 to 2026-08-31.csv")
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\r\n") == raw.count(b"\n") == 28
    assert head == [
        *("collection_hash", "title", "status", "date", "direct_link"),
        *("impressions", "views", "time_spent (s)", "downloads", "average_time (s)", "note"),
    ]
    assert {one[0] for one in rows} == set(bench.sandbox.account.collections)
    downloads = [int(one[8]) for one in rows if one[8]]
    assert downloads == sorted(downloads, reverse=True)
    views = sum(int(one[6]) for one in rows if one[6])
    assert [str(views), str(said.data["totals"]["views"])] == [sums[6]] * 2
    assert (sums[1], sums[-1]) == ("TOTAL", "19 collections, 2026-08-01 to 2026-08-31, both days counted")
    notes = Counter(one[-1] for one in rows)
    assert notes == {"": 19, "a draft, which nobody can read": 4, "created after the period": 3}
    assert ["public", "2026-08-31"] in [one[2:4] for one in rows]
    assert sum(one[4].startswith("https://") for one in rows) == 22, "a draft has no readers' link"
    assert "Katalog Küche & Bad 2026" in raw.decode()


async def test_a_page_reads_as_one_would_write_it_to_somebody(bench: LongBench) -> None:
    filled(bench, 3)
    bench.sandbox.account.add(title="Proof", status="editable", created_at=bench.clock() - DAY)
    said = await reported(bench, compare=True, save_as="markdown", **AUGUST)
    page, totals = content(said).decode(), said.data["totals"]
    assert page.startswith(
        "# Flipsnack report 2026-08-01 to 2026-08-31\n\n"
        "2026-08-01 to 2026-08-31, compared with 2026-07-01 to 2026-07-31, both days counted.\n"
    )
    assert f"| views | {totals['views']:,} | {totals['previous_views']:,} | {said.data['change']['views']:+} % |" in (
        page.replace("\\+", "+")
    )
    assert re.search(r"\| reading time \| \d+ h \d+ min \| \d+ h \d+ min \| \S+ % \|", page)
    assert re.findall("^## (.*)$", page, re.MULTILINE)[0] == "In all"
    assert {"All 3 collections", "Not counted"} <= set(re.findall("^## (.*)$", page, re.MULTILINE))
    assert "| Proof | editable | 2026-09-20 | a draft, which nobody can read |" in page
    assert all(f"{one.hash} |" in page for one in bench.sandbox.account.collections.values())


@pytest.mark.parametrize(("save_as", "told"), [("csv", "1 collection, 2026"), ("markdown", "## The one collection\n")])
async def test_a_report_of_one_collection_speaks_of_one(bench: LongBench, save_as: str, told: str) -> None:
    filled(bench, 1)
    page = content(await reported(bench, save_as=save_as, **AUGUST)).decode()
    assert told in page
    assert "1 collections" not in page


async def test_titles_stay_in_their_cell(bench: LongBench) -> None:
    title = '=a "b", c;\r\nd | [x](https://example.com) <img src=x> `y` \u202e\x00e'
    filled(bench, 1, title)
    first = await to_its_end(bench.client, await bench.client.call(TOOL, save_as="csv", **AUGUST))
    second = await bench.client.call(TOOL, report_id=first.data["report_id"], save_as="markdown")
    rows, lines = table(first), content(second).decode().splitlines()
    assert (rows[1][1], len(rows)) == ('\'=a "b", c; d | [x](https://example.com) <img src=x> `y` e', 3)
    assert lines[0] == "# Flipsnack report 2026-08-01 to 2026-08-31"
    assert r'| =a "b", c; d \| \[x\]\(https\://example.com\) &lt;img src=x&gt; \`y\` e |' in lines[-1]
    assert titles(first.data["collections"]) == [rows[1][1].removeprefix("'")]
    assert "\"=a 'b', c; d ¦ [x](https://example.com) <img src=x> `y` e\"" in first.text
    assert "\u202e" not in first.text


async def test_a_report_is_saved_once_however_often_it_is_looked_at(bench: LongBench) -> None:
    async with bench.assistant() as assistant:
        first = await to_its_end(assistant, await assistant.call(TOOL, query="Press", save_as="csv", **AUGUST))
        again = await assistant.call(TOOL, report_id=first.data["report_id"])
        (bench.folder / "downloads" / bench.downloaded[0]).unlink()
        anew = await assistant.call(TOOL, report_id=first.data["report_id"])
        other = await assistant.call(TOOL, query="Press", save_as="csv", wait_seconds=0, **AUGUST)
        async with anyio.create_task_group() as at_once:
            for _ in range(4):
                at_once.start_soon(assistant.call, TOOL, {"report_id": other.data["report_id"]})
        other = await assistant.call(TOOL, report_id=other.data["report_id"])
    assert first.data["path"] == again.data["path"] == anew.data["path"]
    assert other.data["path"].endswith("2026-08-31 (2).csv")
    assert len(bench.downloaded) == 2


async def test_a_folder_that_cannot_be_written_is_told_and_the_report_stays(bench: LongBench) -> None:
    (bench.folder / "downloads").write_text("no folder")
    said = await bench.client.call(TOOL, query="Press", save_as="csv", **AUGUST)
    (bench.folder / "downloads").unlink()
    before = len(bench.requests)
    found = re.search(r'report_id="(\w+)"', said.text)
    assert found
    again = await bench.client.call(TOOL, report_id=found[1])
    assert_told_in_four_parts(said, "FLIPSNACK_DOWNLOAD_DIR")
    assert again.data["path"]
    assert len(bench.requests) == before


@pytest.mark.parametrize("tool", [TOOL, "audit_account"])
async def test_days_that_have_not_begun_are_asked_nowhere_and_make_nothing_unread(bench: LongBench, tool: str) -> None:
    filled(bench, 1)
    said = await bench.client.call(tool, {"start_date": "2026-10-01", "end_date": "2026-10-31"})
    assert_told_in_four_parts(said, "`start_date` lies in the future: today is 2026-09-21.", " Nothing was changed.")
    assert bench.requests == []


@pytest.mark.parametrize("start", ["0001-01-01", "1000-01-01"])
async def test_a_period_that_begins_too_early_to_be_compared_is_refused_with_the_reason(
    bench: LongBench, start: str
) -> None:
    filled(bench, 1)
    days = {"start_date": start, "end_date": "2026-08-31"}
    said = await bench.client.call(TOOL, {**days, "compare": True})
    assert_told_in_four_parts(said, "no period as long before this one", " Nothing was changed.")
    assert bench.requests == []
    assert (await reported(bench, **days)).data["state"] == "complete"


@pytest.mark.parametrize("tool", [TOOL, "audit_account", "update_collections", "delete_collections"])
async def test_a_list_without_hashes_is_not_taken_for_an_account_without_collections(
    bench: LongBench, tool: str
) -> None:
    rows = [{"collectionTitle": f"Menu {n}", "collectionStatus": "public"} for n in range(3)]
    bench.answers(LIST, {"collectionsCount": "3", "collections": rows}, times=0)
    chosen = {"update_collections": {"query": "menu", "suffix": "!"}, "delete_collections": {"query": "menu"}}
    said = await bench.client.call(tool, chosen.get(tool, {}))
    assert_told_in_four_parts(said, "of none of them a hash", " Nothing was changed.")


@pytest.mark.parametrize("save_as", ["csv", "markdown", "html"])
async def test_a_period_that_is_not_over_is_called_so_beside_what_is_compared_with_it(
    bench: LongBench, save_as: str
) -> None:
    (named,) = filled(bench, 1)
    month = {"start_date": "2026-09-01", "end_date": "2026-09-30"}
    said = await reported(bench, **month, compare=True, save_as=save_as)
    alone = await bench.client.call("get_collection_stats", {"collection_hash": named, **month})
    assert said.data["period"] == "2026-09-01 to 2026-09-30 (not over: counted on 2026-09-21)"
    assert "not over: counted on 2026-09-21" in content(said).decode()
    assert alone.data["note"].endswith("Days after 2026-09-21 are still to come.")


@pytest.mark.parametrize("missing", [None, "", "-", -1])
async def test_a_number_that_flipsnack_does_not_tell_is_said_to_be_unknown(
    bench: LongBench, missing: str | int | None
) -> None:
    filled(bench, 3)
    bench.answers(STATS, {"impressions": 9, "views": 5, "time_spent": 50, "downloads": missing})
    said = await reported(bench, **AUGUST, sort_by="downloads", save_as="csv")
    head, *rows, sums = table(said)
    column = head.index("downloads")
    assert said.data["totals"]["with_unknown_downloads"] == 1
    assert len(said.data["collections"]) == 2
    assert said.data["totals"]["downloads"] == sum(one["downloads"] for one in said.data["collections"])
    assert [row[column] == "" for row in rows] == [False, False, True]
    assert sums[column] == str(said.data["totals"]["downloads"])
    assert sums[-1].endswith("; downloads of 1 collection not known and in no sum")
    read = await reported(bench, report_id=said.data["report_id"], save_as="markdown")
    assert "both days counted; downloads of 1 collection not known and in no sum." in content(read).decode()


async def test_a_period_that_ends_today_is_told_as_it_is(bench: LongBench) -> None:
    filled(bench, 1)
    said = await reported(bench, start_date="2026-09-01", end_date="2026-09-21")
    assert said.data["period"] == "2026-09-01 to 2026-09-21"
