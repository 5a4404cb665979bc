"""Documents that are looked into: each is told as it is seen, and those for which there was no time stay as they were."""

from dataclasses import replace

import anyio

from flipsnack_mcp.workflows.batches.seeing import Eyes, SeenDocument
from tests.workflows.running import LongWork

NAMES = ("a.pdf", "b.pdf", "c.pdf")


def asked(work: LongWork) -> list[SeenDocument]:
    return [SeenDocument(str(work.paper(name))) for name in NAMES]


class Told(list[int]):
    """How many were seen by then."""

    async def __call__(self, count: int) -> None:
        self.append(count)


async def test_each_that_was_seen_is_told_and_the_order_stays(work: LongWork) -> None:
    """Of two it is known how many pages they have, so nobody counts."""
    told, (first, *others) = Told(), asked(work)
    documents = [first, *(replace(one, pages=2) for one in others)]
    seen = await Eyes(work.store, "mine", (work.folder,)).see_all(documents, anyio.current_time() + 30, told)
    assert told == [1, 2, 3]
    assert [(one.given, one.name) for one in seen] == [(str(work.folder / one), one) for one in NAMES]
    assert all(one.size == work.paper(one.name).stat().st_size for one in seen)


async def test_what_there_was_no_time_for_stays_as_it_was_asked_for(work: LongWork) -> None:
    told, documents = Told(), asked(work)
    assert await Eyes(work.store, "mine", (work.folder,)).see_all(documents, anyio.current_time(), told) == documents
    assert told == []


async def test_what_is_read_to_be_sent_is_opened_however_late_it_is(work: LongWork) -> None:
    told, documents = Told(), [*asked(work), SeenDocument(str(work.folder / "gone.pdf"))]
    eyes = Eyes(work.store, "mine", (work.folder,))
    seen = await eyes.see_all(documents, anyio.current_time(), told, content=True)
    assert told == [1, 2, 3, 4]
    assert [bool(one.size) for one in seen] == [True, True, True, False]
    assert [bool(one.refused) for one in seen] == [False, False, False, True]
