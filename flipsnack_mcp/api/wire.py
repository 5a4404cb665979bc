"""Encode, sign, decode: pure functions between an action and the bytes on the wire.

Signing: https://developers.flipsnack.com/how-to-sign-a-request
Envelope: https://developers.flipsnack.com/getting-started
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from pydantic import ValidationError

from flipsnack_mcp.api.action import Action, Effect, JsonObject, ResultT_co, wire_parameters
from flipsnack_mcp.api.errors import (
    Changed,
    FlipsnackError,
    RefusedError,
    TooManyRequestsError,
    UnreadableAnswerError,
    refusal,
)
from flipsnack_mcp.text import quoted

UNSIGNED = frozenset({"signature", "file"})
OK = 20
MOST_VALUES = 500_000
"""Read in a tenth of a second, in which nothing else can run, and in some 60 MB: eight megabytes of empty lists take ten
times as long and a gigabyte."""
BEFORE_VALUES = {b",": 1, b"[": 1, b"{": 1, b":": 2}
"""What stands before a value, and for how much it counts: a name takes longest. In texts it may stand too, so they count a
little more than they hold."""
REDIRECT = ", but sends elsewhere, which is not followed: look at FLIPSNACK_API_URL and FLIPSNACK_UPLOAD_URL"
TURNED_AWAY_FOR_SIZE = frozenset({413, 414, 431})
"""The HTTP statuses by which whatever is before Flipsnack turns a large document away, or a long address: all that is asked
stands in it."""
TOO_OFTEN = ", which stands for too many requests"
NOT_AS_READ = re.compile(rb"\\[u/]|\0|\xed[\xa0-\xbf]")
"""What makes an answer another text than its bytes in UTF-8: an escape, another Unicode encoding, half a character."""


def signature(secret: str, values: Mapping[str, str]) -> str:
    """MD5 of the secret and every name and value, sorted by name, raw: before any URL encoding."""
    names = sorted(name for name in values if name not in UNSIGNED)
    text = secret + "".join(name + values[name] for name in names)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def encode(action: Action[Any], key: str, secret: str) -> dict[str, str]:
    """The whole signed request of an action, in the order of Flipsnack's examples."""
    values = {"action": action.api_name, "apiKey": key, **wire_parameters(action)}
    return values | {"signature": signature(secret, values)}


def decode(action: Action[ResultT_co], body: bytes, http_status: int = 200, secrets: Iterable[str] = ()) -> ResultT_co:
    """The result in an answer, or the error it carries. Judged by `code`; the HTTP status is only for the text.

    An answer that repeats the secrets it was asked with does not pass them on.
    """
    if sum(body.count(mark) * weight for mark, weight in BEFORE_VALUES.items()) > MOST_VALUES:
        raise unreadable(action, "it holds more values than any honest answer")
    code, message, data = opened_envelope(action, redacted(body, secrets), http_status)
    if code != OK:
        raise refusal_of_action(action, code, message)
    try:
        return action.read(data)
    except (ValidationError, ValueError, TypeError, KeyError, RecursionError):
        raise unreadable(action, "its data does not have the documented shape") from None


def refusal_of_action(action: Action[Any], code: int, message: str) -> RefusedError:
    """What a code says of this action."""
    error = refusal(code, message)
    if type(error) is RefusedError and action.effect is not Effect.READS:
        error.changed = Changed.PERHAPS  # a code nobody documented says nothing certain about a write
    return error


def opened_envelope(action: Action[Any], body: bytes, http_status: int) -> tuple[int, str, JsonObject]:
    """Code, message and data of an answer."""
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        raise unreadable(action, "it is not JSON", http_status) from None
    if not isinstance(envelope, dict):
        raise unreadable(action, "it is not an object", http_status)
    answer = cast("JsonObject", envelope)
    code = code_from(answer.get("code"))
    if code is None:
        raise unreadable(action, "it carries no status code", http_status)
    return code, str(answer.get("status") or ""), data_from(answer.get("data"))


def whole_characters(body: bytes) -> bytes:
    """The answer with every character written out, and without halves of them, which no client can be sent."""
    if not NOT_AS_READ.search(body):
        return body
    try:
        text = json.dumps(json.loads(body), ensure_ascii=False)
    except (ValueError, RecursionError):
        return body
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def code_from(value: object) -> int | None:
    """A status code, whether Flipsnack sent a number or text; some programs write every number with a point."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = str(value).strip().removesuffix(".0")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else None


def data_from(value: object) -> JsonObject:
    """`data` as an object: missing where there is nothing to return, now and then something bare."""
    if isinstance(value, dict):
        return cast("JsonObject", value)
    return {} if value is None else {"value": value}


def redacted(body: bytes, secrets: Iterable[str]) -> bytes:
    """An answer that repeats what it was asked with must not pass it on, in whatever way it is written."""
    body = whole_characters(body)
    for secret in secrets:
        if secret:
            body = body.replace(secret.encode(), b"***")
    return body


def too_large_for(what: str, action: Action[Any]) -> FlipsnackError:
    """A document, or what is asked in an address, that is turned away before Flipsnack."""
    large = "document" if action.uploads else "text"
    return FlipsnackError(
        f"The {large} is too large for {what}.",
        f"Ask the person for a smaller {large}."
        if action.uploads
        else "Give a shorter one: a letter that is not plain Latin counts six to twelve times.",
    )


def unreadable(action: Action[Any], why: str, http_status: int | None = None) -> FlipsnackError:
    """An answer that says nothing certain: after a write something may have been changed, unless it never got there."""
    if http_status in TURNED_AWAY_FOR_SIZE:
        return too_large_for(f"what stands before Flipsnack (HTTP {http_status})", action)
    reads = action.effect is Effect.READS
    kind = TooManyRequestsError if http_status == 429 else UnreadableAnswerError
    return kind(
        f"The answer to {quoted(action.api_name)} cannot be read: {why}{told_by_http(http_status)}.",
        "Try once more; if it stays so, tell the person." if reads else "Look with get_collection before trying again.",
        changed=Changed.NOTHING if reads else Changed.PERHAPS,
        retry=None if reads else "Do not simply repeat it.",
    )


def told_by_http(status: int | None) -> str:
    """What the HTTP status of an answer without a code says."""
    if status is None:
        return ""
    meant = REDIRECT if 300 <= status < 400 else TOO_OFTEN if status == 429 else ""
    return f" (HTTP {status}){meant}"
