"""create_collection and get_upload: an upload outlives its call, and is never made twice by itself."""

import re
from typing import Any

import anyio
import pytest

from flipsnack_mcp.files.lookahead import LookAhead
from flipsnack_mcp.sandbox import Pace, Sandbox
from flipsnack_mcp.server.dispatch import UNEXPECTED
from flipsnack_mcp.server.tools import uploads
from flipsnack_mcp.store.unusable import StoreUnusable
from flipsnack_mcp.workflows.uploads.reconciling import NOT_FOUND
from flipsnack_mcp.workflows.uploads.sending import STOPPED
from tests.server.bench import KEY, PDF, SECRET, LoopClock, Mode, Witness
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


# The same document and title


async def test_the_same_document_and_title_gives_the_first_result_and_says_so(bench: LongBench) -> None:
    bench.road.upload_seconds = 2
    async with bench.assistant() as assistant:
        first = await assistant.call("create_collection", offers(bench))
        copy = bench.document("copy of it.pdf", PDF + b"offers.pdf" + bytes(3 * 256 * 1024))
        second = await assistant.call("create_collection", offers(bench, file_path=copy))

    assert second.data["upload_id"] == first.data["upload_id"]
    assert second.data["collection_hash"] == first.data["collection_hash"]
    assert any("less than a day ago" in one and "again=true" in one for one in second.data["warnings"])
    assert "warnings" not in first.data or not any("less than a day" in one for one in first.data["warnings"])
    assert {message.partition(":")[0] for _, message in first.progress} == {"upload", "conversion"}
    assert first.data["states"]
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


@pytest.mark.parametrize(
    ("upload_id", "known"),
    [
        pytest.param(" {} ", True, id="in capitals and with spaces"),
        *((upload_id, False) for upload_id in ("abcdefgh", "12345678", 22222222, "'; drop table records; --", "../..")),
    ],
)
async def test_an_id_is_understood_as_people_write_it_and_an_unknown_one_sends_to_the_list(
    bench: LongBench, upload_id: object, *, known: bool
) -> None:
    async with bench.assistant() as assistant:
        empty = await assistant.call("get_upload")
        first = await assistant.call("create_collection", offers(bench), wait_seconds=0)
        wanted = upload_id.format(first.data["upload_id"].upper()) if isinstance(upload_id, str) else upload_id
        said = await assistant.call("get_upload", upload_id=wanted, wait_seconds=0)

    assert empty.data["uploads"] == []
    assert "none" in empty.text
    assert said.data.get("upload_id") == (first.data["upload_id"] if known else None)
    assert known or ("get_upload without upload_id" in said.text and has_four_parts(said.text))


async def test_the_uploads_of_another_account_are_invisible(bench: LongBench) -> None:
    store = bench.memory()
    async with bench.assistant(store=store) as mine, bench.assistant(store=store, api_key="ANOTHER-KEY") as other:
        first = await mine.call("create_collection", offers(bench), wait_seconds=5)
        asked = [await other.call("get_upload", upload_id=first.data["upload_id"], cancel=one) for one in (False, True)]
        listed = await other.call("get_upload")

    assert asked[0].text == asked[1].text
    assert "no such upload" in asked[0].text
    assert listed.data["uploads"] == []


# Restarts


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
    assert bench.created == 1


async def test_again_while_the_last_one_is_under_way_is_told_so(bench: LongBench) -> None:
    bench.road.upload_seconds = 10
    async with bench.assistant() as assistant:
        first = await assistant.call("create_collection", offers(bench), wait_seconds=0)
        said = await assistant.call("create_collection", offers(bench, again=True), wait_seconds=0)

    assert said.data["upload_id"] == first.data["upload_id"]
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
    assert waiting.data["progress"] == "waiting in line"
    assert any("in line" in message for _, message in waiting.progress)
    assert never_sent.data["state"] == "failed"
    assert "before anything of it was sent" in never_sent.text
    assert repeated.data["state"] == "interrupted"
    assert "again=true" in repeated.text
    assert attempts == 0
    assert again.data["state"] == "converting"
    assert bench.created == 1


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


# Texts


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
