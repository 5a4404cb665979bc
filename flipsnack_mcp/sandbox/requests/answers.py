"""Answers as they go out over HTTP: whole ones, and those that a fault has spoiled."""

import json
from typing import Any, Final

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from flipsnack_mcp.sandbox.faults import REFUSALS, ConnectionReset, Fault
from flipsnack_mcp.sandbox.requests.envelope import Refusal, refused

BREAKS_OFF: Final = "sandbox.breaks_off"
"""An ASGI extension of the sandbox's own: the server closes the connection when `ConnectionReset` is raised."""

_HUGE_BYTES = 10_000_000


def whole(envelope: dict[str, Any]) -> Response:
    # Sandbox's own choice: HTTP 200 also beside an error code; the documentation says nothing on it.
    return JSONResponse(envelope)


def instead(fault: Fault) -> tuple[int, ASGIApp]:
    """Answer in place of the action; give the code of the envelope as well, 0 when there is none."""
    if fault.kind == "http":
        kind = "application/json" if fault.body.startswith(("{", "[")) else "text/html"
        return 0, Response(fault.body, fault.http_status, media_type=kind)
    refusal = Refusal(REFUSALS.get(fault.kind, fault.code), fault.message)
    return refusal.code, whole(refused(refusal))


def spoiled(fault: Fault, envelope: dict[str, Any]) -> tuple[int, ASGIApp]:
    """Spoil the answer of an action; give the code that still goes out, 0 when no envelope does."""
    code = int(envelope["code"])
    match fault.kind:
        case "cut":
            return code, _cut_short(json.dumps(envelope).encode())
        case "garbled":
            return 0, Response(b'{"code":\xff\xfe 2;0, "status" OK', media_type="application/json")
        case "huge":
            return code, whole({**envelope, "data": {**envelope.get("data", {}), "padding": "x" * _HUGE_BYTES}})
        case "wrong_types":
            return code, whole(_sloppy(envelope))
        case _:  # reset
            return 0, dropped


def _sloppy(value: Any) -> Any:
    """Write numbers as text and lists as objects with numbered keys. Sandbox's own idea of a sloppy answer."""
    if isinstance(value, dict):
        return {name: _sloppy(one) for name, one in value.items()}
    if isinstance(value, list):
        return {str(index): _sloppy(one) for index, one in enumerate(value)}
    return str(value) if isinstance(value, int | float) else value


def _cut_short(body: bytes) -> ASGIApp:
    """Half of a body under the length of the whole: over a socket the connection breaks off."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]

    async def answer(scope: Scope, _receive: Receive, send: Send) -> None:
        served = BREAKS_OFF in scope.get("extensions", {})
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": served})
        # In-process there is no connection that could break off, so the half body is the whole answer there.
        if served:
            raise ConnectionReset

    return answer


async def dropped(_scope: Scope, _receive: Receive, send: Send) -> None:
    """No answer: the connection is dropped."""
    # Once an answer has begun, a server has no other way out than closing the connection. Before that it would
    # answer 500, which is another fault than this one.
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
    raise ConnectionReset
