"""From an upload to a collection that can be read, also when it was published, renamed or deleted meanwhile."""

import anyio
import pytest

from flipsnack_mcp.sandbox import Fault, Sandbox
from flipsnack_mcp.workflows.uploads.following import SHOWN_LATE
from flipsnack_mcp.workflows.uploads.journal import COLLECTION_GONE
from tests.api.asking import unlimited
from tests.server.bench import LoopClock
from tests.workflows.running import CREATE, LongWork, Road


@pytest.fixture
async def sandbox(clock: LoopClock) -> Sandbox:
    return unlimited(clock, conversion_seconds=10)


async def test_bytes_and_conversion_are_waited_for_in_one_go_and_a_draft_has_no_link(work: LongWork) -> None:
    async with work.begun(road=Road(upload_seconds=2)) as (process, entry):
        seen = await process.followed(entry)
    assert seen.entry.state == "complete"
    assert seen.collection is not None
    assert seen.collection.collection_hash in work.sandbox.account.collections
    assert (seen.collection.status, seen.direct_link) == ("editable", None)
    assert seen.states[-1].startswith("complete after ")


@pytest.mark.parametrize("seconds", [0, 1, 5, 9])
async def test_the_seconds_are_for_bytes_and_conversion_together(seconds: float, work: LongWork) -> None:
    async with work.begun(road=Road(upload_seconds=1)) as (process, entry):
        start = anyio.current_time()
        seen = await process.followed(entry, seconds)
        took = anyio.current_time() - start
    assert seen.entry.state in {"waiting", "uploading", "converting"}
    assert took <= seconds + 1


async def test_a_look_that_fails_does_not_lose_what_is_known(work: LongWork) -> None:
    work.sandbox.add_fault(Fault("code", "collection.getCollection", times=0, code=99))
    async with work.begun() as (process, entry):
        seen = await process.followed(entry)
    assert seen.entry.state == "converting"
    assert seen.entry.collection_hash in work.sandbox.account.collections
    assert "looking at its conversion failed" in seen.warnings[-1]


@pytest.mark.parametrize("title", ["Brand new", None], ids=["titled", "untitled"])
async def test_a_draft_published_behind_our_back_is_found_under_its_new_hash(title: str | None, work: LongWork) -> None:
    async with work.begun(title=title) as (process, entry):
        first = await process.followed(entry)
        made = work.sandbox.account.collections[first.entry.collection_hash]
        work.sandbox.account.publish(made, "public")
        seen = await process.followed(entry)
        kept = await process.now(entry)
    assert not seen.gone
    assert seen.entry.collection_hash == made.hash != first.entry.collection_hash
    assert seen.direct_link
    assert kept.collection_hash == made.hash


@pytest.mark.parametrize("title", ["Brand new", None], ids=["titled", "untitled"])
async def test_a_deleted_collection_is_gone(title: str | None, work: LongWork) -> None:
    """Also beside an older one of its title, and one that somebody else made after it."""
    work.sandbox.account.add(title="Brand new")
    async with work.begun(title=title) as (process, entry):
        first = await process.followed(entry)
        work.sandbox.account.delete(first.entry.collection_hash)
        work.sandbox.account.add(title="Minutes of the board")
        seen = await process.followed(entry)
    assert seen.gone
    assert (seen.entry.state, seen.entry.said, seen.entry.collection_hash) == ("failed", COLLECTION_GONE, "")


@pytest.mark.parametrize("code", [43, 46])
async def test_a_new_collection_that_flipsnack_shows_a_moment_later_is_not_taken_for_deleted(
    code: int, work: LongWork
) -> None:
    work.sandbox.add_fault(Fault("code", "collection.getCollection", code=code, times=1))
    async with work.begun() as (process, entry):
        await process.ended(entry)
        early = await process.followed(entry, 0)
        late = await process.followed(entry)
    assert (early.gone, early.entry.state) == (False, "converting")
    assert early.entry.collection_hash in work.sandbox.account.collections
    assert (late.entry.state, late.entry.collection_hash) == ("complete", early.entry.collection_hash)


@pytest.mark.parametrize("hidden", [1, 3])
async def test_a_wait_goes_on_while_flipsnack_does_not_show_the_new_collection(hidden: int, work: LongWork) -> None:
    work.sandbox.add_fault(Fault("code", "collection.getCollection", code=46, times=hidden))
    async with work.begun() as (process, entry):
        seen = await process.followed(entry)
    assert (seen.entry.state, seen.warnings) == ("complete", ())


async def test_a_collection_that_gets_another_hash_while_it_is_waited_for_is_waited_for_under_that(
    work: LongWork,
) -> None:
    async with work.begun() as (process, entry), anyio.create_task_group() as aside:
        converting = await process.followed(entry, 0)
        made = work.sandbox.account.collections[(await process.ended(entry)).collection_hash]

        async def publish() -> None:
            await anyio.sleep(3)
            work.sandbox.account.publish(made, "public")

        aside.start_soon(publish)
        seen = await process.followed(entry)
    assert converting.entry.state != "complete"
    assert (seen.entry.state, seen.warnings) == ("complete", ())
    assert seen.entry.collection_hash == made.hash


async def test_a_collection_that_nobody_saw_is_gone_after_a_while(work: LongWork) -> None:
    async with work.begun() as (process, entry):
        made = await process.ended(entry)
        work.sandbox.account.delete(made.collection_hash)
        work.clock.advance(SHOWN_LATE)
        assert (await process.followed(await process.now(entry))).gone


async def test_what_was_deleted_from_here_is_gone_also_where_flipsnack_still_shows_it(work: LongWork) -> None:
    """So the same document can be uploaded anew at once."""
    async with work.begun() as (process, entry):
        made = await process.ended(entry)
        assert made.collection_hash in work.sandbox.account.collections
        await process.uploads.journal.rename(made.collection_hash, "")
        seen = (await process.followed(entry)).entry
        _, new = await process.begin(work.paper())
    assert (seen.state, seen.said, seen.collection_hash) == ("failed", COLLECTION_GONE, "")
    assert new


@pytest.mark.parametrize("happened", ["delete, another", "publish, rename", "publish, another"])
async def test_a_collection_of_which_nobody_can_tell_what_became_is_left_alone(happened: str, work: LongWork) -> None:
    """It is neither exchanged for another one nor uploaded again."""
    account = work.sandbox.account
    async with work.begun() as (process, entry):
        first = await process.followed(entry)
        made = account.collections[first.entry.collection_hash]
        account.delete(made.hash) if "delete" in happened else account.publish(made, "public")
        made.title = "Renamed" if "rename" in happened else made.title
        if "another" in happened:
            account.add(title=made.title)
        seen = await process.followed(entry)
        repeated, new = await process.begin(work.paper())
    assert (seen.gone, seen.entry.state, seen.collection) == (False, "interrupted", None)
    assert "again=true" in seen.entry.said
    assert (repeated, new) == (first.entry, False)


async def test_a_deleted_collection_is_not_taken_for_a_later_upload_of_the_same_title(work: LongWork) -> None:
    async with work.begun() as (process, entry):
        first = await process.followed(entry)
        later, _ = await process.begin(work.paper("other.pdf"))
        second = await process.followed(later)
        work.sandbox.account.delete(first.entry.collection_hash)
        work.clock.advance(2 * 24 * 3600)
        seen = await process.followed(entry)
    assert seen.entry.collection_hash != second.entry.collection_hash
    assert seen.gone


@pytest.mark.parametrize(("minutes", "told"), [(30, False), (90, True)])
async def test_a_conversion_that_does_not_end_is_told_as_that_and_not_waited_for_again_and_again(
    minutes: float, work: LongWork, *, told: bool
) -> None:
    async with work.begun() as (process, entry):
        made = work.sandbox.account.collections[(await process.ended(entry)).collection_hash]
        made.items[0].ready_at = work.clock() + 86_400
        work.clock.advance(60 * minutes)
        seen = await process.followed(entry, 3)
    assert (seen.entry.state, seen.is_under_way) == ("converting", not told)
    assert any("may never be" in one for one in seen.warnings) == told


async def test_a_failed_conversion_is_an_end_that_keeps_its_collection(work: LongWork) -> None:
    work.sandbox.add_fault(Fault("conversion_fails", CREATE))
    async with work.begun() as (process, entry):
        seen = await process.followed(entry)
    assert (seen.entry.state, seen.gone) == ("failed", False)
    assert seen.entry.collection_hash in work.sandbox.account.collections
