"""create_collection and get_upload: an upload outlives its call, and is never made twice by itself."""

import re
from typing import Any

import anyio
import pytest

from flipsnack_mcp.commands.connecting import remember
from flipsnack_mcp.files.lookahead import LookAhead
from flipsnack_mcp.sandbox import Pace, Sandbox
from flipsnack_mcp.server.dispatch import UNEXPECTED
from flipsnack_mcp.server.tools import uploads
from flipsnack_mcp.settings import read_settings
from flipsnack_mcp.store.unusable import StoreUnusable
from flipsnack_mcp.workflows.uploads.reconciling import NOT_FOUND
from flipsnack_mcp.workflows.uploads.sending import STOPPED
from tests.server.bench import KEY, PDF, SECRET, Assistant, LoopClock, Mode, Witness
from tests.server.long_bench import (
    CREATE,
    GET,
    LIST,
    LongBench,
    given_up,
    has_four_parts,
    named_call,
    to_its_end,
)
from tests.workflows.running import Fragile

DAY = 24 * 3600


@pytest.fixture
def sandbox(clock: LoopClock) -> Sandbox:
    """A Flipsnack that takes a minute for everything."""
    pace = Pace(calls_per_second=0, calls_per_minute=0, conversion_seconds=60, package_seconds=60)
    return Sandbox(api_key=KEY, api_secret=SECRET, clock=clock, pace=pace)


@pytest.fixture
def bench(sandbox: Sandbox, clock: LoopClock, witness: Witness, mode: Mode, tmp_path: Any) -> LongBench:
    return LongBench(sandbox, clock, witness, mode, tmp_path)


@pytest.fixture(autouse=True)
def no_look_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """It starts a process of its own, and has its own tests."""

    async def nothing(_: object) -> LookAhead:
        return LookAhead(None, ())

    monkeypatch.setattr(uploads, "look_ahead", nothing)


def offers(bench: LongBench, **more: Any) -> dict[str, Any]:
    return {"file_path": bench.large(), "title": "Brand new", **more}


# In the background


async def test_waiting_for_nothing_answers_at_once_and_the_next_calls_go_on_to_the_end(bench: LongBench) -> None:
    bench.road.upload_seconds = 10
    async with bench.assistant() as assistant:
        first = await assistant.call("create_collection", offers(bench, status="public"), wait_seconds=0)
        tool, arguments = named_call(first)
        second = await assistant.call(tool, {**arguments, "wait_seconds": 25})
        third = await assistant.call(tool, {**arguments, "wait_seconds": 45})
        last = await to_its_end(assistant, third)

    assert first.seconds < 1
    assert first.data["state"] == "uploading"
    assert (tool, arguments) == ("get_upload", {"upload_id": first.data["upload_id"], "wait_seconds": 30})
    assert second.data["state"] == "uploading"
    assert re.fullmatch(r"[\d.]+ KB of [\d.]+ KB, \d+ %, [\d.]+ [KM]B/s", second.data["progress"])
    assert [message for _, message in second.progress if re.fullmatch(r"upload: .* KB of .* KB, \d+ %", message)]
    assert third.data["state"] == "converting"
    assert [message for _, message in third.progress if message.startswith("conversion: processing")]
    assert third.data["collection_hash"] in bench.sandbox.account.collections
    assert last.data["state"] == "complete"
    assert last.data["collection_hash"] == third.data["collection_hash"]
    assert last.data["direct_link"].endswith(f"{last.data['collection_hash']}.html")
    assert bench.created == 1
    for said in (first, second, third, last):
        numbers = [number for number, _ in said.progress]
        assert numbers == sorted(set(numbers))


async def test_progress_of_bytes_and_conversion_is_told_in_create_collection_itself(bench: LongBench) -> None:
    bench.road.upload_seconds = 2
    async with bench.assistant() as assistant:
        said = await assistant.call("create_collection", offers(bench), wait_seconds=40)

    messages = [message for _, message in said.progress]
    assert [one for one in messages if one.startswith("upload: ")]
    assert [one for one in messages if one.startswith("conversion: processing")]
    assert said.data["state"] == "converting"
    assert said.data["states"]


@pytest.mark.parametrize("seconds", [0, 3, 20, 45])
async def test_a_wait_lasts_as_long_as_asked_and_no_longer(bench: LongBench, seconds: int) -> None:
    bench.road.upload_seconds = 10
    async with bench.assistant() as assistant:
        first = await assistant.call("create_collection", offers(bench), wait_seconds=seconds)
        second = await assistant.call("get_upload", upload_id=first.data["upload_id"], wait_seconds=seconds)

    for said in (first, second):
        assert seconds - 1.5 <= said.seconds <= min(seconds + 1.5, 45)


async def test_a_client_that_gives_up_gets_its_result_by_repeating_the_same_call(bench: LongBench) -> None:
    arguments = offers(bench, status="public", wait_seconds=45)
    async with bench.assistant() as assistant:
        await given_up(assistant, "create_collection", arguments)
        for _ in range(4):
            await given_up(assistant, "create_collection", arguments)
        await anyio.sleep(15)
        said = await assistant.call("create_collection", arguments)

    assert not said.is_error, said.text
    assert said.data["state"] == "complete"
    assert said.data["direct_link"]
    assert bench.created == bench.attempts == 1


async def test_a_client_that_gives_up_without_saying_so_gets_its_result_as_well(bench: LongBench) -> None:
    arguments = offers(bench, wait_seconds=45)
    answers = []
    async with bench.assistant() as assistant, anyio.create_task_group() as group:

        async def call() -> None:
            answers.append(await assistant.call("create_collection", arguments))

        for _ in range(8):
            group.start_soon(call)
            await anyio.sleep(10)

    assert answers[-1].data["state"] == "complete"
    assert len({one.data["upload_id"] for one in answers}) == 1
    assert bench.created == bench.attempts == 1


async def test_a_call_that_is_cancelled_during_the_upload_stops_the_wait_and_not_the_upload(bench: LongBench) -> None:
    bench.road.upload_seconds = 10
    arguments = offers(bench, wait_seconds=45)
    async with bench.assistant() as assistant:
        await given_up(assistant, "create_collection", arguments)
        at_the_cancellation = bench.road.bytes_up
        await anyio.sleep(60)
        arrived = bench.created
        said = await assistant.call("create_collection", arguments)

    assert at_the_cancellation < 800_000
    assert arrived == 1
    assert said.data["state"] == "converting"
    assert bench.attempts == 1


async def test_an_address_is_uploaded_in_the_background_as_well(bench: LongBench) -> None:
    arguments = {"file_url": "https://example.com/offers.pdf", "title": "From afar", "wait_seconds": 0}
    async with bench.assistant() as assistant:
        first = await assistant.call("create_collection", arguments)
        last = await to_its_end(assistant, first)
        again = await assistant.call("create_collection", arguments)

    assert first.data["state"] == "uploading"
    assert last.data["state"] == "complete"
    assert again.data["collection_hash"] == last.data["collection_hash"]
    assert bench.created == 1


# The same document and title


async def test_the_same_document_and_title_gives_the_first_result_and_says_so(bench: LongBench) -> None:
    async with bench.assistant() as assistant:
        first = await assistant.call("create_collection", offers(bench))
        copy = bench.document("copy of it.pdf", PDF + b"offers.pdf" + bytes(3 * 256 * 1024))
        second = await assistant.call("create_collection", offers(bench, file_path=copy))

    assert second.data["upload_id"] == first.data["upload_id"]
    assert second.data["collection_hash"] == first.data["collection_hash"]
    assert any("less than a day ago" in one and "again=true" in one for one in second.data["warnings"])
    assert "warnings" not in first.data or not any("less than a day" in one for one in first.data["warnings"])
    assert bench.created == 1


@pytest.mark.parametrize("other", [{"title": "Another"}, {"file_path": "other.pdf"}, {"again": True}, {"title": None}])
async def test_another_title_or_content_or_again_is_another_upload(bench: LongBench, other: dict[str, Any]) -> None:
    changed = {name: bench.large("other.pdf") if value == "other.pdf" else value for name, value in other.items()}
    async with bench.assistant() as assistant:
        first = await assistant.call("create_collection", offers(bench, wait_seconds=5))
        second = await assistant.call("create_collection", offers(bench, wait_seconds=5, **changed))

    assert second.data["upload_id"] != first.data["upload_id"]
    assert second.data["collection_hash"] != first.data["collection_hash"]
    assert bench.created == 2


@pytest.mark.parametrize("during", ["upload", "conversion"])
async def test_a_client_that_gives_up_on_again_and_repeats_its_call_pays_once(bench: LongBench, during: str) -> None:
    """again=true asks for one more upload, not for one with every repetition of a call that was given up."""
    async with bench.assistant() as assistant:
        await to_its_end(assistant, await assistant.call("create_collection", offers(bench)))
        bench.road.upload_seconds = 5 if during == "upload" else 0
        arguments = offers(bench, again=True, wait_seconds=45)
        for _ in range(3):
            await given_up(assistant, "create_collection", arguments)
        await anyio.sleep(10)
        said = await assistant.call("create_collection", arguments)

    assert not said.is_error
    assert bench.created == bench.attempts == 2


async def test_again_while_the_first_is_still_uploading_does_not_send_it_beside_itself(bench: LongBench) -> None:
    bench.road.upload_seconds = 5
    async with bench.assistant() as assistant:
        first = await assistant.call("create_collection", offers(bench), wait_seconds=2)
        second = await assistant.call("create_collection", offers(bench, again=True), wait_seconds=40)

    assert second.data["upload_id"] == first.data["upload_id"]
    assert bench.created == bench.attempts == 1


async def test_two_servers_that_are_given_the_same_at_once_upload_it_once(bench: LongBench) -> None:
    bench.road.upload_seconds = 1
    answers = []
    async with (
        bench.assistant(store=bench.file()) as one,
        bench.assistant(store=bench.file()) as two,
        anyio.create_task_group() as group,
    ):

        async def call(assistant: Assistant) -> None:
            answers.append(await assistant.call("create_collection", offers(bench), wait_seconds=30))

        group.start_soon(call, one)
        group.start_soon(call, two)

    assert len({said.data["upload_id"] for said in answers}) == 1
    assert {said.data["state"] for said in answers} == {"converting"}
    assert len({said.data["collection_hash"] for said in answers}) == 1
    assert bench.created == bench.attempts == 1


async def test_a_day_later_it_is_another_upload(bench: LongBench, clock: LoopClock) -> None:
    async with bench.assistant() as assistant:
        first = await assistant.call("create_collection", offers(bench))
        clock.advance(DAY - 300)
        second = await assistant.call("create_collection", offers(bench))
        clock.advance(400)
        third = await assistant.call("create_collection", offers(bench))

    assert first.data["upload_id"] == second.data["upload_id"] != third.data["upload_id"]
    assert bench.created == 2


async def test_a_refused_upload_does_not_stand_in_the_way(bench: LongBench) -> None:
    bench.fails("quota", CREATE)
    async with bench.assistant() as assistant:
        refused = await assistant.call("create_collection", offers(bench))
        taken = await assistant.call("create_collection", offers(bench))

    assert refused.is_error
    assert "code 33" in refused.text
    assert "Nothing was changed." in refused.text
    assert has_four_parts(refused.text)
    assert not taken.is_error
    assert bench.created == 1


async def test_a_refusal_that_nobody_waited_for_is_told_by_get_upload(bench: LongBench) -> None:
    bench.road.upload_seconds = 2
    bench.fails("quota", CREATE)
    async with bench.assistant() as assistant:
        first = await assistant.call("create_collection", offers(bench), wait_seconds=0)
        tool, arguments = named_call(first)
        said = await assistant.call(tool, arguments)

    assert said.data["state"] == "failed"
    assert any("code 33" in one for one in said.data["warnings"])
    assert "next_step" not in said.data


async def test_a_deleted_collection_is_uploaded_anew(bench: LongBench) -> None:
    async with bench.assistant() as assistant:
        first = await assistant.call("create_collection", offers(bench))
        bench.sandbox.account.delete(first.data["collection_hash"])
        second = await assistant.call("create_collection", offers(bench))
        old = await assistant.call("get_upload", upload_id=first.data["upload_id"])

    assert second.data["upload_id"] != first.data["upload_id"]
    assert second.data["collection_hash"] in bench.sandbox.account.collections
    assert not any("less than a day" in one for one in second.data.get("warnings", []))
    assert old.data["state"] == "failed"
    assert "does not exist any more" in old.text
    assert bench.created == 2


async def test_a_deleted_collection_is_uploaded_anew_once_however_many_ask(bench: LongBench) -> None:
    """A client that repeats its call, or two assistants at once, must not cost two uploads."""
    async with bench.assistant() as assistant:
        first = await assistant.call("create_collection", offers(bench))
        bench.sandbox.account.delete(first.data["collection_hash"])
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(assistant.call, "create_collection", offers(bench))

    assert bench.created == 2


async def test_a_draft_published_by_update_collection_is_not_uploaded_again(bench: LongBench) -> None:
    async with bench.assistant() as assistant:
        first = await assistant.call("create_collection", offers(bench))
        await anyio.sleep(60)
        published = await assistant.call(
            "update_collection", collection_hash=first.data["collection_hash"], status="public", title="Renamed"
        )
        assert published.data["collection_hash"] != first.data["collection_hash"]
        sent = len(bench.requests)
        again = await assistant.call("create_collection", offers(bench))
        looked = bench.requests[sent:]

    assert again.data["collection_hash"] == published.data["collection_hash"]
    assert again.data["status"] == "public"
    assert looked[0] == GET
    assert bench.created == 1


async def test_a_draft_published_behind_our_back_is_not_uploaded_again(bench: LongBench) -> None:
    async with bench.assistant() as assistant:
        first = await assistant.call("create_collection", offers(bench))
        await anyio.sleep(60)
        made = bench.sandbox.account.collections[first.data["collection_hash"]]
        bench.sandbox.account.publish(made, "public")
        again = await assistant.call("create_collection", offers(bench))
        seen = await assistant.call("get_upload", upload_id=first.data["upload_id"])

    assert again.data["collection_hash"] == seen.data["collection_hash"] == made.hash != first.data["collection_hash"]
    assert again.data["direct_link"] == seen.data["direct_link"]
    assert bench.created == 1


async def test_a_failed_conversion_is_the_first_result_and_says_what_another_upload_costs(bench: LongBench) -> None:
    bench.fails("conversion_fails")
    async with bench.assistant() as assistant:
        first = await assistant.call("create_collection", offers(bench), wait_seconds=0)
        last = await to_its_end(assistant, first)
        again = await assistant.call("create_collection", offers(bench))
        anyway = await to_its_end(assistant, await assistant.call("create_collection", offers(bench, again=True)))

    assert last.data["state"] == "failed"
    assert any("upload is spent" in one for one in last.data["warnings"])
    assert again.data["upload_id"] == first.data["upload_id"]
    assert any("again=true" in one and "costs another" in one for one in again.data["warnings"])
    assert anyway.data["state"] == "complete"
    assert bench.created == 2


# Stopping


async def test_get_upload_stops_an_upload_under_way(bench: LongBench) -> None:
    bench.road.upload_seconds = 10
    async with bench.assistant() as assistant:
        first = await assistant.call("create_collection", offers(bench), wait_seconds=15)
        said = await assistant.call("get_upload", upload_id=first.data["upload_id"], cancel=True)
        await anyio.sleep(100)
        once_more = await assistant.call("get_upload", upload_id=first.data["upload_id"], cancel=True)

    assert first.data["state"] == "uploading"
    assert not said.is_error
    assert said.seconds < 2
    assert said.data["state"] == "failed"
    assert STOPPED in said.data["warnings"]
    assert bench.road.bytes_up < 800_000
    assert bench.created == bench.attempts == 0
    assert once_more.is_error
    assert "has ended" in once_more.text
    assert has_four_parts(once_more.text)


async def test_get_upload_stops_an_upload_in_line(bench: LongBench) -> None:
    bench.road.upload_seconds = 10
    async with bench.assistant() as assistant:
        started = [
            await assistant.call("create_collection", file_path=bench.large(f"{n}.pdf"), title=f"{n}", wait_seconds=1)
            for n in range(3)
        ]
        said = await assistant.call("get_upload", upload_id=started[2].data["upload_id"], cancel=True)
        await anyio.sleep(100)

    assert started[2].data["progress"] == "waiting in line"
    assert "waiting in line" in started[2].text
    assert said.data["state"] == "failed"
    assert {one.params["title"] for one in bench.sandbox.carried_out(CREATE)} == {"0", "1"}


async def test_who_waits_in_line_is_told_so_while_waiting(bench: LongBench) -> None:
    bench.road.upload_seconds = 10
    async with bench.assistant() as assistant:
        for number in range(2):
            await assistant.call(
                "create_collection", file_path=bench.large(f"{number}.pdf"), title=f"{number}", wait_seconds=0
            )
        said = await assistant.call("create_collection", offers(bench), wait_seconds=10)

    assert said.progress
    assert any("in line" in message for _, message in said.progress)


async def test_another_server_on_the_same_file_stops_it_at_its_next_sign_of_life(bench: LongBench) -> None:
    bench.road.upload_seconds = 20
    async with bench.assistant(store=bench.file()) as mine, bench.assistant(store=bench.file()) as other:
        first = await mine.call("create_collection", offers(bench), wait_seconds=5)
        seen = await other.call("get_upload", upload_id=first.data["upload_id"], wait_seconds=0)
        said = await other.call("get_upload", upload_id=first.data["upload_id"], cancel=True, wait_seconds=15)
        await anyio.sleep(100)

    assert seen.data["state"] == "uploading"
    assert said.data["state"] == "failed", said.text
    assert STOPPED in said.data["warnings"]
    assert bench.created == bench.attempts == 0


async def test_one_that_is_converting_cannot_be_stopped_and_the_error_names_the_way(bench: LongBench) -> None:
    async with bench.assistant() as assistant:
        first = await assistant.call("create_collection", offers(bench), wait_seconds=5)
        said = await assistant.call("get_upload", upload_id=first.data["upload_id"], cancel=True)

    assert said.is_error
    assert "delete_collection" in said.text
    assert has_four_parts(said.text)
    assert bench.created == 1


async def test_stopping_without_saying_what_is_refused(bench: LongBench) -> None:
    bench.road.upload_seconds = 10
    async with bench.assistant() as assistant:
        await assistant.call("create_collection", offers(bench), wait_seconds=0)
        said = await assistant.call("get_upload", cancel=True)
        empty = await assistant.call("get_upload", upload_id=" ", cancel=True)
        await anyio.sleep(100)

    assert said.is_error
    assert "upload_id" in said.text
    assert has_four_parts(said.text)
    assert empty.is_error
    assert bench.created == 1


# Many


async def test_ten_uploads_and_ten_waits_at_once_all_end_well(bench: LongBench) -> None:
    bench.road.upload_seconds = 1
    waited = [bench.sandbox.account.add(title=f"Waited {n}", conversion="processing").hash for n in range(10)]
    ends: dict[str, str] = {}
    async with bench.assistant(store=bench.file()) as assistant, anyio.create_task_group() as group:

        async def upload(number: int) -> None:
            arguments = {"file_path": bench.large(f"{number}.pdf"), "title": f"Number {number}", "wait_seconds": 45}
            said = await to_its_end(assistant, await assistant.call("create_collection", arguments))
            ends[said.data["collection_hash"]] = said.data["state"]

        async def wait(collection_hash: str) -> None:
            said = await assistant.call("get_collection", collection_hash=collection_hash, wait_seconds=45)
            said = await to_its_end(assistant, said)
            ends[collection_hash] = said.data["conversion"]

        for number in range(10):
            group.start_soon(upload, number)
            group.start_soon(wait, waited[number])

    assert len(ends) == 20
    assert set(ends.values()) == {"complete"}
    assert bench.created == bench.attempts == 10
    assert bench.road.most_at_once == 2
    assert "locked" not in "".join(bench.witness.texts)


# Lists, ids, accounts


async def test_without_an_id_the_uploads_of_the_last_day_are_listed_newest_first(
    bench: LongBench, clock: LoopClock
) -> None:
    async with bench.assistant() as assistant:
        ids = []
        for number in range(4):
            said = await assistant.call(
                "create_collection", file_path=bench.large(f"{number}.pdf"), title=f"Number {number}", wait_seconds=5
            )
            ids.append(said.data["upload_id"])
            clock.advance(DAY / 3)
        listed = await assistant.call("get_upload")

    rows = listed.data["uploads"]
    assert [one["upload_id"] for one in rows] == [ids[3], ids[2]]
    assert [one["title"] for one in rows] == ["Number 3", "Number 2"]
    assert [one["name"] for one in rows] == ["3.pdf", "2.pdf"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", one["started"]) for one in rows)
    assert all(str(value) in listed.text for one in rows for value in one.values())


async def test_an_empty_list_says_so(bench: LongBench) -> None:
    said = await bench.call("get_upload")

    assert not said.is_error
    assert said.data["uploads"] == []
    assert "none" in said.text
    assert bench.requests == []


@pytest.mark.parametrize("upload_id", ["abcdefgh", "12345678", 22222222, "'; drop table records; --", "../../etc"])
async def test_an_unknown_id_is_an_error_that_names_the_list(bench: LongBench, upload_id: object) -> None:
    said = await bench.call("get_upload", upload_id=upload_id)

    assert said.is_error
    assert has_four_parts(said.text)
    assert "get_upload without upload_id" in said.text


async def test_an_id_is_understood_in_capitals_and_with_spaces(bench: LongBench) -> None:
    async with bench.assistant() as assistant:
        first = await assistant.call("create_collection", offers(bench), wait_seconds=0)
        said = await assistant.call("get_upload", upload_id=f" {first.data['upload_id'].upper()} ", wait_seconds=0)

    assert said.data["upload_id"] == first.data["upload_id"]


async def test_the_uploads_of_another_account_are_invisible(bench: LongBench) -> None:
    store = bench.memory()
    async with bench.assistant(store=store) as assistant:
        first = await assistant.call("create_collection", offers(bench), wait_seconds=5)
    async with bench.assistant(store=store, api_key="ANOTHER-KEY-1234567") as other:
        said = await other.call("get_upload", upload_id=first.data["upload_id"])
        listed = await other.call("get_upload")
        stopped = await other.call("get_upload", upload_id=first.data["upload_id"], cancel=True)

    assert said.is_error
    assert stopped.is_error
    assert said.text == stopped.text
    assert listed.data["uploads"] == []


async def test_read_only_mode_has_neither_tool(bench: LongBench) -> None:
    async with bench.assistant(read_only=True) as assistant:
        names = {tool.name for tool in (await assistant.client.list_tools()).tools}

    assert names
    assert not names & {"create_collection", "get_upload"}


# Restarts


async def test_the_file_survives_a_restart_of_the_server(bench: LongBench) -> None:
    async with bench.assistant(store=bench.file()) as assistant:
        first = await assistant.call("create_collection", offers(bench), wait_seconds=5)
    async with bench.assistant(store=bench.file()) as assistant:
        tool, arguments = named_call(first)
        said = await to_its_end(assistant, await assistant.call(tool, arguments))
        repeated = await assistant.call("create_collection", offers(bench))

    assert said.data["state"] == "complete"
    assert said.data["collection_hash"] == first.data["collection_hash"] == repeated.data["collection_hash"]
    assert bench.created == 1


async def test_an_earlier_upload_is_not_said_to_be_what_another_call_asks_for(bench: LongBench) -> None:
    async with bench.assistant() as assistant:
        await to_its_end(assistant, await assistant.call("create_collection", offers(bench)))
        said = await assistant.call("create_collection", offers(bench, status="public", description="New"))
        same = await assistant.call("create_collection", offers(bench))

    assert "asks for another description, status: use update_collection" in said.text
    assert "update_collection" not in same.text
    assert bench.created == 1


async def test_an_address_is_not_called_the_same_document(bench: LongBench) -> None:
    asked = {"file_url": "https://example.com/latest.pdf", "title": "Latest"}
    async with bench.assistant() as assistant:
        await to_its_end(assistant, await assistant.call("create_collection", asked))
        said = await assistant.call("create_collection", asked)

    assert "The same address and title" in said.text


async def test_again_while_the_last_one_is_under_way_is_told_so(bench: LongBench) -> None:
    bench.road.upload_seconds = 10
    async with bench.assistant() as assistant:
        await assistant.call("create_collection", offers(bench), wait_seconds=0)
        said = await assistant.call("create_collection", offers(bench, again=True), wait_seconds=0)

    assert "is not finished yet" in said.text
    assert "again=true" not in said.text


async def test_a_stop_that_another_process_has_to_carry_out_is_acknowledged(bench: LongBench) -> None:
    bench.road.upload_seconds = 30
    store = bench.memory()
    async with bench.assistant(store=store) as assistant, bench.assistant(store=store) as other:
        first = await assistant.call("create_collection", offers(bench), wait_seconds=0)
        said = await other.call("get_upload", upload_id=first.data["upload_id"], cancel=True, wait_seconds=0)

    assert said.data["state"] == "uploading"
    assert "was asked to stop it" in said.text


async def test_memory_forgets(bench: LongBench) -> None:
    async with bench.assistant() as assistant:
        first = await assistant.call("create_collection", offers(bench), wait_seconds=5)
    async with bench.assistant() as assistant:
        said = await assistant.call("get_upload", upload_id=first.data["upload_id"])

    assert said.is_error
    assert "no such upload" in said.text


async def test_a_server_that_ends_during_an_upload_leaves_it_interrupted_and_offers_again(bench: LongBench) -> None:
    bench.road.upload_seconds = 10
    async with bench.assistant(store=bench.file()) as assistant:
        first = await assistant.call("create_collection", offers(bench), wait_seconds=15)
        await assistant.call("create_collection", file_path=bench.large("2.pdf"), title="Two", wait_seconds=0)
        waiting = await assistant.call(
            "create_collection", file_path=bench.large("3.pdf"), title="Three", wait_seconds=1
        )
    async with bench.assistant(store=bench.file()) as assistant:
        tool, arguments = named_call(first)
        early = await assistant.call(tool, arguments)
        await anyio.sleep(31)
        said = await assistant.call(*named_call(early))
        never_sent = await assistant.call("get_upload", upload_id=waiting.data["upload_id"])
        repeated = await assistant.call("create_collection", offers(bench))
        attempts = bench.attempts
        bench.road.upload_seconds = 1
        again = await assistant.call("create_collection", offers(bench, again=True))

    assert early.data["state"] == said.data["state"] == "interrupted"
    assert "again=true" not in early.text
    assert NOT_FOUND in said.data["warnings"]
    assert never_sent.data["state"] == "failed"
    assert "before anything of it was sent" in never_sent.text
    assert repeated.data["state"] == "interrupted"
    assert "again=true" in repeated.text
    assert attempts == 0
    assert again.data["state"] == "converting"
    assert bench.created == 1


async def test_an_upload_that_got_through_before_the_server_ended_is_found(bench: LongBench) -> None:
    bench.sandbox.account.add(title="Brand new", status="editable")
    bench.fails("slow", CREATE, seconds=30, phase="after")
    async with bench.assistant(store=bench.file()) as assistant:
        first = await assistant.call("create_collection", offers(bench), wait_seconds=5)
        arrived = bench.created
    async with bench.assistant(store=bench.file()) as assistant:
        tool, arguments = named_call(first)
        said = await to_its_end(assistant, await assistant.call(tool, arguments))

    assert first.data["state"] == "uploading"
    assert arrived == 1
    assert said.data["state"] == "complete"
    assert said.data["collection_hash"] == bench.sandbox.account.collections[said.data["collection_hash"]].hash
    assert any("found in the account" in one for one in said.data["warnings"])
    assert bench.created == bench.attempts == 1


async def test_while_flipsnack_is_down_an_interrupted_upload_says_to_ask_again(bench: LongBench) -> None:
    bench.fails("slow", CREATE, seconds=30, phase="after")
    async with bench.assistant(store=bench.file()) as assistant:
        first = await assistant.call("create_collection", offers(bench), wait_seconds=5)
    bench.fails("code", LIST, times=0, code=99)
    async with bench.assistant(store=bench.file()) as assistant:
        said = await assistant.call("get_upload", upload_id=first.data["upload_id"])
        bench.sandbox.clear_faults()
        found = await assistant.call("get_upload", upload_id=first.data["upload_id"])

    assert said.data["state"] == "interrupted"
    assert "could not be looked up yet" in said.text
    assert found.data["state"] == "converting"


async def test_looking_up_what_is_left_over_does_not_eat_the_whole_call(bench: LongBench) -> None:
    """Flipsnack does not answer: a list of uploads, or wait_seconds=0, must not take the call's whole 45 seconds."""
    bench.road.upload_seconds = 10
    async with bench.assistant(store=bench.file()) as assistant:
        for number in range(2):
            await assistant.call(
                "create_collection", file_path=bench.large(f"{number}.pdf"), title=f"{number}", wait_seconds=2
            )
    bench.fails("hang", LIST, times=0)
    async with bench.assistant(store=bench.file()) as assistant:
        listed = await assistant.call("get_upload")

    assert not listed.is_error
    assert len(listed.data["uploads"]) == 2
    assert listed.seconds <= 25


# Stores that cannot be used


async def test_nothing_is_opened_before_the_first_use(bench: LongBench) -> None:
    state = bench.folder / "state"
    async with bench.assistant(store=bench.file()) as assistant:
        await assistant.client.list_tools()
        await assistant.call("get_user_stats")
        await assistant.call("download_collection_html", collection_hash=bench.collection().hash, dry_run=True)
        unopened = not state.exists()
        await assistant.call("get_upload")

    assert unopened
    assert (state / "state.sqlite").exists()


async def test_a_path_that_cannot_be_used_is_an_error_where_it_is_needed_and_nowhere_else(bench: LongBench) -> None:
    (bench.folder / "state").write_text("a file where a folder should be")
    async with bench.assistant(store=bench.file()) as assistant:
        needing = [
            await assistant.call("create_collection", offers(bench)),
            await assistant.call("get_upload"),
            await assistant.call("get_upload", upload_id="abcdefgh"),
        ]
        others = [
            await assistant.call("list_collections"),
            await assistant.call("get_collection", collection_hash=bench.collection().hash),
            await assistant.call("get_user_stats"),
            await assistant.call("download_collection_html", collection_hash=bench.collection().hash, wait_seconds=0),
        ]

    for said in needing:
        assert said.is_error
        assert "state file" in said.text
        assert "FLIPSNACK_STATE" in said.text
        assert has_four_parts(said.text)
    assert [said.text for said in others if said.is_error] == []
    assert bench.attempts == 0


async def test_publishing_a_draft_does_not_fail_for_a_path_that_cannot_be_used(bench: LongBench) -> None:
    """It succeeded at Flipsnack, and the hash has changed: nothing may say that nothing was changed."""
    (bench.folder / "state").write_text("a file where a folder should be")
    draft = bench.sandbox.account.add(title="A draft", status="editable")
    old = draft.hash
    async with bench.assistant(store=bench.file()) as assistant:
        said = await assistant.call("update_collection", collection_hash=old, status="public")

    assert draft.status == "public"
    assert "Nothing was changed" not in said.text
    assert not said.is_error, said.text
    assert said.data["collection_hash"] == draft.hash != old


@pytest.mark.parametrize("after", [0.0, 20.0, 50.0])
async def test_a_store_that_fails_for_a_while_during_an_upload_ends_no_other_call(
    bench: LongBench, after: float
) -> None:
    """A disk that gets full, or another process that holds the file for half a minute."""
    bench.road.upload_seconds = 10
    fragile = Fragile(bench.memory())
    async with bench.assistant(store=fragile) as assistant:
        await assistant.call("create_collection", offers(bench), wait_seconds=1)
        await anyio.sleep(after)
        fragile.error = StoreUnusable("The state file /x cannot be opened or written (disk full).", "Make room.")
        with anyio.fail_after(60):
            said = await assistant.call("get_upload")
            await anyio.sleep(25)
            others = await assistant.call("list_collections")
        fragile.error = None
        await anyio.sleep(100)
        found = await assistant.call("create_collection", offers(bench), wait_seconds=45)

    assert said.is_error
    assert not others.is_error
    assert bench.attempts <= 1
    assert not found.is_error, found.text


async def test_a_disk_that_gets_full_while_a_call_waits_does_not_say_that_nothing_was_changed(bench: LongBench) -> None:
    bench.road.upload_seconds = 2
    fragile = Fragile(bench.memory())
    async with bench.assistant(store=fragile) as assistant, anyio.create_task_group() as group:

        async def fill_the_disk() -> None:
            await anyio.sleep(4)
            fragile.error = StoreUnusable("The state file /x cannot be opened or written (disk full).", "Make room.")

        group.start_soon(fill_the_disk)
        said = await assistant.call("create_collection", offers(bench), wait_seconds=30)

    assert bench.created == 1
    assert "Nothing was changed." not in said.text


@pytest.mark.parametrize("state", ["sqlite:~nobody-of-this-name/state.sqlite", "sqlite:", "redis://secret@host", "x"])
def test_a_state_that_cannot_be_understood_never_keeps_the_server_from_starting(state: str) -> None:
    settings = read_settings({"FLIPSNACK_API_KEY": KEY, "FLIPSNACK_API_SECRET": SECRET, "FLIPSNACK_STATE": state})

    remember(settings)

    assert settings.problems
    assert "secret" not in " ".join(settings.problems)


# Documents


async def test_a_document_that_changes_before_it_is_sent_ends_with_a_plain_error(
    bench: LongBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is looked into and hashed nothing has been sent yet, so nothing can have been changed."""
    path = bench.large()

    async def meanwhile(_: object) -> LookAhead:
        bench.document("offers.pdf", PDF)
        return LookAhead(None, ())

    monkeypatch.setattr(uploads, "look_ahead", meanwhile)
    said = await bench.call("create_collection", file_path=path, title="Changing")

    assert said.is_error
    assert said.text != UNEXPECTED
    assert "document" in said.text
    assert "Nothing was changed." in said.text
    assert has_four_parts(said.text)
    assert bench.attempts == 0


async def test_a_document_that_changes_while_it_is_sent_is_not_uploaded_again_by_itself(bench: LongBench) -> None:
    bench.road.upload_seconds = 5
    async with bench.assistant() as assistant, anyio.create_task_group() as group:

        async def change() -> None:
            await anyio.sleep(8)
            bench.document("offers.pdf", PDF)

        group.start_soon(change)
        arguments = offers(bench)
        said = await assistant.call("create_collection", arguments)
        listed = await assistant.call("get_upload")
        bench.large()
        repeated = await assistant.call("create_collection", arguments)

    assert said.is_error
    assert "Something may have been changed." in said.text
    assert has_four_parts(said.text)
    assert [one["state"] for one in listed.data["uploads"]] == ["interrupted"]
    assert repeated.data["state"] == "interrupted"
    assert "again=true" in repeated.text
    assert bench.created == 0


# Texts


@pytest.mark.parametrize("kind", ["reset", "garbled", "cut", "hang"])
async def test_a_lost_answer_ends_with_the_collection_or_an_error_of_four_parts(bench: LongBench, kind: str) -> None:
    bench.fails(kind, CREATE, phase="after")
    async with bench.assistant() as assistant:
        said = await assistant.call("create_collection", offers(bench), wait_seconds=30)
        said = await to_its_end(assistant, said)

    assert said.data["state"] == "complete"
    assert bench.created == bench.attempts == 1


@pytest.mark.parametrize(
    ("kind", "details"),
    [("reset", {"phase": "before"}), ("quota", {}), ("code", {"code": 34}), ("code", {"code": 35}), ("http", {})],
)
async def test_every_failure_has_four_parts_and_its_upload_says_the_same(
    bench: LongBench, kind: str, details: dict[str, Any]
) -> None:
    bench.fails(kind, CREATE, times=0, **details)
    async with bench.assistant() as assistant:
        said = await assistant.call("create_collection", offers(bench), wait_seconds=40)
        listed = await assistant.call("get_upload")
        row = listed.data["uploads"][0]
        await anyio.sleep(31)
        told = await assistant.call("get_upload", upload_id=row["upload_id"])

    assert said.is_error
    assert has_four_parts(said.text)
    assert (f'get_upload(upload_id="{row["upload_id"]}")' in said.text) == (row["state"] == "interrupted")
    assert row["state"] == ("failed" if "Nothing was changed." in said.text else "interrupted")
    assert told.data["state"] == row["state"]
    assert told.data["warnings"]
    assert "next_step" not in told.data
    assert bench.created == 0
