"""What stands in `<...>` in a job: days of the person's calendar, and what earlier answers or the account say."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

GAP = re.compile(r"<([^<>\n]+)>")
DAY = re.compile(r"(day|monday|sunday) (-?\d+)")
CODE = re.compile(r'confirmation="([A-Z2-7]{8})"')

Known = Callable[[str], Any]
"""Gives what belongs into a gap; raises LookupError where that is not known."""


def filled(value: Any, known: Known) -> Any:
    """The value with its gaps filled in, at every depth; a text that is nothing but a gap becomes what belongs there."""
    match value:
        case str():
            whole = GAP.fullmatch(value)
            return known(whole[1]) if whole else GAP.sub(lambda found: str(known(found[1])), value)
        case list() | tuple():
            return [filled(one, known) for one in value]
        case dict():
            return {name: filled(one, known) for name, one in value.items()}
        case _:
            return value


def learned(asked: str, prompt: str) -> dict[str, str]:
    """What was filled in, for somebody who knows what was asked and sees the result."""
    texts, names = GAP.split(asked)[::2], GAP.findall(asked)
    found = re.fullmatch("(.+?)".join(map(re.escape, texts)), prompt, re.DOTALL)
    return dict(zip(names, found.groups(), strict=True)) if found else {}


def day_named(name: str, today: date) -> str | None:
    """A day so many days from today, or the Monday or Sunday of the week that is so many weeks from this one."""
    found = DAY.fullmatch(name)
    if found is None:
        return None
    number = int(found[2])
    if found[1] == "day":
        return str(today + timedelta(days=number))
    monday = today - timedelta(days=today.weekday()) + timedelta(weeks=number)
    return str(monday + timedelta(days=6) if found[1] == "sunday" else monday)


def inside(data: Mapping[str, Any], path: str) -> Any:
    """What stands in an answer under a dotted path. Raises LookupError where nothing does."""
    found: Any = data
    for step in path.split("."):
        match found:
            case list():
                found = found[int(step)]
            case dict() if step in found:
                found = found[step]
            case _:
                raise LookupError(path)
    return found


def code_in(text: str) -> str:
    """The code that a refusal gives out. Raises LookupError where there is none."""
    found = CODE.search(text)
    if found is None:
        raise LookupError("code")
    return found[1]
