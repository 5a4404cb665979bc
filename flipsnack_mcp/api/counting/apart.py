"""The budget of a replica that is cut off from where all of them count, and of all once that place has forgotten: rules, no waiting."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Protocol, TypeAlias

from flipsnack_mcp.api import budget
from flipsnack_mcp.api.budget import BudgetRules
from flipsnack_mcp.api.counting.ledger import SharedBudget, call_columns, call_rows
from flipsnack_mcp.api.counting.settled_calls import BudgetStore
from flipsnack_mcp.api.errors import NotCountedError

STILL_ARRIVING = BudgetRules.hold + 0.1
"""Seconds in which what the others sent just before may still arrive: the hold of a call, and a bit."""
APART_NUMBERS = 1 << 50
"""Each replica counts on from somewhere else below this, so that its calls are known as its own when it is back."""


@cache
def divided(rules: BudgetRules, sharers: int) -> BudgetRules | None:
    """Give the rules of one of so many who each count alone, and together must keep them; None where nothing is left."""
    if sharers == 1:
        return rules
    limits = tuple((n // sharers if sharers else 0, w) for n, w in rules.limits)
    return replace(rules, limits=limits) if all(n for n, _ in limits) else None


Worded: TypeAlias = Callable[[NotCountedError], NotCountedError]


class ReplicasDocument(BudgetStore, Protocol):
    """The document of a budget that several replicas change, and can lose sight of."""

    @property
    def sharers(self) -> int:
        """Among how many of them the allowance is divided: one while all see it, none where it cannot be told."""

    @property
    def trouble(self) -> tuple[str, str]:
        """Why it was lost sight of, and what can be done about it."""


class BudgetOfReplicas:
    """The budget that is counted there; `worded` makes of why it was lost sight of what may be told of that."""

    def __init__(self, document: ReplicasDocument, worded: Worded | None = None) -> None:
        self._document, self._worded = document, worded
        self.change, self.close = document.change, document.close

    def allowed(self, rules: BudgetRules) -> BudgetRules:
        """What this replica may take at the moment.

        Raises:
            NotCountedError: Nothing.
        """
        if own := divided(rules, self._document.sharers):
            return own
        lost = NotCountedError(*self._document.trouble)
        raise self._worded(lost) if self._worded else lost


class BudgetApart:
    """What becomes of a budget's document then."""

    def __init__(self, rules: BudgetRules) -> None:
        self._rules = rules

    def begin_apart(self, document: SharedBudget, now: float) -> None:
        """Of the others only the calls that were seen count on; those of the last moment are waited for."""
        document["want"] = {}
        document["seq"] += secrets.randbelow(APART_NUMBERS)
        self.count_as_used(document, now, STILL_ARRIVING)

    def come_back(self, document: SharedBudget, apart: SharedBudget) -> None:
        """The calls that were made meanwhile count for all."""
        answered = call_rows(apart["answered"]) | call_rows(document["answered"])
        calls = {call["id"]: call for call in (*document["log"], *apart["log"]) if call["id"] not in answered}
        document["log"] = sorted(calls.values(), key=lambda call: call["granted"])
        document["answered"] = call_columns(answered.values())
        document["pause"] = max(document["pause"], apart["pause"], key=sum)

    def count_as_used(self, document: SharedBudget, now: float, seconds: float) -> None:
        """Nobody calls for so long."""
        budget.pause(document, now, self._rules, seconds)
