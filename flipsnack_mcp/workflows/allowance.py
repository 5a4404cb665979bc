"""How much may be deleted in an hour and a day: the last line against an agent that runs away."""

import math
import secrets
from dataclasses import dataclass

from flipsnack_mcp.api import FlipsnackError
from flipsnack_mcp.store.records import Records, Store

KIND = "deletion"
HOUR, DAY = 3600.0, 24 * 3600.0


class TooManyDeletionsError(FlipsnackError):
    """The allowance of this account is used up."""

    def __init__(self, limit: int, what: str, setting: str, seconds: float) -> None:
        super().__init__(
            f"{limit} deletions in {what} have been made on this account, which is as many as this server allows.",
            f"Tell the person; they can raise {setting}.",
            retry=f"The next one is possible in about {max(1, math.ceil(seconds / 60))} minutes." if limit else "",
        )


@dataclass(frozen=True)
class Allowance:
    """The deletions of one account, counted for all its processes."""

    store: Store
    account: str
    per_hour: int
    per_day: int

    async def take(self) -> str:
        """Count one deletion that is about to be sent.

        Raises:
            TooManyDeletionsError: There were too many before it.
        """

        def work(records: Records) -> str:
            self._allowed(records)
            name = secrets.token_hex(8)
            records.put(KIND, name, {"account": self.account, "at": records.now}, keep=DAY)
            return name

        return await self.store.transact(work)

    async def check(self) -> None:
        """Raise as `take` would, before a person is asked for nothing."""
        await self.store.transact(self._allowed)

    async def give_back(self, name: str) -> None:
        """A deletion that certainly did not happen does not count."""
        await self.store.transact(lambda records: records.delete(KIND, name))

    def _allowed(self, records: Records) -> None:
        ours = [float(one["at"]) for _, one in records.all(KIND) if one["account"] == self.account]
        made = sorted(min(at, records.now) for at in ours)  # what version 0.1.0 wrote while the clock was ahead counts
        spans = (self.per_hour, HOUR, "an hour", "HOUR"), (self.per_day, DAY, "a day", "DAY")
        for limit, span, what, setting in spans:
            if sum(records.now - at < span for at in made) >= limit:
                wait = made[-limit] + span - records.now if limit else span
                raise TooManyDeletionsError(limit, what, f"FLIPSNACK_MAX_DELETES_PER_{setting}", wait)
