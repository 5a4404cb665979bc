"""The limits of calls: five in a second, sixty in a minute."""

import pytest

from flipsnack_mcp.sandbox import Pace
from tests.sandbox.calling import Caller, signed
from tests.virtual_clock import StandingClock


@pytest.fixture
def pace() -> Pace:
    return Pace()


async def test_five_calls_are_allowed_in_a_second(caller: Caller, clock: StandingClock) -> None:
    assert [await caller.code("user.getStats") for _ in range(6)] == [20] * 5 + [31]
    clock.now += 0.9
    assert await caller.code("user.getStats") == 31  # refused calls count too
    clock.now += 0.1
    assert await caller.code("user.getStats") == 20


async def test_sixty_calls_are_allowed_in_a_minute(caller: Caller, clock: StandingClock) -> None:
    codes = []
    for _ in range(61):
        codes.append(await caller.code("user.getStats"))
        clock.now += 0.5
    assert codes == [20] * 60 + [32]
    clock.now += 30
    assert await caller.code("user.getStats") == 20


async def test_strangers_links_and_control_are_not_counted(caller: Caller) -> None:
    params = signed(caller.sandbox, "user.getStats", {}) | {"apiKey": "SOMEBODY-ELSE"}
    for _ in range(10):
        assert (await caller.http.get(caller.api, params=params)).json()["code"] == 41
        assert (await caller.http.get("https://api.flipsnack.com/_packages/none/none.zip")).status_code == 404
        assert (await caller.http.get("https://api.flipsnack.com/_sandbox/requests")).status_code == 200
    assert await caller.code("user.getStats") == 20
