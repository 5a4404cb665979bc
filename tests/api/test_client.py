"""The one client: what it sends again, what it never sends again, and what it says about it."""

from collections.abc import Callable
from typing import Any

import anyio
import httpx2
import pytest

from flipsnack_mcp.api import errors
from flipsnack_mcp.api.action import Action
from flipsnack_mcp.api.actions import collections, legacy
from flipsnack_mcp.api.actions.publishing import CreateCollection, DownloadHtml
from flipsnack_mcp.api.actions.statistics import GetUserStats
from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.errors import Changed, FlipsnackError, TooManyRequestsError, UnreachableError
from flipsnack_mcp.api.exchange import Terms
from flipsnack_mcp.api.pace import BudgetInMemory, Pacer
from flipsnack_mcp.sandbox import Fault, Sandbox
from tests.api.asking import Failure, Line, Paper, Recorder, Unplugged, asking, bad_tls, each, error_of, over, unlimited

LIST = collections.ListCollections()
SPOILED = {
    **{kind: Fault(kind) for kind in ("cut", "garbled")},
    **{f"reset {phase}": Fault("reset", phase=phase) for phase in ("before", "after")},
    "502": Fault("http", http_status=502, body="<html>Bad gateway</html>"),
    "503 with JSON": Fault("http", http_status=503, body='{"message": "Service unavailable"}'),
}
REFUSED = {"22": Fault("maintenance"), "31": Fault("per_second"), "32": Fault("per_minute")}
NEVER_LEFT: list[Failure] = [httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout]
ON_ITS_WAY: list[Failure] = [httpx2.ReadTimeout, httpx2.WriteTimeout, httpx2.WriteError, httpx2.ReadError, bad_tls]
ON_ITS_WAY += [httpx2.RemoteProtocolError]


def known(sandbox: Sandbox) -> str:
    return next(iter(sandbox.account.collections))


def update(sandbox: Sandbox) -> collections.UpdateCollection:
    return collections.UpdateCollection(collection_hash=known(sandbox), title="New")


Sending = tuple[Action[Any], Paper | None]
ONCE_ONLY: dict[str, Callable[[str, str], Sending]] = {
    "create": lambda _, __: (CreateCollection(title="New"), Paper()),
    "create by address": lambda _, __: (CreateCollection(title="New", file_url="https://example.com/a.pdf"), None),
    "delete": lambda one, _: (collections.DeleteCollection(collection_hash=one), None),
    "delete flipbook": lambda one, book: (collections.DeleteFlipbook(collection_hash=one, flipbook_hash=book), None),
    "add": lambda one, _: (legacy.AddFlipbook(collection_hash=one), Paper()),
    "logo": lambda one, _: (legacy.SetLogo(collection_hash=one, file_url="https://example.com/a.png"), None),
    "no logo": lambda one, _: (legacy.DeleteLogo(collection_hash=one), None),
}


@pytest.fixture(params=ONCE_ONLY)
def once_only(request: pytest.FixtureRequest, sandbox: Sandbox) -> Sending:
    """What must not be done twice."""
    found = next(one for one in sandbox.account.collections.values() if len(one.items) > 1)
    return ONCE_ONLY[request.param](found.hash, found.items[0].hash)


@each("fault", SPOILED | REFUSED)
async def test_a_read_and_an_update_are_repeated(fault: Fault, sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    sandbox.add_fault(fault)
    sandbox.add_fault(fault)
    found = await flipsnack.send(LIST)
    assert found.total == len(sandbox.account.collections)
    assert len(sandbox.requests) == 3
    sandbox.add_fault(fault)
    after = await flipsnack.send(update(sandbox))
    assert (after.title, len(sandbox.requests)) == ("New", 5)


@each("fault", SPOILED | REFUSED)
@pytest.mark.parametrize("kind", [collections.ListCollections, GetUserStats, DownloadHtml])
async def test_a_read_is_tried_four_times_at_most(
    fault: Fault, kind: type[Action[Any]], flipsnack: Flipsnack, sandbox: Sandbox
) -> None:
    for _ in range(6):
        sandbox.add_fault(fault)
    action = kind(collection_hash=known(sandbox)) if kind is DownloadHtml else kind()
    error = await error_of(flipsnack.send(action), FlipsnackError)
    assert len(sandbox.requests) == 4
    assert error.changed is Changed.NOTHING


@pytest.mark.parametrize("error", [*NEVER_LEFT, *ON_ITS_WAY])
async def test_a_read_is_repeated_whatever_became_of_the_connection(error: Failure, sandbox: Sandbox) -> None:
    line = Unplugged(sandbox.app, error, 3)
    async with over(lambda: line) as flipsnack:
        await flipsnack.send(LIST)
    assert line.tried == 4


@pytest.mark.parametrize("code", [30, 33, 34, 37, 38, 40, 41, 42, 43, 44, 46, 47, 99])
async def test_a_refusal_that_stays_is_not_argued_with(code: int, sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    sandbox.add_fault(Fault("code", code=code, times=0))
    await error_of(flipsnack.send(LIST), errors.RefusedError)
    assert len(sandbox.requests) == 1


async def test_a_32_that_is_the_quota_is_not_waited_for(sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    sandbox.add_fault(Fault("code", code=32, message="Uploads per month exceeded", times=0))
    await error_of(flipsnack.send(CreateCollection(), Paper()), errors.QuotaExceededError)
    assert len(sandbox.requests) == 1


@each("fault", SPOILED)
async def test_what_may_have_been_done_is_never_done_twice(
    once_only: Sending, fault: Fault, sandbox: Sandbox, flipsnack: Flipsnack
) -> None:
    sandbox.add_fault(fault)
    error = await error_of(flipsnack.send(*once_only), FlipsnackError)
    assert isinstance(error, UnreachableError | errors.UnreadableAnswerError)
    assert len(sandbox.requests) == 1
    assert error.changed is Changed.PERHAPS
    assert "Do not simply repeat it." in str(error)


@pytest.mark.parametrize("error", ON_ITS_WAY)
async def test_what_was_on_its_way_is_never_sent_twice(once_only: Sending, error: Failure, sandbox: Sandbox) -> None:
    line = Unplugged(sandbox.app, error, 9)
    async with over(lambda: line) as flipsnack:
        caught = await error_of(flipsnack.send(*once_only), UnreachableError)
    assert line.tried == 1
    assert caught.changed is Changed.PERHAPS


@pytest.mark.parametrize("error", NEVER_LEFT)
async def test_what_never_left_is_sent_again(once_only: Sending, error: Failure, sandbox: Sandbox) -> None:
    line = Unplugged(sandbox.app, error, 3)
    async with over(lambda: line) as flipsnack:
        await flipsnack.send(*once_only)
    assert line.tried == 4
    assert len(sandbox.carried_out(once_only[0].api_name)) == 1


@each("fault", REFUSED)
async def test_what_was_refused_is_sent_again_whole(
    once_only: Sending, fault: Fault, sandbox: Sandbox, flipsnack: Flipsnack
) -> None:
    action, document = once_only
    sandbox.add_fault(fault)
    sandbox.add_fault(fault)
    await flipsnack.send(action, document)
    files = [one.file for one in sandbox.requests]
    assert len(sandbox.carried_out(action.api_name)) == 1
    assert files == [files[0]] * 3
    assert not document or (files[0] and (files[0]["size"], files[0]["name"]) == (document.size, document.name))


@pytest.mark.parametrize(
    "later",
    [Fault("maintenance", times=3), Fault("per_minute", times=3), *(Fault("code", code=one) for one in (46, 41)), None],
    ids=["22", "32", "46", "41", "no connection"],
)
async def test_a_refusal_hides_no_earlier_try_that_may_have_worked(later: Fault | None, sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault("reset", phase="after"))
    if later:
        sandbox.add_fault(later)
    line = Unplugged(sandbox.app, httpx2.ConnectError, 0 if later else 9, first=1)
    async with over(lambda: line) as flipsnack:
        error = await error_of(flipsnack.send(update(sandbox)), FlipsnackError)
    assert len(sandbox.carried_out("collection.update")) == 1
    assert line.tried >= 2
    assert error.changed is Changed.PERHAPS


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize(("kind", "sent"), [("read", 3), ("update", 3), ("create", 1)])
async def test_an_answer_that_never_comes_ends_at_the_deadline(
    kind: str, sent: int, phase: str, sandbox: Sandbox, flipsnack: Flipsnack
) -> None:
    actions: dict[str, Action[Any]] = {"read": LIST, "update": update(sandbox), "create": CreateCollection()}
    document = Paper() if kind == "create" else None
    sandbox.add_fault(Fault("hang", phase=phase, times=0))
    start = anyio.current_time()
    error = await error_of(flipsnack.send(actions[kind], document, Terms(deadline=start + 45)), UnreachableError)
    assert anyio.current_time() - start == pytest.approx(45)
    assert len(sandbox.requests) == sent
    assert error.changed is (Changed.NOTHING if kind == "read" else Changed.PERHAPS)


async def test_nothing_is_tried_again_or_at_all_beyond_the_deadline(sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    sandbox.add_fault(Fault("maintenance", times=2))
    start = anyio.current_time()
    await error_of(flipsnack.send(LIST, terms=Terms(deadline=start + 5)), errors.MaintenanceError)
    assert len(sandbox.requests) == 2
    assert anyio.current_time() < start + 5
    delete, terms = collections.DeleteCollection(collection_hash=known(sandbox)), Terms(deadline=start - 1)
    error = await error_of(flipsnack.send(delete, terms=terms), FlipsnackError)
    assert sandbox.carried_out("collection.deleteCollection") == []
    assert error.changed is Changed.NOTHING


async def test_a_turn_that_comes_too_late_is_told_at_once(sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    start = anyio.current_time()
    async with anyio.create_task_group() as group:
        for _ in range(60):
            group.start_soon(flipsnack.send, LIST)
    with pytest.raises(errors.OutOfTimeError, match=r"A turn comes in about \d+ seconds.") as caught:
        await flipsnack.send(CreateCollection(), Paper(), Terms(deadline=anyio.current_time() + 10))
    assert anyio.current_time() - start < 20
    assert len(sandbox.requests) == 60
    assert caught.value.changed is Changed.NOTHING


async def test_a_real_limit_is_never_hit_by_our_own_calls() -> None:
    sandbox = unlimited(calls_per_second=5, calls_per_minute=60)
    async with asking(sandbox.app) as flipsnack, anyio.create_task_group() as group:
        for _ in range(130):
            group.start_soon(flipsnack.send, LIST)
    assert [one.code for one in sandbox.requests] == [20] * 130


@pytest.mark.parametrize(("kind", "seconds"), [("per_second", 1.0), ("per_minute", 5.0)])
async def test_somebody_elses_calls_are_waited_for_and_told(
    kind: str, seconds: float, sandbox: Sandbox, flipsnack: Flipsnack
) -> None:
    sandbox.add_fault(Fault(kind))
    heard: list[str] = []

    async def waits(why: str, _: float) -> None:
        heard.append(why)

    await flipsnack.send(LIST, terms=Terms(waits=waits))
    first, second = (one.at for one in sandbox.requests)
    assert second - first >= seconds
    assert "another program uses the same key" in heard


@pytest.mark.parametrize("body", ["<h1>Too Many Requests</h1>", '{"error": "rate limited"}'], ids=["a page", "no code"])
async def test_a_limit_before_flipsnack_is_waited_for_like_its_own_and_told(
    body: str, sandbox: Sandbox, flipsnack: Flipsnack
) -> None:
    sandbox.add_fault(Fault("http", http_status=429, body=body))
    heard: list[str] = []

    async def waits(why: str, _: float) -> None:
        heard.append(why)

    await flipsnack.send(LIST, terms=Terms(waits=waits))
    first, second = (one.at for one in sandbox.requests)
    assert second - first >= 5.0
    assert "Flipsnack asks for fewer requests" in heard


async def test_what_a_limit_before_flipsnack_stopped_is_not_deleted_a_second_time(
    sandbox: Sandbox, flipsnack: Flipsnack
) -> None:
    sandbox.add_fault(Fault("http", http_status=429, times=0))
    known = next(iter(sandbox.account.collections))
    with pytest.raises(TooManyRequestsError, match=r"\(HTTP 429\), which stands for too many requests") as caught:
        await flipsnack.send(collections.DeleteCollection(collection_hash=known))
    assert caught.value.changed is Changed.PERHAPS
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("status", [414, 431])
async def test_a_text_that_is_too_long_for_an_address_is_told_as_that_and_sent_once(status: int) -> None:
    sandbox = unlimited()
    sandbox.add_fault(Fault("http", http_status=status, times=0, body="<html>Request-URI Too Large</html>"))
    wanted = collections.UpdateCollection(collection_hash="fxh4k89", description="\u76ee" * 2000)
    async with asking(sandbox.app) as flipsnack:
        error = await error_of(flipsnack.send(wanted), FlipsnackError)
    assert f"The text is too large for what stands before Flipsnack (HTTP {status}). Nothing was changed." in str(error)
    assert "Give a shorter one" in str(error)
    assert len(sandbox.requests) == 1


async def test_a_text_for_which_no_address_has_room_is_told_as_that_and_not_sent() -> None:
    sandbox = unlimited()
    wanted = collections.UpdateCollection(collection_hash="fxh4k89", settings={"customCss": "a" * 70_000})
    async with asking(sandbox.app) as flipsnack:
        error = await error_of(flipsnack.send(wanted), FlipsnackError)
    assert "The text is too large for an address" in str(error)
    assert "Nothing was changed. Trying again will not help. Give a shorter one" in str(error)
    assert sandbox.requests == []


async def test_a_document_that_is_too_large_for_what_stands_before_flipsnack_is_told_as_that() -> None:
    sandbox = unlimited()
    sandbox.add_fault(Fault("http", http_status=413, times=0, body="<html>Request Entity Too Large</html>"))
    async with asking(sandbox.app) as flipsnack:
        error = await error_of(flipsnack.send(CreateCollection(title="T"), Paper()), FlipsnackError)
    assert "The document is too large for what stands before Flipsnack (HTTP 413). Nothing was changed." in str(error)
    assert len(sandbox.requests) == 1


async def test_a_refusal_that_somebody_else_caused_lets_all_our_processes_pause(sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault("per_minute"))
    budget = BudgetInMemory()
    one, other = (asking(sandbox.app, budget=budget) for _ in range(2))
    async with one, other, anyio.create_task_group() as group:
        group.start_soon(one.send, LIST)
        await anyio.sleep(1)
        group.start_soon(other.send, LIST)
    first, *later = (each.at for each in sandbox.requests)
    assert len(later) == 2
    assert min(later) - first >= 5.0


async def test_when_others_use_up_the_key_for_good_the_error_says_so(sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    sandbox.add_fault(Fault("per_minute", times=0))
    with pytest.raises(errors.RateLimitedError, match="Another program uses the same key"):
        await flipsnack.send(LIST, terms=Terms(deadline=anyio.current_time() + 45))
    assert 2 <= len(sandbox.requests) <= 4


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
                group.start_soon(flipsnack.send, LIST)
        pool = flipsnack.http
        await flipsnack.send(CreateCollection(), Paper())
        assert flipsnack.http is pool
    assert (before, len(opened)) == (0, 1)
    assert pool.is_closed


async def test_a_call_cancelled_on_its_way_leaves_the_budget_usable(sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    sandbox.add_fault(Fault("hang", times=5))
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(flipsnack.send, LIST)
        await anyio.sleep(1)
        group.cancel_scope.cancel()
    start = anyio.current_time()
    await flipsnack.send(LIST)
    assert anyio.current_time() - start < 4


@pytest.mark.parametrize("name", ['a"b.pdf', "a\r\nX: y.pdf", "Été 目录 🎉.pdf", "a\udce9.pdf", "a;b=c.pdf", ""])
async def test_no_file_name_breaks_the_form(name: str, sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    await flipsnack.send(CreateCollection(title="T"), Paper(name=name))
    assert sandbox.requests[0].code == 20
    assert sandbox.requests[0].params.keys() == {"action", "apiKey", "title", "signature"}


async def test_a_title_that_is_made_of_a_file_name_has_its_quotation_marks_as_something_readable(
    sandbox: Sandbox, flipsnack: Flipsnack
) -> None:
    made = await flipsnack.send(CreateCollection(), Paper(name='He said "yes".pdf'))
    assert sandbox.account.collections[made.collection_hash].title == "He said 'yes'"


async def test_a_document_wins_over_an_address_and_its_bytes_are_counted(
    sandbox: Sandbox, flipsnack: Flipsnack
) -> None:
    counted: list[tuple[int, int]] = []

    async def sent(done: int, total: int) -> None:
        counted.append((done, total))

    paper, action = Paper(b"%PDF-" + bytes(95), "paper.pdf"), CreateCollection(file_url="https://example.com/a.pdf")
    assert (await flipsnack.send(action, paper, Terms(sent=sent))).title == "paper"
    assert sandbox.requests[0].file is not None
    assert counted == [(min(16 * step, 100), 100) for step in range(1, 8)]


async def test_what_a_document_raises_comes_out_as_it_is(sandbox: Sandbox, flipsnack: Flipsnack) -> None:
    with pytest.raises(EOFError):  # stands for files.documents.DocumentChanged, which `api` does not know
        await flipsnack.send(CreateCollection(), Paper(fails=EOFError()))
    assert sandbox.carried_out("collection.create") == []


@pytest.mark.parametrize(
    "address", ["https://exa mple.com/", "https://[/v1/", "gopher://example.com/", "https://a\x00/"]
)
async def test_an_address_nobody_can_ask_changed_nothing(address: str) -> None:
    async with Flipsnack(Access("K", "S", address, address), Pacer(BudgetInMemory())) as flipsnack:
        error = await error_of(flipsnack.send(legacy.DeleteLogo(collection_hash="fxh4k89")), FlipsnackError)
    assert error.changed is Changed.NOTHING


async def test_a_redirect_is_not_followed() -> None:
    recorder = Recorder([b""], status=302)
    async with asking(recorder) as flipsnack:
        with pytest.raises(errors.UnreadableAnswerError, match="HTTP 302"):
            await flipsnack.send(legacy.DeleteLogo(collection_hash="fxh4k89"))
    assert len(recorder.seen) == 1


async def test_an_answer_without_end_is_cut_off_and_a_late_one_asked_for_again(
    sandbox: Sandbox, flipsnack: Flipsnack
) -> None:
    sandbox.add_fault(Fault("huge"))
    unset = flipsnack.send(legacy.DeleteLogo(collection_hash=known(sandbox)))
    assert (await error_of(unset, errors.UnreadableAnswerError)).changed is Changed.PERHAPS
    sandbox.add_fault(Fault("slow", seconds=3600))
    found = await flipsnack.send(collections.GetCollection(collection_hash=known(sandbox)))
    assert found.collection_hash == known(sandbox)
    assert len(sandbox.requests) == 3
    assert Terms().deadline == float("inf")
