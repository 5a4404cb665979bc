"""The first moments over real pipes: whole lines whatever a pipe takes, and nothing lost where the SDK has to go on."""

import json
import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread

import pytest

from flipsnack_mcp.front.answers import answers_for
from flipsnack_mcp.front.moments import answer_until_needed
from flipsnack_mcp.front.piping import ClientPipes
from flipsnack_mcp.server.arriving.inlet import Heard
from flipsnack_mcp.settings import Settings

CLIENT = {"name": "test", "version": "1"}
GREETING = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": CLIENT}


def asked(number: int, method: str, **params: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n"


HELLO = asked(1, "initialize", **GREETING)
READY = b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n'
LIST = asked(2, "tools/list")
PING = asked(3, "ping")


@dataclass
class Pipes:
    """Both pipes of a server, and a client that writes all at once and reads until the end."""

    said: bytes
    blocking: bool = True
    heard: Heard | None = None
    answers: list[bytes] = field(default_factory=list[bytes])

    def run(self) -> None:
        (reading, said), (answers, writing) = os.pipe(), os.pipe()
        for one in (reading, writing):
            os.set_blocking(one, self.blocking)
        known = answers_for(Settings())
        assert known
        threads = [Thread(target=self.write, args=[said]), Thread(target=self.read, args=[answers])]
        for thread in threads:
            thread.start()
        self.heard = answer_until_needed(known, ClientPipes(reading, writing))
        os.close(writing)
        for thread in threads:
            thread.join()
        os.close(reading)

    def write(self, said: int) -> None:
        with os.fdopen(said, "wb", buffering=0) as pipe:
            for at in range(0, len(self.said), 10):
                pipe.write(self.said[at : at + 10])

    def read(self, answers: int) -> None:
        with os.fdopen(answers, "rb") as pipe:
            self.answers = pipe.read().splitlines()


@pytest.mark.parametrize("blocking", [True, False])
def test_a_pipe_that_takes_less_than_it_is_given_gets_whole_lines_in_order(*, blocking: bool) -> None:
    pipes = Pipes(HELLO + READY + b"".join(asked(n, "tools/list") for n in range(2, 20)), blocking)
    pipes.run()
    assert [json.loads(one)["id"] for one in pipes.answers] == list(range(1, 20))
    assert len(b"".join(pipes.answers)) > 4 * 65_536
    assert pipes.heard is None


MANY = range(2, 3000)
MUCH = b"".join(asked(n, "prompts/list") for n in MANY)
"""More than two pipes take."""


@pytest.mark.parametrize("later", [b"", PING + MUCH], ids=["all of it is answered", "the SDK has to go on"])
def test_a_client_that_writes_all_it_has_to_say_before_it_reads_is_listened_to(later: bytes) -> None:
    (reading, said), (answers, writing), read, unsaid = os.pipe(), os.pipe(), list[bytes](), list[bytes]()
    known, first = answers_for(Settings()), b"".join(asked(n, "prompts/list") for n in MANY[:100]) if later else MUCH
    assert known

    def write_then_read() -> None:
        rest = HELLO + READY + first + later
        while rest and select.select([], [said], [], 10)[1]:
            rest = rest[os.write(said, rest[: select.PIPE_BUF]) :]
        unsaid.append(rest)
        os.close(said)
        with os.fdopen(answers, "rb") as pipe:
            read.extend(pipe)

    client = Thread(target=write_then_read)
    client.start()
    heard = answer_until_needed(known, ClientPipes(reading, writing))
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        unread = pipe.read()
    client.join()
    assert unsaid == [b""]
    assert [json.loads(one)["id"] for one in read] == [1, *MANY[: first.count(b"\n")]]
    assert (greeted_as(heard)[1] + unread if heard else b"") == (READY + later if later else b"")


def greeted_as(heard: Heard) -> tuple[dict[str, object], bytes]:
    """The greeting as the SDK is told of it, and what it reads after that."""
    first, _, rest = heard.lines.partition(b"\n")
    return json.loads(first), rest


LATER = {
    "a ping": PING, "a call": asked(4, "tools/call", name="get_user_stats"), "a list that cannot be there": asked(5, "tools/list", cursor="x"),
    "garbage": b"{\n", "an empty line": b"\n", "a second end of the hand-shake": READY, "half a line": b'{"jsonrpc"', "another greeting": HELLO, "a long line": b"x" * 70_000,
    "a line that ends in another way": LIST[:-1] + b"\r" + LIST, "a list after a ping": PING + LIST, "bytes that are no text": b"\xff\n",
}  # fmt: skip


@pytest.mark.parametrize("later", LATER.values(), ids=LATER)
def test_what_is_not_answered_goes_on_in_order_after_the_greeting(later: bytes) -> None:
    pipes = Pipes(HELLO + LIST + READY + later)
    pipes.run()
    assert [json.loads(one)["id"] for one in pipes.answers] == [1, 2]
    assert pipes.heard
    greeting, rest = greeted_as(pipes.heard)
    assert greeting == {**json.loads(HELLO), "id": pipes.heard.answered}
    assert (READY + later).startswith(rest)  # what was not read yet comes out of stdin
    assert len(rest) > len(READY)


@pytest.mark.parametrize(
    "unfinished", [LIST[:-1] + b"\r" + LIST[:5], b"x" * 70_000], ids=["ended in another way", "long"]
)
def test_a_line_that_none_of_ours_can_be_is_handed_over_before_it_ends(unfinished: bytes) -> None:
    (reading, said), known, handed_over, waited = os.pipe(), answers_for(Settings()), Event(), list[bool]()
    assert known

    def write_and_wait() -> None:
        with os.fdopen(said, "wb", buffering=0) as pipe:
            pipe.write(unfinished)
            waited.append(handed_over.wait(10))

    client = Thread(target=write_and_wait)
    client.start()
    heard = answer_until_needed(known, ClientPipes(reading, -1))
    handed_over.set()
    client.join()
    os.close(reading)
    assert waited == [True]
    assert heard
    assert unfinished.startswith(heard.lines)


ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
DISCOVER = asked(1, "server/discover", _meta=ENVELOPE)


@pytest.mark.parametrize("before", [b"", DISCOVER], ids=["before all", "in the newest revision"])
def test_the_end_of_a_hand_shake_that_never_began_is_left_to_the_sdk(before: bytes) -> None:
    pipes = Pipes(before + READY)
    pipes.run()
    assert [json.loads(one)["id"] for one in pipes.answers] == [1] * bool(before)
    assert pipes.heard
    rest = greeted_as(pipes.heard)[1] if before else pipes.heard.lines
    assert rest
    assert READY.startswith(rest)


def test_no_two_servers_use_the_same_id_for_the_greeting() -> None:
    used = set()
    for _ in range(2):
        pipes = Pipes(HELLO + PING)
        pipes.run()
        used.add(pipes.heard and pipes.heard.answered)
    assert len(used) == 2


@contextmanager
def closed_pipe() -> Iterator[int]:
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def test_what_cannot_be_written_is_left_to_the_sdk_which_says_so() -> None:
    reading, said = os.pipe()
    os.write(said, HELLO + LIST)
    os.close(said)
    known = answers_for(Settings())
    assert known
    with closed_pipe() as writing:
        assert answer_until_needed(known, ClientPipes(reading, writing)) == Heard(HELLO + LIST)
    os.close(reading)


@pytest.mark.parametrize("said", [b"", HELLO, HELLO + READY + LIST], ids=["nothing", "a greeting", "all"])
def test_where_all_is_answered_nothing_is_left_at_the_end(said: bytes) -> None:
    pipes = Pipes(said)
    pipes.run()
    assert pipes.heard is None
    assert len(pipes.answers) == said.count(b'"id"')
