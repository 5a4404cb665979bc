"""The server as its clients meet it: over real stdio and over HTTP, on both protocol revisions."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.types import ElicitResult, InputResponses

from flipsnack_mcp.commands.serve import IMITATIONS_APART, remarks_on_imitations
from flipsnack_mcp.settings import Settings
from tests.commands.ahead import REVISIONS, Ahead, default_menu, says_yes, text_of
from tests.commands.processes import KEY, PROGRAM, Run, messages


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_main_job_works_over_stdio(ahead: Ahead, revision: str) -> None:
    ahead[f"test_the_main_job_works_over_stdio[{revision}]"].result()


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_main_job_works_over_http(ahead: Ahead, revision: str) -> None:
    ahead[f"test_the_main_job_works_over_http[{revision}]"].result()


def asked(number: int, method: str, **params: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})


CLIENT = {"name": "test", "version": "1"}
HELLO = asked(1, "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo=CLIENT)
READY = json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"})


@pytest.mark.parametrize("level", ["DEBUG", "nonsense"])
@pytest.mark.parametrize("settings", [{"FLIPSNACK_SANDBOX": "1"}, {"FLIPSNACK_API_KEY": "${KEY}"}], ids=str)
def test_only_messages_are_written_to_stdout(run: Run, level: str, settings: dict[str, str]) -> None:
    calls = [
        asked(2, "tools/list"),
        asked(3, "tools/call", name="list_collections", arguments={}),
        asked(4, "tools/call", name="delete_collection", arguments={"collection_hash": "nothere"}),
        asked(5, "tools/call", name="no_such_tool", arguments={}),
        asked(6, "no/such/method"),
        "this is no JSON",
    ]
    assert messages(run.talk(HELLO, READY, *calls, ids={2, 3, 4, 5, 6}, FLIPSNACK_LOG_LEVEL=level, **settings).out)


def test_no_secret_is_written_at_any_log_level(run: Run) -> None:
    with run.sandbox() as where:
        access = {f"FLIPSNACK_{name.upper()}": value for name, value in where.items()}
        call = asked(2, "tools/call", name="get_user_stats", arguments={})
        ended = run.talk(HELLO, READY, call, ids={2}, FLIPSNACK_LOG_LEVEL="DEBUG", **access)
    assert "impressions" in ended.out
    secrets = (where["api_key"], where["api_secret"], "signature=")
    assert not [secret for secret in secrets if secret in ended.out + ended.err]


def test_a_server_ends_with_0_and_a_logging_package_that_prints_tracebacks_has_no_say(run: Run, tmp_path: Path) -> None:
    """The SDK logs through `rich` where that is installed, and so past the redaction."""
    package = tmp_path / "rich"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "console.py").write_text("class Console:\n    def __init__(self, **_): pass\n")
    (package / "logging.py").write_text(
        "import logging, sys\n"
        "class RichHandler(logging.Handler):\n"
        "    def __init__(self, **_): super().__init__()\n"
        "    def emit(self, record): sys.stderr.write('RICH ' + record.getMessage())\n"
    )
    done = run(given="", FLIPSNACK_API_KEY="${KEY}", FLIPSNACK_LOG_LEVEL="DEBUG", PYTHONPATH=str(tmp_path))

    assert (done.status, done.out) == (0, "")  # the client goes at once
    assert "RICH" not in done.err
    assert "FLIPSNACK_API_KEY" in done.err


@pytest.fixture(scope="module")
def served(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run.served(tmp_path_factory.mktemp("uploads")) as address:
        yield address


@pytest.mark.parametrize("mode", REVISIONS.values(), ids=REVISIONS)
async def test_a_code_outlives_the_connection_over_http(served: str, mode: Any) -> None:
    with anyio.fail_after(120):
        async with Client(served, mode=mode) as first:
            listed = await first.call_tool("list_collections", {"limit": 1})
            assert listed.structured_content
            wanted = {"collection_hash": listed.structured_content["collections"][0]["collection_hash"]}
            refused = text_of(await first.call_tool("delete_collection", wanted))
        code = refused.partition('confirmation="')[2][:8]
        async with Client(served, mode=mode) as second:
            done = await second.call_tool("delete_collection", {**wanted, "confirmation": code})
            replayed = await second.call_tool("delete_collection", {**wanted, "confirmation": code})
    assert not done.is_error, text_of(done)
    assert replayed.is_error


YES: InputResponses = {"title": ElicitResult(action="accept", content={"title": "Weekly offers, Week 38"})}


async def test_a_form_is_answered_after_a_restart_over_http(run: Run, tmp_path: Path) -> None:
    """The question comes from one process, and its answer goes to the next one over the same state file."""
    question: Any = None
    with run.sandbox() as where, anyio.fail_after(120):
        more = {name: where[name.removeprefix("FLIPSNACK_").lower()] for name in ACCESS}
        more["FLIPSNACK_STATE"] = f"sqlite:{tmp_path / 'state.sqlite'}"
        rounds: list[dict[str, Any]] = [{}, {"input_responses": YES}]
        for given in rounds:
            with run.served(tmp_path, "--calls-per-second", "5", **more) as address:
                async with Client(address, mode="auto", elicitation_callback=says_yes) as client:
                    listed = await client.call_tool("list_collections", {"query": "Week 38"})
                    assert listed.structured_content
                    wanted = {"collection_hash": listed.structured_content["collections"][0]["collection_hash"]}
                    state = {"request_state": question.request_state} if question else {}
                    question = await client.session.call_tool(
                        "delete_collection", wanted, allow_input_required=True, **given, **state
                    )
    assert not question.is_error, text_of(question)


ACCESS = ("FLIPSNACK_API_URL", "FLIPSNACK_UPLOAD_URL", "FLIPSNACK_API_KEY", "FLIPSNACK_API_SECRET")


async def test_a_foreign_host_or_origin_is_refused(served: str) -> None:
    headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    async with httpx2.AsyncClient() as http:
        host = await http.post(served, content=HELLO, headers={**headers, "Host": "evil.example"})
        origin = await http.post(served, content=HELLO, headers={**headers, "Origin": "https://evil.example"})
        good = await http.post(served, content=HELLO, headers=headers)
    assert (host.status_code, origin.status_code, good.status_code) == (421, 403, 200)


def on_stdio(run: Run, *arguments: str, **environment: str) -> Client:
    """A client of a server of its own."""
    program, env = [*PROGRAM[1:], *arguments], {**run.environment, **environment}
    return Client(StdioServerParameters(command=PROGRAM[0], args=program, env=env))


async def test_without_a_key_the_server_still_lists_its_tools(run: Run) -> None:
    with anyio.fail_after(120):
        async with on_stdio(run) as client:
            tools = (await client.list_tools()).tools
            said = await client.call_tool("get_user_stats")
    assert {tool.name for tool in tools} == default_menu()
    assert "FLIPSNACK_API_KEY and FLIPSNACK_API_SECRET are not set" in text_of(said)


async def test_options_beat_the_environment(run: Run) -> None:
    environment = {"FLIPSNACK_SANDBOX": "1", "FLIPSNACK_READ_ONLY": "0", "FLIPSNACK_API_KEY": KEY}
    with anyio.fail_after(120):
        async with on_stdio(run, "--read-only", "--toolsets", "default,legacy", **environment) as client:
            names = {one.name for one in (await client.list_tools()).tools}
    assert "list_collections" in names
    assert "create_collection" not in names


def test_imitations_of_several_replicas_are_said_to_be_several() -> None:
    imitation, real = Settings(sandbox=True, state="redis://x/0"), Settings(api_key="k", state="redis://x/0")
    assert remarks_on_imitations(imitation) == [IMITATIONS_APART]
    assert remarks_on_imitations(replace(real, accounts=(real, imitation))) == [IMITATIONS_APART]
    assert remarks_on_imitations(real) == remarks_on_imitations(Settings(sandbox=True)) == []
