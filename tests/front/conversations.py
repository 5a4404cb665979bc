"""Conversations as clients have them, and as nobody should: valid, odd and broken lines, in any order, cut at any byte."""

import json
from random import Random
from typing import Any

REVISIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28", "1999-01-01"]
LISTS = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"]
NAMED = {"name": "client", "version": "1"}
VIEWS = {"io.modelcontextprotocol/ui": {"mimeTypes": ["text/html;profile=mcp-app"]}}
CAPABILITIES: list[dict[str, Any]] = [
    {}, {"roots": {"listChanged": True}, "sampling": {}, "elicitation": {"form": {}, "url": {}}}, {"extensions": VIEWS},
    {"extensions": {"x/y": {}}}, {"tools": True}, {"roots": True}, {"experimental": {"x": {}}}, {"tasks": {"list": {}}},
]  # fmt: skip
IDS: list[Any] = [
    0, 1, 7, 2**53 - 1, 2**53, 2**70, -1, -0.0, 1.0, 1.5, True, None, "", "a", "1", "ü", 'q"q', "\x7f", "x" * 300, [], {},
]  # fmt: skip
PARAMS: list[Any] = [
    {}, {}, {}, None, [], "{}", {"cursor": None}, {"cursor": "x"}, {"_meta": {}}, {"_meta": {"progressToken": 1}},
    {"_meta": {"progressToken": 1.5}}, {"_meta": []}, {"x": 1}, {"name": "no_such_tool", "arguments": {}},
]  # fmt: skip
METHODS = [
    *LISTS, "initialize", "server/discover", "ping", "tools/call", "prompts/get", "nonsense", "", "logging/setLevel",
    "notifications/initialized", "completion/complete",
]  # fmt: skip
NOTED = ["notifications/initialized", "notifications/roots/list_changed", "notifications/nonsense"]
RAW = [
    "", " ", "null", "[]", "[{}]", "{", "}", '"text"', "\ufeff{}", "{}", '{"jsonrpc":"2.0"}', '{"id":1}', "nonsense", "\r",
    '{"jsonrpc":"2.0","id":5,"method":"ping","method":"tools/list"}', '{"jsonrpc":"2.0","id":5,"result":{}}',
    '{"jsonrpc":"2.0","id":NaN,"method":"ping"}', '{"jsonrpc":"2.0","id":5,"method":"tools\\u002flist"}', "\u2028",
    '{"jsonrpc":"2.0","id":5,"method":"\\ud83d"}', "[" * 300, '{"jsonrpc":"2.0","id":5,"error":{"code":1,"message":""}}',
]  # fmt: skip


def conversation(seed: int) -> bytes:
    """One conversation; most begin as they should, and go on so for a while."""
    chance = Random(seed)  # noqa: S311  # not a secret
    lines = [*opened(chance), *(said(chance) for _ in range(chance.randrange(6)))]
    if chance.random() < 0.3:
        chance.shuffle(lines)
    ends = "\n" if chance.random() < 0.8 else chance.choice(["\r\n", "\n\n", "\r"])
    whole = ends.join([*lines, ""]).encode(errors="surrogatepass")
    if chance.random() < 0.3:
        at = chance.randrange(len(whole) + 1)
        whole = chance.choice([whole[:at], whole[:at] + b"\xff" + whole[at:], whole[:at] + whole[at + 1 :]])
    return whole


def opened(chance: Random) -> list[str]:
    """How a client begins."""
    revision, capabilities = chance.choice(REVISIONS), chance.choice(CAPABILITIES)
    lists = chance.sample(LISTS, chance.randrange(5))
    if chance.random() < 0.4:
        return [written(number, one, envelope(chance)) for number, one in enumerate(["server/discover", *lists])]
    greeting = {"protocolVersion": revision, "capabilities": capabilities, "clientInfo": NAMED}
    ready = json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"})
    listed = [written(number, one, {}) for number, one in enumerate(lists, 1)]
    return [written(0, "initialize", greeting), ready, *listed]


def envelope(chance: Random) -> dict[str, Any]:
    """What a request of the newest revision carries, mostly."""
    told = {"protocolVersion": "2026-07-28", "clientCapabilities": {}, "clientInfo": NAMED}
    if chance.random() < 0.2:
        told["clientCapabilities"] = chance.choice(CAPABILITIES)
    if chance.random() < 0.1:
        told["protocolVersion"] = chance.choice(REVISIONS)
    if chance.random() < 0.1:
        told.pop(chance.choice([*told]))
    return {"_meta": {f"io.modelcontextprotocol/{name}": value for name, value in told.items()}}


def said(chance: Random) -> str:
    """One line more, of any kind."""
    kind = chance.random()
    if kind < 0.2:
        return chance.choice(RAW)
    if kind < 0.3:
        return json.dumps({"jsonrpc": "2.0", "method": chance.choice(NOTED), "params": chance.choice(PARAMS)})
    if kind < 0.6:
        return written(chance.randrange(20), chance.choice(LISTS), chance.choice([{}, envelope(chance)]))
    if kind < 0.7:
        return opened(chance)[0]
    return written(chance.choice(IDS), chance.choice(METHODS), chance.choice([*PARAMS, envelope(chance)]))


def written(number: Any, method: str, params: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}, ensure_ascii=False)
