"""How long other calls stand still while an answer of eight megabytes is read, for fourteen hostile shapes.

python benchmarks/huge_answers.py

One task asks for the answer, another asks for tools/list again and again; the longest time that one of these took is
the stall. 0.2 s are allowed, of this process's own time: what other programs take of a busy machine is shown beside it
and not counted. Client, server and Flipsnack share one process here, so nothing is left out.
"""

import gzip
import resource
import sys
import time
from collections.abc import Iterator
from typing import Any

import anyio
import anyio.lowlevel
import httpx2
from mcp import Client
from typing_extensions import override

from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.pace import BudgetInMemory, Pacer
from flipsnack_mcp.server.server import build_server
from flipsnack_mcp.settings import Settings

SIZE = 8 * 1024 * 1024 - 1024
ALLOWED = 0.2
PAUSE = 0.002
"""Seconds between two of the other calls."""
HASH = {"collection_hash": "fxh4k89"}
SETTINGS = Settings("KEY-1234-567", "SECRET-1234-567-890", state="memory:")


def full(head: str, piece: str, tail: str) -> bytes:
    """As many pieces as fit."""
    return (head + piece * ((SIZE - len(head) - len(tail)) // len(piece)) + tail).encode()


def shapes() -> Iterator[tuple[str, str, dict[str, str], bytes]]:
    """What it is, the tool that is called, and the answer it gets."""
    rows, listed = '{"code":20,"data":{"collections":[', "list_collections"
    yield "2.7 million empty rows", listed, {}, full(rows, "{},", "{}]}}")
    yield "200,000 empty rows", listed, {}, (rows + "{}," * 199_999 + "{}]}}").encode()
    yield (
        "160,000 rows of names",
        listed,
        {},
        full(rows, '{"collectionHash":"a","collectionTitle":"b c d e"},', "{}]}}"),
    )
    yield "empty lists", listed, {}, full(rows, "[],", "[]]}}")
    yield "lists in lists", listed, {}, full(rows, "[[]],", "[]]}}")
    yield "numbers", listed, {}, full(rows, "0,", "0]}}")
    yield "550,000 items", "get_collection", HASH, full('{"code":20,"data":{"i":[', '{"status":"a"},', "{}]}}")
    yield (
        "100,000 items",
        "get_collection",
        HASH,
        full('{"code":20,"data":{"i":[', '{"status":"%s"},' % ("a" * 66), "{}]}}"),
    )
    yield (
        "390,000 pages",
        "get_collection_stats",
        HASH,
        full('{"code":20,"data":{"pages":[', '{"page":1,"views":2},', "{}]}}"),
    )
    yield (
        "a form of 200,000 answers",
        "get_lead_form_sample",
        {},
        full('{"code":20,"data":{"a":[', '"%s",' % ("v" * 40), '""]}}'),
    )
    names = ",".join(f'"name number {number:08}":"value"' for number in range(240_000))
    yield "240,000 names", "get_collection", HASH, f'{{"code":20,"data":{{{names}}}}}'.encode()
    yield (
        "names with escapes",
        "get_collection",
        HASH,
        f'{{"code":20,"data":{{{names}}}}}'.replace("name", "\\u006eame").encode()[:SIZE],
    )
    yield "one long text", "get_collection", HASH, full('{"code":20,"data":{"collectionTitle":"', "a", '"}}')
    yield (
        "one long text in escapes",
        "get_collection",
        HASH,
        full('{"code":20,"data":{"collectionTitle":"', "\\u00e9", '"}}'),
    )
    yield "a long embed code", "get_embed_code", HASH, full('{"code":20,"data":{"embedCode":"', "< ", '"}}')
    yield (
        "a long link",
        "download_collection_html",
        HASH,
        full('{"code":20,"data":{"status":"COMPLETE","resourceUrl":"https://', "é.", 'com"}}')[:SIZE],
    )
    yield "a long message", "get_user_stats", {}, full('{"code":30,"status":"', "apikey", '","data":{}}')
    yield "deep", "get_user_stats", {}, full('{"code":20,"data":', "[", "")
    yield "no JSON", "get_user_stats", {}, full("", "<p>", "")


class Says(httpx2.AsyncBaseTransport):
    """A Flipsnack that says one thing."""

    def __init__(self, body: bytes, headers: dict[str, str]) -> None:
        self._body, self._headers = body, headers

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, stream=Pieces(self._body), headers=self._headers, request=request)


class Pieces(httpx2.AsyncByteStream):
    """A body as a socket gives it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    @override
    async def __aiter__(self) -> Any:
        for start in range(0, len(self._body), 65_536):
            await anyio.lowlevel.checkpoint()
            yield self._body[start : start + 65_536]


async def stall(
    tool: str, arguments: dict[str, str], body: bytes, headers: dict[str, str]
) -> tuple[float, float, float, str]:
    """The longest tools/list by the time of this process and on the wall, how long the call itself took, and what it said."""

    def connect(_: Settings) -> Flipsnack:
        return Flipsnack(
            Access("KEY-1234-567", "SECRET-1234-567-890"), Pacer(BudgetInMemory()), lambda: Says(body, headers)
        )

    longest, on_the_wall = 0.0, 0.0
    async with Client(build_server(SETTINGS, connect), read_timeout_seconds=900) as client:
        await client.call_tool("get_upload", {})  # whatever is imported at the first call is imported now

        async def others() -> None:
            nonlocal longest, on_the_wall
            while True:
                # The pause counts as well: a call that was about to be made stands still like one that was made.
                began, spent = time.perf_counter(), time.process_time()
                await anyio.sleep(PAUSE)
                await client.list_tools()
                longest = max(longest, time.process_time() - spent)
                on_the_wall = max(on_the_wall, time.perf_counter() - began - PAUSE)

        async with anyio.create_task_group() as group:
            group.start_soon(others)
            await anyio.sleep(0.1)
            began, longest, on_the_wall = time.perf_counter(), 0.0, 0.0
            result = await client.call_tool(tool, arguments)
            took = time.perf_counter() - began
            await anyio.sleep(0.05)  # so that the call that stood still is counted
            group.cancel_scope.cancel()
        said = getattr(result.content[0], "text", "")
    return longest, on_the_wall, took, " ".join(said.split())[:70]


def main() -> None:
    """Measure all shapes, each twice: as it is, and packed."""
    only = sys.argv[1:]
    print(f"{'shape':28} {'MB':>5} {'stall s':>8} {'wall s':>7} {'call s':>7}  peak MB  answer")
    worst = 0.0
    for name, tool, arguments, body in shapes():
        if only and name not in only:
            continue
        for packed in (False, True):
            sent = gzip.compress(body) if packed else body
            headers = {"content-encoding": "gzip"} if packed else {}
            longest, wall, took, said = anyio.run(stall, tool, arguments, sent, headers)
            worst = max(worst, longest)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            shown = f"{name}{', packed' if packed else ''}"
            print(
                f"{shown:28.28} {len(body) / 1e6:5.1f} {longest:8.3f} {wall:7.3f} {took:7.2f} {peak:8.0f}  {said}",
                flush=True,
            )
    print(f"longest stall: {worst:.3f} s ({ALLOWED} allowed)")
    sys.exit(worst > ALLOWED)


if __name__ == "__main__":
    main()
