"""The end of a real server beside others, and of one that is alone: by signals, to real processes."""

import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from flipsnack_mcp.store.leases import LEASE
from flipsnack_mcp.store.sqlite import SqliteStore
from tests.commands.processes import Run, nobody_answers_at, wait_for
from tests.team.over_http import modern

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
PATIENCE = 30.0  # for a machine with much else to do


@dataclass(frozen=True)
class Replica:
    """A server that others may stand beside."""

    process: "subprocess.Popen[str]"
    address: str
    token: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    @asynccontextmanager
    async def client(self, mode: Any) -> AsyncIterator[Client]:
        async with httpx2.AsyncClient(headers=self.bearer, timeout=PATIENCE) as http:
            transport = streamable_http_client(f"{self.address}/mcp", http_client=http)
            async with Client(transport, mode=mode) as client:
                yield client

    def get(self, path: str) -> httpx2.Response:
        return httpx2.get(f"{self.address}{path}", timeout=PATIENCE)

    def end(self, *signals: int) -> int:
        for number, one in enumerate(signals):
            while number and self.get("/ready").status_code != 503:
                pass  # two of one kind at once are one
            self.process.send_signal(one)
        return self.process.wait(PATIENCE)


@contextmanager
def replica(run: Run, folder: Path, *options: str, **environment: str) -> Iterator[Replica]:
    with nobody_answers_at() as port:
        pass
    state, tokens = f"sqlite:{folder / 'state.sqlite'}", str(folder / "tokens.json")
    own = {"FLIPSNACK_STATE": state, "FLIPSNACK_TOKENS": tokens, **environment}
    token = ""
    if own["FLIPSNACK_TOKENS"]:
        token = run("token", "add", "tester", "--may", "read,write,delete", **own).out.strip()
    where = ("serve", "--http", f"127.0.0.1:{port}", "--log-level", "info", "--drain-seconds", "1")
    with run.kept(*where, *options, **own) as process:
        assert process.stderr
        wait_for(process.stderr, "running on")
        yield Replica(process, f"http://127.0.0.1:{port}", token)


SANDBOX = {"FLIPSNACK_SANDBOX": "1"}
SLOW = ("--calls-per-second", "1", "--caller-calls-per-second", "100")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_sigterm_lets_calls_come_to_their_end_and_leaves_with_nothing(
    run: Run, tmp_path: Path, mode: Any
) -> None:
    said, ready = list[bool](), list[int]()
    with replica(run, tmp_path, *SLOW, **SANDBOX) as one:
        async with one.client(mode) as client:
            await client.list_tools()  # or it asks for them once it has its first answer

            async def call() -> None:
                said.append((await client.call_tool("get_user_stats", {})).is_error)
                if len(said) == 1:
                    one.process.send_signal(signal.SIGTERM)
                    while 503 not in ready:
                        ready.append((await anyio.to_thread.run_sync(one.get, "/ready")).status_code)

            with anyio.fail_after(2 * PATIENCE):
                async with anyio.create_task_group() as group:
                    for _ in range(4):  # one a second
                        group.start_soon(call)
        status = await anyio.to_thread.run_sync(one.process.wait)
    assert (status, said) == (0, [False] * 4)


@pytest.mark.parametrize(
    "signals", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT), (signal.SIGINT,)]
)
async def test_a_second_signal_or_an_interrupt_ends_it_at_once(
    run: Run, tmp_path: Path, signals: tuple[int, ...]
) -> None:
    with replica(run, tmp_path, *SLOW, "--drain-seconds", "300", **SANDBOX) as one:
        headers, call = modern("tools/call", name="get_user_stats", arguments={})
        headers |= one.bearer
        async with httpx2.AsyncClient(timeout=PATIENCE) as http, anyio.create_task_group() as group:

            async def call_on() -> None:
                while True:
                    await http.post(f"{one.address}/mcp", headers=headers, json=call)

            async def cut() -> None:
                with pytest.raises(httpx2.TransportError):
                    await call_on()

            group.start_soon(cut)
            await http.post(f"{one.address}/mcp", headers=headers, json=call)
            status = await anyio.to_thread.run_sync(one.end, *signals)
    assert status in {130, -signals[-1]}


async def test_long_work_is_let_go_at_the_end_for_the_next_one_to_take_up(run: Run, tmp_path: Path) -> None:
    headers, call = modern(
        "tools/call", name="report_stats", arguments={"start_date": "2026-01-01", "end_date": "2026-01-31", "wait_seconds": 0}
    )  # fmt: skip
    with run.sandbox("--account", "large") as where:
        own = {f"FLIPSNACK_{name.upper()}": value for name, value in where.items()}
        with replica(run, tmp_path, **own) as one:
            begun = httpx2.post(f"{one.address}/mcp", headers=headers | one.bearer, json=call, timeout=PATIENCE).json()
            report = begun["result"]["structuredContent"]
            status = one.end(signal.SIGTERM)
        leases = await SqliteStore(tmp_path / "state.sqlite").transact(lambda records: records.all(LEASE))
    assert (report["state"], status) == ("running", 0)
    assert [body["owner"] for name, body in leases if report["report_id"] in name] == [""], json.dumps(leases)


def test_a_server_that_is_alone_ends_at_sigterm_as_any_program(run: Run, tmp_path: Path) -> None:
    with replica(run, tmp_path, FLIPSNACK_TOKENS="", **SANDBOX) as one:
        assert one.end(signal.SIGTERM) == -signal.SIGTERM
