"""Answers read leniently: what Flipsnack does not document must not make an answer unreadable."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flipsnack_mcp.api.action import Action
from flipsnack_mcp.api.actions import ACTIONS
from flipsnack_mcp.api.actions.collections import GetCollection, ListCollections, UpdateCollection
from flipsnack_mcp.api.actions.forms import GetLeadFormSample
from flipsnack_mcp.api.actions.legacy import DeleteLogo
from flipsnack_mcp.api.actions.publishing import DownloadHtml, GetEmbedCode
from flipsnack_mcp.api.actions.statistics import GetCollectionStats, GetUserStats
from flipsnack_mcp.api.errors import Changed, FlipsnackError, NotFoundError, RefusedError, UnreadableAnswerError
from flipsnack_mcp.api.wire import decode
from flipsnack_mcp.sandbox import Fault, Sandbox
from tests.api.asking import asking, every_action, sampled
from tests.samples_of import meaning, names_with

GET, LIST = GetCollection(collection_hash="fxh4k89"), ListCollections()
EMBED, STATS = GetEmbedCode(collection_hash="fxh4k89"), GetCollectionStats(collection_hash="fxh4k89")
ROWS = [{"collectionHash": "abc1"}, {"collectionHash": "abc2"}]
PACKAGE = DownloadHtml(collection_hash="a")
NAMES = (
    "collectionHash", "collectionTitle", "collectionStatus", "collectionWidth", "collections", "collectionsCount",
    "collectionCount", "pages", "page", "status", "resourceUrl", "embedCode", "views", "time_spent", "value", "extra",
    "flipbooks", "conversion", "itemHash", "hash", "directLink", "coverImage", "fields", "data",
)  # fmt: skip
ODD = json.loads(Path(__file__).with_name("odd_fields.json").read_bytes())
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), inner),
    max_leaves=12,
)


def body(data: object, code: object = 20) -> bytes:
    return json.dumps({"code": code, "status": "OK", "data": data}).encode()


def only_our_errors(action: Action[Any], answer: bytes) -> None:
    try:
        result = decode(action, answer)
    except FlipsnackError:
        return
    assert type(result) is action.returns
    assert result.model_dump_json().encode()


@given(
    kind=st.sampled_from(ACTIONS),
    answer=st.binary(max_size=40) | st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
@settings(max_examples=150)
def test_whatever_bytes_come_are_read_or_called_unreadable(kind: type[Action[Any]], answer: bytes) -> None:
    only_our_errors(sampled(kind), answer)


@every_action
@given(data=json_values, code=st.sampled_from([20, "20", 20.0, " 20 ", 22, None, True, "", [], -1, 10**30]))
@settings(max_examples=20)
@example(data={}, code=20)
@example(data=[], code=20)
@example(data={"flipbooks": 2, "pages": 3, "collections": 4, "fields": 5, "extra": 6}, code=20)
def test_whatever_json_comes_is_read_or_called_unreadable(kind: type[Action[Any]], data: object, code: object) -> None:
    only_our_errors(sampled(kind), body(data, code))


@every_action
def test_a_deeply_nested_answer_is_no_crash(kind: type[Action[Any]]) -> None:
    for depth in (50, *range(900, 1010, 10), 5000, 100_000):
        nested = b"[" * depth + b"]" * depth
        only_our_errors(sampled(kind), b'{"code":20,"data":{"status":' + nested + b',"embedCode":' + nested + b"}}")


@pytest.mark.parametrize(
    ("action", "data"),
    [(EMBED, {"snippet": "<i>"}), *((PACKAGE, one) for one in (None, {}, {"status": "OK"}, {"status": None}))],
)
def test_an_answer_without_its_embed_code_or_a_known_state_is_unreadable(action: Action[Any], data: object) -> None:
    with pytest.raises(UnreadableAnswerError):
        decode(action, body(data))


@pytest.mark.parametrize(
    ("action", "data", "field", "value"),
    [
        *((EMBED, {name: "<i>"}, "embed_code", "<i>") for name in ("embedCode", "embed", "html", "code")),
        (EMBED, "<i>", "embed_code", "<i>"),
        (GET, {"collectionHash": 1234567, "collectionTitle": 2026}, "title", "2026"),
        (GetUserStats(), {"api_uploads_left": "0"}, "api_uploads_left", 0),
    ],
)
def test_a_field_is_read_under_other_names_and_in_another_type(
    action: Action[Any], data: object, field: str, value: object
) -> None:
    assert getattr(decode(action, body(data)), field) == value


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        *((b"", "not JSON"), (b'{"code": 20, "data": ', "not JSON"), (b'{"code":\xff 20}', "not JSON")),
        *((b"{\\ud83d", "not JSON"), (b"<html>502</html>", "HTTP 502"), (b"[]", "not an object")),
        (b'"OK"', "not an object"),
        *((b"{}", "no status code"), (b'{"code": true}', "no status code"), (b'{"code": "twenty"}', "no status code")),
    ],
)
def test_without_an_envelope_an_answer_is_unreadable_and_a_write_left_open(answer: bytes, message: str) -> None:
    with pytest.raises(UnreadableAnswerError, match=message) as read:
        decode(GET, answer, 502)
    with pytest.raises(UnreadableAnswerError, match=message) as wrote:
        decode(UpdateCollection(collection_hash="a", title="b"), answer, 502)
    assert (read.value.changed, wrote.value.changed) == (Changed.NOTHING, Changed.PERHAPS)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_an_answer_that_sends_elsewhere_names_the_settings_to_look_at(status: int) -> None:
    with pytest.raises(UnreadableAnswerError, match=f"HTTP {status}.*not followed: look at FLIPSNACK_API_URL"):
        decode(GET, b"<html>Moved</html>", status)


@pytest.mark.parametrize(
    "answer",
    [
        '{"code": "20",',
        '{"code": " 20 ",',
        '{"code": 20.0,',
        '\ufeff{"code": 20,',
        '{"code": 20, "status": null, "debug": {},',
    ],
)
def test_an_odd_envelope_is_read(answer: str) -> None:
    assert decode(GET, f'{answer} "data": {{"collectionHash": "a"}}}}\r\n'.encode()).collection_hash == "a"


def test_the_code_decides_and_not_the_http_status() -> None:
    assert decode(GET, body({"collectionHash": "a"}), 500).collection_hash == "a"
    with pytest.raises(NotFoundError):
        decode(GET, b'{"code": "43", "status": "Forbidden"}', 200)


@pytest.mark.parametrize(("data", "total"), ODD["counts"])
def test_the_total_is_read_in_every_spelling(data: dict[str, object], total: int) -> None:
    assert decode(LIST, body({**data, "collections": [{"collectionHash": "a"}]})).total == total


@pytest.mark.parametrize("rows", [[{"collectionHash": "a"}], {"0": {"collectionHash": "a"}}])
def test_the_rows_are_read_from_a_list_and_from_an_object_that_stands_for_one(rows: object) -> None:
    assert decode(LIST, body({"collectionsCount": 1, "collections": rows})).collections[0].collection_hash == "a"


@pytest.mark.parametrize("odd", ODD["rows"], ids=str)
def test_one_odd_field_does_not_hide_the_list(odd: dict[str, object]) -> None:
    found = decode(LIST, body({"collections": [{"collectionHash": "a", **odd}, {"collectionHash": "b"}]}))
    assert [one.collection_hash for one in found.collections] == ["a", "b"]


@pytest.mark.parametrize("odd", ODD["collections"], ids=str)
def test_one_odd_field_does_not_hide_the_collection(odd: dict[str, object]) -> None:
    found = decode(GET, body({"collectionHash": "a", "collectionTitle": "T", **odd}))
    assert (found.collection_hash, found.title) in {("a", "T"), ("a", "\ufffd")}
    assert json.dumps(found.model_dump(), ensure_ascii=False).encode() + found.model_dump_json().encode()


@pytest.mark.parametrize("odd", ODD["statistics"], ids=str)
def test_one_odd_number_does_not_hide_the_statistics(odd: dict[str, object]) -> None:
    found = decode(STATS, body({"impressions": "723", "views": 1240.0, "time_spent": "53.4", **odd}))
    assert (found.impressions, found.views, found.time_spent) == (723, 1240, 53)


@pytest.mark.parametrize("name", ["collectionItems", "items", "flipbooks", "value", "whatever"])
@pytest.mark.parametrize("hash_name", ["flipbookHash", "itemHash", "hash", "id"])
@pytest.mark.parametrize("status_name", ["status", "itemStatus", "conversionStatus"])
def test_flipbooks_are_found_under_any_name(name: str, hash_name: str, status_name: str) -> None:
    items = [{hash_name: "h1", status_name: "COMPLETE"}, {hash_name: 2, status_name: "processing"}]
    found = decode(GET, body({"collectionHash": "a", "tags": ["x"], name: items}))
    assert [(one.flipbook_hash, one.status) for one in found.flipbooks] == [("h1", "complete"), ("2", "processing")]
    assert found.conversion == "processing"
    assert name not in found.extra


@pytest.mark.parametrize(
    ("statuses", "conversion"),
    [
        *(("complete complete", "complete"), ("complete failed", "failed"), ("failed processing", "processing")),
        *(("queued", "unknown"), ("", "unknown")),
    ],
)
def test_the_conversion_is_one_word_for_all_flipbooks(statuses: str, conversion: str) -> None:
    found = decode(GET, body({"items": [{"hash": "h", "status": status} for status in statuses.split()]}))
    assert found.conversion == conversion
    assert decode(GET, body({"collectionStatus": "Processing"})).conversion == "processing"


@pytest.mark.parametrize(
    ("data", "state", "url"),
    [
        ({"status": "PROCESSING"}, "processing", None),
        ({"status": "PROCESSING", "resourceUrl": None}, "processing", None),
        ({"status": "complete", "resourceUrl": "https://x.example/a.zip"}, "complete", "https://x.example/a.zip"),
        ({"status": "FAILED", "resourceUrl": ""}, "failed", None),
    ],
)
def test_a_package_has_one_of_three_states(data: dict[str, object], state: str, url: str | None) -> None:
    package = decode(PACKAGE, body(data))
    assert (package.state, package.resource_url) == (state, url)


def test_every_answer_to_a_lead_form_keeps_its_path() -> None:
    found = decode(GetLeadFormSample(), body({"data": {"Name": "Ada"}, "tags": ["x", {"y": 2}]}))
    assert found.fields == {"data.Name": "Ada", "tags.0": "x", "tags.1.y": "2"}


@pytest.mark.parametrize("name", names_with("reads"))
async def test_the_sandboxs_sloppiest_answer_is_read(name: str, sandbox: Sandbox) -> None:
    kind = next(one for one in ACTIONS if one.api_name == name)
    known = next(one for one in sandbox.account.collections.values() if one.title.startswith("Summer"))
    ready = {"collection_hash": known.hash, "flipbook_hash": known.items[0].hash, "include_page_stats": True}
    # Only what has to be said, and the pages: the sandbox then answers with all it has.
    asked = meaning(name).everything.arguments.items()
    needed = {key: value for key, value in asked if key in ready or kind.model_fields[key].is_required()}
    action = kind.model_validate({key: ready.get(key, value) for key, value in needed.items()})
    async with asking(sandbox.app) as flipsnack:
        plain = await flipsnack.send(action)
        sandbox.add_fault(Fault("wrong_types"))
        sloppy = await flipsnack.send(action)
    assert sloppy.model_copy(update={"extra": {}}) == plain.model_copy(update={"extra": {}})


def test_what_has_no_name_here_or_that_of_a_field_of_ours_is_kept_as_text() -> None:
    strange = {"logoImage": "http://x", "playerSettings": {"skin": 1}, "pro": True, "none": None}
    ours = {"conversion": "72 %", "extra": {"k": 1}, "note": "n"}
    found = decode(GET, body({"flipbooks": [{"hash": "h1", "status": "finished"}], **strange, **ours}))
    assert (found.conversion, [one.flipbook_hash for one in found.flipbooks]) == ("unknown", ["h1"])
    kept = {"logoImage": "http://x", "playerSettings": '{"skin": 1}', "pro": "true"}
    assert found.extra == {**kept, "conversion": "72 %", "extra": '{"k": 1}', "note": "n"}


@pytest.mark.parametrize("wrapped", [{"collection": ROWS}, {"0": ROWS[0], "1": ROWS[1]}, ROWS])
def test_the_rows_of_a_list_are_read_however_they_are_wrapped(wrapped: object) -> None:
    found = decode(LIST, body({"collectionsCount": "2", "collections": wrapped}))
    assert [row.collection_hash for row in found.collections] == ["abc1", "abc2"]
    assert [row.collection_hash for row in decode(LIST, body(ROWS)).collections] == ["abc1", "abc2"]
    items = {"items": {"item": [{"itemHash": "h1", "status": "complete"}, {"itemHash": "h2", "status": "complete"}]}}
    assert [one.flipbook_hash for one in decode(GET, body(items)).flipbooks] == ["h1", "h2"]


def test_a_count_below_0_is_none_and_ends_no_list() -> None:
    rows = [{"collectionHash": f"h{n}"} for n in range(20)]
    assert decode(LIST, body({"collectionsCount": -1, "collections": rows})).next_offset == 20
    assert decode(LIST, body({"collectionsCount": -1, "collections": []})).total == 0


def test_a_list_that_counts_collections_and_tells_none_is_not_taken_for_an_empty_account() -> None:
    nothing = {"collectionsCount": "4", "collections": []}
    with pytest.raises(UnreadableAnswerError):
        decode(LIST, body(nothing))
    assert decode(LIST, body({"collectionsCount": "0", "collections": []})).total == 0
    assert decode(ListCollections(query="menu"), body(nothing)).collections == []
    assert decode(ListCollections(offset=4), body(nothing)).collections == []


@pytest.mark.parametrize("data", [{}, {"collectionHash": ""}, {"title": "Offers"}])
@pytest.mark.parametrize("action", [GET, DeleteLogo(collection_hash="fxh4k89")], ids=["get", "legacy"])
def test_an_answer_without_a_hash_is_about_the_collection_asked_for(action: Action[Any], data: object) -> None:
    assert decode(action, body(data)).collection_hash == "fxh4k89"


@pytest.mark.parametrize("spelled", ["k/ey", "k\\/ey", "k\\u002fey"])
def test_a_secret_in_an_answer_is_not_passed_on_however_it_is_escaped(spelled: str) -> None:
    with pytest.raises(RefusedError, match=r"bad \*\*\*"):
        decode(GET, f'{{"code": 40, "status": "bad {spelled}"}}'.encode(), secrets=["k/ey"])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_secret_is_not_passed_on_in_whatever_encoding_the_answer_comes(encoding: str) -> None:
    answer = '{"code": 20, "data": {"collectionTitle": "Offers k/ey"}}'.encode(encoding)
    assert decode(GET, answer, secrets=["k/ey"]).title == "Offers ***"


@pytest.mark.parametrize(
    ("written", "read"), [("Party \ud83c\udf89", "Party \U0001f389"), ("Party \ud83c", "Party \ufffd")]
)
def test_a_character_that_comes_in_halves_is_put_together_and_half_of_one_can_be_sent_on(
    written: str, read: str
) -> None:
    answer = f'{{"code": 20, "data": {{"collectionTitle": "{written}"}}}}'.encode("utf-8", "surrogatepass")
    assert decode(GET, answer).title == read


@pytest.mark.parametrize(
    "figure", [10**400, -(10**16), "1e300", "9" * 400, float("inf"), float("nan")], ids=lambda one: str(one)[:9]
)
def test_a_number_beyond_all_that_is_counted_is_none(figure: object) -> None:
    assert decode(STATS, body({"views": figure, "downloads": 10**15})).views is None
    found = decode(
        GET, body({"collectionWidth": figure, "items": [{"itemHash": "h1", "status": "complete", "pages": figure}]})
    )
    assert (found.width, found.flipbooks[0].pages) == (None, None)
