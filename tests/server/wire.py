"""A client that is no library: it says raw messages to the server in memory, and keeps all that comes with its time."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import anyio
from mcp.shared.memory import MessageStream, create_client_server_memory_streams
from mcp.shared.message import SessionMessage
from mcp.types.jsonrpc import jsonrpc_message_adapter

from flipsnack_mcp.server.server import FlipsnackServer
from tests.server.bench import Given, Mode

WHO: dict[str, Any] = {"name": "raw", "version": "1"}
CAN: dict[str, Any] = {"elicitation": {"form": {}}}
META = "io.modelcontextprotocol"
Raw = dict[str, Any]
Answering = Callable[[Raw], Raw]
"""Takes the parameters of a question; gives `result` or `error` of its answer, whatever is in it."""


@dataclass(frozen=True)
class Told:
    """A progress notification, when it came, and of which call."""

    at: float
    token: object
    progress: float
    total: float | None
    message: str


@dataclass(frozen=True)
class Outcome:
    """What a call came to, and when."""

    at: float
    result: Raw | None
    """None where the client gave up: what it was asked came to an error of its own."""
    error: Raw | None = None
    told: tuple[Told, ...] = ()
    asked: int = 0

    @property
    def text(self) -> str:
        return "\n".join(one["text"] for one in (self.result or {}).get("content", []))


@dataclass
class Wire:
    """One connection."""

    mode: Mode
    streams: MessageStream
    answering: Answering
    thinks: float = 2.0
    told: list[Told] = field(default_factory=list[Told])
    asked: int = 0
    ended: dict[object, float] = field(default_factory=dict[object, float])
    """When the result of each call came."""
    _answers: dict[object, Raw] = field(default_factory=dict[object, Raw])
    _came: anyio.Event = field(default_factory=anyio.Event)
    _ids: "count[int]" = field(default_factory=lambda: count(1))

    async def say(self, message: Raw) -> None:
        await self.streams[1].send(
            SessionMessage(jsonrpc_message_adapter.validate_python({"jsonrpc": "2.0", **message}))
        )

    async def begin(self) -> None:
        if self.mode == "legacy":
            hello = {"protocolVersion": "2025-11-25", "capabilities": CAN, "clientInfo": WHO}
            await self.request("initialize", hello)
            await self.say({"method": "notifications/initialized"})

    async def ask(self, method: str, params: Raw) -> int:
        """Send a request; its number, which is its progress token as well."""
        number = next(self._ids)
        modern = {f"{META}/protocolVersion": "2026-07-28", f"{META}/clientInfo": WHO, f"{META}/clientCapabilities": CAN}
        meta = {"progressToken": number, **(modern if self.mode == "auto" else {})}
        await self.say({"id": number, "method": method, "params": {**params, "_meta": meta}})
        return number

    async def answer_to(self, number: int) -> Raw:
        while number not in self._answers:
            await self._came.wait()
        return self._answers.pop(number)

    async def request(self, method: str, params: Raw) -> Raw:
        return await self.answer_to(await self.ask(method, params))

    async def call(self, tool: str, arguments: Given, **more: Any) -> Outcome:
        """A whole call, with the answer to its form where it asks for one."""
        before, asked = len(self.told), self.asked
        params: Raw = {"name": tool, "arguments": {**arguments, **more}}
        answer = await self.request("tools/call", params)
        result = answer.get("result", {})
        if result.get("resultType") == "input_required":
            self.asked += 1
            await anyio.sleep(self.thinks)
            (name, question), *_ = result["inputRequests"].items()
            reply = self.answering(question["params"])
            if "error" in reply:
                return Outcome(anyio.current_time(), None, asked=self.asked - asked)
            replied = {"inputResponses": {name: reply["result"]}, "requestState": result["requestState"]}
            answer = await self.request("tools/call", {**params, **replied})
        told = tuple(self.told[before:])
        return Outcome(anyio.current_time(), answer.get("result"), answer.get("error"), told, self.asked - asked)

    async def listen(self) -> None:
        """Take whatever comes."""
        async with anyio.create_task_group() as answers:
            async for one in self.streams[0]:
                assert isinstance(one, SessionMessage)
                message = one.message.model_dump(by_alias=True, mode="json", exclude_unset=True)
                if message.get("method") == "elicitation/create":
                    answers.start_soon(self._reply, message)
                elif message.get("method") == "notifications/progress":
                    self.told.append(told_in(message["params"]))
                elif "method" not in message:
                    self.ended[message["id"]] = anyio.current_time()
                    self._answers[message["id"]] = message
                    self._came.set()
                    self._came = anyio.Event()

    async def _reply(self, question: Raw) -> None:
        self.asked += 1
        await anyio.sleep(self.thinks)
        await self.say({"id": question["id"], **self.answering(question["params"])})


def told_in(params: Mapping[str, Any]) -> Told:
    numbers = params["progress"], params.get("total")
    return Told(anyio.current_time(), params["progressToken"], *numbers, params.get("message", ""))


def declining(_: Raw) -> Raw:
    return {"result": {"action": "decline"}}


@asynccontextmanager
async def wired(
    server: FlipsnackServer, mode: Mode, answering: Answering = declining, thinks: float = 2.0
) -> AsyncIterator[Wire]:
    """A connection to the server, shaken hands over."""
    run = server._lowlevel_server  # what serves stdio, without stdio
    async with create_client_server_memory_streams() as (client, served), anyio.create_task_group() as group:
        group.start_soon(run.run, *served, run.create_initialization_options())
        wire = Wire(mode, client, answering, thinks)
        group.start_soon(wire.listen)
        await wire.begin()
        yield wire
        group.cancel_scope.cancel()
