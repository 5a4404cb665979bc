"""Who plays the jobs of `workflows.py`: a real server over stdio before a sandbox of its own, and all that passes between.

It calls as an assistant would that was told to: with the tool's own waiting time, and where the answer says how long
the rest takes, that much later once more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx2
from mcp import Client, StdioServerParameters, types

sys.path.insert(0, str(Path(__file__).parents[1]))

from evaluations.between import READING
from evaluations.playing import GOES_ON_BY, MOST_LOOKS, UNDER_WAY
from tests.server.bench import tokens, types_what_is_asked


class RefusedError(Exception):
    """A call was answered with an error."""


@dataclass(frozen=True)
class Cost:
    """What a job took so far."""

    calls: int = 0
    text: int = 0
    data: int = 0
    """Tokens of both forms of the answers; a client hands a model one of them."""
    forms: int = 0
    asked: int = 0
    """Calls to Flipsnack."""
    at: float = 0.0

    def since(self, before: Cost) -> Cost:
        return Cost(*(getattr(self, one) - getattr(before, one) for one in self.__dataclass_fields__))


@dataclass
class Player:
    """An assistant and its person, and what they have seen."""

    client: Client
    where: dict[str, str]
    uploads: Path
    forms: list[str]
    calls: int = 0
    text: int = 0
    data: int = 0
    said: list[str] = field(default_factory=list[str])
    """The texts of all answers."""

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """One call and the data of its answer."""
        result = await self.client.call_tool(tool, arguments)
        text = "\n".join(part.text for part in result.content if isinstance(part, types.TextContent))
        self.said.append(text)
        self.calls += 1
        self.text += tokens(text)
        self.data += tokens(json.dumps(result.structured_content, ensure_ascii=False, separators=(",", ":")))
        if result.is_error:
            raise RefusedError(f"{tool}: {text}")
        return dict(result.structured_content or {})

    async def whole(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The answer to a piece of work once it has ended, or as it was when the player gave up."""
        found = await self.call(tool, **arguments)
        for _ in range(MOST_LOOKS):
            if found["state"] not in UNDER_WAY:
                break
            await anyio.sleep((found.get("progress") or {}).get("seconds_left") or 0)
            found = await self.call(tool, **next({one: found[one]} for one in GOES_ON_BY if found.get(one)))
        return found

    async def planned(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """A plan that is what was asked for, carried out."""
        plan = await self.call(tool, **arguments)
        return await self.whole(tool, plan_id=plan["plan_id"])

    async def arrived(self) -> list[dict[str, Any]]:
        """All requests to Flipsnack, the newest last."""
        async with httpx2.AsyncClient() as http:
            address = self.where["api_url"].partition("/v1/")[0]
            return list((await http.get(f"{address}/_sandbox/requests")).json()["requests"])

    async def cost(self) -> Cost:
        asked = len(await self.arrived())
        return Cost(self.calls, self.text, self.data, len(self.forms), asked, time.monotonic())


@contextmanager
def sandbox(calls_per_minute: int) -> Iterator[dict[str, str]]:
    """The large account behind real HTTP: where it is, and its credentials."""
    command = [sys.executable, "-m", "flipsnack_mcp", "sandbox", "--account", "large"]
    with subprocess.Popen(
        [*command, "--calls-per-minute", str(calls_per_minute)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()  # leaving it would wait for ever


@asynccontextmanager
async def player(folder: Path, calls_per_minute: int) -> AsyncIterator[Player]:
    """A server with a fresh store before a fresh account."""
    forms, uploads = list[str](), folder / "uploads"
    uploads.mkdir()

    async def person(context: Any, params: Any) -> types.ElicitResult | types.ErrorData:  # noqa: ARG001 - the SDK's names
        forms.append(params.message)
        await anyio.sleep(READING)
        return types_what_is_asked(params.message)

    with sandbox(calls_per_minute) as where:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("FLIPSNACK_")},
            **{f"FLIPSNACK_{name.upper()}": value for name, value in where.items()},
            "FLIPSNACK_STATE": f"sqlite:{folder / 'state.sqlite'}",
            "FLIPSNACK_UPLOAD_DIRS": str(uploads),
            "FLIPSNACK_CALLS_PER_MINUTE": str(calls_per_minute),
            "FLIPSNACK_CALLS_PER_SECOND": str(max(5, calls_per_minute // 12)),
        }
        parameters = StdioServerParameters(command=sys.executable, args=["-m", "flipsnack_mcp"], env=environment)
        async with Client(parameters, read_timeout_seconds=120, elicitation_callback=person) as client:
            yield Player(client, where, uploads, forms)
