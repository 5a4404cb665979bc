"""`doctor --http`: a server is judged from outside, each fault by its own check with what helps, and nothing is changed."""

import asyncio
import io
import json
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
import trustme

from flipsnack_mcp.commands.doctor import visit as visit_of_doctor
from flipsnack_mcp.commands.doctor.finding import Finding
from flipsnack_mcp.commands.doctor.reaching import clock, encrypted, lasting
from flipsnack_mcp.commands.doctor.served import CHECKS, examined_server, token_from
from flipsnack_mcp.commands.doctor.visit import Endpoint, Visit, server_at, visiting
from tests.api.street import no_network_settings
from tests.commands.judged import HOST, TOKEN, judged
from tests.commands.processes import Ended, Run, nobody_answers_at

Here = Callable[..., Ended]
ADDRESSES = {
    "https://flipsnack.example.com": "https://flipsnack.example.com/mcp",
    "https://flipsnack.example.com/": "https://flipsnack.example.com/mcp",
    "https://flipsnack.example.com/mcp": "https://flipsnack.example.com/mcp",
    "https://example.com/tools/mcp/": "https://example.com/tools/mcp",
    "https://example.com/tools": "https://example.com/tools/mcp",
    " http://127.0.0.1:8000 ": "http://127.0.0.1:8000/mcp",
    "http://[::1]:8000/mcp": "http://[::1]:8000/mcp",
}
NO_ADDRESSES = [
    "",
    "catalogues.example.org",
    "ftp://a.b/",
    "https:///mcp",
    "https://u:p@a.b/",
    "https://a.b:x/",
    "https://[a/",
]


@pytest.mark.parametrize(("typed", "meant"), ADDRESSES.items())
def test_an_address_is_taken_as_a_person_writes_it(typed: str, meant: str) -> None:
    assert server_at(typed).url == meant


@pytest.mark.parametrize("typed", NO_ADDRESSES)
def test_what_is_no_address_is_wrong_usage_and_not_repeated(run_here: Here, typed: str) -> None:
    done = run_here("doctor", "--http", typed)
    assert (done.status, done.out) == (2, "")
    assert "takes the address of a server" in done.err
    assert not typed or typed not in done.err


def test_a_token_without_a_server_is_wrong_usage(run_here: Here) -> None:
    assert run_here("doctor", "--token-file", "token").status == 2


def test_a_token_that_cannot_be_read_is_said_before_anything_is_asked(run_here: Here, tmp_path: Path) -> None:
    with nobody_answers_at() as port:
        done = run_here("doctor", "--http", f"http://{HOST}:{port}", "--token-file", str(tmp_path / "none"))
    assert done.status == 1
    assert "The token could not be read" in done.out
    assert "nothing was asked" in done.out


@pytest.mark.parametrize("content", ["", "\n", f"{TOKEN}\nThis token is shown once.\n", "caf\u00e9"])
def test_a_file_without_a_token_alone_is_said_before_anything_is_asked(
    run_here: Here, tmp_path: Path, content: str
) -> None:
    (tmp_path / "token").write_text(content, encoding="utf-8")
    with nobody_answers_at() as port:
        done = run_here("doctor", "--http", f"http://{HOST}:{port}", "--token-file", str(tmp_path / "token"))
    assert (done.status, "it is one word. Nothing was asked." in done.out) == (1, True)
    assert TOKEN not in done.out + done.err


async def looked_at(url: str, token: str = TOKEN) -> dict[str, Finding]:
    """What the doctor found, by what it looked at."""
    with anyio.fail_after(120):
        findings = await examined_server(Endpoint(url), token)
    assert not [one for one in findings if TOKEN in one.said]
    return {one.check: one for one in findings}


async def test_a_server_that_is_well_passes_every_check() -> None:
    async with judged() as gate:
        found = await looked_at(gate.url)
    assert [one for one in found.values() if not one.ok] == []
    assert {*found} == {
        "name", "encryption", "health", "ready", "replicas", "clock", "without a token", "a wrong token", "the way in",
        "a foreign Host", "a foreign Origin", "the Origin null", "a made-up address of /uploads",
        "a made-up address of /files", "current clients", "older clients", "what it shows",
    }  # fmt: skip
    assert "2026-07-28" in found["current clients"].said
    assert "2025-11-25" in found["older clients"].said
    assert "authorization server, scopes flipsnack:read" in found["the way in"].said


OTHER_RESOURCE = {"resource": "https://other.example.com/mcp", "authorization_servers": ["https://login.example.com"]}
METADATA = "/.well-known/oauth-protected-resource/mcp"
FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "not ready": ({"/ready": (503, {}, {"because": ["The store does not answer."]})}, "ready", "The store does not answer."),
    "another page": ({"/ready": (200, {}, "<html>")}, "ready", "another server answers"),
    "no such path": ({"/health": (404, {}, "nginx")}, "health", "may not let this path through"),
    "foreign Host": ({"host": 1}, "a foreign Host", "hand Host and Origin on"),
    "foreign Origin": ({"origin": 1}, "a foreign Origin", "hand Host and Origin on"),
    "Origin null": ({"origin": 1}, "the Origin null", "hand Host and Origin on"),
    "no metadata": ({METADATA: (404, {}, "")}, "the way in", "Let /.well-known/ through"),
    "metadata of another": ({METADATA: (200, {}, OTHER_RESOURCE)}, "the way in", "FLIPSNACK_PUBLIC_URL"),
    "metadata elsewhere": ({"challenge": 'Bearer resource_metadata="http://127.0.0.1:9/"'}, "the way in", "another host"),
    "no scopes": ({"challenge": 'Bearer resource_metadata="METADATA"'}, "the way in", "names no scopes"),
    "no challenge": ({"challenge": "Basic"}, "the way in", "names no way in"),
    "an address for anybody": ({"/mcp": (403, {}, "")}, "without a token", "instead of 401"),
    "no client": ({"/mcp": (502, {}, "")}, "current clients", "could not begin"),
    "a version": ({"headers": {"server": "nginx/1.22.1"}}, "what it shows", "version of what stands before it"),
    "a network": ({"headers": {"x-upstream": "10.1.2.3:8000"}}, "what it shows", "addresses of its own network"),
    "a signature": ({"headers": {"x-debug": f"signature={'0' * 32}"}}, "what it shows", "a key or a signature"),
    "a state": ({"headers": {"x-debug": "redis://store"}}, "what it shows", "where its state is kept"),
    "a store": ({"headers": {"x-debug": "Redis at store:6379, database 0 cannot be reached."}}, "what it shows", "where its state is kept"),
    "the token": ({"headers": {"x-debug": TOKEN}}, "what it shows", "the token"),
}  # fmt: skip


VISITS = """another page | not ready, foreign Host, no metadata, a version | no such path, foreign Origin, Origin null, metadata of another, a network
 | metadata elsewhere, a signature | no scopes, a state | no challenge, a store | an address for anybody, the token | no client"""


@pytest.mark.parametrize("visit", VISITS.split(" | "))
async def test_a_fault_is_found_by_its_check_and_told_with_what_helps(visit: str) -> None:
    every = [FAULTS[one] for one in visit.strip().split(", ")]
    together = {name: answer for faults, _, _ in every for name, answer in faults.items()}
    async with judged(**together) as gate:
        found = await looked_at(gate.url)
    assert [said for _, check, said in every if found[check].ok or said not in found[check].said] == []
    wrong = {name for name, one in found.items() if not one.ok}
    assert "/mcp" in together or wrong == {check for _, check, _ in every}  # without that path little can be looked at


def test_every_fault_is_visited() -> None:
    assert {one.strip() for visit in VISITS.split(" | ") for one in visit.split(", ")} == FAULTS.keys()


async def test_who_gives_no_token_is_told_what_was_not_looked_at() -> None:
    async with judged() as gate:
        found = await looked_at(gate.url, "")
    assert [one for one in found.values() if not one.ok] == []
    assert "--token-file" in found["clients"].said


async def test_a_wrong_token_is_a_finding_and_nothing_else_breaks() -> None:
    async with judged() as gate:
        found = await looked_at(gate.url, "wrong")
    assert {name for name, one in found.items() if not one.ok} == {"the token"}
    assert "refused (401)" in found["the token"].said
    assert "current clients" not in found


async def test_a_server_for_one_person_on_this_machine_is_well_without_tokens() -> None:
    async with judged(open=1, host=0) as gate:
        found = await looked_at(gate.url, "")
    assert found["without a token"].ok
    assert found["current clients"].ok


async def test_sessions_that_it_began_are_ended() -> None:
    async with judged(open=1, host=1, origin=1) as gate:
        await looked_at(gate.url)
    begun_by_itself, begun_by_the_client = 5, 1
    assert gate.methods["DELETE"] == begun_by_itself + begun_by_the_client


async def test_replicas_are_counted() -> None:
    async with judged(replicas=3) as gate:
        found = await looked_at(gate.url)
    assert found["replicas"].said.startswith("3 replicas answer")


async def test_who_cannot_be_reached_is_said_with_what_helps() -> None:
    with nobody_answers_at() as port:
        found = await looked_at(f"http://{HOST}:{port}/mcp")
    assert not found["connection"].ok
    assert "Look whether the server runs" in found["connection"].said


async def test_a_name_that_nobody_has_ends_the_visit(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(anyio, "getaddrinfo", unknown)
    found = await looked_at("https://flipsnack.invalid/mcp")
    assert {*found} == {"name"}
    assert "DNS" in found["name"].said


async def test_behind_a_proxy_neither_name_nor_certificate_is_looked_at_past_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    no_network_settings(monkeypatch)
    with nobody_answers_at() as port:
        monkeypatch.setenv("https_proxy", f"http://u:hunter2@{HOST}:{port}")
        found = await looked_at("https://flipsnack.invalid/mcp")
    assert {*found} == {"proxy", "connection"}
    assert "https_proxy" in found["proxy"].said
    assert "hunter2" not in found["proxy"].said + found["connection"].said


def test_what_is_not_encrypted_is_fit_for_this_machine_only() -> None:
    assert anyio.run(first_of, Endpoint("http://192.0.2.1/mcp")).ok is False
    assert anyio.run(first_of, Endpoint("http://127.0.0.1/mcp")).ok is True


async def first_of(place: Endpoint) -> Finding:
    async with visiting(place, "") as visit:
        return await anext(encrypted(visit))


@pytest.mark.parametrize(("days", "ok"), [(-1, False), (3, False), (13, False), (15, True), (90, True)])
def test_a_certificate_that_ends_soon_is_a_fault(days: int, *, ok: bool) -> None:
    found = lasting(days * 86_400 + 60)
    assert (found.ok, f"{days} more days" in found.said) == (ok, True)


CERTIFICATES: dict[str, tuple[str, bool, str]] = {
    "good": ("localhost", True, "more days"),
    "another name": ("other.example.com", False, "get one for this name"),
}


@pytest.mark.parametrize(("name", "ok", "said"), CERTIFICATES.values(), ids=CERTIFICATES)
async def test_a_certificate_is_judged_as_clients_do(
    name: str, *, ok: bool, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    found = await certified(authority, name)
    assert (found.ok, said in found.said) == (ok, True), found.said


async def test_an_authority_that_nobody_knows_is_said() -> None:
    found = await certified(trustme.CA(), "localhost")
    assert not found.ok
    assert "authorities that they know" in found.said


async def certified(authority: trustme.CA, name: str) -> Finding:
    """What is found of a server with such a certificate."""
    async with speaking_tls(authority, name) as port:
        return await first_of(Endpoint(f"https://localhost:{port}/mcp"))


@asynccontextmanager
async def speaking_tls(authority: trustme.CA, name: str) -> AsyncIterator[int]:
    """A port at which somebody shows a certificate and hangs up."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)

    async def hang_up(stream: Any) -> None:
        await stream.aclose()

    from anyio.streams.tls import TLSListener  # noqa: PLC0415

    listener = await anyio.create_tcp_listener(local_host=HOST)
    port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - not Django's
    async with listener, anyio.create_task_group() as group:
        group.start_soon(TLSListener(listener, context, standard_compatible=False).serve, hang_up)
        yield int(port)
        group.cancel_scope.cancel()


async def test_an_address_without_encryption_before_a_port_that_has_it_is_one_fault() -> None:
    async with speaking_tls(trustme.CA(), "localhost") as port:
        found = await looked_at(f"http://localhost:{port}/mcp")
    assert {*found} == {"name", "encryption"}
    assert (found["encryption"].ok, "write https://" in found["encryption"].said) == (False, True)


async def test_an_address_with_encryption_before_a_port_that_has_none_is_one_fault() -> None:
    async with judged(open=1) as gate:
        found = await looked_at(gate.url.replace("http:", "https:"))
    assert {*found} == {"name", "encryption"}
    assert (found["encryption"].ok, "write http://" in found["encryption"].said) == (False, True)


async def test_a_certificate_that_is_not_taken_is_one_fault() -> None:
    async with speaking_tls(trustme.CA(), "localhost") as port:
        assert {*await looked_at(f"https://localhost:{port}/mcp")} == {"name", "encryption"}


@pytest.mark.parametrize("status", [404, 200])
async def test_something_else_that_answers_there_is_one_fault(status: int) -> None:
    """Of a web page that answers any address, it was said that it lives, is ready and asks nobody who they are."""
    nothing: dict[str, Any] = dict.fromkeys(("/health", "/ready", "/mcp"), (status, {}, "<html>"))
    async with judged(**nothing) as gate:
        found = await looked_at(gate.url)
    assert [name for name, one in found.items() if not one.ok] == ["server"]
    assert "something else than this server answers" in found["server"].said


@pytest.mark.parametrize(("body", "check"), [("[" * 200_000, "server"), ("x" * 10_000_001, "connection")])
async def test_an_answer_that_is_nested_or_has_no_end_is_one_fault(body: str, check: str) -> None:
    """The first ended the doctor with a traceback; of the other all was taken into memory."""
    async with judged(**dict.fromkeys(("/health", "/ready", "/mcp"), (200, {}, body))) as gate:
        found = await looked_at(gate.url)
    assert [name for name, one in found.items() if not one.ok] == [check]


async def test_an_answer_that_goes_on_is_waited_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit_of_doctor, "WHOLE_WITHIN", 0.1)

    async def begins(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"HTTP/1.1" in await reader.read(1000):  # and no hand-shake of TLS
            writer.write(b"HTTP/1.1 200 OK\r\n\r\nx")
            await reader.read()
        writer.close()

    async with await asyncio.start_server(begins, HOST, 0) as server:
        found = await looked_at(f"http://{HOST}:{server.sockets[0].getsockname()[1]}/mcp")
    assert [name for name, one in found.items() if not one.ok] == ["connection"]


@pytest.mark.parametrize(("ahead", "ok"), [(0.4, True), (-29, True), (31, False), (-3600, False)])
def test_a_clock_that_goes_wrong_is_a_fault(ahead: float, *, ok: bool) -> None:
    found = clock(ahead)
    assert (found.ok, f"{abs(ahead):.0f} s" in found.said) == (ok, True)


def test_the_command_judges_a_real_server(served: str, run_here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run_here("doctor", "--http", served.removesuffix("/mcp"), "--json")
    monkeypatch.setattr("sys.stdin", io.StringIO(TOKEN + "\n"))
    typed = run_here("doctor", "--http", served, "--token-file", "-")
    told = json.loads(done.out)
    assert told["url"] == served
    assert {one["check"] for one in told["checks"]} >= {"name", "without a token", "current clients", "what it shows"}
    for each in (done, typed):
        assert "Traceback" not in each.err
        assert TOKEN not in each.out + each.err
    assert "current clients: flipsnack" in typed.out


async def test_what_sends_a_token_back_has_it_repeated_on_no_terminal(run: Run, tmp_path: Path) -> None:
    """The client's own complaint of an answer that it cannot read came with a traceback, and most of the token."""
    (tmp_path / "token").write_text(TOKEN)
    async with judged(**{"/mcp": (200, {"content-type": "application/json"}, [TOKEN])}) as gate:
        command = partial(run, "doctor", "--http", gate.url, "--token-file", str(tmp_path / "token"))
        done = await anyio.to_thread.run_sync(command)
    assert (done.status, done.err) == (1, "")
    assert "answers show the token" in done.out


def test_the_token_of_a_file_is_its_text(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f" {TOKEN}\n")
    assert token_from(str(tmp_path / "token")) == TOKEN


async def test_a_token_is_not_sent_where_it_can_be_read_on_the_way() -> None:
    shown = list[str]()

    def answered(request: httpx2.Request) -> httpx2.Response:
        shown.append(request.headers.get("authorization", ""))
        return httpx2.Response(401)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answered)) as http:
        visit = Visit(server_at("http://flipsnack.example.com"), TOKEN, http)
        found = [one for look in CHECKS async for one in look(visit)]
    assert shown
    assert not any(TOKEN in one for one in shown)
    assert "the token was not sent" in found[-1].said
    assert "--token-file" not in str(found)
