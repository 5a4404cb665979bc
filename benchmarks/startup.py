"""How long from starting the process to the answer of tools/list, beside a bare one-tool MCPServer, in turn.

python benchmarks/startup.py [runs]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time

BARE = """
from mcp.server import MCPServer
server = MCPServer("bare")
@server.tool()
def one(n: int) -> int:
    return n
server.run("stdio")
"""
COMMANDS = {"bare": [sys.executable, "-c", BARE], "flipsnack-mcp": [sys.executable, "-m", "flipsnack_mcp"]}
CLIENT = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "benchmark", "version": "1"}}
MESSAGES = (
    {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": CLIENT},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
)


def seconds_to_list(command: list[str]) -> float:
    """Spawn, shake hands, list."""
    started = time.perf_counter()
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=os.environ) as server:
        assert server.stdin
        assert server.stdout
        server.stdin.write(b"".join(json.dumps(one).encode() + b"\n" for one in MESSAGES))
        server.stdin.flush()
        answers = [json.loads(server.stdout.readline()) for _ in range(2)]
        took = time.perf_counter() - started
        assert answers[-1]["result"]["tools"]
        server.stdin.close()
    return took


def main(runs: int) -> None:
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(runs + 1):
        for name, command in COMMANDS.items():
            took = seconds_to_list(command)
            if number:  # the first round warms the caches
                times[name].append(took * 1000)
    for name, series in times.items():
        print(f"{name:14} median {statistics.median(series):4.0f} ms, min {min(series):4.0f} ms, {runs} runs")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 11)
