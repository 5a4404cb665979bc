"""What clients get wrong is understood where that is safe; anything else is refused before a request is made."""

from typing import Any

import pytest

from tests.samples_of import NAMES, expected_tool
from tests.server.bench import Bench

HASH = "fxh4k89"
URL = "https://example.com/a.pdf"
CANARY = "do-not-repeat-me"
CREATE: dict[str, Any] = {"file_url": URL, "wait_seconds": 0}


def sent(bench: Bench, action: str) -> dict[str, str]:
    """The parameters of the last request of an action, without what every request has."""
    params = next(one.params for one in reversed(bench.sandbox.requests) if one.action == action)
    return {name: value for name, value in params.items() if name not in {"action", "apiKey", "signature"}}


COLLECTION = {"collection_hash": HASH}
UNDERSTOOD: dict[str, list[tuple[dict[str, Any], dict[str, str]]]] = {
    "list_collections": [
        ({"limit": "7"}, {"from": "0", "to": "7"}),
        ({"limit": 7.0, "offset": "3"}, {"from": "3", "to": "10"}),
        ({"limit": "7.0"}, {"from": "0", "to": "7"}),
        ({"limit": None, "query": None}, {"from": "0", "to": "20"}),
        ({"query": "null"}, {"query": "null"}),
        ({"query": 2026}, {"query": "2026"}),
        ({"status": "draft"}, {"collectionStatus": "editable"}),
        ({"status": " Public "}, {"collectionStatus": "public"}),
    ],
    "get_collection": [
        ({"collection_hash": 1234567}, {"collectionHash": "1234567"}),
        ({"collection_hash": 10**60}, {"collectionHash": str(10**60)}),
        ({"collection_hash": f" {HASH} "}, {"collectionHash": HASH}),
        ({"collection_hash": f"https://www.flipsnack.com/shop/summer-{HASH}/full-view.html"}, {"collectionHash": HASH}),
        (
            {"collection_hash": "https://player.flipsnack.com?hash=NUFCMEM1RTdEMUYrZnhoNGs4OQ=="},
            {"collectionHash": HASH},
        ),
    ],
    "create_collection": [
        *(({**CREATE, "title": one}, {"title": one}) for one in ("null", "[1]", '{"a": 1}', "")),
        *(({**CREATE, "title": one}, {"title": str(one)}) for one in (2026, 1.5)),
        *(({**CREATE, "status": one}, {"collectionStatus": "editable", "fileUrl": URL}) for one in ("draft", None)),
        (CREATE, {"collectionStatus": "editable", "fileUrl": URL}),
        ({**CREATE, "status": "public"}, {"collectionStatus": "public"}),
        ({**CREATE, "settings": '{"a": "b"}'}, {"a": "b"}),
        ({**CREATE, "settings": {"a": 3, "b": 1.5}}, {"a": "3", "b": "1.5"}),
        ({**CREATE, "width": "800"}, {"collectionWidth": "800"}),
    ],
    "get_embed_code": [
        *(({**COLLECTION, "responsive": one}, {"responsive": "true"}) for one in ("true", 1)),
        ({**COLLECTION, "responsive": "False"}, {"responsive": "false"}),
    ],
    "get_collection_stats": [
        (
            {**COLLECTION, "start_date": "2026-09-01", "end_date": "2026-09-01"},
            {"startDate": "2026-09-01", "endDate": "2026-09-01"},
        ),
    ],
}
ACTIONS = {expected_tool(name).name: name for name in NAMES}


@pytest.mark.parametrize(
    ("tool", "arguments", "wanted"), [(tool, *row) for tool, rows in UNDERSTOOD.items() for row in rows]
)
async def test_what_clients_send_is_understood(
    bench: Bench, tool: str, arguments: dict[str, Any], wanted: dict[str, str]
) -> None:
    await bench.call(tool, **arguments)

    assert sent(bench, ACTIONS[tool]).items() >= wanted.items()


def bad(tool: str, reasons: dict[str, tuple[dict[str, Any], ...]], **more: Any) -> list[Any]:
    """One row for each argument that is refused in the same words."""
    return [
        pytest.param(tool, {**more, **arguments}, reason, id=f"{tool} {ascii(arguments)[:60]}")
        for reason, several in reasons.items()
        for arguments in several
    ]


WAIT: dict[str, tuple[dict[str, Any], ...]] = {
    "at most 45": ({"wait_seconds": 46},),
    "at least 0": ({"wait_seconds": -1},),
    "`wait_seconds`": ({"wait_seconds": "soon"},),
}
DATES = (
    *("yesterday", "2026-02-30", "2026-13-01", "1.9.2026", "09/01/2026", 20260901, 1_790_000_000),
    *("2026-09-01T00:00:00", "", "2026-9-1", ["2026-09-01"]),
)
# Hashes, addresses and the names of settings have one row of each kind here: all the others are in test_attacks.
BAD: list[Any] = [
    *bad("list_collections", {
        "`limt`": ({"limt": 3},),
        "no argument": ({"x" * 3000: 3}, {"a`b\n\u202e": 3}),
        "at least 1": ({"limit": 0}, {"limit": -1}),
        "at most 100": ({"limit": 101}, {"limit": 10**30}),
        "`limit`": ({"limit": 2.5}, {"limit": "many"}, {"limit": [5]}),
        "at least 0": ({"offset": -1},),
        "`query`": ({"query": ["a"]},),
        "200 characters": ({"query": "x" * 201},),
        "'public'": ({"status": "published"},),
        "`status`": ({"status": 1}, {"status": ""}),
        "'date_published'": ({"order_by": "views"},),
        "'asc'": ({"order": "up"},),
    }),
    *bad("get_collection", {
        "`collection_hash` is missing": ({}, {"collection_hash": None}),
        "`collection_hash`": ({"collection_hash": "abc/def"}, {"collection_hash": "a" * 65}, {"collection_hash": "abcé"}),
        "title with list_collections": ({"collection_hash": "https://www.flipsnack.com/shop/summer-catalogue.html"},),
        "cover picture": ({"collection_hash": "https://files.flipsnack.net/collections/items/0123456789abcdef/covers/page_1/thumb"},),
        "send it in quotes": ({"collection_hash": 1.5e60},),
    }),
    *bad("get_collection", WAIT, collection_hash=HASH),
    *bad("download_collection_html", {"at most 45": ({"wait_seconds": 46},), "`save`": ({"save": "perhaps"},)}, collection_hash=HASH),
    *bad("delete_collection", {"`confirm`": ({"confirm": "yes"},), "40 characters": ({"confirmation": "x" * 41},)}, collection_hash=HASH),
    *bad("delete_flipbook", {
        "`flipbook_hash`": ({"flipbook_hash": ""}, {"flipbook_hash": "a/b"}),
        "`flipbook_hash` is missing": ({},),
    }, collection_hash=HASH),
    *bad("create_collection", {
        "neither is given": ({}, {"title": "A"}),
        "both are given": ({"file_url": URL, "file_path": "/home/a.pdf"}, {"file_url": URL, "file_path": ""}),
        "4096 characters": ({"file_path": "/" + "a" * 5000},),
        "`file_url`": ({"file_url": ""}, {"file_url": "http://example.com/a.pdf"}, {"file_url": "https://127.0.0.1/a.pdf"}),
    }),
    *bad("create_collection", {
        "'public'": ({"status": "published"},),
        "300 characters": ({"title": "x" * 301},),
        "`title`": ({"title": ["a"]},),
        "2000 characters": ({"description": "x" * 2001},),
        "at least 1": ({"width": 0},),
        "at most 10000": ({"width": 10_001},),
        "`settings": ({"settings": "a=b"}, {"settings": "[1]"}, {"settings": {"a": ["b"]}}, {"settings": {"a b": "c"}}),
        "`settings`": ({"settings": {"apiKey": "x"}}, {"settings": {"Title": "x"}}),
    }, **CREATE),
    *bad("update_collection", {
        "Say what to change": ({}, {"title": None}, {"settings": {}}),
        "`settings`": ({"settings": {"CollectionHash": "x"}},),
        "'public'": ({"status": "online"},),
    }, collection_hash=HASH),
    *bad("get_collection_stats", {
        "`start_date`": tuple({"start_date": one} for one in DATES),
        "lies after end_date": ({"start_date": "2026-09-02", "end_date": "2026-09-01"},),
    }, collection_hash=HASH),
    *bad("get_embed_code", {"at least 1": ({"start_page": 0},), "`responsive`": ({"responsive": "maybe"},)}, collection_hash=HASH),
    *bad("get_user_stats", {"`collection_hash`": (COLLECTION,)}),
    *bad("add_flipbook", {"neither is given": (COLLECTION,)}),
    *bad("set_logo", {"both are": ({"file_url": URL, "file_path": "/a.png"},)}, collection_hash=HASH),
]  # fmt: skip


@pytest.mark.parametrize("mode", ["auto"])
@pytest.mark.parametrize(("tool", "arguments", "reason"), BAD)
async def test_bad_input_is_refused_in_words_without_a_request(
    bench: Bench, tool: str, arguments: dict[str, Any], reason: str
) -> None:
    bench.folder.joinpath("uploads").mkdir()

    said = await bench.call(tool, **arguments)

    assert said.is_error
    assert reason in said.text
    assert "Nothing was changed." in said.text
    assert said.text.index("Nothing was changed.") > 0
    assert not said.data
    assert len(said.text) < 1500
    assert said.text.isprintable()
    assert bench.requests == []


@pytest.mark.parametrize("mode", ["legacy"])
async def test_bad_input_is_refused_on_the_older_revision_too(bench: Bench) -> None:
    bench.folder.joinpath("uploads").mkdir()

    async with bench.assistant() as assistant:
        for tool, arguments, _ in (one.values for one in BAD):
            said = await assistant.call(tool, arguments)
            assert said.is_error, (tool, arguments)
    assert [one for one in bench.requests if one != "collection.getCollection"] == []


CANARIES: dict[str, tuple[dict[str, Any], ...]] = {
    "list_collections": (
        *({"limt": CANARY}, {"limit": CANARY}, {"status": CANARY}, {"order": CANARY}, {"query": [CANARY]}),
    ),
    "get_collection": ({"collection_hash": f"{CANARY}/"}, {"collection_hash": f"https://{CANARY}.example/"}),
    "create_collection": (
        {"file_url": f"http://{CANARY}.example/"},
        *({**CREATE, "settings": one} for one in ({"action": CANARY}, {"a": [CANARY]}, f"[{CANARY}")),
    ),
    "get_collection_stats": ({**COLLECTION, "start_date": CANARY},),
    "get_embed_code": ({**COLLECTION, "responsive": CANARY},),
}


@pytest.mark.parametrize(
    ("tool", "arguments"), [(tool, arguments) for tool, several in CANARIES.items() for arguments in several]
)
async def test_the_value_of_a_bad_argument_is_never_repeated(
    bench: Bench, tool: str, arguments: dict[str, Any]
) -> None:
    said = await bench.call(tool, **arguments)

    assert said.is_error
    assert CANARY not in said.text


async def test_an_error_about_arguments_lists_the_known_ones(bench: Bench) -> None:
    said = await bench.call("list_collections", limt=3)

    assert said.text.startswith(
        "There is no argument `limt`. Nothing was changed. Correct the arguments, then make the call again. "
        "The arguments of list_collections: "
    )
    assert set(said.text.rpartition(": ")[2].strip(".").split(", ")) == {
        "query", "status", "order_by", "order", "offset", "limit",
    }  # fmt: skip


async def test_all_that_is_wrong_is_said_at_once(bench: Bench) -> None:
    said = await bench.call("list_collections", limit=0, order="up", x=1)

    assert all(name in said.text for name in ("`limit`", "`order`", "`x`"))
