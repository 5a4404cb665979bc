"""Whose work something is: every record of long work says who had it begun."""

from typing import NamedTuple, Protocol

from pydantic import BaseModel


class Beginner(NamedTuple):
    """Who has work begun; where nobody is told apart, nobody."""

    caller: str = ""
    """By name, for the history and for people."""
    principal: str = ""
    """The same whatever they are called: nobody else can stop it or go on with it."""


ANYBODY = Beginner()


class StillMay(Protocol):
    """Whether whoever had work begun, by their principal, may still have it done."""

    def __call__(self, principal: str, /, *, destroys: bool = False, reads: bool = False) -> bool:
        """`destroys`: it deletes or takes offline; `reads`: it changes nothing."""


def nobody_is_asked(_: str, /, **__: bool) -> bool:
    """Where callers are not told apart."""
    return True


class BegunWork(BaseModel):
    """A piece of long work, of whatever kind; what an earlier version wrote is nobody's."""

    caller: str = ""
    principal: str = ""

    @property
    def beginner(self) -> Beginner:
        """Whose it is."""
        return Beginner(self.caller, self.principal)
