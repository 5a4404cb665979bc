"""Spans and metrics on their way to a collector, by OpenTelemetry's SDK, in threads of its own that no call waits for.

Spans of the protocol's SDK hold what clients wrote: names of tools that do not exist, texts of errors, ids. So each is
made anew of what may leave.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from importlib.metadata import entry_points
from typing import Any

from mcp.types.methods import MONOLITH_NOTIFICATIONS, MONOLITH_REQUESTS
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import (
    SERVICE_INSTANCE_ID,
    SERVICE_NAME,
    SERVICE_VERSION,
    OTELResourceDetector,
    Resource,
)
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanContext, Status
from typing_extensions import override

from flipsnack_mcp import __version__, observed
from flipsnack_mcp.server.arriving.observing import CURRENT_FACTS, OTHER
from flipsnack_mcp.team.operating.telemetry import NoSuchExporterError

OWN_ATTRIBUTES = "flipsnack."
"""What our own attributes begin with; nothing of a client's is in them."""
METHODS_KNOWN = {*MONOLITH_REQUESTS, *MONOLITH_NOTIFICATIONS}
NAMED_BY_CLIENTS = frozenset({observed.METHOD, observed.TOOL, observed.PROMPT})
PASSED_ON = frozenset({
    observed.REVISION, observed.OPERATION, observed.RPC_CODE, observed.ERROR,
    observed.SERVER_ADDRESS, observed.PORT, observed.HTTP_METHOD,
})  # fmt: skip

log = logging.getLogger(__name__)


def start(traces: Sequence[str], figures: Sequence[str], words: Collection[str]) -> Callable[[], None]:
    """Send by exporters of these names; what ends it, and waits for the last.

    Raises:
        NoSuchExporterError: An exporter of this name is not installed.
    """
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # `noticed` says once what it would say each time
    resource = this_server()
    spans = TracerProvider(resource=resource, shutdown_on_exit=False)
    spans.add_span_processor(RequestIds())
    for name in traces:
        sender = noticed(exporter("opentelemetry_traces_exporter", name), "spans")
        spans.add_span_processor(BatchSpanProcessor(PlainSpans(sender, METHODS_KNOWN | {*words})))
    readers = [reader(exporter("opentelemetry_metrics_exporter", name)) for name in figures]
    meters = MeterProvider(readers, resource=resource, shutdown_on_exit=False)
    trace.set_tracer_provider(spans)
    observed.keep_figures(Instruments(meters.get_meter("flipsnack_mcp", __version__)).add)

    def end() -> None:
        spans.shutdown()
        meters.shutdown()

    return end


def this_server() -> Resource:
    """Which server this is; what OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say counts before what is said here."""
    own = {SERVICE_NAME: "flipsnack-mcp", SERVICE_VERSION: __version__, SERVICE_INSTANCE_ID: observed.REPLICA}
    return Resource.create(own).merge(OTELResourceDetector().detect())


def exporter(group: str, name: str) -> Any:
    """An exporter that is installed."""
    found = [*entry_points(group=group, name=name)]
    if not found:
        raise NoSuchExporterError(name)
    return found[0].load()()


def reader(found: Any) -> MetricReader:
    """What collects the metrics: what was found itself, or what hands them to it now and again."""
    return found if isinstance(found, MetricReader) else PeriodicExportingMetricReader(noticed(found, "metrics"))


def noticed(sender: Any, what: str) -> Any:
    """The exporter, of which is said once that nothing arrives, and once that it does again."""
    export, arriving = sender.export, True

    def exported(*given: Any, **named: Any) -> Any:
        nonlocal arriving
        result = export(*given, **named)
        if (result.name == "SUCCESS") != arriving:
            arriving = not arriving
            log.warning("%s %s the collector", what, "reach" if arriving else "do not reach")
        return result

    sender.export = exported
    return sender


class RequestIds(SpanProcessor):
    """Writes the id of the request into each span of it, and that of the trace into what is known of the request."""

    @override
    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if (asked := CURRENT_FACTS.get()) and asked.request_id:
            span.set_attribute(observed.REQUEST_ID, asked.request_id)
            asked.trace_id = trace.format_trace_id(span.get_span_context().trace_id)


class PlainSpans(SpanExporter):
    """Hands spans on without what clients wrote, and without what Flipsnack said."""

    def __init__(self, sender: SpanExporter, words: Collection[str]) -> None:
        self._sender, self._words = sender, words

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._sender.export([self.plain(one) for one in spans])

    @override
    def shutdown(self) -> None:
        self._sender.shutdown()

    def plain(self, span: ReadableSpan) -> ReadableSpan:
        """The span with what may leave: neither events nor the words of its status."""
        facts = self.facts(span)
        named = [str(facts[one]) for one in (observed.METHOD, observed.TOOL, observed.PROMPT) if one in facts]
        return ReadableSpan(
            name=" ".join(named) or span.name,
            context=span.context and without_state(span.context),
            parent=span.parent and without_state(span.parent),
            resource=span.resource,
            attributes=facts,
            links=[Link(without_state(one.context)) for one in span.links],
            kind=span.kind,
            status=Status(span.status.status_code),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )

    def facts(self, span: ReadableSpan) -> dict[str, Any]:
        """Its attributes; of a name that a client gave, whether it is one of ours."""
        every = span.attributes or {}
        ours = {name: value for name, value in every.items() if name.startswith(OWN_ATTRIBUTES) or name in PASSED_ON}
        names = {name: every[name] for name in NAMED_BY_CLIENTS if name in every}
        return ours | {name: value if value in self._words else OTHER for name, value in names.items()}


def without_state(context: SpanContext) -> SpanContext:
    """By what a span is found, without the text that clients may send along."""
    return SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags)


class Instruments:
    """What keeps the figures."""

    def __init__(self, meter: Meter) -> None:
        self._kept = {one.name: instrument(meter, one) for one in observed.METRICS}

    def add(self, metric: observed.Metric, value: float, attributes: observed.Attributes) -> None:
        """Add to one of them."""
        self._kept[metric.name](value, attributes)


def instrument(meter: Meter, metric: observed.Metric) -> Callable[[float, observed.Attributes], None]:
    """What adds to one figure."""
    match metric.figure:
        case observed.Figure.COUNT:
            return meter.create_counter(metric.name, metric.unit, metric.meaning).add
        case observed.Figure.LEVEL:
            return meter.create_up_down_counter(metric.name, metric.unit, metric.meaning).add
    spread = meter.create_histogram(
        metric.name, metric.unit, metric.meaning, explicit_bucket_boundaries_advisory=metric.bounds
    )
    return spread.record
