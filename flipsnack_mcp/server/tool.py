"""A tool: what an assistant may call. Made from an action; a tool that does more declares what it does."""

from __future__ import annotations

import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from anyio.abc import TaskGroup
from mcp.types import InputRequiredResult, ToolAnnotations
from mcp.types import Tool as Descriptor
from pydantic import BaseModel, ConfigDict

from flipsnack_mcp.api.action import Action, Effect
from flipsnack_mcp.api.actions import ACTIONS
from flipsnack_mcp.api.actions.collections import Collection
from flipsnack_mcp.api.client import Flipsnack
from flipsnack_mcp.server.call import Call
from flipsnack_mcp.server.consent.confirmation import Clock, Confirmation
from flipsnack_mcp.server.safety.redaction import Redactor
from flipsnack_mcp.server.schema import Schemas, portable, written
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import Store
from flipsnack_mcp.workflows.allowance import Allowance
from flipsnack_mcp.workflows.errand import Errand
from flipsnack_mcp.workflows.history import History
from flipsnack_mcp.workflows.recalling import Recent

if TYPE_CHECKING:
    from flipsnack_mcp.workflows.downloads.transfers import Transfers
    from flipsnack_mcp.workflows.plans.record import Plans
    from flipsnack_mcp.workflows.reports.background import Reports
    from flipsnack_mcp.workflows.uploads.uploading import Uploads


@dataclass(frozen=True)
class App:
    """What all calls of a server share."""

    settings: Settings
    redactor: Redactor
    flipsnack: Flipsnack
    confirmation: Confirmation
    history: History
    allowance: Allowance
    recent: Recent
    store: Store
    background: TaskGroup
    now: Clock

    # Made when they are first used: their rooms take their time to import, and tools/list needs none of them.
    @cached_property
    def uploads(self) -> Uploads:
        """The uploads of this process, and the journal of all."""
        from flipsnack_mcp.workflows.uploads.journal import Journal  # noqa: PLC0415  # see above
        from flipsnack_mcp.workflows.uploads.uploading import Uploads  # noqa: PLC0415  # see above

        journal = Journal(self.store, self.settings.account, f"{os.getpid()}-{secrets.token_hex(4)}")
        return Uploads(self.flipsnack, journal, self.background)

    @cached_property
    def transfers(self) -> Transfers:
        """The downloads of this process."""
        from flipsnack_mcp.workflows.downloads.transfers import Transfers  # noqa: PLC0415  # see above

        return Transfers(self.flipsnack, self.background)

    @cached_property
    def reports(self) -> Reports:
        """The reports of this process."""
        from flipsnack_mcp.workflows.reports.background import Reports  # noqa: PLC0415  # see above

        return Reports(self.flipsnack, self.store, self.settings.account, self.background, self.now)

    @cached_property
    def plans(self) -> Plans:
        """The plans of the account."""
        from flipsnack_mcp.workflows.plans.record import Plans  # noqa: PLC0415  # see above

        return Plans(self.store, self.settings.account)

    @property
    def download_dir(self) -> Path:
        """Where packages go."""
        from flipsnack_mcp.files.folders import default_download_folder  # noqa: PLC0415  # tools/list must not wait for it

        return self.settings.download_dir or default_download_folder()


@dataclass
class Trail:
    """What the history will say about one call, besides how it ended."""

    confirmed: str = ""
    saved: int | None = None
    """The entry of the history that holds how it was before."""


@dataclass(frozen=True)
class Work:
    """What one call works with."""

    app: App
    call: Call
    tool: str
    target: str
    trail: Trail = field(default_factory=Trail)

    @property
    def errand(self) -> Errand:
        """How this call asks Flipsnack."""
        return Errand(self.app.flipsnack, self.call.deadline, self.call.tell)

    async def save(self, collection: Collection) -> int:
        """Keep how a collection is, before it is changed or destroyed. Without that nothing is."""
        before = collection.model_dump(mode="json", exclude_none=True)
        facts = {"tool": self.tool, "target": self.target, "confirmed": self.trail.confirmed, "before": before}
        self.trail.saved = await self.app.history.add(decision="allowed", **facts)
        return self.trail.saved


class WorkflowCall(BaseModel):
    """The arguments of a tool over a workflow; it has no action of Flipsnack's. Its docstring is the description."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True, defer_build=True)

    tool_name: ClassVar[str]
    tool_title: ClassVar[str]
    effect: ClassVar[Effect]
    over: ClassVar[str]
    """What of Flipsnack's it stands on, for the table of tools."""
    overwrites: ClassVar[bool] = False
    idempotent: ClassVar[bool] = False
    legacy: ClassVar[bool] = False


Run = Callable[[Work, Any], Awaitable[BaseModel | InputRequiredResult]]


@dataclass(frozen=True)
class Tool:
    """One entry of the menu."""

    takes: type[Action[Any] | WorkflowCall]
    answers: type[BaseModel]
    run: Run
    writes_file: bool = False

    @property
    def name(self) -> str:
        """Its name on the menu."""
        return self.takes.tool_name

    def schemas(self) -> Schemas:
        """Made from the models."""
        return {"takes": portable(self.takes), "answers": portable(self.answers)}

    def described(self) -> Descriptor:
        """The tool as MCP lists it, all four hints set."""
        action = self.takes
        schemas = written().get(self.name) or self.schemas()
        return Descriptor(
            name=action.tool_name,
            title=action.tool_title,
            description=action.__doc__,
            input_schema=schemas["takes"],
            output_schema=schemas["answers"],
            annotations=ToolAnnotations(
                read_only_hint=action.effect is Effect.READS and not self.writes_file,
                destructive_hint=action.effect is Effect.DESTROYS or action.overwrites,
                idempotent_hint=action.idempotent and not self.writes_file,
                open_world_hint=True,
            ),
        )


def later(module: str, name: str) -> Run:
    """What a tool does, imported when it is first called: tools/list must not wait for all the rooms behind it."""

    async def run(work: Work, call: Any) -> BaseModel | InputRequiredResult:
        found: Run = getattr(import_module(f"flipsnack_mcp.server.{module}"), name)
        return await found(work, call)

    return run


def bare(call: Action[Any]) -> Any:
    """The action in a call, without the parameters that only the tool understands."""
    action = next(one for one in type(call).__mro__ if one in ACTIONS)
    given = {name: getattr(call, name) for name in action.model_fields if name in call.model_fields_set}
    return action.model_construct(_fields_set=set(given), **given)


async def recalled(work: Work, call: Action[Any]) -> BaseModel:
    """Answer a question that is often asked twice."""
    result: BaseModel = await work.app.recent.ask(work.errand, call)
    return result


async def sent(work: Work, call: Action[Any]) -> BaseModel:
    """Carry out the action as it is: all that most tools do."""
    result: BaseModel = await work.errand.send(call)
    return result
