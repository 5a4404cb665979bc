"""A plan over many collections whose servers are killed by SIGKILL, twice, and which the third one finishes."""

import os
import random
import re
import signal
import sys
from collections import Counter
from pathlib import Path

import anyio
import pytest
from anyio.to_thread import run_sync
from typing_extensions import override

from tests.survival.impatient_server import DEAD_AFTER
from tests.survival.killing import JsonObject, Round, slow_sandbox, text_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
COUNT = 16
UPDATE, TOOL = "collection.update", "update_collections"
DELETED, DELETING = "collection.deleteCollection", "delete_collections"
CODE = re.compile(r'confirmation="([A-Z2-7]{8})"')
CHOICE = {"collections": [f"package{number}" for number in range(COUNT)]}
RULE = {**CHOICE, "find": "package", "replace": "Parcel "}


class Servers(Round):
    """Server after server on one store; here nothing is uploaded."""

    tool, action = TOOL, UPDATE

    @override
    def __post_init__(self) -> None:
        self.folder.mkdir()

    async def until(self, done: int) -> None:
        """Wait until the sandbox has carried out so many, and a bit: into whatever comes next."""
        while len(await run_sync(self.sandbox.executed, self.action)) < done:  # noqa: ASYNC110 - it is another process
            await anyio.sleep(0.1)
        await anyio.sleep(random.uniform(0, 0.3))  # noqa: S311 - no secret

    async def killed(self, plan: JsonObject, done: int) -> None:
        """A server that carries out the plan until it is killed."""
        async with self.server() as (client, pid), anyio.create_task_group() as calls:
            calls.start_soon(self.call, client, {}, self.tool, plan)
            await self.until(done)
            os.kill(pid, signal.SIGKILL)
        await anyio.sleep(DEAD_AFTER)


async def test_a_plan_whose_servers_are_killed_changes_each_collection_exactly_once(tmp_path: Path) -> None:
    with slow_sandbox(COUNT, tmp_path) as sandbox:
        life = Servers(0, tmp_path / "servers", sandbox, 0.0, hurry=False)
        async with life.server() as (client, _):
            made = await life.answer(client, TOOL, RULE)
        plan = {"plan_id": made["plan_id"], "wait_seconds": 35}
        for updates in (4, 10):
            await life.killed(plan, updates)
        halfway = len(sandbox.executed(UPDATE))
        async with life.server() as (client, _):
            ended = await life.answer(client, TOOL, plan)
        changed = Counter(one["params"]["collectionHash"] for one in sandbox.executed(UPDATE))

    assert life.broken == []
    assert ended["counts"] == {"done": COUNT, "unchanged": 0}
    assert 10 <= halfway < COUNT
    assert changed == Counter({f"package{number}": 1 for number in range(COUNT)})


class Deleting(Servers):
    """The same with a plan that deletes."""

    tool, action = DELETING, DELETED


async def test_a_plan_of_deletions_whose_servers_are_killed_deletes_nothing_twice_and_says_what_is_left(
    tmp_path: Path,
) -> None:
    with slow_sandbox(COUNT, tmp_path) as sandbox:
        life = Deleting(0, tmp_path / "servers", sandbox, 0.0, hurry=False)
        async with life.server() as (client, _):
            made = await life.answer(client, DELETING, CHOICE)
            plan = {"plan_id": made["plan_id"], "wait_seconds": 35}
            refused = await client.call_tool(DELETING, plan)
        code = CODE.findall(text_of(refused))[0]
        await life.killed({**plan, "confirmation": code}, 4)
        await life.killed(plan, 10)
        halfway = len(sandbox.executed(DELETED))
        async with life.server() as (client, _):
            ended = await life.answer(client, DELETING, plan)
        gone = Counter(one["params"]["collectionHash"] for one in sandbox.executed(DELETED))

    assert life.broken == []
    assert 10 <= halfway < COUNT
    assert set(gone.values()) == {1}
    assert {one["collection_hash"] for one in ended["items"] if one["state"] == "done"} == gone.keys()
    # What was on its way at a kill is looked up: it is gone, or left and said.
    left = [one for one in ended["items"] if one["state"] != "done"]
    assert len(gone) + len(left) == COUNT
    assert [one["state"] for one in left if "still there" in one["reason"]] == ["failed"] * len(left)
    assert len(left) <= 2
