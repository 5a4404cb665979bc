"""report_stats on the large account, played as an assistant would: few calls, few tokens, and nothing asked that is known."""

from collections import Counter

import pytest

from tests.server.bench import Given
from tests.server.long_bench import LongBench
from tests.server.playing import cost, played

TOOL, STATS = "report_stats", "collection.getStats"
FIRST: Given = {"start_date": "2026-09-07", "end_date": "2026-09-13", "compare": True}
SECOND: Given = {"start_date": "2026-09-14", "end_date": "2026-09-20", "compare": True}
TOKENS = 2500

pytestmark = pytest.mark.parametrize("mode", ["auto"])


@pytest.fixture
def account() -> str:
    return "large"


@pytest.fixture
def bench(long_bench: LongBench) -> LongBench:
    return long_bench


def asked(bench: LongBench) -> Counter[str]:
    """How often each collection was asked about."""
    return Counter(one.params["collectionHash"] for one in bench.sandbox.requests if one.action == STATS)


async def test_a_week_against_the_week_before_is_few_calls_and_few_tokens(bench: LongBench) -> None:
    there = {
        one.hash
        for one in bench.sandbox.account.collections.values()
        if one.status != "editable" and one.created_at < 1_789_344_000  # the end of 13 September
    }
    said = await played(bench.client, TOOL, FIRST)
    text, data = cost(said)
    assert len(said) <= 3
    assert text <= TOKENS
    assert data <= TOKENS
    assert asked(bench).keys() == there
    assert max(asked(bench).values()) <= 2
    assert len(there) > 150


@pytest.mark.parametrize("account", ["small"])
async def test_the_next_week_asks_for_one_week_only(bench: LongBench) -> None:
    await played(bench.client, TOOL, FIRST)
    before = asked(bench)
    said = await played(bench.client, TOOL, SECOND)
    again = asked(bench) - before
    assert max(again.values()) == 1
    assert again.total() == said[-1].data["totals"]["collections"]
