"""The first-call set: whether an assistant begins with the right tool and the right arguments (`requests.toml`)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Any

from evaluations.job import HERE, Call, Part
from evaluations.record import Called
from flipsnack_mcp.server.tools.arguments import understand
from flipsnack_mcp.server.tools.table import TOOLS


class Request(Part):
    """A whole request, and what should be done first."""

    asked: str
    tool: str
    equals: dict[str, Any] = {}
    contains: dict[str, Any] = {}
    absent: tuple[str, ...] = ()
    language: str = "en"

    def right_call(self) -> Call:
        return Call(tool=self.tool, given={**self.contains, **self.equals})


@cache
def requests() -> tuple[Request, ...]:
    """All of them, in the order of the file."""
    told = tomllib.loads((HERE / "requests.toml").read_text(encoding="utf-8"))["requests"]
    return tuple(Request(**one, language=language) for language, every in told.items() for one in every)


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
