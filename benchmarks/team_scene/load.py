"""What people do all day, told by each of their assistants: what was called, what came of it, and who answered."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import anyio
import httpx2
from mcp import Client, MCPError, types

from benchmarks.team_scene.scene import Team
from tests.server.bench import CODE, types_what_is_asked

MODES = {"2026-07-28": "auto", "2025-11-25": "legacy"}
READING = 1.0
"""Seconds that a person takes for a form; a faster yes counts as never given."""
RETRYABLE = re.compile(r"\bagain\b|\blater\b|\bwait\b", re.IGNORECASE)
CUT = re.compile(r"ended without a response|reconnection attempts|connection closed", re.IGNORECASE)
ON_ITS_WAY = ("uploading", "interrupted")
"""Of an upload: nothing is promised of it yet but that it is known."""
SAID_NO = "The person said no."
NOTHING_CHANGED = re.compile(r"nothing was (changed|done)", re.IGNORECASE)
MOST_TRIES = 30


class Outcome(StrEnum):
    """How a call ended."""

    DONE = "done"
    LATER = "later"
    """An error in words that says to try again."""
    CUT = "cut"
    """Its connection ended with the replica that had it; the client says so."""
    WRONG = "wrong"


@dataclass(frozen=True)
class Told:
    """One call."""

    account: str
    tool: str
    outcome: Outcome
    text: str
    began: float
    seconds: float
    replica: str
    revision: str
    data: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)


@dataclass
class Diary:
    """All calls of all people, and what they wrote and agreed to."""

    began: float = field(default_factory=time.monotonic)
    told: list[Told] = field(default_factory=list[Told])
    written: dict[str, str] = field(default_factory=dict[str, str])
    """By its marker, how a write ended: done, unchanged, or unknown."""
    agreed: set[str] = field(default_factory=set[str])
    """Whose deletion a person said yes to, by account and hash."""
    deleted: set[str] = field(default_factory=set[str])
    """Those of which the answer was that they are deleted."""

    @property
    def now(self) -> float:
        return time.monotonic() - self.began


@dataclass
class Assistant:
    """One client, its person, and what is theirs in the account."""

    team: Team
    token: str
    diary: Diary
    account: str
    name: str
    revision: str
    shared: list[str]
    """Hashes that everybody looks at."""
    own: list[str]
    """Hashes that only this one changes."""
    chance: random.Random
    made: int = 0
    client: Client = field(init=False)
    answered: list[str] = field(default_factory=list[str])
    calling: tuple[str, float] = ("connect", 0.0)
    """What is being called, and since when."""

    async def attend(self, until: float, doing: Callable[[float], Awaitable[None]]) -> None:
        """Be there for a while. A client that its own connection ends is opened anew, as an app does it."""
        while self.diary.now < until:
            self.calling = ("connect", self.diary.now)
            shown = Person(self.diary)
            try:
                async with self.team.client(self.token, MODES[self.revision], elicitation_callback=shown) as opened:
                    self.client, self.answered = opened
                    await doing(until)
            except* MCPError as refused:
                error = leaf_of(refused)
                assert isinstance(error, MCPError)
                self.tell(outcome_of(error), error.message)
                await anyio.sleep(2)
            except* httpx2.TransportError as cut:
                self.tell(Outcome.CUT, f"{type(leaf_of(cut)).__name__}: {leaf_of(cut)}")

    def tell(self, outcome: Outcome, text: str, data: Mapping[str, Any] | None = None) -> Told:
        """Write down what became of what was called."""
        (tool, began), replica = self.calling, self.answered[-1] if self.answered else ""
        told = Told(
            self.account, tool, outcome, text, began, self.diary.now - began, replica, self.revision, data or {}
        )
        self.diary.told.append(told)
        return told

    async def once(self, tool: str, **arguments: Any) -> Told:
        """One call, whatever comes of it."""
        self.calling = (tool, self.diary.now)
        try:
            result = await self.client.call_tool(tool, {"account": self.account, **arguments})
        except MCPError as error:
            return self.tell(outcome_of(error), error.message)
        text = "\n".join(part.text for part in result.content if isinstance(part, types.TextContent))
        if result.is_error and not CODE.search(text) and SAID_NO not in text:
            return self.tell(Outcome.LATER if RETRYABLE.search(text) else Outcome.WRONG, text)
        return self.tell(Outcome.DONE, text, result.structured_content)

    async def read(self, tool: str, **arguments: Any) -> Told:
        """A look, repeated as its answer says."""
        told = await self.once(tool, **arguments)
        for _ in range(MOST_TRIES):
            if told.outcome in {Outcome.DONE, Outcome.WRONG}:
                break
            await anyio.sleep(2)
            told = await self.once(tool, **arguments)
        return told

    async def write(self, tool: str, marker: str, **arguments: Any) -> None:
        """A change, repeated only where its answer says that nothing was changed."""
        for _ in range(MOST_TRIES):
            self.diary.written[marker] = "unknown"
            told = await self.once(tool, **arguments)
            if told.outcome is Outcome.DONE and told.data.get("state") not in ON_ITS_WAY:
                self.diary.written[marker] = "done"
            elif NOTHING_CHANGED.search(told.text):
                self.diary.written[marker] = "unchanged"
            if self.diary.written[marker] != "unchanged" or told.outcome is Outcome.WRONG:
                return
            await anyio.sleep(2)

    def marker(self) -> str:
        """A text that no other write holds."""
        self.made += 1
        return f"mark {self.name} {self.made:04}"

    async def step(self) -> None:
        """What a person wants next."""
        wanted = self.chance.random()
        one = self.chance.choice(self.shared)
        if wanted < 0.3:
            await self.read("list_collections", limit=20, offset=self.chance.randrange(60))
        elif wanted < 0.5:
            await self.read("get_collection", collection_hash=one)
        elif wanted < 0.7:
            days = self.chance.randrange(1, 60)
            await self.read("get_collection_stats", collection_hash=one, **open_period(days))
        elif wanted < 0.78:
            await self.read("get_embed_code", collection_hash=one)
        elif wanted < 0.93:
            marker = self.marker()
            await self.write("update_collection", marker, collection_hash=self.own[0], description=marker)
        elif wanted < 0.97:
            marker = self.marker()
            title, url = f"{self.account} {marker}", "https://files.example.com/offers.pdf"
            await self.write("create_collection", marker, file_url=url, title=title, wait_seconds=0)
        else:
            await self.delete()

    async def delete(self) -> None:
        """One collection goes with a yes, or is asked about and stays."""
        if len(self.own) < 3:
            return
        target = self.own.pop()
        if agrees := self.chance.random() < 0.6:
            self.diary.agreed.add(f"{self.account} {target}")
        for _ in range(MOST_TRIES):
            told = await self.once("delete_collection", collection_hash=target)
            code = CODE.search(told.text)
            if code and agrees:
                told = await self.once("delete_collection", collection_hash=target, confirmation=code[1])
            if told.outcome is Outcome.DONE and told.data.get("deleted"):
                self.diary.deleted.add(f"{self.account} {target}")
            if told.outcome is not Outcome.LATER or not NOTHING_CHANGED.search(told.text):
                return
            await anyio.sleep(2)

    async def lead(self, pace: float, until: float) -> None:
        """A day, with pauses."""
        await anyio.sleep(self.chance.uniform(0, pace))
        while self.diary.now < until:
            began = self.diary.now
            await self.step()
            await anyio.sleep(max(0.0, began + self.chance.uniform(0.6, 1.4) * pace - self.diary.now))

    async def report(self, hashes: list[str], until: float) -> None:
        """One report after the other, so that the budget is used up."""
        while self.diary.now < until:
            told = await self.read("report_stats", collections=hashes, wait_seconds=40, **open_period(29))
            while told.data.get("state") == "running" and self.diary.now < until:
                told = await self.read("report_stats", report_id=told.data["report_id"], wait_seconds=40)


def outcome_of(error: MCPError) -> Outcome:
    """What an error of the protocol is: one that says when to try again, in words or by a number, or one of a connection."""
    if CUT.search(error.message):
        return Outcome.CUT
    waits = isinstance(error.data, dict) and "retry_after" in error.data
    return Outcome.LATER if waits or RETRYABLE.search(error.message) else Outcome.WRONG


def leaf_of(error: BaseException) -> BaseException:
    """The first error inside a group of them."""
    return leaf_of(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def open_period(days: int) -> dict[str, str]:
    """Some days up to today, which are never over: nothing about them is remembered for long."""
    today = datetime.now(UTC).date()
    return {"start_date": str(today - timedelta(days=days)), "end_date": str(today)}


class Person:
    """Sits before a client that shows forms: reads, and says yes to what was agreed on beforehand."""

    def __init__(self, diary: Diary) -> None:
        self.diary = diary

    async def __call__(self, context: Any, params: Any) -> types.ElicitResult | types.ErrorData:  # noqa: ARG002 - the SDK's names
        await anyio.sleep(READING)
        agreed = (one.split() for one in self.diary.agreed)
        if any(f'"{account}"' in params.message and f"({target})" in params.message for account, target in agreed):
            return types_what_is_asked(params.message)
        return types.ElicitResult(action="decline")
