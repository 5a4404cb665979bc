"""A server on stdio answers hand-shake and lists before it imports its SDK, and nobody can tell."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.commands.processes import Run, messages, wait_for
from tests.commands.test_serving import CLIENT, HELLO, READY, asked
from tests.front.recorder import RECORDER

LISTS = RECORDER["LISTS"]
ORDINARY = """
import sys
from flipsnack_mcp.front import moments
moments.first_moments = lambda settings: None
from flipsnack_mcp.__main__ import main
sys.exit(main())
"""
LATER = [
    asked(89, "tools/list", _meta={"progressToken": 5}), asked(90, "ping"), asked(91, "nonsense"), asked(92, "tools/list", cursor="x"), asked(93, "prompts/get", name="nonsense"),
    asked(94, "tools/list"), HELLO.replace('"id": 1', '"id": 95'),
]  # fmt: skip


def talk(command: list[str], lines: list[str], environment: dict[str, str]) -> list[str]:
    """What it answers to one line after the other."""
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    said = list[str]()
    with subprocess.Popen([sys.executable, *command], env=environment, text=True, **pipes) as process:  # noqa: S603
        assert process.stdin
        assert process.stdout
        for line in lines:
            process.stdin.write(line + "\n")
            process.stdin.flush()
            if '"id"' in line:
                said.append(process.stdout.readline())
        process.stdin.close()
        assert process.wait(60) == 0
    return said


def test_a_client_gets_the_same_bytes_whether_the_sdk_is_there_or_not(run: Run, tmp_path: Path) -> None:
    """For all revisions, clients and settings: tests/front."""
    settings = {"FLIPSNACK_READ_ONLY": "1", "FLIPSNACK_TOOLSETS": "default,legacy", "FLIPSNACK_SANDBOX": "true"}
    environment = {**run.environment, "FLIPSNACK_UPLOAD_DIRS": str(tmp_path), "FLIPSNACK_STATE": "memory:", **settings}
    lines = [*map(json.dumps, RECORDER["opening"]("2026-07-28", {})), *LATER]
    with_front, without = (talk(one, lines, environment) for one in (["-m", "flipsnack_mcp"], ["-c", ORDINARY]))
    assert with_front == without
    assert len(with_front) == 5 + len(LATER)


MODULES = """
import os, sys
from flipsnack_mcp.front import moments
def told(status):
    print(*sorted({one.partition(".")[0] for one in sys.modules}), file=sys.stderr)
    os._exit(status)
moments.end_process = told
from flipsnack_mcp.__main__ import main
sys.exit(main())
"""
HEAVY = {"mcp", "mcp_types", "pydantic", "anyio", "asyncio", "httpx2", "argparse", "logging", "sqlite3", "hashlib"}


def test_until_something_needs_it_the_sdk_is_not_imported(run: Run) -> None:
    lines = [HELLO, READY, *(asked(number, method) for number, method in enumerate(LISTS, 2))]
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", MODULES], env=run.environment, input="\n".join([*lines, ""]), text=True, capture_output=True, check=True
    )  # fmt: skip
    assert [one["id"] for one in messages(done.stdout)] == [1, 2, 3, 4, 5]
    assert not HEAVY & set(done.stderr.split())


@pytest.mark.parametrize("typed", [(), ("serve",), ("--sandbox",), ("serve", "--read-only", "--log-level", "INFO")])
def test_however_it_is_started_the_greeting_is_answered(run: Run, typed: tuple[str, ...]) -> None:
    done = run(*typed, given=f"{HELLO}\n", FLIPSNACK_STATE="memory:")
    assert (done.status, [one["id"] for one in messages(done.out)], done.err) == (0, [1], "")


def test_what_is_said_of_the_settings_is_said_before_the_greeting_and_once(run: Run) -> None:
    odd = {"FLIPSNACK_READ_ONLY": "maybe", "FLIPSNACK_UPLOAD_DIR": "/x", "FLIPSNACK_STATE": "${STATE}"}
    with run.kept(FLIPSNACK_LOG_LEVEL="INFO", FLIPSNACK_SANDBOX="1", **odd) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        wait_for(process.stderr, "FLIPSNACK_READ_ONLY is neither")
        wait_for(process.stderr, "did you mean FLIPSNACK_UPLOAD_DIRS")
        wait_for(process.stderr, "FLIPSNACK_STATE counts as not set")
        for line in (HELLO, asked(2, "ping")):
            process.stdin.write(line + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] in {1, 2}
        _, rest = process.communicate(timeout=60)
    assert "FLIPSNACK_" not in rest


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130)])
def test_a_signal_ends_a_server_that_has_answered_without_the_sdk(run: Run, number: int, status: int) -> None:
    with run.kept() as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{HELLO}\n")
        process.stdin.flush()
        assert process.stdout.readline()
        process.send_signal(number)
        assert process.wait(20) == status
        assert process.stderr
        assert process.stderr.read() == ""


@pytest.mark.parametrize("kind", ["plain", "views"])
def test_only_a_client_that_shows_views_is_told_of_one(run: Run, kind: str) -> None:
    able = {"extensions": RECORDER["CLIENTS"][kind]}
    hello = asked(1, "initialize", protocolVersion="2025-11-25", capabilities=able, clientInfo=CLIENT)
    done = run(given=f"{hello}\n{READY}\n{asked(2, 'resources/list')}\n")
    listed = messages(done.out)[1]["result"]["resources"]
    assert [one["uri"] for one in listed if one["uri"].startswith("ui:")] == ["ui://flipsnack/view.html"] * (
        kind == "views"
    )
