"""The life of a collection: uploaded, converted, published under a new hash, changed, deleted."""

from copy import deepcopy

import pytest

from flipsnack_mcp.sandbox import Fault, Pace, Sandbox
from flipsnack_mcp.sandbox.account import Item
from tests.samples_of import meaning, names_with
from tests.sandbox.calling import PDF, PNG, Caller, calling
from tests.virtual_clock import StandingClock


async def test_an_upload_is_processing_when_nothing_can_be_done_with_it_and_then_complete(
    caller: Caller, clock: StandingClock
) -> None:
    made = await caller.created()
    assert made["collectionStatus"] == "editable"
    assert [item["status"] for item in made["collectionItems"]] == ["processing"]
    assert (made["coverImage"], made["collectionDescription"]) == ("", "")
    assert await caller.code("collection.update", collectionHash=made["collectionHash"], title="Too early") == 38
    assert await caller.code("collection.downloadHTML", collectionHash=made["collectionHash"]) == 38
    clock.now += 5
    ready = await caller.data("collection.getCollection", collectionHash=made["collectionHash"])
    assert [(item["status"], item["pagesCount"]) for item in ready["collectionItems"]] == [("complete", 2)]
    assert ready["coverImage"].endswith("/covers/page_1/thumb")
    assert ready["collectionDescription"] == "offers: the first words of the document."
    assert await caller.code("collection.update", collectionHash=made["collectionHash"], title="In time") == 20


async def test_publishing_gives_a_hash_that_stays_and_forgets_the_old_one(caller: Caller, clock: StandingClock) -> None:
    old = (await caller.created())["collectionHash"]
    clock.now += 5
    updated = await caller.data("collection.update", collectionHash=old, collectionStatus="public")
    new = updated["collectionHash"]
    assert new != old
    assert await caller.code("collection.getCollection", collectionHash=old) == 46
    assert await caller.data("collection.getCollection", collectionHash=new) == updated
    taken_back = await caller.data("collection.update", collectionHash=new, collectionStatus="editable")
    assert (taken_back["collectionHash"], taken_back["collectionStatus"]) == (new, "editable")


async def test_an_update_changes_what_is_sent_and_one_that_cannot_be_read_nothing(caller: Caller) -> None:
    before = caller.sandbox.account.add(title="Before", description="Words")
    answer = await caller.data("collection.update", collectionHash=before.hash, title="After", collectionWidth="800")
    assert answer["collectionTitle"] == "After"
    rest = [answer[name] for name in ("collectionDescription", "collectionWidth", "collectionHeight")]
    assert rest == ["Words", 800, 385]
    for wrong in ({"collectionStatus": "private"}, {"collectionWidth": "wide"}, {"collectionHeight": "0"}):
        assert await caller.code("collection.update", collectionHash=before.hash, title="Changed", **wrong) == 40
        assert before.title == "After"


async def test_a_deleted_collection_is_forbidden_an_unknown_one_invalid(caller: Caller) -> None:
    by_hand, gone = next(iter(caller.sandbox.account.collections)), caller.sandbox.account.add(title="Gone").hash
    del caller.sandbox.account.collections[by_hand]
    assert await caller.code("collection.getCollection", collectionHash=by_hand) == 43
    answer = await caller.get("collection.deleteCollection", collectionHash=gone)
    assert answer == {"code": 20, "status": "OK"}
    assert await caller.code("collection.deleteCollection", collectionHash=gone) == 43
    assert await caller.code("collection.deleteCollection", collectionHash="never1234") == 46


async def test_a_failed_conversion_uses_up_an_upload_and_a_refusal_none(caller: Caller, clock: StandingClock) -> None:
    assert (await caller.send_file("collection.create", collectionStatus="private"))["code"] == 40
    assert caller.sandbox.account.uploads_left == 53
    answer = await caller.send_file("collection.create", b"plain text", "notes.txt")
    clock.now += 5
    made = await caller.data("collection.getCollection", collectionHash=answer["data"]["collectionHash"])
    assert [item["status"] for item in made["collectionItems"]] == ["failed"]
    assert (await caller.data("user.getStats"))["api_uploads_left"] == 52
    caller.sandbox.add_fault(Fault("conversion_fails"))  # also one that is asked for
    two = [caller.sandbox.account.collections[(await caller.created())["collectionHash"]] for _ in range(2)]
    clock.now += 5
    assert [one.items[0].status(clock()) for one in two] == ["failed", "complete"]


async def test_too_many_too_large_and_too_long_documents_are_refused(clock: StandingClock) -> None:
    files = [("file", (name, PDF, "application/pdf")) for name in ("a.pdf", "b.pdf")]
    sandbox = Sandbox(clock=clock, pace=Pace(max_file_bytes=1000, max_pages=3))
    async with calling(sandbox) as caller:
        assert (await caller.send("collection.create", files))["code"] == 36
        assert (await caller.send_file("collection.create", PDF + b" " * 1000))["code"] == 34
        assert (await caller.send_file("collection.create", PDF + b"/Type /Page\n" * 2))["code"] == 35
        assert (await caller.send_file("collection.create", PDF + b"/Type /Page\n"))["code"] == 20


async def test_an_address_makes_a_document_unfetched_and_loses_to_a_file(caller: Caller, clock: StandingClock) -> None:
    answer = await caller.send("collection.create", fileUrl="https://example.com/shop/Spring%20sale.pdf?v=2")
    clock.now += 5
    made = await caller.data("collection.getCollection", collectionHash=answer["data"]["collectionHash"])
    assert made["collectionTitle"] == "Spring sale"
    assert [item["pagesCount"] for item in made["collectionItems"]] == [12]
    assert (await caller.created(fileUrl="https://example.com/other.pdf"))["collectionTitle"] == "offers"


async def test_a_created_public_collection_is_published_at_once(caller: Caller) -> None:
    made = await caller.created(collectionStatus="public", title="Straight out")
    listed = await caller.data("collection.getList", query="Straight out")
    assert listed["collections"][0]["publishDate"] == "2026-09-21 14:13:20"
    assert listed["collections"][0]["collectionHash"] == made["collectionHash"]


async def test_flipbooks_are_added_also_without_uploads_left_and_removed(caller: Caller) -> None:
    shelf = caller.sandbox.account.add(title="Shelf")
    caller.sandbox.account.uploads_left = 0
    assert (await caller.send_file("collection.create"))["code"] == 33
    added = (await caller.send_file("flipbook.add", collectionHash=shelf.hash))["data"]
    first, second = (item["itemHash"] for item in added["collectionItems"])
    assert await caller.code("flipbook.delete", collectionHash=shelf.hash, flipbookHash=first) == 20
    assert await caller.code("flipbook.delete", collectionHash=shelf.hash, flipbookHash=first) == 47
    assert [item.hash for item in shelf.items] == [second]
    assert await caller.code("flipbook.delete", collectionHash=shelf.hash, flipbookHash=second) == 20
    assert (await caller.data("collection.getCollection", collectionHash=shelf.hash))["collectionItems"] == []


async def test_images_are_set_and_removed(caller: Caller) -> None:
    shelf = caller.sandbox.account.add(title="Shelf")
    for setter, deleter, field in (
        ("collection.setLogo", "collection.deleteLogo", "logoImage"),
        ("collection.setBackgroundImage", "collection.deleteBackgroundImage", "backgroundImage"),
    ):
        answer = await caller.send_file(setter, PNG, "brand.png", collectionHash=shelf.hash)
        assert answer["data"][field].endswith("/brand")
        assert (await caller.data(deleter, collectionHash=shelf.hash))[field] == ""
    assert (await caller.send_file("collection.setLogo", collectionHash=shelf.hash))["code"] == 40  # it is no image


async def test_a_page_mark_between_two_chunks_is_counted(caller: Caller) -> None:
    # Chunks of an upload are 64 kB; the mark lies across the border, wherever it is by a few bytes.
    for shift in range(0, 40, 3):
        body = PDF + b" " * (65_536 - len(PDF) - 1 - shift * 16) + b"<< /Type /Page >>" * 40 + b" " * 70_000
        answer = await caller.send_file("collection.create", body)
        collection = caller.sandbox.account.collections[answer["data"]["collectionHash"]]
        assert collection.items[0].pages == 42


async def test_a_sandbox_that_throws_uploads_away_still_counts_their_bytes(clock: StandingClock) -> None:
    sandbox = Sandbox(clock=clock, pace=Pace(keep_uploads=False))
    async with calling(sandbox) as caller:
        await caller.created()
    file = sandbox.requests[-1].file
    assert file is not None
    assert (file["size"], file["sha256"]) == (len(PDF), "")


@pytest.mark.parametrize("name", [*names_with("writes"), *names_with("destroys")])
async def test_what_writes_changes_what_the_account_holds(caller: Caller, name: str) -> None:
    expected = meaning(name)
    sent, account = expected.everything.sent, caller.sandbox.account
    held = account.add(title="Before", collection_hash=sent.get("collectionHash", "fxh4k89"))
    held.logo = held.background = "there"
    held.items.append(Item(sent.get("flipbookHash", "second"), "Second", 2))
    before = deepcopy(account.collections)
    answer = await (caller.send(name, None, **sent) if expected.uploads else caller.get(name, **sent))
    assert answer["code"] == 20, answer
    assert account.collections != before, f"the handler of {name} keeps nothing, in flipsnack_mcp/sandbox/account.py"
