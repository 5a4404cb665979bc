"""What is said of a store that cannot be used, and to whom: callers who are told apart can mend nothing, and where it lies is no business of theirs."""

import logging
from typing import TypeVar

from flipsnack_mcp.api.errors import NotCountedError
from flipsnack_mcp.server.callers.caller import CALLER
from flipsnack_mcp.store.records import StoreUnusable

AWAY = "What this server keeps cannot be used at the moment."
TO_WHOEVER_RUNS_IT = "If it stays so, tell the person: whoever runs this server finds the cause in its log."

StoreTroubleT = TypeVar("StoreTroubleT", StoreUnusable, NotCountedError)

log = logging.getLogger(__name__)


def as_callers_hear(error: StoreUnusable) -> StoreUnusable:
    """The error as whoever calls may know it: as it is where nobody is told apart, since that one can mend it."""
    return for_strangers(error) if CALLER.get().principal else error


def for_strangers(error: StoreTroubleT) -> StoreTroubleT:
    """The error without its place and its cure; those stand in the log."""
    log.warning("the store cannot be used: %s %s", error.happened, error.next_step)
    return type(error)(AWAY, TO_WHOEVER_RUNS_IT)
