"""The budget's document on Redis: turns of several replicas, and what each may do while the server is gone, back, or has forgotten."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from typing_extensions import override

from flipsnack_mcp.api import budget
from flipsnack_mcp.api.budget import BudgetRules
from flipsnack_mcp.api.counting.apart import STILL_ARRIVING, BudgetApart, BudgetOfReplicas
from flipsnack_mcp.api.counting.ledger import SharedBudget, blank, fits
from flipsnack_mcp.api.errors import NotCountedError
from flipsnack_mcp.api.pace import Pacer
from flipsnack_mcp.redis_address import redis_address
from flipsnack_mcp.store.redis import presence
from flipsnack_mcp.store.redis.link import RedisLink
from flipsnack_mcp.store.redis.presence import (
    GROWN_UP,
    LIVES_FOR,
    REPLICA_BEAT,
    Presence,
    TurnTaken,
    give_sign,
    stay_present,
)
from flipsnack_mcp.store.redis.redis_document import NoHabits, RedisDocument
from flipsnack_mcp.store.redis.scripts import DOCUMENTS
from tests.redis_server import RedisServer, running_redis
from tests.store.works import Tally, add_one, is_tally

RULES = BudgetRules()


@pytest.fixture
def server(quick_folder: Path, patient_with_redis: None, soon: None) -> Iterator[RedisServer]:  # noqa: ARG001
    with running_redis(quick_folder, "--appendonly", "no") as server:
        yield server


@dataclass
class Time:
    """What the machines of all replicas show, moved by hand."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class PresenceInTime(Presence):
    """One for which the server's clock is moved by the same hand."""

    @override
    def asked(self, names: list[str], *, alive: bool, **more: Any) -> dict[str, Any]:
        return {**super().asked(names, alive=alive, **more), "wall": 1_790_000_000.0 + self.here}


@dataclass
class Replica:
    """One process: who it is, and the budget of one account."""

    url: str
    time: Time
    presence: Presence = field(init=False)
    document: RedisDocument[SharedBudget] = field(init=False)

    def __post_init__(self) -> None:
        self.presence, address = PresenceInTime(self.time), redis_address(self.url)
        self.document = RedisDocument(address, "budget-1", blank(), fits, BudgetApart(RULES), self.presence)
        self.budget, self.link = BudgetOfReplicas(self.document), RedisLink(address)

    async def beat(self) -> None:
        await give_sign(self.link, self.presence)

    async def granted(self, at: float | None = None) -> int:
        """Take as many calls as there are at this moment."""

        def take(document: SharedBudget, now: float) -> int:
            number, moment = 0, now if at is None else at
            request = budget.SlotRequest(f"0{self.presence.name}", 1, 0, 2.0, grant=True)
            while isinstance(answer := budget.ask(document, moment, self.budget.allowed(RULES), request), range):
                budget.settle(document, moment, answer[-1])
                number += 1
            return number

        return await self.document.change(take)

    async def close(self) -> None:
        await self.document.close()
        await self.link.close()


@pytest.fixture
async def several(server: RedisServer) -> AsyncIterator[Callable[[int], list[Replica]]]:
    """So many replicas with one time."""
    time, made = Time(), list[Replica]()

    def make(number: int) -> list[Replica]:
        made.extend(Replica(server.url, time) for _ in range(number))
        return made[-number:]

    yield make
    for one in made:
        await one.close()


async def run(replicas: list[Replica], seconds: float) -> None:
    """All is well for so long."""
    time = replicas[0].time
    for _ in range(int(seconds / REPLICA_BEAT)):
        time.now += REPLICA_BEAT
        for one in replicas:
            await one.beat()


async def grown_up(several: Callable[[int], list[Replica]], number: int) -> list[Replica]:
    replicas = several(number)
    for one in replicas:
        await one.document.change(lambda *_: None)
    await run(replicas, GROWN_UP + 2 * REPLICA_BEAT)
    return replicas


# --- turns
async def test_several_replicas_change_it_in_turn_and_lose_nothing(server: RedisServer) -> None:
    address = redis_address(server.url)
    documents = [RedisDocument(address, "tally", Tally(n=0), is_tally, NoHabits(), Presence()) for _ in range(4)]

    async def add(document: RedisDocument[Tally]) -> None:
        for _ in range(25):
            await document.change(add_one)

    async with anyio.create_task_group() as group:
        for one in documents:
            group.start_soon(add, one)
    assert await documents[0].change(add_one) == 101
    for one in documents:
        await one.close()


async def test_a_decision_that_fails_changes_nothing(several: Callable[[int], list[Replica]]) -> None:
    (one,) = several(1)

    def fail(document: SharedBudget, _: float) -> None:
        document["seq"] = 77
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await one.document.change(fail)
    assert await one.document.change(lambda document, _: document["seq"]) == 0


@pytest.mark.parametrize("value", ["nonsense", "a\n{", "a\n[]", 'a\n{"log":"seven"}', "\n"])
async def test_one_that_was_edited_into_nonsense_begins_anew(
    several: Callable[[int], list[Replica]], server: RedisServer, value: str
) -> None:
    (one,) = several(1)
    server.cli("SET", "flipsnack:{state}:document:budget-1", value)
    assert await one.granted() == 5


# --- who is there
async def live_replicas(asking: Replica) -> tuple[str, ...]:
    """The names of those who gave a sign of life just now."""
    question = asking.presence.asked([], alive=False)
    return TurnTaken.of(await asking.link.run(DOCUMENTS, "clock", question)).live


async def test_replicas_know_of_each_other_until_they_end_or_are_silent(
    several: Callable[[int], list[Replica]],
) -> None:
    one, other, third = await grown_up(several, 3)
    assert set(await live_replicas(one)) == {each.presence.name for each in (one, other, third)}
    assert one.presence.sharers == 1
    async with anyio.create_task_group() as group:
        group.start_soon(stay_present, other.link, other.presence)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    assert other.presence.name not in await live_replicas(one)


async def test_a_replica_gives_signs_of_life_until_it_ends(
    several: Callable[[int], list[Replica]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,), given, enough = several(1), list[Presence](), anyio.Event()

    async def sign(_: RedisLink, whose: Presence) -> None:
        given.append(whose)
        if len(given) == 3:
            enough.set()

    monkeypatch.setattr(presence, "REPLICA_BEAT", 0.0)
    monkeypatch.setattr(presence, "give_sign", sign)
    async with anyio.create_task_group() as group:
        group.start_soon(stay_present, one.link, one.presence)
        with anyio.move_on_after(20):
            await enough.wait()
        group.cancel_scope.cancel()
    assert len(given) >= 3
    assert set(given) == {one.presence}


# --- the server is gone
@pytest.mark.parametrize(("number", "share"), [(1, 5), (2, 2), (3, 1), (5, 1)])
async def test_without_the_server_each_takes_its_share_once_the_calls_of_the_others_have_arrived(
    several: Callable[[int], list[Replica]], server: RedisServer, number: int, share: int
) -> None:
    replicas = await grown_up(several, number)
    server.kill()
    assert [await one.granted() for one in replicas] == [0] * number
    replicas[0].time.now += STILL_ARRIVING + 0.1
    assert [await one.granted() for one in replicas] == [share] * number
    assert [one.presence.sharers for one in replicas] == [number] * number


async def test_without_the_server_all_together_stay_within_the_minute(
    several: Callable[[int], list[Replica]], server: RedisServer
) -> None:
    replicas, made = await grown_up(several, 3), list[float]()
    for _ in range(2):
        made += [replicas[0].time.now] * sum([await one.granted() for one in replicas])
        await run(replicas, REPLICA_BEAT)
    server.kill()
    for _ in range(170):
        replicas[0].time.now += 0.5
        made += [replicas[0].time.now] * sum([await one.granted() for one in replicas])
    for window, most in ((1.0, 5), (60.0, 60)):
        assert all(sum(start <= at < start + window for at in made) <= most for start in made)
    assert len(made) > 60


A_STEP = 0.5
BEATS_APART = int(REPLICA_BEAT / A_STEP)


@pytest.mark.parametrize("before", ["SAVE", "FLUSHALL"], ids=["with all", "empty"])
async def test_while_it_goes_and_comes_back_all_together_stay_within_each_second_and_minute(
    several: Callable[[int], list[Replica]], server: RedisServer, before: str
) -> None:
    """Each takes whatever it may, all the time; the last look at the others is never older than a beat."""
    replicas, made = await grown_up(several, 3), list[float]()
    time = replicas[0].time

    async def take(seconds: float) -> None:
        for step in range(int(seconds / A_STEP)):
            time.now += A_STEP
            for number, one in enumerate(replicas):
                if step % BEATS_APART == 3 * number % BEATS_APART:
                    await one.beat()
                made.extend([time.now] * await one.granted())

    await take(64)
    server.cli(before)
    server.kill()
    await take(20)
    server.start()
    await take(100)
    for window, most in ((1.0, 5), (60.0, 60)):
        assert max(sum(start <= at < start + window for at in made) for start in made) <= most
    assert sum(at > time.now - 60 for at in made) >= 55  # and are back at what they may in the end


async def test_six_share_so_little_that_nobody_takes_anything(
    several: Callable[[int], list[Replica]], server: RedisServer
) -> None:
    replicas = await grown_up(several, 6)
    server.kill()
    for one in replicas:
        with pytest.raises(NotCountedError):
            await one.granted()


@pytest.mark.parametrize("seconds", [0.0, GROWN_UP - REPLICA_BEAT])
async def test_a_replica_that_the_others_may_not_know_yet_takes_nothing(
    several: Callable[[int], list[Replica]], server: RedisServer, seconds: float
) -> None:
    old = (await grown_up(several, 1))[0]
    (young,) = several(1)
    await young.beat()
    await run([old, young], seconds)
    server.kill()
    old.time.now += 0.1
    with pytest.raises(NotCountedError, match="cannot be told"):
        await young.granted()


async def test_a_replica_that_never_saw_the_server_or_slept_takes_nothing(
    several: Callable[[int], list[Replica]], server: RedisServer
) -> None:
    (slept,) = await grown_up(several, 1)
    slept.time.now += LIVES_FOR
    server.kill()
    (new,) = several(1)
    for one in (slept, new):
        with pytest.raises(NotCountedError):
            await one.granted()


# --- and back
async def test_what_was_done_meanwhile_counts_for_all_when_it_is_back(
    several: Callable[[int], list[Replica]], server: RedisServer
) -> None:
    replicas = await grown_up(several, 2)
    server.cli("SAVE")
    server.kill()
    for one in replicas:
        assert await one.granted() == 0
    replicas[0].time.now += STILL_ARRIVING + 0.1
    assert [await one.granted() for one in replicas] == [2, 2]
    server.start()
    await run(replicas, 2 * REPLICA_BEAT)
    assert [one.presence.sharers for one in replicas] == [2, 2]  # until the others have told too
    for one in replicas:
        assert await one.document.change(lambda document, now: len(budget.stamps(document, now))) == 4
    await run(replicas, LIVES_FOR)
    assert [one.presence.sharers for one in replicas] == [1, 1]


async def test_a_call_that_was_granted_apart_is_settled_when_the_server_is_back(
    several: Callable[[int], list[Replica]], server: RedisServer
) -> None:
    (one,) = await grown_up(several, 1)
    server.cli("SAVE")
    server.kill()
    await one.document.change(lambda *_: None)
    one.time.now += STILL_ARRIVING + 0.1
    request = budget.SlotRequest(f"0{one.presence.name}", 1, 0, 2.0, grant=True)
    numbers = await one.document.change(lambda document, now: budget.ask(document, now, RULES, request))
    assert isinstance(numbers, range)
    server.start()
    one.time.now += REPLICA_BEAT
    await one.document.change(lambda document, now: budget.settle(document, now, numbers[-1]))
    under_way, answered = await one.document.change(lambda document, _: (document["log"], document["answered"]["id"]))
    assert (under_way, answered) == ([], [numbers[-1]])


async def test_a_call_that_is_answered_apart_is_not_under_way_any_more_when_the_server_is_back(
    several: Callable[[int], list[Replica]], server: RedisServer
) -> None:
    (one,) = await grown_up(several, 1)
    request = budget.SlotRequest(f"0{one.presence.name}", 1, 0, 2.0, grant=True)
    numbers = await one.document.change(lambda document, now: budget.ask(document, now, RULES, request))
    assert isinstance(numbers, range)
    server.cli("SAVE")
    server.kill()
    await one.document.change(lambda document, now: budget.settle(document, now, numbers[-1]))
    server.start()
    one.time.now += REPLICA_BEAT
    under_way, answered = await one.document.change(lambda document, _: (document["log"], document["answered"]["id"]))
    assert (under_way, answered) == ([], [numbers[-1]])


@pytest.mark.parametrize("how", ["all of it", "the document"])
async def test_where_it_was_lost_the_budget_counts_as_used_for_a_minute(
    several: Callable[[int], list[Replica]], server: RedisServer, how: str
) -> None:
    """For all replicas: also for those that come now, and for documents that nobody here has in mind."""
    (one,) = await grown_up(several, 1)
    server.cli(*(["FLUSHALL"] if how == "all of it" else ["DEL", "flipsnack:{state}:document:budget-1"]))
    await one.beat()
    (new,) = several(1)
    assert [await each.granted() for each in (one, new)] == [0, 0]
    left = await one.document.change(lambda document, now: sum(document["pause"]) - now)
    assert 55 < left <= 60
    assert await one.granted(await one.document.change(lambda _, now: now + 61)) == 5


async def test_one_that_ended_because_nobody_changed_it_is_not_lost(
    several: Callable[[int], list[Replica]], server: RedisServer
) -> None:
    replicas = await grown_up(several, 2)
    await run(replicas, 60)
    server.cli("DEL", "flipsnack:{state}:document:budget-1")
    await run(replicas, 2 * REPLICA_BEAT)
    assert await replicas[0].granted() == 5


async def test_where_an_older_one_came_back_the_budget_counts_as_used_for_a_minute(
    several: Callable[[int], list[Replica]], server: RedisServer
) -> None:
    """As where another server takes over that had not got the last changes."""
    (one,) = await grown_up(several, 1)
    server.cli("COPY", "flipsnack:{state}:document:budget-1", "kept")
    assert await one.granted() == 5
    server.cli("COPY", "kept", "flipsnack:{state}:document:budget-1", "REPLACE")
    one.time.now += 2
    assert await one.granted() == 0
    assert await one.granted(await one.document.change(lambda _, now: now + 61)) == 5


async def test_a_first_start_waits_for_nothing(several: Callable[[int], list[Replica]]) -> None:
    (one,) = several(1)
    assert await one.granted() == 5


async def test_a_full_server_divides_the_budget_as_one_that_is_gone(
    several: Callable[[int], list[Replica]], server: RedisServer
) -> None:
    replicas = await grown_up(several, 2)
    server.cli("CONFIG", "SET", "maxmemory", "1")
    for _ in range(10):
        for one in replicas:
            await one.beat()
        replicas[0].time.now += REPLICA_BEAT
    assert [await one.granted() for one in replicas] == [2, 2]


async def test_that_it_is_gone_is_written_down_once(
    several: Callable[[int], list[Replica]], server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    (one,) = await grown_up(several, 1)
    server.kill()
    for _ in range(3):
        await one.granted()
        one.time.now += LIVES_FOR
    (said,) = [record.getMessage() for record in caplog.records if "request budget" in record.getMessage()]
    assert said.startswith("the request budget is not shared with other replicas: Redis at")


# --- for whoever waits in the line
async def test_who_waits_in_the_line_is_told_that_nobody_counts(
    several: Callable[[int], list[Replica]], server: RedisServer
) -> None:
    server.kill()
    (one,) = several(1)
    pacer = Pacer(one.budget, RULES)
    with anyio.fail_after(30), pytest.raises(NotCountedError) as caught:
        async with pacer.slot():
            raise AssertionError("nobody may call")
    assert str(caught.value) == (
        f"Redis at {server.socket_path}, database 0 cannot be reached. How many calls other servers make on this account "
        "cannot be told without it, so none was made. Nothing was changed. Try again in half a minute. "
        "See that it runs and that FLIPSNACK_STATE names it, with rediss:// where it takes TLS alone. It is tried again with every call."
    )


async def test_with_the_server_the_pacer_grants_what_the_limits_allow(several: Callable[[int], list[Replica]]) -> None:
    one, other = several(2)
    granted: list[Any] = []
    for replica in (one, other, one):
        async with Pacer(replica.budget, RULES).slot() as slot:
            granted.append(slot.is_good)
    assert granted == [True] * 3
    assert await Pacer(other.budget, RULES).calls_left() == 57
