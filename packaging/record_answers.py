"""Writes what the server answers to hand-shake and lists into `flipsnack_mcp/front`, for every setting that changes it.

`python packaging/write_docs.py` does it too. The answers are those of the server itself, as its SDK writes them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import anyio
from mcp import types
from mcp.server.apps import APP_MIME_TYPE, EXTENSION_ID
from mcp.shared.message import SessionMessage
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from flipsnack_mcp.commands.connecting import connect
from flipsnack_mcp.front.answers import ANSWERS_FILE, WAYS, as_json, key_of_settings, made_with
from flipsnack_mcp.server.instructions import instructions
from flipsnack_mcp.server.server import FlipsnackServer, build_server
from flipsnack_mcp.server.toolsets import lacking
from flipsnack_mcp.settings import Settings

LISTS = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
CLIENTS: Mapping[str, Mapping[str, Any]] = {"plain": {}, "views": {EXTENSION_ID: {"mimeTypes": [APP_MIME_TYPE]}}}
"""Kinds of clients that may be answered differently, by the extensions that they have."""
WHO = {"name": "a client", "version": "1"}
TOOLSETS = (frozenset({"default"}), frozenset({"legacy"}), frozenset({"default", "legacy"}))
LIST = re.compile(r'"(?:tools|prompts|resources|resourceTemplates)":\[(?=\{)')


def every_settings() -> Iterator[Settings]:
    """All that the file has answers of their own for."""
    for read_only, sandbox, toolsets in product((False, True), (False, True), TOOLSETS):
        yield Settings(read_only=read_only, sandbox=sandbox, toolsets=toolsets, state="memory:")


def opening(version: str, extensions: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a client of this revision says until it has its lists."""
    capabilities = {"extensions": extensions} if extensions else {}
    if version in MODERN_PROTOCOL_VERSIONS:
        told = {"protocolVersion": version, "clientCapabilities": capabilities, "clientInfo": WHO}
        params: dict[str, Any] = {"_meta": {f"io.modelcontextprotocol/{name}": value for name, value in told.items()}}
        return [request(method, params) for method in ("server/discover", *LISTS)]
    greeting = {"protocolVersion": version, "capabilities": capabilities, "clientInfo": WHO}
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    return [request("initialize", greeting), ready, *(request(method, {}) for method in LISTS)]


def request(method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": method, "method": method, "params": params}


async def said_by(server: FlipsnackServer, messages: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The result of each request, as text."""
    to_server, lines = anyio.create_memory_object_stream[SessionMessage | Exception](len(messages))
    answers, from_server = anyio.create_memory_object_stream[SessionMessage](len(messages))
    known = server._lowlevel_server.create_initialization_options()  # noqa: SLF001  # as run_stdio_async does
    results = dict[str, str]()
    with to_server, lines, answers, from_server:
        async with anyio.create_task_group() as group:
            group.start_soon(server._lowlevel_server.run, lines, answers, known)  # noqa: SLF001
            for one in messages:
                message = types.jsonrpc_message_adapter.validate_json(json.dumps(one), by_name=False)
                await to_server.send(SessionMessage(message))
                if "id" in one:
                    line = (await from_server.receive()).message.model_dump_json(by_alias=True, exclude_unset=True)
                    before, result = line.split(',"result":', 1)
                    if before != f'{{"jsonrpc":"2.0","id":"{one["id"]}"':
                        raise ValueError(line)
                    results[one["id"]] = result.removesuffix("}")
            group.cancel_scope.cancel()
    return results


@dataclass
class Recorded:
    """What the file will hold; each part and each answer once."""

    parts: dict[str, int] = field(default_factory=dict[str, int])
    answers: dict[tuple[int | None, ...], int] = field(default_factory=dict[tuple[int | None, ...], int])
    settings: dict[str, Any] = field(default_factory=dict[str, Any])

    def number_of(self, result: str, told: str) -> int:
        """The number of an answer, in which the instructions may stand."""
        before, gap, after = result.partition(told)
        pieces = [*cut(before), *([None, *cut(after)] if gap else [])]
        made_of = tuple(None if one is None else self.parts.setdefault(one, len(self.parts)) for one in pieces)
        return self.answers.setdefault(made_of, len(self.answers))

    async def record(self, settings: Settings) -> None:
        """Ask a server with these settings everything, as every kind of client."""
        server, missing = build_server(settings, connect), sorted(lacking(settings))
        told = as_json(instructions(settings, missing))
        known: dict[str, dict[str, dict[str, dict[str, int]]]] = {way: {} for way in WAYS}
        for version, (kind, extensions) in product(
            (*HANDSHAKE_PROTOCOL_VERSIONS, *MODERN_PROTOCOL_VERSIONS), CLIENTS.items()
        ):
            said = await said_by(server, opening(version, extensions))
            numbers = {method: self.number_of(result, told) for method, result in said.items()}
            way = WAYS[version in MODERN_PROTOCOL_VERSIONS]
            known[way].setdefault(version, {})[kind] = numbers
        self.settings[key_of_settings(settings)] = {"lacking": missing, "known": known}

    def written(self) -> str:
        """A line for each part and each setting, so that a change shows where it is."""
        told = {
            "made_with": json.dumps(made_with()),
            "clients": json.dumps(CLIENTS),
            "parts": in_lines(json.dumps(one, ensure_ascii=False) for one in self.parts),
            "answers": json.dumps(list(self.answers), separators=(",", ":")),
            "settings": in_lines(
                (f"{json.dumps(key)}: {json.dumps(one, separators=(',', ':'))}" for key, one in self.settings.items()),
                "{}",
            ),
        }
        return "{\n" + ",\n".join(f'"{name}": {text}' for name, text in told.items()) + "\n}\n"


def in_lines(texts: Iterator[str], around: str = "[]") -> str:
    return f"{around[0]}\n" + ",\n".join(texts) + f"\n{around[1]}"


def cut(text: str) -> list[str]:
    """A text in pieces, which others have as well: the members of its list, and what stands around them."""
    begun = LIST.search(text)
    if not begun:
        return [text]
    pieces, at = [text[: begun.end()]], begun.end()
    while text[at] != "]":
        _, end = json.JSONDecoder().raw_decode(text, at + (text[at] == ","))
        pieces.append(text[at:end])
        at = end
    return [*pieces, text[at:]]


async def answers_json() -> str:
    recorded = Recorded()
    for settings in every_settings():
        await recorded.record(settings)
    return recorded.written()


if __name__ == "__main__":
    ANSWERS_FILE.write_text(anyio.run(answers_json), encoding="utf-8")
