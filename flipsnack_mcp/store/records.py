"""What every form of the store promises: named JSON records, changed together or not at all; or words why it cannot be used."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar, runtime_checkable

from flipsnack_mcp.store.clock import Stamp

T = TypeVar("T")
Body: TypeAlias = dict[str, Any]


class Records(Protocol):
    """What a transaction sees. Only valid inside it."""

    @property
    def now(self) -> float:
        """The store's time (`store/clock`), read inside the transaction: before, two processes could be out of order."""

    @property
    def wall(self) -> float:
        """What the clock on the wall shows: for what a person reads, and to see that somebody has set it."""

    def get(self, kind: str, name: str) -> Body | None:
        """Return a copy of one record's body, or None if there is none or its time is over."""

    def several(self, kind: str, names: Iterable[str]) -> list[Body | None]:
        """Return the same for several names of a kind: what is far away is fetched once and not name by name."""

    def put(self, kind: str, name: str, body: Body, *, keep: float | None = None) -> None:
        """Write one record; it may be forgotten after `keep` seconds, or never."""

    def delete(self, kind: str, name: str) -> None:
        """Remove one record, if it is there."""

    def all(self, kind: str) -> list[tuple[str, Body]]:
        """Return the names and bodies of a kind in the order in which they were first put."""


OUT_OF_TRANSACTION = "records can be used only inside their transaction"


def stamp_of(records: Records) -> Stamp:
    """The moment of a transaction."""
    return Stamp(records.now, records.wall)


class Store(Protocol):
    """Keeps records and lets one caller at a time look at them and change them."""

    shared: bool  # whether other processes see it

    async def transact(self, work: Callable[[Records], T]) -> T:
        """Run `work`, which is plain code without await, atomically; an exception in it undoes everything.

        It may be run several times, and only its last run counts: it changes nothing but records.
        """

    async def close(self) -> None:
        """Let go of it. A later transaction opens it again."""


@runtime_checkable
class OpenedStore(Store, Protocol):
    """The store itself, without what is put around it for one account or one piece of work."""

    async def attend(self) -> None:
        """Do what others on it have to see, as long as a server uses it; run in the background."""

    async def purge(self) -> tuple[str, ...]:
        """Leave no trace of what was deleted where it keeps its records; where traces stay all the same, in sentences."""


ELSEWHERE = "set FLIPSNACK_STATE=sqlite:PATH to use another file"


class StoreUnusable(Exception):  # noqa: N818 - the name says it already
    """What is kept cannot be used. Nothing was changed in it, and its text is safe to show."""

    retry: ClassVar[str] = "Trying again as it is will not help."

    def __init__(self, happened: str, next_step: str, cause: str = "") -> None:
        self.happened = happened
        self.next_step = next_step
        self.cause = cause
        """The same for whoever asks how a server is: without a name, a path and an address."""
        super().__init__(f"{happened} {next_step}")


class StoreUnreachable(StoreUnusable):
    """The same of one that servers on several machines share: what these do meanwhile cannot be seen, so nothing is changed."""

    retry = "Try again in half a minute."


class OutcomeUnknown(StoreUnreachable):
    """The same while a change was on its way: whether it was made is not known."""


IN_RECORDS = "within a transaction"
"""The note on what goes wrong there."""


def note_records(error: Exception) -> None:
    """Note that what was read in a transaction may be at fault: the file or server is a person's own, and may be altered."""
    if isinstance(error, TypeError | ValueError | LookupError | AttributeError):
        error.add_note(IN_RECORDS)


def came_of_records(error: Exception) -> bool:
    """Tell whether that was so."""
    return IN_RECORDS in getattr(error, "__notes__", ())


class BusyError(Exception):
    """Another process is in a transaction, and nothing has been done yet. No person sees this: it is tried again."""


def held(path: Path, seconds: float) -> StoreUnusable:
    return StoreUnusable(
        f"Another process has held the state file {path} for {seconds:.0f} seconds.",
        f"End the other flipsnack-mcp processes (one of them hangs or is stopped), or {ELSEWHERE}.",
        "another process holds the state file",
    )


def newer(path: Path) -> StoreUnusable:
    return StoreUnusable(
        f"The state file {path} was made by a newer version of flipsnack-mcp; it was left as it is.",
        f"Update flipsnack-mcp, or {ELSEWHERE}.",
        "the state file was made by a newer version",
    )


def gone_to_redis(path: Path, where: str) -> StoreUnusable:
    return StoreUnusable(
        f"What the state file {path} held was moved to Redis at {where}; the file was left as it was then.",
        "Let FLIPSNACK_STATE name that server.",
        "what the state file held was moved to Redis",
    )


def damaged(path: Path, reason: str) -> StoreUnusable:
    return StoreUnusable(
        f"The state file {path} is damaged or was not made by flipsnack-mcp ({reason}); it was left as it is.",
        f"Move it away, and a new one is made, which knows nothing of earlier uploads; or {ELSEWHERE}.",
        "the state file is damaged",
    )


def inaccessible(path: Path, reason: str) -> StoreUnusable:
    return StoreUnusable(
        f"The state file {path} cannot be opened or written ({reason}).",
        f"Make its folder writable and see that the disk is not full, or {ELSEWHERE}, or FLIPSNACK_STATE=memory: to use none.",
        "the state file cannot be opened or written",
    )


def no_sqlite() -> StoreUnusable:
    return StoreUnusable(
        "This Python was built without sqlite3, in which uploads, confirmations and the history are kept.",
        "Run flipsnack-mcp with another Python.",
        "this Python has no sqlite3",
    )
