"""A client cannot tell whether its first questions were answered without the SDK: the same lines in the same order."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest
from mcp import types
from mcp.shared.message import SessionMessage

from flipsnack_mcp.commands.connecting import connect
from flipsnack_mcp.front import piping
from flipsnack_mcp.front.answers import answers_for
from flipsnack_mcp.front.moments import answer_until_needed
from flipsnack_mcp.server.arriving.inlet import Heard
from flipsnack_mcp.server.arriving.lines import Reread
from flipsnack_mcp.server.arriving.replayed import Unrepeated
from flipsnack_mcp.server.server import FlipsnackServer, build_server
from flipsnack_mcp.settings import Settings
from tests.front.conversations import conversation

SETTINGS = Settings(sandbox=True, state="memory:")
AT_A_TIME = [1, 7, 64, 1000, 65_536]
"""Bytes that arrive at once."""


@dataclass
class Reference:
    """A server that answers one conversation after the other, each line after the one before it is answered."""

    server: FlipsnackServer = field(default_factory=lambda: build_server(SETTINGS, connect))

    async def answers(self, said: bytes, answered: str = "") -> list[str]:
        """What it writes."""
        to_server, lines = anyio.create_memory_object_stream[SessionMessage | Exception]()
        written, from_server = anyio.create_memory_object_stream[SessionMessage](1000)
        new = Unrepeated(written, answered)
        async with anyio.create_task_group() as group:
            group.start_soon(self.serve, Reread(lines, new), new)
            async with to_server:
                # As the SDK reads: also where a line ends.
                for line in io.TextIOWrapper(io.BytesIO(said), encoding="utf-8", errors="replace"):
                    await to_server.send(read(line))
                    await anyio.wait_all_tasks_blocked()
        with from_server:
            return [line_of(from_server.receive_nowait()) for _ in range(from_server.statistics().current_buffer_used)]

    async def serve(self, lines: Reread, answers: Unrepeated) -> None:
        known = self.server._lowlevel_server.create_initialization_options()
        await self.server._lowlevel_server.run(lines, answers, known)


def read(line: str) -> SessionMessage | Exception:
    try:
        return SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as error:
        return error


def line_of(item: SessionMessage) -> str:
    return item.message.model_dump_json(by_alias=True, exclude_unset=True)


@dataclass
class Client:
    """Says a conversation in pieces, and reads what the front answers."""

    folder: Path
    pieces: Iterator[bytes] = field(default_factory=lambda: iter(()))

    def piece(self, _: int) -> bytes:
        return next(self.pieces, b"")

    def heard(self, said: bytes, size: int) -> tuple[Heard | None, list[str]]:
        self.pieces = iter([said[at : at + size] for at in range(0, len(said), size)])
        known, answers = answers_for(SETTINGS), self.folder / "answers"
        assert known
        with answers.open("wb") as written:
            heard = answer_until_needed(known, piping.ClientPipes(-1, written.fileno()))
        return heard, answers.read_text(encoding="utf-8").splitlines()


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    made = Client(tmp_path)
    monkeypatch.setattr(piping, "read_some", made.piece)
    return made


async def test_fifty_conversations_have_the_same_answers_with_and_without_the_front(client: Client) -> None:
    server, both = Reference(), 0
    for seed in range(50):
        said = conversation(seed)
        heard, first = client.heard(said, AT_A_TIME[seed % len(AT_A_TIME)])
        rest = b"".join(client.pieces)
        later = await server.answers(heard.lines + rest, heard.answered) if heard else []
        assert [*first, *later] == await server.answers(said), f"{seed}: {said!r}"
        both += bool(first and later)
    assert both > 12  # for most of them the SDK went on from what was said before
