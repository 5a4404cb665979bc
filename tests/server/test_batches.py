"""list_documents, create_collections and stop_work: a folder is seen, planned, uploaded once, and stopped on request."""

import errno
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import anyio
import pytest

from flipsnack_mcp.commands.trail_table import changes_made, table_of
from flipsnack_mcp.files.documents import HEAD_BYTES, Reader
from flipsnack_mcp.files.limits import LARGE_UPLOAD_BYTES
from flipsnack_mcp.files.lookahead import LookAhead
from flipsnack_mcp.sandbox import Pace
from flipsnack_mcp.server.tools import uploads
from flipsnack_mcp.workflows.batches import carrying_out, seeing
from flipsnack_mcp.workflows.history import every_trail
from tests.server.bench import PDF, Said, tokens
from tests.server.long_bench import CREATE, GET, LIST, LongBench, assert_told_in_four_parts, named_call
from tests.server.revisions import newer
from tests.server.test_fault_matrix import FAULTS, by_turns

TOOL, SEE, LOOK, STOP = "create_collections", "list_documents", "get_upload", "stop_work"
STATES = ("complete", "converting", "unclear", "failed", "skipped", "planned")
NAMES = [f"Branch {number}.pdf" for number in (1, 2, 3, 9, 10, 11)]

# What is answered does not depend on the revision.
mode = newer


@pytest.fixture
def pace() -> Pace:
    return Pace(calls_per_second=0, calls_per_minute=0, conversion_seconds=5, package_seconds=5)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> AsyncMock:
    """Three pages each, without a process that counts them."""
    counting = AsyncMock(return_value=LookAhead(3, ()))
    for module in (seeing, carrying_out, uploads):
        monkeypatch.setattr(module, "look_ahead", counting)
    return counting


@pytest.fixture
def bench(long_bench: LongBench, counted: AsyncMock) -> LongBench:  # noqa: ARG001 - it stands in for the counting
    for name in NAMES:
        document(long_bench, f"branches/{name}")
    return long_bench


def document(bench: LongBench, name: str, content: bytes = b"") -> Path:
    path = bench.folder / "uploads" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(PDF + (content or name.encode()))
    return path


async def planned(bench: LongBench, **given: Any) -> Said:
    said = await bench.client.call(TOOL, {"folder": "branches", "status": "public", **given})
    assert not said.is_error, said.text
    assert said.data["state"] == "planned", said.text
    return said


async def carried_out(bench: LongBench, plan: Said, wait: int = 45) -> Said:
    tool, arguments = named_call(plan)
    said = await bench.client.call(tool, {**arguments, "wait_seconds": wait})
    assert not said.is_error, said.text
    return said


async def to_the_end(bench: LongBench, plan: Said) -> Said:
    said = await carried_out(bench, plan)
    while said.data["state"] == "running":
        said = await carried_out(bench, plan)
    return said


def sent_titles(bench: LongBench) -> list[str]:
    return [one.params["title"] for one in bench.sandbox.carried_out(CREATE)]


def spoil(path: Path) -> None:
    """Other content under the same name, size and time of change."""
    before, content = path.stat(), path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


# A folder is seen
async def test_a_folder_is_listed_in_natural_order_without_hidden_files_and_links(bench: LongBench) -> None:
    folder = bench.folder / "uploads"
    secret = bench.folder / "secret.pdf"
    secret.write_bytes(PDF)
    document(bench, ".hidden.pdf")
    document(bench, ".git/inside.pdf")
    document(bench, "notes.txt")
    (folder / "link.pdf").symlink_to(secret)
    (folder / "way out").symlink_to(bench.folder)
    os.link(secret, folder / "second name.pdf")
    said = await bench.client.call(SEE)
    rows = said.data["documents"]
    assert [Path(one["path"]).name for one in rows] == NAMES
    assert {(one["pages"], one["bytes"]) for one in rows} == {(3, len(PDF) + len("branches/" + name)) for name in NAMES}
    assert said.data["total"] == len(NAMES)
    assert "secret" not in said.text
    assert all(one in said.text for one in ('"link.pdf" is a link', '"second name.pdf" has more than one hard link'))
    assert bench.requests == []


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"folder": "branches"}, 6), ({"folder": "."}, 7), ({"query": "branch"}, 6), ({"query": "BRANCH 1"}, 3),
        ({"query": "uebersicht"}, 1), ({"query": "ubersicht"}, 1), ({"query": "übersihct"}, 1), ({"query": "price list"}, 0), ({"query": "Übersicht 2026"}, 1),
        ({"query": "branches 9", "folder": "branches"}, 1),
    ],
)  # fmt: skip
async def test_a_folder_and_words_narrow_the_list(bench: LongBench, given: dict[str, str], found: int) -> None:
    document(bench, "Übersicht 2026.pdf")
    said = await bench.client.call(SEE, given)
    assert (said.data["total"], len(said.data["documents"])) == (found, found), said.text


@pytest.mark.parametrize(
    "folder", ["/etc", "../", "branches/../..", ".git", "/", "~root", "file:///etc", "branches/Branch 1.pdf"]
)
async def test_a_folder_elsewhere_is_refused(bench: LongBench, folder: str) -> None:
    document(bench, ".git/inside.pdf")
    for tool in (SEE, TOOL):
        assert_told_in_four_parts(await bench.client.call(tool, folder=folder))


async def test_a_folder_that_is_nearly_there_is_proposed(bench: LongBench) -> None:
    said = await bench.client.call(SEE, folder="brnches")
    assert_told_in_four_parts(said, "uploads/branches")


async def test_of_more_than_two_hundred_the_first_are_listed_and_all_are_counted(bench: LongBench) -> None:
    for number in range(201):
        document(bench, f"many/{number}.pdf")
    said = await bench.client.call(SEE, folder="many")
    assert (len(said.data["documents"]), said.data["total"]) == (200, 201)
    assert "Only the first 200" in said.text


async def test_pages_are_counted_once_as_long_as_a_document_stays_the_same(
    bench: LongBench, counted: AsyncMock
) -> None:
    await bench.client.call(SEE)
    await bench.client.call(SEE)
    once = counted.await_count
    path = document(bench, f"branches/{NAMES[0]}", b"a new edition")
    await bench.client.call(SEE)
    assert (once, counted.await_count) == (len(NAMES), len(NAMES) + 1)
    assert path.exists()


async def test_a_document_that_cannot_be_read_to_its_end_is_left_for_that_reason(
    bench: LongBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Reader.read

    def with_a_broken_disk(self: Reader, offset: int, length: int) -> bytes:
        if length != HEAD_BYTES:
            raise OSError(errno.EIO, "Input/output error")
        return read(self, offset, length)

    monkeypatch.setattr(Reader, "read", with_a_broken_disk)
    said = await bench.client.call(TOOL, folder="branches")
    assert {one["reason"] for one in said.data["items"]} == {
        "The document cannot be read any further (Input/output error)."
    }


async def test_what_is_odd_about_a_document_is_told_each_time_it_is_listed(
    bench: LongBench, counted: AsyncMock
) -> None:
    document(bench, "late.pdf").write_bytes(b"\n" + PDF)
    os.truncate(document(bench, "large.pdf"), LARGE_UPLOAD_BYTES)
    for _ in range(2):
        said = await bench.client.call(SEE)
        assert "The document has 1 byte before its beginning as a PDF" in said.text
        assert said.text.count("The document is over 100 MB") == 1
    assert counted.await_count == len(NAMES) + 3, "of the one that is large the pages are remembered"


async def test_pages_are_absent_where_the_time_of_the_call_ended(bench: LongBench, counted: AsyncMock) -> None:
    async def slow(_: object) -> LookAhead:
        await anyio.sleep(30)
        return LookAhead(3, ())

    counted.side_effect = slow
    said = await bench.client.call(SEE)
    pages = [one.get("pages") for one in said.data["documents"]]
    assert said.seconds < 45
    assert Counter(pages) == {3: 4, None: 2}


async def test_a_document_is_listed_as_what_it_was_uploaded_as(bench: LongBench) -> None:
    path = bench.folder / "uploads" / "branches" / NAMES[0]
    made = await bench.client.call("create_collection", file_path=str(path), title="Branch one", status="public")
    seen = await bench.client.call(SEE, query="1.pdf")
    first = seen.data["documents"][0]
    bench.clock.advance(60 * 24 * 3600)
    later = await bench.client.call(SEE, query="1.pdf")
    path.write_bytes(path.read_bytes() + b"new")
    changed = await bench.client.call(SEE, query="1.pdf")
    assert (first["collection_hash"], first["title"]) == (made.data["collection_hash"], "Branch one")
    assert later.data["documents"][0] == first
    assert "collection_hash" not in changed.data["documents"][0]


async def test_a_document_is_listed_under_the_new_hash_and_not_at_all_once_it_is_deleted(bench: LongBench) -> None:
    store, look = bench.memory(), {"query": "1.pdf"}
    async with bench.assistant(store=store, confirm="allow") as client:
        made = await client.call("create_collection", file_path="branches/Branch 1.pdf", title="One")
        await anyio.sleep(10)
        hashed = {"collection_hash": made.data["collection_hash"]}
        renamed = await client.call("update_collection", hashed, status="public")
        seen = await client.call(SEE, look)
        await client.call("delete_collection", collection_hash=renamed.data["collection_hash"])
        gone = await client.call(SEE, look)
    assert renamed.data["collection_hash"] != made.data["collection_hash"]
    assert seen.data["documents"][0]["collection_hash"] == renamed.data["collection_hash"]
    assert "collection_hash" not in gone.data["documents"][0]


RENAMED = ("update_collection", "update_collections", "undo_change", "at Flipsnack, and listed since")


@pytest.mark.parametrize("by", RENAMED)
async def test_a_document_is_listed_under_the_title_that_its_collection_has_by_now(bench: LongBench, by: str) -> None:
    made = await bench.client.call("create_collection", file_path="branches/Branch 1.pdf", title="One", status="public")
    await anyio.sleep(10)
    hashed = {"collection_hash": made.data["collection_hash"]}
    if by.startswith("at Flipsnack"):
        bench.sandbox.account.collections[hashed["collection_hash"]].title = "Two"
        await bench.client.call("list_collections", query="Two")
    elif by == "update_collections":
        plan = await bench.client.call(by, collections=[hashed["collection_hash"]], find="One", replace="Two")
        await to_the_end(bench, plan)
    else:
        renamed = await bench.client.call("update_collection", hashed, title="Two")
        if by == "undo_change":
            await bench.client.call("update_collection", hashed, title="Three")
            plan = await bench.client.call(by, history_id=renamed.data["history_id"] + 2)
            await to_the_end(bench, plan)
    asked = len(bench.requests)
    seen = await bench.client.call(SEE, query="1.pdf")
    assert seen.data["documents"][0]["title"] == "Two"
    assert len(bench.requests) == asked, "nobody is asked for it"
    planned_again = await planned(bench)
    assert f'"Branch 1.pdf" as "Two" ({hashed["collection_hash"]})' in planned_again.text


async def test_an_upload_that_failed_does_not_hide_what_a_document_became_before(bench: LongBench) -> None:
    given = {"file_path": "branches/Branch 1.pdf", "status": "public"}
    made = await bench.client.call("create_collection", given, title="One")
    bench.fails("code", CREATE, code=36)
    failed = await bench.client.call("create_collection", given, title="Two")
    kept = await bench.client.call(SEE, query="1.pdf")
    bench.sandbox.account.delete(made.data["collection_hash"])
    await bench.client.call(LOOK, upload_id=made.data["upload_id"])
    gone = await bench.client.call(SEE, query="1.pdf")
    assert failed.is_error
    assert kept.data["documents"][0]["collection_hash"] == made.data["collection_hash"]
    assert "collection_hash" not in gone.data["documents"][0]


# A folder is planned and uploaded
async def test_a_folder_of_six_is_published_in_three_calls_with_links(bench: LongBench) -> None:
    left, plan = bench.sandbox.account.uploads_left, await planned(bench, title="{name} {date}")
    assert set(bench.requests) == {"user.getStats"}
    assert (bench.created, bench.sandbox.account.uploads_left) == (0, left)
    assert [one["title"] for one in plan.data["items"]] == [f"{name[:-4]} 2026-09-21" for name in NAMES]
    assert "6 of the month's uploads" in plan.text
    done = await carried_out(bench, plan)
    last = done if "next_step" not in done.data else await bench.client.call(*named_call(done))
    rows = last.data.get("uploads") or last.data["items"]
    assert done.data["state"] == "complete"
    assert sent_titles(bench) == [f"{name[:-4]} 2026-09-21" for name in NAMES]
    assert {one["state"] for one in rows} == {"complete"}
    assert {one["collection_hash"] for one in rows} <= bench.sandbox.account.collections.keys()
    assert all(one["direct_link"].endswith(f"{one['collection_hash']}.html") for one in rows)
    assert sum(tokens(one.text) for one in {plan.text: plan, done.text: done, last.text: last}.values()) <= 1200


async def test_what_flipsnack_made_a_draft_of_is_said_where_another_status_was_asked_for(bench: LongBench) -> None:
    made = {"collectionStatus": "editable", "collectionItems": [{"itemHash": "a", "status": "complete"}]}
    bench.answers("collection.getCollection", made, times=0)
    done = await to_the_end(bench, await planned(bench))
    assert ["shows another status than was asked for" in one["reason"] for one in done.data["items"]] == [True] * len(
        NAMES
    )


async def test_what_was_uploaded_before_as_something_else_is_said_to_stay_that(bench: LongBench) -> None:
    await to_the_end(bench, await planned(bench, status="editable"))
    plan = await planned(bench, status="public")
    done = await to_the_end(bench, plan)
    assert plan.data["changes"][1] == "each that is sent becomes public"
    assert bench.created == len(NAMES)
    told = [one["reason"] for one in done.data["items"]]
    assert ["asks for another status: use update_collection" in one for one in told] == [True] * len(NAMES)


async def test_documents_whose_conversion_failed_are_not_counted_as_done(bench: LongBench) -> None:
    bench.fails("conversion_fails", CREATE, times=2)
    done = await to_the_end(bench, await planned(bench))
    assert [one["state"] for one in done.data["items"]].count("failed") == 2
    assert done.data["counts"] == {"failed": 2, "done": len(NAMES) - 2}


async def test_nothing_is_sent_twice_however_often_it_is_asked_for(bench: LongBench) -> None:
    plan = await planned(bench)
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(carried_out, bench, plan)
    once_more = await carried_out(bench, plan)
    same = await planned(bench)
    anew = await carried_out(bench, same)
    assert (once_more.data["state"], anew.data["state"]) == ("complete", "complete")
    assert Counter(sent_titles(bench)) == Counter({name[:-4]: 1 for name in NAMES})
    assert "nothing was sent again" in anew.text
    assert [one.data["changes"][0].partition(" of ")[0] for one in (plan, same)] == ["6", "at most 6"]


async def test_a_batch_says_at_once_how_many_there_are_and_for_how_long_it_goes_on(bench: LongBench) -> None:
    bench.road.upload_seconds = 3
    said = await carried_out(bench, await planned(bench), wait=0)
    assert (said.data["state"], said.data["progress"]) == ("running", {"done": 0, "total": 6, "seconds_left": 24})
    assert "in about 24 s to see" in said.data["next_step"]


async def test_a_batch_goes_on_when_its_call_has_ended(bench: LongBench) -> None:
    bench.road.upload_seconds = 3
    plan = await planned(bench)
    first = await carried_out(bench, plan, wait=0)
    assert first.data.keys() <= {"plan_id", "state", "counts", "progress", "warnings", "next_step"}
    assert first.data["state"] == "running"
    await anyio.sleep(200)
    assert bench.created == len(NAMES)
    assert (await carried_out(bench, plan)).data["state"] == "complete"


async def test_what_changed_or_is_new_since_the_plan_is_left_and_said(bench: LongBench) -> None:
    folder = bench.folder / "uploads" / "branches"
    plan = await planned(bench)
    spoil(folder / NAMES[0])
    (folder / NAMES[1]).write_bytes(PDF + b"longer than it was before")
    (folder / NAMES[2]).unlink()
    (folder / NAMES[3]).unlink()
    (folder / NAMES[3]).symlink_to(document(bench, "elsewhere.pdf"))
    document(bench, "branches/Branch 12.pdf")
    done = await carried_out(bench, plan)
    assert sent_titles(bench) == [name[:-4] for name in NAMES[4:]]
    assert done.data["counts"] == {"skipped": 4, "done": 2}
    assert '"Branch 12.pdf"' in " ".join(done.data["warnings"])
    assert done.text.count("It changed since the plan was made, so it was left alone.") == 2


async def test_what_lies_in_another_folder_is_not_new_in_this_one_though_its_first_document_cannot_be_read(
    bench: LongBench,
) -> None:
    document(bench, "Elsewhere.pdf")
    (bench.folder / "uploads" / "branches" / NAMES[0]).write_bytes(b"")
    plan = await planned(bench)
    document(bench, "branches/Branch 12.pdf")
    done = await carried_out(bench, plan)
    assert done.data["warnings"] == ['New in the folder since the plan, and left: "Branch 12.pdf".']


async def test_what_cannot_be_read_is_one_items_finding(bench: LongBench) -> None:
    (bench.folder / "uploads" / "branches" / "Branch 2.pdf").write_bytes(b"<html>no PDF</html>")
    plan = await planned(bench)
    await carried_out(bench, plan)
    assert plan.data["counts"] == {"planned": 5, "failed": 1}
    assert "is not a PDF" in plan.data["items"][1]["reason"]
    assert len(sent_titles(bench)) == 5


async def test_of_many_documents_those_that_are_left_are_told_first(bench: LongBench) -> None:
    for number in range(1, 26):
        document(bench, f"Flyer {number}.pdf", f"{number}".encode())
    (bench.folder / "uploads" / "Flyer 24.pdf").write_bytes(b"")
    names = [f"Flyer {number}.pdf" for number in range(1, 26)]
    plan = await bench.client.call(TOOL, documents=names)
    document(bench, "Flyer 25.pdf", b"another by now")
    done = await to_the_end(bench, plan)
    assert [one["name"] for one in plan.data["items"]] == ["Flyer 24.pdf", *names[:23], "Flyer 25.pdf"]
    assert [one["name"] for one in done.data["items"]] == ["Flyer 24.pdf", "Flyer 25.pdf", *names[:23]]
    assert [one["state"] for one in done.data["items"]][:3] == ["failed", "skipped", "complete"]
    assert "Flyer 24.pdf" in done.text
    assert "Flyer 25.pdf" in done.text


async def test_the_links_that_a_text_leaves_out_are_where_its_next_step_says(bench: LongBench) -> None:
    names = [f"Flyer {number}.pdf" for number in range(1, 23)]
    for name in names:
        document(bench, name)
    done = await to_the_end(bench, await bench.client.call(TOOL, documents=names, status="public"))
    while "it gives the links" in (told := done.data.get("next_step", "")) or "leaves out" in told:
        done = await bench.client.call(*named_call(done))
    made = [one.hash for one in bench.sandbox.account.collections.values() if f"{one.title}.pdf" in names]
    assert len(made) == len(names)
    assert all(f"-{one}.html" in done.text for one in made)


async def test_documents_are_named_by_name_or_path_and_each_counts_once(bench: LongBench) -> None:
    path = document(bench, "plain.pdf")
    given = ["plain.pdf", str(path), path.as_uri(), "branches/Branch 1.pdf", "nowhere.pdf", "/etc/passwd"]
    said = await bench.client.call(TOOL, documents=given, title="Offer {number}")
    await carried_out(bench, said)
    assert [(one["name"], one["state"]) for one in said.data["items"]] == [
        *[("plain.pdf", "planned"), ("Branch 1.pdf", "planned"), ("nowhere.pdf", "failed"), ("passwd", "failed")]
    ]
    assert sent_titles(bench) == ["Offer 1", "Offer 2"]
    assert {one.status for one in bench.sandbox.account.collections.values() if one.title.startswith("Offer ")} == {
        "editable"
    }


async def test_the_same_content_under_two_names_and_one_title_is_sent_once_and_said(bench: LongBench) -> None:
    for name in ("one.pdf", "two.pdf"):
        document(bench, name, b"the same")
    plan = await bench.client.call(TOOL, documents=["one.pdf", "two.pdf"], title="Prices")
    done = await to_the_end(bench, plan)
    assert '"Prices", 2 times' in plan.text
    assert plan.data["changes"][0].startswith("at most 2 of the month's uploads")
    assert " to no less than " in plan.data["changes"][0]
    assert sent_titles(bench) == ["Prices"]
    assert len({one["collection_hash"] for one in done.data["items"]}) == 1
    assert "nothing was sent again" in done.data["items"][1]["reason"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Say what to upload"), ({"folder": "branches", "documents": ["x.pdf"]}, "either documents or a folder"),
        ({"folder": "branches", "title": "{titel}"}, "titel"), ({"plan_id": "abcd2345", "status": "public"}, "only wait_seconds"),
        ({"plan_id": "abcd2345"}, "no such plan"), ({"documents": ["x.pdf"] * 101}, "100"),
    ],
)  # fmt: skip
async def test_what_is_no_plan_is_refused_in_words(bench: LongBench, given: dict[str, Any], said: str) -> None:
    assert_told_in_four_parts(await bench.client.call(TOOL, given), said)
    assert bench.created == 0


async def test_a_plan_that_the_months_uploads_do_not_do_for_is_refused_with_the_figures(bench: LongBench) -> None:
    bench.sandbox.account.uploads_left = 5
    said = await bench.client.call(TOOL, folder="branches")
    assert_told_in_four_parts(said, "6 documents", "5 of the month's uploads are left", "at most 5")
    bench.sandbox.account.uploads_left = 1
    said = await bench.client.call(TOOL, folder="branches")
    assert_told_in_four_parts(said, "6 documents", "1 of the month's uploads is left", "at most 1")
    bench.sandbox.account.uploads_left = 0
    said = await bench.client.call(TOOL, documents=["branches/" + NAMES[0]])
    assert_told_in_four_parts(said, "1 document would be uploaded", "0 of the month's uploads are left")


async def test_a_number_below_none_says_nothing_of_how_many_uploads_are_left(bench: LongBench) -> None:
    bench.sandbox.account.uploads_left = -1
    plan = await planned(bench)
    assert plan.data["changes"][0] == "6 of the month's uploads, how many are left is not known"


async def test_of_documents_that_were_uploaded_before_it_is_not_said_that_they_would_be_once_more(
    bench: LongBench,
) -> None:
    await to_the_end(bench, await planned(bench))
    bench.sandbox.account.uploads_left = 5
    said = await bench.client.call(TOOL, folder="branches")
    assert_told_in_four_parts(said, "6 documents named", "uploaded before", "that are new, 5 at most: list_documents")
    assert "would be uploaded" not in said.text


async def test_more_than_a_hundred_are_refused_with_the_figures(bench: LongBench) -> None:
    for number in range(101):
        document(bench, f"many/{number}.pdf")
    assert_told_in_four_parts(await bench.client.call(TOOL, folder="many"), "101", "100")


async def test_a_batch_stops_where_the_months_uploads_are_used_up_meanwhile(bench: LongBench) -> None:
    plan = await planned(bench)
    bench.sandbox.account.uploads_left = 2
    said = await carried_out(bench, plan)
    assert said.data["state"] == "stopped"
    assert said.data["counts"] == {"done": 2, "failed": 1, "planned": 3}
    bench.sandbox.account.uploads_left = 10
    last = await carried_out(bench, said)
    assert last.data["counts"] == {"done": 6}
    assert Counter(sent_titles(bench)) == Counter({name[:-4]: 1 for name in NAMES})


async def test_a_plan_that_is_a_day_old_sends_nothing(bench: LongBench) -> None:
    plan = await planned(bench)
    bench.clock.advance(24 * 3600 + 60)
    tool, arguments = named_call(plan)
    assert_told_in_four_parts(await bench.client.call(tool, arguments), "more than a day old")
    assert bench.created == 0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"query": "zebra"}, "No path there has all of these words"),
        ({"folder": "empty"}, "call list_documents without folder"),
    ],
)
async def test_where_no_document_is_the_answer_says_what_to_do(
    bench: LongBench, given: dict[str, str], told: str
) -> None:
    (bench.folder / "uploads" / "empty").mkdir()
    async with bench.assistant() as bench.client:
        said = await bench.client.call(SEE, given)
    assert said.data["total"] == 0
    assert told in said.text


async def test_each_document_of_a_batch_has_an_entry_in_the_history(bench: LongBench) -> None:
    store = bench.memory()
    async with bench.assistant(store=store) as bench.client:
        await carried_out(bench, await planned(bench))
    events = await store.transact(lambda records: [body for _, body in records.all("history")])
    hashes = {one.hash for one in bench.sandbox.account.collections.values() if one.title.startswith("Branch")}
    assert {one["target"] for one in events if one["tool"] == TOOL} >= hashes


async def test_in_the_table_of_the_history_a_document_of_a_batch_has_its_title(bench: LongBench) -> None:
    store = bench.memory()
    async with bench.assistant(store=store) as bench.client:
        await carried_out(bench, await planned(bench))
    (trail,) = await every_trail(store)
    table = table_of(changes_made([(trail.account, one) for one in trail.events]), {trail.account: "uk"})
    made = [one for one in bench.sandbox.account.collections.values() if one.title.startswith("Branch")]
    assert [one.title for one in made if f'"{one.title}" ({one.hash})' not in table] == []


async def test_a_batch_is_begun_and_done_once_in_the_history_however_often_it_is_looked_at(bench: LongBench) -> None:
    store = bench.memory()
    async with bench.assistant(store=store) as bench.client:
        plan = await planned(bench)
        for wait in (0, 45, 0, 0):
            await carried_out(bench, plan, wait)
    (trail,) = await every_trail(store)
    told = [(one.decision, one.said) for one in trail.events if one.target == plan.data["plan_id"]]
    assert told == [("begun", "6 documents"), ("done", "6 done")]


# After the end of a server
async def test_another_server_goes_on_with_a_batch_and_sends_none_twice(bench: LongBench) -> None:
    bench.road.upload_seconds = 3
    store = bench.file()
    async with bench.assistant(store=store) as bench.client:
        plan = await planned(bench)
        await carried_out(bench, plan, wait=30)
        begun = bench.created
    async with bench.assistant(store=bench.file()) as bench.client:
        said = await to_the_end(bench, plan)
    assert 0 < begun < len(NAMES) - 1
    assert_all_sent_but_the_one_that_was_cut(bench)
    assert said.data["counts"] == {"done": 5, "unclear": 1}
    assert "no collection of it was found" in said.text


def assert_all_sent_but_the_one_that_was_cut(bench: LongBench) -> None:
    """What came of that cannot be known, so it is left to a person."""
    titles = Counter(sent_titles(bench))
    assert titles.keys() <= {name[:-4] for name in NAMES}
    assert (len(titles), max(titles.values())) == (len(NAMES) - 1, 1)


async def test_a_process_that_may_not_upload_from_there_leaves_a_batch_to_one_that_may(bench: LongBench) -> None:
    bench.road.upload_seconds = 3
    async with bench.assistant(store=bench.file()) as bench.client:
        plan = await planned(bench)
        await carried_out(bench, plan, wait=30)
    begun = bench.attempts
    for settings in ({"upload_dirs": (bench.folder / "other",)}, {"read_only": True}):
        async with bench.assistant(store=bench.file(), **settings) as other:
            await other.call("list_documents")
            await other.call("get_user_stats")
            await anyio.sleep(120)
    assert bench.attempts == begun
    async with bench.assistant(store=bench.file()) as bench.client:
        await bench.client.call(LOOK)
        await anyio.sleep(300)
    assert_all_sent_but_the_one_that_was_cut(bench)


# Faults
STAYING = ("22", "31", "hang after", "reset before", "reset after", "HTML 502")
"""What stays is tried again until nothing can come of it; of the others the first answer decides."""


@pytest.mark.parametrize(
    ("fault", "times"),
    [
        *(pytest.param(fault, 1, id=f"{fault}-once") for fault, _ in (*by_turns(0, "once"), ("huge", "once"))),
        *(pytest.param(fault, 0, id=f"{fault}-for ever") for fault in STAYING),
    ],
)
async def test_no_fault_uploads_a_document_twice_or_makes_the_outcome_untrue(
    bench: LongBench, fault: str, times: int
) -> None:
    for name in NAMES[2:]:
        (bench.folder / "uploads" / "branches" / name).unlink()
    plan = await planned(bench)
    bench.sandbox.add_fault(replace(FAULTS[fault], action=CREATE, times=times))
    during = await to_the_end(bench, plan)
    bench.sandbox.clear_faults()
    said = during
    for _ in range(1 if times else 2):
        await anyio.sleep(60)
        said = await to_the_end(bench, plan)
    created = Counter(sent_titles(bench))
    titles = {state: {one["title"] for one in said.data["items"] if one["state"] == state} for state in STATES}
    assert during.data["state"] in {"complete", "stopped"}
    assert set(created.values()) <= {1}, said.text
    assert titles["complete"] | titles["converting"] <= created.keys()
    assert created.keys() <= titles["complete"] | titles["converting"] | titles["unclear"], said.text
    assert not titles["planned"]


# Looking after uploads
async def test_get_upload_looks_after_all_that_is_under_way_with_few_calls_and_gives_links(bench: LongBench) -> None:
    for name in NAMES:
        path = bench.folder / "uploads" / "branches" / name
        await bench.client.call("create_collection", file_path=str(path), title=name, status="public", wait_seconds=0)
    await anyio.sleep(4)
    before = Counter(bench.requests)
    said = await bench.client.call(LOOK, wait_seconds=45)
    asked = Counter(bench.requests) - before
    again = await bench.client.call(LOOK, wait_seconds=45)
    assert [one["state"] for one in said.data["uploads"]] == ["complete"] * 6
    assert all(one["direct_link"] for one in said.data["uploads"])
    assert "next_step" not in said.data
    assert asked[GET] <= 2 * len(NAMES)
    assert asked[LIST] <= 6
    assert again.seconds < 1


async def test_why_a_document_failed_is_told_by_every_call_that_tells_that_it_did(bench: LongBench) -> None:
    bench.fails("conversion_fails")
    plan = await planned(bench)
    told = [await carried_out(bench, plan) for _ in range(2)]
    told += [await bench.client.call(LOOK, wait_seconds=45) for _ in range(2)]
    rows = [row for one in told for row in one.data.get("items") or one.data["uploads"] if row["state"] == "failed"]
    assert [row["reason"] for row in rows] == [uploads.FAILED_CONVERSION] * 4
    row = rows[-1]
    alone = await bench.client.call(LOOK, upload_id=row["upload_id"])
    assert alone.data["warnings"].count(uploads.FAILED_CONVERSION) == 1


async def test_get_upload_waits_no_longer_than_asked_and_names_the_call_that_goes_on(bench: LongBench) -> None:
    await bench.client.call("create_collection", file_path=f"branches/{NAMES[0]}", wait_seconds=0)
    await anyio.sleep(1)
    said = await bench.client.call(LOOK, wait_seconds=3)
    assert said.seconds < 5
    assert {one["state"] for one in said.data["uploads"]} == {"converting"}
    assert named_call(said) == (LOOK, {"wait_seconds": 45})


# What is not seen of a name
HIDDEN = {
    "direction": "\u202e\u2066\u2069\u200f",
    "of no width": "\u200b\ufeff\u2060\u00ad",
    "tags": "\U000e0041",
}


@pytest.mark.parametrize("way", ["one without a title", "many", "many by a rule"])
@pytest.mark.parametrize("hidden", HIDDEN)
async def test_a_title_made_of_a_files_name_has_nothing_that_is_not_seen(
    bench: LongBench, hidden: str, way: str
) -> None:
    path = document(bench, f"odd/Pages{HIDDEN[hidden]}gnp.{hidden[:1]}.pdf")
    if way == "one without a title":
        said = await bench.client.call("create_collection", file_path=path.as_uri(), wait_seconds=30)
    else:
        rule = {"title": "{name} for all"} if way.endswith("rule") else {}
        said = await to_the_end(bench, await planned(bench, folder="odd", **rule))
    (made,) = bench.sandbox.carried_out(CREATE)
    titles = [one.title for one in bench.sandbox.account.collections.values() if one.title.startswith("Pages")]
    expected = f"Pagesgnp.{hidden[:1]}"
    assert not said.is_error, said.text
    assert titles == [f"{expected} for all" if way.endswith("rule") else expected]
    assert made.params.get("title", titles[0]) == titles[0]


async def test_a_title_that_somebody_gave_is_sent_as_it_was_typed(bench: LongBench) -> None:
    typed = "Spring \u2067\u05d0\u2069 offers\u200b"
    await bench.client.call("create_collection", file_path=f"branches/{NAMES[0]}", title=typed, wait_seconds=30)
    await to_the_end(
        bench, await planned(bench, folder="", documents=[f"branches/{NAMES[1]}"], title=f"{typed} {{number}}")
    )
    assert sent_titles(bench) == [typed, f"{typed} 1"]


# Stopping
async def test_stop_work_stops_a_batch_and_a_call_goes_on_with_what_is_left(bench: LongBench) -> None:
    bench.road.upload_seconds = 3
    plan = await planned(bench)
    await carried_out(bench, plan, wait=30)
    stopped = await bench.client.call(STOP, work_id=plan.data["plan_id"])
    begun = bench.attempts
    await anyio.sleep(300)
    assert stopped.data["state"] == "stopped"
    assert bench.attempts == begun
    assert 0 < bench.created < len(NAMES)
    said = await to_the_end(bench, plan)
    assert said.data["counts"] == {"done": len(NAMES)}
    assert Counter(sent_titles(bench)) == Counter({name[:-4]: 1 for name in NAMES})


async def test_stop_work_stops_an_upload_a_report_and_a_plan(bench: LongBench) -> None:
    bench.road.upload_seconds = 60
    for action in ("collection.getStats", "collection.update"):
        bench.fails("slow", action, times=0, seconds=5)
    upload = await bench.client.call("create_collection", file_path="branches/Branch 1.pdf", wait_seconds=0)
    report = await bench.client.call("report_stats", everything=True, wait_seconds=0)
    rename = await bench.client.call("update_collections", query="Weekly", find="Weekly", replace="Monthly")
    await bench.client.call("update_collections", plan_id=rename.data["plan_id"], wait_seconds=0)
    ids = [upload.data["upload_id"], report.data["report_id"], rename.data["plan_id"]]
    said = [await bench.client.call(STOP, work_id=one) for one in ids]
    asked = len(bench.requests)
    await anyio.sleep(100)
    seen = await bench.client.call(LOOK, upload_id=ids[0])
    twice = await bench.client.call(STOP, work_id=ids[0])
    assert [(one.data["kind"], one.data["state"]) for one in said] == [
        *[("upload", "stopped"), ("report", "stopped"), ("plan", "stopped")]
    ]
    assert seen.data["state"] == "stopped"
    assert (bench.created, len(bench.requests)) == (0, asked)
    assert_told_in_four_parts(twice, "No work is under way under that id")


async def test_of_a_plan_that_was_stopped_on_request_it_is_not_said_to_go_on_once_something_is_mended(
    bench: LongBench,
) -> None:
    bench.fails("slow", "collection.update", times=0, seconds=5)
    rename = await bench.client.call("update_collections", query="Weekly", find="Weekly", replace="Monthly")
    said: list[Any] = []

    async def watch() -> None:
        said.append(await bench.client.call("update_collections", plan_id=rename.data["plan_id"], wait_seconds=40))

    async with anyio.create_task_group() as watching:
        watching.start_soon(watch)
        await anyio.sleep(8)
        await bench.client.call(STOP, work_id=rename.data["plan_id"])
    (seen,) = said
    assert (seen.data["state"], seen.data["warnings"]) == ("stopped", ["It was stopped on request."])
    assert seen.data["next_step"].startswith("Tell the person what is left. Call update_collections(")
    assert seen.data["next_step"].endswith(" only if they want it to go on.")


async def test_work_that_waits_for_flipsnacks_answer_is_told_to_be_stopping_within_a_calls_time(
    bench: LongBench,
) -> None:
    """The call lasted as long as the change did, and clients give up after a minute."""
    bench.fails("slow", "collection.update", times=0, seconds=300)
    rename = await bench.client.call("update_collections", query="Weekly", find="Weekly", replace="Monthly")
    plan = rename.data["plan_id"]
    await bench.client.call("update_collections", plan_id=plan, wait_seconds=0)
    await anyio.sleep(2)
    began = anyio.current_time()
    said = await bench.client.call(STOP, work_id=plan)
    took = anyio.current_time() - began
    await anyio.sleep(400)
    sent = bench.requests.count("collection.update")
    after = await bench.client.call(STOP, work_id=plan)
    await anyio.sleep(100)
    assert took < 45
    assert said.data["state"].startswith("stopping: it ends within half a minute, or once what it has sent is answered")
    assert_told_in_four_parts(after, "That plan is not under way")
    assert bench.requests.count("collection.update") == sent


async def test_who_stops_a_plan_that_is_not_under_way_is_not_sent_to_the_call_that_carries_it_out(
    bench: LongBench,
) -> None:
    rename = await bench.client.call("update_collections", query="Weekly", find="Weekly", replace="Monthly")
    plans = [rename.data["plan_id"], (await planned(bench)).data["plan_id"]]
    said = [await bench.client.call(STOP, work_id=one) for one in plans]
    for one in said:
        assert_told_in_four_parts(one, "That plan is not under way", "Leave it")
        assert "Ask" not in one.text
    await bench.client.call("update_collections", plan_id=plans[0], wait_seconds=45)
    sent = len(bench.requests)
    over = await bench.client.call(STOP, work_id=plans[0])
    assert_told_in_four_parts(over, "carried out to its end")
    assert (bench.attempts, len(bench.requests)) == (0, sent)


async def test_stop_work_stops_a_download_and_nothing_of_it_is_kept(bench: LongBench) -> None:
    bench.road.package_seconds = 20
    wanted = {"collection_hash": bench.collection().hash}
    first = await bench.client.call("download_collection_html", wanted, wait_seconds=15)
    while "download_id" not in first.data:
        first = await bench.client.call("download_collection_html", wanted, wait_seconds=15)
    said = await bench.client.call(STOP, work_id=first.data["download_id"])
    assert (said.data["kind"], said.data["state"]) == ("download", "stopped")
    assert bench.downloaded == []


async def test_work_of_another_process_is_asked_to_stop(bench: LongBench) -> None:
    bench.road.upload_seconds = 3
    store = bench.memory()
    async with bench.assistant(store=store) as bench.client, bench.assistant(store=store) as other:
        plan = await planned(bench)
        await carried_out(bench, plan, wait=0)
        said = await other.call(STOP, work_id=plan.data["plan_id"])
        await anyio.sleep(30)
        begun = bench.attempts
        await anyio.sleep(100)
    assert said.data["state"].startswith("stopping")
    assert bench.attempts == begun < len(NAMES)
