"""Answers no honest account gives: only what is shown is built, in a thread, and what holds too much is not even read."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from flipsnack_mcp.api import wire
from flipsnack_mcp.api.action import Action, Result
from flipsnack_mcp.api.actions.collections import (
    CollectionSummary,
    Flipbook,
    GetCollection,
    ListCollections,
    UpdateCollection,
)
from flipsnack_mcp.api.actions.forms import GetLeadFormSample
from flipsnack_mcp.api.actions.publishing import DownloadHtml, GetEmbedCode
from flipsnack_mcp.api.actions.statistics import GetCollectionStats, GetUserStats, PageStats
from flipsnack_mcp.api.errors import Changed, UnreadableAnswerError
from flipsnack_mcp.api.exchange import LARGE, LARGEST_ANSWER
from flipsnack_mcp.api.wire import decode
from tests.api.asking import Recorder, asking, each

MANY = 3000
ENTRIES = 1000
GET, STATS = GetCollection(collection_hash="fxh4k89"), GetCollectionStats(collection_hash="fxh4k89")
ROW = {"collectionHash": "fxh4k89", "collectionTitle": "T", "collectionStatus": "public", "directLink": "https://a.b/c"}
PAGE, ITEM = {"page": 1, "views": 2, "clicks": 3}, {"itemHash": "abc", "status": "complete"}


def body(data: object) -> bytes:
    return json.dumps({"code": 20, "status": "OK", "data": data}).encode()


def numbered(one: object) -> dict[str, object]:
    return {f"k{number}": one for number in range(MANY)}


BUILT: dict[str, tuple[Action[Any], object, type[BaseModel], int]] = {
    "empty rows": (ListCollections(), {"collections": [{}] * MANY}, CollectionSummary, 20),
    "rows": (ListCollections(limit=100), {"collections": [ROW] * MANY}, CollectionSummary, 100),
    "one row asked for": (ListCollections(limit=1), {"collections": [ROW] * MANY}, CollectionSummary, 1),
    "rows by name": (ListCollections(limit=7), {"collections": numbered(ROW)}, CollectionSummary, 7),
    "rows behind what is none": (ListCollections(limit=7), {"collections": [0] * MANY + [ROW] * 9}, CollectionSummary, 7),
    "rows and a count": (ListCollections(), {"collections": [ROW] * MANY, "collectionsCount": MANY}, CollectionSummary, 20),
    "items": (GET, {"collectionItems": [ITEM] * MANY}, Flipbook, ENTRIES),
    "items by name": (GET, {"collectionItems": numbered(ITEM)}, Flipbook, ENTRIES),
    "items of an update": (UpdateCollection(collection_hash="a"), {"x": [ITEM] * MANY}, Flipbook, ENTRIES),
    "pages": (STATS, {"pages": [PAGE] * MANY}, PageStats, ENTRIES),
    "pages by name": (STATS, {"pages": numbered(PAGE)}, PageStats, ENTRIES),
    "pages behind what is none": (STATS, {"pages": [{"page": "no"}] * MANY + [PAGE] * 5}, PageStats, 5),
}  # fmt: skip


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many models of each kind were made, by reading or by validation."""
    counted = Counter[str]()
    original = BaseModel.__init__
    real_read, real_validate = Result.__dict__["read"].__func__, BaseModel.__dict__["model_validate"].__func__

    def read(cls: Any, data: Any) -> Any:
        counted[cls.__name__] += cls is CollectionSummary
        return real_read(cls, data)

    def validate(cls: Any, data: Any, /, **more: Any) -> Any:
        if isinstance(data, dict):
            counted["PageStats"] += len(data.get("pages") or ()) if "pages" in data else 0
        return real_validate(cls, data, **more)

    def init(self: Any, /, **values: Any) -> None:
        counted[type(self).__name__] += type(self) is Flipbook
        original(self, **values)

    monkeypatch.setattr(Result, "read", classmethod(read))
    monkeypatch.setattr(BaseModel, "model_validate", classmethod(validate))
    monkeypatch.setattr(BaseModel, "__init__", init)
    return counted


@each("row", BUILT)
def test_no_more_is_built_than_is_shown(
    row: tuple[Action[Any], object, type[BaseModel], int], built: Counter[str]
) -> None:
    action, data, kind, most = row
    decode(action, body(data))
    assert built[kind.__name__] == most


SHOWN: dict[str, tuple[Action[Any], object, Callable[[Any], object], object]] = {
    "all items count for the conversion": (
        GET, {"x": [ITEM] * MANY + [{"itemHash": "z", "status": "processing"}]}, lambda seen: seen.conversion, "processing",
    ),
    "one failed among many": (
        GET, {"x": [{"itemHash": "z", "status": "failed"}, *[ITEM] * MANY]}, lambda seen: seen.conversion, "failed",
    ),
    "names nobody knows": (GET, {"collectionHash": "a", **numbered("v")}, lambda seen: len(seen.extra), ENTRIES),
    "a long text without a name": (GET, {"x": "y" * 10**6}, lambda seen: len(seen.extra["x"]), 10_000),
    "a large structure without a name": (
        GET, {"x": {"y": list(range(10**5))}}, lambda seen: len(seen.extra["x"]), 10_000,
    ),
    "answers to a form": (GetLeadFormSample(), numbered("v"), lambda seen: len(seen.fields), ENTRIES),
    "a list of answers": (GetLeadFormSample(), {"a": ["v"] * MANY}, lambda seen: len(seen.fields), ENTRIES),
    "lists in lists": (GetLeadFormSample(), {"a": [[["v"] * 40] * 40] * 40}, lambda seen: len(seen.fields), ENTRIES),
    "a long answer": (GetLeadFormSample(), {"a": "v" * 10**6}, lambda seen: len(seen.fields["a"]), 10_000),
    "names of the account": (GetUserStats(), numbered(1), lambda seen: seen.api_uploads_left, None),
    "the next window": (ListCollections(), {"collections": [ROW] * MANY}, lambda seen: seen.next_offset, 20),
    "an embed code": (GetEmbedCode(collection_hash="a"), {"embedCode": "<" * 10**6}, lambda seen: len(seen.embed_code), 10_000),
}  # fmt: skip


WHOLE = {
    **ROW,
    "publishDate": "2026-01-01 10:00:00",
    "createdDate": "2026-01-01 10:00:00",
    "coverImage": "https://a.b/c.png",
}
SHOWN["a list of 5,000 whole rows, should the window be ignored"] = (
    ListCollections(limit=3), {"collections": [WHOLE] * 5000}, lambda seen: len(seen.collections), 3,
)  # fmt: skip


@each("row", SHOWN)
def test_what_is_shown_of_it_is_right(row: tuple[Action[Any], object, Callable[[Any], object], object]) -> None:
    action, data, look, expected = row
    assert look(decode(action, body(data))) == expected


def filled(piece: bytes, head: bytes = b'{"code": 20, "data": {"collections": [', tail: bytes = b"0]}}") -> bytes:
    """An answer as long as any that is read, full of this."""
    return head + piece * ((LARGEST_ANSWER - len(head) - len(tail)) // len(piece)) + tail


TOO_MUCH: dict[str, tuple[Action[Any], tuple[bytes, ...]]] = {
    "2.7 million rows": (ListCollections(), (b"{},",)),
    "550,000 items": (GET, (b'{"itemHash":"a"},', b'{"code":20,"data":{"items":[', b"{}]}}")),
    "390,000 pages": (STATS, (b'{"page":1,"views":2},', b'{"code":20,"data":{"pages":[', b"{}]}}")),
    "empty lists": (ListCollections(), (b"[],",)),
    "lists in lists": (ListCollections(), (b"[[]],",)),
    "numbers": (ListCollections(), (b"0,",)),
    "texts": (GetLeadFormSample(), (b'"",',)),
    "names": (GET, (b'"k":0,', b'{"code":20,"data":{', b'"z":0}}')),
    "after a change": (UpdateCollection(collection_hash="a"), (b"{},",)),
    "not in data": (GetUserStats(), (b"null,", b'{"code":20,"other":[', b"0]}")),
    "no JSON at all": (GetUserStats(), (b",", b"", b"")),
    "a package of them": (DownloadHtml(collection_hash="a"), (b"{},",)),
}


@each("row", TOO_MUCH)
def test_what_holds_more_than_any_honest_answer_is_not_read(
    row: tuple[Action[Any], tuple[bytes, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    action, filling = row

    def loads(*_: object, **__: object) -> None:
        raise AssertionError("it was read")

    monkeypatch.setattr(json, "loads", loads)
    with pytest.raises(UnreadableAnswerError, match="more values than any honest answer") as refused:
        decode(action, filled(*filling))
    writes = isinstance(action, UpdateCollection)
    assert refused.value.changed is (Changed.PERHAPS if writes else Changed.NOTHING)


LENGTHS = {
    "small": 1000,
    "just below": LARGE - 1,
    "just large": LARGE,
    "a megabyte": 2**20,
    "as long as can be": LARGEST_ANSWER,
}


@pytest.mark.parametrize("length", LENGTHS.values(), ids=LENGTHS.keys())
async def test_a_large_answer_is_read_beside_the_event_loop(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    where: list[int] = []

    def decoded(*given: Any) -> Any:
        where.append(threading.get_ident())
        return decode(*given)

    monkeypatch.setattr(wire, "decode", decoded)
    app = Recorder([b'{"code": 20, "data": {"collectionTitle": "T"}}'.ljust(length)])
    async with asking(app) as flipsnack:
        found = await flipsnack.send(GET)
    assert found.title == "T"
    assert (where == [threading.get_ident()]) is (length < LARGE)
