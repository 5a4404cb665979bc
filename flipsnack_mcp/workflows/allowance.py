"""How much may be deleted or taken offline in an hour and a day: the last line against an agent that runs away."""

import math
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flipsnack_mcp.api import FlipsnackError
from flipsnack_mcp.store.records import Records, Store
from flipsnack_mcp.text import as_many

DELETION = "deletion"
HOUR, DAY = 3600.0, 24 * 3600.0


class TooManyDeletionsError(FlipsnackError):
    """The allowance of this account is used up, or less than is wanted."""

    def __init__(self, limit: "Limit", wanted: int, left: int, seconds: float | None) -> None:
        setting = f"FLIPSNACK_MAX_DELETES_PER_{limit.setting}"
        allowed = f"{as_many(limit.most, 'deletion')} in {limit.name}"
        if wanted == 1:
            happened = f"{allowed} {'has' if limit.most == 1 else 'have'} been made on this account, takings offline included, which is as many as this server allows."
            next_step = f"Tell the person; they can raise {setting}."
        else:
            happened = f"{wanted} collections would be deleted or go offline; this server allows {allowed}, takings offline included, and {left} {'is' if left == 1 else 'are'} left."
            fewer = f"Choose at most {left} of them, or tell" if left else "Tell"
            next_step = f"{fewer} the person; they can raise {setting}."
        self.possible = left if wanted > 1 else 0
        """How many of them could go now, where there are several."""
        minutes = math.ceil((seconds or 0) / 60)
        which = "The next one is" if wanted == 1 else "So many are"
        retry = None if seconds is None else f"{which} possible in about {as_many(max(1, minutes), 'minute')}."
        super().__init__(happened, next_step, retry=retry)


@dataclass(frozen=True)
class Limit:
    """At most so many in a span of time."""

    most: int
    span: float
    name: str
    setting: str

    def check(self, made: list[float], now: float, wanted: int) -> None:
        """Raise where so many more were too many."""
        within = self._within(made, now)
        over = len(within) + wanted - self.most
        if over <= 0:
            return
        soonest = within[over - 1] + self.span - now if over <= len(within) else None
        raise TooManyDeletionsError(self, wanted, self.left(made, now), soonest)

    def left(self, made: list[float], now: float) -> int:
        """How many more there may be."""
        return max(0, self.most - len(self._within(made, now)))

    def _within(self, made: list[float], now: float) -> list[float]:
        return [at for at in made if now - at < self.span]


@dataclass(frozen=True)
class Allowance:
    """The deletions of one account, and what was taken offline on it, counted for all its processes."""

    store: Store
    account: str
    per_hour: int
    per_day: int

    async def take(self, what: str) -> str:
        """Count one that is about to be sent, and write down what it is.

        Raises:
            TooManyDeletionsError: There were too many before it.
        """
        name = secrets.token_hex(8)
        await self.store.transact(lambda records: self.count(records, {name: what}))
        return name

    def count(self, records: Records, named: Mapping[str, str]) -> None:
        """Count what has names of its own; what was counted before is not counted again."""
        for name in self.check_all(records, named):
            body = {"account": self.account, "at": records.now, "what": named[name]}
            records.put(DELETION, name, body, keep=DAY)

    def check_all(self, records: Records, named: Iterable[str]) -> list[str]:
        """Raise as `count` would; else what it would count."""
        names = list(named)
        known = records.several(DELETION, names)
        new = [name for name, body in zip(names, known, strict=True) if body is None]
        if new:
            self._allow(records, len(new))
        return new

    async def check(self, wanted: int = 1) -> None:
        """Raise as `take` would, before a person is asked for nothing."""
        await self.store.transact(lambda records: self._allow(records, wanted))

    async def give_back(self, *names: str) -> None:
        """What certainly did not happen does not count."""

        def work(records: Records) -> None:
            for name in names:
                records.delete(DELETION, name)

        await self.store.transact(work)

    async def left(self) -> dict[str, int]:
        """How many are left of the hour's and of the day's."""

        def work(records: Records) -> dict[str, int]:
            made = self._made(records)
            return {limit.setting.lower(): limit.left(made, records.now) for limit in self._limits}

        return await self.store.transact(work)

    def _allow(self, records: Records, wanted: int) -> None:
        made = self._made(records)
        for limit in self._limits:
            limit.check(made, records.now, wanted)

    def _made(self, records: Records) -> list[float]:
        ours = [float(one["at"]) for _, one in records.all(DELETION) if one["account"] == self.account]
        return sorted(min(at, records.now) for at in ours)  # what version 0.1.0 wrote while the clock was ahead counts

    @property
    def _limits(self) -> tuple[Limit, ...]:
        return Limit(self.per_hour, HOUR, "an hour", "HOUR"), Limit(self.per_day, DAY, "a day", "DAY")
