"""Whatever a client does with the question, becomes of a code or is set: the sandbox counts exactly what was confirmed."""

import contextlib
import re
from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from inspect import iscoroutinefunction
from typing import Any

import anyio
import pytest
from mcp import MCPError
from mcp.types import ElicitResult, ErrorData

from flipsnack_mcp.server.consent.codes import Consents
from tests.server import destructions
from tests.server.bench import CODE, Answer, Assistant, Bench, Mode, Person, Said, cancels, declines, types
from tests.server.destructions import TITLE, TOOLS, Destruction, assert_done, assert_only, assert_refused, process
from tests.server.long_bench import assert_told_in_four_parts


def fails(_: str) -> ErrorData:
    return ErrorData(code=-32603, message="no screen")


def accepts(content: Any) -> Answer:
    return lambda _: ElicitResult(action="accept", content=content)


@dataclass(frozen=True)
class Behaviour:
    """What a client does, and whether that is a yes."""

    answer: Answer | None
    said: str = ""
    """A part of the refusal; empty where it is a yes."""
    thinks: float = 2.0

    @property
    def confirmed(self) -> int:
        return int(not self.said)


NOT_THE_TITLE, UNSEEN = "something else typed", "probably never shown"
TYPED = {
    "wrong title": "Spring catalogue 2026", "title in another case": TITLE.lower(), "empty": "", "blank": "   ",
}  # fmt: skip
NO_TEXT = {"number": 2026, "decimal": 1.5, "boolean": True, "list instead of text": [TITLE]}
CONTENTS: dict[str, Any] = {"no content": None, "empty content": {}, "another field": {"name": TITLE}}
BEHAVIOURS = {
    "right title": Behaviour(types(TITLE)),
    "right title with spaces": Behaviour(types(f"  {TITLE} ")),
    **{name: Behaviour(types(typed), NOT_THE_TITLE) for name, typed in TYPED.items()},
    **{name: Behaviour(types(typed), UNSEEN) for name, typed in NO_TEXT.items()},
    **{name: Behaviour(accepts(content), UNSEEN) for name, content in CONTENTS.items()},
    "content outside the schema": Behaviour(types(TITLE, all="yes"), UNSEEN),
    "right title at once": Behaviour(types(TITLE), UNSEEN, thinks=0.01),
    "declined": Behaviour(declines, "The person said no"),
    "cancelled": Behaviour(cancels, "The person said no"),
    "declined at once": Behaviour(declines, UNSEEN, thinks=0.01),
    "cancelled at once": Behaviour(cancels, UNSEEN, thinks=0.01),
    "no form": Behaviour(None, "This needs a person's yes."),
    "never answered": Behaviour(types(TITLE), "withdrawn", thinks=5000.0),
    "client error": Behaviour(fails, "failed in the client"),
}
SILENT = (BEHAVIOURS["never answered"], BEHAVIOURS["client error"])
"""On 2026-07-28 the call has ended with the question: a client that fails or waits never comes back."""


@pytest.mark.parametrize(
    ("mode", "tool", "behaviour"), destructions.cells(BEHAVIOURS, ["right title", "wrong title", "no form"])
)
async def test_only_a_clear_yes_in_the_form_destroys(bench: Bench, tool: Destruction, behaviour: Behaviour) -> None:
    """And after a refused form no code works alone."""
    collection = bench.collection(TITLE)
    person = Person(behaviour.answer, behaviour.thinks) if behaviour.answer else None
    async with process(bench, person) as assistant:
        said = await called(assistant, tool, collection, gives_up=bench.mode == "auto" and behaviour in SILENT)
        assert_only(bench.sandbox, tool, behaviour.confirmed)
        assert len(person.forms if person else []) == (1 if person else 0)
        found = CODE.search(said.text if said else "")
        if person and not behaviour.confirmed:
            code = found[1] if found else "AAAAAAAA"
            assert_refused(await assistant.call(tool.tool, tool.arguments(collection), confirmation=code))
            assert_only(bench.sandbox, tool, 0)
    if said is None:
        return
    if behaviour.confirmed:
        assert_done(said)
        return
    assert_refused(said)
    assert behaviour.said in said.text
    assert said.seconds <= 50
    assert bool(found) is (person is None or bool(destructions.RETRY.search(said.text)))


async def called(assistant: Assistant, tool: Destruction, collection: Any, *, gives_up: bool) -> Said | None:
    """The answer to a call; None where the client gives it up."""
    if not gives_up:
        return await assistant.call(tool.tool, tool.arguments(collection))
    with anyio.move_on_after(900), contextlib.suppress(MCPError):
        await assistant.call(tool.tool, tool.arguments(collection))
        raise AssertionError("the client did not give up")
    return None


@pytest.mark.parametrize(
    ("mode", "tool", "answer"), destructions.cells({"no": declines, "cancel": cancels}, ["no"], in_turn=True)
)
async def test_a_no_closes_the_way_by_code_for_ten_minutes_in_all_processes(
    bench: Bench, tool: Destruction, answer: Answer
) -> None:
    collection = bench.collection(TITLE)
    arguments = tool.arguments(collection)
    async with process(bench) as plain, process(bench, Person(answer)) as asking:
        earlier = (await plain.call(tool.tool, arguments)).code
        assert_refused(await asking.call(tool.tool, arguments))
        assert_refused(await plain.call(tool.tool, arguments, confirmation=earlier))
        shut = await plain.call(tool.tool, arguments)
        assert_refused(shut)
        assert not CODE.search(shut.text)
        assert_only(bench.sandbox, tool, 0)
        bench.clock.advance(601)
        later = await plain.call(tool.tool, arguments)
        assert_done(await plain.call(tool.tool, arguments, confirmation=later.code))

    assert_only(bench.sandbox, tool, 1)


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

    async def spent_on(self, tool: Destruction, target: Any) -> int:
        assert_refused(await self.first.call(tool.tool, tool.arguments(target), confirmation=self.code))
        assert_refused(await self.use())
        return 0

    async def right(self) -> int:
        assert_done(await self.use())
        return 1

    async def copied_badly(self) -> int:
        self.code = f"  {self.code.lower()} "
        return await self.right()

    async def replayed(self) -> int:
        kept = deepcopy(self.collection)
        assert_done(await self.use())
        self.bench.sandbox.account.keep(kept)
        spent = await self.use()
        assert_refused(spent)
        assert not CODE.search(spent.text)
        return 1

    async def almost_expired(self) -> int:
        self.bench.clock.advance(589)
        return await self.right()

    async def expired(self) -> int:
        self.bench.clock.advance(601)
        assert_refused(await self.use())
        return 0

    async def other_tool(self) -> int:
        # One whose target is the same collection, so that only the tool tells them apart.
        other = next(one for one in reversed(TOOLS) if one != self.tool)
        return await self.spent_on(other, self.collection)

    async def other_target(self) -> int:
        return await self.spent_on(self.tool, self.bench.sandbox.account.add(title=TITLE))

    async def other_target_that_a_no_closed(self) -> int:
        other = self.bench.sandbox.account.add(title=TITLE)
        async with process(self.bench, Person(declines)) as asking:
            assert_refused(await asking.call(self.tool.tool, self.tool.arguments(other)))
        return await self.spent_on(self.tool, other)

    async def other_account(self) -> int:
        async with process(self.bench, api_url="https://api.elsewhere.example/v1/") as other:
            assert_refused(await self.use(other))
        return 0

    async def where_only_a_terminal_counts(self) -> int:
        async with process(self.bench, confirm="approve") as other:
            assert_refused(await self.use(other))
        return 0

    async def other_process(self) -> int:
        kept = deepcopy(self.collection)
        async with process(self.bench) as other:
            assert_done(await self.use(other))
        self.bench.sandbox.account.keep(kept)
        assert_refused(await self.use())
        return 1

    async def both_processes_at_once(self) -> int:
        said: list[Said] = []

        async def used(assistant: Assistant) -> None:
            said.append(await self.use(assistant))

        async with process(self.bench) as other, anyio.create_task_group() as group:
            group.start_soon(used, other)
            group.start_soon(used, self.first)
        assert sorted(one.is_error for one in said) == [False, True]
        return 1

    async def renamed(self) -> int:
        self.collection.title = "Renamed meanwhile"
        said = await self.use()
        assert_refused(said)
        assert '"Renamed meanwhile"' in said.text
        assert said.code != self.code
        assert_refused(await self.use())  # the first one is spent
        self.code = said.code
        assert_done(await self.use())
        return 1

    async def other_status(self) -> int:
        self.collection.status = "unlisted"
        assert_refused(await self.use())
        return 0

    async def gone(self) -> int:
        self.bench.sandbox.account.delete(self.collection.hash)
        said = await self.use()
        assert_told_in_four_parts(said, destructions.UNCHANGED)
        return 0


Fate = Callable[[Story], Awaitable[int]]
FATES: dict[str, Fate] = {
    name: fate for name, fate in vars(Story).items() if iscoroutinefunction(fate) and name not in {"use", "spent_on"}
}


@pytest.mark.parametrize(
    ("mode", "tool", "fate"),
    destructions.cells(FATES, ["right", "other_tool", "other_target", "renamed"], in_turn=True),
)
async def test_a_code_is_good_once_for_what_it_was_given_out_for(bench: Bench, tool: Destruction, fate: Fate) -> None:
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


@dataclass(frozen=True)
class Way:
    """A setting, what a person does about it, and how many destructions come of it."""

    confirm: str
    approved: bool = False
    confirmed: int = 0
    asking: bool = False
    """Whether the client can show a form."""


PLAIN = {
    "approve, nobody did": Way("approve"), "approve, a person did": Way("approve", approved=True, confirmed=1),
    "block": Way("block"), "unknown value": Way("yes"), "allow": Way("allow", confirmed=1),
}  # fmt: skip
WAYS = {
    **PLAIN,
    **{f"{name}, form": replace(way, asking=True) for name, way in PLAIN.items()},
    "ask, a person approved the code": Way("ask", approved=True, confirmed=1),
}


@pytest.mark.parametrize(
    ("mode", "tool", "way"),
    destructions.cells(WAYS, ["approve, nobody did", "approve, a person did", "allow"], in_turn=True),
)
async def test_each_way_destroys_only_what_it_allows(bench: Bench, tool: Destruction, way: Way) -> None:
    collection = bench.collection(TITLE)
    arguments = tool.arguments(collection)
    person = Person(types(TITLE)) if way.asking else None
    async with process(bench, person, confirm=way.confirm) as assistant:
        first = await assistant.call(tool.tool, arguments)
        if way.confirm == "allow":
            assert_done(first)
            assert bench.requests[0] == "collection.getCollection", "it looks before it destroys"
        else:
            assert_refused(first)
            assert_only(bench.sandbox, tool, 0)
            found = CODE.search(first.text)
            code = found[1] if found else "AAAAAAAA"
            if way.approved:
                assert await Consents(destructions.store_of(bench), bench.settings.account).approve(code)
            second = await assistant.call(tool.tool, arguments, confirmation=code)
            (assert_done if way.confirmed else assert_refused)(second)

    assert_only(bench.sandbox, tool, way.confirmed)
    assert not (person and person.forms), "only `ask` shows a form"


@pytest.mark.parametrize(("mode", "tool", "confirm"), destructions.cells({"read only": "allow"}, ["read only"]))
async def test_read_only_mode_beats_every_way(bench: Bench, mode: Mode, tool: Destruction, confirm: str) -> None:
    collection = bench.collection(TITLE)
    async with process(bench, read_only=True, confirm=confirm) as assistant:
        if mode == "legacy":
            with pytest.raises(MCPError, match=re.escape(destructions.UNCHANGED)):
                await assistant.call(tool.tool, tool.arguments(collection))
        else:
            said = await assistant.call(tool.tool, tool.arguments(collection))
            assert_told_in_four_parts(said, destructions.UNCHANGED)
    assert bench.sandbox.requests == []
