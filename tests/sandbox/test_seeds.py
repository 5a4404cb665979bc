"""The accounts that a sandbox can begin with, and by what imitations are told apart."""

import base64
from collections import Counter

import pytest

from flipsnack_mcp.accounts_file import SIZES
from flipsnack_mcp.sandbox import Pace, Sandbox
from flipsnack_mcp.sandbox.account import Collection
from flipsnack_mcp.sandbox.seeds import SEEDS
from tests.sandbox.calling import Caller, calling
from tests.virtual_clock import StandingClock


@pytest.fixture
def sandbox(clock: StandingClock, pace: Pace) -> Sandbox:
    return Sandbox(clock=clock, pace=pace, account="large")


def test_the_settings_know_every_account_that_a_sandbox_can_begin_with() -> None:
    assert [*SEEDS] == [*SIZES]


def test_another_account_than_those_is_an_error() -> None:
    with pytest.raises(ValueError, match="small, large, empty"):
        Sandbox(account="huge")


def test_the_large_account_holds_what_years_leave_behind(sandbox: Sandbox, clock: StandingClock) -> None:
    shelf = list(sandbox.account.collections.values())
    titles = Counter(one.title for one in shelf)
    assert 200 <= len(shelf) <= 220
    assert (titles["Untitled"], titles["Price list 2025"], titles[""]) == (8, 5, 1)
    assert Counter(one.status for one in shelf).keys() == {"public", "editable", "unlisted"}
    assert sum(item.status(clock()) == "failed" for one in shelf for item in one.items) == 7
    assert sum(one.unread for one in shelf) >= 6
    assert max(map(len, titles)) > 160
    assert all(one.created_at < clock() for one in shelf)


def told(one: Collection) -> tuple[object, ...]:
    return one.hash, one.title, one.status, one.description, [(item.hash, item.pages) for item in one.items]


@pytest.mark.parametrize("account", ["small", "large"])
def test_only_the_dates_of_an_account_follow_the_clock(clock: StandingClock, account: str) -> None:
    early = Sandbox(clock=clock, account=account).account.collections
    clock.now += 1_000_000
    late = Sandbox(clock=clock, account=account).account.collections
    assert [told(one) for one in early.values()] == [told(one) for one in late.values()]
    assert {late[one].created_at - early[one].created_at for one in early} == {1_000_000}


def test_the_large_account_begins_as_the_small_one(sandbox: Sandbox, clock: StandingClock) -> None:
    small = Sandbox(clock=clock).account.collections
    assert [*sandbox.account.collections][: len(small)] == [*small]


async def test_what_nobody_ever_opened_has_no_numbers_and_counts_for_nothing(caller: Caller) -> None:
    unread = next(one for one in caller.sandbox.account.collections.values() if one.unread)
    nothing = {"impressions": 0, "views": 0, "time_spent": 0, "downloads": 0}
    assert await caller.data("collection.getStats", collectionHash=unread.hash) == nothing
    before = await caller.data("user.getStats")
    unread.unread = False
    assert (await caller.data("user.getStats"))["views"] > before["views"]


async def number_in_a_link(sandbox: Sandbox) -> str:
    async with calling(sandbox) as caller:
        code = (await caller.data("collection.getEmbed", collectionHash=sandbox.account.add(title="One").hash))[
            "embedCode"
        ]
    return base64.b64decode(code.partition("?hash=")[2].partition('"')[0]).decode().partition("+")[0]


async def test_each_key_has_a_number_of_its_own_in_links_of_the_player_and_keeps_it() -> None:
    keys = ["SANDBOX-DEMO-KEY", "SANDBOX-DE", "SANDBOX-FR"]
    numbers = [await number_in_a_link(Sandbox(api_key=one)) for one in keys]
    assert numbers[0] == "5AB0C5E7D1F"
    assert len({*numbers}) == 3
    assert numbers == [await number_in_a_link(Sandbox(api_key=one, account="empty")) for one in keys]
    assert all(len(one) == 11 and one.isalnum() for one in numbers)
