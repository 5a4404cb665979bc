"""JSON with comments and trailing commas, read with the place of everything, so that all the rest can stay as it is.

Own code and no library: those that keep comments write the whole text anew, with their own blanks and line ends.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from json import JSONDecodeError
from typing import Any, NoReturn

BLANK_OR_COMMENT = re.compile(r"(?:[ \t\r\n]+|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
BYTE_ORDER_MARK = "\ufeff"
NESTED_AT_MOST = 100


class NotUnderstood(Exception):  # noqa: N818  # it says why
    """A configuration that cannot be changed with certainty; its text says why, and repeats nothing of it."""


@dataclass(frozen=True)
class Member:
    """A name and its value in an object."""

    name: str
    start: int
    value: "Value"


@dataclass(frozen=True)
class Value:
    """A value, and where it stands."""

    start: int
    end: int
    data: Any
    members: tuple[Member, ...] = ()

    def member(self, name: str) -> Member | None:
        """The member of that name."""
        return next((one for one in self.members if one.name == name), None)

    @property
    def is_object(self) -> bool:
        """Whether it has members."""
        return isinstance(self.data, dict)


@dataclass
class PlacedReader:
    """Reads one text."""

    text: str
    scalars: json.JSONDecoder = field(default_factory=lambda: json.JSONDecoder(parse_constant=no_such_constant))

    def document(self) -> Value:
        """The one value that it holds.

        Raises:
            NotUnderstood: It holds something else.
        """
        value = self.value(self.past_blanks(len(BYTE_ORDER_MARK) if self.text.startswith(BYTE_ORDER_MARK) else 0), 0)
        if (end := self.past_blanks(value.end)) != len(self.text):
            self.fail(end)
        return value

    def value(self, at: int, depth: int) -> Value:
        """The value that begins here."""
        if depth > NESTED_AT_MOST:
            raise NotUnderstood("is nested too deeply")
        opening = self.text[at : at + 1]
        if opening == "{":
            return self.object(at, depth)
        if opening == "[":
            *items, end = self.items(at, depth)
            return Value(at, end.end, [one.data for one in items])
        try:
            data, past = self.scalars.raw_decode(self.text, at)
        except (JSONDecodeError, ValueError, RecursionError):
            self.fail(at)
        return Value(at, past, data)

    def object(self, at: int, depth: int) -> Value:
        """The object whose brace stands here."""
        members, here = list[Member](), self.past_blanks(at + 1)
        while self.text[here : here + 1] != "}":
            name = self.value(here, depth + 1)
            colon = self.past_blanks(name.end)
            if not isinstance(name.data, str) or self.text[colon : colon + 1] != ":":
                self.fail(here)
            value = self.value(self.past_blanks(colon + 1), depth + 1)
            members.append(Member(name.data, here, value))
            here = self.past_comma(value.end, "}")
        return Value(at, here + 1, {one.name: one.value.data for one in members}, tuple(members))

    def items(self, at: int, depth: int) -> Iterator[Value]:
        """What the list whose bracket stands here holds, and last where it ends."""
        here = self.past_blanks(at + 1)
        while self.text[here : here + 1] != "]":
            value = self.value(here, depth + 1)
            yield value
            here = self.past_comma(value.end, "]")
        yield Value(here, here + 1, None)

    def past_comma(self, at: int, closing: str) -> int:
        """Where it goes on behind a value: at the next one, or at the end of what holds both."""
        here = self.past_blanks(at)
        if self.text[here : here + 1] == ",":
            return self.past_blanks(here + 1)
        if self.text[here : here + 1] != closing:
            self.fail(here)
        return here

    def past_blanks(self, at: int) -> int:
        """The first place that is neither blank nor comment."""
        found = BLANK_OR_COMMENT.match(self.text, at)
        return found.end() if found else at

    def fail(self, at: int) -> NoReturn:
        """Say in which line it stops being JSON."""
        raise NotUnderstood(f"is no JSON from line {self.text.count(chr(10), 0, at) + 1} on")


def no_such_constant(_: str) -> NoReturn:
    """JSON has neither NaN nor Infinity."""
    raise ValueError


def is_plain_json(text: str) -> bool:
    """Whether it is JSON as programs read it that know no comments."""
    try:
        json.loads(text.removeprefix(BYTE_ORDER_MARK))
    except (ValueError, RecursionError):
        return False
    return True
