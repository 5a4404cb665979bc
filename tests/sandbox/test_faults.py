"""Faults on request, and the transcript of what arrived."""

import json
import math
from hashlib import sha256

import anyio
import pytest

from flipsnack_mcp.sandbox import Fault, Sandbox
from flipsnack_mcp.sandbox.faults import ConnectionReset
from tests.sandbox.calling import PDF, Caller
from tests.virtual_clock import StandingClock, on_virtual_time

CONTROL = "https://api.flipsnack.com/_sandbox/"


anyio_backend = on_virtual_time


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        *((Fault("maintenance"), 22), (Fault("per_second"), 31), (Fault("per_minute"), 32), (Fault("quota"), 33)),
        (Fault("code", code=99, message="Never seen"), 99),
    ],
)
async def test_a_refusing_fault_is_answered_once_instead_of_executing(caller: Caller, fault: Fault, code: int) -> None:
    kept = caller.sandbox.account.add(title="Kept")
    caller.sandbox.add_fault(fault)
    answer = await caller.get("collection.deleteCollection", collectionHash=kept.hash)
    assert answer["code"] == code
    assert caller.sandbox.carried_out("collection.deleteCollection") == []
    assert await caller.code("collection.deleteCollection", collectionHash=kept.hash) == 20


async def test_a_fault_of_one_action_waits_for_it_and_lasts_as_often_as_told(caller: Caller) -> None:
    caller.sandbox.add_fault(Fault("maintenance", action="collection.getList", times=2))
    assert await caller.code("user.getStats") == 20
    assert [await caller.code("collection.getList") for _ in range(3)] == [22, 22, 20]


@pytest.mark.parametrize(
    ("body", "kind"), [("<html>Bad Gateway</html>", "text/html"), ('{"error": 1}', "application/json"), ("", "text")]
)
async def test_an_http_fault_answers_with_status_and_body(caller: Caller, body: str, kind: str) -> None:
    caller.sandbox.add_fault(Fault("http", http_status=502, body=body))
    answer = await caller.raw("user.getStats")
    assert (answer.status_code, answer.text) == (502, body)
    assert answer.headers["content-type"].startswith(kind)
    assert caller.sandbox.requests[-1].code == 0


async def test_a_reset_before_executes_nothing_and_a_reset_after_does(caller: Caller) -> None:
    kept = caller.sandbox.account.add(title="Kept")
    for phase, executed in (("before", 0), ("after", 1)):
        caller.sandbox.add_fault(Fault("reset", phase=phase))
        with pytest.raises(ConnectionReset):
            await caller.get("collection.deleteCollection", collectionHash=kept.hash)
        assert len(caller.sandbox.carried_out("collection.deleteCollection")) == executed
    assert [one.code for one in caller.sandbox.requests] == [0, 0]


async def test_an_answer_that_is_cut_or_garbled_was_executed_all_the_same(caller: Caller) -> None:
    caller.sandbox.add_fault(Fault("cut"))
    caller.sandbox.add_fault(Fault("garbled"))
    cut, garbled = await caller.raw("user.getStats"), await caller.raw("user.getStats")
    assert len(cut.content) == int(cut.headers["content-length"]) // 2
    with pytest.raises(ValueError):  # noqa: PT011 - whichever way the decoder fails
        garbled.json()
    caller.sandbox.add_fault(Fault("garbled"))
    assert await caller.code("collection.getCollection", collectionHash="nothing1") == 46  # a refusal is kept
    done = [(one.code, one.executed) for one in caller.sandbox.requests]
    assert done == [(20, True), (0, True), (46, False)]


async def test_a_huge_answer_has_ten_megabytes_and_a_slow_one_comes_after_its_seconds(caller: Caller) -> None:
    caller.sandbox.add_fault(Fault("huge"))
    answer = await caller.raw("user.getStats")
    assert len(answer.content) > 10_000_000
    assert answer.json()["data"]["api_uploads_left"] == 53
    caller.sandbox.add_fault(Fault("slow", seconds=30))
    started = anyio.current_time()
    assert await caller.code("user.getStats") == 20
    assert anyio.current_time() - started >= 30


async def test_wrong_types_are_numbers_as_text_and_lists_as_objects(caller: Caller) -> None:
    caller.sandbox.add_fault(Fault("wrong_types"))
    answer = await caller.get("collection.getList")
    assert answer["code"] == "20"
    assert answer["data"]["collections"]["0"]["collectionTitle"] == "Weekly offers, Week 38"


@pytest.mark.parametrize(("phase", "executed"), [("before", False), ("after", True)])
@pytest.mark.parametrize("kind", ["slow", "hang"])
async def test_who_gives_up_may_have_been_executed(caller: Caller, kind: str, phase: str, *, executed: bool) -> None:
    caller.sandbox.add_fault(Fault(kind, seconds=30, phase=phase))
    with anyio.move_on_after(5) as scope:
        await caller.get("user.getStats")
    assert scope.cancelled_caught
    assert [(one.code, one.executed) for one in caller.sandbox.requests] == [(0, executed)]


@pytest.mark.parametrize(
    "wrong",
    [
        *({"kind": "meteor"}, {"kind": 5}, {"action": "user.getStats"}, "slow", [{"kind": "slow"}, {"kind": "meteor"}]),
        *({"kind": "slow", "phase": "during"}, {"kind": "slow", "seconds": -1}, {"kind": "slow", "speed": 3}),
        *({"kind": "slow", "times": True}, *({"kind": "slow", "seconds": one} for one in (math.inf, math.nan))),
        *({"kind": "code"}, {"kind": "code", "code": 40, "message": "\ud800"}, b"\xff{", b"[" * 100_000),
        *({"kind": "http", "http_status": 99}, {"kind": "http", "body": "\ud800"}),
    ],
    ids=lambda wrong: ascii(wrong)[:60],
)
async def test_a_fault_that_cannot_be_understood_is_an_error_and_adds_nothing(caller: Caller, wrong: object) -> None:
    content = wrong if isinstance(wrong, bytes) else json.dumps(wrong)
    answer = await caller.http.post(CONTROL + "faults", content=content)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert await caller.code("user.getStats") == 20


@pytest.mark.parametrize(
    ("body", "said"), [("", "one of code, conversion_fails, cut"), ("kind=slow", "the body must be JSON")]
)
async def test_who_posts_no_fault_is_told_how_one_is_told(caller: Caller, body: str, said: str) -> None:
    answer = await caller.http.post(CONTROL + "faults", content=body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]


async def test_faults_are_set_and_cleared_over_http(caller: Caller) -> None:
    fault = {"kind": "maintenance", "action": None, "times": 0}
    answer = await caller.http.post(CONTROL + "faults", json=fault)
    assert [one["kind"] for one in answer.json()["waiting"]] == ["maintenance"]
    assert [await caller.code("user.getStats") for _ in range(5)] == [22] * 5  # times=0 is for ever
    answer = await caller.http.post(CONTROL + "faults", json=[{"clear": True}, {"kind": "quota"}])
    assert [one["kind"] for one in answer.json()["waiting"]] == ["quota"]
    await caller.http.post(CONTROL + "faults", json={"clear": True})
    assert await caller.code("user.getStats") == 20


async def test_the_transcript_tells_what_arrived_without_credentials_and_may_be_cleared(caller: Caller) -> None:
    await caller.created(title="Told")
    seen = caller.sandbox.requests[0]
    assert (seen.number, seen.at, seen.host, seen.verb) == (1, StandingClock.now, "upload", "POST")
    assert seen.action == "collection.create"
    assert seen.params == {"action": "collection.create", "apiKey": "***", "signature": "***", "title": "Told"}
    digest = sha256(PDF).hexdigest()
    assert seen.file == {"name": "offers.pdf", "size": len(PDF), "sha256": digest, "type": "application/pdf"}
    assert (seen.code, seen.executed) == (20, True)
    answer = await caller.http.get(CONTROL + "requests")
    assert [one["action"] for one in answer.json()["requests"]] == ["collection.create"]
    assert not any(secret in answer.text for secret in (caller.sandbox.api_key, caller.sandbox.api_secret))
    caller.sandbox.requests.clear()
    await caller.code("user.getStats")
    assert [(one.number, one.code) for one in caller.sandbox.requests] == [(2, 20)]


async def test_an_upload_that_breaks_off_is_noted_and_executes_nothing(sandbox: Sandbox) -> None:
    begun = {"type": "http.request", "body": b"--x\r\n", "more_body": True}
    arriving: list[dict[str, object]] = [begun, {"type": "http.disconnect"}]
    headers = [(b"host", b"upload.flipsnack.com"), (b"content-type", b"multipart/form-data; boundary=x")]
    scope = {"type": "http", "method": "POST", "path": "/v1/", "query_string": b"", "headers": headers}

    async def receive() -> dict[str, object]:
        return arriving.pop(0)

    async def send(_message: object) -> None: ...

    await sandbox.app(scope, receive, send)
    assert [(one.host, one.code, one.executed) for one in sandbox.requests] == [("upload", 0, False)]
