"""Where a server may be bound, and by which names it answers: the rules, and the real application on a socket."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from flipsnack_mcp.settings import Settings
from flipsnack_mcp.team.authentication.starting import refusal_to_serve
from flipsnack_mcp.team.host_check import names_bound_to
from tests.listening import NO_TLS
from tests.team.over_http import ACCEPTED, HELLO, HOST, modern, served, whole_application

PUBLIC = "https://tools.example.com/"
ELSEWHERE = ["0.0.0.0", "::", "10.0.0.5", "tools.example.com", "127.0.0.2", "localhost.example.com", "[::1", "LOCALHOST.", "2130706433"]  # fmt: skip # noqa: S104
A_TEAM = Settings(sandbox=True, tokens=Path("/tokens"), team=True, public_url=PUBLIC)


@pytest.mark.parametrize("host", ELSEWHERE)
def test_beyond_this_machine_nobody_is_served_who_is_not_told_apart_and_under_no_name(host: str) -> None:
    assert "nothing says who may call" in refusal_to_serve(Settings(sandbox=True, public_url=PUBLIC), host)
    assert "FLIPSNACK_PUBLIC_URL" in refusal_to_serve(Settings(sandbox=True, tokens=Path("/tokens")), host)
    assert not refusal_to_serve(A_TEAM, host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_on_this_machine_nothing_has_to_be_set(host: str) -> None:
    assert not refusal_to_serve(Settings(), host)


# Bound to; public address; a Host; an Origin or none; the status of a refusal.
ADDRESSED: list[tuple[str, str, str, str, int]] = [
    ("127.0.0.1", "", "127.0.0.1:8000", "", 0),
    ("127.0.0.1", "", "localhost", "http://localhost:6274", 0),
    ("::1", "", "[::1]:8000", "http://[::1]:1", 0),
    ("127.0.0.1", "", "tools.example.com", "", 421),
    ("127.0.0.1", "", "127.0.0.1.evil.example", "", 421),
    ("127.0.0.1", "", "127.0.0.1:8000.evil.example", "", 421),
    ("127.0.0.1", "", "localhost:evil", "", 421),
    ("127.0.0.1", "", "127.0.0.1", "http://localhost:80.evil.example", 403),
    ("127.0.0.1", "", "127.0.0.1", "null", 403),
    ("127.0.0.1", "", "127.0.0.1", "https://localhost", 403),
    ("127.0.0.1", PUBLIC, "tools.example.com", "https://tools.example.com", 0),
    ("127.0.0.1", PUBLIC, "127.0.0.1:9101", "", 0),
    ("0.0.0.0", PUBLIC, "tools.example.com", "", 0),  # noqa: S104
    ("0.0.0.0", PUBLIC, "Tools.Example.COM:443", "https://TOOLS.example.com:443", 0),  # noqa: S104
    ("0.0.0.0", PUBLIC, "tools.example.com:80", "", 421),  # noqa: S104
    ("0.0.0.0", PUBLIC, "127.0.0.1:8000", "", 421),  # noqa: S104
    ("0.0.0.0", PUBLIC, "localhost", "", 421),  # noqa: S104
    ("0.0.0.0", PUBLIC, "toolsXexample.com", "", 421),  # noqa: S104
    ("0.0.0.0", PUBLIC, "tools.example.com.", "", 421),  # noqa: S104
    ("0.0.0.0", PUBLIC, "tools.example.com@evil.example", "", 421),  # noqa: S104
    ("0.0.0.0", PUBLIC, "tools.example.com", "null", 403),  # noqa: S104
    ("0.0.0.0", PUBLIC, "tools.example.com", "http://tools.example.com", 403),  # noqa: S104
    ("0.0.0.0", PUBLIC, "tools.example.com", "https://tools.example.com.evil.example", 403),  # noqa: S104
    ("0.0.0.0", PUBLIC, "tools.example.com", "http://localhost:3000", 403),  # noqa: S104
    ("::", "https://tools.example.com:8443/x/", "tools.example.com:8443", "https://tools.example.com:8443", 0),
    ("::", "https://tools.example.com:8443/x/", "tools.example.com", "", 421),
    ("::", "https://[2001:db8::1]/", "[2001:db8::1]", "https://[2001:db8::1]", 0),
]


@pytest.mark.parametrize(("bound", "public", "host", "origin", "status"), ADDRESSED)
def test_a_server_answers_under_its_own_names_alone(
    bound: str, public: str, host: str, origin: str, status: int
) -> None:
    assert names_bound_to(bound, public).refuse([host], [origin] if origin else []) == status


@pytest.mark.parametrize("hosts", [[], ["127.0.0.1", "127.0.0.1"], [""]])
def test_a_request_has_one_name(hosts: list[str]) -> None:
    assert names_bound_to("127.0.0.1", "").refuse(hosts, []) == 421


def test_each_of_several_origins_has_to_be_ours() -> None:
    assert names_bound_to("127.0.0.1", "").refuse(["127.0.0.1"], ["http://localhost", "https://evil.example"]) == 403


@pytest.mark.parametrize(
    "state", ["redis://localhost", "rediss://user:password@redis.example:6380/1", "unix:///run/redis.sock"]
)
def test_what_is_kept_on_a_server_is_kept_for_several(state: str) -> None:
    assert Settings(state=state).one_of_several


@pytest.mark.parametrize("state", ["", "memory:", "sqlite:/var/lib/state.sqlite"])
def test_one_person_on_loopback_has_the_server_alone(state: str) -> None:
    assert not Settings(state=state).one_of_several


async def answered(path: str, headers: dict[str, str], **settings: Any) -> httpx2.Response:
    app = whole_application(host="0.0.0.0", **settings)  # noqa: S104  # as if it were bound so
    async with served(app) as port, httpx2.AsyncClient(verify=NO_TLS) as http:
        if path.rstrip("/").endswith("/mcp"):
            return await http.post(f"http://{HOST}:{port}{path}", json=HELLO, headers={**ACCEPTED, **headers})
        return await http.get(f"http://{HOST}:{port}{path}", headers=headers)


@pytest.mark.parametrize("path", ["/mcp", "/flipsnack/mcp", "/ready", "/flipsnack/ready", "/health"])
async def test_a_path_before_ours_may_be_taken_off_by_the_balancer_or_left(path: str) -> None:
    headers = {"Host": "tools.example.com"}
    assert (await answered(path, headers, public_url=f"{PUBLIC}flipsnack/")).status_code == 200


@pytest.mark.parametrize("path", ["/mcp/", "/flipsnack/mcp/"])
async def test_the_address_with_a_stroke_at_its_end_is_the_same_and_nobody_is_sent_to_another(path: str) -> None:
    """Behind what brings TLS that other one would be without: the next request would show its token to everybody."""
    answer = await answered(path, {"Host": "tools.example.com"}, public_url=f"{PUBLIC}flipsnack/")
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/", "/sse", "//mcp", "/mcp/x", "/anything/mcp"])
async def test_who_asks_elsewhere_is_told_the_address(path: str) -> None:
    answer = await answered(path, {"Host": "tools.example.com"}, public_url=PUBLIC)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
    assert "this server's address for MCP is https://tools.example.com/mcp" in answer.json()["error"]["message"]


@pytest.mark.parametrize(("more", "status"), [({"Host": "x.example"}, 421), ({"Origin": "https://x.example"}, 403)])
async def test_who_is_refused_for_a_name_is_told_where_the_right_one_is_said(more: dict[str, str], status: int) -> None:
    answer = await answered("/mcp", {"Host": "tools.example.com", **more}, public_url=PUBLIC)
    assert answer.status_code == status
    step = answer.json()["error"]["message"].partition("Nothing was done. ")[2]
    assert "FLIPSNACK_PUBLIC_URL" in step
    assert "tools.example.com" not in step  # who asks under a wrong name is not told the right one


WITHOUT_WORDS: dict[str, tuple[str, dict[str, str], int, str]] = {
    "another verb": ("PUT", {}, 405, "This address answers POST only."),
    "one kind of answer": ("POST", {"Accept": "application/json"}, 406, "both application/json and text/event-stream"),
}


@pytest.mark.parametrize("what", WITHOUT_WORDS)
async def test_what_the_sdk_refuses_by_a_status_alone_is_refused_in_words(what: str) -> None:
    verb, more, status, words = WITHOUT_WORDS[what]
    headers, body = modern("tools/list")
    async with served(whole_application()) as port, httpx2.AsyncClient(verify=NO_TLS) as http:
        answer = await http.request(verb, f"http://{HOST}:{port}/mcp", json=body, headers={**headers, **more})
        head = await http.head(f"http://{HOST}:{port}/mcp", headers=headers)
    assert (answer.status_code, answer.headers.get("allow")) == (status, "POST" if status == 405 else None)
    assert words in (said := answer.json()["error"]["message"])
    assert "Nothing was done." in said
    assert (head.status_code, head.content) == (405, b"")


async def test_a_request_that_comes_packed_is_told_so_and_not_called_no_json() -> None:
    content, packed = gzip.compress(json.dumps(HELLO).encode()), {**ACCEPTED, "Content-Encoding": "gzip"}
    async with served(whole_application()) as port, httpx2.AsyncClient(verify=NO_TLS) as http:
        address = f"http://{HOST}:{port}/mcp"
        answer = await http.post(address, content=content, headers=packed)
        plain = await http.post(address, json=HELLO, headers={**ACCEPTED, "Content-Encoding": "identity"})
    assert (answer.status_code, plain.status_code) == (415, 200)
    assert "came packed. Nothing was done. Send it as it is" in answer.json()["error"]["message"]


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
async def test_a_request_that_is_not_called_json_is_told_which_header_it_needs(kind: str | None) -> None:
    named = {"Content-Type": kind} if kind else {}
    async with served(whole_application()) as port, httpx2.AsyncClient(verify=NO_TLS) as http:
        head = {"Accept": ACCEPTED["Accept"], **named}
        answer = await http.post(f"http://{HOST}:{port}/mcp", content=json.dumps(HELLO).encode(), headers=head)
    assert (answer.status_code, answer.headers["content-type"]) == (415, "application/json")
    words = 'has to say "application/json". Nothing was done. Send it again with that.'
    assert words in answer.json()["error"]["message"]


async def test_a_request_of_two_lengths_is_refused_and_nothing_behind_it_is_read() -> None:
    """RFC 9112, 6.3: what is taken for a second request may be the end of the first."""
    both = "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    async with served(whole_application()) as port:
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(
            f"POST /mcp HTTP/1.1\r\nHost: {HOST}:{port}\r\n{both}GET /health HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        )
        answer = (await reader.read()).decode()
        writer.close()
    assert answer.startswith("HTTP/1.1 400 ")
    assert "says twice how long it is" in answer
    assert answer.count("HTTP/1.1") == 1


@pytest.mark.parametrize("path", ["/health", "/ready"])
async def test_a_balancer_asks_under_whatever_name(path: str) -> None:
    answer = await answered(path, {"Host": "10.0.0.5:8000", "Origin": "null"}, public_url=PUBLIC)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Host": "evil.example"}, 421), ({"Host": "tools.example.com", "Origin": "https://evil.example"}, 403)],
)
@pytest.mark.parametrize("path", ["/mcp", "/uploads/x", "/files/x", "/anything"])
async def test_everything_else_asks_under_the_right_one(path: str, headers: dict[str, str], status: int) -> None:
    answer = await answered(path, headers, public_url=PUBLIC)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert "Nothing was done" in answer.json()["error"]["message"]
