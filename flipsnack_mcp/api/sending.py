"""What is seen from outside of one action on its way: its span, and what is counted. Never what is asked or answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.trace import StatusCode

from flipsnack_mcp import observed
from flipsnack_mcp.api.action import Action
from flipsnack_mcp.api.errors import FlipsnackError, RefusedError

NO_REFUSAL = 20
"""Flipsnack's code of an answer that is no refusal."""


class Sending:
    """How it goes with one action."""

    def __init__(self, action: Action[Any]) -> None:
        self.of_action = {observed.ACTION: action.api_name, observed.EFFECT: action.effect.value}
        self.tries = 0
        self.waited = 0.0
        """Seconds until the budget let its tries go."""

    def leaves(self) -> None:
        """One more request is on its way."""
        self.tries += 1
        observed.count(observed.REQUESTS, 1, self.of_action)

    @contextmanager
    def trying(self) -> Iterator[None]:
        """Around each try."""
        try:
            yield
        except FlipsnackError as error:
            failed = {observed.ACTION: self.of_action[observed.ACTION], observed.ERROR: cause_of(error)}
            observed.count(observed.ERRORS, 1, failed)
            raise


@contextmanager
def sending(action: Action[Any], url: str) -> Iterator[Sending]:
    """Around all tries of one action, which asks at this address."""
    seen, method = Sending(action), "POST" if action.uploads else "GET"
    facts = {**seen.of_action, observed.HTTP_METHOD: method, **host_in(url)}
    with observed.spanned(action.api_name, facts) as span:
        end: dict[str, str | int] = {observed.FLIPSNACK_CODE: NO_REFUSAL}
        try:
            yield seen
        except BaseException as error:
            end = ended_with(error)
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            span.set_attributes({**end, observed.TRIES: seen.tries, observed.SECONDS_WAITED: round(seen.waited, 3)})


@cache
def host_in(url: str) -> observed.Attributes:
    """Whom an address asks; nothing of one that nobody can ask."""
    try:
        parts = urlsplit(url)
        port = {observed.PORT: parts.port} if parts.port else {}
    except ValueError:
        return {}
    return {observed.SERVER_ADDRESS: parts.hostname or "", **port}


def ended_with(error: BaseException) -> dict[str, str | int]:
    """How it ended: what kept the answer away, and Flipsnack's code where it refused."""
    refused = {observed.FLIPSNACK_CODE: error.code} if isinstance(error, RefusedError) else {}
    return {observed.ERROR: cause_of(error), **refused}


def cause_of(error: BaseException) -> str:
    """By what errors are told apart: Flipsnack's code, or the name of our own error."""
    return str(error.code) if isinstance(error, RefusedError) else type(error).__name__
