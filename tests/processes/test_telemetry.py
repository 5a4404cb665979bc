"""Spans and metrics leave only where the standard variables ask for it, and no collector can hold a call or the end up."""

import json
import logging
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from mcp import Client
from opentelemetry.sdk.trace.export import SpanExportResult

from flipsnack_mcp import observed
from flipsnack_mcp.team.operating import telemetry
from flipsnack_mcp.team.operating.exporting import noticed
from tests.commands.processes import Run, nobody_answers_at, wait_for
from tests.team.collector import collecting

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
HTTP, GRPC = ["otlp_proto_http"], ["otlp_proto_grpc"]
WANTED: list[tuple[Mapping[str, str], list[str], list[str]]] = [
    ({}, [], []),
    (ENDPOINT, HTTP, HTTP),
    ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, [], []),
    ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector/v1/traces"}, HTTP, []),
    ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://collector/v1/metrics"}, [], HTTP),
    ({"OTEL_TRACES_EXPORTER": "console"}, ["console"], []),
    ({"OTEL_TRACES_EXPORTER": "otlp, console", "OTEL_METRICS_EXPORTER": "none"}, [*HTTP, "console"], []),
    ({**ENDPOINT, "OTEL_METRICS_EXPORTER": "none"}, HTTP, []),
    ({**ENDPOINT, "OTEL_SDK_DISABLED": "TRUE"}, [], []),
    ({**ENDPOINT, "OTEL_SDK_DISABLED": "false"}, HTTP, HTTP),
    ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, GRPC, GRPC),
    ({**ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, GRPC, HTTP),
    ({"OTEL_SERVICE_NAME": "flipsnack"}, [], []),
]


@pytest.mark.parametrize(("environment", "traces", "metrics"), WANTED)
def test_the_standard_variables_say_what_is_sent(
    environment: Mapping[str, str], traces: list[str], metrics: list[str]
) -> None:
    assert telemetry.exporters_of("traces", environment) == traces
    assert telemetry.exporters_of("metrics", environment) == metrics


def test_without_the_sdk_it_is_said_and_the_server_runs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    monkeypatch.setitem(sys.modules, "flipsnack_mcp.team.operating.exporting", None)
    telemetry.send_telemetry(())()
    assert "not installed" in caplog.text
    assert "OTEL_TRACES_EXPORTER" in caplog.text


@pytest.mark.parametrize(
    "asked", [{"OTEL_TRACES_EXPORTER": "no such thing"}, {**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "no such thing"}]
)
def test_an_exporter_that_does_not_exist_stops_no_server_and_it_is_said_which_there_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, asked: dict[str, str]
) -> None:
    for name, value in asked.items():
        monkeypatch.setenv(name, value)
    telemetry.send_telemetry(())()
    assert "is not installed" in caplog.text
    assert "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf" in caplog.text
    assert "no such thing" not in caplog.text
    logging.getLogger("opentelemetry").setLevel(logging.NOTSET)


BEFORE_IT_IS_WANTED = """
import sys
from flipsnack_mcp.commands import serve
from flipsnack_mcp.team import serving
print([one for one in ("opentelemetry.sdk", "opentelemetry.metrics", "opentelemetry.exporter") if one in sys.modules])
"""


def test_nothing_of_it_is_imported_before_it_is_wanted(run: Run) -> None:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", BEFORE_IT_IS_WANTED], env=run.environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_server_on_stdio_sends_nothing_whatever_is_set(run: Run) -> None:
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    said = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "get_user_stats", "arguments": {}}},
    ]
    with collecting() as collector:
        asked = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address, "OTEL_TRACES_EXPORTER": "otlp", **AT_ONCE}
        ended = run.talk(*map(json.dumps, said), ids={2}, FLIPSNACK_SANDBOX="1", **asked)
        assert not collector.asked.is_set()
    assert "impressions" in ended.out


# Only the end of the server sends anything.
AT_THE_END = {"OTEL_BSP_SCHEDULE_DELAY": "600000", "OTEL_METRIC_EXPORT_INTERVAL": "6000000"}
AT_ONCE = {"OTEL_BSP_SCHEDULE_DELAY": "20", "OTEL_METRIC_EXPORT_INTERVAL": "6000000"}


async def test_what_was_not_sent_yet_is_sent_at_the_end(run: Run, tmp_path: Path) -> None:
    with collecting() as collector:
        named = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address, "OTEL_SERVICE_NAME": "catalogues", **AT_THE_END}
        with run.served(tmp_path, **named) as address:
            async with Client(address) as client:
                await client.call_tool("list_collections", {"query": "CANARY"})
                await client.call_tool("CANARY", {})
            assert not collector.spans
        names = {span.name for span in collector.spans}
        metrics = {metric.name for metric in collector.metrics}
    assert {"tools/call list_collections", "tools/call _OTHER", "collection.getList"} <= names
    assert metrics >= {one.name for one in (observed.CALLS, observed.REQUESTS, observed.WAITED)}
    assert metrics <= {one.name for one in observed.METRICS}
    assert {one["service.name"] for one in collector.resources} == {"catalogues"}
    assert b"CANARY" not in collector.raw


class Moody:
    """An exporter that does what it is told to."""

    def __init__(self, *results: SpanExportResult) -> None:
        self.results = [*results]

    def export(self, _: object) -> SpanExportResult:
        return self.results.pop(0)


def test_it_is_said_once_that_nothing_arrives_and_once_that_it_does_again(caplog: pytest.LogCaptureFixture) -> None:
    good, bad = SpanExportResult.SUCCESS, SpanExportResult.FAILURE
    results = [good, bad, bad, bad, good, good, bad]
    sender = noticed(Moody(*results), "spans")
    assert [sender.export(()) for _ in results] == results
    missing, back = "spans do not reach the collector", "spans reach the collector"
    assert caplog.messages == [missing, back, missing]


MOODS = ["answers 500", "hangs"]


@pytest.mark.parametrize("mood", MOODS)
async def test_no_call_and_no_end_waits_for_a_collector(run: Run, tmp_path: Path, mood: str) -> None:
    with collecting(mood) as collector:
        # Longer than anybody here waits for the end of a process.
        patient = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.address, "OTEL_EXPORTER_OTLP_TIMEOUT": "600"}
        with run.served(tmp_path, **patient, **AT_ONCE) as address:
            async with Client(address) as client:
                await client.call_tool("list_collections", {})
                assert collector.asked.wait(30), "it was asked, and has not answered"
                told = await client.call_tool("get_user_stats", {})
        # Here the server has ended, though a collector that hangs hangs still.
        assert not collector.closing.is_set()
    assert not told.is_error


async def test_a_collector_that_is_gone_is_told_of_once(run: Run) -> None:
    with nobody_answers_at() as own:
        pass
    with nobody_answers_at() as port:
        gone = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
        options = ("--sandbox", "--log-level", "info", "--http", f"127.0.0.1:{own}")
        with run.kept("serve", *options, **gone, **AT_ONCE) as process:
            assert process.stderr
            wait_for(process.stderr, "running on")
            async with Client(f"http://127.0.0.1:{own}/mcp") as client:
                await client.call_tool("list_collections", {})
                wait_for(process.stderr, "spans do not reach the collector")
                await client.call_tool("list_collections", {})
            process.terminate()
            _, rest = process.communicate(timeout=60)
    assert not re.search("spans (do not )?reach", rest)
    assert "Traceback" not in rest
