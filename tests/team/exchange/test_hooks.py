"""At a hook leads are kept and nothing is said; at any other path nothing is kept, and how long that takes says nothing."""

import gzip
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from typing_extensions import override

from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import Body, StoreUnreachable
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.team.exchange import guessing, hooks
from flipsnack_mcp.team.exchange.hooks import LARGEST_LEAD
from flipsnack_mcp.workflows.leads.forgetting import FORGET_EVERY
from flipsnack_mcp.workflows.leads.hooks import add_hook, replace_hook, revoke_hook
from flipsnack_mcp.workflows.leads.keeping import EVER, counted, kept
from tests.team.over_http import whole_application
from tests.virtual_clock import on_virtual_time

ODD: dict[str, Any] = {
    **json.loads(Path(__file__).with_name("hook_bodies.json").read_text(encoding="utf-8")),
    "no text": b"\xff\xfe\x00\x80CANARY",
    "a packed body": gzip.compress(b'{"type": "contact", "data": {"Name": "CANARY"}}'),
    "nested too deeply to be read": b"[" * 200_000,
    "nested deeply": b'{"a":' * 900 + b"1" + b"}" * 900,
    "a number of many digits": b'{"type": "contact", "data": {"CANARY": ' + b"9" * 5000 + b"}}",
}
LEAD = {"type": "contact", "timestamp": 1, "flipbook_hash": "abc", "flipbook_title": "Spring", "data": {"Name": "Ada"}}


class Counting(MemoryStore):
    """A store of which it is known how often it was asked, and which can be away or slow."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.away = False
        self.takes = 0.0

    @override
    async def transact(self, work: Callable[[Any], Any]) -> Any:
        self.asked += 1
        if self.away:
            raise StoreUnreachable("Redis at CANARY cannot be reached.", "Look.")
        await anyio.sleep(self.takes)
        return await super().transact(work)


class Receiver:
    """A server that takes leads, and whoever sends some."""

    def __init__(self, settings: Settings, store: Counting) -> None:
        self.settings, self.store = settings, store
        self.app = whole_application(settings, store=store)
        self.web = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=self.app), base_url="http://127.0.0.1")

    async def hook(self) -> str:
        secret = await add_hook(self.store, self.settings.account)
        return f"/hooks/{secret}"

    async def send(self, path: str, body: object = LEAD, **more: Any) -> httpx2.Response:
        sent = {"json": body} if isinstance(body, dict) else {"content": body}
        return await self.web.post(path, **sent, **more)

    @property
    async def leads(self) -> list[str]:
        found = await kept(self.store, self.settings.account, since=0, until=EVER)
        return [one.fields["Name"] for one in found]

    @property
    async def counts(self) -> dict[str, int]:
        """How many of each kind were counted."""
        found = await counted(self.store, self.settings.account, since=0, until=EVER)
        return {kind: many for (_, _, kind), many in found.items()}


anyio_backend = on_virtual_time


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is about the waiting here, on virtual time."""
    monkeypatch.setattr(guessing, "WRONG_WAIT", 1.0)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver(Settings(sandbox=True, leads=True), Counting())
    async with made.web:
        yield made


async def test_a_lead_is_kept_once_however_often_it_is_sent(receiver: Receiver) -> None:
    path = await receiver.hook()
    answers = [await receiver.send(path) for _ in range(6)]
    assert {(one.status_code, one.content) for one in answers} == {(204, b"")}
    assert await receiver.leads == ["Ada"]
    assert await receiver.counts == {"contact": 1}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://www.flipsnack.com"},
        {"content-type": "text/plain"},
        {"content-encoding": "gzip"},
        {"accept": "x/y"},
        {"host": "another.example"},
    ],
    ids=str,
)
async def test_how_a_lead_is_sent_does_not_matter(receiver: Receiver, headers: dict[str, str]) -> None:
    """Nothing of that is documented."""
    path = await receiver.hook()
    assert (await receiver.send(f"{path}?a=b", json.dumps(LEAD).encode(), headers=headers)).status_code == 204
    assert await receiver.leads == ["Ada"]


@pytest.mark.parametrize("alphabet", ["utf-8-sig", "utf-16", "cp1252"])
async def test_in_which_alphabet_a_lead_is_written_does_not_matter(receiver: Receiver, alphabet: str) -> None:
    body = json.dumps({**LEAD, "data": {"Name": "Zo\u00eb"}}, ensure_ascii=False).encode(alphabet)
    assert (await receiver.send(await receiver.hook(), body)).status_code == 204
    assert await receiver.leads == ["Zo\u00eb"]


async def test_a_burst_waits_for_the_store_together_and_all_of_it_is_kept(receiver: Receiver) -> None:
    path = await receiver.hook()
    receiver.store.takes, began = 0.08, anyio.current_time()
    statuses = list[int]()

    async def sent(number: int) -> None:
        answer = await receiver.send(path, {**LEAD, "data": {"Name": str(number)}})
        statuses.append(answer.status_code)

    async with anyio.create_task_group() as group:
        for number in range(300):
            group.start_soon(sent, number)
    assert statuses == [204] * 300
    assert anyio.current_time() - began < 1  # one after the other they would take 24 seconds
    receiver.store.takes = 0.0
    assert sorted(map(int, await receiver.leads)) == [*range(300)]


async def test_who_gave_up_in_the_line_keeps_nobody_else_from_being_kept(receiver: Receiver) -> None:
    path = await receiver.hook()
    receiver.store.takes = 1.0

    async def sent(number: int, patience: float) -> None:
        with anyio.move_on_after(patience):
            await receiver.send(path, {**LEAD, "data": {"Name": str(number)}})

    async with anyio.create_task_group() as group:
        for number, patience in enumerate((1.5, 2.5, 60.0, 60.0)):
            group.start_soon(sent, number, patience)
    receiver.store.takes = 0.0
    assert {"2", "3"} <= {*await receiver.leads}
    assert len(await receiver.leads) == len({*await receiver.leads})


async def test_what_is_no_lead_is_taken_counted_and_not_kept(receiver: Receiver) -> None:
    """Flipsnack would give the hook up otherwise."""
    path = await receiver.hook()
    said = {name: await receiver.send(path, as_sent(body)) for name, body in ODD.items()}
    assert len(ODD) >= 50
    assert {name: (one.status_code, one.content) for name, one in said.items()} == dict.fromkeys(ODD, (204, b""))
    assert await receiver.leads == []
    assert await receiver.counts == {"unknown": len(ODD)}
    assert "CANARY" not in await everything(receiver)


def as_sent(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body)


async def everything(receiver: Receiver) -> str:
    kinds = ("lead day", "lead page", "lead mark", "leads of", "hook")
    found: list[list[tuple[str, Body]]] = await receiver.store.transact(lambda records: [*map(records.all, kinds)])
    return str(found)


@pytest.mark.parametrize("end", ["wrong", "revoked", "replaced", "of an account that is gone", "not wanted"])
async def test_at_a_path_that_is_none_nothing_is_kept_and_nothing_said(receiver: Receiver, end: str) -> None:
    path = await receiver.hook()
    account = receiver.settings.account
    if end == "revoked":
        await revoke_hook(receiver.store, account)
    elif end == "replaced":
        await replace_hook(receiver.store, account)
    elif end == "of an account that is gone":
        receiver = Receiver(replace(receiver.settings, api_key="another"), receiver.store)
    elif end == "not wanted":
        receiver = Receiver(replace(receiver.settings, leads=False), receiver.store)
    else:
        path = f"{path[:-1]}{'A' if path[-1] != 'A' else 'B'}"
    said = {
        name: await receiver.send(path, as_sent(body)) for name, body in {**ODD, "a lead": json.dumps(LEAD)}.items()
    }
    assert {(one.status_code, one.content) for one in said.values()} == {(404, b"")}
    assert await receiver.leads == []
    assert await receiver.counts == {}


GUESSED = {
    "nothing": "/hooks/",
    "no slash": "/hooks",
    "short": "/hooks/a",
    "long": f"/hooks/{'a' * 5000}",
    "of another alphabet": "/hooks/%F0%9F%98%80%00%ff",
    "a way up": "/hooks/../hooks/a",
    "an account": "/hooks/main/{secret}",
    "its beginning": "/hooks/{beginning}",
    "its end changed": "/hooks/{beginning}_",
    "something behind": "/hooks/{secret}/",
    "in large letters": "/hooks/{large}",
    "two slashes": "/hooks//{secret}",
    "with a blank": "/hooks/{secret}%20",
    "as a question": "/hooks/?{secret}",
}


async def test_a_wrong_path_is_looked_for_as_a_right_one_is_and_answered_after_a_second_whatever_it_is(
    receiver: Receiver,
) -> None:
    """Also where the store needs a while: the second counts from the request."""
    secret = (await receiver.hook()).removeprefix("/hooks/")
    receiver.store.takes = 0.3
    parts = {"secret": secret, "beginning": secret[:-1], "large": secret.swapcase()}
    asked = [("POST", path.format(**parts)) for path in GUESSED.values()]
    asked += [(method, f"/hooks/{secret}") for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")]
    told = set[tuple[Any, ...]]()
    for method, path in asked:
        before, began = receiver.store.asked, anyio.current_time()
        answer = await receiver.web.request(method, path, json=LEAD)
        took = round(anyio.current_time() - began, 6)
        kept_out = [name for name in answer.headers if name != "x-request-id"]
        told.add((answer.status_code, answer.content, took, receiver.store.asked - before, *kept_out))
    assert told == {(404, b"", 1.0, 1, "cache-control", "content-length")}
    assert await receiver.leads == []


async def test_who_guesses_waits_and_leads_do_not(receiver: Receiver) -> None:
    path = await receiver.hook()
    statuses = list[int]()

    async def guessed() -> None:
        statuses.append((await receiver.send("/hooks/guessed")).status_code)

    async with anyio.create_task_group() as group:
        for _ in range(guessing.MOST_WRONG + 5):
            group.start_soon(guessed)
        await anyio.sleep(0.1)
        began = anyio.current_time()
        assert (await receiver.send(path)).status_code == 204
        assert anyio.current_time() == began
    assert sorted(statuses) == [404] * guessing.MOST_WRONG + [429] * 5


async def test_a_flood_of_wrong_paths_asks_the_store_no_oftener_than_one_after_the_other(receiver: Receiver) -> None:
    """Or right ones would wait behind it: each is answered by what was asked after it came."""
    path = await receiver.hook()
    receiver.store.takes = 0.5
    statuses = list[int]()

    async def guessed() -> None:
        statuses.append((await receiver.send("/hooks/guessed")).status_code)

    async with anyio.create_task_group() as group:
        for _ in range(500):
            group.start_soon(guessed)
        await anyio.sleep(0.1)
        began, before = anyio.current_time(), receiver.store.asked
        assert (await receiver.send(path)).status_code == 204
        assert anyio.current_time() - began < 1.5
        assert receiver.store.asked - before == 2
    assert await receiver.leads == ["Ada"]
    assert set(statuses) == {404, 429}


async def test_a_hook_that_is_revoked_while_others_are_asked_for_takes_nothing_more(receiver: Receiver) -> None:
    path = await receiver.hook()
    receiver.store.takes = 0.5
    async with anyio.create_task_group() as group:
        group.start_soon(receiver.send, "/hooks/guessed")
        await anyio.sleep(0.4)
        receiver.store.takes = 0.0
        await revoke_hook(receiver.store, receiver.settings.account)
        assert (await receiver.send(path)).status_code == 404
    assert await receiver.leads == []


@pytest.mark.parametrize(
    ("kind", "status"), [("too large", 413), ("without an end", 413), ("that never goes on", 408), ("announced", 413)]
)
async def test_a_body_that_is_too_large_or_has_no_end_is_refused(receiver: Receiver, kind: str, status: int) -> None:
    path = await receiver.hook()

    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"type": "contact", "data": {"Name": "'
        while kind == "without an end":
            yield b"x" * 65_536
        await anyio.sleep(3600)

    more = {"headers": {"content-length": "99999999999"}} if kind == "announced" else {}
    body = b" " * (LARGEST_LEAD + 1) if kind == "too large" else b"{}" if kind == "announced" else pieces()
    began = anyio.current_time()
    answer = await receiver.send(path, body, **more)
    assert (answer.status_code, answer.content) == (status, b"")
    assert anyio.current_time() - began <= hooks.TO_ARRIVE
    assert await receiver.counts == {}


async def test_the_largest_lead_that_may_be_is_taken(receiver: Receiver) -> None:
    path = await receiver.hook()
    body = json.dumps(LEAD).encode()
    assert (await receiver.send(path, body.ljust(LARGEST_LEAD))).status_code == 204
    assert await receiver.leads == ["Ada"]


@pytest.mark.parametrize("trouble", ["away", "slow", "slow once asked"])
async def test_while_a_lead_cannot_be_stored_it_is_asked_for_again(
    receiver: Receiver, trouble: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In time for Flipsnack, which waits for ten seconds; and then it is one."""
    path = await receiver.hook()
    receiver.store.away = trouble == "away"
    receiver.store.takes = 3600.0 if trouble == "slow" else 0.0

    async def hangs(*_: Any, **__: Any) -> Awaitable[bool]:
        await anyio.sleep(3600)
        raise AssertionError

    with monkeypatch.context() as patched:
        if trouble == "slow once asked":
            patched.setattr(hooks, "keep_all", hangs)
        began = anyio.current_time()
        with caplog.at_level(logging.DEBUG):
            answer = await receiver.send(path)
        assert (answer.status_code, answer.content, answer.headers["retry-after"]) == (503, b"", "10")
        assert anyio.current_time() - began < 9
        if trouble != "slow once asked":  # whose path it is cannot be told, so all are answered alike
            assert (await receiver.send("/hooks/wrong")).status_code == 503
    assert not {one for one in ("Ada", path, "CANARY") if one in own_lines(caplog)}
    receiver.store.away, receiver.store.takes = False, 0.0
    assert [(await receiver.send(path)).status_code for _ in range(2)] == [204, 204]
    assert await receiver.leads == ["Ada"]


async def test_a_server_that_ended_between_storing_and_answering_is_answered_by_the_repetition(
    receiver: Receiver,
) -> None:
    path = await receiver.hook()
    sent = {"type": "http.request", "body": json.dumps(LEAD).encode(), "more_body": False}

    async def receive() -> dict[str, Any]:
        return sent

    async def dies(_: object) -> None:
        raise ConnectionAbortedError

    scope = {"type": "http", "method": "POST", "path": path, "headers": [(b"host", b"127.0.0.1")], "query_string": b""}
    with pytest.raises(ConnectionAbortedError):
        await receiver.app({**scope, "http_version": "1.1", "scheme": "http", "root_path": ""}, receive, dies)
    other = Receiver(receiver.settings, receiver.store)
    assert (await other.send(path)).status_code == 204
    assert await receiver.leads == ["Ada"]


@asynccontextmanager
async def running(app: Any) -> AsyncIterator[None]:
    """An application between its start and its end."""
    said, over = list[str](), anyio.Event()

    async def receive() -> dict[str, str]:
        if said:
            await over.wait()
        return {"type": "lifespan.shutdown" if said else "lifespan.startup"}

    async def send(message: dict[str, str]) -> None:
        said.append(message["type"])

    async with anyio.create_task_group() as group:
        group.start_soon(app, {"type": "lifespan", "state": {}}, receive, send)
        while not said:  # noqa: ASYNC110 - it tells nobody else
            await anyio.sleep(0.01)
        yield
        over.set()
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_server_that_is_to_keep_leads_for_fewer_days_lets_the_others_go_before_another_comes(
    receiver: Receiver,
) -> None:
    """Also where the store is away at first."""
    await receiver.send(await receiver.hook())
    later = Receiver(replace(receiver.settings, leads_days=0), receiver.store)
    later.store.away = True
    async with running(later.app):
        await anyio.sleep(FORGET_EVERY / 2)
        later.store.away = False
        assert await later.leads == ["Ada"]
        await anyio.sleep(FORGET_EVERY)
        assert await later.leads == []


async def test_neither_the_path_nor_a_lead_stands_in_a_log(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await receiver.hook()

    async def breaks(*_: Any, **__: Any) -> bool:
        raise ValueError("Ada Lovelace")

    with caplog.at_level(logging.DEBUG):
        await receiver.send(path, {**LEAD, "data": {"Name": "Ada Lovelace"}})
        await receiver.send("/hooks/CANARY")
        monkeypatch.setattr(hooks, "keep_all", breaks)
        assert (await receiver.send(path)).status_code == 503
    assert "/hooks" in own_lines(caplog)
    assert not {one for one in (path, "CANARY", "Lovelace") if one in own_lines(caplog)}


def own_lines(caplog: pytest.LogCaptureFixture) -> str:
    """All that a server's log could be made of."""
    return "\n".join(str(vars(one)) for one in caplog.records if not one.name.startswith(("httpx2", "httpcore2")))
