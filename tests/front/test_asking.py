"""What is answered without the SDK is exactly one of six requests; the SDK reads each of them, and alike."""

import json
from typing import Any

import pytest
from mcp_types import ClientCapabilities, Implementation
from mcp_types.methods import validate_client_request

from flipsnack_mcp.front.asking import CAPABILITIES, CLIENT, Enquiry, enquiry_in, message_in

NAMED = {"name": "client", "version": "1"}
GREETING: dict[str, Any] = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": NAMED}
GREETED = Enquiry(0, "initialize", "2025-11-25")
TOLD = {"protocolVersion": "2026-07-28", "clientCapabilities": {}, "clientInfo": NAMED}
META = {f"io.modelcontextprotocol/{name}": value for name, value in TOLD.items()}
MODERN = Enquiry(0, "tools/list", "2026-07-28", enveloped=True)


def line(number: Any = 1, method: Any = "tools/list", params: Any = ..., **more: Any) -> str:
    message = {"jsonrpc": "2.0", "id": number, "method": method, **({} if params is ... else {"params": params})}
    return json.dumps({**message, **more}, ensure_ascii=False)


def enquiry(text: str, opening: Enquiry | None = None) -> Enquiry | None:
    message = message_in(text.encode(errors="surrogatepass"))
    return enquiry_in(message, opening) if message is not None else None


def whole(shape: Any) -> Any:
    """A value of this shape, with every member that there may be."""
    if isinstance(shape, type):
        return shape(1)
    return {name: whole(one) for name, one in shape.items()}


@pytest.mark.parametrize("revision", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
def test_all_that_a_client_may_say_of_itself_is_read_by_the_sdk(revision: str) -> None:
    capabilities, client = whole(CAPABILITIES), whole(CLIENT)
    params = {"protocolVersion": revision, "capabilities": capabilities, "clientInfo": client}
    assert enquiry(line(params=params, method="initialize")) == Enquiry(1, "initialize", revision)
    validate_client_request("initialize", revision, params)
    ClientCapabilities.model_validate(capabilities)
    Implementation.model_validate(client)


def test_all_that_a_request_may_say_of_its_client_is_read_by_the_sdk() -> None:
    told = {"clientCapabilities": whole(CAPABILITIES), "clientInfo": whole(CLIENT)}
    params = {"_meta": META | {f"io.modelcontextprotocol/{name}": value for name, value in told.items()}}
    assert enquiry(line(params=params)) == MODERN._replace(id=1)
    validate_client_request("tools/list", "2026-07-28", params)


@pytest.mark.parametrize("number", [0, 1, 2**53 - 1, "", "a", "1", "6f1c-ab:/ {}'"], ids=repr)
def test_an_id_comes_back_as_it_is(number: int | str) -> None:
    found = enquiry(line(number), GREETED)
    assert found
    assert found.id == number
    assert type(found.id) is type(number)


PLAIN = line()
NOT_ALIKE = [
    "", " ", "null", "[]", "{", "1", '"text"', f"[{PLAIN}]", "\ufeff" + PLAIN, PLAIN[:-1], PLAIN + "}", PLAIN + PLAIN,
    PLAIN.replace("tools", "t\\u006fols"), PLAIN.replace("1", "1.0"), PLAIN.replace("1", "1e0"), PLAIN.replace("1", "-0"),
    PLAIN.replace("1", "NaN"), PLAIN.replace('"id"', '"id": 2, "id"'), PLAIN.replace(",", ",\r"), PLAIN + "\r\r",
    PLAIN.replace("tools", "\x00tools"), PLAIN.replace('"id": 1', '"id": "\ud83d"'), "[" * 5000, "1" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_ALIKE, ids=range(len(NOT_ALIKE)))
def test_what_is_no_plain_object_is_not_read(text: str) -> None:
    assert message_in(text.encode(errors="surrogatepass")) is None


def test_bytes_that_are_no_utf8_are_not_read() -> None:
    assert message_in(PLAIN.encode().replace(b"tools", b"t\xffols")) is None
    assert message_in(PLAIN.encode("utf-16")) is None


NO_LIST = [
    line(None), line(number=True), line(-1), line(2**53), line([1]), line({}), line("x" * 201), line("é"), line("a\x7f"),
    line(method=None), line(method=1), line(method=["tools/list"]), line(params=None), line(params=[]), line(params="{}"),
    line(params={"cursor": None}), line(params={"cursor": "x"}), line(params={"_meta": {}}), line(params={"_meta": None}),
    line(params={"_meta": {"progressToken": None}}), line(params={"_meta": {"progressToken": 1, "x": 1}}),
    line(params={"_meta": {"progressToken": 1}, "cursor": "x"}), line(params={"_meta": ["progressToken"]}), line(params={"x": 1}), line(jsonrpc="1.0"), line(jsonrpc=2.0),
    line(extra=1), '{"jsonrpc":"2.0","method":"tools/list"}', '{"id":1,"method":"tools/list"}', '{"jsonrpc":"2.0","id":1}',
    line(params=GREETING, method="initialize"), line(params={"_meta": META}),
]  # fmt: skip


@pytest.mark.parametrize("token", [0, 7, "a"])
def test_a_token_for_progress_changes_nothing_of_a_list(token: int | str) -> None:
    assert enquiry(line(params={"_meta": {"progressToken": token}}), GREETED) == enquiry(PLAIN, GREETED)


@pytest.mark.parametrize("text", NO_LIST, ids=range(len(NO_LIST)))
def test_after_a_greeting_only_a_plain_request_is_understood(text: str) -> None:
    assert enquiry(PLAIN, GREETED)
    assert enquiry(text, GREETED) is None


UNKNOWN: list[Any] = [
    {"roots": True}, {"roots": {"listChanged": 1}}, {"roots": {"x": True}}, {"sampling": None}, {"unknown": {}},
    {"experimental": {"x": {}}}, {"elicitation": {"form": []}}, {"extensions": []}, {"extensions": None},
]  # fmt: skip
NO_GREETING: list[Any] = [
    {}, {**GREETING, "x": 1}, {**GREETING, "_meta": {}}, {**GREETING, "protocolVersion": 1},
    {**GREETING, "protocolVersion": ["2025-11-25"]}, {**GREETING, "capabilities": None}, {**GREETING, "capabilities": []},
    {**GREETING, "clientInfo": {"name": "x"}}, {**GREETING, "clientInfo": {"name": "x", "version": 1}},
    {**GREETING, "clientInfo": {**NAMED, "icons": []}}, {**GREETING, "clientInfo": {**NAMED, "title": None}},
    *({**GREETING, "capabilities": one} for one in UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize("params", NO_GREETING, ids=str)
def test_a_greeting_with_anything_unknown_is_not_understood(params: Any) -> None:
    assert enquiry(line(method="initialize", params=GREETING))
    assert enquiry(line(method="initialize", params=params)) is None


NO_ENVELOPE: list[Any] = [
    None, [], {}, {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}, {**META, "progressToken": 1},
    {**META, "protocolVersion": "2026-07-28"}, {**META, "io.modelcontextprotocol/x": 1},
    {**META, "io.modelcontextprotocol/protocolVersion": 1}, {**META, "io.modelcontextprotocol/clientInfo": None},
    {**META, "io.modelcontextprotocol/clientCapabilities": None},
    TOLD, {**TOLD, "io.modelcontextprotocol/protocolVersion": "2026-07-28"},
]  # fmt: skip


@pytest.mark.parametrize("meta", NO_ENVELOPE, ids=str)
@pytest.mark.parametrize("opening", [None, MODERN], ids=["first", "later"])
def test_an_envelope_with_anything_missing_or_unknown_is_not_understood(meta: Any, opening: Enquiry | None) -> None:
    assert enquiry(line(params={"_meta": META}), opening)
    assert enquiry(line(params={"_meta": meta}), opening) is None


def test_what_is_of_another_era_than_the_first_request_is_not_understood() -> None:
    assert enquiry(PLAIN) is None
    assert enquiry(PLAIN, MODERN) is None
    assert enquiry(line(method="initialize", params=GREETING), MODERN) is None
    assert enquiry(line(params={"_meta": META}), GREETED) is None
