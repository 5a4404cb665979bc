"""The history as a table for a person: one line for each change, what was announced and how it ended joined."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flipsnack_mcp.api import one_line, quoted
from flipsnack_mcp.api.links import HASH
from flipsnack_mcp.commands.columns import aligned
from flipsnack_mcp.workflows.history import Event

BEGUN, OPEN_END = frozenset({"allowed", "begun"}), "begun, its end is not known"
BATCH_ENDS = frozenset({"done", "stopped"})
TITLE_WIDTH, REASON_WIDTH, WORD_WIDTH = 80, 200, 40
HEADS = ("No.", "When", "Account", "What", "How it ended", "Of what")
BY_THE_CLOCK = "%Y-%m-%d %H:%M"


@dataclass(frozen=True)
class ChangeMade:
    """One change: the entry that holds how it was, and the one that says how it ended, or the only one there is."""

    account: str
    first: Event
    last: Event

    @property
    def outcome(self) -> str:
        """How it ended, who had it done, and by whose yes."""
        ended = OPEN_END if self.last.decision in BEGUN else shortened(self.last.decision)
        caller = self.first.caller or self.last.caller
        named = f", by {quoted(caller, TITLE_WIDTH)}" if caller else ""
        return f"{ended}{named}{f', confirmed by {shortened(self.last.confirmed)}' if self.last.confirmed else ''}"

    @property
    def title(self) -> object:
        """Its title before; of what was made its first."""
        return self.first.before.get("title") or self.first.after.get("title")

    @property
    def subject(self) -> str:
        """What it was about, as a person would know it, and why it did not simply end well."""
        title, target = self.title, self.first.target
        named = target if HASH.fullmatch(target) else quoted(target, TITLE_WIDTH) if target else ""
        shown = f"{quoted(title, TITLE_WIDTH)} ({named})" if isinstance(title, str) and title else named
        return ": ".join(filter(None, (shown, one_line(self.last.said)[:REASON_WIDTH])))


def changes_made(entries: Sequence[tuple[str, Event]]) -> list[ChangeMade]:
    """The changes behind the entries of some accounts, each where it began."""
    begun = dict[tuple[str, str, str], int]()
    numbered = dict[tuple[str, int], int]()
    made = list[ChangeMade]()
    for account, event in entries:
        subject = (account, event.tool, event.target)
        if event.decision in BEGUN:
            begun[subject] = numbered[account, event.number] = len(made)
        else:
            at = numbered.get((account, event.of))
            if at is None and subject in begun and is_end_of(made[begun[subject]].first, event):
                at = begun.pop(subject)
            if at is not None:
                made[at] = ChangeMade(account, made[at].first, event)
                continue
        made.append(ChangeMade(account, event, event))
    return made


def is_end_of(first: Event, event: Event) -> bool:
    """Whether an entry that names no other ends the one on the same subject.

    That of a batch does, and any from before `of` was written. Else it is what was tried next, after a change whose end
    nobody knows.
    """
    return "of" not in event.model_fields_set or (first.decision == "begun" and event.decision in BATCH_ENDS)


def table_of(changes: Sequence[ChangeMade], called: Mapping[str, str]) -> str:
    """The changes in columns, the one that can be of any width last."""
    return aligned([HEADS, *((*cells_of(one, called[one.account]),) for one in changes)])


def cells_of(change: ChangeMade, account: str) -> Iterator[str]:
    """The cells of one change."""
    yield str(change.first.number)
    yield date_and_time(change.first.at)
    yield one_line(account)
    yield shortened(change.first.tool)
    yield change.outcome
    yield change.subject


def shortened(word: str) -> str:
    """A word of ours, as long as nobody made something else of it."""
    return one_line(word)[:WORD_WIDTH]


def date_and_time(at: float) -> str:
    """When something was by the clock here; the number itself where somebody made one of it that no clock shows."""
    try:
        return datetime.fromtimestamp(at).astimezone().strftime(BY_THE_CLOCK)
    except (ValueError, OverflowError, OSError):
        return str(at)
