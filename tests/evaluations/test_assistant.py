"""An assistant on a command line is started with its gaps filled in, and what it says is read."""

import json
import shlex
import sys
from pathlib import Path

import pytest

from evaluations.assistant import DESK, OUT_OF_TIME, command_line, ended_with, used, words
from evaluations.first_calls import requests
from evaluations.job import jobs
from evaluations.player import calls_for
from evaluations.run import RECORDED
from evaluations.staging import How, begun, played

CLAUDE = json.dumps(
    {"result": "Done.", "usage": {"input_tokens": 9, "cache_read_input_tokens": 70, "output_tokens": 20}}
)
CODEX = """{"type": "item.completed", "item": {"type": "agent_message", "text": "Looking."}}
{"type": "item.completed", "item": {"type": "agent_message", "text": "Done."}}
{"type": "turn.completed", "usage": {"input_tokens": 90, "cached_input_tokens": 80, "output_tokens": 9}}
"""
GEMINI = json.dumps({"response": "Done.", "stats": {}}, indent=2)


@pytest.mark.parametrize(
    ("out", "said", "tokens"),
    [
        (CLAUDE, "Done.", 99),
        (CODEX, "Done.", 99),
        (GEMINI, "Done.", None),
        ("It has\n104 pages.", "It has\n104 pages.", None),
    ],
    ids=["Claude Code", "Codex", "Gemini CLI", "text"],
)
def test_last_words_and_tokens_are_found_in_what_each_client_writes(out: str, said: str, tokens: int | None) -> None:
    assert words(out) == said
    assert used(out) == tokens


def test_a_command_is_filled_in_once_and_goes_through_no_shell(tmp_path: Path) -> None:
    template = (
        """tool -p {prompt} --config={mcp_config} -c 'servers.one.command={command}' -c servers.one.args={arguments}"""
    )
    hostile = "delete {job}; rm -rf / \"$HOME\" 'x'"
    made = command_line(template, tmp_path, hostile, "a job")
    assert made[:4] == ["tool", "-p", hostile, f"--config={tmp_path / 'mcp.json'}"]
    assert made[5] == f"servers.one.command={json.dumps(sys.executable)}"
    assert json.loads(made[7].removeprefix("servers.one.args="))[1] == str(tmp_path)


BEGINS = """
import json, subprocess, sys
tool, given, config = sys.argv[1:]
told = json.load(open(config))["mcpServers"]["flipsnack"]
greeting = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
server = subprocess.Popen([told["command"], *told["args"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
for number, method, params in ((1, "initialize", greeting), (2, "tools/call", {"name": tool, "arguments": json.loads(given)})):
    server.stdin.write(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\\n")
    server.stdin.flush()
    print(server.stdout.readline())
server.stdin.close()
server.wait()
"""
"""An assistant that makes one call, without the second that an SDK takes."""


class TestInProcesses:
    """With real time, real pipes and a real socket: the whole of the runner, once."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    async def test_a_job_is_played_by_a_program_and_judged(self, tmp_path: Path) -> None:
        outcome = await played(jobs()["delete the one without a title"], How(RECORDED), tmp_path)
        assert (outcome.wrong, outcome.calls, outcome.forms) == ((), 2, 1)

    async def test_an_assistant_that_never_ends_is_ended(self, tmp_path: Path) -> None:
        (tmp_path / DESK).mkdir()
        assert await ended_with([sys.executable, "-c", "import time; time.sleep(600)"], tmp_path, 0.01) == OUT_OF_TIME

    async def test_a_first_call_is_judged(self, tmp_path: Path) -> None:
        call = requests()[0].right_call()
        command = shlex.join([sys.executable, "-c", BEGINS, call.tool, json.dumps(call.given), "{mcp_config}"])
        outcome = await begun(requests()[0], How(command), tmp_path)
        assert (outcome.wrong, outcome.calls) == ((), 1)

    def test_the_recorded_assistant_begins_each_request_rightly(self) -> None:
        assert [calls_for(one.asked, wrong=False)[0] for one in requests()] == [
            (one.right_call(),) for one in requests()
        ]
