"""What a line asks, if it is exactly a request that can be answered without the SDK. Pure, and in doubt it is none.

Only what every reader of JSON reads alike is looked at: no escapes, no repeated names, no fractions. Every member of the
message has to be known, with a value of a known kind. So whatever is not understood here is left for the SDK.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn, cast

INITIALIZE, INITIALIZED = "initialize", "notifications/initialized"
ENVELOPE = "io.modelcontextprotocol/"
"""With which the names begin that a request of 2026-07-28 carries in its `_meta`."""
NO_EXTENSIONS: Mapping[str, Any] = {}
GREATEST_ID, LONGEST_ID = 2**53, 200

TASKS: Mapping[str, Any] = {
    "list": {},
    "cancel": {},
    "requests": {"sampling": {"createMessage": {}}, "elicitation": {"create": {}}},
}
CAPABILITIES: Mapping[str, Any] = {
    "roots": {"listChanged": bool},
    "sampling": {"context": {}, "tools": {}},
    "elicitation": {"form": {"applyDefaults": bool}, "url": {}},
    "experimental": {},
    "tasks": TASKS,
}
"""What a client may say that it can do, but for its extensions: on those an answer can depend."""
CLIENT: Mapping[str, Any] = {"name": str, "version": str, "title": str, "description": str, "websiteUrl": str}


class Enquiry(NamedTuple):
    """A request, and all that its answer depends on besides the settings."""

    id: int | str
    method: str
    version: str
    """The protocol's revision."""
    extensions: Mapping[str, Any] = NO_EXTENSIONS
    """Those that the client has."""
    enveloped: bool = False
    """Whether the request says itself which revision it is of, as from 2026-07-28; no hand-shake comes before it."""


def message_in(line: bytes) -> dict[str, Any] | None:
    """The message in a line (without its end) that every reader reads alike."""
    text = line.removesuffix(b"\r")
    if b"\r" in text or b"\\" in text:
        return None
    try:
        message = json.loads(
            text.decode(),
            object_pairs_hook=named_once,
            parse_int=natural,
            parse_float=not_read,
            parse_constant=not_read,
        )
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", message) if isinstance(message, dict) else None


def named_once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which no name stands twice."""
    found = dict(members)
    if len(found) < len(members):
        raise ValueError
    return found


def natural(digits: str) -> int:
    """A whole number that is not negative."""
    if digits.startswith("-"):
        raise ValueError
    return int(digits)


def not_read(_: str) -> NoReturn:
    """Fractions, NaN and the infinities."""
    raise ValueError


def is_initialized(message: Mapping[str, Any]) -> bool:
    """Whether it is the notification that ends the hand-shake."""
    plain = {"jsonrpc": "2.0", "method": INITIALIZED}
    return message in (plain, {**plain, "params": {}})


def enquiry_in(message: Mapping[str, Any], opening: Enquiry | None) -> Enquiry | None:
    """The request that a message is, after the one that opened the conversation."""
    if message.keys() - {"params"} != {"jsonrpc", "id", "method"} or message["jsonrpc"] != "2.0":
        return None
    number, method, params = message["id"], message["method"], message.get("params", {})
    if not (has_plain_id(number) and type(method) is str and type(params) is dict):
        return None
    if method == INITIALIZE:
        return greeting(number, params) if opening is None else None
    if opening is None or opening.enveloped:
        return enveloped(number, method, params["_meta"]) if params.keys() == {"_meta"} else None
    return Enquiry(number, method, opening.version, opening.extensions) if asks_for_all(params) else None


def asks_for_all(params: Mapping[str, Any]) -> bool:
    """Whether a list is asked for as a whole; some clients put a token for progress into every request."""
    meta = params.get("_meta", {"progressToken": 0})
    return (
        params.keys() <= {"_meta"}
        and type(meta) is dict
        and [*meta] == ["progressToken"]
        and has_plain_id(*meta.values())
    )


def has_plain_id(number: object) -> bool:
    """Whether it is an id that looks the same in every JSON."""
    if type(number) is int:
        return number < GREATEST_ID
    return type(number) is str and len(number) <= LONGEST_ID and number.isascii() and number.isprintable()


def greeting(number: int | str, params: Mapping[str, Any]) -> Enquiry | None:
    """The first request of a client of an older revision."""
    if params.keys() != {"protocolVersion", "capabilities", "clientInfo"}:
        return None
    return of_client(
        Enquiry(number, INITIALIZE, params["protocolVersion"]), params["capabilities"], params["clientInfo"]
    )


def enveloped(number: int | str, method: str, meta: object) -> Enquiry | None:
    """A request that says itself which revision it is of."""
    if type(meta) is not dict:
        return None
    told = {name.removeprefix(ENVELOPE): value for name, value in cast("dict[str, Any]", meta).items()}
    if len(told) < len(meta) or not all(name.startswith(ENVELOPE) for name in meta):
        return None
    if told.keys() | {"clientInfo"} != {"protocolVersion", "clientCapabilities", "clientInfo"}:
        return None
    request = Enquiry(number, method, told["protocolVersion"], enveloped=True)
    return of_client(request, told["clientCapabilities"], told.get("clientInfo", {"name": "", "version": ""}))


def of_client(request: Enquiry, capabilities: object, client: object) -> Enquiry | None:
    """The request with the client's extensions, if all that the client says of itself is understood."""
    if type(capabilities) is not dict or type(client) is not dict or type(request.version) is not str:
        return None
    able = cast("dict[str, Any]", capabilities)
    extensions = able.get("extensions", NO_EXTENSIONS)
    known = has_shape({name: value for name, value in able.items() if name != "extensions"}, CAPABILITIES)
    if not (known and has_shape(client, CLIENT) and {"name", "version"} <= client.keys() and type(extensions) is dict):
        return None
    return request._replace(extensions=extensions)


def has_shape(value: object, shape: Any) -> bool:
    """Whether a value has the kind that stands in the shape, and an object no member that does not stand there."""
    if not isinstance(shape, Mapping):
        return type(value) is shape
    members = cast("dict[str, Any]", value) if type(value) is dict else None
    return members is not None and all(name in shape and has_shape(one, shape[name]) for name, one in members.items())
