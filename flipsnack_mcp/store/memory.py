"""The store of one process, gone with it: for tests, and for who wants no file."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import anyio.lowlevel

from flipsnack_mcp.store.records import JsonObject, Records, T, decode, encode, outside


@dataclass(frozen=True)
class Kept:
    """One record. As text, so that nobody outside holds a part of it."""

    text: str
    expires: float | None


Shelf: TypeAlias = dict[tuple[str, str], Kept]  # by kind and name, in the order first put


class MemoryRecords:
    """One transaction's own copy of the shelf, without what has expired."""

    def __init__(self, shelf: Shelf, now: float) -> None:
        self.now = now
        self._shelf: Shelf | None = {k: kept for k, kept in shelf.items() if kept.expires is None or kept.expires > now}

    def get(self, kind: str, name: str) -> JsonObject | None:
        kept = self._open().get((kind, name))
        return None if kept is None else decode(kept.text)

    def put(self, kind: str, name: str, body: JsonObject, *, keep: float | None = None) -> None:
        if keep is not None and keep <= 0:
            self.delete(kind, name)
        else:
            self._open()[kind, name] = Kept(encode(body), None if keep is None else self.now + keep)

    def delete(self, kind: str, name: str) -> None:
        self._open().pop((kind, name), None)

    def all(self, kind: str) -> list[tuple[str, JsonObject]]:
        return [(name, decode(kept.text)) for (its_kind, name), kept in self._open().items() if its_kind == kind]

    def end(self) -> Shelf:
        shelf, self._shelf = self._open(), None
        return shelf

    def _open(self) -> Shelf:
        if self._shelf is None:
            raise outside()
        return self._shelf


class MemoryStore:
    """Keeps records as long as the process lives."""

    shared = False

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._shelf: Shelf = {}

    async def transact(self, work: Callable[[Records], T]) -> T:
        await anyio.lowlevel.checkpoint()  # as with a file: cancelled here, or not at all
        records = MemoryRecords(self._shelf, self._clock())
        try:
            result = work(records)
        except BaseException:
            records.end()
            raise
        self._shelf = records.end()
        return result

    async def close(self) -> None:
        """Keep everything: there is no file to let go of."""
