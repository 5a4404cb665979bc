"""Which rights a call needs, as far as its name and arguments tell, and the refusal of who has them not."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from flipsnack_mcp.api import Effect, FlipsnackError, quoted, status_from
from flipsnack_mcp.server.callers.caller import CALLER, Right
from flipsnack_mcp.server.toolsets import Entry, entries

SWITCHED_ON = frozenset({"true", "1", "1.0", "yes", "y", "on", "t"})
"""How clients write it, in any case."""
REVEAL = "reveal"
"""The argument that lifts the mask from personal data, of whatever tool."""
NONE_OF_THEIRS = "This caller has none. Tell the person: whoever runs this server can give them a right."
"""In place of an empty list of what there is."""
NOTHING_GIVEN: Mapping[str, object] = MappingProxyType({})


class NotAllowedError(FlipsnackError):
    """Whoever calls may not do this; nothing was asked."""

    def __init__(self, happened: str, *lacking: Right) -> None:
        who = f"The caller {quoted(name, 60)}" if (name := CALLER.get().name) else "This caller"
        named = f"the right{'s' if len(lacking) > 1 else ''} {' and '.join(f'`{one}`' for one in lacking)}"
        step = f"Tell the person: whoever runs this server can give them {named}."
        super().__init__(f"{who} {happened}: that needs {named}.", step)


def rights_needed(tool: str, given: Mapping[str, object] = NOTHING_GIVEN) -> tuple[Right, ...]:
    """All rights that a call of this tool needs, with what is given to it; none where there is no such tool."""
    entry = next((one for one in entries() if one.tool.name == tool), None)
    if entry is None:
        return ()
    if overwrites(entry) and status_from(given.get("status")) == "editable":
        return entry.right, Right.DELETE
    return (entry.right, Right.LEADS_REVEAL) if reveals(entry, given) else (entry.right,)


def reveals(entry: Entry, given: Mapping[str, object]) -> bool:
    """Whether a call asks for what people typed as they typed it."""
    asked = str(given.get(REVEAL)).strip().lower() in SWITCHED_ON
    return asked and REVEAL in entry.tool.input_schema["properties"]


def overwrites(entry: Entry) -> bool:
    """Whether it changes what is there already: only of that a status can take something offline."""
    hints = entry.tool.annotations
    return entry.needs is Effect.WRITES and bool(hints and hints.destructive_hint)


def check_rights(tool: str, needed: Iterable[Right]) -> None:
    """Raise where whoever calls has not all rights that this call of a tool needs."""
    if lacking := [one for one in needed if not CALLER.get().may(one)]:
        raise NotAllowedError(f"may not make this call of {quoted(tool)}", *lacking)


def check_taking_offline() -> None:
    """Raise where whoever calls may take nothing offline, and delete nothing."""
    if not CALLER.get().may(Right.DELETE):
        raise NotAllowedError("may neither delete anything nor take it offline", Right.DELETE)


def check_reading() -> None:
    """Raise where whoever calls may see nothing of an account: what is no tool shows it as well."""
    if not CALLER.get().may(Right.READ):
        raise NotAllowedError("may read nothing here", Right.READ)


def check_theirs(principal: str, name: str) -> None:
    """Raise where work that somebody else had begun is to be stopped or gone on with."""
    if not CALLER.get().may_act_on(principal):
        raise NotTheirsError(name)


class NotTheirsError(FlipsnackError):
    """The work that is meant was begun by another caller."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"This was begun by another caller, {quoted(name, 60)}: only they can stop it or go on with it.",
            "Tell the person. What it is about can be looked at all the same.",
        )
