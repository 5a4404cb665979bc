"""Plays calls as an assistant would that was told to: what they begin is waited for, as long as the answers say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import anyio
from mcp import Client, types

from evaluations.filling import Known, code_in, day_named, filled, inside
from evaluations.job import Call

UNDER_WAY = frozenset({"running", "processing", "uploading", "converting"})
GOES_ON_BY = ("report_id", "plan_id", "upload_id")
GOES_ON_WITH = {"create_collection": "get_upload"}
MOST_LOOKS = 25
"""At one piece of work: an answer that never ends is not waited for."""


@dataclass(frozen=True)
class Answer:
    """What came back from a call."""

    text: str
    data: Mapping[str, Any]
    is_error: bool = False


Asks = Callable[[str, dict[str, Any]], Awaitable[Answer]]


def asking(client: Client) -> Asks:
    """Calls over an MCP client."""

    async def ask(tool: str, arguments: dict[str, Any]) -> Answer:
        result = await client.call_tool(tool, arguments)
        text = "\n".join(part.text for part in result.content if isinstance(part, types.TextContent))
        return Answer(text, result.structured_content or {}, bool(result.is_error))

    return ask


async def ask_nobody(tool: str, arguments: dict[str, Any]) -> Answer:
    raise LookupError(f"nobody answers {tool}({arguments})")


def nothing(name: str) -> Any:
    raise LookupError(name)


def unix_today() -> float:
    return datetime.now(UTC).timestamp()


@dataclass
class Player:
    """Makes calls, and remembers what they were answered."""

    ask: Asks
    told: Known = nothing
    now: Callable[[], float] = unix_today
    answers: list[Answer] = field(default_factory=list[Answer])

    def known(self, name: str) -> Any:
        """What belongs into a gap: what was told, a day, the last code that was given out, or a part of an answer."""
        try:
            return self.told(name)
        except LookupError:
            pass
        if day := day_named(name, datetime.fromtimestamp(self.now(), UTC).date()):
            return day
        for answer in reversed(self.answers):
            try:
                return code_in(answer.text) if name == "code" else inside(answer.data, name)
            except LookupError:
                continue
        raise LookupError(f"nothing is known of {name}")

    async def play(self, calls: Sequence[Call]) -> str:
        """Make the calls, each to its end. Gives the texts of all answers."""
        for call in calls:
            await self._whole(call)
        return "\n".join(one.text for one in self.answers)

    async def _whole(self, call: Call) -> None:
        arguments = filled(call.given, self.known)
        answer = await self._once(call.tool, arguments)
        for _ in range(0 if call.once else MOST_LOOKS):
            if answer.is_error or answer.data.get("state") not in UNDER_WAY:
                return
            await anyio.sleep((answer.data.get("progress") or {}).get("seconds_left") or 1)
            again = next(({one: answer.data[one]} for one in GOES_ON_BY if answer.data.get(one)), arguments)
            answer = await self._once(GOES_ON_WITH.get(call.tool, call.tool), again)

    async def _once(self, tool: str, arguments: dict[str, Any]) -> Answer:
        answer = await self.ask(tool, arguments)
        self.answers.append(answer)
        return answer
