"""The log of a team's server, as the process writes it, and what its doctor says of it: from outside, over a real socket."""

import json
import threading
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.commands.processes import Run, nobody_answers_at
from tests.team.collector import collecting
from tests.team.over_http import modern

MADE_UP = "k7Jq2Zr9sWx4Vb1Nc8Md3A"


@dataclass(frozen=True)
class Served:
    """What a server wrote while it was asked this and that, what it answered, and what its doctor found."""

    log: str
    sent: bytes
    """To the collector of spans and metrics."""
    answers: list[httpx2.Response]
    token: str
    judged: dict[str, Any]

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The log, every line of which is one object."""
        return [json.loads(line) for line in self.log.splitlines()]

    def line_of(self, answer: httpx2.Response) -> dict[str, Any]:
        """The line of one request."""
        (found,) = [one for one in self.lines if "route" in one and one["request_id"] == answer.headers["x-request-id"]]
        return found


@pytest.fixture(scope="module")
def server(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Served:
    folder = tmp_path_factory.mktemp("team")
    team = {"FLIPSNACK_TOKENS": str(folder / "tokens.json"), "FLIPSNACK_SANDBOX": "1"}
    token = run("token", "add", "anna", "--may", "read", **team).out.strip()
    (folder / "token").write_text(token)
    with nobody_answers_at() as port:
        pass
    # All that anybody says, libraries included.
    where = ("--log-level", "debug", "--drain-seconds", "0", "--http", f"127.0.0.1:{port}")
    with collecting() as collector:
        team["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.address
        with run.kept("serve", *where, **team) as process:
            assert process.stderr
            log = list[str]()
            while "running on" not in "".join(log[-1:]):
                log.append(process.stderr.readline())
                assert log[-1], log
            said = threading.Thread(target=lambda: log.extend(process.stderr or ()))
            said.start()
            answers = asked_this_and_that(f"http://127.0.0.1:{port}", token)
            own = ("--http", f"http://127.0.0.1:{port}", "--token-file", str(folder / "token"), "--json")
            judged = run("doctor", *own)
            process.terminate()
            said.join(60)
    return Served("".join(log), collector.raw, answers, token, json.loads(judged.out))


def asked_this_and_that(root: str, token: str) -> list[httpx2.Response]:
    """A call, one without a token, an address that nobody gave out, and whatever else clients write."""
    mine = {"Authorization": f"Bearer {token}", "X-Request-Id": "proxy-17"}
    headers, body = modern("tools/call", name="list_collections", arguments={"query": MADE_UP})
    strange = {"X-Request-Id": "a b", "Authorization": f"Bearer {MADE_UP}"}
    with httpx2.Client(base_url=root, timeout=60) as http:
        answers = [
            http.post("/mcp", json=body, headers=headers | mine),
            http.post("/mcp", json=body, headers=headers | strange),
            http.get(f"/files/{MADE_UP}", headers={"User-Agent": MADE_UP}),
        ]
        mine["X-Request-Id"] = "odd"
        for of_head, of_body in ODD.values():
            http.post("/mcp", json=body | of_body, headers=headers | mine | of_head)
        http.post("/mcp", content=f'{{"{MADE_UP}', headers=headers | mine)
        for path in ("uploads", "hooks", ".well-known", "mcp", MADE_UP):
            http.request(f"{MADE_UP}"[:8], f"/{path}/{MADE_UP}?{MADE_UP}", headers=mine)
    return answers


CALL: dict[str, Any] = {"name": MADE_UP, "arguments": {MADE_UP: MADE_UP}}
ODD: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "revision": ({"MCP-Protocol-Version": MADE_UP}, {}),
    "name": ({"Mcp-Name": MADE_UP}, {}),
    "method in the head": ({"Mcp-Method": MADE_UP}, {}),
    "method": ({}, {"method": MADE_UP}),
    "method in both": ({"Mcp-Method": MADE_UP}, {"method": MADE_UP}),
    "id": ({}, {"id": MADE_UP}),
    "parameters": ({}, {"params": MADE_UP}),
    "version": ({}, {"jsonrpc": MADE_UP}),
    "tool": ({"Mcp-Name": MADE_UP}, {"params": CALL}),
    "session": ({"Mcp-Session-Id": MADE_UP}, {}),
    "kind of answer": ({"Accept": MADE_UP}, {}),
    "host": ({"Host": f"{MADE_UP}.example"}, {}),
    "origin": ({"Origin": f"http://{MADE_UP}.example"}, {}),
    "trace": ({"traceparent": MADE_UP, "tracestate": f"a={MADE_UP}", "baggage": f"a={MADE_UP}"}, {}),
    "id of a request": ({"X-Request-Id": f"a {MADE_UP}"}, {}),
}


def test_a_call_has_a_line_with_who_made_it(server: Served) -> None:
    line = server.line_of(server.answers[0])
    told = {name: line.get(name) for name in ("request_id", "status", "caller", "tool", "outcome")}
    assert told == {
        "request_id": "proxy-17", "status": 200, "caller": "anna", "tool": "list_collections", "outcome": "done",
    }  # fmt: skip


def test_who_is_not_let_in_has_a_line_without_a_name(server: Served) -> None:
    line = server.line_of(server.answers[1])
    assert (line["status"], "caller" in line, "tool" in line) == (401, False, False)


def test_nothing_that_a_client_writes_is_written_or_sent(server: Served) -> None:
    """Neither a token nor an argument nor a one-time address, at whatever level and by whatever library."""
    assert server.line_of(server.answers[2])["route"] == "/files"
    assert len([one for one in server.lines if "route" in one]) > len(ODD)
    assert b"tools/call" in server.sent
    assert not [word for word in (server.token, MADE_UP) if word in server.log or word.encode() in server.sent]


def test_the_start_and_the_end_are_lines_of_the_same_kind(server: Served) -> None:
    messages = [one["message"] for one in server.lines if "message" in one]
    assert any("running on" in one for one in messages)
    assert len({one["replica"] for one in server.lines}) == 1


def test_its_doctor_finds_it_well(server: Served) -> None:
    faults = [one for one in server.judged["checks"] if not one["ok"]]
    assert faults == []
    found = {one["check"]: one["said"] for one in server.judged["checks"]}
    assert found["the way in"].startswith("a token that its operator gives out")
    assert "offers" in found["current clients"]
    assert "offers" in found["older clients"]
