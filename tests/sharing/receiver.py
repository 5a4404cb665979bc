"""The other end: answers statistics and collections, keeps both sliding windows strictly, and writes every arrival down.

`python -m tests.sharing.receiver SCALE` prints its address; GET /arrivals gives what arrived. With a scale of 0.2 the
windows are a fifth of Flipsnack's, and so is the time it takes to answer. Not the sandbox: its windows are as long as
Flipsnack's, and an enforcer of its own shares no mistake with it.
"""

import asyncio
import json
import random
import sys
import time
from collections import deque
from typing import Any
from urllib.parse import parse_qs, urlsplit

LIMITS = ((31, 5, 1.0), (32, 60, 60.0))
SLOWEST = 0.1
BODIES = {
    "collection.getStats": {"impressions": 1, "views": 1, "time_spent": 1, "downloads": 0},
    "collection.getCollection": {"collectionTitle": "Offers", "collectionStatus": "public"},
}


class Receiver:
    """Counts every call, refused ones included."""

    def __init__(self, scale: float) -> None:
        self._slowest = SLOWEST * scale
        self._windows = [(code, n, window * scale, deque[float]()) for code, n, window in LIMITS]
        self._arrivals: list[dict[str, Any]] = []

    async def serve(self) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/\n")
        sys.stdout.flush()
        await server.serve_forever()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                body = json.dumps(await self._answer(head.split()[1].decode())).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, address: str) -> object:
        if address == "/arrivals":
            return self._arrivals
        at = time.monotonic()
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = self._code(at)
        self._arrivals.append({"at": at, "by": asked["collectionHash"], "action": asked["action"], "code": code})
        await asyncio.sleep(random.uniform(0, self._slowest))  # noqa: S311 - no secret
        return {"code": code, "status": "OK" if code == 20 else "too many", "data": BODIES[asked["action"]]}

    def _code(self, at: float) -> int:
        worst = 20
        for code, n, window, times in self._windows:
            while times and times[0] <= at - window:
                times.popleft()
            times.append(at)
            worst = code if len(times) > n else worst
        return worst


if __name__ == "__main__":
    asyncio.run(Receiver(float(sys.argv[1])).serve())
