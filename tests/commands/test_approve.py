"""A yes in a terminal: only a person at one can give it, for one thing, once."""

import os
import pty
import signal
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread
from typing_extensions import override

from flipsnack_mcp.sandbox import Pace, Sandbox
from flipsnack_mcp.server.consent.codes import Consents
from flipsnack_mcp.server.server import build_server
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.sqlite import SqliteStore
from tests.commands.processes import KEY, PROGRAM, SECRET, Ended, Run
from tests.server.bench import Assistant, Bench, LoopClock, Witness

TITLE = "Summer catalogue 2026"
DELETED = "collection.deleteCollection"
END_OF_FILE, INTERRUPT = "\x04", "\x03"
Here = Callable[..., Ended]


class Now(LoopClock):
    """The real time of day, as the command has it."""

    @override
    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass
class Scene:
    """An assistant's server and a person's terminal, on one state file."""

    bench: Bench
    state: Path
    run: Run

    @property
    def environment(self) -> dict[str, str]:
        return {
            "FLIPSNACK_API_KEY": KEY,
            "FLIPSNACK_API_SECRET": SECRET,
            "FLIPSNACK_STATE": f"sqlite:{self.state}",
            "FLIPSNACK_CONFIRM": "approve",
        }

    @property
    def wanted(self) -> dict[str, Any]:
        return {"collection_hash": self.bench.collection(TITLE).hash}

    @property
    def deletions(self) -> int:
        return len(self.bench.sandbox.carried_out(DELETED))

    @asynccontextmanager
    async def assistant(self) -> AsyncIterator[Assistant]:
        settings = Settings(api_key=KEY, api_secret=SECRET, confirm="approve", state=f"sqlite:{self.state}")
        store = SqliteStore(self.state, self.bench.clock)
        server = build_server(settings, self.bench.connect, self.bench.clock, store)
        async with self.bench.assistant(server=server) as assistant:
            yield assistant

    async def approve(self, *arguments: str, **environment: str) -> Ended:
        """Run without a terminal."""
        return await to_thread.run_sync(lambda: self.run("approve", *arguments, **self.environment, **environment))

    async def at_terminal(self, typed: str, *arguments: str) -> Ended:
        return await to_thread.run_sync(self._at_terminal, typed, arguments)

    def _at_terminal(self, typed: str, arguments: tuple[str, ...]) -> Ended:
        """A person at a pseudo terminal types this."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(  # noqa: S603 - our own program
            [*PROGRAM, "approve", *arguments],
            env={**self.run.environment, **self.environment},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            # A shell's background jobs ignore Ctrl-C and hand that on; whoever sits at a terminal runs none of those.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no threads yet
        )
        os.close(theirs)
        watchdog = threading.Timer(20, process.kill)
        watchdog.start()
        shown = b""
        with suppress(OSError):  # the other side is closed: it has ended
            while piece := os.read(ours, 4096):
                shown += piece
                if b'To approve it, type "' not in shown:
                    continue
                if typed == INTERRUPT:
                    threading.Thread(target=interrupted, args=(process,)).start()
                else:
                    os.write(ours, typed.encode())
                typed = ""
        os.close(ours)
        status = process.wait(30)
        watchdog.cancel()
        return Ended(status, shown.decode(), "")


def interrupted(process: "subprocess.Popen[bytes]") -> None:
    """Press Ctrl-C, and once more if nothing happens: between showing the prompt and reading, Python does not notice."""
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(2)


@pytest.fixture
def scene(run: Run, tmp_path: Path) -> Scene:
    clock = Now()
    pace = Pace(calls_per_second=0, calls_per_minute=0)
    sandbox = Sandbox(api_key=KEY, api_secret=SECRET, clock=clock, pace=pace)
    environment = {**run.environment, "PYTHONPATH": str(Path(__file__).parents[2])}
    return Scene(Bench(sandbox, clock, Witness(), "auto", tmp_path), tmp_path / "state.sqlite", Run(environment))


async def test_what_is_typed_at_a_terminal_lets_the_call_through_once(scene: Scene) -> None:
    async with scene.assistant() as assistant:
        refused = await assistant.call("delete_collection", scene.wanted)
        wanted = {**scene.wanted, "confirmation": refused.code}
        early = await assistant.call("delete_collection", wanted)
        assert early.is_error
        assert f"flipsnack-mcp approve {refused.code}" in early.text
        assert scene.deletions == 0

        approved = await scene.at_terminal(f"{TITLE}\n", refused.code)
        assert approved.status == 0, approved.out
        assert "Approved." in approved.out
        assert "stop working" in approved.out
        assert scene.deletions == 0

        kept = scene.bench.collection(TITLE)
        done = await assistant.call("delete_collection", wanted)
        assert not done.is_error, done.text
        scene.bench.sandbox.account.keep(kept)
        again = await assistant.call("delete_collection", wanted)

    assert again.is_error
    assert again.text.endswith("Nothing was changed.")
    assert scene.deletions == 1


@pytest.mark.parametrize("typed", ["Spring catalogue 2026\n", "\n", "yes\n", "y\n"], ids=repr)
async def test_another_title_approves_nothing(scene: Scene, typed: str) -> None:
    async with scene.assistant() as assistant:
        code = (await assistant.call("delete_collection", scene.wanted)).code
        ended = await scene.at_terminal(typed, code)
        said = await assistant.call("delete_collection", {**scene.wanted, "confirmation": code})

    assert ended.status == 1
    assert "Nothing was approved." in ended.out
    assert said.is_error
    assert scene.deletions == 0


@pytest.mark.parametrize("key", [END_OF_FILE, INTERRUPT], ids=["end of file", "interrupt"])
async def test_leaving_the_terminal_approves_nothing_and_shows_no_traceback(scene: Scene, key: str) -> None:
    async with scene.assistant() as assistant:
        code = (await assistant.call("delete_collection", scene.wanted)).code
        ended = await scene.at_terminal(key, code)
        said = await assistant.call("delete_collection", {**scene.wanted, "confirmation": code})

    assert "Traceback" not in ended.out
    assert ended.status == 1, "it hung, or crashed"
    assert said.is_error
    assert scene.deletions == 0


async def test_without_a_terminal_nothing_is_approved(scene: Scene) -> None:
    async with scene.assistant() as assistant:
        code = (await assistant.call("delete_collection", scene.wanted)).code
        ended = await to_thread.run_sync(lambda: scene.run("approve", code, given=f"{TITLE}\n", **scene.environment))
        said = await assistant.call("delete_collection", {**scene.wanted, "confirmation": code})

    assert ended.status == 1
    assert "needs a person at a terminal" in ended.out
    assert said.is_error
    assert scene.deletions == 0


async def test_without_a_code_what_waits_is_listed(scene: Scene) -> None:
    empty = await scene.approve()
    async with scene.assistant() as assistant:
        code = (await assistant.call("delete_collection", scene.wanted)).code
    full = await scene.approve()
    await Consents(SqliteStore(scene.state), Settings(api_key=KEY, api_secret=SECRET).account).approve(code)
    after = await scene.approve()

    assert (empty.status, full.status, after.status) == (0, 0, 0)
    assert "Nothing waits for an approval." in empty.out
    assert code in full.out
    assert f'"{TITLE}"' in full.out
    assert code not in after.out


@pytest.mark.parametrize("code", ["AAAAAAAA", "", "   ", "no such code"], ids=repr)
async def test_a_code_that_does_not_wait_is_refused(scene: Scene, code: str) -> None:
    ended = await scene.at_terminal("", code)

    assert ended.status == 1
    assert "Nothing waits under the code" in ended.out


async def test_an_expired_code_cannot_be_approved(scene: Scene) -> None:
    scene.bench.clock.advance(-601)
    async with scene.assistant() as assistant:
        code = (await assistant.call("delete_collection", scene.wanted)).code

    assert (await scene.at_terminal(f"{TITLE}\n", code)).status == 1


async def test_a_code_is_approved_as_people_copy_it(scene: Scene) -> None:
    async with scene.assistant() as assistant:
        code = (await assistant.call("delete_collection", scene.wanted)).code
        assert (await scene.at_terminal(f"  {TITLE} \n", f" {code.lower()} ")).status == 0
        assert not (await assistant.call("delete_collection", {**scene.wanted, "confirmation": code})).is_error

    assert scene.deletions == 1


async def test_another_account_sees_and_approves_nothing(scene: Scene) -> None:
    async with scene.assistant() as assistant:
        code = (await assistant.call("delete_collection", scene.wanted)).code
    other = {**scene.environment, "FLIPSNACK_API_URL": "https://api.elsewhere.example/v1/"}
    listed = await to_thread.run_sync(lambda: scene.run("approve", **other))

    assert code not in listed.out
    assert "Nothing waits" in listed.out


async def test_an_approval_does_not_lengthen_the_life_of_a_code(scene: Scene) -> None:
    async with scene.assistant() as assistant:
        code = (await assistant.call("delete_collection", scene.wanted)).code
        assert (await scene.at_terminal(f"{TITLE}\n", code)).status == 0
        scene.bench.clock.advance(601)
        said = await assistant.call("delete_collection", {**scene.wanted, "confirmation": code})

    assert said.is_error
    assert scene.deletions == 0


async def test_what_changed_after_the_approval_is_not_deleted(scene: Scene) -> None:
    async with scene.assistant() as assistant:
        given = scene.wanted
        code = (await assistant.call("delete_collection", given)).code
        assert (await scene.at_terminal(f"{TITLE}\n", code)).status == 0
        scene.bench.collection(TITLE).title = "Renamed meanwhile"
        said = await assistant.call("delete_collection", {**given, "confirmation": code})

    assert said.is_error
    assert said.code != code
    assert said.text.endswith("Nothing was changed.")
    assert scene.deletions == 0


def test_in_memory_there_is_nothing_to_approve(run_here: Here) -> None:
    ended = run_here("approve", FLIPSNACK_STATE="memory:", FLIPSNACK_API_KEY=KEY, FLIPSNACK_API_SECRET=SECRET)

    assert ended.status == 1
    assert "FLIPSNACK_STATE is memory:" in ended.out


async def test_a_store_that_cannot_be_opened_is_said(scene: Scene) -> None:
    scene.state.mkdir()

    ended = await scene.approve()

    assert ended.status == 1
    assert "Traceback" not in ended.out + ended.err


# --- history, the other command on the same file


async def test_the_history_shows_the_deletion_the_yes_and_how_it_was(scene: Scene) -> None:
    async with scene.assistant() as assistant:
        code = (await assistant.call("delete_collection", scene.wanted)).code
        await scene.at_terminal(f"{TITLE}\n", code)
        await assistant.call("delete_collection", {**scene.wanted, "confirmation": code})
    shown = await to_thread.run_sync(lambda: scene.run("history", **scene.environment))
    whole = await to_thread.run_sync(lambda: scene.run("history", "--verify", **scene.environment))

    assert (shown.status, whole.status) == (0, 0)
    assert [line.split()[0] for line in shown.out.splitlines() if not line.startswith("      ")] == ["1", "2", "3"]
    assert "confirmed by approve" in shown.out
    assert f'"title": "{TITLE}"' in shown.out
    assert "whole: 3 entries" in whole.out


async def test_a_history_with_a_changed_line_is_not_whole(scene: Scene) -> None:
    async with scene.assistant() as assistant:
        await assistant.call("delete_collection", scene.wanted)
    store = SqliteStore(scene.state)
    account = Settings(api_key=KEY, api_secret=SECRET).account

    def alter(records: Any) -> None:
        found = dict(records.all("history"))
        name, body = next((name, body) for name, body in found.items() if body["account"] == account)
        records.put("history", name, {**body, "decision": "done"})

    await store.transact(alter)
    await store.close()
    ended = await to_thread.run_sync(lambda: scene.run("history", "--verify", **scene.environment))

    assert ended.status == 1
    assert "NOT whole: entry 1 was altered" in ended.out


async def test_what_was_saved_cannot_reach_into_the_terminal(scene: Scene) -> None:
    scene.bench.collection(TITLE).description = "Now\u202e \u200bhidden\x1b[2J"
    async with scene.assistant() as assistant:
        code = (await assistant.call("delete_collection", scene.wanted)).code
        await scene.at_terminal(f"{TITLE}\n", code)
        await assistant.call("delete_collection", {**scene.wanted, "confirmation": code})
    shown = await to_thread.run_sync(lambda: scene.run("history", **scene.environment))

    assert '"description": "Now hidden' in shown.out
    assert not {"\u202e", "\u200b", "\x1b"} & set(shown.out)
