"""Whether a server that is kept for long grows: 10,000 calls, fifty reports, and a day in which a client only polls.

python benchmarks/memory.py [--where]   exits 1 when memory grows by more than a tenth of a server's own. Takes three minutes.

One server with a state file, before the sandbox in the same process, on a virtual clock: one call after another, of every
tool that reads and some that write. What the sandbox remembers of the requests is its own, and is thrown away. With
--where it says which lines hold more after the 10,000 calls than after the first thousand, and measures nothing.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import tempfile
import tracemalloc
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import anyio
from typing_extensions import override

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.pace import Figure
from flipsnack_mcp.sandbox import Pace, Sandbox
from flipsnack_mcp.store.sqlite import SqliteStore
from tests.server.bench import KEY, NOW, SECRET, Assistant, Bench, LoopClock, Witness
from tests.virtual_clock import VirtualLoop

FEW, MANY, REPORTS, MINUTES = 1_000, 10_000, 50, 24 * 60
MORE = 7.0
"""MiB: a tenth of what a server alone holds, without the imitation and the client that are in this process as well."""
PACKAGES, UPLOADS = 100, 250
"""After so many calls one that takes longer."""
TRIM = getattr(ctypes.CDLL(None), "malloc_trim", lambda _: 0)


class Forgetful(Witness):
    """A witness that remembers nothing."""

    @override
    def saw(self, text: object) -> None:
        """Let go of it."""


class Playing:
    """A client of one server, which makes one call after another."""

    def __init__(self, bench: Bench, assistant: Assistant) -> None:
        self._bench, self._assistant, self._number = bench, assistant, count(1)

    async def calls(self, many: int) -> None:
        """So many calls, of all kinds by turns."""
        for _ in range(many):
            await self.call(*self._next(next(self._number)))

    async def reports(self, many: int) -> None:
        """So many reports, each over days of its own, to their end."""
        for back in range(1, many + 1):
            day = str((datetime.fromtimestamp(NOW, UTC) - timedelta(days=back)).date())
            asked: dict[str, Any] = {"start_date": day, "end_date": day}
            while (found := await self.call("report_stats", asked | {"wait_seconds": 45}))["state"] != "complete":
                asked = {"report_id": found["report_id"]}

    async def idle(self, minutes: int) -> None:
        """A client that looks every minute whether the server is there, and what became of its uploads."""
        for _ in range(minutes):
            await anyio.sleep(60)
            await self._assistant.client.list_tools()
            await self.call("get_upload", {"wait_seconds": 0})

    async def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """One call; what the imitation and the tests' own tools remember of it is let go."""
        said = await self._assistant.call(tool, arguments)
        assert not said.is_error, said.text
        self._bench.sandbox.requests.clear()
        self._bench.witness.signatures.clear()
        return said.data

    def _next(self, number: int) -> tuple[str, dict[str, Any]]:
        every = [one for one in self._bench.sandbox.account.collections.values() if one.status == "public"]
        one = every[number % len(every)]
        named, usual = {"collection_hash": one.hash}, {"wait_seconds": 0}
        if number % UPLOADS == 0:
            return "create_collection", {"file_path": self._bench.document(), "again": True}
        if number % PACKAGES == 0:
            return "download_collection_html", {"collection_hash": every[0].hash}
        kinds: tuple[tuple[str, dict[str, Any]], ...] = (
            ("list_collections", {"query": one.title[:20], "details": True}),
            ("get_collection", named | usual),
            ("get_collection_stats", named | {"include_page_stats": True}),
            ("get_embed_code", named),
            ("get_user_stats", {}),
            ("list_documents", {}),
            ("get_upload", usual),
            ("get_lead_form_sample", {}),
            ("update_collection", named | {"description": f"Offers {number}"}),
            ("list_collections", {"limit": 20, "offset": number % 7}),
        )
        return kinds[number % len(kinds)]


def resident() -> float:
    """MiB that this process holds, once what it does not use is given back."""
    gc.collect()
    TRIM(0)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 2**20


async def play(folder: Path, *, where: bool) -> bool:
    """The whole life of one server."""
    clock = LoopClock()
    sandbox = Sandbox(api_key=KEY, api_secret=SECRET, clock=clock, pace=Pace(calls_per_second=0, calls_per_minute=0))
    bench = Bench(sandbox, clock, Forgetful(), "auto", folder)
    bench.document()
    server = bench.server(SqliteStore(folder / "state.sqlite", clock), calls_per_second=50, calls_per_minute=1000)
    async with bench.assistant(server=server) as assistant:
        playing = Playing(bench, assistant)
        await playing.calls(FEW)
        if where:
            return await told_where(playing)
        first = resident()
        print(f"  after {FEW} calls: {first:.1f} MiB", flush=True)
        kept = True
        for name, part in {
            f"after {MANY} calls": playing.calls(MANY - FEW),
            f"after {REPORTS} reports": playing.reports(REPORTS),
            "after a day of polls": playing.idle(MINUTES),
        }.items():
            await part
            figure = Figure(name, resident() - first, MORE, unit=" MiB more")
            print(figure, flush=True)
            kept = kept and figure.kept
    return kept


async def told_where(playing: Playing) -> bool:
    """Which lines hold more than they did."""
    tracemalloc.start()
    await playing.calls(FEW)
    gc.collect()
    before = tracemalloc.take_snapshot()
    await playing.calls(MANY - FEW)
    gc.collect()
    for line in tracemalloc.take_snapshot().compare_to(before, "lineno")[:30]:
        print(line)
    return True


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        options: dict[str, Any] = {"loop_factory": VirtualLoop}
        life = anyio.run(lambda: play(Path(made), where="--where" in sys.argv), backend_options=options)
    sys.exit(not life)
