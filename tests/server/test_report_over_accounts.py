"""report_stats over all accounts: as fast as over one, each row naming its own, and what cannot be asked named with why."""

import csv
import io
import re
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest

from flipsnack_mcp.sandbox.faults import Fault
from flipsnack_mcp.server.toolsets import menu
from flipsnack_mcp.store.records import Records, Store, T
from flipsnack_mcp.store.sqlite import MemoryStore, SqliteStore
from tests.samples_of import TOOLS, expected_tool
from tests.server.bench import Assistant, Bench, Given, Said
from tests.server.long_bench import assert_told_in_four_parts, named_call, to_its_end
from tests.server.several import NAMES, SeveralBench, key_of, secret_of, with_accounts
from tests.server.typical import typical

TOOL, STATS, LIST = "report_stats", "collection.getStats", "collection.getList"
AUGUST = {"start_date": "2026-08-01", "end_date": "2026-08-31"}
ALL: Given = {"account": "*", **AUGUST}
DAY = 86_400
FIGURES = ("impressions", "views", "time_spent", "downloads")
pytestmark = pytest.mark.parametrize("mode", ["auto"])


def filled(several: SeveralBench, count: int = 4) -> SeveralBench:
    """Accounts of so many collections each, with the same hashes and numbers of their own."""
    for name, sandbox in several.sandboxes.items():
        sandbox.account.collections.clear()
        for n in range(count):
            made = sandbox.account.add(title=f"Offer {n:03} of {name}", created_at=several.clock() - 90 * DAY - n)
            made.visits_key = f"{name} {n}"
    return several


@pytest.fixture
def group(several: SeveralBench) -> SeveralBench:
    return filled(several)


async def reported(assistant: Assistant, **arguments: Any) -> Said:
    return await to_its_end(assistant, await assistant.call(TOOL, {**ALL, **arguments}))


async def report(several: SeveralBench, **arguments: Any) -> Said:
    async with several.assistant() as assistant:
        return await reported(assistant, **arguments)


def rows(said: Said) -> dict[str, dict[str, Any]]:
    """What is said of each account."""
    return {one["account"]: one for one in said.data["accounts"]}


def states(said: Said) -> dict[str, str]:
    return {name: row["state"] for name, row in rows(said).items()}


def table(said: Said) -> list[list[str]]:
    """The cells of the saved CSV file."""
    return list(csv.reader(io.StringIO(content(said), newline="")))


def content(said: Said) -> str:
    return Path(said.data["path"]).read_bytes().decode("utf-8-sig")


def asked(several: SeveralBench) -> dict[str, int]:
    """How many questions about a collection each account got."""
    return {name: actions.count(STATS) for name, actions in several.asked.items()}


# --- what it says
async def test_rows_name_their_account_and_totals_are_those_of_each_and_of_all(group: SeveralBench) -> None:
    async with group.assistant() as assistant:
        said = await reported(assistant, top=10)
        alone = {name: await reported(assistant, account=name, top=10) for name in NAMES}
    row_of_account, totals = rows(said), said.data["totals"]
    assert (list(row_of_account), said.data["state"]) == (list(NAMES), "complete")
    for name, one in alone.items():
        assert row_of_account[name].items() >= one.data["totals"].items()
        assert {row["views"] for row in row_of_account.values() if row["account"] != name} != {0}
    for figure in (*FIGURES, "collections", "without_views"):
        assert totals[figure] == sum(row[figure] for row in row_of_account.values())
    assert totals["average_time"] == round(totals["time_spent"] / totals["views"], 1)
    assert (totals["accounts"], "accounts_failed" in totals) == (3, False)
    best = [*said.data["collections"], *said.data["bottom"]]
    assert len(best) == 12
    assert all(row["title"].endswith(f"of {row['account']}") for row in best)
    views = [row["views"] for row in said.data["collections"]]
    assert views == sorted(views, reverse=True)
    assert "account" not in said.data, "it is about none more than about another"
    assert "[account" not in said.text
    assert {one.code for sandbox in group.sandboxes.values() for one in sandbox.requests} == {20}, (
        "each with its own key"
    )
    assert asked(group) == dict.fromkeys(NAMES, 4)


async def test_a_report_over_three_accounts_takes_as_long_as_over_one(several: SeveralBench) -> None:
    async def timed(assistant: Assistant, account: str) -> tuple[float, int]:
        began = anyio.current_time()
        said = await reported(assistant, account=account, start_date="2026-09-01", end_date="2026-09-20")
        return anyio.current_time() - began, said.data["totals"]["collections"]

    async with filled(several, 20).assistant() as assistant:
        one, counted = await timed(assistant, "de")
        await anyio.sleep(120)
        three, counted_in_all = await timed(assistant, "*")
    assert (counted, counted_in_all) == (20, 60)
    assert asked(several) == {"de": 40, "fr": 20, "uk": 20}
    assert three == pytest.approx(one, abs=0.6)


class OneAfterTheOther:
    """A store that many accounts keep busy: each transaction waits for those before it."""

    def __init__(self, inner: Store) -> None:
        self.shared, self.close, self._inner, self._turn = inner.shared, inner.close, inner, anyio.Lock()

    async def transact(self, work: Callable[[Records], T]) -> T:
        async with self._turn:
            await anyio.sleep(0.02)
            return await self._inner.transact(work)


async def test_many_accounts_are_looked_at_at_once_where_the_store_is_busy(bench: Bench) -> None:
    """The call is over soon after what it was asked to wait, though every look waits for a hundred answers to be kept."""
    several = filled(with_accounts(bench, tuple(f"shop{n}" for n in range(40))), 12)
    server = several.server(OneAfterTheOther(MemoryStore(several.clock)))
    async with several.assistant(server=server) as assistant:
        said = await assistant.call(TOOL, **ALL, wait_seconds=5)
    assert (said.is_error, len(said.data["accounts"])) == (False, 40)
    assert said.seconds < 15


async def test_progress_is_that_of_all_and_the_slowest_says_for_how_long(several: SeveralBench) -> None:
    filled(several, 30)
    for one in list(several.sandboxes["fr"].account.collections)[10:]:
        several.sandboxes["fr"].account.delete(one)
    async with several.assistant() as assistant:
        first = await assistant.call(TOOL, **ALL, wait_seconds=15)
        last = await to_its_end(assistant, first)
    done, total, left = first.data["progress"].values()
    each = {name: row["done"] for name, row in rows(first).items()}
    assert first.data.keys() == {"report_id", "state", "progress", "accounts", "next_step"}
    assert (first.data["state"], total) == ("running", 70)
    assert states(first) == {"de": "running", "fr": "complete", "uk": "running"}
    assert all(row.keys() <= {"account", "state", "done", "total", "seconds_left"} for row in rows(first).values())
    assert done == sum(each.values())
    assert 30 - each["de"] <= left <= 1.1 * (30 - each["de"]) + 2, "those of one account, not of all"
    numbers = [number for number, _ in first.progress]
    assert numbers == sorted(set(numbers))
    assert first.progress[-1][1].startswith("report: ")
    assert "in 3 accounts" in first.progress[-1][1]
    assert named_call(first) == (TOOL, {"report_id": first.data["report_id"], "account": "*"})
    assert "progress" not in last.data
    assert asked(several) == {"de": 30, "fr": 10, "uk": 30}


async def test_stop_work_stops_a_report_over_all_in_every_account(several: SeveralBench) -> None:
    async with filled(several, 30).assistant() as assistant:
        first = await assistant.call(TOOL, **ALL, wait_seconds=5)
        work = {"work_id": first.data["report_id"]}
        of_one = await assistant.call("stop_work", {**work, "account": "fr"})
        going_on = asked(several)
        said = await assistant.call("stop_work", {**work, "account": "*"})
        several.forget()
        await anyio.sleep(100)
        later = await assistant.call(TOOL, report_id=first.data["report_id"], account="*")
        twice = await assistant.call("stop_work", {**work, "account": "*"})
    assert f'Call stop_work(work_id="{work["work_id"]}", account="*").' in of_one.text
    assert all(count < 30 for count in going_on.values())
    assert said.data.items() >= {**work, "kind": "report", "state": "stopped"}.items()
    assert several.asked == {}
    assert (later.data["state"], states(later)) == ("stopped", dict.fromkeys(NAMES, "stopped"))
    done = sum(row["done"] for row in rows(later).values())
    assert later.data["progress"] == {"done": done, "total": 30 * len(NAMES)}
    assert all(row.keys() == {"account", "state", "done", "total"} for row in rows(later).values())
    assert_told_in_four_parts(twice, "No work is under way under that id")


async def test_conditions_order_and_comparison_hold_for_all(several: SeveralBench) -> None:
    for sandbox in filled(several, 6).sandboxes.values():
        first, *_, last = sandbox.account.collections.values()
        first.status, last.created_at, last.title = "unlisted", several.clock() - 100 * DAY, "Magazine"
    chosen = {"query": "offer", "only_status": "public", "created_after": "2026-06-20", "compare": True}
    said = await report(several, **chosen, sort_by="downloads", top=1)
    (best,) = said.data["collections"]
    totals = said.data["totals"]
    assert {name: row["collections"] for name, row in rows(said).items()} == dict.fromkeys(NAMES, 4)
    assert totals["collections"] == 12
    assert totals["previous_views"] == sum(row["previous_views"] for row in rows(said).values())
    growth = 100 * (totals["views"] - totals["previous_views"]) / totals["previous_views"]
    assert said.data["change"]["views"] == round(growth, 1)
    assert best["downloads"] >= max(row["downloads"] for row in said.data["bottom"])
    assert len(said.data["bottom"]) == 1
    moved = [*said.data["winners"], *said.data["losers"]]
    assert moved
    assert all(row["account"] in NAMES and row["change"].keys() == {"downloads"} for row in moved)


async def test_what_was_not_read_or_counted_is_told_with_its_account(group: SeveralBench) -> None:
    unread, draft, *_ = group.sandboxes["fr"].account.collections.values()
    unread.unread, draft.status, draft.published_at = True, "editable", None
    group.sandboxes["uk"].add_fault(Fault("code", STATS, code=43, message="Forbidden"))
    said = await report(group)
    (failed,) = said.data["failed"]
    for name, one in (("unread", unread), ("drafts", draft)):
        assert said.data[name] == [{"account": "fr", "collection_hash": one.hash, "title": one.title}]
    assert (failed["account"], failed["title"][-5:], failed["reason"][:8]) == ("uk", "of uk", "deleted,")
    assert states(said) == dict.fromkeys(NAMES, "complete")


# --- accounts that cannot be asked
REFUSALS: dict[str, tuple[Fault, str]] = {
    "a wrong key": (Fault("code", None, code=41, message="Invalid key", times=0), "code 41"),
    "no list": (Fault("maintenance", LIST, times=0), "code 22"),
    "answers nobody can read": (Fault("garbled", STATS, times=0), "answer"),
}


@pytest.mark.parametrize("why", REFUSALS)
async def test_an_account_that_cannot_be_asked_holds_up_no_other(group: SeveralBench, why: str) -> None:
    fault, reason = REFUSALS[why]
    group.sandboxes["fr"].add_fault(fault)
    async with group.assistant() as assistant:
        said = await reported_as_far_as_it_goes(assistant, save_as="csv")
        group.sandboxes["fr"].clear_faults()
        assert f'report_stats(report_id="{said.data["report_id"]}", account="*")' in said.data["next_step"]
        mended = await reported(assistant, report_id=said.data["report_id"])
    assert (said.data["state"], states(said)) == ("failed", {"de": "complete", "fr": "failed", "uk": "complete"})
    assert reason in rows(said)["fr"]["failed"]
    assert rows(said)["fr"].keys() == {"account", "state", "failed"}, "no zeros where nothing is known"
    totals = said.data["totals"]
    assert (totals["accounts"], totals["accounts_failed"], totals["collections"]) == (2, 1, 8)
    assert "fr: " in said.data["next_step"]
    assert ["fr", f"not asked: {rows(said)['fr']['failed']}"] in [[row[0], row[-1]] for row in table(said)]
    assert (mended.data["state"], mended.data["totals"]["collections"]) == ("complete", 12)
    assert mended.data["report_id"] == said.data["report_id"]
    assert [row[-1] for row in table(mended)[1:-1]] == [""] * 12, "saved anew"
    assert {name: asked(group)[name] for name in ("de", "uk")} == {"de": 4, "uk": 4}, "what is known is not asked again"


async def reported_as_far_as_it_goes(assistant: Assistant, **arguments: Any) -> Said:
    """Until nobody works on it any more."""
    said = await assistant.call(TOOL, {**ALL, **arguments, "wait_seconds": 45})
    for _ in range(10):
        if said.is_error or said.data["state"] != "running":
            return said
        said = await assistant.call(*named_call(said))
    raise AssertionError(said.text)


async def test_nobody_waits_for_an_account_that_has_given_up(several: SeveralBench) -> None:
    filled(several, 20).sandboxes["fr"].add_fault(Fault("code", None, code=41, message="Invalid key", times=0))
    said = await several.send(TOOL, {**ALL, "wait_seconds": 12})
    assert re.fullmatch(r"report: \d+ of 40 collections in 2 accounts, about \d+ s left", said.progress[-1][1])
    assert said.data["progress"]["total"] == 40
    assert said.data["state"] == "running"


async def test_an_account_that_may_not_be_asked_any_more_is_not(several: SeveralBench) -> None:
    store = MemoryStore(filled(several, 20).clock)
    async with several.assistant(server=several.server(store)) as assistant:
        first = await assistant.call(TOOL, **ALL, wait_seconds=3)
    several.own, before = {"uk": {"toolsets": frozenset({"legacy"})}}, asked(several)["uk"]
    async with several.assistant(server=several.server(store)) as assistant:
        said = await reported_as_far_as_it_goes(assistant, report_id=first.data["report_id"])
    assert states(said) == {"de": "complete", "fr": "complete", "uk": "failed"}
    assert "has no `report_stats`" in rows(said)["uk"]["failed"]
    assert 0 < rows(said)["uk"]["collections"] <= before == asked(several)["uk"], "what was gathered counts"


UNSET: dict[str, tuple[Given, str]] = {
    "no key": ({"api_key": "", "api_secret": ""}, "key and secret are not set"),
    "a setting that is wrong": ({"problems": ("FLIPSNACK_API_URL is no https address.",)}, "is no https address"),
    "not among its tools": ({"toolsets": frozenset({"legacy"})}, "has no `report_stats`"),
}


@pytest.mark.parametrize("why", UNSET)
async def test_an_account_that_is_not_set_up_is_named_with_what_is_missing(bench: Bench, why: str) -> None:
    own, reason = UNSET[why]
    group = filled(with_accounts(bench, own={"fr": own}))
    async with group.assistant() as assistant:
        said = await reported_as_far_as_it_goes(assistant)
        again = await assistant.call(TOOL, account="*", report_id=said.data["report_id"])
    assert (said.data["state"], states(said)) == ("failed", {"de": "complete", "fr": "failed", "uk": "complete"})
    assert list(rows(said)) == list(NAMES), "in their order"
    assert reason in rows(said)["fr"]["failed"]
    assert (said.data["totals"]["accounts"], said.data["totals"]["accounts_failed"]) == (2, 1)
    assert "fr" in said.data["next_step"]
    assert again.data == said.data
    assert "fr" not in group.asked


@pytest.mark.parametrize("own", [{"problems": ("It is wrong.",)}, {}], ids=["not set up", "refused"])
async def test_where_no_account_can_be_asked_the_call_fails_and_says_why_for_each(bench: Bench, own: Given) -> None:
    group = filled(with_accounts(bench, own=dict.fromkeys(NAMES, own)))
    for sandbox in group.sandboxes.values():
        sandbox.add_fault(Fault("code", STATS, code=41, message="Invalid key", times=0))
    said = await group.send(TOOL, {**ALL, "wait_seconds": 45})
    assert_told_in_four_parts(said, "No account could be asked.", *(f"{name}: " for name in NAMES))


async def test_an_imitation_among_real_accounts_is_marked(bench: Bench) -> None:
    group = filled(with_accounts(bench, own={"uk": {"sandbox": True}}))
    said = await report(group)
    assert {name for name, row in rows(said).items() if row.get("sandbox")} == {"uk"}
    assert "[sandbox]" not in said.text


# --- going on with it
@pytest.mark.parametrize("restarted", [True, False], ids=["after a restart", "in another process"])
async def test_it_is_gone_on_with_in_each_account_by_its_id(
    several: SeveralBench, tmp_path: Path, *, restarted: bool
) -> None:
    filled(several, 10)
    async with AsyncExitStack() as living:

        async def server() -> Assistant:
            store = SqliteStore(tmp_path / "state.sqlite", several.clock)
            return await living.enter_async_context(several.assistant(server=several.server(store)))

        first = await (await server()).call(TOOL, **ALL, wait_seconds=5)
        if restarted:
            await living.aclose()
        other = await server()
        last = await to_its_end(other, await other.call(*named_call(first)))
    assert (last.data["report_id"], last.data["totals"]["collections"]) == (first.data["report_id"], 30)
    assert all(10 <= count <= 13 for count in asked(several).values()), "but for what was on its way nothing twice"


async def test_a_report_of_one_account_is_none_of_all_and_the_other_way_round(group: SeveralBench) -> None:
    async with group.assistant() as assistant:
        one, all_of_them = await reported(assistant, account="fr"), await reported(assistant)
        as_all = await assistant.call(TOOL, account="*", report_id=one.data["report_id"])
        as_one = [await assistant.call(TOOL, account=name, report_id=all_of_them.data["report_id"]) for name in NAMES]
        unknown = await assistant.call(TOOL, account="*", report_id="nothing7")
    assert_told_in_four_parts(as_all, 'of the account "fr" alone', f'report_id="{one.data["report_id"]}", account="fr"')
    for said in as_one:
        assert_told_in_four_parts(said, "of all accounts", f'report_id="{all_of_them.data["report_id"]}", account="*"')
    assert_told_in_four_parts(unknown, "There is no such report")


async def test_it_may_be_told_in_another_way_but_not_be_about_something_else(group: SeveralBench) -> None:
    async with group.assistant() as assistant:
        first = await reported(assistant)
        before = asked(group)
        other = await reported(assistant, report_id=first.data["report_id"], sort_by="downloads", top=1)
        wrong = await assistant.call(TOOL, account="*", report_id=first.data["report_id"], compare=True)
    assert len(other.data["collections"]) == 1
    assert asked(group) == before
    assert_told_in_four_parts(wrong, "begun with another compare")


async def test_where_nothing_of_any_account_fits_it_says_what_to_do(group: SeveralBench) -> None:
    async with group.assistant() as assistant:
        said = await assistant.call(TOOL, {**ALL, "query": "nowhere", "wait_seconds": 45})
    assert (said.data["state"], said.data["totals"]["collections"]) == ("complete", 0)
    assert "None fits what was given: all words of query have to stand in a title." in said.data["next_step"]


async def test_a_report_over_accounts_that_a_server_has_no_more_is_not_shown_in_part(group: SeveralBench) -> None:
    store = MemoryStore(group.clock)
    async with group.assistant(server=group.server(store)) as assistant:
        first = await reported(assistant)
    del group.sandboxes["uk"]
    async with group.assistant(server=group.server(store)) as assistant:
        said = await assistant.call(TOOL, account="*", report_id=first.data["report_id"])
    assert_told_in_four_parts(said, "other accounts than this server has now")


async def test_it_is_forgotten_after_a_day(group: SeveralBench) -> None:
    async with group.assistant() as assistant:
        first = await reported(assistant)
        group.clock.advance(DAY + 1)
        said = await assistant.call(TOOL, account="*", report_id=first.data["report_id"])
    assert_told_in_four_parts(said, "There is no such report")


# --- the file
async def test_one_file_holds_the_collections_of_all_with_their_account_and_is_saved_once(bench: Bench) -> None:
    own = {name: {"download_dir": bench.folder / name} for name in NAMES}
    group = filled(with_accounts(bench, own=own))
    async with group.assistant() as assistant:
        said = await reported(assistant, save_as="csv")
        again = await assistant.call(TOOL, account="*", report_id=said.data["report_id"])
        as_text = await assistant.call(TOOL, account="*", report_id=said.data["report_id"], save_as="markdown")
    head, *cells, sums = table(said)
    path = Path(said.data["path"])
    assert head[:3] == ["account", "collection_hash", "title"]
    assert [row[2].endswith(f"of {row[0]}") for row in cells] == [True] * 12
    views = [int(row[head.index("views")]) for row in cells]
    assert (views, sum(views)) == (sorted(views, reverse=True), said.data["totals"]["views"])
    assert sums[head.index("views")] == str(sum(views))
    assert path == bench.folder / "de" / "Flipsnack report 2026-08-01 to 2026-08-31, all accounts.csv"
    assert again.data["path"] == said.data["path"]
    assert {one.name for one in path.parent.iterdir()} == {path.name, Path(as_text.data["path"]).name}
    assert not any((bench.folder / name).exists() for name in NAMES[1:])
    lines = content(as_text).splitlines()
    assert any(one.startswith("| account | title | status |") for one in lines)
    assert sum(one.startswith(("| de |", "| fr |", "| uk |")) for one in lines) == 12


async def test_a_file_that_cannot_be_written_is_told_with_the_call_that_goes_on(group: SeveralBench) -> None:
    (group.folder / "downloads").write_text("no folder")
    async with group.assistant() as assistant:
        said = await reported_as_far_as_it_goes(assistant, save_as="csv")
        (group.folder / "downloads").unlink()
        found = re.search(r'report_stats\(report_id="(\w+)", account="\*"\)', said.text)
        assert found, said.text
        again = await assistant.call(TOOL, account="*", report_id=found[1])
    assert_told_in_four_parts(said, "FLIPSNACK_DOWNLOAD_DIR")
    assert again.data["path"]


# --- named collections
Link = Callable[[SeveralBench, str, int], str]
LINKS: dict[str, Link] = {
    "what a player's link carries": lambda group, name, n: group.player(name, f"Offer {n:03} of {name}"),
    "a player's link": lambda group, name, n: (
        f"https://player.flipsnack.com?hash={group.player(name, f'Offer {n:03} of {name}')}"
    ),
}


@pytest.mark.parametrize("link", LINKS)
async def test_each_linked_collection_is_asked_where_its_link_says(group: SeveralBench, link: str) -> None:
    named = [LINKS[link](group, name, n) for name, n in (("de", 0), ("de", 1), ("fr", 0))]
    said = await report(group, collections=named)
    titles = {row["title"] for row in said.data["collections"]}
    assert titles == {"Offer 000 of de", "Offer 001 of de", "Offer 000 of fr"}
    assert list(rows(said)) == ["de", "fr"], "the third has nothing to do with it"
    assert said.data["state"] == "complete"
    assert asked(group) == {"de": 2, "fr": 1, "uk": 0}


async def test_a_link_leaves_out_what_it_says_of_its_own_account_alone_and_a_hash_leaves_out_any(
    several: SeveralBench,
) -> None:
    """All three have the same hashes."""
    week, everywhere = several.player("fr"), several.collection("Weekly offers, Week 37").hash
    counted, days = {"de": 7, "fr": 7, "uk": 7}, {"start_date": "2026-09-01", "end_date": "2026-09-20"}
    every = {"query": "Weekly offers", "only_status": ["public", "unlisted", "editable"], **days}
    async with several.assistant() as assistant:
        for excluded, less in (
            ([week], {"fr": 6}),
            ([everywhere], dict.fromkeys(NAMES, 6)),
            ([week, everywhere], {}),
        ):
            said = await reported(assistant, exclude=excluded, **every)
            expected = {**counted, **less} if less else {"de": 6, "fr": 5, "uk": 6}
            assert {name: row["collections"] for name, row in rows(said).items()} == expected
        pasted = [week, several.player("uk")]
        named = await reported(assistant, collections=pasted, exclude=pasted[1:], **days)
    assert {name: row["collections"] for name, row in rows(named).items()} == {"fr": 1, "uk": 0}


async def test_a_hash_alone_and_a_link_of_nobodys_are_refused_before_a_report_is_begun(group: SeveralBench) -> None:
    mine, theirs = group.player("de", "Offer 000 of de"), group.player("fr", "Offer 001 of fr", number="5AB0C5E7FFF")
    _, other, *_ = group.sandboxes["uk"].account.collections
    async with group.assistant() as assistant:
        for named in ([other, mine], [mine, theirs], other):
            said = await assistant.call(TOOL, {**ALL, "collections": named})
            assert_told_in_four_parts(said, f"It cannot be told whose these collections are: {other}.", 'account="..."')
    assert asked(group) == dict.fromkeys(NAMES, 0)


async def test_a_hash_whose_number_two_accounts_have_is_nobodys(group: SeveralBench) -> None:
    for sandbox in group.sandboxes.values():
        sandbox.account.account_id = "5AB0C5E7DE1"
    said = await group.send(TOOL, {**ALL, "collections": [group.player("fr", "Offer 000 of fr")]})
    assert_told_in_four_parts(said, "It cannot be told whose")


# --- what else
def test_only_a_server_with_several_accounts_lists_what_an_answer_over_all_may_hold(several: SeveralBench) -> None:
    one, many = menu(several.account(several.settings, "de")), menu(several.settings)
    schema, plain = (dict(tools[TOOL].output_schema or {}) for tools in (many, one))
    assert "accounts" in schema["properties"]
    added = {"accounts": schema["properties"]["accounts"]}
    assert schema == {**plain, "properties": {**plain["properties"], **added}}
    assert plain["properties"]["state"]["enum"] == ["running", "complete", "stopped", "failed"]
    assert [name for name in one if name != TOOL and many[name].output_schema != one[name].output_schema] == []


async def test_every_other_tool_takes_one_account_at_a_time(several: SeveralBench) -> None:
    said, refusal = dict[str, str](), "Only report_stats takes all accounts at once. Nothing was changed. "
    stopping = 'With account="*" a report over all accounts is stopped, and none goes by that id: name the account '
    async with several.assistant() as assistant:
        for of in TOOLS:
            answer = await assistant.call(expected_tool(of).name, {**typical(of, several), "account": "*"})
            said[of] = answer.text if answer.is_error else ""
            assert several.asked == {} or of == TOOL, of
            several.forget()
    assert [of for of, text in said.items() if not text.startswith(refusal)] == [TOOL, "stop_work"]
    assert said["stop_work"].startswith(stopping)
    assert "Nothing was changed." in said["stop_work"]


async def test_no_secret_of_any_account_is_in_what_is_said_and_saved(group: SeveralBench) -> None:
    for name in NAMES:
        collection = next(iter(group.sandboxes[name].account.collections.values()))
        collection.title = f"{key_of('uk')} {secret_of('de')} {name}"
    group.sandboxes["fr"].add_fault(Fault("code", LIST, code=41, message=f"key {key_of('fr')}", times=0))
    async with group.assistant() as assistant:
        said = await reported_as_far_as_it_goes(assistant, save_as="csv")
    text = said.text + content(said)
    assert [one for one in NAMES if key_of(one) in text or secret_of(one) in text] == []
    assert "***" in text
