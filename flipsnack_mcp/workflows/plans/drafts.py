"""What one rule makes of many collections: the draft of a plan, which changes nothing. Pure; whoever carries it out holds to it."""

from collections.abc import Iterable
from dataclasses import dataclass

from flipsnack_mcp.api import StatusName, shows_nothing
from flipsnack_mcp.api.actions.collections import CollectionSummary
from flipsnack_mcp.workflows.finding import day_of
from flipsnack_mcp.workflows.plans.item import Item
from flipsnack_mcp.workflows.plans.titles import begins_with, ends_with, replaced, without_ends

LONGEST_TITLE = 300
REFUSED_HOWEVER_SHORTENED = 3 * LONGEST_TITLE
"""Of a title with more characters too many are left when it is shortened at both ends, by as many as can be given."""


@dataclass(frozen=True)
class Rule:
    """What shall become of every chosen collection."""

    find: str | None = None
    replace: str = ""
    status: StatusName | None = None
    description: str | None = None
    prefix: str = ""
    suffix: str = ""
    remove: str = ""
    """Taken off the beginning and the end of a title, where it stands there."""

    def finds(self, title: str) -> bool:
        """Whether the text that is to be replaced stands in a title."""
        return bool(self.find) and replaced(title, self.find or "", "") != title

    def title_of(self, title: str) -> str:
        """The title that a title becomes. Blanks that are left over at its ends go: Flipsnack may take them off too.

        What begins or ends as it should gets nothing put there: a rule that is applied twice does no more than once.
        """
        new = replaced(title, self.find, self.replace) if self.find else title
        if new != title and len(new) > REFUSED_HOWEVER_SHORTENED:
            return new
        new = trimmed(without_ends(new, self.remove) if self.remove else new, title)
        new = new if begins_with(new, self.prefix) else self.prefix + new
        return trimmed(new if ends_with(new, self.suffix) else new + self.suffix, title)


def trimmed(new: str, title: str) -> str:
    """A new title without blanks at ends where the old one had none."""
    if new == title:
        return title
    new = new if title[:1].isspace() else new.lstrip()
    return new if title[-1:].isspace() else new.rstrip()


@dataclass(frozen=True)
class PlanDraft:
    """What a rule makes of some collections."""

    items: tuple[Item, ...]
    unchanged: int
    refused: tuple[tuple[CollectionSummary, str], ...]
    """Collections that are left alone, and why."""


def draft_plan(rule: Rule, rows: Iterable[CollectionSummary]) -> PlanDraft:
    """The collections that would change, those that would not, and those of which the rule would make nonsense."""
    items: list[Item] = []
    refused: list[tuple[CollectionSummary, str]] = []
    unchanged = 0
    for row in rows:
        new_title = rule.title_of(row.title)
        changed = changed_fields(row, rule, new_title)
        if reason := "" if new_title == row.title else title_objection(new_title):
            refused.append((row, reason))
        elif changed:
            facts = {**row.model_dump(include={"collection_hash", "title", "status"}), "day": day_of(row)}
            items.append(Item.model_validate({"number": len(items), **facts, **changed}))
        else:
            unchanged += 1
    return PlanDraft(tuple(items), unchanged, tuple(refused))


def changed_fields(row: CollectionSummary, rule: Rule, new_title: str) -> dict[str, str]:
    """The fields in which a collection differs from what the rule wants."""
    title = {"new_title": new_title} if new_title != row.title else {}
    status = {"new_status": rule.status} if rule.status not in (None, row.status) else {}
    # Whether it has that description already only a look at each tells, which comes before it is changed.
    return title | status | ({} if rule.description is None else {"new_description": rule.description})


def title_objection(title: str) -> str:
    """Why a title cannot be given to a collection."""
    if shows_nothing(title):
        return "its title would be empty"
    if len(title) > LONGEST_TITLE:
        return f"its title would have more than {LONGEST_TITLE} characters"
    try:
        title.encode()
    except UnicodeEncodeError:
        return "its title holds half a character"
    return ""
