"""The last net: whatever puts the key, the secret or a signed address into a text, it does not leave the process."""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from typing_extensions import override

from flipsnack_mcp.api.action import JsonObject
from flipsnack_mcp.settings import Settings

SIGNED = re.compile(r"((?:apikey|signature)(?:=|%3D|[\"']?\s*[:=]\s*[\"']?))[^\s&\"'<>]+", re.IGNORECASE)
SHORTEST = 6
"""A credential shorter than this would blank out ordinary words; Flipsnack's are several times as long."""


@dataclass(frozen=True)
class Redactor:
    """Replaces credentials in texts."""

    secrets: tuple[str, ...]

    @classmethod
    def of(cls, settings: Settings) -> Redactor:
        """For the credentials of these settings."""
        known = (settings.api_key, settings.api_secret)
        return cls(tuple(one for one in known if len(one) >= SHORTEST))

    def text(self, text: str) -> str:
        """The text without them."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return SIGNED.sub(r"\1***", text)

    def data(self, data: JsonObject) -> JsonObject:
        """Structured data without them."""
        if not any(secret in json.dumps(data, ensure_ascii=False) for secret in self.secrets):
            return data
        redacted: JsonObject = self._walked(data)
        return redacted

    def _walked(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(name)): self._walked(one) for name, one in value.items()}
        return [self._walked(one) for one in value] if isinstance(value, list) else value

    def guard(self) -> None:
        """Put the net under every log handler, and under the report of a crash."""
        for handler in logging.getLogger().handlers:
            handler.setFormatter(Redacting(handler.formatter or logging.Formatter(), self))
        sys.excepthook = self.crashed

    def crashed(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """The report of a crash, on stderr as usual."""
        sys.stderr.write(self.text("".join(traceback.format_exception(kind, error, trace))))


class Redacting(logging.Formatter):
    """A formatter whose finished lines, tracebacks included, are redacted."""

    def __init__(self, inner: logging.Formatter, redactor: Redactor) -> None:
        super().__init__()
        self._inner, self._redactor = inner, redactor

    @override
    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.text(self._inner.format(record))
