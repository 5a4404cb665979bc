"""The confirmation matrix for tools that take several at once: by one yes to their number, and by nothing else."""

from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from inspect import iscoroutinefunction
from itertools import product
from typing import Any

import anyio
import pytest
from mcp import MCPError
from mcp.types import ElicitResult, ErrorData

from flipsnack_mcp.server.consent.codes import Consents
from tests.server.bench import CODE, Answer, Assistant, Bench, Given, Person, Said, cancels, declines, types
from tests.server.destructions import DESTROYING, MODES, RETRY, TITLE, assert_refused, process, store_of
from tests.server.long_bench import to_its_end
from tests.server.test_confirmation_matrix import BEHAVIOURS, SILENT, WAYS, Behaviour, Way

CHOICE: Given = {"query": "Weekly offers", "only_status": "public"}
MANY, MORE = 3, 6
NOES: dict[str, Answer] = {"no": declines, "cancel": cancels}


@dataclass(frozen=True)
class Batch:
    """A tool that takes several, the action that each of them costs, and what its plan is asked for."""

    tool: str
    action: str
    asked: Given

    async def plan(self, assistant: Assistant) -> Given:
        """The arguments that carry out a new plan of it."""
        said = await assistant.call(self.tool, self.asked)
        return {"plan_id": said.data["plan_id"], "wait_seconds": 30}


DELETE = Batch("delete_collections", "collection.deleteCollection", CHOICE)
UPDATE = Batch("update_collections", "collection.update", {**CHOICE, "status": "editable"})
UNDO = Batch("undo_change", "collection.update", {"history_id": 1})
BATCHES = (DELETE, UPDATE, UNDO)


@pytest.fixture
def many() -> int:
    return MANY


@pytest.fixture
def bench(bench: Bench, many: int) -> Bench:
    """So many that fit; a sandbox has more of them."""
    fitting = [one for one in bench.sandbox.account.collections.values() if "Weekly offers" in one.title]
    for one in [one for one in fitting if one.status == "public" and one != bench.collection()][many - 1 :]:
        bench.sandbox.account.delete(one.hash)
    return bench


@pytest.fixture
async def batch(request: pytest.FixtureRequest, bench: Bench) -> Batch:
    """The tool, and what an undoing undoes: a plan that published them all, which is the first entry of the history."""
    batch: Batch = request.param
    if batch == UNDO:
        every = bench.sandbox.account.collections.values()
        offers = [one for one in every if "Weekly offers" in one.title and one.status == "public"]
        for one in offers:
            one.status = "editable"
        asked = {"collections": [one.hash for one in offers], "status": "public"}
        async with process(bench) as earlier:
            published = Batch(UPDATE.tool, UPDATE.action, asked)
            await carried_out(earlier, published, await published.plan(earlier))
        bench.sandbox.requests.clear()
    return batch


ALIKE = (
    *("title in another case", "blank", "decimal", "boolean", "list instead of text", "empty content", "another field"),
    *("declined at once", "cancelled at once"),
)
"""Answers that are read before it is asked what they are about: in `test_confirmation_matrix`."""
TO_SEVERAL = {name: one for name, one in BEHAVIOURS.items() if name not in ALIKE}
SHOWING = {name: way for name, way in WAYS.items() if way.asking}
"""Among clients that could show a form."""


def cells(rows: dict[str, Any], everywhere: Collection[str] = ()) -> list[Any]:
    """Every row with the first tool, with the others only those that are named; the revisions in turn."""
    assert set(everywhere) <= rows.keys()
    return [
        pytest.param(MODES[(nth + number) % 2], batch, row, id=f"{MODES[(nth + number) % 2]}-{batch.tool}-{name}")
        for (nth, batch), (number, (name, row)) in product(enumerate(BATCHES), enumerate(rows.items()))
        if batch is DELETE or name in everywhere
    ]


def assert_only(bench: Bench, batch: Batch, confirmed: int) -> None:
    """Exactly what was confirmed was carried out, and nothing more was even tried."""
    arrived = [(one.action, one.executed) for one in bench.sandbox.requests if one.action in DESTROYING]
    assert arrived == [(batch.action, True)] * confirmed


def their_number(answer: Answer) -> Answer:
    """The same answer by somebody who types what several are confirmed by, wherever the title was typed for one."""

    def answered(message: str) -> ElicitResult | ErrorData:
        said = answer(message)
        content = said.content if isinstance(said, ElicitResult) else None
        typed = content.get("title") if content else None
        if isinstance(said, ElicitResult) and content and isinstance(typed, str) and TITLE in typed:
            return said.model_copy(update={"content": {**content, "title": typed.replace(TITLE, str(MANY))}})
        return said

    return answered


async def carried_out(assistant: Assistant, batch: Batch, given: Given) -> Said:
    """A confirmed plan to its end, or the refusal."""
    said = await assistant.call(batch.tool, given)
    return said if said.is_error else await to_its_end(assistant, said)


@pytest.mark.parametrize(
    ("mode", "batch", "behaviour"),
    cells(TO_SEVERAL, ["right title", "wrong title"]),
    indirect=["batch"],
)
async def test_only_a_clear_yes_to_their_number_destroys(bench: Bench, batch: Batch, behaviour: Behaviour) -> None:
    person = Person(their_number(behaviour.answer), behaviour.thinks) if behaviour.answer else None
    said: Said | None = None
    async with process(bench, person) as assistant:
        given = await batch.plan(assistant)
        # On 2026-07-28 a client that fails or waits never comes back.
        gives_up = bench.mode == "auto" and behaviour in SILENT
        with anyio.move_on_after(900), suppress(*[MCPError] if gives_up else []):
            said = await carried_out(assistant, batch, given)
    assert (said is None) is gives_up

    assert_only(bench, batch, MANY * behaviour.confirmed)
    assert len(person.forms if person else []) == (1 if person else 0)
    if said and not behaviour.confirmed:
        assert_refused(said)
        assert behaviour.said in said.text
        assert bool(CODE.search(said.text)) is (person is None or bool(RETRY.search(said.text)))


@pytest.mark.parametrize(
    ("mode", "batch", "way"),
    cells(SHOWING, ["approve, nobody did, form", "approve, a person did, form"]),
    indirect=["batch"],
)
async def test_each_way_destroys_only_what_it_allows(bench: Bench, batch: Batch, way: Way) -> None:
    person = Person(types(str(MANY)))
    async with process(bench, person, confirm=way.confirm) as assistant:
        given = await batch.plan(assistant)
        first = await carried_out(assistant, batch, given)
        if way.confirm == "allow":
            assert not first.is_error, first.text
        else:
            assert_refused(first)
            assert_only(bench, batch, 0)
            found = CODE.search(first.text)
            code = found[1] if found else "AAAAAAAA"
            if way.approved:
                assert await Consents(store_of(bench), bench.settings.account).approve(code)
            second = await carried_out(assistant, batch, {**given, "confirmation": code})
            assert second.is_error is not bool(way.confirmed)
    assert_only(bench, batch, MANY * way.confirmed)
    assert person.forms == [], "only `ask` shows a form"


@pytest.mark.parametrize(("mode", "batch", "answer"), cells(NOES, ["no"]), indirect=["batch"])
async def test_a_no_closes_the_way_by_code_for_ten_minutes_in_all_processes(
    bench: Bench, batch: Batch, answer: Answer
) -> None:
    async with process(bench) as plain, process(bench, Person(answer)) as asking:
        given = await batch.plan(plain)
        earlier = (await plain.call(batch.tool, given)).code
        assert_refused(await asking.call(batch.tool, await batch.plan(asking)))
        assert_refused(await plain.call(batch.tool, given, confirmation=earlier))
        shut = await plain.call(batch.tool, await batch.plan(plain))
        assert_refused(shut)
        assert not CODE.search(shut.text)
        assert_only(bench, batch, 0)
        bench.clock.advance(601)
        later = await plain.call(batch.tool, given)
        await carried_out(plain, batch, {**given, "confirmation": later.code})
    assert_only(bench, batch, MANY)


@dataclass
class Story:
    """A refused plan and its code, about to be used somehow. What is a code's own is in `test_confirmation_matrix`."""

    bench: Bench
    batch: Batch
    given: Given
    code: str
    first: Assistant

    async def use(self, assistant: Assistant | None = None, batch: Batch | None = None, **given: Any) -> Said:
        arguments = {**self.given, "confirmation": self.code, **given}
        return await carried_out(assistant or self.first, batch or self.batch, arguments)

    async def right(self) -> int:
        assert not (await self.use()).is_error
        known = Consents(store_of(self.bench), self.bench.settings.account)
        assert not await known.approve(self.code), "spent: nothing is left to approve"
        return MANY

    async def replayed(self) -> int:
        await self.right()
        again = await self.use()
        assert (again.is_error, again.data["counts"]["done"]) == (False, MANY)
        return MANY

    async def expired(self) -> int:
        self.bench.clock.advance(601)
        assert_refused(await self.use())
        return 0

    async def another_plan_of_the_same(self) -> int:
        assert_refused(await self.use(plan_id=(await self.batch.plan(self.first))["plan_id"]))
        assert_refused(await self.use())
        return 0

    async def a_plan_of_fewer(self) -> int:
        self.bench.collection().status = "editable"
        fewer = await self.batch.plan(self.first)
        assert_refused(await self.use(plan_id=fewer["plan_id"]))
        return 0

    async def the_plan_of_the_other_tool(self) -> int:
        other = next(one for one in BATCHES if one != self.batch)
        assert_refused(await self.use(batch=other, **await other.plan(self.first)))
        assert_refused(await self.use())
        return 0

    async def one_of_them(self) -> int:
        target = {"collection_hash": self.bench.collection().hash, "confirmation": self.code}
        assert_refused(await self.first.call("delete_collection", target))
        assert_refused(await self.use())
        return 0

    async def both_processes_at_once(self) -> int:
        async with process(self.bench) as other, anyio.create_task_group() as group:
            group.start_soon(self.use, other)
            group.start_soon(self.use, self.first)
        return MANY

    async def one_renamed(self) -> int:
        self.bench.collection().title = "Renamed meanwhile"
        said = await self.use()
        assert said.data["counts"] == {"done": MANY - 1, "skipped": 1, "unchanged": 0}
        return MANY - 1

    async def one_gone(self) -> int:
        self.bench.sandbox.account.delete(self.bench.collection().hash)
        assert (await self.use()).data["counts"]["skipped"] == 1
        return MANY - 1


Fate = Callable[[Story], Awaitable[int]]
FATES: dict[str, Fate] = {
    name: fate for name, fate in vars(Story).items() if iscoroutinefunction(fate) and name != "use"
}
DIFFERING = ["right", "replayed", "another_plan_of_the_same", "the_plan_of_the_other_tool", "one_renamed"]
"""What each tool has a word in: which plan is its own, and what of it is left."""


@pytest.mark.parametrize(("mode", "batch", "fate"), cells(FATES, DIFFERING), indirect=["batch"])
async def test_a_code_is_good_once_for_the_plan_it_was_given_out_for(bench: Bench, batch: Batch, fate: Fate) -> None:
    async with process(bench) as first:
        given = await batch.plan(first)
        refused = await first.call(batch.tool, given)
        assert_refused(refused)
        assert_only(bench, batch, 0)
        confirmed = await fate(Story(bench, batch, given, refused.code, first))
    assert_only(bench, batch, confirmed)


async def test_an_answer_to_the_form_is_used_once_and_covers_one_plan(bench: Bench) -> None:
    """The second plan asks again, also about the same collections."""
    person = Person(types(str(MANY)))
    async with process(bench, person) as assistant:
        one, other = await DELETE.plan(assistant), await DELETE.plan(assistant)
        await carried_out(assistant, DELETE, one)
        said = await carried_out(assistant, DELETE, other)
    assert len(person.forms) == 2
    assert said.data["counts"] == {"skipped": MANY, "unchanged": 0}
    assert_only(bench, DELETE, MANY)


@pytest.mark.parametrize("mode", ["auto"])
async def test_undoing_titles_asks_nobody(bench: Bench) -> None:
    person = Person(declines)
    before = {one.hash: one.title for one in bench.sandbox.account.collections.values()}
    async with process(bench, person) as assistant:
        renaming = Batch(UPDATE.tool, UPDATE.action, {"query": "Weekly offers", "prefix": "Old: "})
        await carried_out(assistant, renaming, await renaming.plan(assistant))
        renamed = {one.hash: one.title for one in bench.sandbox.account.collections.values()}
        said = await carried_out(assistant, UNDO, await UNDO.plan(assistant))
    assert person.forms == []
    assert said.data["counts"]["done"] == sum(renamed[one] != title for one, title in before.items()) == MANY + 1
    assert {one.hash: one.title for one in bench.sandbox.account.collections.values()} == before


@pytest.mark.parametrize("many", [MORE])
@pytest.mark.parametrize(("mode", "batch", "_"), cells({"no": None}, ["no"]), indirect=["batch"])
async def test_a_no_to_a_second_form_keeps_what_is_left_of_a_plan_that_a_yes_had_begun(
    bench: Bench, batch: Batch, many: int, _: None
) -> None:
    yes, no = Person(types(str(many)), thinks=2), Person(declines, thinks=8)
    said = dict[str, Said]()
    bench.fails("slow", batch.action, seconds=1.5, times=0)
    async with process(bench, yes) as first, process(bench, no) as second:
        given = await batch.plan(first)

        async def call(name: str, assistant: Assistant) -> None:
            said[name] = await assistant.call(batch.tool, given)

        async with anyio.create_task_group() as both:
            both.start_soon(call, "yes", first)
            both.start_soon(call, "no", second)
        sent = len(bench.sandbox.carried_out(batch.action))
        await anyio.sleep(60)
        assert 0 < len(bench.sandbox.carried_out(batch.action)) == sent < many
        assert said["no"].is_error
        assert "The person said no" in said["no"].text
        assert "Nothing was changed." not in said["no"].text
        assert (said["yes"].data["state"], said["yes"].data["counts"]["planned"]) == ("stopped", many - sent)
        assert "A person said no after the yes" in said["yes"].text
        assert "plan_id=" not in said["yes"].data["next_step"]
        no.answer = types(str(many - sent))
        again = await carried_out(second, batch, given)
    assert again.data["counts"]["done"] == many
    assert_only(bench, batch, many)
