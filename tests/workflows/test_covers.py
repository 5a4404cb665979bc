"""A picture comes off a real connection whole and not too large, or it is said what came instead."""

import asyncio
import contextlib
import gzip
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest

from flipsnack_mcp.api import Access, BudgetInMemory, Flipsnack, Pacer
from flipsnack_mcp.api.actions.collections import ListCollections
from flipsnack_mcp.files import pictures
from flipsnack_mcp.files.pictures import MOST_FETCHED_BYTES, Picture, Unshowable
from flipsnack_mcp.sandbox import Sandbox
from flipsnack_mcp.sandbox.serving import serve
from flipsnack_mcp.workflows import covers
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.covers import COVER_SECONDS, fetch_cover
from tests.api.asking import KEY, SECRET
from tests.api.street import no_network_settings
from tests.files.paintings import painted

PICTURE = painted()
MEGABYTE = b"x" * 1024**2
Steps = list[Any]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the end matters and not the time: a test machine may be busy."""
    no_network_settings(monkeypatch)
    monkeypatch.setattr(pictures, "MAKING_SECONDS", 60.0)
    monkeypatch.setattr(covers, "COVER_SECONDS", 60.0)


@dataclass
class Host:
    """A host of pictures, and what it was asked and could say."""

    port: int = 0
    asked: list[bytes] = field(default_factory=list[bytes])
    sent: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/collections/items/1/covers/page_1/thumb?signature=CANARY"


@asynccontextmanager
async def host(*steps: bytes | float) -> AsyncIterator[Host]:
    """Somebody who answers each request in these steps, and waits where a number stands until the other side leaves."""
    one = Host()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            one.asked.append(await reader.readuntil(b"\r\n\r\n"))
            for step in steps:
                if isinstance(step, float):
                    await reader.read()
                    break
                writer.write(step)
                await writer.drain()
                one.sent += len(step)
        one.left.set()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        one.port = server.sockets[0].getsockname()[1]
        yield one


async def shown(there: Host) -> Picture | str:
    """The picture at this host, or why there is none."""
    access = Access("KEY-CANARY", "SECRET-CANARY", f"http://127.0.0.1:{there.port}/v1/")
    async with Flipsnack(access, Pacer(BudgetInMemory())) as flipsnack:
        try:
            with anyio.fail_after(30):
                return await fetch_cover(CallContext(flipsnack), there.address, ())
        except Unshowable as error:
            return str(error)


def answer(body: bytes, *heads: str, status: str = "200 OK", length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *heads]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ENDLESS = b"HTTP/1.1 200 OK\r\n\r\n"
BROKEN, LARGE = "its host broke off the connection", "it has more than 5 MB"
NO_PICTURE = "what is there is no picture, or a damaged one"
HELD = 1.0
GOOD: dict[str, Steps] = {
    "announced": [answer(PICTURE)],
    "in-chunks": [CHUNKED, b"%x\r\n%b\r\n0\r\n\r\n" % (len(PICTURE), PICTURE)],
    "until-the-end": [ENDLESS + PICTURE],
    "byte-by-byte": [answer(b"", length=len(PICTURE)), *(PICTURE[at : at + 1] for at in range(len(PICTURE)))],
    "more-than-announced": [answer(PICTURE + MEGABYTE, length=len(PICTURE))],
    "as-another-kind": [answer(PICTURE, "Content-Type: text/html")],
    "with-a-cookie": [answer(PICTURE, "Set-Cookie: who=you; Path=/")],
}


AS_IT_IS = """
import sys
from flipsnack_mcp.files.apart.inside import answer_about
answer_about(lambda file: ("image/png", file.read()), *sys.argv[1:])
"""


@pytest.mark.parametrize("name", GOOD)
async def test_a_picture_comes_however_it_is_sent(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "maker.py").write_text(AS_IT_IS)
    monkeypatch.setattr(pictures, "MAKER", tmp_path / "maker.py")
    async with host(*GOOD[name]) as there:
        assert await shown(there) == Picture(PICTURE, "image/png")


BAD: dict[str, tuple[Steps, str]] = {
    **{
        f"redirect-{status}": ([answer(b"", "Location: http://127.0.0.1:1/", status=f"{status} See")], f"its host answered with HTTP {status}")
        for status in (301, 302, 303, 307, 308)
    },
    **{f"status-{status}": ([answer(PICTURE, status=f"{status} X")], f"its host answered with HTTP {status}") for status in (204, 206, 403, 404, 500)},
    "announced-too-large": ([answer(b"", length=MOST_FETCHED_BYTES + 1), HELD], LARGE),
    "announced-beyond-all": ([answer(b"", length=10**19), HELD], LARGE),
    "too-large-in-chunks": ([CHUNKED, *[b"100000\r\n" + MEGABYTE + b"\r\n"] * 400], LARGE),
    "too-large-without-an-end": ([ENDLESS, *[MEGABYTE] * 400], LARGE),
    "less-than-announced": ([answer(PICTURE[:99], length=len(PICTURE))], BROKEN),
    "half-of-it": ([answer(PICTURE[:-30])], NO_PICTURE),
    "packed-on-the-way": ([answer(gzip.compress(PICTURE), "Content-Encoding: gzip")], NO_PICTURE),
    "bomb-on-the-way": ([answer(gzip.compress(bytes(10**7)), "Content-Encoding: gzip")], NO_PICTURE),
    "nothing": ([answer(b"")], NO_PICTURE),
    "html": ([answer(b"<html>Sign in", "Content-Type: image/png")], NO_PICTURE),
    "no-http": ([b"220 mail.example ESMTP\r\n"], BROKEN),
    "two-lengths": ([answer(PICTURE, "Content-Length: 7")], BROKEN),
    "hangs-up": ([], BROKEN),
    "endless-head": ([b"HTTP/1.1 200 OK\r\n", *[b"X-A: " + b"a" * 1000 + b"\r\n"] * 2000], BROKEN),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
async def test_what_comes_instead_is_said_without_its_address(name: str, caplog: pytest.LogCaptureFixture) -> None:
    steps, expected = BAD[name]
    caplog.set_level(logging.DEBUG)
    async with host(*steps) as there:
        assert await shown(there) == expected
        assert len(there.asked) == 1
        with anyio.fail_after(20):
            await there.left.wait()
        assert there.sent < 40 * 1024**2  # the rest was not waited for
    assert "CANARY" not in caplog.text


DRIPS: dict[str, Steps] = {
    "silent": [HELD],
    "head-alone": [answer(b"", length=len(PICTURE)), HELD],
    "half-a-head": [b"HTTP/1.1 200 OK\r\nX-A:", HELD],
    "half-of-it": [answer(PICTURE[:99], length=len(PICTURE)), HELD],
}


@pytest.mark.parametrize("name", DRIPS)
async def test_a_host_that_drips_is_left_after_five_seconds(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert COVER_SECONDS == 5.0
    monkeypatch.setattr(covers, "COVER_SECONDS", 0.3)
    async with host(*DRIPS[name]) as there:
        assert await shown(there) == "it did not come in time"
        with anyio.fail_after(10):
            await there.left.wait()


async def test_the_request_says_nothing_of_whose_it_is_and_no_cookie_comes_back() -> None:
    async with host(answer(PICTURE, "Set-Cookie: who=you; Path=/")) as there:
        access = Access("KEY-CANARY", "SECRET-CANARY", f"http://127.0.0.1:{there.port}/v1/")
        async with Flipsnack(access, Pacer(BudgetInMemory())) as flipsnack:
            for _ in range(2):
                await fetch_cover(CallContext(flipsnack), there.address, ())
    for asked in there.asked:
        names = {line.partition(b":")[0].lower() for line in asked.split(b"\r\n")[1:] if line}
        assert names == {b"host", b"accept", b"accept-encoding", b"connection", b"user-agent"}
        assert b"KEY" not in asked
        assert b"SECRET" not in asked
    assert len(there.asked) == 2


async def test_without_the_library_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "find_spec", lambda _: None)
    async with host(answer(PICTURE)) as there:
        assert "the extra `covers`" in str(await shown(there))
        assert there.asked == []


async def test_a_call_without_time_left_asks_nobody_for_long() -> None:
    async with host(HELD) as there:
        access = Access("KEY", "SECRET", f"http://127.0.0.1:{there.port}/v1/")
        async with Flipsnack(access, Pacer(BudgetInMemory())) as flipsnack:
            context = CallContext(flipsnack, deadline=anyio.current_time() + 1)
            with anyio.fail_after(20), pytest.raises(Unshowable, match="in time"):
                await fetch_cover(context, there.address, ())


async def test_the_cover_that_a_served_sandbox_names_is_its_own_and_costs_no_call() -> None:
    sandbox = Sandbox(api_key=KEY, api_secret=SECRET)
    addresses = dict[str, str]()
    ready = anyio.Event()

    def began(where: dict[str, str]) -> None:
        addresses.update(where)
        ready.set()

    async with anyio.create_task_group() as group:
        group.start_soon(serve, sandbox, "127.0.0.1", 0, began)
        await ready.wait()
        access = Access(KEY, SECRET, addresses["api_url"], addresses["upload_url"])
        async with Flipsnack(access, Pacer(BudgetInMemory())) as flipsnack:
            rows = (await flipsnack.send(ListCollections())).collections
            left, arrived = await flipsnack.calls_left(), len(sandbox.requests)
            shown = [
                await fetch_cover(CallContext(flipsnack), row.cover_image, ("files.flipsnack.net",)) for row in rows[:3]
            ]
            assert (await flipsnack.calls_left(), len(sandbox.requests)) == (left, arrived)
        group.cancel_scope.cancel()
    assert len({one.content for one in shown}) == 3
    assert {one.mime_type for one in shown} == {"image/png"}
