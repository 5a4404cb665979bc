"""A server that is kept for long holds no more of its own than it needs: what a call leaves behind is forgotten again."""

import gc
from collections import Counter

import anyio

from flipsnack_mcp.workflows.jobs import ENDS_REMEMBERED
from tests.server.bench import Assistant, Bench

DAYS = {"start_date": "2026-08-01", "end_date": "2026-08-07"}


def alive() -> Counter[str]:
    """How many objects of each kind of ours there are, without the imitation's."""
    gc.collect()
    kinds = (type(one) for one in gc.get_objects())
    names = (f"{kind.__module__}.{kind.__qualname__}" for kind in kinds)
    return Counter(one for one in names if one.startswith("flipsnack_mcp.") and "flipsnack_mcp.sandbox" not in one)


async def work_on(assistant: Assistant, hashes: list[str], number: int) -> None:
    """Everything that remembers something of what it was asked about; then so long a rest that it is worth nothing."""
    for one in hashes:
        await assistant.call("get_collection", collection_hash=one)
        await assistant.call("get_collection_stats", collection_hash=one, include_page_stats=True)
        await assistant.call("update_collection", collection_hash=one, description=f"Offers {number}")
        assert (await assistant.call("download_collection_html", collection_hash=one)).data["state"] == "complete"
        await assistant.call("list_collections", query=one)
    await assistant.call("create_collection", file_path="offers.pdf", again=True)
    await assistant.call("report_stats", collections=hashes, **DAYS)
    plan = await assistant.call("update_collections", collections=hashes, suffix=f" {number}")
    await assistant.call("update_collections", plan_id=plan.data["plan_id"])
    await anyio.sleep(2 * ENDS_REMEMBERED)
    await assistant.call("get_user_stats")


async def test_nothing_of_ours_is_held_longer_for_each_call_that_was_made(bench: Bench) -> None:
    bench.document()
    public = [one.hash for one in bench.sandbox.account.collections.values() if one.status == "public"]
    async with bench.assistant() as assistant:
        seen = []
        for number in range(3):
            await work_on(assistant, public[number : number + 1], number)
            seen.append(alive())
    assert seen[2] - seen[1] == Counter()
