"""How a server begins and ends: real processes, pipes and terminals, each waited for by what it says."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.commands.processes import KEY, PROGRAM, SECRET, Run, nobody_answers_at, wait_for
from tests.commands.test_serving import HELLO, READY, asked

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and terminals of POSIX")

INTERRUPTED = 130
PATIENCE = 20.0  # for a machine with much else to do; what is measured by hand is a tenth of a second
IN_SANDBOX = {"FLIPSNACK_SANDBOX": "1", "FLIPSNACK_STATE": "memory:"}


@dataclass
class Served:
    """A server on stdio that a test talks to."""

    process: "subprocess.Popen[str]"
    folder: Path

    def say(self, *lines: str) -> None:
        assert self.process.stdin
        self.process.stdin.write("".join(f"{line}\n" for line in lines))
        self.process.stdin.flush()

    def hear(self) -> Any:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def greet(self) -> None:
        self.say(HELLO, READY)
        assert self.hear()["id"] == 1

    def ended(self) -> tuple[int, str]:
        status = self.process.wait(timeout=PATIENCE)
        assert self.process.stderr
        said = self.process.stderr.read()
        assert "Traceback" not in said
        assert "Exception" not in said
        return status, said


@pytest.fixture
def served(run: Run, tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "offers.pdf").write_bytes(b"%PDF-1.7\n<< /Type /Page >>\n%%EOF\n")
    with run.kept("serve", FLIPSNACK_UPLOAD_DIRS=str(tmp_path), **IN_SANDBOX) as process:
        yield Served(process, tmp_path)


def idle(server: Served) -> None:
    server.greet()


def in_a_call(server: Served) -> None:
    server.greet()
    arguments = {"file_path": str(server.folder / "offers.pdf"), "title": "Offers", "wait_seconds": 45}
    params = {"name": "create_collection", "arguments": arguments, "_meta": {"progressToken": 7}}
    server.say(asked(2, "tools/call", **params))
    assert server.hear()["method"] == "notifications/progress"


def in_many_calls(server: Served) -> None:
    server.greet()
    for number in range(2, 12):
        server.say(asked(number, "tools/call", name="list_collections", arguments={"limit": 1}))
    server.hear()


def in_half_a_line(server: Served) -> None:
    server.greet()
    assert server.process.stdin
    server.process.stdin.write('{"jsonrpc": "2.0", "id": 2, "meth')
    server.process.stdin.flush()


def with_a_reader_who_stopped(server: Served) -> None:
    """More answers than the pipe holds, and nobody who takes them."""
    server.greet()
    for number in range(2, 22):
        server.say(asked(number, "tools/list"))
    server.hear()


SITUATIONS = [(idle, 1), (idle, 2), (in_many_calls, 1), (in_half_a_line, 2), (with_a_reader_who_stopped, 1)]


@pytest.mark.parametrize(("situation", "times"), SITUATIONS)
def test_an_interrupt_ends_a_server_on_stdio(served: Served, situation: Callable[[Served], None], times: int) -> None:
    situation(served)
    for _ in range(times):
        served.process.send_signal(signal.SIGINT)
    assert served.ended() == (INTERRUPTED, "")


def test_an_interrupt_leaves_no_half_file_and_no_lock(run: Run, tmp_path: Path) -> None:
    state = f"sqlite:{tmp_path / 'state.sqlite'}"
    settings = {**IN_SANDBOX, "FLIPSNACK_STATE": state, "FLIPSNACK_UPLOAD_DIRS": str(tmp_path)}
    (tmp_path / "offers.pdf").write_bytes(b"%PDF-1.7\n<< /Type /Page >>\n%%EOF\n")
    with run.kept("serve", **settings) as process:
        server = Served(process, tmp_path)
        in_a_call(server)
        process.send_signal(signal.SIGINT)
        assert server.ended() == (INTERRUPTED, "")
    # A journal that is kept begins with zeros once nothing is half written: https://sqlite.org/atomiccommit.html#_persistent_rollback_journals
    assert not [one.name for one in tmp_path.iterdir() if "journal" in one.name and any(one.read_bytes()[:8])]
    listed = run("history", **settings)
    assert (listed.status, listed.err) == (0, "")


@pytest.mark.parametrize(
    ("typed", "slow"),
    [
        ("serve", "dataclasses"), ("serve", "mcp"), ("serve", "anyio"), ("serve --http 127.0.0.1:1", "mcp"), ("serve --sandbox", "httpx2"),
        ("demo", "anyio"), ("doctor", "anyio"), ("history", "anyio"), ("approve", "anyio"), ("approve ABCDEFGH", "anyio"),
        ("sandbox", "anyio"), ("sandbox --port 0", "starlette"),
    ],
)  # fmt: skip
def test_an_interrupt_ends_a_command_that_is_still_beginning(run: Run, tmp_path: Path, typed: str, slow: str) -> None:
    """On a slow disk the first start takes seconds, and half an import makes errors of any kind. A call makes it begin."""
    says = "try:\n    print('here', file=sys.stderr, flush=True)\n    time.sleep(30)"
    swallows = "except BaseException:\n    raise ImportError('half of it') from None"
    (tmp_path / f"{slow}.py").write_text(f"import sys, time\n{says}\n{swallows}\n")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    with run.kept(*typed.split(), PYTHONPATH=path, **IN_SANDBOX) as process:
        assert process.stderr
        Served(process, tmp_path).say(asked(1, "ping"))
        wait_for(process.stderr, "here")
        process.send_signal(signal.SIGINT)
        status, said = Served(process, tmp_path).ended()
    assert (status in {INTERRUPTED, -signal.SIGINT}, said) == (True, "")


LOOKS_UP = """
import socket, sys, time
def never_found(*_, **__):
    print("looking", file=sys.stderr, flush=True)
    time.sleep(60)
socket.getaddrinfo = never_found
"""


def test_a_client_that_goes_does_not_wait_for_a_name_that_no_dns_answers(run: Run, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(LOOKS_UP)
    path = os.pathsep.join([str(tmp_path), *sys.path])
    credentials = {"FLIPSNACK_API_KEY": KEY, "FLIPSNACK_API_SECRET": SECRET}
    with run.kept(PYTHONPATH=path, FLIPSNACK_STATE="memory:", **credentials) as process:
        server = Served(process, tmp_path)
        server.greet()
        server.say(asked(2, "tools/call", name="get_user_stats", arguments={}))
        assert process.stderr
        wait_for(process.stderr, "looking")
        _, logged = process.communicate(timeout=PATIENCE)  # closes what it reads from
    assert (process.returncode, "Traceback" in logged) == (0, False)


# A terminal


@contextmanager
def at_a_terminal(run: Run, *arguments: str, **environment: str) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """The program with a terminal of its own, and our end of it."""
    ours, theirs = os.openpty()
    program = "import os, sys; os.login_tty(int(sys.argv[1])); os.execv(sys.argv[2], sys.argv[2:])"
    command = [sys.executable, "-c", program, str(theirs), *PROGRAM, *arguments]
    environment = {**run.environment, **IN_SANDBOX, **environment}
    with subprocess.Popen(command, env=environment, pass_fds=[theirs]) as process:  # noqa: S603 - our own program
        os.close(theirs)
        try:
            yield process, ours
        finally:
            process.kill()
            os.close(ours)


def read_until(terminal: int, what: str) -> str:
    seen = ""
    while what not in seen:
        assert select.select([terminal], [], [], PATIENCE)[0], f"never said {what!r}"
        seen += os.read(terminal, 1000).decode()
    return seen


def rest_of(terminal: int) -> str:
    seen = b""
    with suppress(OSError):  # how Linux says that nobody holds the other end
        while more := os.read(terminal, 1000):
            seen += more
    return seen.decode()


@pytest.mark.parametrize(
    ("arguments", "key", "status"),
    [((), "\x03", INTERRUPTED), (("serve",), "\x04", 0), (("--log-level", "ERROR"), "\x03\x03", INTERRUPTED)],
    ids=["ctrl-c", "ctrl-d", "ctrl-c twice"],
)
def test_a_person_at_a_terminal_is_told_what_is_waited_for_and_can_leave(
    run: Run, arguments: tuple[str, ...], key: str, status: int
) -> None:
    with at_a_terminal(run, *arguments) as (process, terminal):
        said = read_until(terminal, "\n")
        assert "waiting for an MCP client" in said
        assert "-m flipsnack_mcp demo`" in said
        os.write(terminal, key.encode())
        assert process.wait(PATIENCE) == status
        assert "Traceback" not in rest_of(terminal)


def test_the_line_goes_to_stderr_and_only_where_a_terminal_asks(run: Run) -> None:
    done = run("serve", **IN_SANDBOX)
    assert (done.status, done.out, done.err) == (0, "", "")


def test_a_terminal_is_told_where_http_is_served(run: Run) -> None:
    with nobody_answers_at() as port:
        pass
    with at_a_terminal(run, "serve", "--http", f"127.0.0.1:{port}") as (process, terminal):
        assert f"http://127.0.0.1:{port}/mcp" in read_until(terminal, "\n")
        os.write(terminal, b"\x03")
        assert process.wait(PATIENCE) == INTERRUPTED
        assert "Traceback" not in rest_of(terminal)


# HTTP


@contextmanager
def over_http(run: Run) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    with nobody_answers_at() as port:
        pass
    where = ("--http", f"127.0.0.1:{port}", "--log-level", "info")
    with run.kept("serve", *where, **IN_SANDBOX) as process:
        assert process.stderr
        wait_for(process.stderr, "running on")
        yield process, port


ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


def an_open_stream(port: int) -> tuple[httpx2.Client, httpx2.Response]:
    """A client of an older revision that listens for what the server says by itself."""
    client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", headers=ACCEPT, timeout=PATIENCE)
    greeted = client.post("/mcp", content=HELLO)
    session = {"Mcp-Session-Id": greeted.headers["mcp-session-id"], "MCP-Protocol-Version": "2025-11-25"}
    client.post("/mcp", content=READY, headers=session)
    stream = client.send(client.build_request("GET", "/mcp", headers=session), stream=True)
    assert stream.status_code == 200
    return client, stream


def a_call_that_waits(port: int) -> tuple[httpx2.Client | httpx2.Response, ...]:
    client, stream = an_open_stream(port)
    arguments = {"collection_hash": "nothere", "wait_seconds": 45}
    session = {name: value for name, value in stream.request.headers.items() if name.startswith("mcp-")}
    call = asked(2, "tools/call", name="get_collection", arguments=arguments)
    answer = client.send(client.build_request("POST", "/mcp", content=call, headers=session), stream=True)
    return answer, stream, client


def test_an_interrupt_ends_a_server_on_http_whoever_is_connected(run: Run) -> None:
    with over_http(run) as (process, port), ExitStack() as guests:
        silent, half = (guests.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(2))
        half.sendall(b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Le")
        for one in a_call_that_waits(port):
            guests.callback(one.close)
        assert silent.fileno() > 0
        process.send_signal(signal.SIGINT)
        status, _ = Served(process, Path()).ended()
    assert status == INTERRUPTED


# Streams that are not there


def with_shell(run: Run, redirections: str, given: str = "", **environment: str) -> tuple[int, str, str]:
    command = ["sh", "-c", f'exec "$@" {redirections}', "sh", *PROGRAM]
    environment = {**run.environment, **IN_SANDBOX, **environment}
    done = subprocess.run(  # noqa: S603 - our own program
        command, env=environment, input=given, capture_output=True, text=True, check=False, timeout=60
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("redirections", "status", "said"),
    [
        ("<&- >&-", 1, "stdin or stdout is closed"),
        ("</dev/null >/dev/full", 0, ""),
        ("</dev/null 2>&-", 0, ""),
        ("</dev/null 2>/dev/full", 0, ""),
    ],
)
def test_a_stream_that_is_closed_or_full_is_named_or_not_missed(
    run: Run, redirections: str, status: int, said: str
) -> None:
    ended = with_shell(run, redirections)
    assert (ended[0], ended[1]) == (status, "")
    assert said in ended[2]
    assert bool(ended[2]) == bool(said)


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_calls_go_on_where_nothing_can_be_logged(run: Run, redirection: str) -> None:
    calls = [HELLO, READY, asked(2, "tools/call", name="no_such_tool", arguments={})]
    level = {"FLIPSNACK_LOG_LEVEL": "DEBUG", "FLIPSNACK_UPLOAD_DIR": "/unknown"}
    status, out, _ = with_shell(run, redirection, "".join(f"{one}\n" for one in calls), **level)
    assert status == 0
    assert json.loads(out.splitlines()[0])["id"] == 1
