"""The store on Redis or Valkey: optimistic, so that no process ever waits for another one that stopped.

A work is run against what was read at one moment, and what it changes is written only if nothing of that is another by
then; else it is run again. All of it happens in two scripts, each carried out by the server in one step.
"""

import secrets
from collections.abc import Callable

import anyio

from flipsnack_mcp.redis_address import RedisAddress
from flipsnack_mcp.store.clock import Clock, Moment
from flipsnack_mcp.store.records import Records, T, note_records
from flipsnack_mcp.store.redis.failures import redis_held
from flipsnack_mcp.store.redis.link import RedisLink
from flipsnack_mcp.store.redis.presence import presence_on, stay_present
from flipsnack_mcp.store.redis.rewriting import files_written_anew
from flipsnack_mcp.store.redis.scripts import RECORDS
from flipsnack_mcp.store.redis.seen import RecordPlace, RedisRecords, Sight, Unread, altered

TO_AGREE = 10.0
"""Seconds in which others may be faster again and again."""
MOST_RUNS = 1000
LIKELY = 8
"""How many of the records that were read last are read along with the next ones: a call looks at the same few again and again."""


class ToRead:
    """What has to be read for a work, as far as that is known by now."""

    def __init__(self, likely: dict[RecordPlace, None]) -> None:
        self.places, self.kinds = dict(likely), dict[str, None]()

    def add(self, more: Unread) -> None:
        """It was run, and left here."""
        self.places |= dict.fromkeys(more.places)
        if more.kind is not None:
            self.kinds[more.kind] = None

    @property
    def asked(self) -> dict[str, object]:
        """As the script takes it. A kind that is read as a whole needs no single records."""
        return {"gets": self._gets, "kinds": [*self.kinds]}

    def answered(self, answer: list[object]) -> Sight:
        """What was read.

        Raises:
            StoreUnusable: Somebody made something else of it.
        """
        try:
            return Sight.of(self._gets, self.kinds, answer)
        except ValueError:
            raise altered() from None

    @property
    def _gets(self) -> list[RecordPlace]:
        return [place for place in self.places if place[0] not in self.kinds]


class RedisStore:
    """Keeps records in Redis. `clock` stands in for the server's, in a test."""

    shared = True

    def __init__(self, address: RedisAddress, clock: Clock | None = None) -> None:
        self.link = RedisLink(address)
        self._clock = clock
        self._likely = dict[RecordPlace, None]()

    async def transact(self, work: Callable[[Records], T]) -> T:
        latest = anyio.current_time() + TO_AGREE
        question, sight = ToRead(self._likely), None
        while anyio.current_time() < latest:
            result, records = await self._run(work, question, sight)
            # Again at once: what was just read is what the next commit has the best chance with.
            if not records.changes or (sight := await self._commit(records, question)) is None:
                return result
        raise redis_held(self.link.address.shown, TO_AGREE)

    async def _run(self, work: Callable[[Records], T], question: ToRead, sight: Sight | None) -> tuple[T, RedisRecords]:
        """Run a work, again and again until all is read that it asks for."""
        for _ in range(MOST_RUNS):
            records = RedisRecords(sight)
            try:
                result = work(records)
            except Unread as more:
                question.add(more)
                sight = question.answered(await self._ask(question.asked))
                continue
            except Exception as error:
                note_records(error)
                raise
            finally:
                records.end()
            self._remember(records)
            return result, records
        raise RuntimeError("a transaction asks for something else each time it is run")

    async def attend(self) -> None:
        await stay_present(self.link, presence_on(self.link.address.url))

    async def purge(self) -> tuple[str, ...]:
        """Have its files written anew, as far as the server lets us."""
        return await files_written_anew(self.link)

    async def close(self) -> None:
        await self.link.close()

    async def _commit(self, records: RedisRecords, question: ToRead) -> Sight | None:
        """Write what a work changed; what was read anew where something else stands there by now."""
        sight = records.sight or question.answered(await self._ask(question.asked))
        commit = {
            "token": secrets.token_hex(8),
            "read": sight.wall,
            "gets": [(*place, revision) for place, revision in records.gets.items()],
            "kinds": [*records.kinds.items()],
            "changes": records.changes,
        }
        # Whoever is cancelled meanwhile is told first what came of it: nothing that was written is lost to that.
        with anyio.CancelScope(shield=True):
            answer = await self._ask({**question.asked, "commit": commit})
        return None if answer[0] == b"written" else question.answered(answer)

    async def _ask(self, asked: dict[str, object]) -> list[object]:
        return await self.link.run(RECORDS, "clock", {**asked, **self._time})

    @property
    def _time(self) -> dict[str, float]:
        """What stands in for the server's time; seconds alone are taken at their word, as by the other stores."""
        shown = self._clock() if self._clock else None
        if shown is None:
            return {}
        return {"wall": shown.wall} if isinstance(shown, Moment) else {"time": shown}

    def _remember(self, records: RedisRecords) -> None:
        older = [place for place in self._likely if place not in records.gets]
        self._likely = dict.fromkeys([*older, *records.gets][-LIKELY:])
