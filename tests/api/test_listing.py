"""Listing window by window gives every collection exactly once, whatever Flipsnack's `to` means."""

from urllib.parse import parse_qs

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from flipsnack_mcp.api import errors
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


@pytest.mark.parametrize("most", [pytest.param(50, id="fifty"), pytest.param(0, id="none")])
async def test_where_large_windows_are_refused_the_usual_ones_are_asked_for(most: int) -> None:
    sandbox = unlimited()
    for n in range(100):
        sandbox.account.add(title=f"Offer {n}")
    refused = list[int]()

    async def narrow(scope: Scope, receive: Receive, send: Send) -> None:
        asked = {name: one for name, (one,) in parse_qs(scope["query_string"].decode()).items()}
        rows = int(asked["to"]) - int(asked["from"])
        if rows <= most:
            await sandbox.app(scope, receive, send)
            return
        refused.append(rows)
        await JSONResponse({"code": 40, "status": "Bad request"})(scope, receive, send)

    listed: list[str] = []
    offset: int | None = 0
    async with asking(narrow) as flipsnack:
        while offset is not None:
            try:
                found = await flipsnack.send(ListCollections(offset=offset, limit=100))
            except errors.InvalidRequestError:
                break
            listed += [row.collection_hash for row in found.collections]
            offset = found.next_offset
    assert sorted(listed) == (sorted(sandbox.account.collections) if most else [])
    assert refused == ([100, 100, 100] if most else [100, 50])


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


@pytest.mark.parametrize(("rows", "following"), [(100, 100), (50, 50), (49, None)])
def test_a_list_that_counts_nothing_is_read_on_after_as_many_as_flipsnack_gives_at_once(
    rows: int, following: int | None
) -> None:
    listed = [{"collectionHash": str(one)} for one in range(rows)]
    assert ListCollections(limit=100).read({"collections": listed}).next_offset == following
