"""The log of a team's server, as the process writes it, and what its doctor says of it: from outside, over a real socket."""

import json
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.commands.processes import Run, nobody_answers_at
from tests.team.over_http import modern

MADE_UP = "k7Jq2Zr9sWx4Vb1Nc8Md3A"


@dataclass(frozen=True)
class Served:
    """What a server wrote while it was asked this and that, what it answered, and what its doctor found."""

    log: str
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
    where = ("--log-level", "info", "--drain-seconds", "0", "--http", f"127.0.0.1:{port}")
    with run.kept("serve", *where, **team) as process:
        assert process.stderr
        log = list[str]()
        while "running on" not in "".join(log[-1:]):
            log.append(process.stderr.readline())
            assert log[-1], log
        answers = asked_this_and_that(f"http://127.0.0.1:{port}", token)
        judged = run("doctor", "--http", f"http://127.0.0.1:{port}", "--json", "--token-file", str(folder / "token"))
        process.terminate()
        log.append(process.communicate(timeout=60)[1])
    return Served("".join(log), answers, token, json.loads(judged.out))


def asked_this_and_that(root: str, token: str) -> list[httpx2.Response]:
    """A call, one without a token, and an address that nobody gave out."""
    headers, body = modern("tools/call", name="list_collections", arguments={"query": MADE_UP})
    mine = {"Authorization": f"Bearer {token}", "X-Request-Id": "proxy-17"}
    with httpx2.Client(base_url=root, timeout=60) as http:
        return [
            http.post("/mcp", json=body, headers=headers | mine),
            http.post(
                "/mcp", json=body, headers=headers | {"X-Request-Id": "a b", "Authorization": f"Bearer {MADE_UP}"}
            ),
            http.get(f"/files/{MADE_UP}", headers={"User-Agent": MADE_UP}),
        ]


def test_a_call_has_a_line_with_who_made_it(server: Served) -> None:
    line = server.line_of(server.answers[0])
    told = {name: line.get(name) for name in ("request_id", "status", "caller", "tool", "outcome")}
    assert told == {
        "request_id": "proxy-17", "status": 200, "caller": "anna", "tool": "list_collections", "outcome": "done",
    }  # fmt: skip


def test_who_is_not_let_in_has_a_line_without_a_name(server: Served) -> None:
    line = server.line_of(server.answers[1])
    assert (line["status"], "caller" in line, "tool" in line) == (401, False, False)


def test_no_token_no_argument_and_no_one_time_address_is_written(server: Served) -> None:
    assert server.line_of(server.answers[2])["route"] == "/files"
    assert not [word for word in (server.token, MADE_UP) if word in server.log]


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
