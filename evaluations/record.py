"""What is known of a job that was played: the account before and after, and all that passed between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from evaluations.scene import Moment
from flipsnack_mcp.sandbox.transcript import Arrived

READS = frozenset({
    "collection.getList", "collection.getCollection", "collection.getEmbed", "collection.getStats",
    "collection.downloadHTML", "user.getStats", "zapier.getZapierLeadFormSample",
})  # fmt: skip


@dataclass(frozen=True)
class Called:
    """A call that the assistant made."""

    tool: str
    arguments: Mapping[str, Any]
    text: str
    """Of the answer."""
    is_error: bool = False


@dataclass(frozen=True)
class Run:
    """What is known of a job that was played."""

    start: Moment
    end: Moment
    requests: Sequence[Arrived]
    saved: Mapping[str, bytes]
    calls: Sequence[Called]
    forms: int
    said: str
    uploads: Path
    status: int = 0
    """With which the assistant ended."""

    @property
    def tokens(self) -> int:
        return sum(tokens(one.text) for one in self.calls)

    @property
    def written(self) -> list[Arrived]:
        """The requests that were carried out and do more than look."""
        return [one for one in self.requests if one.executed and one.action not in READS]


def tokens(text: str) -> int:
    """How much of a model's window a text takes."""
    return len(encoding().encode(text))


@cache
def encoding() -> Any:
    import bpe_openai  # type: ignore[import-untyped]  # noqa: PLC0415  # it has no types, and takes long to make

    return bpe_openai.get_encoding("o200k_base")
