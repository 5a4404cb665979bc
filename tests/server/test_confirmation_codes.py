"""Whatever becomes of a code: the sandbox counts exactly the destructions that were confirmed."""

from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import anyio
import pytest

from tests.server.bench import CODE, Assistant, Bench, Said
from tests.server.destructions import (
    TITLE,
    TOOLS,
    UNCHANGED,
    Destruction,
    assert_done,
    assert_only,
    assert_refused,
    cells,
    process,
)


@dataclass
class Story:
    """A refused call and its code, about to be used somehow."""

    bench: Bench
    tool: Destruction
    collection: Any
    code: str
    first: Assistant

    @property
    def arguments(self) -> dict[str, Any]:
        return {**self.tool.arguments(self.collection), "confirmation": self.code}

    async def use(self, assistant: Assistant | None = None) -> Said:
        return await (assistant or self.first).call(self.tool.tool, self.arguments)


async def right(story: Story) -> int:
    assert_done(await story.use())
    return 1


async def copied_badly(story: Story) -> int:
    story.code = f"  {story.code.lower()} "
    return await right(story)


async def replayed(story: Story) -> int:
    kept = deepcopy(story.collection)
    assert_done(await story.use())
    story.bench.sandbox.account.keep(kept)
    spent = await story.use()
    assert_refused(spent)
    assert not CODE.search(spent.text)
    return 1


async def almost_expired(story: Story) -> int:
    story.bench.clock.advance(589)
    return await right(story)


async def expired(story: Story) -> int:
    story.bench.clock.advance(601)
    assert_refused(await story.use())
    return 0


async def other_tool(story: Story) -> int:
    # One whose target is the same collection, so that only the tool tells them apart.
    other = next(one for one in reversed(TOOLS) if one != story.tool)
    arguments = {**other.arguments(story.collection), "confirmation": story.code}
    assert_refused(await story.first.call(other.tool, arguments))
    assert_refused(await story.use())  # spent by that
    return 0


async def other_target(story: Story) -> int:
    other = story.bench.sandbox.account.add(title=TITLE)
    arguments = {**story.tool.arguments(other), "confirmation": story.code}
    assert_refused(await story.first.call(story.tool.tool, arguments))
    assert_refused(await story.use())  # spent by that
    return 0


async def other_account(story: Story) -> int:
    async with process(story.bench, api_url="https://api.elsewhere.example/v1/") as other:
        assert_refused(await story.use(other))
    return 0


async def other_process(story: Story) -> int:
    kept = deepcopy(story.collection)
    async with process(story.bench) as other:
        assert_done(await story.use(other))
    story.bench.sandbox.account.keep(kept)
    assert_refused(await story.use())
    return 1


async def both_processes_at_once(story: Story) -> int:
    said: list[Said] = []

    async def used(assistant: Assistant) -> None:
        said.append(await story.use(assistant))

    async with process(story.bench) as other, anyio.create_task_group() as group:
        group.start_soon(used, other)
        group.start_soon(used, story.first)
    assert sorted(one.is_error for one in said) == [False, True]
    return 1


async def renamed(story: Story) -> int:
    story.collection.title = "Renamed meanwhile"
    said = await story.use()
    assert_refused(said)
    assert '"Renamed meanwhile"' in said.text
    assert said.code != story.code
    assert_refused(await story.use())  # the first one is spent
    story.code = said.code
    assert_done(await story.use())
    return 1


async def other_status(story: Story) -> int:
    story.collection.status = "unlisted"
    assert_refused(await story.use())
    return 0


async def made_up(story: Story) -> int:
    story.code = "AAAAAAAA"
    assert_refused(await story.use())
    return 0


async def gone(story: Story) -> int:
    story.bench.sandbox.account.delete(story.collection.hash)
    said = await story.use()
    assert said.is_error
    assert UNCHANGED in said.text
    return 0


FATES: dict[str, Callable[[Story], Awaitable[int]]] = {
    one.__name__: one
    for one in (
        *(right, copied_badly, replayed, almost_expired, expired, other_tool, other_target, other_account),
        *(other_process, both_processes_at_once, renamed, other_status, made_up, gone),
    )
}


@pytest.mark.parametrize(("mode", "tool", "fate"), cells(FATES, ["right", "other_tool", "other_target", "renamed"]))
async def test_a_code_is_good_once_for_what_it_was_given_out_for(
    bench: Bench, tool: Destruction, fate: Callable[[Story], Awaitable[int]]
) -> None:
    collection = bench.collection(TITLE)
    async with process(bench) as first:
        refused = await first.call(tool.tool, tool.arguments(collection))
        assert_refused(refused)
        assert f'"{TITLE}"' in refused.text
        assert_only(bench.sandbox, tool, 0)
        confirmed = await fate(Story(bench, tool, collection, refused.code, first))

    assert_only(bench.sandbox, tool, confirmed)


async def test_a_code_outlives_a_restart_and_stays_spent_after_one(bench: Bench) -> None:
    tool, collection = TOOLS[0], bench.collection(TITLE)
    kept = deepcopy(collection)
    async with process(bench) as before:
        code = (await before.call(tool.tool, tool.arguments(collection))).code
    async with process(bench) as after:
        assert_done(await after.call(tool.tool, tool.arguments(kept), confirmation=code))
    bench.sandbox.account.keep(kept)
    async with process(bench) as later:
        assert_refused(await later.call(tool.tool, tool.arguments(kept), confirmation=code))

    assert_only(bench.sandbox, tool, 1)
