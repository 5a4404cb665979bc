"""What a sandbox can begin with, one by one: a print is a collection that is not there yet."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Print:
    """One collection of an account; `age` in days."""

    title: str
    age: int
    pages: int
    description: str = ""
    status: str = "public"
    conversion: str = "complete"
    unread: bool = False
    """Nobody has ever opened it."""
