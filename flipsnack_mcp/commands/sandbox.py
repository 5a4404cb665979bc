"""`flipsnack-mcp sandbox`: the imitation Flipsnack over HTTP, for anybody's tests."""

import json
import sys

import anyio

from flipsnack_mcp.commands import say
from flipsnack_mcp.commands.connecting import SANDBOX_KEY, SANDBOX_SECRET
from flipsnack_mcp.sandbox import Pace, Sandbox
from flipsnack_mcp.sandbox.serving import serve

HOST = "127.0.0.1"


def sandbox(port: int, account: str, pace: Pace) -> int:
    """Serve until interrupted; the first line on stdout says where and with which credentials."""
    imitation = Sandbox(api_key=SANDBOX_KEY, api_secret=SANDBOX_SECRET, account=account, pace=pace)
    try:
        # The first line is JSON.
        anyio.run(serve, imitation, HOST, port, lambda where: say(json.dumps(where)))
    except OSError:
        sys.stderr.write(f"flipsnack-mcp: port {port} is in use; name another one, or none to get a free one\n")
        return 1
    return 0


def pace_of(calls_per_minute: int, conversion_seconds: float, package_seconds: float) -> Pace:
    """How fast it works; it takes a twelfth of a minute's calls in a second, as Flipsnack does, and never fewer than that."""
    a_second = calls_per_minute and max(Pace.calls_per_second, -(-calls_per_minute // 12))
    return Pace(conversion_seconds, package_seconds, calls_per_second=a_second, calls_per_minute=calls_per_minute)
