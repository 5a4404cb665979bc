"""The journal: what stands, what is orphaned, and that several processes agree on it."""

import re
from pathlib import Path

import anyio
import pytest

from flipsnack_mcp.store.records import Store
from flipsnack_mcp.store.sqlite import MemoryStore, SqliteStore
from flipsnack_mcp.workflows.uploads.journal import DAY, DEAD_AFTER, KEPT, KIND, Entry, Journal, State, new_upload_id
from tests.server.bench import NOW, LoopClock


@pytest.fixture
def clock() -> LoopClock:
    return LoopClock()


@pytest.fixture(params=["memory", "sqlite"])
def stores(request: pytest.FixtureRequest, clock: LoopClock, tmp_path: Path) -> tuple[Store, Store]:
    """What two processes have: for SQLite two connections to one file."""
    if request.param == "memory":
        store = MemoryStore(clock)
        return store, store
    return SqliteStore(tmp_path / "state.sqlite", clock), SqliteStore(tmp_path / "state.sqlite", clock)


def asked(document: str = "sha256:1", title: str = "Offers", account: str = "mine") -> Entry:
    return Entry(
        upload_id=new_upload_id(),
        account=account,
        document=document,
        title=title,
        name="offers.pdf",
        size=100,
        owner="me",
        started=0,
        beat=0,
    )


async def closed(stores: tuple[Store, Store]) -> None:
    for one in stores:
        await one.close()


async def test_of_many_that_begin_the_same_at_once_one_counts(stores: tuple[Store, Store]) -> None:
    begun: list[Entry] = []
    journals = [Journal(store, "mine", f"p{number}") for number, store in enumerate(stores)]

    async def begin(journal: Journal) -> None:
        begun.append(await journal.begun(asked(), again=False))

    async with anyio.create_task_group() as group:
        for number in range(10):
            group.start_soon(begin, journals[number % 2])

    assert len({one.upload_id for one in begun}) == 1
    assert len(await journals[0].recent()) == 1
    await closed(stores)


@pytest.mark.parametrize(
    ("state", "collection_hash", "age", "stands"),
    [
        *(
            (state, "", age, age < DAY)
            for state in ("waiting", "uploading", "interrupted")
            for age in (0.0, DAY - 1, DAY)
        ),
        *(
            (state, "abc", age, age < DAY)
            for state in ("converting", "complete", "failed")
            for age in (0.0, DAY - 1, DAY)
        ),
        ("failed", "", 0.0, False),
    ],
)
async def test_what_stands_is_what_may_have_cost_an_upload_within_a_day(
    state: State,
    collection_hash: str,
    age: float,
    stands: bool,  # noqa: FBT001 - a table
    clock: LoopClock,
) -> None:
    journal = Journal(MemoryStore(clock), "mine", "me")
    first = await journal.begun(asked(), again=False)
    await journal.note(first, state=state, collection_hash=collection_hash)
    clock.advance(age)

    second = await journal.begun(asked(), again=False)

    assert (second.upload_id == first.upload_id) == stands


@pytest.mark.parametrize("state", ["converting", "complete", "failed", "interrupted"])
async def test_again_begins_anew_once_the_first_is_no_longer_on_its_way(state: State, clock: LoopClock) -> None:
    journal = Journal(MemoryStore(clock), "mine", "me")
    first = await journal.begun(asked(), again=False)
    await journal.note(first, state=state, collection_hash="" if state == "interrupted" else "abc")

    assert (await journal.begun(asked(), again=True)).upload_id != first.upload_id


@pytest.mark.parametrize(
    "other",
    [asked(document="sha256:2"), asked(title="Other"), asked(title=""), asked(account="another")],
    ids=["document", "title", "no title", "account"],
)
async def test_another_document_title_or_account_is_another_upload(other: Entry, clock: LoopClock) -> None:
    store = MemoryStore(clock)
    first = await Journal(store, "mine", "me").begun(asked(), again=False)

    second = await Journal(store, other.account, "me").begun(other, again=False)

    assert second.upload_id == other.upload_id != first.upload_id


async def test_after_again_the_newest_is_the_one_that_stands(clock: LoopClock) -> None:
    journal = Journal(MemoryStore(clock), "mine", "me")
    first = await journal.begun(asked(), again=False)
    await journal.note(first, state="complete", collection_hash="abc")
    clock.advance(60)
    second = await journal.begun(asked(), again=True)
    clock.advance(60)

    assert (await journal.begun(asked(), again=False)).upload_id == second.upload_id


async def test_the_list_is_of_the_last_day_and_newest_first(clock: LoopClock) -> None:
    journal = Journal(MemoryStore(clock), "mine", "me")
    ids = []
    for number in range(4):
        ids.append((await journal.begun(asked(title=str(number)), again=False)).upload_id)
        clock.advance(DAY / 3)

    assert [one.upload_id for one in await journal.recent()] == [ids[3], ids[2]]


async def test_an_entry_is_forgotten_only_when_nobody_asks_any_more(clock: LoopClock) -> None:
    journal = Journal(MemoryStore(clock), "mine", "me")
    entry = await journal.begun(asked(), again=False)
    clock.advance(KEPT - 60)
    assert await journal.entry(entry.upload_id) is not None
    clock.advance(120)

    assert await journal.entry(entry.upload_id) is None


@pytest.mark.parametrize(
    ("state", "checked", "silent", "orphaned"),
    [
        *((state, False, DEAD_AFTER - 1, False) for state in ("waiting", "uploading")),
        *((state, False, DEAD_AFTER + 1, True) for state in ("waiting", "uploading")),
        *((state, False, DAY, False) for state in ("converting", "complete", "failed")),
        ("interrupted", False, DEAD_AFTER + 1, True),
        ("interrupted", True, DAY, False),
    ],
)
async def test_an_orphan_is_what_has_no_end_and_no_living_owner(
    state: State,
    checked: bool,  # noqa: FBT001 - a table
    silent: float,
    orphaned: bool,  # noqa: FBT001 - a table
    clock: LoopClock,
) -> None:
    store = MemoryStore(clock)
    entry = await Journal(store, "mine", "gone").begun(asked(), again=False)
    await Journal(store, "mine", "gone").note(entry, state=state, checked=checked)
    clock.advance(silent)

    claimed = await Journal(store, "mine", "next").claimed_orphans()

    assert [one.upload_id for one in claimed] == ([entry.upload_id] if orphaned else [])
    assert await Journal(store, "another", "next").claimed_orphans() == []


@pytest.mark.parametrize("state", ["waiting", "uploading", "interrupted"])
async def test_who_claims_an_orphan_has_it_alone(state: State, stores: tuple[Store, Store], clock: LoopClock) -> None:
    entry = await Journal(stores[0], "mine", "gone").begun(asked(), again=False)
    await Journal(stores[0], "mine", "gone").note(entry, state=state, beat=0.0)
    clock.advance(DEAD_AFTER + 1)
    claimed: list[Entry] = []

    async def claim(journal: Journal) -> None:
        claimed.extend(await journal.claimed_orphans())

    async with anyio.create_task_group() as group:
        for number, store in enumerate(stores * 2):
            group.start_soon(claim, Journal(store, "mine", f"p{number}"))

    assert len(claimed) == 1
    await closed(stores)


async def test_a_new_hash_is_known_for_the_upload_that_made_the_old_one(clock: LoopClock) -> None:
    journal = Journal(MemoryStore(clock), "mine", "me")
    one, two = [await journal.begun(asked(title=title), again=False) for title in ("One", "Two")]
    await journal.note(one, state="complete", collection_hash="old")
    await journal.note(two, state="complete", collection_hash="other")

    await journal.renamed("old", "new")

    assert [each.collection_hash for each in await journal.recent()] == ["other", "new"]


async def test_a_note_changes_what_it_says_and_is_a_sign_of_life(clock: LoopClock) -> None:
    journal = Journal(MemoryStore(clock), "mine", "me")
    entry = await journal.begun(asked(), again=False)
    clock.advance(20)

    noted = await journal.note(entry, sent=50)

    assert noted == entry.model_copy(update={"sent": 50, "beat": noted.beat})
    assert noted.beat - entry.beat == pytest.approx(20)
    assert entry.started == pytest.approx(NOW, abs=60)
    assert await journal.entry(entry.upload_id) == noted


def test_upload_ids_are_short_plain_and_all_different() -> None:
    ids = {new_upload_id() for _ in range(1000)}

    assert len(ids) == 1000
    assert all(re.fullmatch("[a-z2-7]{8}", one) for one in ids)


async def test_an_entry_of_another_account_that_cannot_be_read_is_none_of_ours(clock: LoopClock) -> None:
    store = MemoryStore(clock)
    journal = Journal(store, "mine", "me")
    entry = await journal.begun(asked(), again=False)
    newer = {**entry.model_dump(mode="json"), "account": "another", "state": "thinking"}

    await store.transact(lambda records: records.put(KIND, "newer", newer))

    assert await journal.recent() == [entry]
    assert await journal.claimed_orphans() == []


async def test_a_note_about_an_entry_that_vanished_writes_it_anew(clock: LoopClock) -> None:
    store = MemoryStore(clock)
    journal = Journal(store, "mine", "me")
    entry = await journal.begun(asked(), again=False)
    await store.transact(lambda records: records.delete(KIND, entry.upload_id))

    await journal.note(entry, state="converting", collection_hash="abc")

    found = await journal.entry(entry.upload_id)
    assert found is not None
    assert (found.state, found.collection_hash, found.document) == ("converting", "abc", entry.document)
