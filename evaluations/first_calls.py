"""The first-call set: whether an assistant begins with the right tool and the right arguments.

Its requests stand in `requests.toml`, or with what is expected of their tool (`tests/samples_of.py`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import ConfigDict

from evaluations.job import HERE, Call
from evaluations.record import Called
from flipsnack_mcp.server.tools.arguments import understand
from flipsnack_mcp.server.tools.table import TOOLS
from tests.samples_of import Asked, ExpectedTool, expected_tools


class Request(Asked):
    """A whole request, and what should be done first."""

    model_config = ConfigDict(strict=False)  # TOML has lists only

    tool: str
    language: str = "en"

    def right_call(self) -> Call:
        return Call(tool=self.tool, given={**self.contains, **self.equals})


@cache
def requests() -> tuple[Request, ...]:
    """All of them, in the order of the file; then those that stand with their tool."""
    told = tomllib.loads((HERE / "requests.toml").read_text(encoding="utf-8"))["requests"]
    return (
        *(Request(**one, language=language) for language, every in told.items() for one in every),
        *standing_with(expected_tools().values()),
    )


def standing_with(tools: Iterable[ExpectedTool]) -> Iterator[Request]:
    """The requests that are written down with what is expected of a tool."""
    return (Request(**one.model_dump(), tool=tool.name) for tool in tools for one in tool.requests)


def wrong_beginning(request: Request, calls: list[Called]) -> list[str]:
    """What is wrong with the first call; nothing is judged of what comes after it."""
    if not calls:
        return ["no tool was called"]
    first = calls[0]
    if first.tool != request.tool:
        return [f"began with {first.tool}, not {request.tool}"]
    try:
        given, wanted = read(request.tool, first.arguments), read(request.tool, {**request.contains, **request.equals})
    except Exception as error:  # noqa: BLE001  # whatever the tool would have said of them
        return [f"{first.tool} cannot read its arguments: {error}"]
    return [
        *(f"{name} is {given[name]!r}, not {wanted[name]!r}" for name in request.equals if given[name] != wanted[name]),
        *(
            f"{name} is {given[name]!r}, without {wanted[name]!r}"
            for name in request.contains
            if not holds(given[name], wanted[name])
        ),
        *(f"{name} is given: {given[name]!r}" for name in request.absent if given[name] not in nothings(request, name)),
    ]


def read(tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as the tool understands them."""
    understood: dict[str, Any] = understand(TOOLS[tool].input, arguments).model_dump(mode="json")
    return understood


def nothings(request: Request, name: str) -> list[Any]:
    """What an argument is where it is not given."""
    return [None, "", [], TOOLS[request.tool].input.model_fields[name].default]


def holds(given: Any, wanted: Any) -> bool:
    """A text holds a text in any case, a list all of a list."""
    if isinstance(wanted, list):
        return isinstance(given, list) and all(one in given for one in wanted)
    return str(wanted).casefold() in str(given or "").casefold()
