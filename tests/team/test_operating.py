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
from mcp import Client

from flipsnack_mcp import observed
from flipsnack_mcp.server.callers.caller import Right
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.team.authentication.changing import change_tokens
from flipsnack_mcp.team.authentication.tokens import TokenEntry, TokensTold, new_token, now_in_utc, token_digest
from flipsnack_mcp.team.operating import lines
from tests.observing import Seen, facts_of, observing
from tests.team.over_http import HOST, official_client, served, whole_application

PAGE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")
CHANGES_EACH_TIME = frozenset(
    {"time", "request_id", "flipsnack.request_id", "ms", "bytes", "replica", "flipsnack.budget.seconds"}
)
OF_TRACES = frozenset({"trace_id", "span_id"})


def example(name: str) -> dict[str, Any]:
    """One of the page."""
    found = re.search(rf"<!-- {name} -->\n```json\n(.*?)```", PAGE, re.DOTALL)
    assert found, name
    told: dict[str, Any] = json.loads(found[1])
    return told


def told(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Of what is another one each time, only what kind of thing it is."""
    return {name: type(value).__name__ if name in CHANGES_EACH_TIME else value for name, value in facts.items()}


@asynccontextmanager
async def server(tokens: Path) -> AsyncIterator[Client]:
    """Anna's client of a server of this process, as it is served to a team; its one account is called de."""
    token = new_token()
    anna = TokenEntry(
        name="anna", sha256=token_digest(token), accounts=("de",), may=frozenset(Right), made=now_in_utc()
    )
    change_tokens(tokens, lambda _: TokensTold(tokens=(anna,)))
    settings = replace(Settings(sandbox=True), team=True, tokens=tokens)
    app = whole_application(replace(settings, accounts=(replace(settings, name="de"),)))
    async with (
        served(app) as port,
        official_client(f"http://{HOST}:{port}/mcp", token) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], Seen]:
    """The lines and the spans of one call, which all tests look at."""
    return anyio.run(one_call, tmp_path_factory.mktemp("tokens") / "tokens.json")


async def one_call(tokens: Path) -> tuple[list[dict[str, Any]], Seen]:
    text, root = io.StringIO(), logging.getLogger()
    handlers, level = root.handlers, lines.log.level
    root.handlers = [logging.StreamHandler(text)]
    lines.log_as_json("WARNING")
    try:
        with observing() as seen:
            async with server(tokens) as client:
                await client.call_tool("list_collections", {})
    finally:
        root.handlers = handlers
        lines.log.setLevel(level)
    return [json.loads(line) for line in text.getvalue().splitlines()], seen


def test_the_page_shows_the_line_of_a_call(shown: tuple[list[dict[str, Any]], Seen]) -> None:
    (line,) = [one for one in shown[0] if one.get("tool")]
    assert {name: value for name, value in told(line).items() if name not in OF_TRACES} == told(
        example("a line of a request")
    )
    assert line["ms"] > 0


def test_the_page_shows_the_span_of_a_request_to_flipsnack(shown: tuple[list[dict[str, Any]], Seen]) -> None:
    span = shown[1].span("collection.getList")
    page = example("a span of a request to Flipsnack")
    assert (span.name, span.kind.name) == (page["name"], page["kind"])
    assert told(facts_of(span)) == told(page["attributes"])


def test_the_page_shows_what_a_call_adds_to_the_figures(shown: tuple[list[dict[str, Any]], Seen]) -> None:
    others = [one for one in shown[1].figures if one[2].get(observed.METHOD, "tools/call") != "tools/call"]
    added = {name: facts for name, value, facts in shown[1].figures if (name, value, facts) not in others}
    assert added == example("what a call adds")


def test_lines_and_spans_of_a_call_have_one_id(shown: tuple[list[dict[str, Any]], Seen]) -> None:
    (line,) = [one for one in shown[0] if one.get("tool")]
    names = ("tools/call list_collections", "collection.getList")
    assert {facts_of(shown[1].span(name))["flipsnack.request_id"] for name in names} == {line["request_id"]}


def test_the_page_lists_every_metric() -> None:
    rows = re.findall(r"^\| `([a-z.]+)` \| ([a-z-]+(?: [a-z]+)?) \| (\S+) \| (.+) \| (.+) \|$", PAGE, re.MULTILINE)
    assert rows == [
        (one.name, one.figure.value, one.unit, one.meaning, ", ".join(f"`{name}`" for name in one.attributes))
        for one in observed.METRICS
    ]


def test_the_page_names_no_metric_or_attribute_that_there_is_not() -> None:
    named = set(re.findall(r"`((?:flipsnack|mcp|gen_ai|error|server|http)\.[a-z_.]+)`", PAGE))
    declared = {value for value in vars(observed).values() if isinstance(value, str)}
    assert named <= declared | {one.name for one in observed.METRICS}


def test_the_line_of_a_call_leads_to_its_trace(shown: tuple[list[dict[str, Any]], Seen]) -> None:
    (line,) = [one for one in shown[0] if one.get("tool")]
    span = shown[1].span("tools/call list_collections")
    assert span.context
    assert line["trace_id"] == f"{span.context.trace_id:032x}"
