"""Three real servers on one real Redis, called in turns: what is begun at one is ended at another, whatever becomes of the first."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, InputRequiredResult, InputResponses, TextContent

from flipsnack_mcp.server.resources import COLLECTION_ADDRESS
from tests.commands.processes import Run, nobody_answers_at, wait_for
from tests.on_redis import new_prefix
from tests.redis_server import RedisServer
from tests.server.bench import CODE, Person, declines, types_what_is_asked

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
PROGRAM = Path(__file__).with_name("hasty_server.py")
PATIENCE = 90.0
"""Seconds, for a machine with much else to do; none of them is waited for where all is well."""
CREATE, UPDATE, DELETE = "collection.create", "collection.update", "collection.deleteCollection"
MODES = pytest.mark.parametrize("mode", ["auto", "legacy"], ids=["2026-07-28", "2025-11-25"])
ENDS = {"complete", "failed", "interrupted", "stopped"}
READING = 1.0
"""Seconds for a form: a faster yes is nobody's."""


@dataclass
class Replica:
    """One server."""

    process: "subprocess.Popen[str]"
    url: str

    def end(self, how: int) -> None:
        self.process.send_signal(how)
        self.process.communicate(timeout=PATIENCE)


@dataclass
class Team:
    """All of them, and the sandbox they ask."""

    run: Run
    sandbox: str
    environment: dict[str, str]
    token: str = ""
    replicas: list[Replica] = field(default_factory=list[Replica])
    before: int = 0
    """How many requests the sandbox had before a test."""

    def start(self, which: int) -> None:
        """One of them, in its place among the others; it serves once it is waited for."""
        with nobody_answers_at() as port:
            pass
        where = ("--http", f"127.0.0.1:{port}", "--log-level", "info", "--drain-seconds", "0")
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, str(PROGRAM), "serve", *where],
            env={**self.run.environment, **self.environment},
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self.replicas[which:which] = [Replica(process, f"http://127.0.0.1:{port}")]

    def wait_for(self, which: int) -> None:
        said = self.replicas[which].process.stderr
        assert said
        wait_for(said, "running on")

    @property
    def requests(self) -> list[dict[str, Any]]:
        return list(httpx2.get(f"{self.sandbox}_sandbox/requests", timeout=PATIENCE).json()["requests"])

    def carried_out(self, action: str) -> list[dict[str, Any]]:
        """What the sandbox carried out of one kind in this test."""
        return [one for one in self.requests[self.before :] if one["action"] == action and one["executed"]]

    @asynccontextmanager
    async def client(self, which: int, mode: Any, *, forms: bool = False) -> AsyncIterator[Client]:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE) as http:
            transport = streamable_http_client(f"{self.replicas[which].url}/mcp", http_client=http)
            async with Client(transport, mode=mode, elicitation_callback=Person(declines) if forms else None) as client:
                yield client

    @asynccontextmanager
    async def in_turns(self, mode: Any) -> AsyncIterator[Callable[..., Any]]:
        """Calls of one assistant, each of which reaches the next of the servers."""
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(self.client(one, mode)) for one in range(len(self.replicas))]
            turns = cycle(clients)

            async def call(tool: str, **arguments: Any) -> dict[str, Any]:
                return data_of(await next(turns).call_tool(tool, arguments))

            yield call


@pytest.fixture(scope="module")
def started(run: Run, tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Iterator[Team]:
    """A team for all tests: three processes take some seconds to start."""
    folder = tmp_path_factory.mktemp("team")
    with run.sandbox("--account", "small", "--calls-per-minute", "600", "--conversion-seconds", "2") as where:
        own = {f"FLIPSNACK_{name.upper()}": value for name, value in where.items()}
        own |= {"FLIPSNACK_CALLS_PER_MINUTE": "600", "FLIPSNACK_CALLS_PER_SECOND": "50"}
        own |= {"FLIPSNACK_STATE": f"{redis_server.url}&prefix={new_prefix()}"}
        own |= {"FLIPSNACK_TOKENS": str(folder / "tokens.json")}
        team = Team(run, where["api_url"].removesuffix("v1/"), own)
        team.token = run("token", "add", "Anna", "--may", "read,write,delete", **own).out.strip()
        try:
            for which in range(3):
                team.start(which)
            for which in range(3):
                team.wait_for(which)
            yield team
        finally:
            for one in team.replicas:
                one.process.kill()
                one.process.communicate()


@pytest.fixture
def team(started: Team) -> Team:
    started.before = len(started.requests)
    return started


def text_of(result: CallToolResult) -> str:
    return "\n".join(one.text for one in result.content if isinstance(one, TextContent))


def data_of(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, text_of(result)
    return result.structured_content or {}


async def until(states: set[str], call: Callable[[], Any]) -> dict[str, Any]:
    """What a call says once it says one of these."""
    with anyio.fail_after(PATIENCE):
        while (said := await call())["state"] not in states:
            assert said["state"] not in ENDS, said
    return dict(said)


@MODES
async def test_the_main_job_is_done_in_turns_by_all_of_them(team: Team, mode: Any) -> None:
    async with team.in_turns(mode) as call:
        title = f"New {mode}"
        begun = await call("create_collection", file_url="https://example.com/a.pdf", title=title, wait_seconds=0)
        whole = await until({"complete"}, partial(call, "get_upload", upload_id=begun["upload_id"], wait_seconds=5))
        wanted = whole["collection_hash"]
        await call("update_collection", collection_hash=wanted, status="public")
        listed = await call("list_collections", query=title)
        wanted = next(one["collection_hash"] for one in listed["collections"] if one["title"] == title)
        embed = await call("get_embed_code", collection_hash=wanted)
        package = partial(call, "download_collection_html", collection_hash=wanted, wait_seconds=5, save=False)
        packed = await until({"complete"}, package)
        report = await call("report_stats", wait_seconds=0)
        told = await until({"complete"}, partial(call, "report_stats", report_id=report["report_id"], wait_seconds=5))
    assert "<iframe" in embed["embed_code"]
    assert packed["resource_url"]
    assert told["totals"]["collections"] > 1
    assert len(team.carried_out(CREATE)) == 1


@MODES
async def test_a_code_of_one_is_used_at_another_and_once(team: Team, mode: Any) -> None:
    async with AsyncExitStack() as stack:
        one, two, three = [await stack.enter_async_context(team.client(which, mode)) for which in range(3)]
        found = data_of(await one.call_tool("list_collections", {"limit": 1}))["collections"][0]["collection_hash"]
        refused = text_of(await one.call_tool("delete_collection", {"collection_hash": found}))
        [code] = CODE.findall(refused)
        yes = {"collection_hash": found, "confirmation": code}
        gone = data_of(await two.call_tool("delete_collection", yes))
        again = await three.call_tool("delete_collection", yes)
    assert gone["deleted"]
    assert again.is_error
    assert len(team.carried_out(DELETE)) == 1


async def test_a_form_begun_at_one_is_ended_at_another_and_counts_once(team: Team) -> None:
    async with AsyncExitStack() as stack:
        one, two, three = [
            await stack.enter_async_context(team.client(which, "auto", forms=True)) for which in range(3)
        ]
        found = data_of(await one.call_tool("list_collections", {"limit": 1}))["collections"][0]["collection_hash"]
        asked = {"collection_hash": found}
        question = await one.session.call_tool("delete_collection", asked, allow_input_required=True)
        assert isinstance(question, InputRequiredResult)
        assert question.input_requests
        [(name, form)] = question.input_requests.items()
        yes: InputResponses = {name: types_what_is_asked(form.params.message)}  # type: ignore[union-attr]  # it is a form
        await anyio.sleep(READING)
        told = [
            await each.session.call_tool(
                "delete_collection", asked, input_responses=yes, request_state=question.request_state
            )
            for each in (two, three)
        ]
    assert [one.is_error for one in told] == [False, True]
    assert len(team.carried_out(DELETE)) == 1


GONE = {
    "killed": (signal.SIGKILL, {"query": "Weekly offers", "find": "Week", "replace": "Wk"}),
    "drained": (signal.SIGTERM, {"query": "Wkly offers", "find": "Wk", "replace": "Week"}),
}


@pytest.mark.parametrize(("how", "rule"), GONE.values(), ids=list(GONE))
async def test_what_was_begun_at_one_that_is_gone_is_ended_by_the_others(
    team: Team, how: signal.Signals, rule: dict[str, Any]
) -> None:
    async with team.client(0, "auto") as first:

        async def begin(tool: str, **arguments: Any) -> dict[str, Any]:
            return data_of(await first.call_tool(tool, arguments))

        plan = await begin("update_collections", **rule)
        report = await begin("report_stats", wait_seconds=0)
        upload = await begin("create_collection", file_url=f"https://example.com/{how}.pdf", wait_seconds=0)
        addresses = [f"https://example.com/{how}-{number}.pdf" for number in range(3)]
        batch = await begin("create_collections", documents=addresses)
        await begin("create_collections", plan_id=batch["plan_id"], wait_seconds=0)
        await begin("update_collections", plan_id=plan["plan_id"], wait_seconds=0)
        await anyio.to_thread.run_sync(team.replicas[0].end, how)
    del team.replicas[0]
    async with team.in_turns("auto") as call:
        asked = partial(call, "update_collections", plan_id=plan["plan_id"], wait_seconds=5)
        changed = await until({"complete"}, asked)
        told = await until({"complete"}, partial(call, "report_stats", report_id=report["report_id"], wait_seconds=5))
        ended = await until(ENDS, partial(call, "get_upload", upload_id=upload["upload_id"], wait_seconds=5))
        many = await until({"complete"}, partial(call, "create_collections", plan_id=batch["plan_id"], wait_seconds=5))
    team.start(0)
    team.wait_for(0)
    updated = Counter(one["params"]["collectionHash"] for one in team.carried_out(UPDATE))
    assert changed["counts"]["done"] == plan["counts"]["planned"] == len(updated)
    assert set(updated.values()) == {1}
    assert told["totals"]["collections"] > 1
    made = Counter(one["params"]["fileUrl"] for one in team.carried_out(CREATE))
    assert set(made.values()) == {1}
    done = (ended["state"] == "complete") + many["counts"].get("done", 0)
    lost = (ended["state"] == "interrupted") + many["counts"].get("unclear", 0)  # the answer went down with its server
    assert done <= len(made) <= done + lost


async def test_who_listens_at_one_is_told_what_another_changes(team: Team) -> None:
    async with team.client(0, "auto") as here, team.client(1, "auto") as there:
        found = data_of(await here.call_tool("list_collections", {"limit": 1}))["collections"][0]["collection_hash"]
        address = f"{COLLECTION_ADDRESS}{found}"
        async with here.listen(resource_subscriptions=[address]) as events:
            heard = anyio.Event()

            async def change_until_heard() -> None:
                while not heard.is_set():  # who has just begun to listen may miss the first word
                    await there.call_tool("update_collection", {"collection_hash": found, "title": "A"})
                    await there.call_tool("update_collection", {"collection_hash": found, "title": "B"})
                    await anyio.sleep(0.5)

            with anyio.fail_after(PATIENCE):
                async with anyio.create_task_group() as group:
                    group.start_soon(change_until_heard)
                    event = await anext(aiter(events))
                    heard.set()
    assert getattr(event, "uri", "") == address
