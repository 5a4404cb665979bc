"""How many documents may arrive at once: of everybody together, and of one caller."""

from contextlib import ExitStack

import pytest

from flipsnack_mcp.team.exchange.receiving import TOO_MANY, Doorman, NotTaken


@pytest.mark.parametrize(("callers", "let_in"), [(["anna"] * 5, 4), ([f"caller {number}" for number in range(17)], 16)])
def test_one_more_than_may_arrive_is_turned_away_until_one_is_through(callers: list[str], let_in: int) -> None:
    doorman = Doorman()
    with ExitStack() as arriving:
        for caller in callers[:let_in]:
            arriving.enter_context(doorman.let_in(caller))
        with pytest.raises(NotTaken) as refused, doorman.let_in(callers[-1]):
            pass
        assert refused.value.reply is TOO_MANY
    with doorman.let_in(callers[-1]):
        pass
