"""What an operator would see: spans as they would leave, and figures, kept in memory."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from flipsnack_mcp import observed
from flipsnack_mcp.server.toolsets import menu
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.team.operating.exporting import METHODS_KNOWN, PlainSpans, RequestIds

WORDS = METHODS_KNOWN | {*menu(Settings())}


@dataclass
class Seen:
    """What was seen so far."""

    exporter: InMemorySpanExporter
    figures: list[tuple[str, float, dict[str, Any]]] = field(default_factory=list[tuple[str, float, dict[str, Any]]])

    def keep(self, metric: observed.Metric, value: float, attributes: observed.Attributes) -> None:
        """As the SDK does; a name that is not declared is a mistake."""
        assert set(attributes) <= set(metric.attributes), metric.name
        self.figures.append((metric.name, value, dict(attributes)))

    @property
    def spans(self) -> list[ReadableSpan]:
        """All that have ended, in that order."""
        return [*self.exporter.get_finished_spans()]

    def span(self, name: str) -> ReadableSpan:
        """The one of this name."""
        found = [one for one in self.spans if one.name == name]
        assert len(found) == 1, [one.name for one in self.spans]
        return found[0]

    def counted(self, metric: observed.Metric, *by: str) -> Counter[tuple[Any, ...]]:
        """How often each combination of these attributes was counted."""
        return Counter(tuple(facts.get(one) for one in by) for name, _, facts in self.figures if name == metric.name)

    def total(self, metric: observed.Metric) -> float:
        """All that was added to a figure, and taken from it."""
        return sum(value for name, value, _ in self.figures if name == metric.name)

    @property
    def everything(self) -> str:
        """All that would leave, as text."""
        return "\n".join([*(one.to_json() for one in self.spans), *map(str, self.figures)])


@contextmanager
def observing() -> Iterator[Seen]:
    """See what happens while it lasts. OpenTelemetry takes one provider in the life of a process, so none is set."""
    provider, seen = TracerProvider(shutdown_on_exit=False), Seen(InMemorySpanExporter())
    provider.add_span_processor(RequestIds())
    provider.add_span_processor(SimpleSpanProcessor(PlainSpans(seen.exporter, WORDS)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(observed, "TRACER", provider.get_tracer("flipsnack_mcp"))
        patch.setattr("mcp.shared._otel._tracer", provider.get_tracer("mcp-python-sdk"))
        patch.setattr(observed.KEPT_FIGURES, "by", seen.keep)
        yield seen


def parent_of(span: ReadableSpan) -> int | None:
    """The id of the span around it."""
    return span.parent.span_id if span.parent else None


def id_of(span: ReadableSpan) -> int:
    """By which others name it."""
    assert span.context
    return int(span.context.span_id)


def facts_of(span: ReadableSpan) -> dict[str, Any]:
    """Its attributes."""
    return dict(span.attributes or {})
