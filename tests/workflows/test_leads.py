"""Leads: what is read of a webhook's body, each kept once and as long as it was to be, and how many came for longer."""

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from flipsnack_mcp.store.records import Records
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.leads import keeping
from flipsnack_mcp.workflows.leads.forgetting import forget_older
from flipsnack_mcp.workflows.leads.hooks import (
    account_behind,
    add_hook,
    known_hooks,
    replace_hook,
    revoke_hook,
)
from flipsnack_mcp.workflows.leads.keeping import (
    DAY_OF_LEADS,
    EVER,
    FULL_PAGE,
    LEAD_PAGE,
    MOST_DAYS,
    REPEATED_FOR,
    counted,
    hook_body,
    keep,
    keep_all,
    kept,
)
from flipsnack_mcp.workflows.leads.lead import (
    LONGEST_ANSWER,
    MOST_FIELDS,
    MOST_OF_A_LEAD,
    Lead,
    digest_of,
    lead_of,
)
from tests.virtual_clock import Machine, StandingClock

CASES: dict[str, Any] = json.loads(Path(__file__).with_name("leads.json").read_text(encoding="utf-8"))
NOON = 1_790_000_000.0
"""2026-09-21 14:13:20 UTC."""


def form(number: int = 0, **fields: str) -> dict[str, Any]:
    """One filled-in form of many."""
    told = {"type": "contact", "timestamp": number, "flipbook_hash": "abc", "flipbook_title": "Spring"}
    return {**told, "data": {"Name": f"person {number}", **fields}}


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock(NOON)


@pytest.fixture
def store(clock: StandingClock) -> MemoryStore:
    return MemoryStore(clock)


async def names(store: MemoryStore, since: float = 0, until: float = EVER) -> list[str]:
    return [one.fields["Name"] for one in await kept(store, "a", since=since, until=until)]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_lead_is_what_is_documented_or_calls_itself_an_order(case: dict[str, Any]) -> None:
    expected = case["lead"] and Lead(case["lead"][0], NOON, *case["lead"][1:])
    assert lead_of(case["body"], NOON) == expected


def test_a_lead_is_as_long_as_one_may_be_and_no_longer() -> None:
    long = lead_of(form(text="x" * (LONGEST_ANSWER + 1)), NOON)
    assert long
    assert long.fields["text"] == "x" * (LONGEST_ANSWER - 1) + "…"
    many = lead_of({"type": "contact", "data": {f"field {number}": "x" * 9000 for number in range(1000)}}, NOON)
    assert many
    assert len(many.fields) == MOST_FIELDS
    assert sum(len(name) + len(value) for name, value in many.fields.items()) <= MOST_OF_A_LEAD + MOST_FIELDS * 10


@pytest.mark.parametrize("written", ["ada@example.com", "<ada@example.com>", "ada%40example.com"])
def test_half_an_address_is_not_kept_where_a_text_is_cut(written: str) -> None:
    """Nobody could erase it."""
    for seen in range(len(written) - 1):
        long = lead_of(form(text=f"{'x' * (LONGEST_ANSWER - 2 - seen)} {written} x"), NOON)
        assert long
        assert "ada@" not in long.fields["text"]
        assert "ada%40" not in long.fields["text"]
        assert long.fields["text"].startswith("x" * (LONGEST_ANSWER - 100))


def test_half_a_character_is_kept_as_a_mark_of_one() -> None:
    half = lead_of({"type": "contact", "data": {"\ud800": "a\udfffb"}}, NOON)
    assert half
    assert half.fields == {"?": "a?b"}


def test_a_repetition_is_known_in_whatever_order_its_parts_stand() -> None:
    body = form(1)
    assert digest_of(dict(reversed(body.items()))) == digest_of(body)
    others = [form(2), {**body, "timestamp": 2}, {**body, "type": "order"}, [body], None, "1", 1]
    assert len({digest_of(one) for one in (body, *others)}) == 1 + len(others)


async def test_each_is_kept_once_and_the_newest_stands_first(store: MemoryStore) -> None:
    taken = [await keep(store, "a", form(number), NOON + number, 90) for number in (1, 2, 2, 1, 3)]
    assert taken == [True, True, False, False, True]
    assert await names(store) == ["person 3", "person 2", "person 1"]
    assert await names(store, NOON + 2, NOON + 3) == ["person 2"]
    assert await kept(store, "b", since=0, until=EVER) == []


async def test_of_several_at_once_each_is_kept_once_on_its_day_and_in_its_account(store: MemoryStore) -> None:
    await keep(store, "a", form(0), NOON, 90)
    numbers = [0, 1, 1, *range(2, 200), 5]
    brought = [hook_body("ab"[number % 2], form(number), NOON + number % 3 * DAY_OF_LEADS) for number in numbers]
    assert await keep_all(store, brought, 90) == [False, True, False, *[True] * 198, False]
    for account, first in (("a", 0), ("b", 1)):
        found = await kept(store, account, since=0, until=EVER)
        assert sorted(int(one.fields["Name"].split()[1]) for one in found) == [*range(first, 200, 2)]
        assert sum((await counted(store, account, since=0, until=EVER)).values()) == 100
    pages = await store.transact(lambda records: records.all(LEAD_PAGE))
    assert max(len(json.dumps(page)) for _, page in pages) < 1.5 * FULL_PAGE


async def test_a_repetition_on_another_day_is_none(store: MemoryStore, clock: StandingClock) -> None:
    assert await keep(store, "a", form(), clock.now, 90)
    clock.now += DAY_OF_LEADS
    assert not await keep(store, "a", form(), clock.now, 90)
    assert sum((await counted(store, "a", since=0, until=EVER)).values()) == 1


async def test_leads_end_and_how_many_they_were_is_known_for_longer(store: MemoryStore, clock: StandingClock) -> None:
    for number, kind in ((1, "contact"), (2, "contact"), (3, "order"), (4, "survey")):
        await keep(store, "a", {**form(number), "type": kind}, NOON, 90)
    counts = {("2026-09-21", "abc", "contact"): 2, ("2026-09-21", "abc", "order"): 1, ("2026-09-21", "", "unknown"): 1}
    clock.now += 90 * DAY_OF_LEADS - 1
    assert len(await names(store)) == 3
    clock.now += 2
    assert await names(store) == []
    assert await store.transact(lambda records: records.all(LEAD_PAGE)) == []
    assert await counted(store, "a", since=0, until=EVER) == counts
    clock.now += MOST_DAYS * DAY_OF_LEADS
    assert await counted(store, "a", since=0, until=EVER) == {}


async def test_one_that_came_later_in_the_day_keeps_none_longer(store: MemoryStore, clock: StandingClock) -> None:
    await keep(store, "a", form(1), clock.now, 1)
    clock.now += 3600
    await keep(store, "a", form(2), clock.now, 1)
    clock.now += DAY_OF_LEADS - 1
    assert await names(store) == ["person 2"]


async def test_leads_that_are_older_than_is_wanted_now_go_and_how_many_they_were_stays_known(
    store: MemoryStore, clock: StandingClock
) -> None:
    for number in range(3):
        await keep(store, "a", form(number), clock.now, 90)
        clock.now += 3 * DAY_OF_LEADS
    for days, left in ((7, ["person 2", "person 1"]), (4, ["person 2"]), (0, [])):
        await store.transact(partial(forget_older, days=days))
        assert await names(store) == left
        assert len(await store.transact(lambda records: records.all(LEAD_PAGE))) == len(left)
    assert sum((await counted(store, "a", since=0, until=EVER)).values()) == 3


@pytest.mark.parametrize("wrong", [1.0, 4e9], ids=["early", "late"])
async def test_a_clock_that_was_wrong_once_hides_nothing(wrong: float) -> None:
    machine = Machine(NOON)
    store = MemoryStore(machine)
    for number, moment in enumerate((NOON, wrong, NOON + DAY_OF_LEADS)):
        machine.set_clock((moment - machine().wall) / DAY_OF_LEADS)
        await keep(store, "a", form(number), machine().wall, 90)
    assert {"person 0", "person 2"} <= {*await names(store)}
    assert len(await counted(store, "a", since=0, until=EVER)) == 3


async def test_of_none_days_nothing_is_kept_but_counts_and_no_repetition_counts(
    store: MemoryStore, clock: StandingClock
) -> None:
    assert await keep(store, "a", form(secret="Lovelace"), NOON, 0)
    clock.now += REPEATED_FOR - 1
    assert not await keep(store, "a", form(secret="Lovelace"), NOON, 0)
    assert await kept(store, "a", since=0, until=EVER) == []
    assert await counted(store, "a", since=0, until=EVER) == {("2026-09-21", "abc", "contact"): 1}
    kinds = (keeping.LEADS_OF, keeping.LEAD_DAY, keeping.LEAD_PAGE, keeping.LEAD_MARK)
    assert "Lovelace" not in str(await store.transact(lambda records: [records.all(kind) for kind in kinds]))


async def test_what_is_no_lead_is_counted_once_and_nothing_of_it_is_kept(store: MemoryStore) -> None:
    body = {"type": "Lovelace", "flipbook_hash": "Lovelace", "Lovelace": ["Lovelace"]}
    assert [await keep(store, "a", body, NOON, 90) for _ in range(2)] == [True, False]
    assert await counted(store, "a", since=0, until=EVER) == {("2026-09-21", "", "unknown"): 1}
    kinds = (keeping.LEADS_OF, keeping.LEAD_DAY, keeping.LEAD_PAGE, keeping.LEAD_MARK)
    assert "Lovelace" not in str(await store.transact(lambda records: [records.all(kind) for kind in kinds]))


async def test_days_are_counted_that_a_period_touches_and_no_more(store: MemoryStore) -> None:
    midnight = NOON - NOON % DAY_OF_LEADS
    for day in range(3):
        await keep(store, "a", form(day), midnight + day * DAY_OF_LEADS, 90)
    found = await counted(store, "a", since=midnight + DAY_OF_LEADS, until=midnight + 2 * DAY_OF_LEADS)
    assert [day for day, _, _ in found] == ["2026-09-22"]


@pytest.mark.parametrize("moment", [-1.0, 0.0, 1e18, float("inf")])
async def test_a_moment_that_no_calendar_has_is_only_a_period_with_nothing_in_it(
    store: MemoryStore, moment: float
) -> None:
    await keep(store, "a", form(), NOON, 90)
    assert await kept(store, "a", since=moment, until=moment) == []
    assert len(await kept(store, "a", since=min(moment, 0.0), until=EVER)) == 1


async def test_a_lead_more_reads_no_more_of_what_is_there(store: MemoryStore) -> None:
    """However many there are: it looks at four records by their names, and at no kind as a whole."""
    for number in range(300):
        await keep(store, "a", form(number), NOON, 90)
    read = dict[tuple[str, str], str]()

    class Watched(MemoryStore):
        @override
        async def transact(self, work: Any) -> Any:
            return await store.transact(lambda records: work(watched(records, read)))

    await keep(Watched(), "a", form(1000), NOON, 90)
    assert len(read) == 4
    assert max(map(len, read.values())) < keeping.FULL_PAGE * 2


def watched(records: Records, read: dict[tuple[str, str], str]) -> Any:
    """The same records, of which it is seen what is read."""

    class Seen:
        now, wall, put = records.now, records.wall, staticmethod(records.put)

        @staticmethod
        def get(kind: str, name: str) -> Any:
            found = records.get(kind, name)
            read[kind, name] = json.dumps(found)
            return found

        @classmethod
        def several(cls, kind: str, names: Iterable[str]) -> Any:
            return [cls.get(kind, name) for name in names]

    return Seen


async def test_a_hook_is_known_by_its_secret_until_it_is_replaced_or_revoked(store: MemoryStore) -> None:
    first, other = await add_hook(store, "a"), await add_hook(store, "b")
    assert first
    assert other
    assert await add_hook(store, "a") is None
    assert [account_behind(await known_hooks(store), one) for one in (first, other, "", first[:-1])] == [
        "a",
        "b",
        "",
        "",
    ]
    second = await replace_hook(store, "a")
    assert second
    assert [account_behind(await known_hooks(store), one) for one in (first, second)] == ["", "a"]
    assert [one.account for one in (await known_hooks(store)).every] == ["a", "b"]
    assert await revoke_hook(store, "a")
    assert not await revoke_hook(store, "a")
    assert await replace_hook(store, "a") is None
    assert account_behind(await known_hooks(store), second) == ""


async def test_of_a_hook_only_its_hash_is_kept(store: MemoryStore) -> None:
    secret = await add_hook(store, "a")
    assert secret
    assert len(secret) == 43
    assert secret not in str(await store.transact(lambda records: records.all("hook")))
