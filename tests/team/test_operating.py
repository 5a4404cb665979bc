"""What docs/operating.md shows an operator is what a server writes."""

import io
import json
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
import uvicorn
from mcp import Client
from opentelemetry.sdk.trace import ReadableSpan

from flipsnack_mcp import observed
from flipsnack_mcp.server.caller import CALLER, Caller
from flipsnack_mcp.server.server import build_server
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.team import lines
from tests.api.asking import Line, unlimited
from tests.observing import Seen, facts_of, observing

PAGE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
CHANGES_EACH_TIME = frozenset({"time", "request_id", "flipsnack.request_id", "ms", "bytes", "trace_id", "span_id"})


def example(name: str) -> dict[str, Any]:
    """One of the page."""
    found = re.search(rf"<!-- {name} -->\n```json\n(.*?)```", PAGE, re.DOTALL)
    assert found, name
    told: dict[str, Any] = json.loads(found[1])
    return told


def told(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Of what is another one each time, only what kind of thing it is."""
    return {name: type(value).__name__ if name in CHANGES_EACH_TIME else value for name, value in facts.items()}
