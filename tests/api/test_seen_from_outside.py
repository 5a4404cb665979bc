"""What an operator sees of requests to Flipsnack: one span for each action, figures, and nothing of what is said."""

from collections.abc import AsyncIterator, Iterator

import anyio
import httpx2
import pytest
from opentelemetry.trace import SpanKind, StatusCode

from flipsnack_mcp import observed
from flipsnack_mcp.api import errors
from flipsnack_mcp.api.actions import collections
from flipsnack_mcp.api.budget import BudgetRules
from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.exchange import Terms
from flipsnack_mcp.api.pace import BudgetInMemory, Pacer
from flipsnack_mcp.sandbox import Fault, Sandbox
from tests.api.asking import KEY, SECRET, Line, Recorder, Unplugged, over
from tests.observing import Seen, facts_of, observing

LIST = collections.ListCollections()
NAME = "collection.getList"
ASKED = {
    "flipsnack.action": NAME, "flipsnack.effect": "reads", "http.request.method": "GET",
    "server.address": "api.flipsnack.com",
}  # fmt: skip


@pytest.fixture
def seen() -> Iterator[Seen]:
    with observing() as watched:
        yield watched


async def test_an_action_is_one_span_that_says_how_it_went(seen: Seen, flipsnack: Flipsnack) -> None:
    await flipsnack.send(LIST)
    span = seen.span(NAME)
    assert span.kind is SpanKind.CLIENT
    assert facts_of(span) == {
        **ASKED, "flipsnack.code": 20, "flipsnack.tries": 1, "flipsnack.budget.seconds": 0.0,
    }  # fmt: skip
    assert seen.counted(observed.REQUESTS, "flipsnack.action", "flipsnack.effect") == {(NAME, "reads"): 1}
    assert seen.counted(observed.WAITED, "flipsnack.lane") == {("interactive",): 1}
    assert not seen.counted(observed.ERRORS)


async def test_tries_are_counted_and_stay_one_span(seen: Seen, flipsnack: Flipsnack, sandbox: Sandbox) -> None:
    sandbox.add_fault(Fault("per_second"))
    await flipsnack.send(LIST)
    facts = facts_of(seen.span(NAME))
    assert (facts["flipsnack.tries"], facts["flipsnack.code"]) == (2, 20)
    assert facts["flipsnack.budget.seconds"] > 0.5, "everybody on the key paused"
    assert len(sandbox.requests) == seen.total(observed.REQUESTS) == 2
    assert seen.counted(observed.ERRORS, "flipsnack.action", "error.type") == {(NAME, "31"): 1}


async def test_a_refusal_is_told_by_its_code(seen: Seen, flipsnack: Flipsnack) -> None:
    with pytest.raises(errors.NotFoundError) as refused:
        await flipsnack.send(collections.GetCollection(collection_hash="nowhere"))
    span = seen.span("collection.getCollection")
    code = refused.value.code
    assert (facts_of(span)["flipsnack.code"], facts_of(span)["error.type"]) == (code, str(code))
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert seen.counted(observed.ERRORS, "error.type") == {(str(code),): 1}


async def test_no_answer_has_no_code(seen: Seen, sandbox: Sandbox) -> None:
    async with over(lambda: Unplugged(sandbox.app, httpx2.ConnectError, 99)) as flipsnack:
        with pytest.raises(errors.UnreachableError):
            await flipsnack.send(LIST)
    facts = facts_of(seen.span(NAME))
    assert "flipsnack.code" not in facts
    assert facts["error.type"] == "UnreachableError"
    assert seen.counted(observed.ERRORS, "error.type") == {("UnreachableError",): facts["flipsnack.tries"]}


async def test_what_was_not_sent_is_no_request(seen: Seen, flipsnack: Flipsnack, sandbox: Sandbox) -> None:
    with pytest.raises(errors.OutOfTimeError):
        await flipsnack.send(LIST, terms=Terms(deadline=anyio.current_time()))
    assert sandbox.requests == []
    assert seen.total(observed.REQUESTS) == 0
    assert seen.counted(observed.ERRORS, "error.type") == {("OutOfTimeError",): 1}


@pytest.fixture
async def slow(sandbox: Sandbox) -> AsyncIterator[Flipsnack]:
    """A client that may ask once in ten seconds."""
    rules = BudgetRules(limits=((1, 10.0),))
    async with Flipsnack(Access(KEY, SECRET), Pacer(BudgetInMemory(), rules), lambda: Line(sandbox.app)) as one:
        yield one


async def test_seconds_until_the_turn_in_the_budget_are_in_the_span_and_in_the_figures(
    seen: Seen, slow: Flipsnack
) -> None:
    for _ in range(2):
        await slow.send(LIST)
    waited = [facts_of(one)["flipsnack.budget.seconds"] for one in seen.spans]
    assert waited[0] == 0
    assert waited[1] == pytest.approx(10, abs=0.5)
    assert seen.total(observed.WAITED) == pytest.approx(waited[1], abs=0.01)


async def test_no_part_of_a_trace_is_sent_to_flipsnack(seen: Seen) -> None:
    recorder = Recorder()
    async with over(lambda: Line(recorder)) as flipsnack:
        with observed.spanned("a call", {}):
            await flipsnack.send(LIST)
    (request, _), *_ = recorder.seen
    assert not {"traceparent", "tracestate", "baggage"} & {*request.headers}
    assert seen.span(NAME).parent


async def test_nothing_that_is_asked_or_answered_is_seen(seen: Seen, flipsnack: Flipsnack, sandbox: Sandbox) -> None:
    one = next(iter(sandbox.account.collections.values()))
    await flipsnack.send(collections.UpdateCollection(collection_hash=one.hash, title="CANARY of a title"))
    await flipsnack.send(collections.GetCollection(collection_hash=one.hash))
    sandbox.add_fault(Fault("http", http_status=200, body='{"code": 42, "status": "CANARY", "message": "CANARY"}'))
    with pytest.raises(errors.RefusedError):
        await flipsnack.send(LIST)
    assert len(seen.spans) == 3
    assert not [word for word in ("CANARY", one.hash, KEY, SECRET, "signature", "?") if word in seen.everything]
