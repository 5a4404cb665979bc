"""A thread beside the event loop for one file: the disk works while the network does, one step ahead or behind."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from anyio.to_thread import run_sync

T = TypeVar("T")


@contextmanager
def thread_for(what: str) -> Iterator[ThreadPoolExecutor]:
    """Gives a thread that does one thing after another and ends with the context, or with what it is doing then."""
    thread = ThreadPoolExecutor(1, what)
    try:
        yield thread
    finally:
        thread.shutdown(wait=False, cancel_futures=True)  # waiting here would stop the event loop


async def wait_for(work: Future[T]) -> T:
    """Returns or raises what the thread's work does."""
    if not work.done():  # where it is, a change of threads is saved, which takes longer than reading a piece
        await run_sync(work.result)
    return work.result()
