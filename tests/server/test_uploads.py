"""create_collection and get_upload: an upload outlives its call, and is never made twice by itself."""

import re
from typing import Any

import anyio
import pytest

from flipsnack_mcp.files.lookahead import LookAhead
from flipsnack_mcp.sandbox import Pace
from flipsnack_mcp.sandbox.account import Packaging
from flipsnack_mcp.server.dispatch import UNEXPECTED
from flipsnack_mcp.server.tools import uploads
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.workflows.uploads.reconciling import NO_COLLECTION_FOUND
from flipsnack_mcp.workflows.uploads.sending import STOPPED
from tests.server.bench import PDF, Given
from tests.server.long_bench import LongBench, assert_told_in_four_parts, given_up, named_call, to_its_end
from tests.server.revisions import newer
from tests.workflows.running import Fragile

TOOL = "create_collection"
pytestmark = pytest.mark.usefixtures("no_look_ahead")

# What is answered does not depend on the revision, which the tests of confirmation, forms and progress vary.
mode = newer


@pytest.fixture
def pace() -> Pace:
    """A minute for everything."""
    return Pace(calls_per_second=0, calls_per_minute=0, conversion_seconds=60, package_seconds=60)


@pytest.fixture
def bench(long_bench: LongBench) -> LongBench:
    return long_bench


def offers(bench: LongBench, **more: Any) -> dict[str, Any]:
    return {"file_path": bench.large(), "title": "Brand new", **more}


# In the background
async def test_waiting_for_nothing_answers_at_once_and_the_next_calls_go_on_to_the_end(bench: LongBench) -> None:
    bench.road.upload_seconds = 10
    first = await bench.client.call(TOOL, offers(bench, status="public"), wait_seconds=0)
    tool, arguments = named_call(first)
    second = await bench.client.call(tool, {**arguments, "wait_seconds": 25})
    third = await bench.client.call(tool, {**arguments, "wait_seconds": 45})
    last = await to_its_end(bench.client, third)

    assert first.seconds < 1
    assert [one.data["state"] for one in (first, second, third, last)] == [
        *("uploading", "uploading", "converting", "complete")
    ]
    assert (tool, arguments) == ("get_upload", {"upload_id": first.data["upload_id"], "wait_seconds": 30})
    assert re.fullmatch(r"[\d.]+ KB of [\d.]+ KB, \d+ %, [\d.]+ [KM]B/s", second.data["sent"])
    assert [message for _, message in second.progress if re.fullmatch(r"upload: .* KB of .* KB, \d+ %", message)]
    assert [message for _, message in third.progress if message.startswith("conversion: processing")]
    assert last.data["collection_hash"] == third.data["collection_hash"]
    assert last.data["collection_hash"] in bench.sandbox.account.collections
    assert last.data["direct_link"].endswith(f"{last.data['collection_hash']}.html")
    assert bench.created == 1
    for said in (first, second, third, last):
        numbers = [number for number, _ in said.progress]
        assert numbers == sorted(set(numbers))


@pytest.mark.parametrize(("again", "seconds"), [(False, 0), (True, 5), (True, 0)])
async def test_a_client_that_gives_up_gets_its_result_by_repeating_the_same_call(
    bench: LongBench, seconds: float, *, again: bool
) -> None:
    """again=true asks for one more upload, not for one with every repetition of a call that was given up."""
    arguments = offers(bench, status="public", wait_seconds=45)
    if again:
        await to_its_end(bench.client, await bench.client.call(TOOL, arguments))
    bench.road.upload_seconds = seconds
    for _ in range(4):
        await given_up(bench.client, TOOL, {**arguments, "again": again})
    await anyio.sleep(15)
    said = await bench.client.call(TOOL, {**arguments, "again": again})
    assert not said.is_error, said.text
    assert said.data["state"] == "complete"
    assert said.data["direct_link"]
    assert bench.created == bench.attempts == 1 + again


# The same document and title
async def test_the_same_document_and_title_gives_the_first_result_and_says_so(bench: LongBench) -> None:
    bench.road.upload_seconds = 2
    first = await bench.client.call(TOOL, offers(bench))
    copy = bench.document("copy of it.pdf", PDF + b"offers.pdf" + bytes(3 * 256 * 1024))
    second = await bench.client.call(TOOL, offers(bench, file_path=copy))
    assert second.data["upload_id"] == first.data["upload_id"]
    assert second.data["collection_hash"] == first.data["collection_hash"]
    assert any("less than a day ago" in one and "again=true" in one for one in second.data["warnings"])
    assert not any("less than a day" in one for one in first.data.get("warnings", []))
    assert {message.partition(":")[0] for _, message in first.progress} == {"upload", "conversion"}
    assert first.data["states"]
    assert bench.created == 1


async def test_a_deleted_collection_is_uploaded_anew(bench: LongBench) -> None:
    first = await bench.client.call(TOOL, offers(bench))
    bench.sandbox.account.delete(first.data["collection_hash"])
    second = await bench.client.call(TOOL, offers(bench))
    old = await bench.client.call("get_upload", upload_id=first.data["upload_id"])

    assert second.data["upload_id"] != first.data["upload_id"]
    assert second.data["collection_hash"] in bench.sandbox.account.collections
    assert not any("less than a day" in one for one in second.data.get("warnings", []))
    assert old.data["state"] == "failed"
    assert "does not exist any more" in old.text
    assert bench.created == 2
    bench.sandbox.account.delete(second.data["collection_hash"])
    async with anyio.create_task_group() as group:
        for _ in range(3):  # two assistants at once, or a client that repeats its call
            group.start_soon(bench.client.call, TOOL, offers(bench))
    assert bench.created == 3


async def test_a_draft_published_by_update_collection_is_not_uploaded_again(bench: LongBench) -> None:
    first = await bench.client.call(TOOL, offers(bench))
    await anyio.sleep(60)
    wanted = {"collection_hash": first.data["collection_hash"], "status": "public", "title": "Renamed"}
    published = await bench.client.call("update_collection", wanted)
    assert published.data["collection_hash"] != first.data["collection_hash"]
    sent = len(bench.requests)
    again = await bench.client.call(TOOL, offers(bench))
    assert again.data["collection_hash"] == published.data["collection_hash"]
    assert again.data["status"] == "public"
    assert (bench.requests[sent], bench.created) == ("collection.getCollection", 1)


async def test_a_failed_conversion_is_the_first_result_and_says_what_another_upload_costs(bench: LongBench) -> None:
    bench.fails("conversion_fails")
    last = await to_its_end(bench.client, await bench.client.call(TOOL, offers(bench), wait_seconds=0))
    again = await bench.client.call(TOOL, offers(bench))
    anyway = await to_its_end(bench.client, await bench.client.call(TOOL, offers(bench, again=True)))
    assert last.data["state"] == "failed"
    assert any("upload is spent" in one for one in last.data["warnings"])
    assert again.data["upload_id"] == last.data["upload_id"]
    assert any("again=true" in one and "costs another" in one for one in again.data["warnings"])
    assert (anyway.data["state"], bench.created) == ("complete", 2)


ADDRESS = {"file_url": "https://example.com/latest.pdf"}


@pytest.mark.parametrize(
    ("first", "other", "told"),
    [
        ({}, {"status": "public", "description": "New"}, "asks for another description, status: use update_collection"),
        (ADDRESS, ADDRESS, "The same address and title"),
    ],
    ids=["another wish", "an address"],
)
async def test_an_earlier_upload_is_told_as_it_is(bench: LongBench, first: Given, other: Given, told: str) -> None:
    given: dict[str, Any] = {"title": "Latest"} if first else offers(bench)
    await to_its_end(bench.client, await bench.client.call(TOOL, {**given, **first}))
    said = await bench.client.call(TOOL, {**given, **other})
    same = await bench.client.call(TOOL, {**given, **first})
    assert told in said.text
    assert "update_collection" not in same.text
    assert bench.created == 1


async def test_a_conversion_that_is_told_as_the_status_of_an_earlier_upload_is_not_another_status(
    bench: LongBench,
) -> None:
    await bench.client.call(TOOL, offers(bench, status="public"), wait_seconds=5)
    items = [{"itemHash": "a", "status": "processing"}]
    converting = {"collectionTitle": "Brand new", "collectionStatus": "processing", "collectionItems": items}
    bench.answers("collection.getCollection", converting, times=0)
    said = await bench.client.call(TOOL, offers(bench, status="public"), wait_seconds=0)
    assert "this is that upload" in said.text
    assert "asks for another" not in said.text


async def test_again_while_the_last_one_is_under_way_is_told_so(bench: LongBench) -> None:
    bench.road.upload_seconds = 10
    first = await bench.client.call(TOOL, offers(bench), wait_seconds=0)
    said = await bench.client.call(TOOL, offers(bench, again=True), wait_seconds=0)
    assert said.data["upload_id"] == first.data["upload_id"]
    assert "is not finished yet" in said.text
    assert "again=true" not in said.text


# Stopping
async def test_get_upload_stops_an_upload_under_way(bench: LongBench) -> None:
    bench.road.upload_seconds = 10
    first = await bench.client.call(TOOL, offers(bench), wait_seconds=15)
    stop = {"upload_id": first.data["upload_id"], "cancel": True}
    said = await bench.client.call("get_upload", stop)
    await anyio.sleep(100)
    once_more = await bench.client.call("get_upload", stop)

    assert first.data["state"] == "uploading"
    assert not said.is_error
    assert said.seconds < 2
    assert said.data["state"] == "stopped"
    assert STOPPED in said.data["warnings"]
    assert bench.road.bytes_up < 800_000
    assert bench.created == bench.attempts == 0
    assert_told_in_four_parts(once_more, "has ended")


async def test_what_is_unnamed_or_converting_cannot_be_stopped_and_the_error_names_the_way(bench: LongBench) -> None:
    bench.road.upload_seconds = 2
    first = await bench.client.call(TOOL, offers(bench), wait_seconds=0)
    for nothing in (None, " "):
        assert_told_in_four_parts(await bench.client.call("get_upload", upload_id=nothing, cancel=True), "upload_id")
    converting = await bench.client.call(*named_call(first))
    wanted = {"upload_id": converting.data["upload_id"], "cancel": True}
    assert_told_in_four_parts(await bench.client.call("get_upload", wanted), "delete_collection")
    assert (await to_its_end(bench.client, converting)).data["state"] == "complete"
    assert bench.created == 1


async def test_a_stop_that_another_process_has_to_carry_out_is_acknowledged(bench: LongBench) -> None:
    bench.road.upload_seconds = 30
    store = bench.memory()
    async with bench.assistant(store=store) as assistant, bench.assistant(store=store) as other:
        first = await assistant.call(TOOL, offers(bench), wait_seconds=0)
        said = await other.call("get_upload", upload_id=first.data["upload_id"], cancel=True, wait_seconds=0)
    assert said.data["state"] == "uploading"
    assert "was asked to stop it" in said.text


# Lists, ids, accounts
async def test_without_an_id_the_uploads_of_the_last_day_are_listed_newest_first(bench: LongBench) -> None:
    ids = []
    for number in range(4):
        wanted = {"file_path": bench.large(f"{number}.pdf"), "title": f"Number {number}", "wait_seconds": 5}
        ids.append((await bench.client.call(TOOL, wanted)).data["upload_id"])
        bench.clock.advance(8 * 3600)
    listed = await bench.client.call("get_upload")
    rows = listed.data["uploads"]
    assert [(one["upload_id"], one["title"], one["name"]) for one in rows] == [
        (ids[number], f"Number {number}", f"{number}.pdf") for number in (3, 2)
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", one["started"]) for one in rows)
    assert all(str(value) in listed.text for one in rows for value in one.values())


async def test_in_the_list_of_uploads_each_has_the_title_and_status_of_today(bench: LongBench) -> None:
    for name, status in (("a.pdf", "editable"), ("b.pdf", "public")):
        wanted = {"file_path": bench.large(name), "title": name, "status": status}
        await to_its_end(bench.client, await bench.client.call(TOOL, wanted))
    bench.collection("b.pdf").title = "By hand"
    listed = await bench.client.call("get_upload")
    told = [(one["title"], one["status"], "direct_link" in one) for one in listed.data["uploads"]]
    assert told == [("By hand", "public", True), ("a.pdf", "editable", False)]


async def test_the_list_of_uploads_says_of_what_was_deleted_or_published_elsewhere_what_became_of_it(
    bench: LongBench,
) -> None:
    for name in ("a.pdf", "b.pdf"):
        await bench.client.call(TOOL, {"file_path": bench.large(name), "title": name, "wait_seconds": 0})
    await bench.client.call("get_upload", wait_seconds=45)
    converted = await bench.client.call("get_upload", wait_seconds=45)
    assert {one["state"] for one in converted.data["uploads"]} == {"complete"}
    newer, older = (bench.sandbox.account.find(one["collection_hash"]) for one in converted.data["uploads"])
    bench.sandbox.account.delete(older.hash)
    bench.sandbox.account.publish(newer, "public")
    listed = await bench.client.call("get_upload")
    told = [(one["state"], one.get("collection_hash"), one.get("status")) for one in listed.data["uploads"]]
    assert told == [("complete", newer.hash, "public"), ("failed", None, None)]
    assert "does not exist any more" in listed.data["uploads"][1]["reason"]


async def test_the_list_of_uploads_says_why_it_cannot_be_told_what_became_of_one(bench: LongBench) -> None:
    wanted = {"file_path": bench.large("a.pdf"), "title": "a"}
    made = await to_its_end(bench.client, await bench.client.call(TOOL, wanted))
    await anyio.sleep(60)
    published = bench.sandbox.account.find(made.data["collection_hash"])
    bench.sandbox.account.publish(published, "public")
    published.title = "Another title"
    (row,) = (await bench.client.call("get_upload")).data["uploads"]
    alone = await bench.client.call("get_upload", upload_id=row["upload_id"])
    assert (row["state"], alone.data["warnings"]) == ("interrupted", [row["reason"]])
    assert "deleted, or it was published and has a new one" in row["reason"]


async def test_a_conversion_of_which_flipsnack_tells_nothing_is_not_waited_for_and_its_link_is_told(
    bench: LongBench,
) -> None:
    untold = {"collectionTitle": "Brand new", "collectionStatus": "public", "collectionItems": []}
    bench.answers("collection.getCollection", untold, times=0)
    made = await bench.client.call(TOOL, offers(bench, status="public", wait_seconds=45))
    await anyio.sleep(60)
    listed = await bench.client.call("get_upload", wait_seconds=45)
    (row,) = listed.data["uploads"]
    assert (made.data["state"], made.seconds < 2, listed.seconds < 2) == ("converting", True, True)
    assert "to wait on" not in made.text + listed.text
    assert "in a few minutes to look once more" in made.data["next_step"]
    assert made.data["direct_link"] == row["direct_link"]


@pytest.mark.parametrize("given", [" {} ", "abcdefgh", "12345678", 22222222, "'; drop table records; --", "../.."])
async def test_ids_are_understood_as_written_and_unknown_ones_send_to_the_list(bench: LongBench, given: Any) -> None:
    empty = await bench.client.call("get_upload")
    first = (await bench.client.call(TOOL, offers(bench), wait_seconds=0)).data["upload_id"]
    wanted = given.format(first.upper()) if isinstance(given, str) else given
    said = await bench.client.call("get_upload", upload_id=wanted, wait_seconds=0)
    assert empty.data["uploads"] == []
    assert "none" in empty.text
    known = given == " {} "
    assert said.data.get("upload_id") == (first if known else None)
    if not known:
        no_id = re.search(r"\W", str(given))
        assert_told_in_four_parts(said, "eight letters and digits" if no_id else "get_upload without upload_id")


# Restarts
async def test_a_server_that_ends_during_an_upload_leaves_it_interrupted_and_offers_again(bench: LongBench) -> None:
    bench.road.upload_seconds = 10
    async with bench.assistant(store=bench.file()) as assistant:
        first = await assistant.call(TOOL, offers(bench), wait_seconds=15)
        await assistant.call(TOOL, file_path=bench.large("2.pdf"), title="Two", wait_seconds=0)
        waiting = await assistant.call(TOOL, file_path=bench.large("3.pdf"), title="Three", wait_seconds=1)
    async with bench.assistant(store=bench.file()) as assistant:
        early = await assistant.call(*named_call(first))
        await anyio.sleep(31)
        said = await assistant.call(*named_call(early))
        never_sent = await assistant.call("get_upload", upload_id=waiting.data["upload_id"])
        repeated = await assistant.call(TOOL, offers(bench))
        attempts = bench.attempts
        bench.road.upload_seconds = 1
        again = await assistant.call(TOOL, offers(bench, again=True))

    assert early.data["state"] == said.data["state"] == repeated.data["state"] == "interrupted"
    assert "again=true" not in early.text
    assert NO_COLLECTION_FOUND in said.data["warnings"]
    assert waiting.data["sent"] == "waiting in line"
    assert any("in line" in message for _, message in waiting.progress)
    assert not any("in line" in message for _, message in first.progress)
    assert never_sent.data["state"] == "failed"
    assert "before anything of it was sent" in never_sent.text
    assert "again=true" in repeated.text
    assert (attempts, again.data["state"], bench.created) == (0, "converting", 1)


async def test_looking_up_what_is_left_over_does_not_eat_the_whole_call(bench: LongBench) -> None:
    """Flipsnack does not answer: a list of uploads, or wait_seconds=0, must not take the call's whole 45 seconds."""
    bench.road.upload_seconds = 10
    async with bench.assistant(store=bench.file()) as assistant:
        for name in ("1.pdf", "2.pdf"):
            await assistant.call(TOOL, file_path=bench.large(name), title=name, wait_seconds=2)
    bench.fails("hang", "collection.getList", times=0)
    listed = await bench.send("get_upload", {}, store=bench.file())
    assert (listed.is_error, len(listed.data["uploads"])) == (False, 2)
    assert listed.seconds <= 25


# Stores that cannot be used
async def test_nothing_is_opened_before_the_first_use(bench: LongBench) -> None:
    state, collection = bench.folder / "state", bench.collection()
    collection.packaging = Packaging(0.0)
    async with bench.assistant(store=bench.file()) as assistant:
        await assistant.client.list_tools()
        await assistant.call("get_collection_stats", collection_hash=collection.hash)
        package = await assistant.call("download_collection_html", collection_hash=collection.hash)
        unopened = not state.exists()
        await assistant.call("get_upload")
    assert package.data["state"] == "complete", package.text
    assert unopened
    assert (state / "state.sqlite").exists()


async def test_a_path_that_cannot_be_used_is_an_error_where_it_is_needed_and_nowhere_else(bench: LongBench) -> None:
    (bench.folder / "state").write_text("a file where a folder should be")
    one = {"collection_hash": bench.collection().hash}
    look: Given = {"upload_id": "abcdefgh"}
    needing: list[tuple[str, Given]] = [(TOOL, offers(bench)), ("get_upload", {}), ("get_upload", look)]
    others: list[tuple[str, Given]] = [("list_collections", {}), ("get_collection", one), ("get_user_stats", {})]
    others.append(("download_collection_html", {**one, "wait_seconds": 0}))
    async with bench.assistant(store=bench.file()) as assistant:
        for tool, arguments in needing:
            said = await assistant.call(tool, arguments)
            assert_told_in_four_parts(said, "state file", "FLIPSNACK_STATE")
        assert [tool for tool, arguments in others if (await assistant.call(tool, arguments)).is_error] == []
    assert bench.attempts == 0


async def test_a_disk_that_gets_full_while_a_call_waits_does_not_say_that_nothing_was_changed(bench: LongBench) -> None:
    bench.road.upload_seconds = 2
    fragile = Fragile(bench.memory())
    async with bench.assistant(store=fragile) as assistant, anyio.create_task_group() as group:

        async def fill_the_disk() -> None:
            await anyio.sleep(4)
            fragile.error = StoreUnusable("The state file /x cannot be opened or written (disk full).", "Make room.")

        group.start_soon(fill_the_disk)
        said = await assistant.call(TOOL, offers(bench), wait_seconds=30)

    assert bench.created == 1
    assert "Nothing was changed." not in said.text


# Documents and texts
async def test_a_document_that_changes_before_it_is_sent_ends_with_a_plain_error(
    bench: LongBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is looked into and hashed nothing has been sent yet, so nothing can have been changed."""

    async def meanwhile(_: object) -> LookAhead:
        bench.document("offers.pdf", PDF)
        return LookAhead(None, ())

    monkeypatch.setattr(uploads, "look_ahead", meanwhile)
    said = await bench.call(TOOL, **offers(bench))

    assert_told_in_four_parts(said, "document", "Nothing was changed.")
    assert said.text != UNEXPECTED
    assert bench.attempts == 0


@pytest.mark.parametrize(
    ("kind", "more"),
    [("reset", {"phase": "before"}), ("quota", {}), ("code", {"code": 34}), ("code", {"code": 35}), ("http", {})],
)
async def test_a_failure_has_four_parts_and_its_upload_says_the_same(bench: LongBench, kind: str, more: Given) -> None:
    bench.fails(kind, "collection.create", times=0, **more)
    said = await bench.client.call(TOOL, offers(bench), wait_seconds=40)
    row = (await bench.client.call("get_upload")).data["uploads"][0]
    await anyio.sleep(31)
    told = await bench.client.call("get_upload", upload_id=row["upload_id"])
    assert_told_in_four_parts(said)
    assert (f'get_upload(upload_id="{row["upload_id"]}")' in said.text) == (row["state"] == "interrupted")
    assert row["state"] == ("failed" if "Nothing was changed." in said.text else "interrupted")
    assert told.data["state"] == row["state"]
    assert told.data["warnings"]
    assert kind != "quota" or any("code 33" in one for one in told.data["warnings"])
    assert "next_step" not in told.data
    assert bench.created == 0
