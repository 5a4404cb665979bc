"""The steps of the random walk over many collections or documents: plans are made, confirmed, carried out, undone, stopped."""

from dataclasses import dataclass
from typing import Any

from hypothesis.stateful import precondition, rule
from hypothesis.strategies import DataObject, booleans, data, sampled_from

from tests.server.bench import Person, declines, types_what_is_asked
from tests.server.walking import CREATED, DELETED, DOCUMENTS, SEEN, UPDATED, Change, Walk, change_of

ACTIONS = {
    "update_collections": UPDATED, "undo_change": UPDATED, "delete_collections": DELETED, "create_collections": CREATED,
}  # fmt: skip
WAITS = (0, 3, 30)


@dataclass(frozen=True)
class Plan:
    """What was shown of a plan."""

    tool: str
    shown: dict[Change, str]
    """Its changes, and the title that each collection had when it was made."""


class WalkOverMany(Walk):
    """The walk with plans, each of which may go on by itself once it was begun."""

    def __init__(self) -> None:
        super().__init__()
        self.plans: dict[str, Plan] = {}
        self.carried: set[str] = set()
        """Plans that were carried out at least once."""

    def planned(self, tool: str, **arguments: Any) -> str:
        """The id of a plan, whose making changes nothing; nothing where none was made."""
        before = self.attempts()
        said = self.call(tool, **arguments)
        assert self.attempts() == before, "a plan changes nothing"
        if said.is_error or "plan_id" not in said.data:
            return ""
        rows = [one for one in said.data["items"] if one["state"] == "planned"]
        if tool == "create_collections":
            shown = {("", one["title"]): "" for one in rows}
        else:
            shown = {(one["collection_hash"], one.get("new_title", "")): one["title"] for one in rows}
        self.plans[said.data["plan_id"]] = Plan(tool, shown)
        return str(said.data["plan_id"])

    @rule(letter=sampled_from("ae"), at_once=booleans())
    def plan_for_many(self, letter: str, at_once: bool) -> None:  # noqa: FBT001 - hypothesis passes it by name
        rule = {"query": letter, "find": letter, "replace": f"{letter}{next(self.numbers)}"}
        if (plan := self.planned("update_collections", **rule)) and at_once:
            self.carry_out(plan, 30)

    @rule(given=data(), at_once=booleans(), begun=booleans())
    def plan_to_undo(self, given: DataObject, at_once: bool, begun: bool) -> None:  # noqa: FBT001 - see above
        """Also of what was done just now."""
        if begun:
            self.rename(given=given)
        if not self.entries:
            return
        known = self.entries[-1:] if begun else self.entries
        plan = self.planned("undo_change", history_id=given.draw(sampled_from(known)))
        if plan and at_once:
            self.carry_out(plan, 30)

    @rule(number=sampled_from([1, 2]), at_once=booleans())
    def plan_a_batch(self, number: int, at_once: bool) -> None:  # noqa: FBT001 - see above
        title = f"{{name}} {next(self.numbers)}"
        plan = self.planned("create_collections", documents=[f"{one}.pdf" for one in DOCUMENTS[:number]], title=title)
        if plan and at_once:
            self.carry_out(plan, 30)

    @rule(given=data(), answer=sampled_from([types_what_is_asked, declines, None]))
    def plan_to_delete(self, given: DataObject, answer: Any) -> None:
        there = list(self.sandbox.account.collections)
        chosen = given.draw(sampled_from([there[:1], there[1:3], there[-2:]]))
        if plan := self.planned("delete_collections", collections=chosen):
            self.carry_out(plan, 30, answer)

    @rule(given=data(), wait=sampled_from(WAITS), answer=sampled_from([types_what_is_asked, declines, None]))
    @precondition(lambda self: self.plans)
    def carry_out_a_plan(self, given: DataObject, wait: int, answer: Any) -> None:
        self.carry_out(given.draw(sampled_from([*self.plans])), wait, answer)

    def carry_out(self, plan_id: str, wait: int, answer: Any = None) -> None:
        plan = self.plans[plan_id]
        self.going[plan_id] = {*plan.shown}
        self.note_wish(plan_id, plan)
        meddled = {one for one, title in plan.shown.items() if self.title(one[0]) not in {title, one[1]}}
        others = set[Change]().union(*(changes for one, changes in self.going.items() if one != plan_id))
        before = {action: len(self.sandbox.carried_out(action)) for action in ACTIONS.values()}
        person = Person(answer) if answer else None
        said = self.call(plan.tool, person, plan_id=plan_id, wait_seconds=wait)
        self.entries += [said.data["history_id"]] if "history_id" in said.data else []
        if person and person.forms and answer is types_what_is_asked:
            self.yes.update(hash_ for hash_, _ in plan.shown)
        for action, count in before.items():
            done = {change_of(one.params) for one in self.sandbox.carried_out(action)[count:]}
            assert done <= self.begun
            assert plan.tool == "create_collections" or not done & meddled - others, "it was changed since it was shown"
            SEEN[plan.tool] += len(done & plan.shown.keys()) if action == ACTIONS[plan.tool] else 0

    def note_wish(self, plan_id: str, plan: Plan) -> None:
        """However often a plan is carried out, all of it is done once."""
        if plan_id not in self.carried:
            self.carried.add(plan_id)
            self.wanted.update(plan.shown.keys())
            self.asked_for.update(title for hash_, title in plan.shown if not hash_)

    @rule(given=data(), begun=sampled_from(["plan", "report", ""]))
    @precondition(lambda self: self.plans or self.works)
    def stop(self, given: DataObject, begun: str) -> None:
        """What is stopped does not go on by itself; some of it was begun just now."""
        if begun == "report":
            self.report(wait=0)
        known = {"plan": [*self.plans], "report": self.works[-1:]}.get(begun)
        work = given.draw(sampled_from(known or [*self.plans, *self.works[-2:]]))
        if begun == "plan" and work in self.plans:
            self.carry_out(work, 0)
        before = self.attempts()
        said = self.call("stop_work", work_id=work)
        assert self.attempts() == before
        if not said.is_error:
            SEEN["stopped"] += 1
            self.going.pop(work, None)
