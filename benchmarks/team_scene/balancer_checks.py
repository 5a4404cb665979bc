"""What nginx does with the files of `packaging/nginx`, seen by upstreams that are no servers of ours: each counts what it got."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from benchmarks.team_scene.balancer import Balancer, balancing, unbound_port

CANARY = "CANARYADDRESS0123456789abcdef0123"
TOKEN = "CANARY-TOKEN-0123456789"  # noqa: S105 - opens nothing
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
KINDS = ("round-robin", "sticky")
SECRET_PATHS = ("uploads", "files", "hooks")


@dataclass
class Upstream:
    """Takes connections and does with each request what it is told."""

    answer: Callable[[Upstream, socket.socket, bytes], None]
    got: list[bytes] = field(default_factory=list[bytes])
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.handle, args=(connection,), daemon=True).start()

    def handle(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            while head := head_of(connection):
                self.got.append(head)
                self.answer(self, connection, head)
                if self.answer is hangs_up:
                    return


def head_of(connection: socket.socket) -> bytes:
    """The head of the next request, or nothing."""
    read = b""
    while b"\r\n\r\n" not in read:
        piece = connection.recv(1)
        if not piece:
            return b""
        read += piece
    return read


def body_of(connection: socket.socket, head: bytes) -> bytes:
    """The body whose length the head tells."""
    lengths = [
        int(line.partition(b":")[2]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
    ]
    read = b""
    while len(read) < sum(lengths):
        piece = connection.recv(1 << 16)
        if not piece:
            break
        read += piece
    return read


def answers_all(_: Upstream, connection: socket.socket, head: bytes) -> None:
    body_of(connection, head)
    connection.sendall(ANSWER)


def hangs_up(_: Upstream, connection: socket.socket, head: bytes) -> None:
    """After the whole request came, as a replica does that is killed."""
    body_of(connection, head)


@contextmanager
def upstreams(*answers: Callable[[Upstream, socket.socket, bytes], None]) -> Iterator[list[Upstream]]:
    every = [Upstream(one) for one in answers]
    for one in every:
        threading.Thread(target=one.serve, daemon=True).start()
    try:
        yield every
    finally:
        for one in every:
            one.listener.close()


def post(balancer: Balancer, path: str = "/mcp", content: bytes = b"{}", method: str = "POST") -> httpx2.Response:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    with httpx2.Client(verify=balancer.trusting(), trust_env=False, timeout=60) as http:
        return http.request(method, f"{balancer.url}{path}", content=content, headers=headers)


def said(answer: httpx2.Response) -> str:
    """The words of a JSON-RPC error."""
    found = json.loads(answer.text)
    assert found["id"] is None
    return str(found["error"]["message"])


def nothing_is_sent_twice(folder: Path, kind: str) -> str:
    with upstreams(hangs_up, hangs_up) as two, balancing(Balancer(folder, kind), [one.port for one in two]) as nginx:
        sent = 0
        for _ in range(20):
            answer = post(nginx)
            assert answer.status_code == 503, answer.text
            arrived = sum(len(one.got) for one in two)
            # Where both have just hung up, nginx leaves them alone for a while and sends nothing.
            assert arrived - sent in {0, 1}
            assert ("may have been changed" in said(answer)) == (arrived > sent), said(answer)
            assert ("Nothing was changed" in said(answer)) == (arrived == sent), said(answer)
            sent = arrived
        assert sent
    return "a POST whose replica ends is sent to no other, and answered in words that are true"


def who_is_gone_is_passed_over(folder: Path, kind: str) -> str:
    with (
        upstreams(answers_all) as (one,),
        balancing(Balancer(folder, kind), [unbound_port(), one.port, unbound_port()]) as nginx,
    ):
        assert [post(nginx).status_code for _ in range(20)] == [200] * 20
        assert len(one.got) == 20
    return "a replica that cannot be connected to costs nobody an error"


def what_is_too_much_is_refused_in_words(folder: Path, kind: str) -> str:
    with upstreams(answers_all) as (one,), balancing(Balancer(folder, kind), [one.port]) as nginx:
        large = post(nginx, content=b"x" * (4 * 1024 * 1024 + 1))
        assert (large.status_code, "Nothing was changed" in said(large)) == (413, True)
        assert not one.got
        with ThreadPoolExecutor(40) as many:
            answers = [*many.map(lambda _: post(nginx), range(300))]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused
        assert all("Nothing was changed" in said(answer) and answer.headers["Retry-After"] for answer in refused)
        assert len(one.got) == len(answers) - len(refused)
    return f"too large a request and {len(refused)} of 300 at once are refused in words"


def documents_and_answers_go_through_as_they_come(folder: Path, kind: str) -> str:
    arrived, go_on = threading.Event(), threading.Event()

    def drips(_: Upstream, connection: socket.socket, head: bytes) -> None:
        if head.startswith(b"PUT"):
            connection.recv(1 << 16)
            arrived.set()
            connection.sendall(ANSWER)
            connection.shutdown(socket.SHUT_RDWR)
            return
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: first\n\n")
        assert go_on.wait(30)
        connection.sendall(b"data: second\n\n")
        connection.shutdown(socket.SHUT_RDWR)

    with upstreams(drips) as (one,), balancing(Balancer(folder, kind), [one.port]) as nginx:
        http = httpx2.Client(verify=nginx.trusting(), trust_env=False, timeout=60)
        with http, http.stream("POST", f"{nginx.url}/mcp", content=b"{}") as answer:
            pieces = answer.iter_text()
            assert next(pieces) == "data: first\n\n"
            go_on.set()
            assert next(pieces) == "data: second\n\n"

        def slow() -> Iterator[bytes]:
            yield b"x" * 1000
            assert arrived.wait(30), "the document is kept back until it is whole"

        with suppress(httpx2.HTTPError), httpx2.Client(verify=nginx.trusting(), trust_env=False) as http:
            http.put(f"{nginx.url}/uploads/{CANARY}", content=slow())
        assert arrived.is_set()
    return "documents and events go through as they come"


def no_secret_is_written_down(folder: Path, kind: str) -> str:
    with upstreams(hangs_up, answers_all) as two:
        ports = [*(one.port for one in two), unbound_port()]
        with balancing(Balancer(folder, kind), ports) as nginx:
            for number in range(30):
                path = f"/{SECRET_PATHS[number % 3]}/{CANARY}"
                method = ("GET", "PUT", "POST", "HEAD")[number % 4]
                for spelled in (
                    path,
                    path.upper(),
                    f"/.{path}",
                    f"/%{ord(path[1]):x}{path[2:]}",
                    f"{path}/more?a={CANARY}",
                    f"/mcp?a={CANARY}",
                    f"/mcp/{CANARY}",
                    f"/{CANARY}",
                ):
                    post(nginx, spelled, method=method)
            assert b" 413 " in too_large(nginx)
            with ThreadPoolExecutor(20) as many:
                told = [*many.map(lambda _: post(nginx, f"/mcp?a={CANARY}").status_code, range(200))]
            assert 429 in told
            time.sleep(0.2)
            logged = nginx.logged
    assert '"path":"/uploads/-"' in logged
    for secret in (CANARY, CANARY.upper(), TOKEN):
        assert secret not in logged, next(line for line in logged.splitlines() if secret in line)
    return f"no address and no token in {len(logged.splitlines())} lines"


def where_nobody_is_reached_no_query_is_written_down(folder: Path, kind: str) -> str:
    paths = ("/mcp", "/ready", "/.well-known/oauth-protected-resource", "/hooks/x")
    with balancing(Balancer(folder, kind), [unbound_port(), unbound_port()]) as nginx:
        told = [post(nginx, f"{path}?token={CANARY}").status_code for path in paths]
        assert set(told) <= {502, 503}, told
        logged = nginx.logged
    assert '"replica_said":"502' in logged
    assert CANARY not in logged, next(line for line in logged.splitlines() if CANARY in line)
    return "a replica that is not reached is named without what it was asked"


def too_large(balancer: Balancer) -> bytes:
    """What is said to who announces a document that nobody may send."""
    head = f"PUT /uploads/{CANARY} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 600000000\r\n\r\n"
    plain = socket.create_connection(("127.0.0.1", balancer.port), 30)
    with balancer.trusting().wrap_socket(plain, server_hostname="localhost") as sealed:
        sealed.sendall(head.encode())
        return sealed.recv(1000)


CHECKS = (
    nothing_is_sent_twice,
    who_is_gone_is_passed_over,
    what_is_too_much_is_refused_in_words,
    documents_and_answers_go_through_as_they_come,
    no_secret_is_written_down,
    where_nobody_is_reached_no_query_is_written_down,
)


def balancers_checked(folder: Path) -> Iterator[str]:
    """One line for each that holds.

    Raises:
        AssertionError: One does not.
    """
    for kind in KINDS:
        for check in CHECKS:
            own = folder / f"{kind}-{check.__name__}"
            own.mkdir(parents=True)
            yield f"nginx, {kind}: {check(own, kind)}"
