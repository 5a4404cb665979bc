"""Clocks that jump: by a month, a hundred days and more than a year, there and back, for one write, and over a restart."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from flipsnack_mcp.store.records import Records, Store
from tests.virtual_clock import Machine

MINUTE, HOUR = 60.0, 3600.0
DAYS = (30.0, 100.0, 400.0, -30.0, -100.0, -400.0)
Jump: TypeAlias = Callable[[Machine, Store], Awaitable[None]]


async def one_write(store: Store) -> None:
    """Something unimportant is written, a moment later than the last thing."""

    def work(records: Records) -> None:
        records.put("unimportant", str(records.now), {}, keep=1.0)

    await store.transact(work)


def for_one_write(days: float) -> Jump:
    async def jump(machine: Machine, store: Store) -> None:
        machine.set_clock(days)
        await one_write(store)
        machine.set_clock(-days)
        machine.run(70.0)  # more than between two sweeps
        await one_write(store)

    return jump


def for_good(days: float) -> Jump:
    async def jump(machine: Machine, store: Store) -> None:
        machine.set_clock(days)
        await one_write(store)
        machine.run(70.0)
        await one_write(store)

    return jump


def to_and_fro(days: float) -> Jump:
    async def jump(machine: Machine, store: Store) -> None:
        for _ in range(10):
            machine.set_clock(days)
            machine.run(7.0)
            await one_write(store)
            machine.set_clock(-days)
            await one_write(store)

    return jump


def over_a_restart(days: float) -> Jump:
    """The machine comes up with a wrong clock, which is put right after the first write."""

    async def jump(machine: Machine, store: Store) -> None:
        machine.set_clock(days)
        machine.restart(off=20.0)
        await one_write(store)
        machine.set_clock(-days)
        machine.run(50.0)
        await one_write(store)

    return jump


SET = {f"{days:+.0f} days {how.__name__}": how(days) for how in (for_one_write, for_good, to_and_fro) for days in DAYS}
"""The clock of a machine that runs is set. Each takes 70 seconds of its running time."""
RESTARTED = {f"{days:+.0f} days {over_a_restart.__name__}": over_a_restart(days) for days in DAYS}
JUMPS = SET | RESTARTED
