"""What all forms of the store promise."""

from collections.abc import Callable
from typing import Any

import anyio
import pytest
from pydantic import BaseModel

from flipsnack_mcp.store.records import Records, Store, came_of_records
from tests.store.works import count, increment, putting
from tests.virtual_clock import StandingClock


async def test_what_was_put_is_found_by_a_later_transaction_by_kind_and_name(store: Store) -> None:
    body = {"title": "Käse \U0001f9c0 \ud83d", "n": 1.5, "list": [None, True, {}], "big": 2**70}
    await store.transact(lambda records: records.put("upload", "a';\n%", body))
    assert await store.transact(lambda records: records.get("upload", "a';\n%")) == body
    assert not await store.transact(lambda records: records.get("code", "a';\n%") or records.get("upload", "A';\n%"))


async def test_an_exception_undoes_everything_and_reaches_the_caller(store: Store) -> None:
    def work(records: Records) -> None:
        increment(records)
        records.put("upload", "a", {})
        records.delete("counter", "one")
        raise KeyError("mine")

    for before in (0, 1):  # in the very first transaction, and in a later one
        with pytest.raises(KeyError, match="mine"):
            await store.transact(work)
        assert await store.transact(lambda records: records.all("upload")) == []
        assert await store.transact(increment) == before + 1


@pytest.mark.parametrize("body", [{"a": {1, 2}}, {"a": float("nan")}])
async def test_a_body_that_is_no_json_undoes_everything(store: Store, body: dict[str, Any]) -> None:
    def work(records: Records) -> None:
        increment(records)
        records.put("upload", "a", body)

    with pytest.raises((TypeError, ValueError)):
        await store.transact(work)
    assert await store.transact(count) == 0


class Numbered(BaseModel):
    number: int


ALTERED: dict[str, tuple[Any, Callable[[Any], object]]] = {
    "another value": ({"number": "none"}, Numbered.model_validate),
    "something is missing": ({}, lambda body: body["number"]),
    "no object": ([1], lambda body: body["number"]),
    "another kind": ({"number": {}}, lambda body: float(body["number"])),
}


@pytest.mark.parametrize(("body", "read"), ALTERED.values(), ids=ALTERED)
async def test_what_goes_wrong_with_a_record_that_somebody_altered_is_noted_and_undoes_everything(
    store: Store, body: Any, read: Callable[[Any], object]
) -> None:
    def work(records: Records) -> None:
        increment(records)
        read(records.get("upload", "a"))

    await store.transact(lambda records: records.put("upload", "a", body))
    with pytest.raises((TypeError, ValueError, KeyError)) as raised:
        await store.transact(work)
    assert came_of_records(raised.value)
    assert await store.transact(count) == 0


async def test_changing_a_body_outside_changes_nothing_inside(store: Store) -> None:
    body: dict[str, Any] = {"list": [1]}
    await store.transact(lambda records: records.put("upload", "a", body))
    body["list"].append(2)
    seen = await store.transact(lambda records: records.get("upload", "a"))
    assert seen == {"list": [1]}
    seen["list"].append(3)
    (await store.transact(lambda records: records.all("upload")))[0][1]["list"].append(4)
    assert await store.transact(lambda records: records.get("upload", "a")) == {"list": [1]}


async def test_a_transaction_sees_its_own_changes_and_the_clock(store: Store, clock: StandingClock) -> None:
    def work(records: Records) -> list[Any]:
        records.put("upload", "a", {"n": 1})
        records.put("upload", "a", {"n": 2})
        seen = [records.get("upload", "a"), records.all("upload")]
        records.delete("upload", "a")
        return [*seen, records.get("upload", "a"), records.now]

    clock.now = 17.25
    assert await store.transact(work) == [{"n": 2}, [("a", {"n": 2})], None, 17.25]


async def test_records_are_dead_after_their_transaction(store: Store) -> None:
    escaped = await store.transact(lambda records: records)
    uses: list[Callable[[], object]] = [
        *(lambda: escaped.get("a", "b"), lambda: escaped.put("a", "b", {})),
        *(lambda: escaped.delete("a", "b"), lambda: escaped.all("a")),
    ]
    for use in uses:
        with pytest.raises(RuntimeError, match="only inside"):
            use()


async def test_an_expired_record_is_gone_but_for_one_put_anew(store: Store, clock: StandingClock) -> None:
    await store.transact(lambda records: records.put("upload", "a", {}, keep=1))
    await store.transact(lambda records: records.put("upload", "a", {"n": 2}))
    await store.transact(lambda records: records.put("code", "a", {}, keep=600))
    clock.now += 599.9
    assert await store.transact(lambda records: records.get("code", "a")) == {}
    clock.now += 0.1
    assert await store.transact(lambda records: records.get("code", "a")) is None
    assert await store.transact(lambda records: records.all("code")) == []
    clock.now += 1e9
    assert await store.transact(lambda records: records.get("upload", "a")) == {"n": 2}


async def test_records_come_in_the_order_they_were_put_since_they_were_gone(store: Store, clock: StandingClock) -> None:
    def names(records: Records) -> str:
        return "".join(name for name, _ in records.all("upload"))

    for name in "dbca":
        await store.transact(putting(name, keep=9 if name == "c" else None))
    await store.transact(lambda records: records.put("upload", "d", {"again": True}))
    assert await store.transact(names) == "dbca"
    await store.transact(lambda records: records.delete("upload", "b"))
    await store.transact(lambda records: records.put("upload", "b", {}))
    assert await store.transact(names) == "dcab"
    clock.now += 10
    await store.transact(lambda records: records.put("upload", "c", {}))
    assert await store.transact(names) == "dabc"


async def test_many_tasks_count_exactly(store: Store) -> None:
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(store.transact, increment)
    assert await store.transact(count) == 20


async def test_a_cancelled_task_changes_nothing_and_loses_no_change_it_is_in_the_midst_of(store: Store) -> None:
    outcome = []
    with anyio.CancelScope() as scope:
        scope.cancel()
        await store.transact(increment)
    with anyio.CancelScope() as scope:

        def work(records: Records) -> int:
            number = increment(records)
            scope.cancel()  # with nothing left to be read: it may be run again up to there
            return number

        outcome.append(await store.transact(work))
    assert (outcome, await store.transact(count)) == ([1], 1)


async def test_a_closed_store_opens_again(store: Store) -> None:
    await store.transact(increment)
    await store.close()
    await store.close()
    assert await store.transact(increment) == 2
