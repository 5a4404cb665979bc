"""What every form of the store promises: named JSON records, changed together or not at all."""

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, TypeVar

T = TypeVar("T")
Body: TypeAlias = dict[str, Any]


class Records(Protocol):
    """What a transaction sees. Only valid inside it."""

    now: float  # wall clock seconds, read inside the transaction: read before, two processes could be out of order

    def get(self, kind: str, name: str) -> Body | None:
        """Return a copy of one record's body, or None if there is none or its time is over."""

    def put(self, kind: str, name: str, body: Body, *, keep: float | None = None) -> None:
        """Write one record; it may be forgotten after `keep` seconds, or never."""

    def delete(self, kind: str, name: str) -> None:
        """Remove one record, if it is there."""

    def all(self, kind: str) -> list[tuple[str, Body]]:
        """Return the names and bodies of a kind in the order in which they were first put."""


class Store(Protocol):
    """Keeps records and lets one caller at a time look at them and change them."""

    shared: bool  # whether other processes see it

    async def transact(self, work: Callable[[Records], T]) -> T:
        """Run `work`, which is plain code without await, atomically and once; an exception in it undoes everything."""

    async def close(self) -> None:
        """Let go of the file. A later transaction opens it again."""
