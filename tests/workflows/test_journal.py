"""The journal: what stands, what is orphaned, and that several processes agree on it."""

import re
from pathlib import Path

import anyio
import pytest

from flipsnack_mcp.store.leases import DEAD_AFTER, KEPT, Owner
from flipsnack_mcp.store.sqlite import MemoryStore, SqliteStore
from flipsnack_mcp.workflows.jobs import new_job_id
from flipsnack_mcp.workflows.uploads.journal import STANDS_FOR, UPLOAD, Journal, JournalEntry, UploadState
from flipsnack_mcp.workflows.uploads.remembered import DocumentKey, Remembered, recall_documents
from tests.server.bench import LoopClock

AGES = (0.0, STANDS_FOR - 1, STANDS_FOR)


@pytest.fixture
def journal(clock: LoopClock) -> Journal:
    return Journal(MemoryStore(clock), "mine")


def asked(document: str = "sha256:1", title: str = "Offers", account: str = "mine") -> JournalEntry:
    known = {"upload_id": new_job_id(), "account": account, "document": document, "title": title}
    return JournalEntry.model_validate({**known, "name": "offers.pdf", "size": 100})


async def begun(journal: Journal, entry: JournalEntry | None = None, *, again: bool = False) -> JournalEntry:
    """What counts after somebody asked for this."""
    entry = entry or asked()
    return await journal.begin(entry, Owner(f"{UPLOAD}/{journal.account}/{entry.upload_id}"), again=again)


async def test_of_many_that_begin_the_same_at_once_one_counts(clock: LoopClock, tmp_path: Path) -> None:
    """For SQLite two processes have two connections to one file."""
    path = tmp_path / "state.sqlite"
    for store, other in ((memory := MemoryStore(clock), memory), (SqliteStore(path, clock), SqliteStore(path, clock))):
        found: list[JournalEntry] = []
        journals = [Journal(store, "mine"), Journal(other, "mine")]

        async def begin(journal: Journal, found: list[JournalEntry] = found) -> None:
            found.append(await begun(journal))

        async with anyio.create_task_group() as group:
            for number in range(10):
                group.start_soon(begin, journals[number % 2])
        assert len({one.upload_id for one in found}) == len(await journals[0].recent()) == 1
        await store.close()
        await other.close()


@pytest.mark.parametrize(
    ("state", "collection_hash", "age", "stands"),
    [
        *((state, "", age, age < STANDS_FOR) for state in ("waiting", "uploading", "interrupted") for age in AGES),
        *((state, "abc", age, age < STANDS_FOR) for state in ("converting", "complete", "failed") for age in AGES),
        ("failed", "", 0.0, False),
    ],
)
async def test_what_stands_is_what_may_have_cost_an_upload_within_a_day(
    journal: Journal, clock: LoopClock, state: UploadState, collection_hash: str, age: float, *, stands: bool
) -> None:
    first = await begun(journal)
    await journal.note(first, state=state, collection_hash=collection_hash)
    clock.advance(age)
    second = await begun(journal)
    assert (second.upload_id == first.upload_id) == stands


@pytest.mark.parametrize("state", ["converting", "complete", "failed", "interrupted"])
async def test_again_begins_anew_and_the_newest_stands(state: UploadState, journal: Journal, clock: LoopClock) -> None:
    first = await begun(journal)
    await journal.note(first, state=state, collection_hash="" if state == "interrupted" else "abc")
    clock.advance(60)
    second = await begun(journal, again=True)
    clock.advance(60)
    assert (await begun(journal)).upload_id == second.upload_id != first.upload_id


@pytest.mark.parametrize(
    "other",
    [asked(document="sha256:2"), asked(title="Other"), asked(title=""), asked(account="another")],
    ids=["document", "title", "no title", "account"],
)
async def test_another_document_title_or_account_is_another_upload(other: JournalEntry, clock: LoopClock) -> None:
    store = MemoryStore(clock)
    first = await begun(Journal(store, "mine"))
    second = await begun(Journal(store, other.account), other)
    assert second.upload_id == other.upload_id != first.upload_id


async def test_the_list_is_of_the_last_day_and_newest_first(journal: Journal, clock: LoopClock) -> None:
    ids = []
    for number in range(4):
        ids.append((await begun(journal, asked(title=str(number)))).upload_id)
        clock.advance(STANDS_FOR / 3)
    assert [one.upload_id for one in await journal.recent()] == [ids[3], ids[2]]


async def test_an_entry_is_forgotten_only_when_nobody_asks_any_more(journal: Journal, clock: LoopClock) -> None:
    entry = await begun(journal)
    clock.advance(KEPT - 60)
    assert await journal.find(entry.upload_id) is not None
    clock.advance(120)
    assert await journal.find(entry.upload_id) is None


async def test_for_how_long_it_was_left_counts_from_the_first_look(journal: Journal, clock: LoopClock) -> None:
    entry = await begun(journal)
    seen = []
    for passed, idle in ((0.0, 0.0), (DEAD_AFTER - 1, DEAD_AFTER - 1), (0.0, 0.0), (1.0, 0.0)):
        clock.advance(passed)
        seen.append(await journal.note_orphan(entry.upload_id, idle))
    assert [one and one.settled for one in seen] == [False, False, False, True]


@pytest.mark.parametrize(("state", "checked"), [("complete", False), ("interrupted", True)])
async def test_an_upload_with_a_known_end_is_no_orphan(journal: Journal, state: UploadState, *, checked: bool) -> None:
    entry = await journal.note(await begun(journal), state=state, checked=checked)
    assert await journal.note_orphan(entry.upload_id, STANDS_FOR) is None
    assert await journal.find(entry.upload_id) == entry


async def test_a_new_hash_is_known_for_the_upload_that_made_the_old_one(journal: Journal) -> None:
    one, two = [await begun(journal, asked(title=title)) for title in ("One", "Two")]
    await journal.note(one, state="complete", collection_hash="old")
    await journal.note(two, state="complete", collection_hash="other")
    await journal.rename("old", "new")
    assert [each.collection_hash for each in await journal.recent()] == ["other", "new"]


async def test_what_a_document_became_is_forgotten_with_its_collection_and_with_nothing_else(journal: Journal) -> None:
    async def known() -> Remembered:
        key = DocumentKey("/a.pdf", 100, 7)
        return (await journal.store.transact(lambda records: recall_documents(records, "mine", [key])))[0]

    lying = asked().model_copy(update={"path": "/a.pdf", "changed": 7})
    entry = await journal.note(await begun(journal, lying), state="converting", collection_hash="abc")
    assert await known() == Remembered(collection_hash="abc", title="Offers")
    entry = await journal.note(entry, state="complete", listed="Offers, by hand")
    assert await known() == Remembered(collection_hash="abc", title="Offers, by hand")
    await journal.note(entry, state="failed", collection_hash="")
    assert (await known()).collection_hash == ""


def test_upload_ids_are_short_plain_and_all_different() -> None:
    ids = {new_job_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch("[a-z2-7]{8}", one) for one in ids)


async def test_an_entry_of_another_account_that_cannot_be_read_is_none_of_ours(journal: Journal) -> None:
    entry = await begun(journal)
    newer = {**entry.model_dump(mode="json"), "account": "another", "state": "thinking"}
    await journal.store.transact(lambda records: records.put(UPLOAD, "newer", newer))
    assert await journal.recent() == [entry]


async def test_a_note_about_an_entry_that_vanished_writes_it_anew(journal: Journal) -> None:
    entry = await begun(journal)
    await journal.store.transact(lambda records: records.delete(UPLOAD, entry.upload_id))
    await journal.note(entry, state="converting", collection_hash="abc")
    found = await journal.find(entry.upload_id)
    assert found == entry.model_copy(update={"state": "converting", "collection_hash": "abc"})
