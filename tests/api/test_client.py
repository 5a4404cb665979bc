"""The one client: what it sends again, what it never sends again, and what it says about it."""

import math
from collections.abc import Callable
from typing import Any

import anyio
import httpx2
import pytest

from flipsnack_mcp.api import errors
from flipsnack_mcp.api.action import Action
from flipsnack_mcp.api.actions import collections
from flipsnack_mcp.api.actions.legacy import AddFlipbook, DeleteLogo, SetLogo
from flipsnack_mcp.api.actions.packages import DownloadHtml
from flipsnack_mcp.api.actions.publishing import CreateCollection
from flipsnack_mcp.api.actions.statistics import GetUserStats
from flipsnack_mcp.api.client import Access, Flipsnack, Terms
from flipsnack_mcp.api.pace import BudgetInMemory, Pacer
from flipsnack_mcp.sandbox import Fault, Sandbox
from tests.api.asking import (
    KEY,
    SECRET,
    Failure,
    Line,
    Paper,
    Recorder,
    Unplugged,
    asking,
    damaged_tls,
    over,
    unlimited,
)

SPOILED = [
    pytest.param(Fault("cut"), id="cut"),
    pytest.param(Fault("garbled"), id="garbled"),
    pytest.param(Fault("reset", phase="before"), id="reset before"),
    pytest.param(Fault("reset", phase="after"), id="reset after"),
    pytest.param(Fault("http", http_status=502, body="<html>Bad gateway</html>"), id="502"),
    pytest.param(Fault("http", http_status=503, body='{"message": "Service unavailable"}'), id="503 with JSON"),
]
REFUSED = [
    pytest.param(Fault("maintenance"), id="22"),
    pytest.param(Fault("per_second"), id="31"),
    pytest.param(Fault("per_minute"), id="32"),
]
NEVER_LEFT = [httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout]
ON_ITS_WAY = [
    httpx2.ReadTimeout,
    httpx2.WriteTimeout,
    httpx2.WriteError,
    httpx2.RemoteProtocolError,
    httpx2.ReadError,
    damaged_tls,
]


def known(sandbox: Sandbox) -> str:
    return next(iter(sandbox.account.collections))


def two_flipbooks(sandbox: Sandbox) -> tuple[str, str]:
    found = next(one for one in sandbox.account.collections.values() if len(one.items) > 1)
    return found.hash, found.items[0].hash


Sending = tuple[Action[Any], Paper | None]
ONCE_ONLY: dict[str, Callable[[str, str], Sending]] = {
    "create": lambda _, __: (CreateCollection(title="New"), Paper()),
    "create by address": lambda _, __: (CreateCollection(title="New", file_url="https://example.com/a.pdf"), None),
    "delete": lambda one, _: (collections.DeleteCollection(collection_hash=one), None),
    "delete flipbook": lambda one, book: (collections.DeleteFlipbook(collection_hash=one, flipbook_hash=book), None),
    "add": lambda one, _: (AddFlipbook(collection_hash=one), Paper()),
    "logo": lambda one, _: (SetLogo(collection_hash=one, file_url="https://example.com/a.png"), None),
    "no logo": lambda one, _: (DeleteLogo(collection_hash=one), None),
}
each_once_only = pytest.mark.parametrize("which", ONCE_ONLY)


def once_only(sandbox: Sandbox, which: str) -> Sending:
    return ONCE_ONLY[which](*two_flipbooks(sandbox))


@pytest.mark.parametrize("fault", [*SPOILED, *REFUSED])
async def test_a_read_is_repeated_until_it_is_answered(fault: Fault, sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    sandbox.add_fault(fault)
    sandbox.add_fault(fault)

    found = await flipsnack.send(collections.ListCollections())

    assert found.total == len(sandbox.account.collections)
    assert len(sandbox.requests) == 3


@pytest.mark.parametrize("fault", [*SPOILED, *REFUSED])
@pytest.mark.parametrize("action", [collections.ListCollections(), GetUserStats(), DownloadHtml(collection_hash="x")])
async def test_a_read_is_tried_four_times_at_most(
    fault: Fault, action: Action[Any], flipsnack: Flipsnack, sandbox: Sandbox
) -> None:
    for _ in range(6):
        sandbox.add_fault(fault)
    if action.api_name == "collection.downloadHTML":
        action = DownloadHtml(collection_hash=known(sandbox))

    with pytest.raises(errors.FlipsnackError) as caught:
        await flipsnack.send(action)

    assert len(sandbox.requests) == 4
    assert caught.value.changed is errors.Changed.NOTHING


@pytest.mark.parametrize("error", [*NEVER_LEFT, *ON_ITS_WAY])
async def test_a_read_is_repeated_whatever_became_of_the_connection(error: Failure, sandbox: Sandbox) -> None:
    line = Unplugged(sandbox.app, error, 3)

    async with over(lambda: line) as flipsnack:
        await flipsnack.send(collections.ListCollections())

    assert line.tried == 4


@pytest.mark.parametrize("code", [30, 33, 34, 37, 38, 40, 41, 42, 43, 44, 46, 47, 99])
async def test_a_refusal_that_will_not_change_is_not_argued_with(
    code: int, sandbox: Sandbox, flipsnack: Flipsnack
) -> None:
    sandbox.add_fault(Fault("code", code=code, times=0))

    with pytest.raises(errors.RefusedError):
        await flipsnack.send(collections.ListCollections())

    assert len(sandbox.requests) == 1


async def test_a_32_that_is_the_quota_is_not_waited_for(sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    sandbox.add_fault(Fault("code", code=32, message="Uploads per month exceeded", times=0))

    with pytest.raises(errors.QuotaExceededError):
        await flipsnack.send(CreateCollection(), Paper())

    assert len(sandbox.requests) == 1


@each_once_only
@pytest.mark.parametrize("fault", SPOILED)
async def test_what_may_have_been_done_is_never_done_twice(
    which: str, fault: Fault, sandbox: Sandbox, flipsnack: Flipsnack
) -> None:
    action, document = once_only(sandbox, which)
    sandbox.add_fault(fault)

    with pytest.raises((errors.UnreachableError, errors.UnreadableAnswerError)) as caught:
        await flipsnack.send(action, document)

    assert len(sandbox.requests) == 1
    assert caught.value.changed is errors.Changed.PERHAPS
    assert "Do not simply repeat it." in str(caught.value)


@each_once_only
@pytest.mark.parametrize("error", ON_ITS_WAY)
async def test_what_was_on_its_way_is_never_sent_twice(which: str, error: Failure, sandbox: Sandbox) -> None:
    action, document = once_only(sandbox, which)
    line = Unplugged(sandbox.app, error, 9)

    async with over(lambda: line) as flipsnack:
        with pytest.raises(errors.UnreachableError) as caught:
            await flipsnack.send(action, document)

    assert line.tried == 1
    assert caught.value.changed is errors.Changed.PERHAPS


@each_once_only
@pytest.mark.parametrize("error", NEVER_LEFT)
async def test_what_never_left_is_sent_again(which: str, error: Failure, sandbox: Sandbox) -> None:
    action, document = once_only(sandbox, which)
    line = Unplugged(sandbox.app, error, 3)

    async with over(lambda: line) as flipsnack:
        await flipsnack.send(action, document)

    assert line.tried == 4
    assert len(sandbox.carried_out(action.api_name)) == 1


@each_once_only
@pytest.mark.parametrize("fault", REFUSED)
async def test_what_was_refused_is_sent_again_whole(
    which: str, fault: Fault, sandbox: Sandbox, flipsnack: Flipsnack
) -> None:
    action, document = once_only(sandbox, which)
    sandbox.add_fault(fault)
    sandbox.add_fault(fault)

    await flipsnack.send(action, document)

    assert len(sandbox.requests) == 3
    assert len(sandbox.carried_out(action.api_name)) == 1
    if document:
        files = [one.file for one in sandbox.requests]
        assert files[0] is not None
        assert files == [files[0]] * 3
        assert (files[0]["size"], files[0]["name"]) == (document.size, document.name)


@pytest.mark.parametrize("fault", [*SPOILED, *REFUSED])
async def test_an_update_is_repeated(fault: Fault, sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    sandbox.add_fault(fault)

    after = await flipsnack.send(collections.UpdateCollection(collection_hash=known(sandbox), title="New"))

    assert after.title == "New"
    assert len(sandbox.requests) == 2


LATER = [
    pytest.param(Fault("maintenance", times=3), id="22"),
    pytest.param(Fault("per_minute", times=3), id="32"),
    pytest.param(Fault("code", code=46), id="46"),
    pytest.param(Fault("code", code=41), id="41"),
]


@pytest.mark.parametrize("later", LATER)
async def test_a_later_refusal_does_not_hide_that_the_first_try_may_have_worked(
    later: Fault, sandbox: Sandbox, flipsnack: Flipsnack
) -> None:
    sandbox.add_fault(Fault("reset", phase="after"))
    sandbox.add_fault(later)

    with pytest.raises(errors.FlipsnackError) as caught:
        await flipsnack.send(collections.UpdateCollection(collection_hash=known(sandbox), title="New"))

    assert len(sandbox.carried_out("collection.update")) == 1
    assert caught.value.changed is errors.Changed.PERHAPS


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize(
    ("action", "changed", "sent"),
    [
        pytest.param(collections.ListCollections(), errors.Changed.NOTHING, 3, id="read"),
        pytest.param(
            collections.UpdateCollection(collection_hash="x", title="New"), errors.Changed.PERHAPS, 3, id="update"
        ),
        pytest.param(CreateCollection(title="New"), errors.Changed.PERHAPS, 1, id="create"),
    ],
)
async def test_an_answer_that_never_comes_ends_at_the_deadline(
    action: Action[Any], changed: errors.Changed, sent: int, phase: str, sandbox: Sandbox, flipsnack: Flipsnack
) -> None:
    if isinstance(action, collections.UpdateCollection):
        action = action.model_copy(update={"collection_hash": known(sandbox)})
    document = Paper() if action.uploads else None
    sandbox.add_fault(Fault("hang", phase=phase, times=0))
    start = anyio.current_time()

    with pytest.raises(errors.UnreachableError) as caught:
        await flipsnack.send(action, document, Terms(deadline=start + 45))

    assert anyio.current_time() - start == pytest.approx(45)
    assert len(sandbox.requests) == sent
    assert caught.value.changed is changed


async def test_nothing_is_tried_again_beyond_the_deadline(sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    sandbox.add_fault(Fault("maintenance", times=0))
    start = anyio.current_time()

    with pytest.raises(errors.MaintenanceError):
        await flipsnack.send(collections.ListCollections(), terms=Terms(deadline=start + 5))

    assert len(sandbox.requests) == 2
    assert anyio.current_time() < start + 5


async def test_a_call_whose_time_is_over_asks_nothing_and_changed_nothing(
    sandbox: Sandbox, flipsnack: Flipsnack
) -> None:
    terms = Terms(deadline=anyio.current_time() - 1)

    with pytest.raises(errors.FlipsnackError) as caught:
        await flipsnack.send(collections.DeleteCollection(collection_hash=known(sandbox)), terms=terms)

    assert sandbox.carried_out("collection.deleteCollection") == []
    assert caught.value.changed is errors.Changed.NOTHING


async def test_a_turn_that_comes_too_late_is_told_at_once() -> None:
    sandbox = unlimited()
    start = anyio.current_time()

    async with asking(sandbox.app) as flipsnack:
        async with anyio.create_task_group() as group:
            for _ in range(60):
                group.start_soon(flipsnack.send, collections.ListCollections())
        with pytest.raises(errors.OutOfTimeError, match=r"A turn comes in about \d+ seconds.") as caught:
            await flipsnack.send(CreateCollection(), Paper(), Terms(deadline=anyio.current_time() + 10))

    assert anyio.current_time() - start < 20
    assert len(sandbox.requests) == 60
    assert caught.value.changed is errors.Changed.NOTHING


async def test_a_real_limit_is_never_hit_by_our_own_calls() -> None:
    sandbox = unlimited(calls_per_second=5, calls_per_minute=60)

    async with asking(sandbox.app) as flipsnack, anyio.create_task_group() as group:
        for _ in range(130):
            group.start_soon(flipsnack.send, collections.ListCollections())

    assert {one.code for one in sandbox.requests} == {20}
    assert len(sandbox.requests) == 130


@pytest.mark.parametrize("kind", ["per_second", "per_minute"])
async def test_somebody_elses_calls_are_waited_for_and_told(kind: str, sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    sandbox.add_fault(Fault(kind))
    heard: list[tuple[str, float]] = []

    async def waits(why: str, seconds: float) -> None:
        heard.append((why, seconds))

    await flipsnack.send(collections.ListCollections(), terms=Terms(waits=waits))

    first, second = (one.at for one in sandbox.requests)
    assert second - first >= (1.0 if kind == "per_second" else 5.0)
    assert "another program uses the same key" in {why for why, _ in heard}


async def test_a_refusal_that_somebody_else_caused_lets_all_our_processes_pause(sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault("per_minute"))
    budget = BudgetInMemory()

    one, other = (asking(sandbox.app, budget=budget) for _ in range(2))
    async with one, other, anyio.create_task_group() as group:
        group.start_soon(one.send, collections.ListCollections())
        await anyio.sleep(1)
        group.start_soon(other.send, collections.ListCollections())

    first, *later = (each.at for each in sandbox.requests)
    assert len(later) == 2
    assert min(later) - first >= 5.0


async def test_when_others_use_up_the_key_for_good_the_error_says_so(sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    sandbox.add_fault(Fault("per_minute", times=0))

    with pytest.raises(errors.RateLimitedError, match="Another program uses the same key"):
        await flipsnack.send(collections.ListCollections(), terms=Terms(deadline=anyio.current_time() + 45))

    assert 2 <= len(sandbox.requests) <= 4


async def test_an_answer_without_end_is_cut_off(sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    sandbox.add_fault(Fault("huge"))

    with pytest.raises(errors.UnreadableAnswerError) as caught:
        await flipsnack.send(DeleteLogo(collection_hash=known(sandbox)))

    assert caught.value.changed is errors.Changed.PERHAPS


async def test_all_calls_share_one_pool_that_is_opened_at_the_first() -> None:
    sandbox, opened = unlimited(), list[Line]()

    def line() -> Line:
        opened.append(Line(sandbox.app))
        return opened[-1]

    async with over(line):
        pass  # nor is anything opened only to be closed
    async with over(line) as flipsnack:
        before = len(opened)
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(flipsnack.send, collections.ListCollections())
        pool = flipsnack.http
        await flipsnack.send(CreateCollection(), Paper())
        assert flipsnack.http is pool

    assert (before, len(opened)) == (0, 1)
    assert pool.is_closed


async def test_a_call_cancelled_on_its_way_leaves_the_budget_usable(sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    sandbox.add_fault(Fault("hang", times=5))

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(flipsnack.send, collections.ListCollections())
        await anyio.sleep(1)
        group.cancel_scope.cancel()
    start = anyio.current_time()
    await flipsnack.send(collections.ListCollections())

    assert anyio.current_time() - start < 4


async def test_a_document_wins_over_an_address(sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    created = await flipsnack.send(CreateCollection(file_url="https://example.com/a.pdf"), Paper(name="paper.pdf"))

    assert created.title == "paper"
    assert sandbox.requests[0].file is not None


@pytest.mark.parametrize("name", ['a"b.pdf', "a\r\nX: y.pdf", "Été 目录 🎉.pdf", "a\udce9.pdf", "a;b=c.pdf", ""])
async def test_no_file_name_breaks_the_form(name: str, sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    await flipsnack.send(CreateCollection(title="T"), Paper(name=name))

    assert sandbox.requests[0].code == 20
    assert sandbox.requests[0].params.keys() == {"action", "apiKey", "title", "signature"}


async def test_bytes_on_their_way_are_counted(flipsnack: Flipsnack) -> None:
    counted: list[tuple[int, int]] = []
    paper = Paper(content=b"%PDF-" + bytes(95))

    async def sent(done: int, total: int) -> None:
        counted.append((done, total))

    await flipsnack.send(CreateCollection(), paper, Terms(sent=sent))

    assert counted == [(min(16 * step, 100), 100) for step in range(1, 8)]


async def test_what_a_document_raises_comes_out_as_it_is(sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    class Gone(Exception):  # noqa: N818  # stands for files.documents.DocumentChanged, which `api` does not know
        pass

    with pytest.raises(Gone):
        await flipsnack.send(CreateCollection(), Paper(fails=Gone()))

    assert sandbox.carried_out("collection.create") == []


@pytest.mark.parametrize(
    "address", ["https://exa mple.com/v1/", "https://[/v1/", "gopher://example.com/", "https://a\x00/"]
)
async def test_an_address_nobody_can_ask_changed_nothing(address: str) -> None:
    async with Flipsnack(Access(KEY, SECRET, address, address), Pacer(BudgetInMemory())) as flipsnack:
        with pytest.raises(errors.FlipsnackError) as caught:
            await flipsnack.send(collections.DeleteCollection(collection_hash="fxh4k89"))

    assert caught.value.changed is errors.Changed.NOTHING


async def test_a_redirect_is_not_followed() -> None:
    recorder = Recorder([b""], status=302)

    async with asking(recorder) as flipsnack:
        with pytest.raises(errors.UnreadableAnswerError, match="HTTP 302"):
            await flipsnack.send(collections.DeleteCollection(collection_hash="fxh4k89"))

    assert len(recorder.seen) == 1


async def test_an_answer_that_takes_too_long_is_asked_for_again(sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    sandbox.add_fault(Fault("slow", seconds=3600))

    found = await flipsnack.send(collections.GetCollection(collection_hash=known(sandbox)))

    assert found.collection_hash == known(sandbox)
    assert len(sandbox.requests) == 2
    assert math.isinf(Terms().deadline)
