"""`flipsnack-mcp sandbox`: the imitation Flipsnack over HTTP, for anybody's tests."""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import anyio
import httpx2

from flipsnack_mcp.api.network import is_loopback
from flipsnack_mcp.commands import say
from flipsnack_mcp.commands.connecting import SANDBOX_KEY, SANDBOX_SECRET
from flipsnack_mcp.sandbox import Hook, NoAnswer, Pace, Sandbox
from flipsnack_mcp.sandbox.serving import serve

HOST = "127.0.0.1"


def sandbox(port: int, account: str, pace: Pace, hook: str | None) -> int:
    """Serve until interrupted; the first line on stdout says where and with which credentials."""
    try:
        anyio.run(serve_imitation, port, account, pace, hook)
    except OSError:
        sys.stderr.write(f"flipsnack-mcp: port {port} is in use; name another one, or none to get a free one\n")
        return 1
    return 0


async def serve_imitation(port: int, account: str, pace: Pace, hook: str | None) -> None:
    """Serve, with a webhook if there is an address for one."""
    async with hooked(hook) as called:
        imitation = Sandbox(api_key=SANDBOX_KEY, api_secret=SANDBOX_SECRET, account=account, pace=pace, hook=called)
        # The first line is JSON.
        await serve(imitation, HOST, port, lambda where: say(json.dumps(where)))


@asynccontextmanager
async def hooked(url: str | None) -> AsyncIterator[Hook | None]:
    """The webhook at an address, if there is one. Redirects are answers like others, and how long is waited says it."""
    if url is None:
        yield None
        return
    here = is_loopback(urlsplit(url).hostname or "")
    unbounded = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx2.AsyncClient(
        timeout=None, limits=unbounded, trust_env=not here, verify=httpx2.create_ssl_context()
    ) as http:

        async def post(address: str, body: bytes) -> int:
            try:
                answer = await http.post(address, content=body, headers={"Content-Type": "application/json"})
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                raise NoAnswer(type(error).__name__) from None  # its text may hold the address
            return answer.status_code

        yield Hook(url, post)


def pace_of(
    calls_per_minute: int, conversion_seconds: float, package_seconds: float, retry_seconds: float = Pace.retry_seconds
) -> Pace:
    """How fast it works; it takes a twelfth of a minute's calls in a second, as Flipsnack does, and never fewer than that."""
    a_second = calls_per_minute and max(Pace.calls_per_second, -(-calls_per_minute // 12))
    return Pace(
        conversion_seconds,
        package_seconds,
        calls_per_second=a_second,
        calls_per_minute=calls_per_minute,
        retry_seconds=retry_seconds,
    )
