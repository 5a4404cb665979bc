"""What clients write that is no plain message: over the SDK's own stdio, each line gets an answer in words, or needs none."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import anyio
import pytest
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from flipsnack_mcp.server.arriving.unanswered import LAST_ANSWERS
from tests.server.bench import Bench
from tests.server.tables import table

LINES = table("lines")
CLIENT: dict[str, Any] = {"name": "test", "version": "1"}
MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}
CALL = '{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"update_collection","arguments":{"settings":{"a":%s}}}}'
LAST = 999
"""The id of the question that shows that the server still answers."""


@pytest.fixture
def mode() -> str:
    """Told by what is written."""
    return "legacy"


def asked(number: Any, method: str, **params: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})


class Wire:
    """Both ends of stdio, as the server's process has them, and what a client does with them."""

    def __init__(self) -> None:
        self._lines: MemoryObjectSendStream[str]
        self.stdin: MemoryObjectReceiveStream[str]
        self._lines, self.stdin = anyio.create_memory_object_stream[str](100)
        self.said: list[Any] = []
        self._more = anyio.Event()

    async def write(self, text: str) -> None:
        """What the server writes."""
        self.said.append(json.loads(text))
        self._more.set()

    async def flush(self) -> None:
        pass

    async def say(self, *lines: str) -> None:
        for line in lines:
            await self._lines.send(line + "\n")

    async def until(self, enough: Callable[[], bool]) -> None:
        with anyio.fail_after(60):
            while not enough():
                await self._more.wait()
                self._more = anyio.Event()

    async def end(self) -> None:
        await self._lines.aclose()

    def answered(self, number: object) -> bool:
        return any("method" not in one and one["id"] == number for one in self.said)


@asynccontextmanager
async def served(bench: Bench) -> AsyncIterator[Wire]:
    """A server at this wire."""
    wire = Wire()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bench.server().run_stdio_async, cast("Any", wire.stdin), cast("Any", wire))
        yield wire
        await wire.end()
    wire.stdin.close()


async def greeted(wire: Wire) -> None:
    await wire.say(
        asked(1, "initialize", protocolVersion="2025-11-25", capabilities={"elicitation": {}}, clientInfo=CLIENT)
    )
    await wire.until(lambda: wire.answered(1))
    await wire.say(json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}))


def told(answer: Any) -> tuple[Any, Any, str]:
    """Whom an answer is for, how it ended, and its words."""
    if error := answer.get("error"):
        return answer["id"], error["code"], error["message"]
    result = answer["result"]
    words = result["content"][0]["text"] if "content" in result else json.dumps(result, ensure_ascii=False)
    end = ("failed" if result.get("isError") else "done") if "content" in result else "result"
    return answer["id"], end, words


async def answers_to(wire: Wire, line: str, number: int, most: int) -> list[tuple[Any, Any, str]]:
    """What is said to a line, to which so many answers are due; the next question and the one after it are answered too."""
    before = len(wire.said)
    await wire.say(line, asked(number, "ping"))
    await wire.until(lambda: wire.answered(number) and len(wire.said) > before + most)
    await wire.say(asked(number + 1, "ping"))
    await wire.until(lambda: wire.answered(number + 1))
    return [told(one) for one in wire.said[before:] if "method" not in one and one["id"] not in {number, number + 1}]


async def test_every_line_is_answered_in_words_and_the_next_call_as_well(bench: Bench) -> None:
    wrong = {}
    async with served(bench) as wire:
        await greeted(wire)
        for turn, (name, (line, wanted)) in enumerate(LINES.items()):
            answers = await answers_to(wire, line, LAST + 2 * turn, len(wanted))
            ends, words = [one[:2] for one in answers], [one[2] for one in answers]
            if ends != [(number, end) for number, end, _ in wanted] or not all(
                part in said for said, (_, _, part) in zip(words, wanted, strict=True)
            ):
                wrong[name] = answers
    assert wrong == {}
    assert "do-not-repeat-me" not in json.dumps(wire.said)
    assert not any("\ud800" <= letter <= "\udfff" for letter in json.dumps(wire.said, ensure_ascii=False))


@pytest.mark.parametrize("depth", [100, 250, 500, 900, 5000, 100_000])
@pytest.mark.parametrize("where", ['{"jsonrpc":"2.0","id":5,"method":"ping","params":{"a":%s}}', CALL, f"[{CALL}]"])
async def test_a_deep_message_is_answered_and_the_next_one_as_well(bench: Bench, where: str, depth: int) -> None:
    async with served(bench) as wire:
        await greeted(wire)
        await wire.say(where % ("[" * depth + "]" * depth), asked(LAST, "ping"))
        await wire.until(lambda: wire.answered(LAST) and (wire.answered(5) or wire.answered(None)))


@pytest.mark.parametrize("first", ["a byte order mark", "an id that is null", "a batch", "half an emoji in a method"])
async def test_a_first_line_that_is_odd_does_not_end_it(bench: Bench, first: str) -> None:
    async with served(bench) as wire:
        await wire.say(LINES[first][0])
        await greeted(wire)
        await wire.say(asked(LAST, "tools/list"))
        await wire.until(lambda: wire.answered(LAST))


async def test_who_calls_before_the_greeting_is_told_to_greet(bench: Bench) -> None:
    async with served(bench) as wire:
        await wire.say(asked(5, "tools/call", name="get_user_stats", arguments={}))
        await wire.until(lambda: wire.answered(5))
        await greeted(wire)
    assert "Send initialize first" in told(wire.said[0])[2]
    assert bench.requests == []


async def test_half_an_emoji_is_answered_on_the_newer_revision_too(bench: Bench) -> None:
    call = asked(5, "tools/call", name="list_collections", arguments={"query": "half \ud83d"}, _meta=MODERN)
    async with served(bench) as wire:
        await wire.say(call)
        await wire.until(lambda: wire.answered(5))
    assert "half a character" in told(wire.said[0])[2]
    assert bench.requests == []


ANSWERS = {
    "a text": '"result": "yes"',
    "a list": '"result": [{"action": "accept"}]',
    "null": '"result": null',
    "an error that is a text": '"error": "no"',
    "an error without a code": '"error": {"message": "no"}',
    "half an emoji": '"result": {"action": "accept", "content": {"title": "\\ud83d"}}',
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_a_broken_answer_to_a_form_ends_the_call_and_deletes_nothing(bench: Bench, answer: str) -> None:
    book = bench.collection()
    async with served(bench) as wire:
        await greeted(wire)
        await wire.say(asked(5, "tools/call", name="delete_collection", arguments={"collection_hash": book.hash}))
        await wire.until(lambda: any(one.get("method") == "elicitation/create" for one in wire.said))
        form = next(one for one in wire.said if one.get("method") == "elicitation/create")
        await anyio.sleep(2)
        await wire.say(f'{{"jsonrpc": "2.0", "id": {json.dumps(form["id"])}, {answer}}}')
        begun = anyio.current_time()
        await wire.until(lambda: wire.answered(5))
        seconds = anyio.current_time() - begun
    assert seconds < 5
    assert told(next(one for one in wire.said if one.get("id") == 5 and "result" in one))[1] == "failed"
    assert book.hash in bench.sandbox.account.collections


LISTENS = asked(
    6, "subscriptions/listen", notifications={"resourceSubscriptions": ["flipsnack://account"]}, _meta=MODERN
)
LASTS = asked(
    7, "tools/call", name="get_collection", arguments={"collection_hash": "HASH", "wait_seconds": 45}, _meta=MODERN
)


async def test_what_was_asked_before_the_client_closed_its_end_is_still_answered(bench: Bench) -> None:
    async with served(bench) as wire:
        await wire.say(asked(5, "tools/call", name="get_user_stats", arguments={}, _meta=MODERN))
        await wire.end()
    assert told(wire.said[0])[:2] == (5, "done")
    assert bench.requests == ["user.getStats"]


@pytest.mark.parametrize(("line", "seconds"), [(LASTS, LAST_ANSWERS), (LISTENS, 0)])
async def test_for_what_lasts_a_server_stays_a_moment_at_most_once_its_client_closed_its_end(
    bench: Bench, line: str, seconds: float
) -> None:
    """A client ends it by force after two seconds; until then it can tidy up."""
    processing = bench.sandbox.account.add(title="Being converted", conversion="processing")
    async with served(bench) as wire:
        await wire.say(line.replace("HASH", processing.hash), asked(LAST, "tools/list", _meta=MODERN))
        await wire.until(lambda: wire.answered(LAST))
        began = anyio.current_time()
        await wire.end()
    assert anyio.current_time() - began == pytest.approx(seconds, abs=0.1)
