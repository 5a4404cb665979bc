"""`flipsnack-mcp history --undo ID`: a person puts back what a change left, as the tool `undo_change` does."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import anyio

from flipsnack_mcp import systems
from flipsnack_mcp.api import Changed, ConfigurationError, FlipsnackError, NotAuthorisedError, quoted
from flipsnack_mcp.api.errors import RefusedError, UnreachableError, UnreadableAnswerError
from flipsnack_mcp.commands import NotDone, fail, say
from flipsnack_mcp.commands.approve import with_store
from flipsnack_mcp.commands.connecting import NO_OTHER_PROCESS
from flipsnack_mcp.commands.history import Found, found_in, narrowed_to
from flipsnack_mcp.commands.own_call import Proposal, carried_through, proposed, with_account
from flipsnack_mcp.commands.trail_table import TITLE_WIDTH, changes_made, table_of
from flipsnack_mcp.front.leaving import EXIT_INTERRUPTED
from flipsnack_mcp.server.consent.form import ONLINE, confirms, hash_counts_too, known_status, value_on_form
from flipsnack_mcp.server.consent.many import recognised
from flipsnack_mcp.server.consent.yes import UNCHANGED, NotConfirmedError
from flipsnack_mcp.server.safety.redaction import Redactor, log_unexpected
from flipsnack_mcp.server.tools.plans.answers import PlanStatus
from flipsnack_mcp.server.tools.plans.going_on import NOTHING
from flipsnack_mcp.server.toolsets import menu
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.started import as_typed, quoted_for_shell
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.workflows.allowance import TooManyDeletionsError
from flipsnack_mcp.workflows.history import Trail
from flipsnack_mcp.workflows.plans.item import Item
from flipsnack_mcp.workflows.plans.rules import UNDOING, PlanSnapshot

YES = frozenset({"yes", "y"})
EVERY_STATUS = ONLINE | {"editable"}
NEVER_BEGUN = frozenset({"planned", "skipped"})
IN_MEMORY = f"Nothing can be undone here: {NO_OTHER_PROCESS}. {UNCHANGED}"
AN_IMITATION = (
    "an imitation inside its server: no other process reaches that. As long as it runs, its assistant can undo this."
)
INTERRUPTED = (
    "\nStopped between two collections. What was put back until then stays; the same command puts the rest back."
)
UNEXPECTED_HERE = "Something unexpected went wrong here."
OTHER_SETTINGS = "the FLIPSNACK_ variables that stand in the configuration of its assistant (FLIPSNACK_API_KEY and FLIPSNACK_API_SECRET, or FLIPSNACK_ACCOUNTS)"


TOLD = (FlipsnackError, NotConfirmedError, StoreUnusable, NotDone)
"""What has a text of ours."""


@dataclass(frozen=True)
class Meant:
    """An entry of the history, and the settings of its account."""

    number: int
    settings: Settings
    shown: str
    """As the history shows it."""
    whose: str = ""
    """What its account is called, where the person had to name it."""


def undo(settings: Settings, number: int, account: str | None) -> int:
    """Show what would be put back, ask, and do it; or say why not."""
    if not (sys.stdin and sys.stdin.isatty()):
        way = f"Run `{command_of(number)}` in a terminal.{systems.HERE.no_terminal}"
        return fail(f"Undoing needs a person at a terminal; this is none. {UNCHANGED} {way}")
    redactor = Redactor.of(settings)
    try:
        return with_person(entry_meant(settings, number, account), redactor)
    except TOLD as error:
        return fail(redactor.text(in_words(error)))
    except Exception as error:  # noqa: BLE001  # its text can hold anything
        log_unexpected("history --undo", error)
        return fail(f"{UNEXPECTED_HERE} {UNCHANGED}")


def with_person(meant: Meant, redactor: Redactor) -> int:
    """The same for one entry. No event loop runs while the person is asked: it would swallow Ctrl-C."""
    proposal = with_account(meant.settings, partial(proposed, meant.number))
    say(redactor.text("\n".join([meant.shown, "", *proposal_lines(proposal)])))
    if proposal.seen is None:
        return 1
    if not is_agreed(proposal):
        return fail(f"\n{UNCHANGED}")
    try:
        status, seen = carried_out_for(meant.settings, proposal, proposal.seen)
    except KeyboardInterrupt:
        say(INTERRUPTED)
        return EXIT_INTERRUPTED
    say(redactor.text("\n".join(outcome_of_all(status, seen.items, meant.whose))))
    return 0 if all(one.state == "done" for one in seen.items) else 1


def carried_out_for(settings: Settings, proposal: Proposal, planned: PlanSnapshot) -> tuple[PlanStatus, PlanSnapshot]:
    """What came of it."""
    try:
        status, seen = with_account(settings, partial(carried_through, proposal, planned.plan.plan_id))
    except TOLD:
        raise
    except Exception as error:  # noqa: BLE001  # as in `undo`, but a request may have gone out
        log_unexpected("history --undo", error)
        raise FlipsnackError(UNEXPECTED_HERE, "", changed=Changed.PERHAPS, retry="") from None
    return status, seen or planned


def command_of(number: int, whose: str = "") -> str:
    """This command, as a person types it here."""
    named = f" --account {quoted_for_shell(whose)}" if whose else ""
    return as_typed(f"history --undo {number}{named}")


def entry_meant(settings: Settings, number: int, account: str | None) -> Meant:
    """The entry of that number and the settings of its account, which have to allow an undoing.

    Raises:
        NotDone: There is none, nobody can undo it from here, or it cannot be told whose is meant.
    """
    found = anyio.run(with_store, settings, partial(found_in, settings))
    if found is None:
        raise NotDone(IN_MEMORY)
    trail = trail_with(number, narrowed_to(found, account, settings))
    called = found.called[trail.account]
    whose = "" if account is None else called
    own = next((one for one in settings.every if one.account == trail.account), None)
    if own is None:
        raise NotDone(key_is_elsewhere(number, called, settings, command_of(number, whose)))
    if own.sandbox:
        raise NotDone(f"Entry {number} is of the account {called}, {AN_IMITATION} {UNCHANGED}")
    if UNDOING not in menu(own):
        why = "it is read-only (FLIPSNACK_READ_ONLY)" if own.read_only else "FLIPSNACK_TOOLSETS leaves that out"
        raise NotDone(f"Nothing is undone in the account {called} with these settings: {why}. {UNCHANGED}")
    made = changes_made([(trail.account, event) for event in trail.events])
    named = {number, *(event.of for event in trail.events if event.number == number)}
    lines = [one for one in made if named & {one.first.number, one.last.number}]
    return Meant(number, called_as_before(own, found), table_of(lines, found.called), whose)


def called_as_before(own: Settings, found: Found) -> Settings:
    """The settings with the name that the store has for the account: who undoes one change renames nothing."""
    label = found.labels.get(own.account, "")
    return replace(own, name=label) if label and own.api_key and not own.name else own


def trail_with(number: int, found: Found) -> Trail:
    """The one trail that has the entry."""
    having = [one for one in found.trails if number in {event.number for event in one.events}]
    names = ", ".join(sorted(found.called[one.account] for one in having))
    if len(having) > 1:
        way = f"Say which: `{command_of(number, 'NAME')}`."
        raise NotDone(f"{len(having)} accounts have an entry {number}: {names}. {UNCHANGED} {way}")
    if not having:
        altered = "".join(
            f" That of {found.called[one.account]} was altered: {one.wrong}." for one in found.trails if one.wrong
        )
        way = f"`{as_typed('history')}` lists what there is."
        raise NotDone(f"The history has no entry {number} that can be read.{altered} {UNCHANGED} {way}")
    return having[0]


def key_is_elsewhere(number: int, called: str, settings: Settings, command: str) -> str:
    """What to say of the entry of an account that the settings of this terminal do not name."""
    file = settings.accounts_file
    way = f"write the account with its key and secret into {file}" if file else f"set {OTHER_SETTINGS}"
    wrong = "".join(f" {one}" for one in settings.problems)
    return (
        f"Entry {number} is of the account {called}, and this terminal has no key of it.{wrong} {UNCHANGED} "
        f"To undo it, {way}, then run `{command}` again."
    )


def proposal_lines(proposal: Proposal) -> Iterator[str]:
    """What would be put back, for the person who is asked."""
    if proposal.seen is None:
        yield " ".join([NOTHING, *proposal.said, UNCHANGED])
        return
    items = proposal.seen.items
    yield "This would be put back:"
    yield from (f"  {recognised(one)}: {'; '.join(values_put_back(one))}" for one in items)
    if not any(one.publishes or one.goes_offline for one in items):
        yield "Hash and link stay as they are."
    yield from proposal.said
    if proposal.confirmed_by:
        yield proposal.confirmed_by.text


def item_named(item: Item, title: str) -> str:
    """A collection by what a person knows it by."""
    return f"{quoted(title, TITLE_WIDTH) if title else 'without a title'} ({item.new_hash or item.collection_hash})"


def values_put_back(item: Item) -> Iterator[str]:
    """What is put back of one, before and after, and what becomes of its hash."""
    if item.new_title is not None:
        yield f"title {value_on_form(item.title)} -> {value_on_form(item.new_title)}"
    if item.new_status:
        yield f"status {known_status(item.status, EVERY_STATUS)} -> {item.new_status}"
    for name, value in item.beside_the_list.items():
        unit = " px" if isinstance(value, int) else ""
        yield f"{name} {value_on_form(item.known[name])} -> {value_on_form(value)}{unit}"
    if item.publishes:
        yield "it gets a new hash and link"


def is_agreed(proposal: Proposal) -> bool:
    """Ask the person: as for an approval where something goes offline, and else for a plain yes."""
    asked = proposal.confirmed_by
    also, wanted = (hash_counts_too(asked), quoted(asked.expected)) if asked else ("", "yes")
    try:
        typed = input(f"{also}To put this back, type {wanted}: ")
    except (EOFError, KeyboardInterrupt, OSError):
        return False
    return confirms(typed, asked) if asked else typed.strip().casefold() in YES


def outcome_of_all(status: PlanStatus, items: tuple[Item, ...], whose: str) -> Iterator[str]:
    """What came of it."""
    done = sum(one.state == "done" for one in items)
    unchanged = f" {UNCHANGED}" if items and all(one.state in NEVER_BEGUN for one in items) else ""
    yield f"Put back: {done} of {len(items)}.{unchanged}"
    for one in items:
        if one.state != "done":
            yield f"  {item_named(one, one.title)}: {one.state}{f': {one.said}' if one.said else ''}"
        elif one.new_hash:
            yield f"  {item_named(one, one.target[0])} is its hash now; before it was {one.collection_hash}."
    yield from status.warnings
    if status.path:
        yield f"All of them stand in {status.path}"
    if status.history_id:
        yield f"It is entry {status.history_id} of the history: `{command_of(status.history_id, whose)}` takes it back."


def in_words(error: Exception) -> str:
    """What happened, whether anything was changed, and what a person can do; the errors' own next steps are an assistant's."""
    if isinstance(error, StoreUnusable):
        return f"{error.happened} {Changed.NOTHING.value} {error.next_step}"
    if not isinstance(error, FlipsnackError):
        return str(error) if UNCHANGED in str(error) else f"{error} {UNCHANGED}"
    return " ".join((error.happened, error.changed.value, error.again, next_step_after(error)))


def next_step_after(error: FlipsnackError) -> str:
    """What a person can do about it from here."""
    if isinstance(error, NotAuthorisedError):
        return error.next_step
    if isinstance(error, TooManyDeletionsError):
        return "FLIPSNACK_MAX_DELETES_PER_HOUR and FLIPSNACK_MAX_DELETES_PER_DAY say how many."
    if isinstance(error, ConfigurationError | RefusedError | UnreachableError | UnreadableAnswerError):
        return f"`{as_typed('doctor')}` looks at settings and Flipsnack from here."
    return f"How it was stands in `{as_typed('history --json')}`."
