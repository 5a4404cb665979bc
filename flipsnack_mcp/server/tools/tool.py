"""A tool: what an assistant may call, what it takes and answers, and what one call works with."""

import logging
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Generic, TypeAlias

from mcp import types
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from flipsnack_mcp.api import Effect
from flipsnack_mcp.api.actions.collections import Collection
from flipsnack_mcp.server.app import App
from flipsnack_mcp.server.callers.caller import CALLER, Right
from flipsnack_mcp.server.consent.preview import InQuestion
from flipsnack_mcp.server.consent.yes import Yes
from flipsnack_mcp.server.request import ToolRequest
from flipsnack_mcp.server.tools.arguments import InputT, Options
from flipsnack_mcp.server.views.showing import Aside
from flipsnack_mcp.server.wording import Illustrated
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.text import first_sentence
from flipsnack_mcp.workflows.begun import Beginner
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.progress import Progress

log = logging.getLogger(__name__)

Linked: TypeAlias = Mapping[str, frozenset[tuple[str, str]]]
"""What players' links name, by the argument they stand in: by what the store knows the account, and the hash."""


@dataclass
class ToolCall:
    """What one call of a tool works with, and what the history will say about it besides how it ended."""

    app: App
    """Of the account that is asked; of the first, where several are."""
    request: ToolRequest
    tool: str
    target: str
    options: Options
    """What an action's tool takes beyond the action; a tool over a workflow has all of it in its input."""
    confirmed: str = ""
    """Whose yes it was; for a plan also that of an earlier call."""
    apps: tuple[App, ...] = ()
    """Of all accounts, where all are meant."""
    linked: Linked = field(default_factory=dict[str, frozenset[tuple[str, str]]])
    """The collections that links named then."""
    saved: int | None = None
    """The entry of the history that holds how it was before."""
    after: Mapping[str, object] = field(default_factory=dict[str, object])
    """What a change made of it: the fields that it changed, and the hash that it has since."""
    ended: str = "done"
    """What the history calls its end; nothing where it began nothing, or what goes on in the background writes that down."""

    aside: Aside = field(default_factory=Aside)
    """What only the view is told."""

    @property
    def context(self) -> CallContext:
        """How this call asks Flipsnack."""
        return CallContext(self.app.flipsnack, self.request.deadline, self.request.tell)

    @property
    def beginner(self) -> Beginner:
        """Whose the work is that it begins."""
        caller = CALLER.get()
        return Beginner(caller.name, caller.principal)

    async def ask(self, code: str | None, subject: InQuestion) -> Yes | types.InputRequiredResult:
        """A person's yes, or the question that has to go out first; else a refusal is raised."""
        answer = await self.app.confirmation.given(self.request, self.tool, code, subject)
        if isinstance(answer, Yes):
            self.confirmed = answer.how
        return answer

    async def save(self, collection: Collection) -> int:
        """Keep how a collection is, before it is changed or destroyed. Without that nothing is."""
        before = collection.model_dump(mode="json", exclude_none=True)
        self.saved = await self.app.history.add(decision="allowed", before=before, **self._facts())
        return self.saved

    async def record(self, decision: str, said: str) -> None:
        """Write down how it ended. It has ended so: a store that fails now must not change what the caller is told."""
        try:
            ended = {"after": dict(self.after), "of": self.saved or 0}
            await self.app.history.add(decision=decision, said=first_sentence(said), **ended, **self._facts())
        except StoreUnusable as error:
            log.warning("the history could not be written: %s", error.happened)

    def _facts(self) -> dict[str, str]:
        return {"tool": self.tool, "target": self.target, "confirmed": self.confirmed}


class Answered(BaseModel):
    """The base of a tool's own answers."""

    model_config = ConfigDict(frozen=True, defer_build=True)


States = Annotated[list[str], Field(description="Seen when")]
NextStep = Annotated[str | None, Field(description="Next call")]
HowFar = Annotated[dict[str, int] | None, Field(description="How far")]
"""Of long work that goes on: done, total, seconds_left."""
Warnings = Annotated[list[str], Field(description="For the person")]
WasDryRun = Annotated[bool | None, Field(description="Nothing was done")]
HistoryId = Annotated[int | None, Field(description="Holds how it was")]
Planned = Annotated[list[str] | None, Field(description="What would change")]
"""Of a dry run."""

ByAddress = SkipJsonSchema[str | None]
"""What only an answer to a team has: its menu says so (`server/by_address`), and the usual one has no word of it."""

GOES_ON = "It goes on by itself: tell the person, and end your turn."
"""Of long work that no call has to wait for."""


def in_numbers(progress: Progress) -> dict[str, int]:
    """How far long work is, as an answer tells it: what is not known is left out."""
    known = {"done": progress.done, "total": progress.total, "seconds_left": progress.seconds_left}
    return {name: math.ceil(one) for name, one in known.items() if one is not None}


@dataclass(frozen=True)
class Tool(Generic[InputT]):
    """One entry of the menu."""

    input: type[InputT]
    output: type[BaseModel]
    run: Callable[[ToolCall, InputT], Awaitable[BaseModel | Illustrated | types.InputRequiredResult]]
    has_view: bool = False
    """Whether its answer is worth looking at."""
    writes_file: bool = False
    only_with: Effect | None = None
    """An effect that has to be allowed for it to be of use, where that is not its own."""
    open_world: bool = True
    """Whether it looks beyond this computer."""
    over_accounts: type[BaseModel] | None = None
    """What it answers where all accounts are meant; None where it takes one at a time."""
    of_leads: bool = False
    """Whether it is about leads, which only some servers receive and which have a right of their own."""

    @property
    def name(self) -> str:
        """Its name on the menu."""
        return self.input.tool_name

    @property
    def right(self) -> Right:
        """What its caller has to be allowed: whatever needs a person's yes destroys."""
        if self.of_leads:
            return Right.LEADS
        if Effect.READS in {self.input.effect, self.only_with}:
            return Right.READ
        destroys = self.input.effect is Effect.DESTROYS or bool(getattr(self.input, "loses", ""))
        return Right.DELETE if destroys else Right.WRITE
