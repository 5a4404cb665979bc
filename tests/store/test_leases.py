"""Leases: one owner at a time, taken over when its signs of life stop, whatever happens to the clock."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flipsnack_mcp.store import leases
from flipsnack_mcp.store.leases import DEAD_AFTER, Lease, Owner
from flipsnack_mcp.store.records import Store
from flipsnack_mcp.store.sqlite import SqliteStore
from flipsnack_mcp.store.upgrading import STEPS
from tests.store.works import count, increment
from tests.virtual_clock import StandingClock

MONTH = 30 * 24 * 3600.0
OURS, THEIRS = Owner("upload/mine/a", "ours"), Owner("upload/mine/a", "theirs")


async def names_of_orphans(store: Store, kind: str = "upload") -> list[str]:
    return [name for name, _ in await store.transact(lambda records: leases.orphans(records, f"{kind}/"))]


async def renewed(store: Store, owner: Owner = OURS) -> Lease | None:
    return await store.transact(lambda records: owner.renew(records, {}))


async def lease_of(store: Store, work: str = OURS.work) -> Lease:
    lease = await store.transact(lambda records: leases.find(records, work))
    assert lease
    return lease


async def test_of_two_owners_one_gets_the_work_and_the_other_once_it_has_ended(store: Store) -> None:
    assert await store.transact(OURS.claim)
    assert not await store.transact(THEIRS.claim)
    assert await store.transact(OURS.claim)
    assert (await store.transact(OURS.holds), await store.transact(THEIRS.holds)) == (True, False)
    await store.transact(OURS.release)
    assert not await names_of_orphans(store)
    assert await store.transact(THEIRS.claim)
    assert not await store.transact(OURS.holds)


async def test_work_is_no_orphan_until_the_signs_of_life_are_old(store: Store, clock: StandingClock) -> None:
    await store.transact(OURS.claim)
    clock.now += DEAD_AFTER
    assert not await names_of_orphans(store)
    assert await store.transact(lambda records: OURS.renew(records, {"done": 3}))
    clock.now += DEAD_AFTER
    assert not await store.transact(THEIRS.claim)
    clock.now += 0.1
    assert await names_of_orphans(store) == ["mine/a"]
    assert await store.transact(THEIRS.claim)


@pytest.mark.parametrize("jump", [MONTH, -MONTH, 3600, -3600, -1])
async def test_no_jump_of_the_clock_keeps_work_from_others(store: Store, clock: StandingClock, jump: float) -> None:
    await store.transact(OURS.claim)
    clock.now += jump
    assert await store.transact(THEIRS.claim)
    assert not await store.transact(OURS.holds)


@pytest.mark.parametrize("jump", [3600, MONTH, -MONTH], ids=["slow", "forward", "back"])
async def test_a_slow_or_misled_owner_keeps_what_nobody_took(store: Store, clock: StandingClock, jump: float) -> None:
    await store.transact(OURS.claim)
    clock.now += jump
    assert await renewed(store)
    assert not await store.transact(THEIRS.claim)


async def test_nothing_an_owner_does_counts_once_it_has_lost_the_work(store: Store, clock: StandingClock) -> None:
    await store.transact(OURS.claim)
    clock.now += DEAD_AFTER + 1
    await store.transact(THEIRS.claim)
    await store.transact(OURS.release)
    await store.transact(OURS.let_go)
    assert await renewed(store) is None
    assert await store.transact(THEIRS.holds)


async def test_the_store_of_an_owner_refuses_what_it_writes_after_the_loss(store: Store, clock: StandingClock) -> None:
    told: list[str] = []
    owned = leases.OwnedStore(store, OURS, lambda: told.append("lost"))
    await store.transact(OURS.claim)
    await owned.transact(increment)
    clock.now += DEAD_AFTER + 1
    await owned.transact(increment)
    await store.transact(THEIRS.claim)
    with pytest.raises(leases.LeaseLost):
        await owned.transact(increment)
    assert (await store.transact(count), told) == (2, ["lost"])


async def test_an_owner_that_slept_over_the_end_begins_no_second_time(store: Store, clock: StandingClock) -> None:
    await store.transact(OURS.claim)
    clock.now += leases.KEPT - DEAD_AFTER - 2
    await store.transact(THEIRS.claim)
    await store.transact(THEIRS.release)
    clock.now += DEAD_AFTER
    assert not await store.transact(OURS.holds)
    assert await renewed(store) is None
    assert not await names_of_orphans(store)


async def test_what_an_owner_lets_go_is_free_at_once(store: Store, clock: StandingClock) -> None:
    await store.transact(OURS.claim)
    clock.now += 5
    await store.transact(OURS.let_go)
    assert await names_of_orphans(store) == ["mine/a"]
    assert (await lease_of(store)).renewed == clock.now
    assert await store.transact(THEIRS.claim)


async def test_a_request_to_stop_outlives_signs_of_life_and_the_owner(store: Store, clock: StandingClock) -> None:
    assert not await store.transact(lambda records: leases.ask_to_stop(records, "upload/mine/a"))
    assert not await store.transact(OURS.asked_to_stop)
    await store.transact(OURS.claim)
    assert not await store.transact(OURS.asked_to_stop)
    clock.now += 20
    assert await store.transact(lambda records: leases.ask_to_stop(records, "upload/mine/a"))
    assert await store.transact(OURS.asked_to_stop)
    assert (await lease_of(store)).renewed == clock.now - 20  # it is no sign of life
    assert (again := await renewed(store))
    assert again.stop
    await store.transact(OURS.let_go)
    [(_, left)] = await store.transact(lambda records: leases.orphans(records, "upload/"))
    assert left.stop
    await store.transact(THEIRS.claim)
    assert not (await lease_of(store)).stop  # work that is taken up anew is not stopped by an old request


async def test_orphans_are_those_of_their_kind_the_oldest_first(store: Store, clock: StandingClock) -> None:
    for work in ["upload/mine/b", "uploads/mine/c", "plan/mine/a", "upload/mine/a"]:
        await store.transact(Owner(work).claim)
    clock.now += DEAD_AFTER + 1
    assert await names_of_orphans(store) == ["mine/b", "mine/a"]
    assert await names_of_orphans(store, "plan") == ["mine/a"]


async def test_work_is_found_by_the_end_of_its_name_until_it_has_ended(store: Store) -> None:
    async def kind(ending: str) -> str | None:
        return await store.transact(lambda records: leases.before_ending(records, ending))

    endings = ("/mine/a", "/mine/b", "/theirs/a")
    await store.transact(Owner("plan/mine/b").claim)
    await store.transact(OURS.claim)
    assert [await kind(one) for one in endings] == ["upload", "plan", None]
    await store.transact(OURS.let_go)
    assert await kind("/mine/a") == "upload"
    await store.transact(OURS.claim)
    await store.transact(OURS.release)
    assert [await kind(one) for one in endings] == [None, "plan", None]


NOW = StandingClock().now
# What version 0.1.0 had under way.
UPLOAD = {"account": "mine", "owner": "old", "started": NOW - 60, "beat": NOW - 5, "state": "uploading"}
ITEM = {"number": 0, "owner": "old", "beat": NOW - 5, "state": "sending"}
Older = Callable[..., SqliteStore]


@pytest.fixture
async def old(path: Path, file: SqliteStore) -> Older:
    """Makes a file of an earlier version, of these rows."""

    def make(*rows: tuple[str, str, dict[str, Any] | str]) -> SqliteStore:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            for step in STEPS[:2]:
                db.execute(step)
            for kind, name, body in rows:
                text = body if isinstance(body, str) else json.dumps(body)
                db.execute("INSERT INTO records (kind, name, body, expires) VALUES (?, ?, ?, NULL)", (kind, name, text))
            db.execute("PRAGMA user_version = 2")
        return file

    return make


async def kept(store: Store, kind: str = leases.LEASE) -> list[tuple[str, dict[str, Any]]]:
    return await store.transact(lambda records: records.all(kind))


@pytest.mark.parametrize(
    ("facts", "free_after"),
    [
        *(({}, 595.1), ({"state": "waiting"}, 25.1), ({"beat": 0.0}, 0)),
        ({"state": "interrupted", "beat": 0.0, "left": NOW - 9}, 0),
    ],
)
async def test_an_upload_of_an_earlier_version_is_taken_over_when_its_sign_of_life_is_old(
    old: Older, clock: StandingClock, facts: dict[str, Any], free_after: float
) -> None:
    store = old(("upload", "abc", UPLOAD | facts))
    if free_after:
        clock.now += free_after - 0.2
        assert not await names_of_orphans(store)
        clock.now += 0.2
    assert await names_of_orphans(store) == ["mine/abc"]


async def test_of_an_earlier_version_an_ended_upload_is_no_orphan_and_a_request_to_stop_is_kept(old: Older) -> None:
    ended = [
        ("upload", state, UPLOAD | {"state": state, "beat": 0.0}) for state in ("complete", "converting", "failed")
    ]
    ended.append(("upload", "b", UPLOAD | {"state": "interrupted", "checked": True}))
    store = old(*ended, ("upload", "abc", UPLOAD | {"stop": True}))
    assert [name for name, _ in await kept(store)] == ["upload/mine/abc"]
    assert (await lease_of(store, "upload/mine/abc")).stop is True


@pytest.mark.parametrize(("beat", "owner", "orphans"), [(NOW - 5, "old", []), (0.0, "", ["mine/p1"])])
async def test_an_older_plan_is_taken_over_in_a_minute(old: Older, beat: float, owner: str, orphans: list[str]) -> None:
    idle = [("plan-item", f"{plan}/0", ITEM | {"state": "planned"}) for plan in ("p1", "p12")]
    plans = [("plan", plan, {"plan_id": plan, "account": "mine"}) for plan in ("p1", "p12")]
    store = old(*plans, *idle, ("plan-item", "p1/1", ITEM | {"beat": beat}))
    assert await kept(store) == [("plan/mine/p1", {"owner": owner, "renewed": beat, "seconds": 60.0})]
    assert await names_of_orphans(store, "plan") == orphans


async def test_neither_a_question_of_an_earlier_version_nor_a_record_that_is_no_json_is_in_the_way(old: Older) -> None:
    question = ("report claim", "mine/a/2026-01-01", '{"owner":"old"}')
    bad = [("upload", "bad", "{"), ("plan", "bad", "{"), ("plan-item", "bad/0", "{")]
    store = old(question, *bad, ("upload", "abc", UPLOAD))
    assert [name for name, _ in await kept(store)] == ["upload/mine/abc"]
    assert await kept(store, "report claim") == []
