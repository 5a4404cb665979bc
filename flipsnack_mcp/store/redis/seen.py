"""What a transaction on Redis sees: what was read at one moment, and what it changed itself since. No I/O: what is missing is asked for.

`work` is plain code, which cannot wait in its middle. So it is left where it asks for something that was not read yet, and
run again from the start when that is there.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from flipsnack_mcp.store.records import OUT_OF_TRANSACTION, Body, StoreUnreachable

RecordPlace: TypeAlias = tuple[str, str]
"""Kind and name."""


@dataclass(frozen=True)
class Stored:
    """A record as it stands in Redis."""

    revision: str
    ends: float | None
    text: str

    @classmethod
    def of(cls, raw: bytes) -> "Stored":
        """Read what a script wrote.

        Raises:
            ValueError: Somebody made something else of it.
        """
        revision, ends, text = raw.decode().split("\n", 2)
        return cls(revision, float(ends) if ends else None, text)

    def lives(self, now: float) -> bool:
        """Whether its time is not over."""
        return self.ends is None or self.ends > now


@dataclass(frozen=True)
class Sight:
    """What was read in one step."""

    now: float
    wall: float
    single: dict[RecordPlace, Stored | None]
    whole: dict[str, tuple[str, dict[str, Stored]]]
    """Of each kind its revision, and its records in the order in which they were first put."""

    @classmethod
    def of(cls, gets: Iterable[RecordPlace], kinds: Iterable[str], answer: list[Any]) -> "Sight":
        """Read the answer to a question for these."""
        _, now, wall, found, whole = answer
        single = {place: Stored.of(raw) if raw is not None else None for place, raw in zip(gets, found, strict=True)}
        return cls(float(now), float(wall), single, dict(zip(kinds, map(kind_in_order, whole), strict=True)))


def kind_in_order(told: list[Any]) -> tuple[str, dict[str, Stored]]:
    """One kind: its revision and its records."""
    revision, names, pairs = told
    bodies = pairs if isinstance(pairs, dict) else dict(zip(pairs[::2], pairs[1::2], strict=True))
    return revision.decode(), {name.decode(): Stored.of(bodies[name]) for name in names if name in bodies}


class Unread(BaseException):
    """A work asks for what was not read yet. No error, and nothing that `except Exception` in a work may swallow."""

    def __init__(self, places: Iterable[RecordPlace] = (), kind: str | None = None) -> None:
        super().__init__()
        self.places, self.kind = tuple(places), kind


@dataclass
class RedisRecords:
    """What one run of a work sees."""

    sight: Sight | None
    changes: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Kind, name, body and end of each that was put, in order; without a body where it was deleted."""
    gets: dict[RecordPlace, str] = field(default_factory=dict)
    """What was asked for one by one, and the revision of each."""
    kinds: dict[str, str] = field(default_factory=dict)
    """The kinds that were asked for as a whole, and the revision of each."""
    over: bool = False

    @property
    def now(self) -> float:
        """The store's time."""
        return self._seen().now

    @property
    def wall(self) -> float:
        """What the server's clock shows."""
        return self._seen().wall

    def get(self, kind: str, name: str) -> Body | None:
        """One record."""
        return self.several(kind, (name,))[0]

    def several(self, kind: str, names: Iterable[str]) -> list[Body | None]:
        """Records of a kind by their names, which are fetched together."""
        self._use()
        own, wanted = self._own(kind), list(names)
        missing = [(kind, name) for name in wanted if name not in own and not self._read(kind, name)]
        if missing:
            raise Unread(missing)
        return [self._body(own[name] if name in own else self._stored(kind, name)) for name in wanted]

    def put(self, kind: str, name: str, body: Body, *, keep: float | None = None) -> None:
        """Write one record."""
        self._use()
        # In ASCII, as in the file; and read here at once what it has to be.
        text = json.dumps(body, allow_nan=False, separators=(",", ":"))
        self.changes.append((kind, name, text, "" if keep is None else repr(self.now + keep)))

    def delete(self, kind: str, name: str) -> None:
        """Remove one record."""
        self._use()
        self.changes.append((kind, name, "", ""))

    def all(self, kind: str) -> list[tuple[str, Body]]:
        """All records of a kind."""
        self._use()
        if self.sight is None or kind not in self.sight.whole:
            raise Unread(kind=kind)
        self.kinds[kind] = self.sight.whole[kind][0]
        living = {name: one for name, one in self.sight.whole[kind][1].items() if one.lives(self.now)}
        for _, name, text, ends in (one for one in self.changes if one[0] == kind):
            if not text:
                living.pop(name, None)
            else:
                living[name] = Stored("", float(ends) if ends else None, text)
                if not living[name].lives(self.now):
                    del living[name]
        return [(name, loaded(one.text)) for name, one in living.items()]

    def end(self) -> None:
        """Let nobody use them any more."""
        self.over = True

    def _seen(self) -> Sight:
        self._use()
        if self.sight is None:
            raise Unread
        return self.sight

    def _use(self) -> None:
        if self.over:
            raise RuntimeError(OUT_OF_TRANSACTION)

    def _own(self, kind: str) -> dict[str, Stored | None]:
        """What this run did itself to records of a kind."""
        return {
            name: Stored("", float(ends) if ends else None, text) if text else None
            for of, name, text, ends in self.changes
            if of == kind
        }

    def _read(self, kind: str, name: str) -> bool:
        """Whether a record was read, and is from now on a reason to begin again where it is another one by then."""
        if self.sight is None:
            return False
        if kind in self.sight.whole:
            self.kinds[kind] = self.sight.whole[kind][0]
            return True
        if (kind, name) not in self.sight.single:
            return False
        stored = self.sight.single[kind, name]
        self.gets[kind, name] = stored.revision if stored else ""
        return True

    def _stored(self, kind: str, name: str) -> Stored | None:
        sight = self._seen()
        return sight.whole[kind][1].get(name) if kind in sight.whole else sight.single[kind, name]

    def _body(self, stored: Stored | None) -> Body | None:
        return loaded(stored.text) if stored and stored.lives(self.now) else None


def loaded(text: str) -> Body:
    """A body."""
    try:
        found: Body = json.loads(text)
    except (ValueError, RecursionError):
        raise altered() from None
    return found


def altered() -> StoreUnreachable:
    """Somebody else wrote there."""
    return StoreUnreachable(
        "What Redis keeps for flipsnack-mcp was altered by another program; it was left as it is.",
        "Give FLIPSNACK_STATE another database, or another prefix (?prefix=NAME), which begins anew.",
        "what is in Redis was altered by another program",
    )
