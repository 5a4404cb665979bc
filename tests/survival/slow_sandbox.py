"""A sandbox in a process of its own that takes its time and tells how far each transfer is.

`python tests/survival/slow_sandbox.py PACKAGES PACKAGE.zip` makes so many collections to download; the file is what all
their packages are. Prints one line of JSON; GET /_survival/seen tells what was seen of every title.
"""

import json
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import parse_qs

import anyio
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flipsnack_mcp.sandbox import Sandbox
from flipsnack_mcp.sandbox.pace import Pace
from flipsnack_mcp.sandbox.serving import serve

PACE = Pace(conversion_seconds=0.3, package_seconds=0.4, calls_per_second=0, calls_per_minute=0, uploads_left=100_000)
QUESTION, PIECE, ANSWER = 0.08, 0.01, 0.15
"""Seconds before a question is answered, between two pieces of a transfer, and before an upload is answered."""
SENT_AT_ONCE = 64 * 1024
TITLE = re.compile(rb'name="title"\r\n\r\n(.*?)\r\n')


@dataclass
class Seen:
    """What was seen of one document or package."""

    received: int = 0
    whole: bool = False
    answered: bool = False
    over: bool = False
    listed: bool = False
    asked: bool = False
    fetched: bool = False
    sent_all: bool = False


class Slow:
    """The sandbox's application, slowed down and watched."""

    def __init__(self, app: ASGIApp, package: bytes) -> None:
        self._app, self._package = app, package
        self._seen: dict[str, Seen] = {}

    def of(self, title: str) -> Seen:
        return self._seen.setdefault(title, Seen())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path == "/_survival/seen":
            await JSONResponse({title: asdict(one) for title, one in self._seen.items()})(scope, receive, send)
        elif path.startswith("/_packages/"):
            await self._send_package(path, send)
        elif scope.get("method") == "POST":
            await self._receive(scope, receive, send)
        else:
            await self._question(scope, receive, send)

    async def _question(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/v1/":
            asked = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
            if asked.get("action") == "collection.getList" and "query" in asked:
                self.of(asked["query"]).listed = True
            if asked.get("action") == "collection.downloadHTML":
                self.of(asked["collectionHash"]).asked = True
            await anyio.sleep(QUESTION)
        await self._app(scope, receive, send)

    async def _receive(self, scope: Scope, receive: Receive, send: Send) -> None:
        start, seen = b"", Seen()

        async def received() -> Message:
            nonlocal start, seen
            message = await receive()
            body = message.get("body", b"")
            if not seen.received:
                start += body
                if found := TITLE.search(start):
                    seen = self.of(found[1].decode())
            seen.received += len(body)
            seen.whole = message["type"] == "http.request" and not message.get("more_body", False)
            await anyio.sleep(ANSWER if seen.whole else PIECE)
            return message

        try:
            await self._app(scope, received, send)
            seen.answered = seen.whole
        finally:
            seen.over = True

    async def _send_package(self, path: str, send: Send) -> None:
        seen = self.of(path.rpartition("/")[2].removesuffix(".zip"))
        seen.fetched, seen.sent_all = True, False
        headers = [(b"content-type", b"application/zip"), (b"content-length", b"%d" % len(self._package))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for place in range(0, len(self._package), SENT_AT_ONCE):
            piece, more = self._package[place : place + SENT_AT_ONCE], place + SENT_AT_ONCE < len(self._package)
            await send({"type": "http.response.body", "body": piece, "more_body": more})
            await anyio.sleep(PIECE)
        seen.sent_all = True


def main(packages: int, package: Path) -> None:
    sandbox = Sandbox(pace=PACE, account="empty")
    for number in range(packages):
        sandbox.account.add(title=f"package{number}", collection_hash=f"package{number}", created_at=1_700_000_000)
    sandbox.app = Slow(sandbox.app, package.read_bytes())  # type: ignore[assignment]  # it is only ever called
    anyio.run(serve, sandbox, "127.0.0.1", 0, lambda where: print(json.dumps(where), flush=True))  # noqa: T201 - the line


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
