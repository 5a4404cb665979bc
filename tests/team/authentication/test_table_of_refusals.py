"""The table of what is refused: each row for both revisions and for both ways to be known, and nothing of it reaches Flipsnack.

Who calls may use two of three accounts; who is attacked has the same rights in one of them, or another account.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, product
from typing import Any

import anyio
import httpx2
import pytest
from anyio import to_thread

from flipsnack_mcp.sandbox.faults import Fault
from tests.listening import NO_TLS
from tests.server.bench import PDF
from tests.team.authentication.guarded import (
    AUDIENCE,
    CODE,
    PUBLIC,
    REVISIONS,
    TITLE,
    Assistant,
    Guarded,
    revoke,
    token_for,
)
from tests.team.authentication.issuer import key_pair, signed
from tests.team.authentication.test_refusals import by_confusion, unsigned
from tests.team.over_http import ACCEPTED, MODERN, OLDER, asked, message_in, modern, status_of

OWN, OTHER = "fr", "de"
"""The account that everybody here may use, and one that only its owner may."""
WAYS = ("token", "issuer")
EVERYTHING = "read,write,delete"
NUMBERS = count(1)


@dataclass(frozen=True)
class Cell:
    """A row of the table in one revision, for people who are known in one way."""

    place: Guarded
    revision: str
    way: str

    def token(self, may: str = EVERYTHING, account: str = OWN) -> str:
        """Somebody new who may do that in that account."""
        name = f"person {next(NUMBERS)}"
        if self.way == "token" or account != OWN:  # the issuer's callers of the other one are all the same
            return token_for(self.place, name, account, may=may)
        scope = " ".join(f"flipsnack:{one}" for one in may.split(","))
        return signed(self.place.issuer.claims(AUDIENCE, sub=name, groups=["marketing"], scope=scope))

    def by(self, may: str = EVERYTHING, account: str = OWN, *, forms: bool = False) -> Assistant:
        return self.place.by(self.token(may, account), self.revision, forms=forms)

    def request(self, token: str | None, *headers: tuple[str, str]) -> tuple[list[tuple[str, str]], bytes]:
        """One call with these headers beside the usual ones."""
        params: dict[str, Any] = {"name": "list_collections", "arguments": {"limit": 1}}
        if self.revision == MODERN:
            usual, message = modern("tools/call", **params)
        else:
            usual, message = {**ACCEPTED, "MCP-Protocol-Version": OLDER}, asked("tools/call", **params)
        given = [*usual.items(), *([("Authorization", f"Bearer {token}")] if token else []), *headers]
        message["id"] = next(NUMBERS)  # within a session each has its own
        return given, json.dumps(message).encode()

    def sent(self, token: str | None, *headers: tuple[str, str], query: str = "", body: bytes | None = None) -> Any:
        """What it is answered."""
        given, content = self.request(token, *headers)
        if body is not None:
            content = body
        return httpx2.post(
            self.place.url + query, headers=given, content=content, timeout=60, verify=NO_TLS, trust_env=False
        )

    def at(self, address: str, method: str = "PUT", content: bytes = PDF) -> httpx2.Response:
        """What an address of this server answers."""
        path = address.removeprefix(PUBLIC)
        with httpx2.Client(timeout=60, verify=NO_TLS, trust_env=False) as http:
            return http.request(method, self.place.url.removesuffix("/mcp") + path, content=content)


Row = Callable[[Cell], Iterator[None]]
"""Prepares, yields, and then attacks and looks at the answer; from the one to the other nothing may reach Flipsnack."""


def knocks(status: int, headers: Mapping[str, str]) -> Row:
    def row(cell: Cell) -> Iterator[None]:
        token = cell.token()
        yield
        answer = cell.sent(token, *headers.items())
        assert answer.status_code == status
        assert "Nothing was done." in answer.json()["error"]["message"]

    return row


def shows(token: Callable[[Cell], str | None], status: int = 401, **more: Any) -> Row:
    def row(cell: Cell) -> Iterator[None]:
        shown = token(cell)
        yield
        answer = cell.sent(shown, **more)
        assert answer.status_code == status
        assert "WWW-Authenticate" in answer.headers
        assert "Nothing was done." in answer.json()["error"]["message"]

    return row


def elsewhere(form: str) -> Row:
    """A good token where none may stand."""

    def row(cell: Cell) -> Iterator[None]:
        token = cell.token()
        name, _, value = form.format(token).partition(": ")
        yield
        if name == "query":
            assert cell.sent(None, query=value).status_code == 401
        else:
            assert cell.sent(None, (name, value)).status_code == 401

    return row


def taken_back(cell: Cell) -> str:
    token = token_for(cell.place, name := f"person {next(NUMBERS)}", OWN)
    cell.place.by(token, cell.revision).result("tools/list")
    revoke(cell.place, name)
    return token


def over(cell: Cell) -> str:
    return token_for(cell.place, f"person {next(NUMBERS)}", OWN, expires=datetime.now(UTC) - timedelta(seconds=1))


def claimed(**more: Any) -> Callable[[Cell], str]:
    return lambda cell: signed(cell.place.issuer.claims(AUDIENCE, **{"groups": ["marketing"], **more}))


def lacks(may: str, right: str, tool: str, **arguments: Any) -> Row:
    def row(cell: Cell) -> Iterator[None]:
        client = cell.by(may)
        if tool in {"update_collection", "delete_collection", "get_collection"}:
            arguments["collection_hash"] = cell.place.hash_in(OWN)
        client.result("tools/list")
        yield
        answer = client.request("tools/call", name=tool, arguments=arguments)
        if cell.way == "issuer":
            assert answer.status_code == 403
            assert f"flipsnack:{right}" in answer.headers["WWW-Authenticate"]
        else:
            assert f"needs the right `{right}`" in answer.text

    return row


def lacks_reading(method: str, **params: Any) -> Row:
    def row(cell: Cell) -> Iterator[None]:
        client = cell.by("write")
        client.result("tools/list")
        yield
        assert TITLE not in client.request(method, **params).text

    return row


def of_others(begun: Callable[[Cell, Assistant], tuple[str, dict[str, Any]]], words: str, account: str = OWN) -> Row:
    """What somebody had begun, in the hands of somebody else."""

    def row(cell: Cell) -> Iterator[None]:
        tool, arguments = begun(cell, cell.by(account=account))
        other = cell.by()
        other.result("tools/list")
        yield
        told = other.call(tool, **arguments)
        assert told.is_error
        assert words in told.text
        assert "uk" not in told.text

    return row


def a_code(cell: Cell, owner: Assistant) -> tuple[str, dict[str, Any]]:
    wanted = {"collection_hash": cell.place.hash_in(OWN)}
    return "delete_collection", {**wanted, "confirmation": code_in(owner.call("delete_collection", **wanted).text)}


def code_in(text: str) -> str:
    return str(CODE.findall(text)[0])


def a_plan(cell: Cell, owner: Assistant) -> tuple[str, dict[str, Any]]:
    planned = owner.call("update_collections", collections=[cell.place.hash_in(OWN)], prefix="New ")
    return "update_collections", {"plan_id": planned.data["plan_id"]}


def a_plan_of_deletions(cell: Cell, owner: Assistant) -> tuple[str, dict[str, Any]]:
    plan = owner.call("delete_collections", collections=[cell.place.hash_in(OWN)]).data["plan_id"]
    return "delete_collections", {
        "plan_id": plan,
        "confirmation": code_in(owner.call("delete_collections", plan_id=plan).text),
    }


def an_address(_: Cell, owner: Assistant) -> tuple[str, dict[str, Any]]:
    return "get_upload", {
        "upload_id": owner.call("create_collection", title="Mine").data["upload_id"],
        "wait_seconds": 0,
    }


def stopping(begun: Callable[[Cell, Assistant], tuple[str, dict[str, Any]]]) -> Callable[[Cell, Assistant], Any]:
    def stops(cell: Cell, owner: Assistant) -> tuple[str, dict[str, Any]]:
        _, arguments = begun(cell, owner)
        return "stop_work", {"work_id": arguments.get("plan_id") or arguments["upload_id"]}

    return stops


def a_report(_: Cell, owner: Assistant) -> tuple[str, dict[str, Any]]:
    told = owner.call("report_stats", everything=True, wait_seconds=45)
    return "report_stats", {"report_id": told.data["report_id"]}


def a_change(cell: Cell, owner: Assistant) -> tuple[str, dict[str, Any]]:
    """Nobody changes the other account here; its number is one that the own history has not either."""
    owner.call("get_collection", collection_hash=cell.place.hash_in(OTHER))
    return "undo_change", {"history_id": 999}


def of_the_other_account(
    begun: Callable[[Cell, Assistant], tuple[str, dict[str, Any]]],
) -> Callable[[Cell, Assistant], Any]:
    def named(cell: Cell, owner: Assistant) -> tuple[str, dict[str, Any]]:
        tool, arguments = begun(cell, owner)
        return tool, {**arguments, "account": OTHER}

    return named


def in_the_other(tool: str, **more: Any) -> Callable[[Cell, Assistant], tuple[str, dict[str, Any]]]:
    def call(cell: Cell, _: Assistant) -> tuple[str, dict[str, Any]]:
        hashed = {} if more else {"collection_hash": cell.place.hash_in(OTHER)}
        return tool, {"account": OTHER, **hashed, **more}

    return call


def another_callers_answer(cell: Cell) -> Iterator[None]:
    """Sealed for one and shown by another; older revisions have no state, and one that is shown all the same is not read."""
    every = [*cell.place.sandboxes[OWN].account.collections]
    wanted = {"collection_hash": every[next(NUMBERS) % len(every)]}  # too many questions about one are put to nobody
    asks = cell.place.by(cell.token(), MODERN, forms=True)
    state = asks.call("delete_collection", **wanted).raw["requestState"]
    other = cell.by(forms=cell.revision == MODERN)
    other.result("tools/list")
    yield
    yes = {"title": {"action": "accept", "content": {"title": TITLE}}}
    if cell.revision == MODERN:
        assert other.call("delete_collection", {"requestState": state, "inputResponses": yes}, **wanted).is_error
    else:
        assert other.call("get_collection", collection_hash="x", requestState=state).is_error


def another_callers_session(cell: Cell) -> Iterator[None]:
    owner = cell.place.by(cell.token(), OLDER)
    owner.result("tools/list")
    other = cell.by()
    other.result("tools/list")
    yield
    if cell.revision == OLDER:
        answer = other.request("tools/call", owner.session, name="list_collections", arguments={})
    else:
        answer = cell.sent(None, ("Mcp-Session-Id", owner.session))
    assert answer.status_code in {401, 404}


def a_resource_of_another_account(cell: Cell) -> Iterator[None]:
    client = cell.by()
    client.result("tools/list")
    yield
    for address in ("stats/account", f"collections/{cell.place.hash_in(OTHER)}"):
        answer = client.request("resources/read", uri=f"flipsnack://{OTHER}/{address}")
        assert "error" in message_in(answer.text)


def a_word_of_another_account(cell: Cell) -> Iterator[None]:
    client = cell.by()
    asks: dict[str, Any] = {"ref": {"type": "ref/prompt", "name": "x"}, "argument": {"name": "account", "value": ""}}
    yield
    told = message_in(client.request("completion/complete", **asks).text)
    assert OTHER not in told.get("result", {}).get("completion", {}).get("values", [])


def a_replayed_upload(cell: Cell) -> Iterator[None]:
    client = cell.by("read,write")
    told = client.call("create_collection", title=f"Once {next(NUMBERS)}").data
    address, watched = told["upload_address"], {"upload_id": told["upload_id"], "wait_seconds": 0}
    assert cell.at(address).status_code == 202
    latest = time.monotonic() + 60
    while client.call("get_upload", **watched).data["state"] == "uploading":
        assert time.monotonic() < latest
    yield
    for method in ("PUT", "POST", "GET"):
        assert cell.at(address, method).status_code == 404


def an_ended_upload(cell: Cell) -> Iterator[None]:
    client = cell.by("read,write")
    told = client.call("create_collection", title=f"Never {next(NUMBERS)}").data
    assert not client.call("stop_work", work_id=told["upload_id"]).is_error
    yield
    assert cell.at(told["upload_address"]).status_code == 404


def a_file_of_who_is_gone(cell: Cell) -> Iterator[None]:
    token = token_for(cell.place, name := f"person {next(NUMBERS)}", OWN)
    told = cell.place.by(token, cell.revision).call("report_stats", everything=True, save_as="csv", wait_seconds=45)
    assert cell.at(told.data["file_address"], "GET", b"").status_code == 200
    revoke(cell.place, name)
    yield
    assert cell.at(told.data["file_address"], "GET", b"").status_code == 404


def too_large(cell: Cell) -> Iterator[None]:
    token = cell.token()
    yield
    answer = cell.sent(token, body=b" " * (cell.place.settings.body_kilobytes * 1024 + 1))
    assert answer.status_code == 413


def repeats_its_token(cell: Cell) -> Iterator[None]:
    client = cell.by()
    client.result("tools/list")
    yield
    told = client.call("update_collection", collection_hash=cell.place.hash_in(OWN), title=f"x{client.token}")
    assert told.is_error
    assert "repeats the token" in told.text


BEFORE_ANYBODY_IS_KNOWN: dict[str, Row] = {
    "another host": knocks(421, {"Host": "evil.example.com"}),
    "the host as the beginning of another": knocks(421, {"Host": "flipsnack.example.com.evil.org"}),
    "the host with somebody before it": knocks(421, {"Host": "flipsnack.example.com@evil.org"}),
    "another host, forwarded as ours": knocks(421, {"Host": "evil.example.com", "X-Forwarded-Host": "flipsnack.example.com"}),
    "another origin": knocks(403, {"Origin": "https://evil.example.com"}),
    "the origin null": knocks(403, {"Origin": "null"}),
    "an empty origin": knocks(403, {"Origin": ""}),
    "our origin by http": knocks(403, {"Origin": "http://flipsnack.example.com"}),
    "the token in the query": elsewhere("query: ?access_token={}"),
    "the token as a cookie": elsewhere("Cookie: Authorization=Bearer {}"),
    "the token in a header of balancers": elsewhere("X-Forwarded-Authorization: Bearer {}"),
    "the token for a proxy": elsewhere("Proxy-Authorization: Bearer {}"),
    "a token behind another": elsewhere("Authorization: Bearer x, Bearer {}"),
}  # fmt: skip
FOR_BOTH_WAYS: dict[str, Row] = {
    "no right to write": lacks("read", "write", "update_collection", title="New"),
    "no right to upload": lacks("read", "write", "create_collection", title="New"),
    "no right to delete": lacks("read,write", "delete", "delete_collection"),
    "no right to take offline": lacks("read,write", "delete", "update_collection", status="draft"),
    "no right to plan deletions": lacks("read,write", "delete", "delete_collections", query="Week"),
    "no right to undo": lacks("read", "write", "undo_change", history_id=1),
    "no right to look": lacks("write", "read", "get_collection"),
    "no right to look at a resource": lacks_reading("resources/read", uri="flipsnack://stats/account"),
    "no right to look while typing": lacks_reading("completion/complete", ref={"type": "ref/resource", "uri": "flipsnack://collections/{hash}"}, argument={"name": "hash", "value": ""}),
    "another caller's code": of_others(a_code, "unknown, used or expired"),
    "another caller's plan": of_others(a_plan, "begun by another caller"),
    "another caller's plan of deletions, with its code": of_others(a_plan_of_deletions, "begun by another caller"),
    "another caller's upload": of_others(an_address, "There is no such upload"),
    "another caller's upload, stopped": of_others(stopping(an_address), "No work is under way under that id"),
    "another caller's answer to a question": another_callers_answer,
    "another caller's session": another_callers_session,
    "another account": of_others(in_the_other("get_collection"), "There is no account"),
    "another account, changed": of_others(in_the_other("update_collections", everything=True, prefix="New "), "There is no account"),
    "another account, deleted from": of_others(in_the_other("delete_collection"), "There is no account"),
    "another account's code": of_others(of_the_other_account(a_code), "There is no account"),
    "another account's report": of_others(a_report, "There is no such report", OTHER),
    "another account's upload": of_others(an_address, "There is no such upload", OTHER),
    "another account's plan, stopped": of_others(stopping(a_plan), "belongs to another account", OTHER),
    "another account's history": of_others(a_change, "has no entry", OTHER),
    "another account's resource": a_resource_of_another_account,
    "another account's name while typing": a_word_of_another_account,
    "an upload address once more": a_replayed_upload,
    "an upload address that was ended": an_ended_upload,
    "a body that is too large": too_large,
    "the token among the arguments": repeats_its_token,
}  # fmt: skip
FOR_ONE: dict[tuple[str, str], Row] = {
    ("token", "no token"): shows(lambda _: None),
    ("token", "a token of nobody"): shows(lambda cell: (cell.token(), "fsm_" + "A" * 43)[1]),
    ("token", "a revoked token"): shows(taken_back),
    ("token", "an expired token"): shows(over),
    ("token", "a token with a letter more"): shows(lambda cell: cell.token() + "A"),
    ("token", "a token of an account that is gone"): shows(lambda cell: cell.token(account="gone"), 403),
    ("token", "a file of who is gone"): a_file_of_who_is_gone,
    ("issuer", "an expired token"): shows(claimed(exp=int(time.time()) - 600)),
    ("issuer", "a token to come"): shows(claimed(nbf=int(time.time()) + 3600)),
    ("issuer", "another audience"): shows(claimed(aud="https://other.example.com/mcp")),
    ("issuer", "another issuer"): shows(claimed(iss="https://evil.example.com")),
    ("issuer", "no subject"): shows(claimed(sub=None)),
    ("issuer", "no end"): shows(claimed(exp=None)),
    ("issuer", "alg none"): shows(lambda cell: unsigned(cell.place, "none")),
    ("issuer", "the public key as a secret"): shows(lambda cell: by_confusion(cell.place)),
    ("issuer", "a key of somebody else"): shows(lambda cell: signed(cell.place.issuer.claims(AUDIENCE), key_pair("attacker"))),
    ("issuer", "nobody whom an account names"): shows(claimed(sub="eve", groups=["sales"]), 403),
    ("issuer", "no scope of ours"): shows(claimed(scope="openid"), 403),
}  # fmt: skip
EITHER, EACH = tuple(zip(WAYS, REVISIONS, strict=True)), tuple(product(WAYS, REVISIONS))
CELLS = [
    *((name, row, *one) for (name, row), one in product(BEFORE_ANYBODY_IS_KNOWN.items(), EITHER)),
    *((name, row, *one) for (name, row), one in product(FOR_BOTH_WAYS.items(), EACH)),
    *((name, row, way, revision) for ((way, name), row), revision in product(FOR_ONE.items(), REVISIONS)),
]


@pytest.mark.parametrize(
    ("row", "way", "revision"), [one[1:] for one in CELLS], ids=["-".join((name, *more)) for name, _, *more in CELLS]
)
def test_what_is_refused_reaches_nobody(place: Guarded, row: Row, way: str, revision: str) -> None:
    steps = row(Cell(place, revision, way))
    next(steps)
    place.forget()
    assert next(steps, "ended") == "ended"
    assert place.asked == {}


@pytest.mark.parametrize(("way", "revision"), EITHER)
async def test_of_two_hundred_calls_of_one_caller_no_more_get_through_than_may(
    own: Guarded, way: str, revision: str
) -> None:
    own.sandboxes[OWN].add_fault(Fault("slow", times=0, seconds=1.0))
    cell = Cell(own, revision, way)
    caller, other = cell.by(), cell.by()
    for one in (caller, other):
        await to_thread.run_sync(one.result, "tools/list")
    own.forget()
    session = [("Mcp-Session-Id", caller.session)] if caller.session else []
    statuses = Counter[int]()

    async def call() -> None:
        headers, content = cell.request(caller.token, *session)
        statuses[await status_of(own.port, headers, content)] += 1

    async with anyio.create_task_group() as group:
        for _ in range(200):
            group.start_soon(call)
        assert not (await to_thread.run_sync(other.call, "get_upload")).is_error
    assert statuses.keys() == {200, 429}
    assert len(own.asked[OWN]) <= statuses[200] < 100


def test_the_table_is_as_large_as_it_says() -> None:
    assert len({(name, *more) for name, _, *more in CELLS}) == len(CELLS) == 182
