"""Whether spans and metrics are wanted, by the standard variables of OpenTelemetry; its SDK is imported only if they are.

On HTTP only: an assistant hands the variables of its own telemetry on to the servers that it starts, and what a person
does on their machine is nobody else's.
"""

import logging
import os
import threading
from collections.abc import Callable, Collection, Mapping
from functools import partial

SIGNALS = ("traces", "metrics")
TO_END = 3.0
"""Seconds at the end for what was not sent yet: a collector that hangs keeps no server."""
DEFAULT_PROTOCOL = "http/protobuf"
"""The one that the extra `otel` brings."""
NOT_INSTALLED = (
    "%s asks for spans or metrics, but OpenTelemetry's SDK is not installed, so none are sent; the server runs as "
    "usual. Install this package with its extra `otel`"
)
NO_EXPORTER = (
    "spans and metrics are not sent: an exporter that the OTEL_ variables name is not installed; the server runs as usual. The "
    "extra `otel` brings the one for OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf; install any other beside it"
)
NOT_STARTED = (
    "spans and metrics are not sent: what the OTEL_ variables ask for cannot be started (%s); the server runs as usual"
)

log = logging.getLogger(__name__)


class NoSuchExporterError(LookupError):
    """An exporter is not installed."""


def exporters_of(signal: str, environment: Mapping[str, str]) -> list[str]:
    """The names of what sends a signal, as the entry points of OpenTelemetry know them; none where it is not wanted."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return []
    places = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT")
    usual = "otlp" if any(environment.get(one, "").strip() for one in places) else "none"
    named = environment.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip() or usual
    names = [one.strip() for one in named.split(",")]
    return [of_protocol(signal, environment) if one == "otlp" else one for one in names if one and one != "none"]


def of_protocol(signal: str, environment: Mapping[str, str]) -> str:
    """Which of the exporters of OTLP is meant."""
    own, all_of_them = f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"
    protocol = environment.get(own) or environment.get(all_of_them) or DEFAULT_PROTOCOL
    return f"otlp_proto_{protocol.strip().partition('/')[0]}"


def send_telemetry(words: Collection[str]) -> Callable[[], None]:
    """Send spans and metrics from now on, where that is wanted; what ends it. `words` are the names that spans may hold."""
    wanted = {signal: exporters_of(signal, os.environ) for signal in SIGNALS}
    end = started(wanted, words) if any(wanted.values()) else None
    return partial(end_in_time, end) if end else end_nothing


def end_nothing() -> None:
    """What ends nothing."""


def started(wanted: Mapping[str, list[str]], words: Collection[str]) -> Callable[[], None] | None:
    """Start to send; what ends it. Nothing that is wrong with it stops the server."""
    try:
        from flipsnack_mcp.team.operating.exporting import start  # noqa: PLC0415  # only where it is wanted

        return start(wanted["traces"], wanted["metrics"], words)
    except ImportError:
        log.warning(NOT_INSTALLED, " and ".join(sorted(one for one in os.environ if one.startswith("OTEL_"))))
    except NoSuchExporterError:
        log.warning(NO_EXPORTER)
    except Exception as error:  # noqa: BLE001  # a wrong value of a variable; its text may hold the headers for the collector
        log.warning(NOT_STARTED, type(error).__name__)
    return None


def end_in_time(end: Callable[[], None]) -> None:
    """Let the last be sent, but not for ever."""
    last = threading.Thread(target=end, daemon=True)
    last.start()
    last.join(TO_END)
