"""The last net: whatever puts the key, the secret or a signed address into a text, it does not leave the process."""

import json
import logging
import re
import sys
import threading
import traceback
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from flipsnack_mcp.api import cleaned
from flipsnack_mcp.api.network import proxy_secrets
from flipsnack_mcp.redis_address import passwords_in
from flipsnack_mcp.settings import Settings

BETWEEN = r"(?:=|%3D|[\"']?\s*[:=]\s*[\"']?)"
# Flipsnack's signatures are MD5: that of a package's link at an object store is another thing, and the link is for use.
SIGNED = re.compile(rf"(apikey{BETWEEN})[^\s&\"'<>\\]+|(signature{BETWEEN})[0-9a-f]{{32}}(?![0-9a-f])", re.IGNORECASE)
LOGIN = re.compile(r"(\w{1,10}://[^\s:/@'\"]*:)[^\s/@'\"]+@")
"""A password in an address: of a proxy, of Redis, or of whatever a library writes down."""
IN_SUCH = frozenset("=:%")
"""One of them is in all that is signed. Most texts of an answer are a word, and need no look at all."""
SHORTEST = 6
"""A credential shorter than this would blank out ordinary words; Flipsnack's are several times as long."""

OF_THE_REQUEST: ContextVar[tuple[str, ...]] = ContextVar("of_the_request", default=())
"""What whoever makes the request that is handled has shown to be let in."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Redactor:
    """Replaces credentials in texts."""

    secrets: tuple[str, ...]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """For the credentials of all accounts of these settings, those of the environment's proxies, and of Redis."""
        keys = (text for one in settings.every for text in (one.api_key, one.api_secret))
        known = (*keys, *proxy_secrets(), *passwords_in(settings.state))
        # The longest first: one that begins with another would leave its end behind.
        ways = {way for one in known if len(one) >= SHORTEST for way in spellings(one)}
        return cls(tuple(sorted(ways, key=lambda way: (-len(way), way))))

    def text(self, text: str) -> str:
        """The text without them, and such that it can be sent: a path can hold bytes that are no text."""
        text = text if text.isascii() else text.encode(errors="replace").decode()
        for secret in (*OF_THE_REQUEST.get(), *self.secrets):
            text = text.replace(secret, "***")
        if not IN_SUCH.isdisjoint(text):
            text = SIGNED.sub(r"\1\2***", text)
        return LOGIN.sub(r"\1***@", text) if "@" in text else text

    def data(self, value: Any) -> Any:
        """Structured data without them."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(name)): self.data(one) for name, one in value.items()}
        return [self.data(one) for one in value] if isinstance(value, list) else value

    def guard(self) -> None:
        """Put the net under every log handler there is or will be, and under every report of a crash."""
        plain = logging.Handler.format

        def formatted(handler: logging.Handler, record: logging.LogRecord) -> str:
            return self.text(plain(handler, record))

        logging.Handler.format = formatted  # type: ignore[method-assign, assignment]  # libraries bring handlers of their own, later
        logging.raiseExceptions = False  # its report of a message that cannot be formatted prints the arguments
        sys.excepthook = self.crashed
        threading.excepthook = self.crashed_aside
        sys.unraisablehook = self.crashed_aside

    def crashed(self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        """The report of a crash, on stderr as usual."""
        sys.stderr.write(self.text("".join(traceback.format_exception(kind, error, trace))))

    def crashed_aside(self, crash: Any) -> None:
        """The same for a thread, which may end by SystemExit, and for what nobody can raise."""
        if crash.exc_type is SystemExit:
            return
        self.crashed(crash.exc_type, crash.exc_value, crash.exc_traceback)


def spellings(secret: str) -> tuple[str, ...]:
    """The ways a library may write it: as it is, in an address, in JSON, in a repr."""
    return secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]


def log_unexpected(tool: str, error: Exception) -> None:
    """Where it happened, without the exception's text: that can hold anything, also a signed URL."""
    log.error("%s failed with %s at %s", cleaned(tool, 60), type(error).__name__, places_of(error))


def places_of(error: BaseException) -> str:
    """The last modules and lines through which an exception came."""
    trace = traceback.walk_tb(error.__traceback__)
    return " > ".join([f"{frame.f_globals.get('__name__')}:{line}" for frame, line in trace][-6:])
