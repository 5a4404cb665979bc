"""A collector of OpenTelemetry: a small program that keeps what it is sent, and can be in any mood."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from typing_extensions import override


@dataclass
class Collector:
    """Where spans and metrics arrive."""

    address: str
    mood: str
    spans: list[Any] = field(default_factory=list[Any])
    metrics: list[Any] = field(default_factory=list[Any])
    resources: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    raw: bytes = b""
    asked: threading.Event = field(default_factory=threading.Event)
    """Set at the first request, whatever becomes of it."""
    closing: threading.Event = field(default_factory=threading.Event)

    def take(self, path: str, body: bytes) -> None:
        """Keep what one request brought."""
        self.raw += body
        if path == "/v1/traces":
            for of_one in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.resources.append({one.key: one.value.string_value for one in of_one.resource.attributes})
                self.spans += [span for scope in of_one.scope_spans for span in scope.spans]
        else:
            for of_one in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self.metrics += [metric for scope in of_one.scope_metrics for metric in scope.metrics]


@contextmanager
def collecting(mood: str = "well") -> Iterator[Collector]:
    """A collector that is well, answers 500, or hangs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.asked.set()
            if mood == "hangs":
                kept.closing.wait()
            if mood == "well":
                kept.take(self.path, body)
            self.send_response(200 if mood == "well" else 500)
            self.send_header("Content-Length", "0")
            self.end_headers()

        @override
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        kept = Collector(f"http://127.0.0.1:{server.server_port}", mood)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield kept
        finally:
            kept.closing.set()
            server.shutdown()
