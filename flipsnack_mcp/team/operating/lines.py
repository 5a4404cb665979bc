"""The lines of an operator's log: one for each request, each a JSON object by itself, and with the request's id in all.

Whatever a line holds, it is one line of ASCII: nothing that came from somebody can end it, begin another or act on a
terminal. Addresses are in none of them: those of `/uploads` and `/files` are rights.
"""

import json
import logging
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from opentelemetry.context import Context
from opentelemetry.propagate import extract
from opentelemetry.trace import format_span_id, format_trace_id, get_current_span
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import override

from flipsnack_mcp.observed import REPLICA
from flipsnack_mcp.server.arriving.observing import CURRENT_FACTS, FACTS_IN_SCOPE, OTHER, RequestFacts
from flipsnack_mcp.server.safety.redaction import places_of

PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
ID_HEADER = "X-Request-Id"
PARENT_HEADER = "traceparent"
ROUTES = frozenset({"mcp", "health", "ready", "uploads", "files", "hooks", ".well-known"})
BALANCERS_ASK = frozenset({"/health", "/ready"})
"""What balancers ask every few seconds: of interest only where the answer is no."""
LONGEST_LINE = 8000
FILLED_IN = re.compile(r"\S*\d\S*")
"""What is not a word, where a library has made a sentence of words and values."""
TRUSTED = ("flipsnack_mcp", "uvicorn")
"""Who writes nothing of a client's into a message."""
FACTS = "facts"
"""The attribute of a record that holds what stands in its line beside the message."""

log = logging.getLogger("flipsnack_mcp.requests")


class JsonLines(logging.Formatter):
    """Writes a record as one JSON object."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"time": at, "level": record.levelname, "logger": record.name, "replica": REPLICA}
        asked = CURRENT_FACTS.get()
        line |= {"request_id": asked.request_id} if asked and asked.request_id else {}
        line |= traced(asked) | (getattr(record, FACTS, None) or said_in(record))
        return json.dumps(line)


def said_in(record: logging.LogRecord) -> dict[str, str]:
    """What a record says, but for what may be anybody's: of other libraries their values, of an exception its text."""
    ours = record.name.startswith(TRUSTED)
    said = {"message": record.getMessage()[:LONGEST_LINE] if ours else always_the_same(record)}
    error = record.exc_info[1] if record.exc_info else None
    return {**said, "error": type(error).__name__, "at": places_of(error)} if error else said


def always_the_same(record: logging.LogRecord) -> str:
    """The words without values. Where none stand beside them they may be in them: the SDK writes sessions' ids there."""
    words = str(record.msg).partition("\n")[0]
    return words if record.args else FILLED_IN.sub("…", words.partition(": ")[0])


def traced(asked: RequestFacts | None) -> dict[str, str]:
    """By what the line is found beside its span; that of a request is written after the last of them."""
    context = get_current_span().get_span_context()
    if context.is_valid:
        return {"trace_id": format_trace_id(context.trace_id), "span_id": format_span_id(context.span_id)}
    return {"trace_id": asked.trace_id} if asked and asked.trace_id else {}


def log_as_json(level: str) -> None:
    """Let all handlers there are write such lines; those of requests too, unless only errors are wanted."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(JsonLines())
    log.setLevel(level if level in {"ERROR", "CRITICAL", "DEBUG"} else "INFO")


@dataclass
class Answer:
    """What went back."""

    status: int = 0
    size: int = 0
    began: float = field(default_factory=time.monotonic)

    def note(self, message: Message) -> None:
        """Know of a part of it."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        self.size += len(message.get("body", b""))


@dataclass(frozen=True)
class RequestLines:
    """Around an application: gives each request its id, and writes its line once it is answered."""

    app: ASGIApp
    prefix: str = ""
    """What stands before the paths of this server in its public address."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers, answer = Headers(scope=scope), Answer()
        asked = RequestFacts(request_id=request_id_of(headers), trace=trace_of(headers))
        scope[FACTS_IN_SCOPE] = asked

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[ID_HEADER] = asked.request_id
            answer.note(message)
            await send(message)

        before = CURRENT_FACTS.set(asked)
        try:
            await self.app(scope, receive, sent)
        except Exception:
            answer.status = answer.status or 500  # uvicorn answers it so
            raise
        finally:
            write_line(scope, route_of(scope["path"], self.prefix), asked, answer)
            CURRENT_FACTS.reset(before)


def request_id_of(headers: Mapping[str, str]) -> str:
    """The id that a client or a balancer gave the request, where it is plain; else one of ours."""
    given = headers.get(ID_HEADER, "")
    return given if PLAIN_ID.fullmatch(given) else uuid.uuid4().hex


def trace_of(headers: Mapping[str, str]) -> Context:
    """The trace in which a client or a balancer says that the request stands; of all that they may say, only its ids."""
    stated = headers.get(PARENT_HEADER)
    return extract({PARENT_HEADER: stated}) if stated else Context()


def write_line(scope: Scope, where: str, asked: RequestFacts, answer: Answer) -> None:
    """The line of a request that is over; a status of 0 means that nobody was there for an answer."""
    level = logging.DEBUG if where in BALANCERS_ASK and answer.status < 400 else logging.INFO
    facts = {"http_method": scope["method"] if scope["method"] in METHODS else OTHER, "route": where}
    known = {name: value for name in KNOWN_FACTS if (value := getattr(asked, name))}
    took = {"ms": round((time.monotonic() - answer.began) * 1000, 1), "bytes": answer.size}
    log.log(level, "request", extra={FACTS: {**facts, "status": answer.status, **known, **took}})


METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"})
KNOWN_FACTS = ("method", "tool", "caller", "account", "outcome", "error")


def route_of(path: str, prefix: str) -> str:
    """Which part of the server was asked, without what follows: that may be a right."""
    within = path.removeprefix(prefix) if path.startswith(f"{prefix}/") else path
    first = within.removeprefix("/").partition("/")[0]
    return f"/{first}" if first in ROUTES else OTHER
