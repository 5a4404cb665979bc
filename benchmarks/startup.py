"""How long from starting the process to the answer of tools/list, what it holds then, and how long to the first result of a tool.

python benchmarks/startup.py [runs]   exits 1 when a limit is broken. Wants a quiet machine.

In turn: an interpreter that does nothing, this server as it starts, the same with its SDK from the beginning, and a bare
one-tool server on that SDK.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BARE = """
from mcp.server import MCPServer
server = MCPServer("bare")
@server.tool()
def one(n: int) -> int:
    return n
server.run("stdio")
"""
ORDINARY = """
import sys
from flipsnack_mcp.front import moments
moments.first_moments = lambda settings: None
from flipsnack_mcp.__main__ import main
sys.exit(main())
"""
INTERPRETER = "interpreter"
COMMANDS: Mapping[str, list[str]] = {
    INTERPRETER: ["-c", "pass"],
    "flipsnack-mcp": ["-m", "flipsnack_mcp"],
    "SDK at once": ["-c", ORDINARY],
    "bare server": ["-c", BARE],
}
CLIENT = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "benchmark", "version": "1"}}
MESSAGES = (
    {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": CLIENT},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
)
OF_BARE, OF_OURS = {"name": "one", "arguments": {"n": 1}}, {"name": "list_collections", "arguments": {"limit": 1}}
MIB = 1024


@dataclass(frozen=True)
class Start:
    """One start, in milliseconds and MiB."""

    listed: float
    resident: float = 0
    called: float = 0


def started(command: list[str]) -> Start:
    """Spawn, shake hands, list; then call at once."""
    begun, pipe = time.perf_counter(), subprocess.PIPE
    environment = {**os.environ, "FLIPSNACK_SANDBOX": "1"}
    with subprocess.Popen(
        [sys.executable, *command], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=environment
    ) as server:
        if command == COMMANDS[INTERPRETER]:
            server.wait()
            return Start(passed(begun))
        say(server, *MESSAGES)
        hear(server, 2)
        listed, resident = passed(begun), resident_of(server.pid)
        called = OF_BARE if BARE in command else OF_OURS
        say(server, {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": called})
        hear(server, 3)
        answered = passed(begun)
        assert server.stdin
        server.stdin.close()
    return Start(listed, resident, answered)


def passed(begun: float) -> float:
    return (time.perf_counter() - begun) * 1000


def say(server: subprocess.Popen[bytes], *messages: Mapping[str, Any]) -> None:
    assert server.stdin
    server.stdin.write(b"".join(json.dumps(one).encode() + b"\n" for one in messages))
    server.stdin.flush()


def hear(server: subprocess.Popen[bytes], number: int) -> None:
    """Read until this request is answered with a result."""
    assert server.stdout
    while (answer := json.loads(server.stdout.readline())).get("id") != number:
        pass
    assert "result" in answer, answer


def resident_of(process: int) -> float:
    """What it holds of the memory, where the system tells."""
    try:
        told = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    found = re.search(r"VmRSS:\s+(\d+)", told)
    return int(found[1]) / MIB if found else 0


def main(runs: int) -> int:
    starts: dict[str, list[Start]] = {name: [] for name in COMMANDS}
    for number in range(runs + 1):
        for name, command in COMMANDS.items():
            one = started(command)
            if number:  # the first round warms the caches
                starts[name].append(one)
    medians = {
        name: Start(
            *(statistics.median(getattr(one, what) for one in series) for what in ("listed", "resident", "called"))
        )
        for name, series in starts.items()
    }
    for name, one in medians.items():
        print(f"{name:14} listed {one.listed:5.0f} ms  {one.resident:4.1f} MiB  first call {one.called:5.0f} ms")
    return 0 if all(kept(medians)) else 1


def kept(medians: Mapping[str, Start]) -> list[bool]:
    """Whether each limit is kept."""
    ours, bare, interpreter = medians["flipsnack-mcp"], medians["bare server"], medians[INTERPRETER]
    limits = {
        "to the list, in ms": (ours.listed, 2 * interpreter.listed + 30),
        "to the list, of the bare server's time": (ours.listed / bare.listed, 0.1),
        "held before the first call, in MiB": (ours.resident, 18.0),
        "to the first call, of the time with the SDK at once": (ours.called / medians["SDK at once"].called, 1.05),
    }
    for name, (figure, limit) in limits.items():
        print(f"{name}: {figure:.2f}, at most {limit:.2f}")
    return [figure <= limit for figure, limit in limits.values()]


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 15))
