"""What clients get wrong is understood where that is safe; anything else is refused before a request is made."""

from typing import Any

import pytest

from tests.server.bench import Bench

HASH = "fxh4k89"
URL = "https://example.com/a.pdf"
CANARY = "do-not-repeat-me"
CREATE: dict[str, Any] = {"file_url": URL, "wait_seconds": 0}


def sent(bench: Bench, action: str) -> dict[str, str]:
    """The parameters of the last request of an action, without what every request has."""
    params = next(one.params for one in reversed(bench.sandbox.requests) if one.action == action)
    return {name: value for name, value in params.items() if name not in {"action", "apiKey", "signature"}}


@pytest.mark.parametrize(
    ("tool", "arguments", "action", "wanted"),
    [
        ("list_collections", {"limit": "7"}, "collection.getList", {"from": "0", "to": "7"}),
        ("list_collections", {"limit": 7.0, "offset": "3"}, "collection.getList", {"from": "3", "to": "10"}),
        ("list_collections", {"limit": "7.0"}, "collection.getList", {"from": "0", "to": "7"}),
        ("list_collections", {"limit": None, "query": None}, "collection.getList", {"from": "0", "to": "20"}),
        ("list_collections", {"query": "null"}, "collection.getList", {"from": "0", "to": "20", "query": "null"}),
        ("list_collections", {"query": 2026}, "collection.getList", {"from": "0", "to": "20", "query": "2026"}),
        (
            "list_collections",
            {"status": "draft"},
            "collection.getList",
            {"from": "0", "to": "20", "collectionStatus": "editable"},
        ),
        (
            "list_collections",
            {"status": " Public "},
            "collection.getList",
            {"from": "0", "to": "20", "collectionStatus": "public"},
        ),
        ("get_collection", {"collection_hash": 1234567}, "collection.getCollection", {"collectionHash": "1234567"}),
        ("get_collection", {"collection_hash": 10**60}, "collection.getCollection", {"collectionHash": str(10**60)}),
        ("get_collection", {"collection_hash": f" {HASH} "}, "collection.getCollection", {"collectionHash": HASH}),
        (
            "get_collection",
            {"collection_hash": f"https://www.flipsnack.com/shop/summer-{HASH}.html"},
            "collection.getCollection",
            {"collectionHash": HASH},
        ),
        (
            "get_collection",
            {"collection_hash": f"https://www.flipsnack.com/shop/summer-{HASH}/full-view.html"},
            "collection.getCollection",
            {"collectionHash": HASH},
        ),
        (
            "get_collection",
            {"collection_hash": "https://player.flipsnack.com?hash=NUFCMEM1RTdEMUYrZnhoNGs4OQ=="},
            "collection.getCollection",
            {"collectionHash": HASH},
        ),
        ("create_collection", {**CREATE, "title": "null"}, "collection.create", {"title": "null"}),
        ("create_collection", {**CREATE, "title": "[1]"}, "collection.create", {"title": "[1]"}),
        ("create_collection", {**CREATE, "title": '{"a": 1}'}, "collection.create", {"title": '{"a": 1}'}),
        ("create_collection", {**CREATE, "title": 2026}, "collection.create", {"title": "2026"}),
        ("create_collection", {**CREATE, "title": 1.50}, "collection.create", {"title": "1.5"}),
        ("create_collection", {**CREATE, "title": ""}, "collection.create", {"title": ""}),
        ("create_collection", CREATE, "collection.create", {"collectionStatus": "editable", "fileUrl": URL}),
        ("create_collection", {**CREATE, "status": "draft"}, "collection.create", {"collectionStatus": "editable"}),
        ("create_collection", {**CREATE, "status": None}, "collection.create", {"collectionStatus": "editable"}),
        ("create_collection", {**CREATE, "status": "public"}, "collection.create", {"collectionStatus": "public"}),
        ("create_collection", {**CREATE, "settings": '{"a": "b"}'}, "collection.create", {"a": "b"}),
        ("create_collection", {**CREATE, "settings": {"a": 3, "b": 1.5}}, "collection.create", {"a": "3", "b": "1.5"}),
        ("create_collection", {**CREATE, "width": "800"}, "collection.create", {"collectionWidth": "800"}),
        (
            "get_embed_code",
            {"collection_hash": HASH, "responsive": "true"},
            "collection.getEmbed",
            {"responsive": "true"},
        ),
        ("get_embed_code", {"collection_hash": HASH, "responsive": 1}, "collection.getEmbed", {"responsive": "true"}),
        (
            "get_embed_code",
            {"collection_hash": HASH, "responsive": "False"},
            "collection.getEmbed",
            {"responsive": "false"},
        ),
        (
            "get_collection_stats",
            {"collection_hash": HASH, "start_date": "2026-09-01", "end_date": "2026-09-01"},
            "collection.getStats",
            {"startDate": "2026-09-01", "endDate": "2026-09-01"},
        ),
    ],
)
async def test_what_clients_send_is_understood(
    bench: Bench, tool: str, arguments: dict[str, Any], action: str, wanted: dict[str, str]
) -> None:
    await bench.call(tool, **arguments)

    assert sent(bench, action).items() >= wanted.items()


STATS = {"collection_hash": HASH}
BAD: list[Any] = [
    pytest.param("list_collections", {"limt": 3}, "`limt`", id="unknown argument"),
    pytest.param("list_collections", {"x" * 3000: 3}, "no argument", id="unknown argument, huge name"),
    pytest.param("list_collections", {"a`b\n\u202e": 3}, "no argument", id="unknown argument, odd name"),
    pytest.param("delete_collection", {"collection_hash": HASH, "confirm": "yes"}, "`confirm`", id="unknown confirm"),
    pytest.param("get_collection", {}, "`collection_hash` is missing", id="missing"),
    pytest.param("get_collection", {"collection_hash": None}, "`collection_hash` is missing", id="null for mandatory"),
    pytest.param("list_collections", {"limit": 0}, "at least 1", id="limit 0"),
    pytest.param("list_collections", {"limit": 101}, "at most 100", id="limit 101"),
    pytest.param("list_collections", {"limit": -1}, "at least 1", id="limit -1"),
    pytest.param("list_collections", {"limit": 2.5}, "`limit`", id="limit 2.5"),
    pytest.param("list_collections", {"limit": "many"}, "`limit`", id="limit no number"),
    pytest.param("list_collections", {"limit": [5]}, "`limit`", id="limit list"),
    pytest.param("list_collections", {"limit": 10**30}, "at most 100", id="limit huge"),
    pytest.param("list_collections", {"offset": -1}, "at least 0", id="offset -1"),
    pytest.param("list_collections", {"query": ["a"]}, "`query`", id="query list"),
    pytest.param("list_collections", {"query": "x" * 201}, "200 characters", id="query too long"),
    pytest.param("list_collections", {"status": "published"}, "'public'", id="unknown status"),
    pytest.param("list_collections", {"status": 1}, "`status`", id="status number"),
    pytest.param("list_collections", {"status": ""}, "`status`", id="status empty"),
    pytest.param("list_collections", {"order_by": "views"}, "'date_published'", id="unknown order_by"),
    pytest.param("list_collections", {"order": "up"}, "'asc'", id="unknown order"),
    *(
        pytest.param("get_collection", {"collection_hash": value}, "`collection_hash`", id=f"hash {name}")
        for name, value in {
            "empty": "",
            "blank": "  ",
            "slash": "abc/def",
            "dots": "../abc",
            "question mark": "abc?x=1",
            "hash sign": "abc#x",
            "percent": "abc%2fdef",
            "newline": "abc\ndef",
            "nul": "abc\0",
            "zero-width": "abc\u200bdef",
            "ampersand": "abc&action=collection.deleteCollection",
            "space": "abc def",
            "not ascii": "abcé",
            "list": ["abc"],
            "object": {"a": "b"},
            "true": True,
            "huge": "a" * 65,
            "very huge": "a" * 200_000,
            "link without hash": "https://www.flipsnack.com/shop/summer-catalogue.html",
            "profile link": "https://www.flipsnack.com/shop",
            "foreign link": f"https://example.com/shop/summer-{HASH}.html",
            "cover": "https://files.flipsnack.net/collections/items/0123456789abcdef/covers/page_1/thumb",
            "no link": "https://",
            "broken link": "https://[flipsnack.com",
        }.items()
    ),
    pytest.param("get_collection", {"collection_hash": 1.5e60}, "send it in quotes", id="hash exponent"),
    pytest.param("get_collection", {"collection_hash": HASH, "wait_seconds": 46}, "at most 45", id="wait 46"),
    pytest.param("get_collection", {"collection_hash": HASH, "wait_seconds": -1}, "at least 0", id="wait -1"),
    pytest.param("get_collection", {"collection_hash": HASH, "wait_seconds": "soon"}, "`wait_seconds`", id="wait word"),
    pytest.param(
        "download_collection_html", {"collection_hash": HASH, "wait_seconds": 46}, "at most 45", id="download wait 46"
    ),
    pytest.param("download_collection_html", {"collection_hash": HASH, "save": "perhaps"}, "`save`", id="save perhaps"),
    pytest.param(
        "delete_flipbook", {"collection_hash": HASH, "flipbook_hash": ""}, "`flipbook_hash`", id="flipbook empty"
    ),
    pytest.param(
        "delete_flipbook", {"collection_hash": HASH, "flipbook_hash": "a/b"}, "`flipbook_hash`", id="flipbook slash"
    ),
    pytest.param("delete_flipbook", {"collection_hash": HASH}, "`flipbook_hash` is missing", id="flipbook missing"),
    pytest.param(
        "delete_collection", {"collection_hash": HASH, "confirmation": "x" * 41}, "40 characters", id="code long"
    ),
    pytest.param("create_collection", {}, "neither is given", id="no document"),
    pytest.param("create_collection", {"title": "A"}, "neither is given", id="only a title"),
    pytest.param(
        "create_collection", {"file_url": URL, "file_path": "/home/a.pdf"}, "both are given", id="two documents"
    ),
    pytest.param(
        "create_collection", {"file_url": URL, "file_path": ""}, "both are given", id="two documents, one empty"
    ),
    pytest.param("create_collection", {"file_path": ""}, "", id="empty path"),
    pytest.param("create_collection", {"file_path": "relative.pdf"}, "", id="relative path"),
    pytest.param("create_collection", {"file_path": "/etc/passwd"}, "", id="path elsewhere"),
    pytest.param("create_collection", {"file_path": "/home/\0"}, "", id="path nul"),
    pytest.param("create_collection", {"file_path": "/" + "a" * 5000}, "4096 characters", id="path long"),
    *(
        pytest.param("create_collection", {"file_url": value}, "`file_url`", id=f"url {name}")
        for name, value in {
            "empty": "",
            "http": "http://example.com/a.pdf",
            "file": "file:///etc/passwd",
            "loopback": "https://127.0.0.1/a.pdf",
            "decimal": "https://2130706433/a.pdf",
            "ipv6": "https://[::1]/a.pdf",
            "no dot": "https://intranet/a.pdf",
            "inside": "https://files.internal/a.pdf",
            "credentials": "https://user:password@example.com/a.pdf",
            "spaces": "https://example.com/a b.pdf",
            "newline": "https://example.com/a\n.pdf",
            "no host": "https://",
            "word": "offers.pdf",
        }.items()
    ),
    pytest.param("create_collection", {**CREATE, "status": "published"}, "'public'", id="create unknown status"),
    pytest.param("create_collection", {**CREATE, "title": "x" * 301}, "300 characters", id="long title"),
    pytest.param("create_collection", {**CREATE, "title": ["a"]}, "`title`", id="title list"),
    pytest.param("create_collection", {**CREATE, "description": "x" * 2001}, "2000 characters", id="long description"),
    pytest.param("create_collection", {**CREATE, "width": 0}, "at least 1", id="width 0"),
    pytest.param("create_collection", {**CREATE, "width": 10_001}, "at most 10000", id="width 10001"),
    pytest.param("create_collection", {**CREATE, "settings": "a=b"}, "`settings`", id="settings text"),
    pytest.param("create_collection", {**CREATE, "settings": "[1]"}, "`settings`", id="settings list as text"),
    pytest.param("create_collection", {**CREATE, "settings": "[" * 100_000}, "`settings`", id="settings deep text"),
    pytest.param("create_collection", {**CREATE, "settings": {"a": ["b"]}}, "`settings", id="settings list value"),
    pytest.param("create_collection", {**CREATE, "settings": {"a b": "c"}}, "`settings`", id="settings odd name"),
    pytest.param("create_collection", {**CREATE, "settings": {"": "c"}}, "`settings`", id="settings empty name"),
    *(
        pytest.param("create_collection", {**CREATE, "settings": {name: "x"}}, "`settings`", id=f"settings {name}")
        for name in (
            "action",
            "ACTION",
            "apiKey",
            "apikey",
            "Signature",
            "file",
            "fileUrl",
            "FILEURL",
            "collectionHash",
            "flipbookHash",
            "format",
            "callback",
            "Callback",
            "title",
            "Title",
            "description",
            "collectionStatus",
            "status",
            "collectionWidth",
            "width",
            "collectionHeight",
            "height",
        )
    ),
    pytest.param("update_collection", {"collection_hash": HASH}, "Say what to change", id="update of nothing"),
    pytest.param(
        "update_collection", {"collection_hash": HASH, "title": None}, "Say what to change", id="update to null"
    ),
    pytest.param(
        "update_collection", {"collection_hash": HASH, "settings": {}}, "Say what to change", id="update empty settings"
    ),
    pytest.param(
        "update_collection",
        {"collection_hash": HASH, "settings": {"CollectionHash": "x"}},
        "`settings`",
        id="update settings",
    ),
    pytest.param("update_collection", {"collection_hash": HASH, "status": "online"}, "'public'", id="update status"),
    *(
        pytest.param("get_collection_stats", {**STATS, "start_date": value}, "`start_date`", id=f"date {name}")
        for name, value in {
            "word": "yesterday",
            "no such day": "2026-02-30",
            "no such month": "2026-13-01",
            "german": "1.9.2026",
            "american": "09/01/2026",
            "number": 20260901,
            "timestamp": 1_790_000_000,
            "time": "2026-09-01T00:00:00",
            "empty": "",
            "short": "2026-9-1",
            "list": ["2026-09-01"],
        }.items()
    ),
    pytest.param(
        "get_collection_stats",
        {**STATS, "start_date": "2026-09-02", "end_date": "2026-09-01"},
        "lies after end_date",
        id="start after end",
    ),
    pytest.param("get_embed_code", {"collection_hash": HASH, "start_page": 0}, "at least 1", id="page 0"),
    pytest.param(
        "get_embed_code", {"collection_hash": HASH, "responsive": "maybe"}, "`responsive`", id="responsive maybe"
    ),
    pytest.param("get_user_stats", {"collection_hash": HASH}, "`collection_hash`", id="argument of another tool"),
    pytest.param("add_flipbook", {"collection_hash": HASH}, "neither is given", id="legacy no document"),
    pytest.param(
        "set_logo", {"collection_hash": HASH, "file_url": URL, "file_path": "/a.png"}, "both are", id="legacy two"
    ),
]


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


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        pytest.param("list_collections", {"limt": CANARY}, id="unknown argument"),
        pytest.param("list_collections", {"limit": CANARY}, id="number"),
        pytest.param("list_collections", {"status": CANARY}, id="status"),
        pytest.param("list_collections", {"order": CANARY}, id="choice"),
        pytest.param("list_collections", {"query": [CANARY]}, id="type"),
        pytest.param("get_collection", {"collection_hash": f"{CANARY}/"}, id="hash"),
        pytest.param("get_collection", {"collection_hash": f"https://{CANARY}.example/"}, id="link"),
        pytest.param("create_collection", {"file_url": f"http://{CANARY}.example/"}, id="url"),
        pytest.param("create_collection", {**CREATE, "settings": {"action": CANARY}}, id="settings"),
        pytest.param("create_collection", {**CREATE, "settings": {"a": [CANARY]}}, id="settings value"),
        pytest.param("create_collection", {**CREATE, "settings": f"[{CANARY}"}, id="settings text"),
        pytest.param("get_collection_stats", {**STATS, "start_date": CANARY}, id="date"),
        pytest.param("get_embed_code", {"collection_hash": HASH, "responsive": CANARY}, id="boolean"),
    ],
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
