"""Faults on request: what a test or a demonstration can make go wrong, and the queue they wait in."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

REFUSALS: Final[Mapping[str, int]] = {"maintenance": 22, "per_second": 31, "per_minute": 32, "quota": 33}
"""Faults that are answered with a fixed code instead of executing the action."""

INSTEAD: Final = frozenset({*REFUSALS, "code", "http"})
BROKEN: Final = frozenset({"hang", "reset", "cut", "garbled", "huge", "wrong_types"})
LATE: Final = frozenset({"conversion_fails", "package_fails"})
KINDS: Final = frozenset({"slow", *INSTEAD, *BROKEN, *LATE})


class ConnectionReset(ConnectionResetError):  # noqa: N818 - the name says what happens to the connection
    """The sandbox drops the connection without an answer; an in-process transport passes this on as it is."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, for requests of `action` (None: every action), `times` times (0: for ever).

    `phase` matters for slow, hang and reset: "before" the action is executed or "after" it.
    `code` and `message` belong to the kind "code"; `http_status` and `body` to the kind "http".
    """

    kind: str
    action: str | None = None
    times: int = 1
    seconds: float = 0.0
    phase: str = "before"
    code: int = 0
    message: str = ""
    http_status: int = 502
    body: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind {self.kind!r}; known are {', '.join(sorted(KINDS))}")
        if self.phase not in {"before", "after"}:
            raise ValueError(f"phase must be 'before' or 'after', not {self.phase!r}")
        if self.times < 0 or not 0 <= self.seconds < math.inf:
            raise ValueError("times and seconds cannot be negative or endless")
        if self.kind == "code" and not self.code:
            raise ValueError("the kind 'code' needs a code")
        if not 200 <= self.http_status <= 599:
            raise ValueError(f"http_status must be from 200 to 599, not {self.http_status}")
        try:
            f"{self.action}{self.message}{self.body}".encode()
        except UnicodeEncodeError:
            raise ValueError("action, message and body cannot hold half a character") from None


_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "kind": (str,),
    "action": (str, type(None)),
    "times": (int,),
    "seconds": (int, float),
    "phase": (str,),
    "code": (int,),
    "message": (str,),
    "http_status": (int,),
    "body": (str,),
}


def fault_from_json(given: Any) -> Fault:
    """Make a fault of a JSON object; raise ValueError with a clear text when it does not describe one."""
    if not isinstance(given, dict):
        raise ValueError("a fault must be a JSON object")  # noqa: TRY004 - the caller reports every wrong shape alike
    unknown = sorted(set(given) - set(_TYPES))
    if unknown:
        raise ValueError(f"unknown field {', '.join(unknown)}; known are {', '.join(_TYPES)}")
    if "kind" not in given:
        raise ValueError(f"a fault needs a kind: one of {', '.join(sorted(KINDS))}")
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, _TYPES[name]):
            raise ValueError(f"{name} has the wrong type: {value!r}")  # noqa: TRY004 - reported like any other mistake
    return Fault(**given)


@dataclass
class Faults:
    """The faults that still wait, in the order in which they were added."""

    waiting: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault) -> None:
        self.waiting.append(fault)

    def clear(self) -> None:
        self.waiting.clear()

    def take(self, kinds: Iterable[str], action: str) -> Fault | None:
        """Take the first waiting fault of these kinds that applies to the action, and use it up once."""
        for index, fault in enumerate(self.waiting):
            if fault.kind in kinds and fault.action in {None, action}:
                self._use_up(index)
                return fault
        return None

    def _use_up(self, index: int) -> None:
        fault = self.waiting[index]
        if fault.times == 1:
            del self.waiting[index]
        elif fault.times > 1:
            self.waiting[index] = replace(fault, times=fault.times - 1)
