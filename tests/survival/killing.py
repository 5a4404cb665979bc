"""Servers killed in the middle of their work, and what their successors make of it.

In a round a server gets three uploads (two go at once, the third waits in line) and a download, is killed at a random
moment, and the next server is used as a person would use it; that one is killed in the next round. A few rounds share
folders and a store, and all of them one slow sandbox.
"""

import json
import os
import random
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import CallToolResult, TextContent
from typing_extensions import override

from tests.survival.documents import write_document
from tests.survival.impatient_server import DEAD_AFTER
from tests.survival.other_end import JsonObject, Sandbox, package, slow_sandbox

HERE = Path(__file__).parent
MOMENTS = ("", "listed", "received", "whole", "answered", "asked", "fetched", "sent_all")
"""What the sandbox has seen of some work when its server is killed, a bit later; nothing, where it is killed at once."""
A_BIT = 0.5
UPLOADS = 3
DOCUMENT_BYTES = 6_000_000
AT_ONCE, IN_A_ROW = 7, 3
DOWNLOAD = "download_collection_html"
ENDS = {"complete", "failed", "interrupted"}


@dataclass
class Round:
    """One server, its death, and its successor. Broken promises are collected, not raised: all are to be seen."""

    number: int
    folder: Path
    sandbox: Sandbox
    moment: str
    hurry: bool
    """Whether the successor comes while the sandbox may still be busy with what the dead server left in the wires."""
    phases: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    started: int = 0
    after: float = 0.0
    """Seconds from the moment to the kill."""

    def __post_init__(self) -> None:
        for name in ("documents", "downloads"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(UPLOADS):
            write_document(self.document(number), DOCUMENT_BYTES, self.title(number))

    @property
    def downloads(self) -> Path:
        return self.folder / "downloads"

    @property
    def download(self) -> JsonObject:
        return {"collection_hash": self.package, "wait_seconds": 20}

    @property
    def state(self) -> Path:
        return self.folder / "state.sqlite"

    @property
    def stderr(self) -> Path:
        """What the last server of this round said."""
        return self.folder / f"stderr{self.number}-{self.started}"

    @property
    def package(self) -> str:
        return f"package{self.number}"

    def document(self, number: int) -> Path:
        return self.folder / "documents" / f"{self.number}-{number}.pdf"

    def title(self, number: int) -> str:
        return f"Round {self.number} document {number}"

    def expect(self, holds: object, what: str) -> None:
        if not holds:
            phases = "; ".join(self.phases)
            self.broken.append(
                f"round {self.number}, killed {self.after:.2f} s after {self.moment or 'its start'} ({phases}): {what}"
            )

    async def killed_at_work(self, client: Client, pid: int) -> None:
        """A server that gets its work, is killed, and counts as dead in the end."""
        answers: JsonObject = {}
        async with anyio.create_task_group() as calls:
            for number in range(UPLOADS):
                calls.start_soon(self.call, client, answers, "create_collection", self.upload(number))
            calls.start_soon(self.call, client, answers, DOWNLOAD, self.download)
            await self.moment_comes()
            os.kill(pid, signal.SIGKILL)
            killed = time.monotonic()
            seen = await anyio.to_thread.run_sync(self.sandbox.seen)
        self.look_at_the_wreck(seen, answers)
        if not self.hurry:
            await self.quiet()
        await anyio.sleep(max(0.0, killed + DEAD_AFTER - time.monotonic()))

    async def moment_comes(self) -> None:
        """By what was seen, not by the clock: on a busy machine all would be killed at the beginning."""
        mine = {self.package, *map(self.title, range(UPLOADS))}
        with anyio.move_on_after(20):
            while self.moment:
                seen = await anyio.to_thread.run_sync(self.sandbox.seen)
                if any(seen[one][self.moment] for one in mine & seen.keys()):
                    break
                await anyio.sleep(0.05)
        await anyio.sleep(self.after)

    async def call(self, client: Client, answers: JsonObject, tool: str, arguments: JsonObject) -> None:
        """A call that will not be answered where the server dies first."""
        try:
            result = await client.call_tool(tool, arguments)
        except (MCPError, anyio.ClosedResourceError, anyio.BrokenResourceError, anyio.EndOfStream):
            return
        answers[arguments.get("title", tool)] = result.structured_content or text_of(result)

    def upload(self, number: int) -> JsonObject:
        return {"file_path": str(self.document(number)), "title": self.title(number), "wait_seconds": 20}

    @asynccontextmanager
    async def server(self) -> AsyncIterator[tuple[Client, int]]:
        """A server on this round's store and folders, and its process id."""
        self.started += 1
        told = self.folder / f"pid{self.number}-{self.started}"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("FLIPSNACK_")},
            "PYTHONPATH": os.pathsep.join(sys.path),
            **{f"FLIPSNACK_{name.upper()}": value for name, value in asdict(self.sandbox).items()},
            "FLIPSNACK_UPLOAD_DIRS": str(self.folder / "documents"),
            "FLIPSNACK_DOWNLOAD_DIR": str(self.downloads),
            "FLIPSNACK_STATE": f"sqlite:{self.state}",
            "FLIPSNACK_CALLS_PER_SECOND": "1000",
            "FLIPSNACK_CALLS_PER_MINUTE": "1000",
        }
        arguments = [str(HERE / "impatient_server.py"), str(told)]
        parameters = StdioServerParameters(command=sys.executable, args=arguments, env=environment)
        with self.stderr.open("w") as said:
            async with Client(stdio_client(parameters, errlog=said)) as client:
                yield client, int(told.read_text())

    def look_at_the_wreck(self, seen: dict[str, JsonObject], answers: JsonObject) -> None:
        """Note where each piece of work was, and that nothing half is to be seen."""
        entries = {one["title"]: one for one in self.entries()}
        for number in range(UPLOADS):
            title = self.title(number)
            self.phases.append(f"upload: {upload_phase(entries.get(title), seen.get(title, {}))}")
        saved = (self.downloads / f"{self.package}.zip").exists()
        phase = download_phase(seen.get(self.package, {}), saved=saved, answered=DOWNLOAD in answers)
        self.phases.append(f"download: {phase}")
        self.expect_whole_files()

    async def quiet(self) -> None:
        """Wait until the sandbox is through with what the dead server sent."""
        with anyio.fail_after(20):
            while True:
                seen = await anyio.to_thread.run_sync(self.sandbox.seen)
                mine = [seen.get(self.title(number), {}) for number in range(UPLOADS)]
                if all(one.get("over", True) for one in mine if one.get("received")):
                    return
                await anyio.sleep(0.05)

    async def survive(self, client: Client) -> None:
        """Use the next server: look, look closer, make the same calls again."""
        before = {self.title(number): len(self.sandbox.carried_out(self.title(number))) for number in range(UPLOADS)}
        listed = await self.answer(client, "get_upload", {})
        await each([partial(self.look_closer, client, row) for row in listed.get("uploads") or []])
        repeated = [partial(self.repeat_upload, client, one, before[self.title(one)]) for one in range(UPLOADS)]
        await each([*repeated, partial(self.repeat_download, client)])
        await self.tidied()
        self.look_at_the_end()

    async def look_closer(self, client: Client, row: JsonObject) -> None:
        one = await self.answer(client, "get_upload", {"upload_id": row["upload_id"], "wait_seconds": 20})
        self.expect(one.get("state") in ENDS, f"{row['title']} is {one.get('state')} at the next use")

    async def repeat_download(self, client: Client) -> None:
        saved = await self.answer(client, DOWNLOAD, self.download)
        there = saved.get("state") == "complete" and await anyio.Path(saved["path"]).is_file()
        self.expect(there, f"download: {saved}")

    async def tidied(self) -> None:
        """Wait until nothing half is left: a server tidies up once its first questions are answered."""
        with anyio.move_on_after(20):
            while True:
                if not self.half_files():
                    return
                await anyio.sleep(0.05)

    async def answer(self, client: Client, tool: str, arguments: JsonObject) -> JsonObject:
        """The structured answer, or nothing, which is a broken promise."""
        with anyio.fail_after(60):
            result = await client.call_tool(tool, arguments)
        self.expect(not result.is_error, f"{tool}: {text_of(result)}")
        return dict(result.structured_content or {})

    async def repeat_upload(self, client: Client, number: int, before: int) -> None:
        """The same call without again=true: the first result, or the first upload, or an honest word."""
        title = self.title(number)
        answer = await self.answer(client, "create_collection", self.upload(number))
        made = self.sandbox.carried_out(title)
        honest = answer.get("state") == "interrupted" and "again=true" in " ".join(answer.get("warnings", []))
        self.expect(len(made) <= 1, f"{title} was sent {len(made)} times")
        self.expect((answer.get("state") == "complete" and made) or honest, f"{title}: {answer}")
        if before and not self.hurry:
            self.expect(answer.get("state") == "complete", f"{title} was made but is not found: {answer}")

    def look_at_the_end(self) -> None:
        """The store, the journal and the folder, when all is over."""
        for entry in self.entries():
            resolved = entry["state"] in ENDS and (entry["state"] != "interrupted" or entry["checked"])
            self.expect(resolved, f"the journal says {entry}")
        with self.opened() as db:
            self.expect(db.execute("PRAGMA integrity_check").fetchall() == [("ok",)], "the store is damaged")
        self.expect_whole_files()
        said = self.stderr.read_text()
        self.expect(not said, f"the next server said {said}")
        self.expect(not self.half_files(), f"the killed run's {self.half_files()} was not removed")

    def half_files(self) -> list[str]:
        """What is not saved yet, or was left by a killed run."""
        return [one.name for one in self.downloads.iterdir() if one.name.endswith(".part")]

    def expect_whole_files(self) -> None:
        for path in self.downloads.iterdir():
            hidden = path.name.startswith(".") and path.name.endswith(".part")
            self.expect(hidden or path.read_bytes() == package(), f"{path.name} can be seen and is not whole")

    def opened(self) -> closing[sqlite3.Connection]:
        """The store, as somebody else reads it. Not read-only: what a killed process left has to be rolled back."""
        return closing(sqlite3.connect(self.state))

    def entries(self) -> list[JsonObject]:
        """The journal as it is on disk."""
        if not self.state.exists():
            return []
        with self.opened() as db:
            if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                return []
            return [json.loads(body) for (body,) in db.execute("SELECT body FROM records WHERE kind = 'upload'")]


async def each(calls: Iterable[Callable[[], Coroutine[Any, Any, object]]]) -> None:
    """Make them all at the same time."""
    async with anyio.create_task_group() as group:
        for call in calls:
            group.start_soon(call)


def upload_phase(entry: JsonObject | None, seen: JsonObject) -> str:
    """Where an upload was when its server died."""
    if entry is None:
        return "1 opened, hashed, looked into"
    if entry["state"] == "waiting":
        return "3 listing what was there" if seen.get("listed") else "2 in line"
    if entry["state"] != "uploading":
        return {"converting": "8 converting", "complete": "9 complete"}.get(str(entry["state"]), str(entry["state"]))
    if not seen.get("received"):
        return "4 listed, nothing sent"
    if seen.get("answered"):
        return "7 answered, not written down"
    return "6 all sent, no answer" if seen.get("whole") else "5 bytes under way"


def download_phase(seen: JsonObject, *, saved: bool, answered: bool) -> str:
    """Where a download was when its server died."""
    if saved:
        return "6 saved and told" if answered else "5 saved, not told"
    if seen.get("sent_all"):
        return "4 all there: zip check, renaming"
    if seen.get("fetched"):
        return "3 bytes under way"
    return "2 package being built" if seen.get("asked") else "1 title asked for"


def text_of(result: CallToolResult) -> str:
    return "".join(one.text for one in result.content if isinstance(one, TextContent))


@dataclass(frozen=True)
class Report:
    """What came of all rounds."""

    seed: int
    rounds: list[Round]

    @property
    def broken(self) -> list[str]:
        return [one for played in self.rounds for one in played.broken]

    @property
    def phases(self) -> Counter[str]:
        return Counter(phase for played in self.rounds for phase in played.phases)

    @override
    def __str__(self) -> str:
        hit = "\n".join(f"  {phase:40} {times:4}" for phase, times in sorted(self.phases.items()))
        return f"{len(self.rounds)} servers killed, seed {self.seed}; where their work was:\n{hit}"


async def killed(count: int, seed: int, folder: Path) -> Report:
    """Play so many rounds, several at once, at moments spread over the whole of the work."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    line = anyio.Semaphore(AT_ONCE)
    with slow_sandbox(count, folder) as sandbox:
        rounds = [
            Round(
                *(one, folder / str(one // IN_A_ROW), sandbox, MOMENTS[one % len(MOMENTS)]),
                hurry=chance.random() < 0.5,
                after=chance.uniform(0, A_BIT),
            )
            for one in range(count)
        ]

        async def in_turn(some: Sequence[Round]) -> None:
            async with line:
                await play(some)

        await each(partial(in_turn, rounds[start : start + IN_A_ROW]) for start in range(0, count, IN_A_ROW))
    return Report(seed, rounds)


async def play(rounds: Sequence[Round]) -> None:
    """Round after round: the server that is killed next has seen to what the one before it left."""
    async with rounds[0].server() as (client, pid):
        await rounds[0].killed_at_work(client, pid)
    for before, after in zip_longest(rounds, rounds[1:]):
        async with before.server() as (client, pid):
            await before.survive(client)
            if after:
                await after.killed_at_work(client, pid)
