"""Leases: who carries out a piece of work, and which work nobody carries out any more. Used inside transactions.

A lease stands from the moment in which work is taken up until the work has ended, so one that nobody holds is work
whose owner is gone. An owner that was slow, asleep, or misled by a clock finds out at its next transaction in the
`OwnedStore` that somebody else has gone on without it.
"""

import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace

from flipsnack_mcp.store.records import Body, Records, Store, T

LEASE, ENDED = "lease", "ended work"
DEAD_AFTER = 30.0
"""Seconds without a sign of life after which an owner is taken for dead."""
KEPT = 7 * 24 * 3600.0
"""How long unfinished work is remembered, and that work has ended: a computer may sleep for so long over its own."""


@dataclass(frozen=True)
class Lease:
    """What is known about a piece of work that has not ended."""

    owner: str
    """Empty where the owner let go of it."""
    renewed: float
    """When the owner gave its last sign of life."""
    seconds: float = field(default_factory=lambda: DEAD_AFTER)
    """How long it holds without another one."""
    stop: bool = False
    """Whether somebody asked for the work to be stopped."""
    note: Body = field(default_factory=dict)
    """What the owner tells other processes about the work."""

    @classmethod
    def of(cls, body: Body) -> "Lease":
        """As it was written down, maybe by a later version: of several hosts one is updated first."""
        return cls(**{name: value for name, value in body.items() if name in KNOWN})

    def held(self, now: float) -> bool:
        """Whether its owner counts as alive; not after a clock was set back, or a dead one would live for longer."""
        return bool(self.owner) and 0 <= now - self.renewed <= self.seconds


KNOWN = frozenset(one.name for one in fields(Lease))


@dataclass(frozen=True)
class Owner:
    """Somebody who carries out a piece of work, or wants to."""

    work: str
    """Its kind, its account and its name."""
    token: str = field(default_factory=lambda: secrets.token_hex(8))
    """Drawn for each attempt, so that a process is not taken for the one it was before it lost the work."""

    def claim(self, records: Records) -> bool:
        """Take up the work, unless another owner is at it."""
        lease = find(records, self.work)
        if lease and lease.owner != self.token and lease.held(records.now):
            return False
        put(records, self.work, Lease(self.token, records.now))
        return True

    def holds(self, records: Records) -> bool:
        """Whether nobody else has taken the work over, however long ago the last sign of life was.

        Where there is no trace of the work, the whole file was replaced: its owner is still the only one to know of it.
        """
        lease = find(records, self.work)
        return lease.owner == self.token if lease else records.get(ENDED, self.work) is None

    def renew(self, records: Records, note: Body) -> Lease | None:
        """Give a sign of life; None where somebody else has taken the work over."""
        if not self.holds(records):
            return None
        lease = find(records, self.work)
        return put(records, self.work, Lease(self.token, records.now, stop=bool(lease and lease.stop), note=note))

    def asked_to_stop(self, records: Records) -> bool:
        """Whether somebody wants the work to be stopped."""
        lease = find(records, self.work)
        return lease is not None and lease.stop

    def let_go(self, records: Records, *, stop: bool = False) -> None:
        """Leave unfinished work to whoever comes next, from now on; to be stopped, if that was wanted by then."""
        if lease := self.renew(records, {}):
            put(records, self.work, replace(lease, owner="", stop=lease.stop or stop))

    def release(self, records: Records) -> None:
        """Write down that the work has ended."""
        if self.holds(records):
            records.delete(LEASE, self.work)
            records.put(ENDED, self.work, {}, keep=KEPT)


class LeaseLost(Exception):  # noqa: N818 - it is no error
    """Somebody else carries out the work by now, and nothing was written."""


class OwnedStore:
    """The store as an owner uses it: each transaction counts only as long as the work is still its own.

    `lost` is called before LeaseLost is raised: whoever swallows that must not go on.
    """

    def __init__(self, inner: Store, owner: Owner, lost: Callable[[], None]) -> None:
        self.shared, self.close = inner.shared, inner.close
        self._inner, self._owner, self._lost = inner, owner, lost

    async def transact(self, work: Callable[[Records], T]) -> T:
        """Run a transaction, or raise LeaseLost before it has begun."""

        def owned(records: Records) -> T:
            if not self._owner.holds(records):
                raise LeaseLost
            return work(records)

        try:
            return await self._inner.transact(owned)
        except LeaseLost:
            self._lost()
            raise


def find(records: Records, work: str) -> Lease | None:
    """The lease of a piece of work; None where it was never taken up or has ended."""
    body = records.get(LEASE, work)
    return Lease.of(body) if body else None


def put(records: Records, work: str, lease: Lease) -> Lease:
    """Write down a lease."""
    records.put(LEASE, work, asdict(lease), keep=KEPT)
    return lease


def ask_to_stop(records: Records, work: str) -> bool:
    """Ask whoever carries the work out, or takes it up next, to stop it; whether there is such work."""
    lease = find(records, work)
    return lease is not None and put(records, work, replace(lease, stop=True)).stop


def before_ending(records: Records, ending: str) -> str | None:
    """What stands before the ending in the name of work that has not ended; None where no name ends so."""
    return next((work.removesuffix(ending) for work, _ in records.all(LEASE) if work.endswith(ending)), None)


def orphans(records: Records, prefix: str = "") -> list[tuple[str, Lease]]:
    """Unfinished work that nobody carries out, the oldest first: all whose name begins so, each by what follows."""
    every = ((work, Lease.of(body)) for work, body in records.all(LEASE) if work.startswith(prefix))
    return [(work.removeprefix(prefix), lease) for work, lease in every if not lease.held(records.now)]
