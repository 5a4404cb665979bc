"""The webhook of the sandbox: what it sends, how often, and when it gives up."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio
import pytest

from flipsnack_mcp.parsing import WrongUsage, parsed
from flipsnack_mcp.sandbox import Hook, NoAnswer, Pace, Sandbox
from tests.sandbox.calling import Caller, calling
from tests.virtual_clock import on_virtual_time

URL = "https://hooks.example.com/hooks/a-path-that-nobody-guesses"
CONTROL = "https://api.flipsnack.com/_sandbox/leads"
SILENT, GONE = 0, -1


anyio_backend = on_virtual_time


@dataclass
class Receiver:
    """Answers as it is told, and 200 once it has been told nothing more."""

    answers: list[int] = field(default_factory=list[int])
    bodies: list[bytes] = field(default_factory=list[bytes])
    at: list[float] = field(default_factory=list[float])
    slow: float = 0.0
    under_way: int = 0
    most: int = 0

    async def post(self, url: str, body: bytes) -> int:
        assert url == URL
        self.bodies.append(body)
        self.at.append(anyio.current_time())
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await anyio.sleep(self.slow)
            return await self.answer(self.answers.pop(0) if self.answers else 200)
        finally:
            self.under_way -= 1

    async def answer(self, told: int) -> int:
        if told == SILENT:
            await anyio.sleep_forever()
        if told == GONE:
            raise NoAnswer("ConnectError")
        return told

    @property
    def numbers(self) -> list[str]:
        """Who wrote, of forms in English."""
        return [json.loads(one)["data"]["Email"] for one in self.bodies]


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def caller(receiver: Receiver) -> AsyncIterator[Caller]:
    sandbox = Sandbox(clock=anyio.current_time, account="empty", hook=Hook(URL, receiver.post), pace=Pace())
    sandbox.account.add(title="Spring catalogue")
    sandbox.account.add(title="Not out yet", status="editable")
    async with calling(sandbox) as called:
        yield called


async def sent(caller: Caller, **wish: Any) -> list[dict[str, Any]]:
    """Ask for leads, and see what became of them."""
    answer = await caller.http.post(CONTROL, json={"kinds": ["contact"], **wish}, timeout=None)
    assert answer.status_code == 202, answer.text
    return list((await caller.http.get(CONTROL)).json()["deliveries"])


async def test_a_contact_form_has_the_documented_attributes_and_a_published_flipbook(
    caller: Caller, receiver: Receiver
) -> None:
    await sent(caller)
    body = json.loads(receiver.bodies[0])
    assert list(body) == ["type", "timestamp", "datetime", "flipbook_hash", "flipbook_title", "data"]
    (published, _) = caller.sandbox.account.collections.values()
    assert (body["type"], body["flipbook_hash"], body["flipbook_title"]) == ("contact", published.hash, published.title)
    assert {type(one) for one in (*body["data"], *body["data"].values())} == {str}


async def test_each_flipbook_has_a_form_of_its_own(caller: Caller, receiver: Receiver) -> None:
    for title in ("Autumn catalogue", "Winter catalogue"):
        caller.sandbox.account.add(title=title)
    await sent(caller, number=12)
    forms = {(one["flipbook_title"], tuple(one["data"])) for one in map(json.loads, receiver.bodies)}
    assert len(forms) == len({title for title, _ in forms}) == len({names for _, names in forms}) == 3


@pytest.mark.parametrize(
    ("kind", "type_", "shape"),
    [("order", "order", dict), ("survey", "survey", dict), ("shapeless", "contact", list)],
)
async def test_other_kinds_come_in_the_same_envelope(
    caller: Caller, receiver: Receiver, kind: str, type_: str, shape: type
) -> None:
    await sent(caller, kinds=[kind])
    body = json.loads(receiver.bodies[0])
    assert (body["type"], type(body["data"])) == (type_, shape)
    assert body.keys() >= {"timestamp", "datetime", "flipbook_hash", "flipbook_title"}


async def test_kinds_take_turns_and_no_two_leads_are_alike(caller: Caller, receiver: Receiver) -> None:
    await sent(caller, number=6, kinds=["contact", "order", "survey"])
    await sent(caller, number=6, kinds=["contact", "order", "survey"])
    assert [json.loads(one)["type"] for one in receiver.bodies] == ["contact", "order", "survey"] * 4
    assert len(set(receiver.bodies)) == 12


async def test_an_attempt_without_a_2xx_is_repeated_up_to_five_times_with_twice_the_pause_each_time(
    caller: Caller, receiver: Receiver
) -> None:
    receiver.answers = [503, 302, GONE, 404, 500, 429]
    (delivery,) = await sent(caller)
    assert [one - receiver.at[0] for one in receiver.at] == [0, 1, 3, 7, 15, 31]
    assert len(set(receiver.bodies)) == 1
    seen = [(one["answer"], one["error"]) for one in delivery["attempts"]]
    assert seen == [(503, ""), (302, ""), (0, "ConnectError"), (404, ""), (500, ""), (429, "")]
    assert delivery["outcome"] == "failed"


@pytest.mark.parametrize("good", [200, 201, 204, 299])
async def test_any_2xx_ends_the_attempts(caller: Caller, receiver: Receiver, good: int) -> None:
    receiver.answers = [503, good]
    (delivery,) = await sent(caller)
    assert [one["answer"] for one in delivery["attempts"]] == [503, good]
    assert delivery["outcome"] == "delivered"


async def test_an_answer_is_waited_for_for_ten_seconds(caller: Caller, receiver: Receiver) -> None:
    receiver.answers = [SILENT]
    (delivery,) = await sent(caller)
    assert [(one["seconds"], one["error"]) for one in delivery["attempts"]] == [(10, "timeout"), (0, "")]
    assert receiver.at[1] - receiver.at[0] == 11


async def test_five_leads_in_a_row_that_were_never_taken_switch_it_off_until_somebody_switches_it_on(
    caller: Caller, receiver: Receiver
) -> None:
    receiver.answers = [*[503] * 6 * 4, 200, *[503] * 6 * 5]
    outcomes = [one["outcome"] for one in await sent(caller, number=12)]
    assert outcomes == [*["failed"] * 4, "delivered", *["failed"] * 5, "off", "off"]
    latest = (await sent(caller))[-1]
    assert (latest["number"], latest["attempts"], latest["outcome"]) == (13, [], "off")
    assert (await caller.http.get(CONTROL)).json()["on"] is False
    assert [one["outcome"] for one in (await sent(caller, number=2, on=True))[-2:]] == ["delivered"] * 2


async def test_what_waits_for_a_retry_when_it_is_switched_off_is_not_tried_again(
    caller: Caller, receiver: Receiver
) -> None:
    receiver.answers = [503] * 1000
    async with anyio.create_task_group() as group:
        group.start_soon(partial(sent, caller, number=5, senders=5))
        await anyio.sleep(20)  # the first five end after 31 seconds
        group.start_soon(sent, caller)
    deliveries = (await caller.http.get(CONTROL)).json()["deliveries"]
    assert [(len(one["attempts"]), one["outcome"]) for one in deliveries] == [*[(6, "failed")] * 5, (4, "off")]


async def test_so_many_are_sent_at_once_as_there_are_senders(caller: Caller, receiver: Receiver) -> None:
    receiver.slow = 1.0
    began = anyio.current_time()
    deliveries = await sent(caller, number=40, senders=20)
    assert (receiver.most, anyio.current_time() - began) == (20, 2)
    assert {one["outcome"] for one in deliveries} == {"delivered"}


async def test_a_lead_arrives_once_or_several_times_up_to_what_was_asked_for(
    caller: Caller, receiver: Receiver
) -> None:
    await sent(caller, number=4, copies=3)
    counts = [receiver.numbers.count(f"reader-{number}@example.com") for number in range(1, 5)]
    assert counts == [1, 2, 3, 1]
    assert len(set(receiver.bodies)) == 4


async def test_the_address_of_the_webhook_is_shown_nowhere(caller: Caller, receiver: Receiver) -> None:
    receiver.answers = [GONE]
    await sent(caller)
    shown = (await caller.http.get(CONTROL)).text + (await caller.http.get(CONTROL.replace("leads", "requests"))).text
    assert "hooks.example.com" not in shown
    assert "nobody-guesses" not in shown


@pytest.mark.parametrize(
    "wrong",
    [
        *({"number": -1}, {"number": 100_001}, {"number": True}, {"number": "3"}, {"number": 1.5}, {"number": None}),
        *({"senders": 0}, {"senders": 1001}, {"copies": 0}, {"copies": 7}, {"on": 1}, {"speed": 3}, [], "one", None),
        *(
            {"kinds": []},
            {"kinds": ["meteor"]},
            {"kinds": "contact"},
            {"kinds": [["contact"]]},
            b"\xff{",
            b"[" * 100_000,
        ),
    ],
    ids=lambda wrong: ascii(wrong)[:40],
)
async def test_leads_that_cannot_be_understood_are_an_error_and_nothing_is_sent(
    caller: Caller, receiver: Receiver, wrong: object
) -> None:
    content = wrong if isinstance(wrong, bytes) else json.dumps(wrong)
    answer = await caller.http.post(CONTROL, content=content)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert receiver.bodies == []


async def test_a_post_of_nothing_asks_for_one_lead(caller: Caller, receiver: Receiver) -> None:
    answer = await caller.http.post(CONTROL)
    assert (answer.status_code, answer.json()) == (202, {"deliveries": 1, "on": True})
    assert [json.loads(one)["type"] for one in receiver.bodies] == ["contact"]


async def test_without_a_webhook_the_answer_says_how_to_have_one(sandbox: Sandbox) -> None:
    async with calling(sandbox) as caller:
        for answer in (await caller.http.post(CONTROL, json={}), await caller.http.get(CONTROL)):
            assert answer.status_code == 409
            assert "--hook URL" in answer.json()["error"]


GOOD = """https://example.com/hooks/x https://example.com:8443/?key=x http://127.0.0.1:8000/hooks/x http://localhost/x
http://[::1]:8000/x http://127.8.8.8/x HTTPS://EXAMPLE.COM/x"""
BAD = """http://example.com/x http://192.168.1.5/x http://localhost.example.com/x http://127.0.0.1.example.com/x
ftp://127.0.0.1/x //127.0.0.1/x example.com https:///x https://example.com:0/x https://example.com:99999/x https://[::1
https://exämple.com/ https://a:b@example.com/ file:///etc/passwd"""


@pytest.mark.parametrize("url", GOOD.split())
def test_a_webhook_is_at_an_https_address_or_on_this_machine(url: str) -> None:
    assert Hook(url, Receiver().post).url == parsed(["sandbox", "--hook", url]).hook == url


@pytest.mark.parametrize("url", [*BAD.split(), "https://example.com/a b", "https://example.com/\n", ""])
def test_an_address_that_is_none_for_a_webhook_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="takes an https address"):
        Hook(url, Receiver().post)
    with pytest.raises(WrongUsage) as refused:
        parsed(["sandbox", "--hook", url])
    assert str(refused.value) == "--hook takes an https address, or an http address on this machine"
