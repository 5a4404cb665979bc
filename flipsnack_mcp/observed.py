"""What an operator can see of the work: each span, each figure and each name in them, declared once.

Spans go through the part of OpenTelemetry that the protocol's SDK imports anyway, and that does nothing until somebody
starts its SDK. The part for figures is imported by nobody else and takes 12 ms, so they go to whoever keeps them
(`keep_figures`), which is nobody until then.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind

REPLICA = os.urandom(4).hex()
"""Tells this process from others like it, and says nothing of where it runs."""
Attributes = Mapping[str, str | int | float]

ACTION, EFFECT, FLIPSNACK_CODE = "flipsnack.action", "flipsnack.effect", "flipsnack.code"
TRIES, SECONDS_WAITED, LANE = "flipsnack.tries", "flipsnack.budget.seconds", "flipsnack.lane"
JOB_KIND, JOB_STATE, OUTCOME = "flipsnack.job.kind", "flipsnack.job.state", "flipsnack.outcome"
ACCOUNT, REQUEST_ID = "flipsnack.account", "flipsnack.request_id"
# Names of the semantic conventions.
SERVER_ADDRESS, PORT, HTTP_METHOD, ERROR = "server.address", "server.port", "http.request.method", "error.type"
METHOD, TOOL, PROMPT = "mcp.method.name", "gen_ai.tool.name", "gen_ai.prompt.name"
REVISION, OPERATION, RPC_CODE = "mcp.protocol.version", "gen_ai.operation.name", "rpc.response.status_code"


class Figure(Enum):
    """How a figure adds up."""

    COUNT = "counter"
    LEVEL = "up-down counter"
    SPREAD = "histogram"


@dataclass(frozen=True)
class Metric:
    """Something that is counted."""

    name: str
    figure: Figure
    unit: str
    meaning: str
    attributes: tuple[str, ...]
    bounds: tuple[float, ...] = ()
    """Of the classes into which a histogram sorts."""


# The bounds that the semantic conventions recommend.
OF_CALLS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)
CALLS = Metric(
    "mcp.server.operation.duration",
    Figure.SPREAD,
    "s",
    "how long requests of clients took; its count says how many there were",
    (METHOD, TOOL, OUTCOME, ERROR),
    OF_CALLS,
)
WAITED = Metric(
    "flipsnack.budget.wait.duration",
    Figure.SPREAD,
    "s",
    "how long requests to Flipsnack waited for their turn in the request budget of the key",
    (LANE,),
    (0.01, 0.1, 0.5, 1, 2, 5, 10, 20, 30, 45, 60, 120, 300),
)
REQUESTS = Metric(
    "flipsnack.requests", Figure.COUNT, "{request}", "requests that were sent to Flipsnack, each try", (ACTION, EFFECT)
)
ERRORS = Metric(
    "flipsnack.errors",
    Figure.COUNT,
    "{error}",
    "tries that failed, by Flipsnack's code or by what kept an answer away; also those that were not sent",
    (ACTION, ERROR),
)
JOBS = Metric(
    "flipsnack.jobs",
    Figure.LEVEL,
    "{job}",
    "long work that this replica is at, by how it stands",
    (JOB_KIND, JOB_STATE),
)
JOBS_ENDED = Metric(
    "flipsnack.jobs.ended", Figure.COUNT, "{job}", "long work that ended here, and how", (JOB_KIND, OUTCOME)
)
METRICS = (CALLS, WAITED, REQUESTS, ERRORS, JOBS, JOBS_ENDED)

Keeper = Callable[[Metric, float, Attributes], None]


def forget(_metric: Metric, _value: float, _attributes: Attributes) -> None:
    """What happens to a figure that nobody wants."""


@dataclass
class FigureKeeper:
    """By whom figures are kept."""

    by: Keeper = forget


KEPT_FIGURES = FigureKeeper()


def keep_figures(keeper: Keeper) -> None:
    """Let somebody have the figures from now on."""
    KEPT_FIGURES.by = keeper


def count(metric: Metric, value: float, attributes: Attributes) -> None:
    """Add to a figure, or take from it."""
    KEPT_FIGURES.by(metric, value, attributes)


TRACER = trace.get_tracer("flipsnack_mcp")


@contextmanager
def spanned(name: str, attributes: Attributes) -> Iterator[Span]:
    """A span of something that somebody else is asked for. Texts of exceptions are not in it."""
    with TRACER.start_as_current_span(
        name, kind=SpanKind.CLIENT, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        yield span


@contextmanager
def apart(name: str, attributes: Attributes) -> Iterator[Span]:
    """A span of what goes on by itself: a root of its own, with a link to the call that began it, if one did."""
    begun_by = trace.get_current_span().get_span_context()
    links = [Link(begun_by)] if begun_by.is_valid else []
    with TRACER.start_as_current_span(
        name,
        context=Context(),
        attributes=attributes,
        links=links,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        yield span
