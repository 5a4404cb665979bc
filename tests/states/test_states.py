"""A state file of version 0.1.0 opens and goes on: nothing is done twice, nothing that was begun or promised is lost."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flipsnack_mcp.commands import approve, connecting, history
from flipsnack_mcp.server.consent.codes import Consents, waiting_in
from flipsnack_mcp.store.labels import labels_in
from flipsnack_mcp.store.sqlite import SqliteStore
from flipsnack_mcp.workflows.history import History, every_trail
from tests.jumps import one_write
from tests.server.bench import KEY, Said
from tests.server.destructions import assert_done, assert_refused, store_of
from tests.server.long_bench import CREATE, LIST, to_its_end
from tests.states.opened import MINUTE, Opened
from tests.virtual_clock import Machine

UPDATE, DELETE, STATS = "collection.update", "collection.deleteCollection", "collection.getStats"
GARDEN = {"file_url": "https://example.com/garden-leaflet.pdf", "title": "Garden leaflet"}
AUGUST = {"start_date": "2026-08-01", "end_date": "2026-08-31"}


def test_it_belongs_to_the_account_of_the_same_key(state: Opened) -> None:
    assert state.bench.settings.account == state.account


# --- uploads
@pytest.mark.parametrize(
    ("name", "ended", "says"),
    [
        ("upload arrived", "complete", "Kitchen brochure"),
        ("upload interrupted", "complete", "Store opening Leeds"),
        ("upload cut off", "interrupted", "no collection of it was found"),
        ("upload in line", "failed", "before anything of it was sent"),
    ],
)
async def test_an_upload_is_looked_up_and_not_sent_again(state: Opened, name: str, ended: str, says: str) -> None:
    same = sorted(state.titled(says), key=lambda one: one.created_at)
    async with state.process() as assistant:
        said = await assistant.call("get_upload", upload_id=state.ids[name], wait_seconds=30)
        said = await to_its_end(assistant, said)
    assert (len(same) > 1) == (ended == "complete")
    assert (said.data["state"], said.data.get("collection_hash")) == (ended, same[-1].hash if same else None)
    assert same or says in said.text
    assert state.carried_out(CREATE) == []


async def test_a_document_that_was_uploaded_is_not_uploaded_again(state: Opened) -> None:
    (made,) = state.titled("Garden leaflet")
    async with state.process() as assistant:
        said = await assistant.call("create_collection", GARDEN)
    assert (said.data["upload_id"], said.data["collection_hash"]) == (state.ids["upload complete"], made.hash)
    assert state.carried_out(CREATE) == []


async def test_all_uploads_of_the_day_are_listed(state: Opened) -> None:
    async with state.process() as assistant:
        said = await assistant.call("get_upload")
    kept = {number for name, number in state.ids.items() if name.startswith("upload")}
    assert {one["upload_id"] for one in said.data["uploads"]} == kept


# --- plans
async def carried_out(state: Opened, name: str, **settings: Any) -> Said:
    """What is said about a plan in the end, by an assistant that cannot ask a person."""
    async with state.process(**settings) as assistant:
        return await to_its_end(assistant, await assistant.call("update_collections", plan_id=state.ids[name]))


async def test_a_plan_is_carried_out_as_it_was_planned(state: Opened) -> None:
    meant = {one.hash: one.title.replace("2026", "26") for one in state.titled("catalogue 2026")}
    said = await carried_out(state, "plan planned")
    assert (said.data["state"], said.data["counts"]) == ("complete", {"done": 5, "unchanged": 1})
    assert {one["collectionHash"]: one["title"] for one in state.carried_out(UPDATE)} == meant


async def test_of_a_half_carried_out_plan_only_the_rest_is_sent(state: Opened) -> None:
    left = sorted(one.hash for one in state.titled("Weekly offers"))
    assert len(left) == 4
    said = await carried_out(state, "plan half")
    assert (said.data["state"], said.data["counts"]) == ("complete", {"done": 7, "unchanged": 0})
    assert sorted(one["collectionHash"] for one in state.carried_out(UPDATE)) == left
    assert len(state.titled("Offers, Week")) == 7


async def test_what_a_person_confirmed_goes_on_without_asking_again(state: Opened) -> None:
    left = sorted(one.hash for one in state.titled("Magazine") if one.status == "public")
    assert len(left) == 3
    said = await carried_out(state, "plan offline")
    assert (said.data["state"], said.data["counts"]) == ("complete", {"done": 4, "unchanged": 0})
    assert sorted((one["collectionHash"], one["collectionStatus"]) for one in state.carried_out(UPDATE)) == [
        (one, "editable") for one in left
    ]


async def test_what_a_person_confirmed_does_not_go_on_where_taking_offline_is_blocked_now(state: Opened) -> None:
    async with state.process(confirm="block") as assistant:
        said = await assistant.call("update_collections", plan_id=state.ids["plan offline"])
    assert_refused(said)
    assert state.carried_out(UPDATE) == []


# --- reports
async def reported(state: Opened, **arguments: Any) -> Said:
    """A report once it is whole."""
    async with state.process() as assistant:
        return await to_its_end(assistant, await assistant.call("report_stats", arguments))


async def test_a_report_under_way_asks_only_what_was_not_answered(state: Opened) -> None:
    names = ("Autumn", "Spring", "Winter", "Summer")
    autumn, spring, winter, summer = (state.titled(f"{one} catalogue")[0].hash for one in names)
    said = await reported(state, report_id=state.ids["report under way"])
    assert sorted(one["collectionHash"] for one in state.carried_out(STATS)) == sorted([spring, spring, winter, winter])
    assert state.carried_out(LIST) == []
    assert (said.data["state"], said.data["totals"]["collections"]) == ("complete", 5)
    assert [one["collection_hash"] for one in said.data["failed"]] == [autumn]
    rows = {one["collection_hash"]: one for one in (*said.data["collections"], *said.data["bottom"])}
    assert (rows[summer]["views"], rows[summer]["impressions"]) == (341, 347)


async def test_a_complete_report_is_told_without_asking_anything(state: Opened) -> None:
    said = await reported(state, report_id=state.ids["report complete"])
    assert state.bench.requests == []
    assert (said.data["state"], said.data["totals"]["views"]) == ("complete", 3732 + 844 + 2466)


async def test_a_complete_report_can_be_saved_as_a_page_that_says_the_day_it_was_begun(state: Opened) -> None:
    said = await reported(state, report_id=state.ids["report complete"], save_as="html")
    assert state.bench.requests == []
    assert Path(said.data["path"]).suffix == ".html"
    assert f'"made":"{datetime.fromtimestamp(state.made, UTC).date()}"' in text_of_file(said)


def text_of_file(said: Said) -> str:
    return Path(said.data["path"]).read_text(encoding="utf-8")


async def test_a_report_that_was_choosing_goes_on_in_the_next_window_of_the_list(state: Opened) -> None:
    meant = sorted(one.hash for one in state.titled("Leaflet 00") if "Leaflet 001" <= one.title <= "Leaflet 007")
    said = await reported(state, report_id=state.ids["report choosing"])
    assert [one["from"] for one in state.carried_out(LIST)] == ["100"]
    assert sorted(one["collectionHash"] for one in state.carried_out(STATS)) == meant
    assert (said.data["state"], said.data["totals"]["collections"]) == ("complete", len(meant))


async def test_answers_about_days_that_are_over_serve_a_new_report(state: Opened) -> None:
    said = await reported(state, only_status="unlisted", **AUGUST)
    assert state.carried_out(STATS) == []
    assert said.data["totals"]["views"] == 3732 + 844 + 2466


@pytest.mark.parametrize(("title", "looks"), [("Summer catalogue 2026", 0), ("Press kit", 1)], ids=["fresh", "stale"])
async def test_a_title_is_known_as_long_as_nothing_was_changed_since(state: Opened, title: str, looks: int) -> None:
    oldest = min(state.titled(title), key=lambda one: one.created_at)
    said = await reported(state, collections=[oldest.hash], **AUGUST)
    assert len(state.carried_out(LIST)) == looks
    assert [one["title"] for one in said.data["collections"]] == [title]


# --- confirmations
@pytest.mark.parametrize(
    ("code", "target", "way"), [("code waiting", "to be confirmed", "ask"), ("code approved", "approved", "approve")]
)
async def test_a_code_is_good_for_its_deletion_and_once(state: Opened, code: str, target: str, way: str) -> None:
    arguments = {"collection_hash": state.ids[target], "confirmation": state.ids[code]}
    async with state.process(confirm=way) as assistant:
        other = await assistant.call("delete_collection", {**arguments, "confirmation": "AAAAAAAA"})
        said = await assistant.call("delete_collection", arguments)
    assert_refused(other)
    assert_done(said)
    assert [one["collectionHash"] for one in state.carried_out(DELETE)] == [state.ids[target]]


@pytest.mark.parametrize(
    ("confirm", "target", "code", "says"),
    [
        pytest.param("ask", "approved", "code waiting", "", id="a code is good for nothing else"),
        pytest.param("approve", "to be confirmed", "code waiting", "Nobody has approved it yet", id="not approved"),
        pytest.param("ask", "closed", None, "A person said no to this", id="a person said no"),
    ],
)
async def test_no_other_code_deletes(state: Opened, confirm: str, target: str, code: str | None, says: str) -> None:
    arguments = {"collection_hash": state.ids[target], **({"confirmation": state.ids[code]} if code else {})}
    async with state.process(confirm=confirm) as assistant:
        said = await assistant.call("delete_collection", arguments)
    assert_refused(said)
    assert says in said.text
    assert state.carried_out(DELETE) == []


def test_the_terminal_lists_the_code_that_waits(
    state: Opened, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(connecting, "remember", lambda _: state.in_a_terminal)
    assert approve.approve(state.bench.settings, None) == 0
    told = capsys.readouterr().out
    assert f"{state.ids['code waiting']}  unnamed  " in told
    assert "Price list for partners 2026" in told
    assert state.ids["code approved"] not in told


async def test_an_answer_that_was_used_counts_no_second_time(state: Opened) -> None:
    consents = Consents(store_of(state.bench), state.account)
    assert not await consents.first_use(state.ids["answer used"])
    assert await consents.first_use("another")
    await consents.store.close()


async def test_deletions_of_the_last_hour_still_count(state: Opened) -> None:
    arguments = {"collection_hash": state.ids["to be confirmed"], "confirmation": state.ids["code waiting"]}
    async with state.process(max_deletes_per_hour=2) as assistant:
        refused = await assistant.call("delete_collection", arguments)
    async with state.process(max_deletes_per_hour=3) as assistant:
        said = await assistant.call("delete_collection", arguments)
    assert refused.is_error
    assert "2 deletions in an hour" in refused.text
    assert_done(said)
    assert len(state.carried_out(DELETE)) == 1


# --- history
@pytest.fixture
def trail(state: Opened, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """What `flipsnack-mcp history --json` prints, with --verify or without."""
    monkeypatch.setattr(connecting, "remember", lambda _: state.in_a_terminal)

    def printed(*, verify: bool, code: int = 0) -> Any:
        assert history.history(state.bench.settings, as_json=True, verify=verify) == code
        return json.loads(capsys.readouterr().out)

    return printed


def test_the_history_says_how_things_were_and_a_changed_entry_is_noticed(state: Opened, trail: Any) -> None:
    assert trail(verify=True) == {"ok": True, "entries": 20, "wrong": ""}
    entries = trail(verify=False)
    assert [one["number"] for one in entries] == list(range(1, 21))
    assert {(one["account"], one["label"]) for one in entries} == {(state.account, "unnamed")}
    saved = [one["before"]["title"] for one in entries if one["before"]]
    assert (saved[:3], len(saved)) == (["Annual report 2025", "Delivery notes scan", ""], 7)
    state.edit("UPDATE records SET body = replace(body, 'Delivery', 'delivery') WHERE kind = 'history'")
    assert "entry 3 was altered" in trail(verify=True, code=1)["wrong"]


async def test_the_history_is_gone_on_with_and_its_account_has_a_label_then(state: Opened) -> None:
    await carried_out(state, "plan half")
    store = store_of(state.bench)
    (trail,) = await every_trail(store)
    assert (trail.account, trail.wrong) == (state.account, "")
    assert len(trail.events) > 20
    assert await store.transact(labels_in) == {state.account: f"key ending {KEY[-4:]}"}
    await store.close()


@pytest.mark.parametrize("days", [30.0, 100.0, 400.0, 4000.0, -30.0, -100.0, -400.0])
async def test_a_wrong_clock_at_its_first_opening_takes_nothing_from_it(state: Opened, days: float) -> None:
    """The time of the store begins with the latest time in the records, and not with what stands on the wall."""
    machine = Machine(state.made + MINUTE)
    machine.set_clock(days)
    store = SqliteStore(state.bench.folder / "state.sqlite", machine)
    await one_write(store)
    machine.set_clock(-days)
    machine.run(MINUTE)
    await one_write(store)
    trail = History(store, state.account)
    assert await trail.verified() == ""
    assert len(await trail.events()) == 20
    every = await store.transact(lambda records: [len(records.all(kind)) for kind in ("upload", "plan")])
    assert all(every)
    assert await store.transact(waiting_in) == {}
    await store.close()
