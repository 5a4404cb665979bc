"""The client over a real connection, on the real clock: what no in-memory transport shows."""

import logging
from collections.abc import AsyncIterator

import anyio
import httpx2
import pytest
from anyio.abc import TaskStatus
from typing_extensions import override

from flipsnack_mcp.api import retry
from flipsnack_mcp.api.actions.collections import DeleteCollection, GetCollection, ListCollections
from flipsnack_mcp.api.actions.legacy import AddFlipbook
from flipsnack_mcp.api.actions.publishing import CreateCollection
from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.errors import Changed, FlipsnackError, LookTooOldError, UnreachableError
from flipsnack_mcp.api.exchange import Terms
from flipsnack_mcp.api.network import Roads
from flipsnack_mcp.api.pace import BudgetInMemory, Pacer
from flipsnack_mcp.api.wire import encode
from flipsnack_mcp.sandbox import Fault, Pace, Sandbox
from flipsnack_mcp.sandbox.serving import serve
from tests.api.asking import KEY, SECRET, Paper, error_of


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox(api_key=KEY, api_secret=SECRET, pace=Pace(calls_per_second=0, calls_per_minute=0))


@pytest.fixture
async def flipsnack(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Flipsnack]:
    monkeypatch.setattr(retry, "pause_before", lambda *_: 0.0)  # how long it waits is seen on a virtual clock

    async def served(*, task_status: TaskStatus[dict[str, str]]) -> None:
        await serve(sandbox, "127.0.0.1", 0, task_status.started)

    async with anyio.create_task_group() as group:
        at = await group.start(served)
        async with Flipsnack(Access(KEY, SECRET, at["api_url"], at["upload_url"]), Pacer(BudgetInMemory())) as client:
            with anyio.fail_after(60):
                yield client
        group.cancel_scope.cancel()


async def test_nothing_is_ever_logged(sandbox: Sandbox, flipsnack: Flipsnack, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("", "httpx2", "httpcore2", "uvicorn", "asyncio"):
        caplog.set_level(logging.DEBUG, name)
    signature = encode(ListCollections(), KEY, SECRET)["signature"]
    sandbox.add_fault(Fault("reset"))
    await flipsnack.send(ListCollections())
    await flipsnack.send(CreateCollection(title="T"), Paper())
    assert [one.code for one in sandbox.requests] == [0, 20, 20]
    assert not any(secret in caplog.text for secret in (KEY, SECRET, signature, "signature="))


@pytest.mark.parametrize("kind", ["reset", "cut", "garbled", "huge"])
async def test_a_read_survives_a_lost_or_endless_answer_and_a_deletion_is_sent_once(
    kind: str, sandbox: Sandbox, flipsnack: Flipsnack
) -> None:
    target = next(iter(sandbox.account.collections))
    sandbox.add_fault(Fault(kind, phase="after"))
    found = await flipsnack.send(GetCollection(collection_hash=target))
    assert found.collection_hash == target
    assert "padding" not in found.extra
    assert len(sandbox.requests) == 2
    sandbox.add_fault(Fault(kind, phase="after"))
    error = await error_of(flipsnack.send(DeleteCollection(collection_hash=target)), FlipsnackError)
    assert len(sandbox.requests) == 3
    assert len(sandbox.carried_out("collection.deleteCollection")) == 1
    assert isinstance(error, UnreachableError) is (kind in {"reset", "cut"})
    assert error.changed is Changed.PERHAPS


async def test_several_megabytes_arrive_whole_also_at_the_second_try(sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    paper = Paper(content=b"%PDF-1.7\n" + bytes(5_000_000), piece=65_536)
    sandbox.add_fault(Fault("per_second"))
    await flipsnack.send(CreateCollection(title="Été"), paper)
    first, second = (one.file for one in sandbox.requests)
    assert first == second
    assert second is not None
    assert second["size"] == paper.size


async def test_a_hanging_answer_ends_with_the_calls_time(sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    await flipsnack.send(ListCollections())  # opens what a busy machine takes its time to open
    sandbox.add_fault(Fault("hang", phase="after"))
    sending = flipsnack.send(CreateCollection(title="T"), Paper(), Terms(deadline=anyio.current_time() + 1.0))
    error = await error_of(sending, UnreachableError)
    assert [one.action for one in sandbox.requests[1:]] == ["collection.create"]
    assert error.changed is Changed.PERHAPS


async def test_nobody_at_home_changed_nothing() -> None:
    nowhere = "http://127.0.0.1:9/v1/"
    async with Flipsnack(Access(KEY, SECRET, nowhere, nowhere), Pacer(BudgetInMemory())) as flipsnack:
        assert not flipsnack.http.is_closed  # opened now, not within the call's time
        terms = Terms(deadline=anyio.current_time() + 0.4)
        error = await error_of(flipsnack.send(DeleteCollection(collection_hash="x"), terms=terms), UnreachableError)
    assert error.changed is Changed.NOTHING


class SlowToOpen(Roads):
    """A network in which it takes so long until a connection is there."""

    seconds = 0.0

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await anyio.sleep(self.seconds)
        return await super().handle_async_request(request)


@pytest.mark.parametrize(("seconds", "leaves"), [(0.0, True), (0.4, False)])
@pytest.mark.parametrize("upload", [False, True])
async def test_a_request_that_cannot_leave_in_time_does_not_leave(
    sandbox: Sandbox, flipsnack: Flipsnack, seconds: float, *, leaves: bool, upload: bool
) -> None:
    slow, target = SlowToOpen(), next(iter(sandbox.account.collections))
    flipsnack._transport = lambda: slow
    await flipsnack.send(ListCollections())
    slow.seconds = seconds
    action = AddFlipbook(collection_hash=target) if upload else DeleteCollection(collection_hash=target)
    terms = Terms(leave_by=anyio.current_time() + (60 if leaves else 0.2))
    sending = flipsnack.send(action, Paper() if upload else None, terms)
    if leaves:
        await sending
    else:
        assert (await error_of(sending, LookTooOldError)).changed is Changed.NOTHING
    assert len(sandbox.carried_out(action.api_name)) == len(sandbox.requests) - 1 == leaves
