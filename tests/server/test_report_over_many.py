"""report_stats on the large account, played as an assistant would: few calls, few tokens, and nothing asked that is known."""

import json
from collections import Counter

import anyio
import pytest

from flipsnack_mcp.sandbox import Pace, Sandbox
from tests.server.bench import KEY, SECRET, Given, LoopClock, Said, tokens
from tests.server.long_bench import LongBench, named_call

TOOL, STATS = "report_stats", "collection.getStats"
FIRST: Given = {"start_date": "2026-09-07", "end_date": "2026-09-13", "compare": True}
SECOND: Given = {"start_date": "2026-09-14", "end_date": "2026-09-20", "compare": True}
TOKENS = 2500

pytestmark = pytest.mark.parametrize("mode", ["auto"])


@pytest.fixture
def sandbox(clock: LoopClock, pace: Pace) -> Sandbox:
    return Sandbox(api_key=KEY, api_secret=SECRET, clock=clock, pace=pace, account="large")


@pytest.fixture
def bench(long_bench: LongBench) -> LongBench:
    return long_bench


async def played(bench: LongBench, tool: str, arguments: Given) -> list[Said]:
    """All answers of a job: the time that the last one tells is let pass before the next call."""
    said = [await bench.client.call(tool, arguments)]
    while said[-1].data["state"] == "running":
        await anyio.sleep(said[-1].data["progress"].get("seconds_left", 30))
        said.append(await bench.client.call(*named_call(said[-1])))
    return said


def cost(said: list[Said]) -> tuple[int, int]:
    """Tokens of the text and of the data of all answers."""
    data = [json.dumps(one.data, ensure_ascii=False, separators=(",", ":")) for one in said]
    return sum(tokens(one.text) for one in said), sum(map(tokens, data))


def asked(bench: LongBench) -> Counter[str]:
    """How often each collection was asked about."""
    return Counter(one.params["collectionHash"] for one in bench.sandbox.requests if one.action == STATS)


async def test_a_week_against_the_week_before_is_few_calls_and_few_tokens(bench: LongBench) -> None:
    there = {
        one.hash
        for one in bench.sandbox.account.collections.values()
        if one.status != "editable" and one.created_at < 1_789_344_000  # the end of 13 September
    }
    said = await played(bench, TOOL, FIRST)
    text, data = cost(said)
    print(said[0].text, said[-1].text, len(said), text, data)
    assert len(said) <= 3
    assert text <= TOKENS
    assert data <= TOKENS
    assert asked(bench).keys() == there
    assert max(asked(bench).values()) <= 2
    assert len(there) > 150
