"""From an upload to a collection that can be read, also when it was published, renamed or deleted meanwhile."""

from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from flipsnack_mcp.sandbox import Fault, Pace, Sandbox
from flipsnack_mcp.sandbox.account import Collection
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.uploads.following import GONE, Followed, follow
from flipsnack_mcp.workflows.uploads.journal import Entry
from flipsnack_mcp.workflows.uploads.uploading import Uploads
from tests.api.asking import KEY, PDF, SECRET
from tests.server.bench import LoopClock
from tests.workflows.running import Road, begin, errand_of, process

CREATE, GET = "collection.create", "collection.getCollection"


@pytest.fixture
def clock() -> LoopClock:
    return LoopClock()


@pytest.fixture
async def sandbox(clock: LoopClock) -> Sandbox:
    pace = Pace(calls_per_second=0, calls_per_minute=0, conversion_seconds=10)
    return Sandbox(api_key=KEY, api_secret=SECRET, clock=clock, pace=pace)


@pytest.fixture
def store(clock: LoopClock) -> MemoryStore:
    return MemoryStore(clock)


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    path = tmp_path / "offers.pdf"
    path.write_bytes(PDF)
    return path


async def followed(uploads: Uploads, entry: Entry, seconds: float = 40) -> Followed:
    entry = await uploads.journal.entry(entry.upload_id) or entry
    return await follow(errand_of(uploads), uploads, entry, seconds)


async def test_bytes_and_conversion_are_waited_for_in_one_go(sandbox: Sandbox, store: MemoryStore, paper: Path) -> None:
    async with process(sandbox, store, Road(upload_seconds=2)) as uploads:
        entry, _ = await begin(uploads, paper)
        seen = await followed(uploads, entry)

    assert seen.entry.state == "complete"
    assert seen.collection is not None
    assert seen.collection.collection_hash in sandbox.account.collections
    assert seen.states[-1].startswith("complete after ")


@pytest.mark.parametrize("seconds", [0, 1, 5, 9])
async def test_the_seconds_are_for_bytes_and_conversion_together(
    seconds: float, sandbox: Sandbox, store: MemoryStore, paper: Path
) -> None:
    async with process(sandbox, store, Road(upload_seconds=1)) as uploads:
        entry, _ = await begin(uploads, paper)
        start = anyio.current_time()
        seen = await followed(uploads, entry, seconds)
        took = anyio.current_time() - start

    assert seen.entry.state in {"waiting", "uploading", "converting"}
    assert took <= seconds + 1


async def test_a_look_that_fails_does_not_lose_what_is_known(sandbox: Sandbox, store: MemoryStore, paper: Path) -> None:
    sandbox.add_fault(Fault("code", GET, times=0, code=99))
    async with process(sandbox, store) as uploads:
        entry, _ = await begin(uploads, paper)
        seen = await followed(uploads, entry)

    assert seen.entry.state == "converting"
    assert seen.entry.collection_hash in sandbox.account.collections
    assert "looking at its conversion failed" in seen.warnings[-1]


async def test_a_draft_published_behind_our_back_is_found_under_its_new_hash(
    sandbox: Sandbox, store: MemoryStore, paper: Path
) -> None:
    async with process(sandbox, store) as uploads:
        entry, _ = await begin(uploads, paper)
        first = await followed(uploads, entry)
        made = sandbox.account.collections[first.entry.collection_hash]
        sandbox.account.publish(made, "public")
        seen = await followed(uploads, entry)
        kept = await uploads.journal.entry(entry.upload_id)

    assert not seen.gone
    assert seen.entry.collection_hash == made.hash != first.entry.collection_hash
    assert seen.direct_link
    assert kept is not None
    assert kept.collection_hash == made.hash


async def test_an_untitled_draft_published_behind_our_back_is_found_as_well(
    sandbox: Sandbox, store: MemoryStore, paper: Path
) -> None:
    async with process(sandbox, store) as uploads:
        entry, _ = await begin(uploads, paper, None)
        first = await followed(uploads, entry)
        made = sandbox.account.collections[first.entry.collection_hash]
        sandbox.account.publish(made, "public")
        seen = await followed(uploads, entry)

    assert seen.entry.collection_hash == made.hash


@pytest.mark.parametrize("title", ["Brand new", None], ids=["titled", "untitled"])
async def test_a_deleted_collection_is_gone(
    title: str | None, sandbox: Sandbox, store: MemoryStore, paper: Path
) -> None:
    sandbox.account.add(title="Brand new")
    async with process(sandbox, store) as uploads:
        entry, _ = await begin(uploads, paper, title)
        first = await followed(uploads, entry)
        sandbox.account.delete(first.entry.collection_hash)
        seen = await followed(uploads, entry)

    assert seen.gone
    assert (seen.entry.state, seen.entry.said, seen.entry.collection_hash) == ("failed", GONE, "")


def deleted_and_made_anew(sandbox: Sandbox, made: Collection) -> None:
    sandbox.account.delete(made.hash)
    sandbox.account.add(title=made.title)


def published_under_another_title(sandbox: Sandbox, made: Collection) -> None:
    sandbox.account.publish(made, "public")
    made.title = "Renamed"


def published_beside_another(sandbox: Sandbox, made: Collection) -> None:
    sandbox.account.publish(made, "public")
    sandbox.account.add(title=made.title)


@pytest.mark.parametrize("happened", [deleted_and_made_anew, published_under_another_title, published_beside_another])
async def test_a_collection_of_which_nobody_can_tell_what_became_is_neither_exchanged_nor_uploaded_again(
    happened: Callable[[Sandbox, Collection], None], sandbox: Sandbox, store: MemoryStore, paper: Path
) -> None:
    async with process(sandbox, store) as uploads:
        entry, _ = await begin(uploads, paper)
        first = await followed(uploads, entry)
        happened(sandbox, sandbox.account.collections[first.entry.collection_hash])
        seen = await followed(uploads, entry)
        repeated, new = await begin(uploads, paper)

    assert (seen.gone, seen.entry.state, seen.collection) == (False, "interrupted", None)
    assert "again=true" in seen.warnings[-1]
    assert (repeated, new) == (first.entry, False)


async def test_somebody_elses_new_collection_is_not_taken_for_a_deleted_one_without_a_title(
    sandbox: Sandbox, store: MemoryStore, paper: Path
) -> None:
    async with process(sandbox, store) as uploads:
        entry, _ = await begin(uploads, paper, None)
        first = await followed(uploads, entry)
        sandbox.account.delete(first.entry.collection_hash)
        stranger = sandbox.account.add(title="Minutes of the board").hash
        seen = await followed(uploads, entry)

    assert seen.entry.collection_hash != stranger
    assert seen.gone


async def test_a_deleted_collection_is_not_taken_for_a_later_upload_of_the_same_title_days_after(
    sandbox: Sandbox, store: MemoryStore, tmp_path: Path, paper: Path, clock: LoopClock
) -> None:
    other = tmp_path / "other.pdf"
    other.write_bytes(PDF + b"other")
    async with process(sandbox, store) as uploads:
        entry, _ = await begin(uploads, paper)
        first = await followed(uploads, entry)
        later, _ = await begin(uploads, other)
        second = await followed(uploads, later)
        sandbox.account.delete(first.entry.collection_hash)
        clock.advance(2 * 24 * 3600)
        seen = await followed(uploads, entry)

    assert seen.entry.collection_hash != second.entry.collection_hash
    assert seen.gone


async def test_a_failed_conversion_is_an_end_that_keeps_its_collection(
    sandbox: Sandbox, store: MemoryStore, paper: Path
) -> None:
    sandbox.add_fault(Fault("conversion_fails", CREATE))
    async with process(sandbox, store) as uploads:
        entry, _ = await begin(uploads, paper)
        seen = await followed(uploads, entry)

    assert seen.entry.state == "failed"
    assert not seen.gone
    assert seen.entry.collection_hash in sandbox.account.collections


async def test_a_draft_has_no_link_for_readers(sandbox: Sandbox, store: MemoryStore, paper: Path) -> None:
    async with process(sandbox, store) as uploads:
        entry, _ = await begin(uploads, paper)
        seen = await followed(uploads, entry)

    assert seen.collection is not None
    assert seen.collection.status == "editable"
    assert seen.direct_link is None
