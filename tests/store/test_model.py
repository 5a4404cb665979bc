"""Random histories: all forms do what a list and a clock do."""

import asyncio
import secrets
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from typing_extensions import override

from flipsnack_mcp.redis_address import redis_address
from flipsnack_mcp.store.records import Body, Records, Store
from flipsnack_mcp.store.redis.redis_store import RedisStore
from flipsnack_mcp.store.sqlite import MemoryStore, SqliteStore
from tests.conftest import FOLDERS_IN_MEMORY
from tests.redis_server import RedisServer
from tests.virtual_clock import StandingClock

KINDS = some.sampled_from(["upload", "code", ""])
NAMES = some.sampled_from(["a", "A", "é", "", "a b", "0"])
FLOATS = some.floats(allow_nan=False, allow_infinity=False)
LEAVES = some.none() | some.booleans() | some.integers() | FLOATS | some.text()
BODIES = some.dictionaries(some.text(max_size=3), LEAVES | some.lists(LEAVES, max_size=3), max_size=3)
KEEPS = some.none() | some.integers(0, 100)


@dataclass
class Model:
    """The simplest thing that could be right."""

    entries: list[tuple[str, str, Body, float]] = field(default_factory=list)

    def alive(self, now: float) -> list[tuple[str, str, Body, float]]:
        self.entries = [entry for entry in self.entries if entry[3] > now]
        return self.entries

    def put(self, now: float, kind: str, name: str, body: Body, keep: float | None) -> None:
        entry = (kind, name, body, float("inf") if keep is None else now + keep)
        places = [place for place, old in enumerate(self.alive(now)) if old[:2] == (kind, name)]
        if places:
            self.entries[places[0]] = entry
        else:
            self.entries.append(entry)

    def delete(self, kind: str, name: str) -> None:
        self.entries = [entry for entry in self.entries if entry[:2] != (kind, name)]


class Histories(RuleBasedStateMachine):
    on_redis = ""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir=FOLDERS_IN_MEMORY)
        self.clock, self.model = StandingClock(), Model()
        self.file = SqliteStore(Path(self.folder.name) / "state.sqlite", self.clock)
        self.redis = RedisStore(redis_address(Histories.on_redis.format(secrets.token_hex(6))), self.clock)
        self.stores: list[Store] = [MemoryStore(self.clock), self.file, self.redis]
        self.runner = asyncio.Runner()

    @override
    def teardown(self) -> None:
        self.close()
        self.runner.close()
        self.folder.cleanup()

    def alike(self, work: Callable[[Records], Any]) -> Any:
        one, *others = (self.runner.run(store.transact(work)) for store in self.stores)
        assert all(other == one for other in others)
        return one

    def close(self) -> None:
        for store in (self.file, self.redis):
            self.runner.run(store.close())

    @rule(kind=KINDS, name=NAMES, body=BODIES, keep=KEEPS)
    def put(self, kind: str, name: str, body: Body, keep: float | None) -> None:
        self.alike(lambda records: records.put(kind, name, body, keep=keep))
        self.model.put(self.clock.now, kind, name, body, keep)

    @rule(kind=KINDS, name=NAMES)
    def delete(self, kind: str, name: str) -> None:
        self.alike(lambda records: records.delete(kind, name))
        self.model.delete(kind, name)

    @rule(kind=KINDS, name=NAMES)
    def get(self, kind: str, name: str) -> None:
        expected = [entry[2] for entry in self.model.alive(self.clock.now) if entry[:2] == (kind, name)]
        assert self.alike(lambda records: records.get(kind, name)) == (expected[0] if expected else None)

    @rule(seconds=some.integers(0, 80))
    def wait(self, seconds: int) -> None:
        self.clock.now += seconds

    @rule(kind=KINDS, name=NAMES)
    def fail(self, kind: str, name: str) -> None:
        def work(records: Records) -> None:
            records.delete(kind, name)
            records.put(kind, name, {"never": "seen"})
            raise LookupError

        for store in self.stores:
            with pytest.raises(LookupError):
                self.runner.run(store.transact(work))

    @rule()
    def open_again(self) -> None:
        self.close()

    @invariant()
    def all_kinds_agree(self) -> None:
        kinds, alive = ("upload", "code", ""), self.model.alive(self.clock.now)
        expected = [[entry[1:3] for entry in alive if entry[0] == kind] for kind in kinds]
        assert self.alike(lambda records: [records.all(kind) for kind in kinds]) == expected


def test_all_forms_do_what_the_model_does(redis_server: RedisServer) -> None:
    Histories.on_redis = f"{redis_server.url}&prefix=model-{{}}"
    run_state_machine_as_test(Histories, settings=settings(max_examples=12, stateful_step_count=25, deadline=None))
