"""The other end of `transfers.py`: a sandbox in a process of its own that takes the time of every transfer.

It answers at two ports. At one the sandbox itself receives, multipart parser and all, and throws the files away. At the
other, which is fast enough to show the sender's own speed, the body of an upload is read and thrown away and the sandbox
gets the same form with a small file in its place; a package goes out by sendfile.

python benchmarks/receiver.py PACKAGE.zip   prints one line of JSON; GET /_benchmark/times gives and forgets the times.
"""

from __future__ import annotations

import http.client
import json
import socket
import sys
import time
from pathlib import Path
from threading import Thread

import anyio
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flipsnack_mcp.sandbox import Sandbox
from flipsnack_mcp.sandbox.pace import Pace
from flipsnack_mcp.sandbox.serving import serve

HOST = "127.0.0.1"
PIECE = 1024 * 1024
SMALL = b"%PDF-1.7\n<< /Type /Page >>\n%%EOF\n"
PACE = Pace(
    conversion_seconds=0.0,
    package_seconds=0.0,
    calls_per_second=0,
    calls_per_minute=0,
    max_file_bytes=0,
    uploads_left=10_000,
    keep_uploads=False,
)
PASSED_ON = b"x-passed-on"
"""The header of what comes from the fast port, where it was timed already."""
TIMES: list[float] = []
"""Seconds from the first byte of a body to the answer, or from the request for a package to its last byte."""


class Timed:
    """The sandbox's application with the large package behind its links."""

    def __init__(self, app: ASGIApp, package: Path) -> None:
        self._app, self._package = app, package

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path == "/_benchmark/times":
            await JSONResponse(taken())(scope, receive, send)
        elif path.startswith("/_packages/"):
            await self._send_package(send)
        elif scope.get("method") == "POST" and PASSED_ON not in dict(scope["headers"]):
            await self._receive(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _receive(self, scope: Scope, receive: Receive, send: Send) -> None:
        started: list[float] = []

        async def received() -> Message:
            message = await receive()
            if message.get("body") and not started:
                started.append(time.perf_counter())
            return message

        await self._app(scope, received, send)
        if started:
            TIMES.append(time.perf_counter() - started[0])

    async def _send_package(self, send: Send) -> None:
        started = time.perf_counter()
        size = self._package.stat().st_size
        headers = [(b"content-type", b"application/zip"), (b"content-length", b"%d" % size)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        with self._package.open("rb") as file:
            while piece := file.read(PIECE):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        TIMES.append(time.perf_counter() - started)


def taken() -> list[float]:
    """The times since the last question."""
    times = TIMES.copy()
    TIMES.clear()
    return times


class Bare:
    """One connection to the fast port. Everything but the bytes of a transfer is asked of the sandbox."""

    def __init__(self, connection: socket.socket, sandbox: int, package: Path) -> None:
        self._connection, self._sandbox, self._package = connection, sandbox, package
        self._buffer = bytearray(PIECE)

    def serve(self) -> None:
        with self._connection:
            while request := self._head():
                target, headers, start = request
                if target.startswith("/_packages/"):
                    self._send_package()
                    return
                self._answer(target, headers, start)

    def _head(self) -> tuple[str, dict[str, str], bytes] | None:
        """The request's target, its headers, and what of its body came along."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self._connection.recv(65536)
            if not piece:
                return None
            data += piece
        head, _, start = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return first.split(" ")[1], headers, start

    def _answer(self, target: str, headers: dict[str, str], start: bytes) -> None:
        length = int(headers.get("content-length", "0"))
        began, form = self._thrown_away(length, start, expected="expect" in headers) if length else (0.0, b"")
        asked = http.client.HTTPConnection(HOST, self._sandbox)
        passed_on = {
            "Host": headers["host"],
            PASSED_ON.decode(): "1",
            **({"Content-Type": headers["content-type"]} if length else {}),
        }
        asked.request("POST" if length else "GET", target, form, passed_on)
        answer = asked.getresponse()
        body = answer.read()
        asked.close()
        type_ = answer.getheader("content-type", "")
        head = f"HTTP/1.1 {answer.status} \r\nContent-Type: {type_}\r\nContent-Length: {len(body)}\r\n\r\n"
        self._connection.sendall(head.encode() + body)
        if length:
            TIMES.append(time.perf_counter() - began)

    def _thrown_away(self, length: int, start: bytes, *, expected: bool) -> tuple[float, bytes]:
        """When the first byte came, and the form with a small file in the place of the large one."""
        if expected and not start:
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        start = start or self._connection.recv(65536)
        began = time.perf_counter()
        while b"\r\n\r\n%PDF-" not in start:
            start += self._connection.recv(65536)
        left = length - len(start)
        while left:
            left -= self._connection.recv_into(self._buffer, min(PIECE, left))
        fields = start[: start.index(b"\r\n\r\n%PDF-")]
        boundary = start[: start.index(b"\r\n")]
        return began, fields + b"\r\n\r\n" + SMALL + b"\r\n" + boundary + b"--\r\n"

    def _send_package(self) -> None:
        began = time.perf_counter()
        size = self._package.stat().st_size
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
        )
        with self._package.open("rb") as file:
            self._connection.sendall(head.encode())
            self._connection.sendfile(file)
        self._connection.recv(1)  # the other side closes when it has read everything: nothing is left in buffers
        TIMES.append(time.perf_counter() - began)


def accept(listener: socket.socket, sandbox: int, package: Path) -> None:
    """Serve every connection to the fast port in a thread."""
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        Thread(target=Bare(connection, sandbox, package).serve, daemon=True).start()


def main(package: Path) -> None:
    sandbox = Sandbox(pace=PACE)
    sandbox.app = Timed(sandbox.app, package)  # type: ignore[assignment]  # it is only ever called
    listener = socket.create_server((HOST, 0))

    def ready(where: dict[str, str]) -> None:
        port = int(where["api_url"].split(":")[2].split("/")[0])
        Thread(target=accept, args=(listener, port, package), daemon=True).start()
        ports = {"sandbox": f"http://{HOST}:{port}", "bare": f"http://{HOST}:{listener.getsockname()[1]}"}
        print(json.dumps({**ports, "key": where["api_key"], "secret": where["api_secret"]}), flush=True)

    anyio.run(serve, sandbox, HOST, 0, ready)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
