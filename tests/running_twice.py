"""A plugin for pytest: each work of a transaction is run twice, and what the first run wrote is thrown away.

`pytest -p tests.running_twice FILES`: a store far away runs a work until all is read that it asks for, and again where others
were faster. What passes here changes nothing but records. No time passes between both runs, and no other task has a turn.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from flipsnack_mcp.store.database import Database
from flipsnack_mcp.store.records import Records


class Undone(BaseException):
    """The first run is over, however it ended."""


def undone(work: Callable[[Records], object]) -> Callable[[Records], None]:
    def first(records: Records) -> None:
        with suppress(Exception):
            work(records)
        raise Undone

    return first


@pytest.fixture(autouse=True)
def _works_are_run_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    once = Database.transact

    def twice(database: Database, work: Callable[[Records], Any], clock: Any) -> Any:
        with suppress(Undone):
            once(database, undone(work), clock)
        return once(database, work, clock)

    monkeypatch.setattr(Database, "transact", twice)
