"""The transcript: what arrived at the API, in order, without credentials."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypedDict

_CREDENTIALS = ("apiKey", "signature")


class FileSeen(TypedDict):
    """What is known of an uploaded file; `sha256` is empty when the sandbox throws uploads away."""

    name: str
    size: int
    sha256: str
    type: str


@dataclass(frozen=True)
class Arrived:
    """One request that arrived at the API. `at` is clock seconds, `host` is "api" or "upload".

    `code` is the code of the envelope that went out, 0 when none did (a fault, or a client that hung up).
    `executed` tells whether the action was really carried out, whatever became of the answer.
    """

    number: int
    at: float
    host: str
    verb: str
    action: str
    params: dict[str, str]
    file: FileSeen | None = None
    code: int = 0
    executed: bool = False


@dataclass
class Transcript:
    """All requests, the newest last. Tests may clear `requests` at any time."""

    requests: list[Arrived] = field(default_factory=list)
    _arrived: int = 0

    def note(self, *, at: float, host: str, verb: str, params: Mapping[str, str], file: FileSeen | None) -> int:
        """Write a request down on arrival, so that it is there even if it is never answered; give its number."""
        self._arrived += 1
        shown = {name: "***" if name in _CREDENTIALS else value for name, value in params.items()}
        action = params.get("action", "")
        self.requests.append(Arrived(self._arrived, at, host, verb, action, shown, file))
        return self._arrived

    def executed(self, number: int) -> None:
        self._change(number, executed=True)

    def answered(self, number: int, code: int) -> None:
        self._change(number, code=code)

    def _change(self, number: int, *, code: int | None = None, executed: bool | None = None) -> None:
        for index in range(len(self.requests) - 1, -1, -1):
            entry = self.requests[index]
            if entry.number == number:
                self.requests[index] = replace(
                    entry,
                    code=entry.code if code is None else code,
                    executed=entry.executed if executed is None else executed,
                )
                return
