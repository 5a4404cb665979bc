"""Plans whose servers are killed by SIGKILL, twice each, and which the third one finishes; all at the same time."""

import os
import random
import re
import signal
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import anyio
from anyio.to_thread import run_sync
from mcp import Client
from typing_extensions import override

from tests.survival.documents import write_document
from tests.survival.impatient_server import DEAD_AFTER
from tests.survival.killing import Round, each, text_of
from tests.survival.other_end import JsonObject, Sandbox, slow_sandbox

CODE = re.compile(r'confirmation="([A-Z2-7]{8})"')
COUNT = 16
WAITS = {"wait_seconds": 35}


@dataclass(frozen=True)
class Ended:
    """What came of a plan."""

    broken: list[str]
    """Promises that were not kept."""
    halfway: int
    """What was carried out when the last server started."""
    answer: JsonObject
    """What that one said in the end."""
    sent: Counter[str]
    """How often each was carried out."""


class Changing(Round):
    """Server after server on one store, with a plan that renames."""

    tool: ClassVar[str] = "update_collections"
    action: ClassVar[str] = "collection.update"
    told_by: ClassVar[str] = "collectionHash"
    kills: ClassVar[tuple[int, ...]] = (4, 10)
    """How many are carried out when a server is killed, at least."""
    names: ClassVar[list[str]] = [f"package{number}" for number in range(COUNT)]
    """What it is about, by hashes that are the titles as well."""
    renaming: ClassVar[JsonObject] = {"find": "package", "replace": "Parcel "}

    @override
    def __post_init__(self) -> None:
        self.folder.mkdir()

    async def planned(self, client: Client) -> JsonObject:
        """The arguments by which a new plan is carried out."""
        made = await self.answer(client, self.tool, {"collections": self.names, **self.renaming})
        return {"plan_id": made["plan_id"]}

    async def sent(self) -> Counter[str]:
        """How often each was carried out so far."""
        there = await run_sync(self.sandbox.executed, self.action)
        return Counter(one["params"][self.told_by] for one in there if one["params"][self.told_by] in self.names)

    async def play(self) -> Ended:
        """The plan is made and begun by the first server."""
        plan: JsonObject = {}
        for done in self.kills:
            async with self.server() as (client, pid), anyio.create_task_group() as calls:
                plan = plan or await self.planned(client)
                calls.start_soon(self.call, client, {}, self.tool, {**plan, **WAITS})
                while (await self.sent()).total() < done:  # noqa: ASYNC110 - it is another process
                    await anyio.sleep(0.1)
                await anyio.sleep(random.uniform(0, 0.3))  # noqa: S311 - into whatever comes next, no secret
                os.kill(pid, signal.SIGKILL)
            await anyio.sleep(DEAD_AFTER)
            plan.pop("confirmation", None)
        halfway = (await self.sent()).total()
        async with self.server() as (client, _):
            answer = await self.answer(client, self.tool, {**plan, **WAITS})
        return Ended(self.broken, halfway, answer, await self.sent())


class Deleting(Changing):
    """The same with a plan that deletes, by the code of the first server."""

    tool, action = "delete_collections", "collection.deleteCollection"
    names: ClassVar[list[str]] = [f"package{number}" for number in range(COUNT, 2 * COUNT)]
    renaming: ClassVar[JsonObject] = {}

    @override
    async def planned(self, client: Client) -> JsonObject:
        plan = await super().planned(client)
        refused = await client.call_tool(self.tool, plan)
        return {**plan, "confirmation": CODE.findall(text_of(refused))[0]}


class Undoing(Changing):
    """The same with a plan that puts titles back."""

    tool, told_by, kills = "undo_change", "title", (1, 3)
    names: ClassVar[list[str]] = [f"package{number}" for number in range(2 * COUNT, 2 * COUNT + 8)]

    @override
    async def planned(self, client: Client) -> JsonObject:
        renaming = {"collections": self.names, **self.renaming}
        made = await self.answer(client, Changing.tool, renaming)
        done = await self.answer(client, Changing.tool, {"plan_id": made["plan_id"], **WAITS})
        undoing = await self.answer(client, self.tool, {"history_id": done["history_id"]})
        return {"plan_id": undoing["plan_id"]}


class Uploading(Changing):
    """The same with a batch of documents."""

    tool, action, told_by, kills = "create_collections", "collection.create", "title", (2, 5)
    names: ClassVar[list[str]] = [f"Branch {number}" for number in range(8)]

    @override
    def __post_init__(self) -> None:
        (self.folder / "documents").mkdir(parents=True)
        for name in self.names:
            write_document(self.folder / "documents" / f"{name}.pdf", 1_000_000, name)

    @override
    async def planned(self, client: Client) -> JsonObject:
        made = await self.answer(client, self.tool, {"folder": ".", "status": "public"})
        return {"plan_id": made["plan_id"]}


async def all_played(folder: Path) -> dict[type[Changing], Ended]:
    """What came of each kind, all played at the same time."""
    ended: dict[type[Changing], Ended] = {}

    async def play(kind: type[Changing], sandbox: Sandbox) -> None:
        ended[kind] = await kind(0, folder / kind.__name__, sandbox, "", hurry=False).play()

    with slow_sandbox(3 * COUNT, folder) as sandbox:
        await each(partial(play, kind, sandbox) for kind in (Changing, Deleting, Undoing, Uploading))
    return ended
