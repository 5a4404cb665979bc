"""A random walk over tools, faults, confirmations, clients, clocks and restarts: in whatever order, every promise is kept."""

from typing import ClassVar
from unittest.mock import AsyncMock

import pytest
from hypothesis import HealthCheck, Phase, seed, settings, stateful

from flipsnack_mcp.files.lookahead import LookAhead
from flipsnack_mcp.workflows.batches import carrying_out, seeing
from tests.server.walking import SEEN
from tests.server.walking_over_many import ACTIONS, WalkOverMany

WALKS = settings(
    max_examples=6, stateful_step_count=28, deadline=None, database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # a failing walk is short enough to read; shrinking it would take minutes
)  # fmt: skip
WANTED = {"destroyed", "created", "codes", "redeemed", "no", "broken", "reported", "stopped", "lost", *ACTIONS}


class DurableWalk(WalkOverMany):
    """The same on a file, with restarts and a terminal beside."""

    durable: ClassVar[bool] = True


@pytest.mark.parametrize(
    ("kind", "wanted", "first"), [(DurableWalk, WANTED | {"approved"}, 44), (WalkOverMany, WANTED, 43)]
)
def test_in_whatever_order_steps_are_taken_every_promise_is_kept(
    kind: type[WalkOverMany], wanted: set[str], first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same seed both would take the same steps."""
    for module in (seeing, carrying_out):  # a process that counts pages, which a batch does not need
        monkeypatch.setattr(module, "look_ahead", AsyncMock(return_value=LookAhead(2, ())))
    SEEN.clear()
    for number in range(first, first + 20, 2):
        stateful.run_state_machine_as_test(seed(number)(kind), settings=WALKS)
        if all(SEEN[what] for what in wanted):
            return
    pytest.fail(f"walks on which everything is refused would keep every promise: {SEEN}")
