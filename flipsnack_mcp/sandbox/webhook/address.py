"""Where a webhook may be, and how something gets there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

Post = Callable[[str, bytes], Awaitable[int]]
"""Posts JSON to an address and gives the status of the answer. Raises NoAnswer. Who holds the sandbox brings it, and with
it an HTTP client."""


class NoAnswer(Exception):  # noqa: N818 - the name says what happened
    """A webhook was not reached, or its answer never came; the text says why."""


@dataclass(frozen=True)
class Hook:
    """The one address that is configured in the app. Whoever knows it can send to it, so it is shown nowhere."""

    url: str
    post: Post

    def __post_init__(self) -> None:
        if not may_be_hook(self.url):
            raise ValueError("a webhook takes an https address, or an http address on this machine")


def may_be_hook(url: str) -> bool:
    """Tell whether the app would take it. Documented: https only. Sandbox's own choice: plain http on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        usable = url.isascii() and url.isprintable() and " " not in url and parts.port != 0 and not parts.username
    except ValueError:
        return False
    return usable and bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and _is_here(host)))


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
