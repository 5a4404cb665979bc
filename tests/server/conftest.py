"""A bench per test, on virtual time, with a look over everything that was said at its end."""

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from flipsnack_mcp.files import lookahead
from flipsnack_mcp.files.apart.process import Blocks, Judgement, look_apart
from flipsnack_mcp.sandbox import Pace, Sandbox
from flipsnack_mcp.server.tools import uploads
from tests.server.bench import KEY, SECRET, Assistant, Bench, LoopClock, Mode, Witness
from tests.server.long_bench import LongBench
from tests.server.several import SeveralBench, with_accounts
from tests.virtual_clock import on_virtual_time


@pytest.fixture
def tmp_path(quick_folder: Path) -> Path:
    """State files are all it holds, as a rule."""
    return quick_folder


anyio_backend = on_virtual_time


@pytest.fixture(params=["auto", "legacy"], ids=["2026-07-28", "2025-11-25"])
def mode(request: pytest.FixtureRequest) -> Mode:
    chosen: Mode = request.param
    return chosen


@pytest.fixture
def clock() -> LoopClock:
    return LoopClock()


@pytest.fixture
def pace() -> Pace:
    """How long Flipsnack takes."""
    return Pace(calls_per_second=0, calls_per_minute=0)


@pytest.fixture
def account() -> str:
    """Which one the sandbox begins with."""
    return "small"


@pytest.fixture
def sandbox(clock: LoopClock, pace: Pace, account: str) -> Sandbox:
    return Sandbox(api_key=KEY, api_secret=SECRET, clock=clock, pace=pace, account=account)


@cache
def page_counter() -> Callable[..., Awaitable[Judgement]]:
    """The real one, which is asked once about the same bytes."""
    found = dict[bytes, Judgement]()

    async def look_once(program: Path, blocks: Blocks, seconds: float) -> Judgement:
        try:
            content = blocks.read(0, blocks.size)
        except ValueError:  # it changed
            return await look_apart(program, blocks, seconds)
        if content not in found:
            found[content] = await look_apart(program, blocks, seconds)
        return found[content]

    return look_once


@pytest.fixture(autouse=True, scope="module")
def patient_page_counter() -> Iterator[None]:
    """It is a real process with real seconds, of which a busy machine may need many, and most documents here are alike."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookahead, "COUNTING_SECONDS", 60.0)
        patch.setattr(lookahead, "look_apart", page_counter())
        yield


@pytest.fixture(autouse=True, scope="session")
def schemas_checked_once() -> Iterator[None]:
    """Each client checks the schemas of its tools against the meta-schema: thousands of times the same ones."""
    checked, check = set[str](), Draft202012Validator.check_schema

    def check_once(schema: Any) -> None:
        name = json.dumps(schema, sort_keys=True)
        if name not in checked:
            check(schema)
            checked.add(name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Draft202012Validator, "check_schema", check_once)
        yield


@pytest.fixture
def no_look_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that are about something else."""

    async def see_nothing(*_: object) -> lookahead.LookAhead:
        return lookahead.LookAhead(None, ())

    monkeypatch.setattr(uploads, "look_ahead", see_nothing)


@pytest.fixture(autouse=True)
def witness(caplog: pytest.LogCaptureFixture, sandbox: Sandbox) -> Iterator[Witness]:
    """No test may end with key, secret or a signature in anything that anybody could read."""
    seen = Witness()
    with caplog.at_level(logging.DEBUG):
        yield seen
    for record in (*caplog.get_records("call"), *caplog.get_records("teardown")):
        seen.saw(record.getMessage())
        seen.saw(record.exc_text or record.exc_info or "")
    seen.saw(sandbox.requests)
    assert not seen.leaks()


@pytest.fixture
def bench(sandbox: Sandbox, clock: LoopClock, witness: Witness, mode: Mode, tmp_path: Path) -> Bench:
    return Bench(sandbox, clock, witness, mode, tmp_path)


@pytest.fixture
async def assistant(bench: Bench) -> AsyncIterator[Assistant]:
    """A client without forms."""
    async with bench.assistant() as client:
        yield client


@pytest.fixture
async def long_bench(bench: Bench) -> AsyncIterator[LongBench]:
    """A bench for long work, with its client."""
    slow = LongBench(**vars(bench))
    async with slow.assistant() as slow.client:
        yield slow


@pytest.fixture
def several(bench: Bench) -> SeveralBench:
    """A bench with three accounts in one server."""
    return with_accounts(bench)
