"""The list of collections: filtered, sorted and cut to an index range."""

import math
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from flipsnack_mcp.sandbox.account import Collection
from flipsnack_mcp.sandbox.actions.call import Call
from flipsnack_mcp.sandbox.dates import stamp
from flipsnack_mcp.sandbox.links import cover, direct_link

_Key: TypeAlias = Callable[[Collection], tuple[float, float] | tuple[str, float]]

_ORDERS: Final[dict[str, _Key]] = {
    # Sandbox's own choice: drafts come after everything that is published, the newest first among themselves.
    "date_published": lambda one: (_published(one) or -math.inf, one.created_at),
    "date_created": lambda one: (one.created_at, one.created_at),
    "name": lambda one: (one.title.casefold(), one.created_at),
}


def get_list(call: Call) -> dict[str, Any]:
    # Sandbox's own choice: no largest range, and a range that ends before it starts is empty.
    start, end = call.whole("from", 0, least=0), call.whole("to", 50, least=0)
    order = call.one_of("orderBy", _ORDERS, "date_published")
    mode = call.one_of("orderMode", ("asc", "desc"), "desc")
    found = sorted(_matching(call), key=_ORDERS[order], reverse=mode == "desc")
    cut = found[start : end + 1 if call.inclusive_to else end]
    return {"collectionsCount": str(len(found)), "collections": [_row(call, one) for one in cut]}


def _matching(call: Call) -> list[Collection]:
    status, query = call.status(""), call.params.get("query", "").casefold()
    return [
        one
        for one in call.account.collections.values()
        if status in {"", one.status} and _speaks_of(one, query, call.now)
    ]


def _speaks_of(collection: Collection, query: str, now: float) -> bool:
    # Sandbox's own choice: the words as one phrase. That a whole hash is found as well is the oldest documentation's.
    return query in f"{collection.title}\n{collection.described(now)}".casefold() or query == collection.hash


def _published(collection: Collection) -> float | None:
    return None if collection.status == "editable" else collection.publication()


def _row(call: Call, collection: Collection) -> dict[str, Any]:
    # Sandbox's own choice: an empty date, not a missing one, for what is not published.
    published = _published(collection)
    return {
        "collectionHash": collection.hash,
        "collectionTitle": collection.title,
        "collectionStatus": collection.status,
        "publishDate": "" if published is None else stamp(published),
        "createdDate": stamp(collection.created_at),
        "coverImage": cover(collection, call.now, call.base),
        "directLink": direct_link(call.account, collection),
    }
