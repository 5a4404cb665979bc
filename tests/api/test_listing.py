"""Listing window by window gives every collection exactly once, whatever Flipsnack's `to` means."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from flipsnack_mcp.api.actions.collections import ListCollections
from tests.api.asking import asking, unlimited


@pytest.mark.parametrize("inclusive", [pytest.param(True, id="inclusive"), pytest.param(False, id="exclusive")])
@pytest.mark.parametrize("limit", [1, 2, 3, 5, 7, 13, 25, 26, 27, 100])
async def test_every_collection_is_listed_exactly_once(limit: int, *, inclusive: bool) -> None:
    sandbox = unlimited(inclusive_to=inclusive)
    listed: list[str] = []
    offset: int | None = 0
    async with asking(sandbox.app) as flipsnack:
        while offset is not None:
            found = await flipsnack.send(ListCollections(offset=offset, limit=limit))
            assert len(found.collections) <= limit
            assert found.total == len(sandbox.account.collections)
            listed += [row.collection_hash for row in found.collections]
            offset = found.next_offset
        behind = await flipsnack.send(ListCollections(offset=1000))
    assert sorted(listed) == sorted(sandbox.account.collections)
    assert len(sandbox.requests) == -(-len(listed) // limit) + 1
    assert (behind.collections, behind.next_offset) == ([], None)


@given(st.integers(0, 30), st.integers(1, 10), st.integers(0, 12), st.none() | st.integers(0, 40))
def test_the_next_window_begins_behind_what_was_shown(offset: int, limit: int, rows: int, total: int | None) -> None:
    data = {"collections": [{"collectionHash": str(one)} for one in range(rows)]}
    count = {} if total is None else {"collectionsCount": total}
    assume(offset or rows or not total)
    found = ListCollections(offset=offset, limit=limit).read({**data, **count})
    seen = offset + len(found.collections)
    assert len(found.collections) == min(rows, limit)
    assert found.next_offset in {None, seen}
    assert found.next_offset is None or found.collections
    assert total is None or (found.next_offset is None) == (not found.collections or seen >= total)
