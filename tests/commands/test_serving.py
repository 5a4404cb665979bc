"""The server as its clients meet it: over real stdio and over HTTP, on both protocol revisions."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from anyio import to_thread
from mcp import Client, StdioServerParameters
from mcp.types import ElicitResult, InputResponses

from flipsnack_mcp.commands.serve import IMITATIONS_APART, remarks_on_imitations
from flipsnack_mcp.sandbox import Sandbox
from flipsnack_mcp.settings import Settings
from tests.commands.main_job import REVISIONS, connected, default_menu, says_yes, text_of
from tests.commands.processes import KEY, PROGRAM, SECRET, Run, at_a_port, messages
from tests.listening import NO_TLS


async def test_the_main_job_works_over_stdio_and_http(run: Run, served: str, document: Path, tmp_path: Path) -> None:
    """On the older revision over stdio; on the newer one an example does all of it (tests/test_examples.py)."""
    environment = {**run.environment, "FLIPSNACK_SANDBOX": "1", "FLIPSNACK_UPLOAD_DIRS": str(document.parent)}
    # A state of its own: else one would wait for the calls of the other, which are counted by the key.
    alone = {**environment, "XDG_STATE_HOME": str(tmp_path)}
    server = StdioServerParameters(command=PROGRAM[0], args=list(PROGRAM[1:]), env=alone)
    with anyio.fail_after(180):
        async with anyio.create_task_group() as clients:  # which mostly wait
            clients.start_soon(connected, server, "legacy", document, "Over the wire")
            for revision, mode in REVISIONS.items():
                clients.start_soon(connected, served, mode, document, f"Over the wire in {revision}")


def asked(number: int, method: str, **params: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})


CLIENT = {"name": "test", "version": "1"}
HELLO = asked(1, "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo=CLIENT)
READY = json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"})


CALLS = [
    asked(2, "tools/list"),
    asked(3, "tools/call", name="list_collections", arguments={}),
    asked(4, "tools/call", name="delete_collection", arguments={"collection_hash": "nothere"}),
    asked(5, "tools/call", name="no_such_tool", arguments={}),
    asked(6, "no/such/method"),
    "this is no JSON",
]


def test_without_a_key_tools_are_listed_and_only_messages_are_written_to_stdout(run: Run) -> None:
    ended = run.talk(HELLO, READY, *CALLS, ids={2, 3, 4, 5, 6}, FLIPSNACK_LOG_LEVEL="nonsense")
    said = {one.get("id"): one for one in messages(ended.out)}
    assert {one["name"] for one in said[2]["result"]["tools"]} == default_menu()
    assert "FLIPSNACK_API_KEY and FLIPSNACK_API_SECRET are not set" in json.dumps(said[3])


async def test_with_one_only_messages_are_written_to_stdout_and_no_secret_at_any_log_level(run: Run) -> None:
    async with at_a_port(Sandbox(api_key=KEY, api_secret=SECRET)) as access:
        talk = partial(run.talk, HELLO, READY, *CALLS, ids={2, 3, 4, 5, 6}, FLIPSNACK_LOG_LEVEL="DEBUG", **access)
        ended = await to_thread.run_sync(talk)
    assert messages(ended.out)
    assert "Summer catalogue 2026" in ended.out
    assert "signature=" not in ended.out + ended.err  # and whatever ended has neither key nor secret


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
    async with at_a_port(Sandbox(api_key=KEY, api_secret=SECRET)) as access:
        access["FLIPSNACK_STATE"] = f"sqlite:{tmp_path / 'state.sqlite'}"
        rounds: list[dict[str, Any]] = [{}, {"input_responses": YES}]
        for given in rounds:
            with run.served(tmp_path, "--calls-per-second", "5", **access) as address:
                async with Client(address, mode="auto", elicitation_callback=says_yes) as client:
                    listed = await client.call_tool("list_collections", {"query": "Week 38"})
                    assert listed.structured_content
                    wanted = {"collection_hash": listed.structured_content["collections"][0]["collection_hash"]}
                    state = {"request_state": question.request_state} if question else {}
                    question = await client.session.call_tool(
                        "delete_collection", wanted, allow_input_required=True, **given, **state
                    )
    assert not question.is_error, text_of(question)


async def test_a_foreign_host_or_origin_is_refused(served: str) -> None:
    headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    async with httpx2.AsyncClient(verify=NO_TLS, trust_env=False) as http:
        host = await http.post(served, content=HELLO, headers={**headers, "Host": "evil.example"})
        origin = await http.post(served, content=HELLO, headers={**headers, "Origin": "https://evil.example"})
        good = await http.post(served, content=HELLO, headers=headers)
    assert (host.status_code, origin.status_code, good.status_code) == (421, 403, 200)


def test_options_beat_the_environment(run: Run) -> None:
    environment = {"FLIPSNACK_SANDBOX": "1", "FLIPSNACK_READ_ONLY": "0", "FLIPSNACK_API_KEY": KEY}
    given = f"{HELLO}\n{READY}\n{asked(2, 'tools/list')}\n"
    ended = run("--read-only", "--toolsets", "default,legacy", given=given, **environment)
    names = {one["name"] for one in messages(ended.out)[1]["result"]["tools"]}
    assert "list_collections" in names
    assert "create_collection" not in names


def test_imitations_of_several_replicas_are_said_to_be_several() -> None:
    imitation, real = Settings(sandbox=True, state="redis://x/0"), Settings(api_key="k", state="redis://x/0")
    assert remarks_on_imitations(imitation) == [IMITATIONS_APART]
    assert remarks_on_imitations(replace(real, accounts=(real, imitation))) == [IMITATIONS_APART]
    assert remarks_on_imitations(real) == remarks_on_imitations(Settings(sandbox=True)) == []
