"""The sandbox over a real socket."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import anyio
import httpx2
import pytest

from flipsnack_mcp.sandbox import Fault, Sandbox
from flipsnack_mcp.sandbox.serving import listener_at, serve
from tests.listening import NO_TLS
from tests.sandbox.calling import Caller


@asynccontextmanager
async def served(sandbox: Sandbox) -> AsyncIterator[Caller]:
    addresses: dict[str, str] = {}
    accepting = anyio.Event()

    def ready(told: dict[str, str]) -> None:
        addresses.update(told)
        accepting.set()

    async with anyio.create_task_group() as group, httpx2.AsyncClient(timeout=30, verify=NO_TLS) as http:
        group.start_soon(partial(serve, sandbox, "127.0.0.1", 0, ready))
        await accepting.wait()
        assert (addresses["api_key"], addresses["api_secret"]) == (sandbox.api_key, sandbox.api_secret)
        caller = Caller(sandbox, http)
        caller.api, caller.upload = addresses["api_url"], addresses["upload_url"]
        yield caller
        group.cancel_scope.cancel()


async def test_a_served_sandbox_creates_packages_and_hands_out(sandbox: Sandbox) -> None:
    async with served(sandbox) as caller:
        made = sandbox.account.collections[(await caller.created())["collectionHash"]]
        made.items[0].ready_at, made.packaging = 0, None
        await caller.data("collection.downloadHTML", collectionHash=made.hash)
        assert made.packaging is not None
        made.packaging = type(made.packaging)(ready_at=0)
        link = await caller.data("collection.downloadHTML", collectionHash=made.hash)
        assert link["resourceUrl"].startswith(caller.api.removesuffix("/v1/"))
        assert (await caller.http.get(link["resourceUrl"])).content.startswith(b"PK")


@pytest.mark.parametrize("fault", [Fault("cut"), Fault("reset"), Fault("reset", phase="after")])
async def test_a_broken_connection_is_a_transport_error(sandbox: Sandbox, fault: Fault) -> None:
    async with served(sandbox) as caller:
        sandbox.add_fault(fault)
        with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
            await caller.raw("user.getStats")
        assert await caller.code("user.getStats") == 20


async def test_a_hanging_request_does_not_keep_the_server_alive(sandbox: Sandbox) -> None:
    with anyio.fail_after(60):
        async with served(sandbox) as caller:
            sandbox.add_fault(Fault("hang"))
            patience = httpx2.Timeout(30, read=0.1)
            with pytest.raises(httpx2.ReadTimeout):
                await caller.http.get(caller.api, params={"action": "user.getStats"}, timeout=patience)
            assert await caller.code("user.getStats") == 20


async def test_a_taken_port_is_an_error(sandbox: Sandbox) -> None:
    async with served(sandbox) as caller:
        port = httpx2.URL(caller.api).port
        assert port is not None
        with pytest.raises(OSError, match=r"(?i)address"):
            await serve(sandbox, "127.0.0.1", port, lambda _: None)


def test_no_answer_on_a_kept_connection_waits_for_an_acknowledgement() -> None:
    with listener_at("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
