"""What arrived at the imitations, held against what people were told: the sink decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import Any

from benchmarks.team_scene.imitations import ACCOUNTS
from benchmarks.team_scene.load import Diary, Outcome, Told

LONGEST_CALL = 60.0
"""Seconds after which desktop clients give up."""
UNWRITTEN = "the history could not be written"
"""Of an entry, in the log of a server."""
UPDATE, CREATE, DELETE = "collection.update", "collection.create", "collection.deleteCollection"
Arrived = Mapping[str, Any]


@dataclass(frozen=True)
class Sink:
    """The requests of each account, as its imitation saw them; `began` is the diary's beginning on their clock."""

    requests: Mapping[str, Sequence[Arrived]]
    began: float

    def carried_out(self, *actions: str) -> list[Arrived]:
        return [
            one for every in self.requests.values() for one in every if one["action"] in actions and one["executed"]
        ]

    def refused(self) -> int:
        """Answers 31 and 32."""
        return sum(one["code"] in {31, 32} for every in self.requests.values() for one in every)

    def use(self, account: str, since: float, until: float, calls_per_minute: int) -> float:
        """The part of an account's allowance that was used between two moments."""
        counted = sum(bool(since <= one["at"] - self.began < until) for one in self.requests[account])
        return counted / (calls_per_minute * (until - since) / 60)

    def writes(self) -> Counter[str]:
        """How often each write was carried out, by the marker in its description or title."""
        texts = (
            text
            for one in self.carried_out(UPDATE, CREATE)
            for text in (one["params"].get("description", ""), one["params"].get("title", ""))
        )
        return Counter(f"mark {text.partition('mark ')[2]}" for text in texts if "mark " in text)

    def deletions(self) -> Counter[str]:
        """By account and hash: imitations that began alike give out the same hashes."""
        every = ((name, one) for name, arrived in self.requests.items() for one in arrived)
        deleted = ((name, one) for name, one in every if one["action"] == DELETE and one["executed"])
        return Counter(f"{name} {one['params']['collectionHash']}" for name, one in deleted)


@dataclass(frozen=True)
class Events:
    """When replicas were killed."""

    kills: list[float] = field(default_factory=list[float])

    def cut(self, told: Told) -> bool:
        """Whether a call was under way when one of them was."""
        return any(told.began - 1 <= at <= told.began + told.seconds + 1 for at in self.kills)


def broken(diary: Diary, sink: Sink, events: Events) -> Iterator[str]:
    """Every promise that was not kept, in words."""
    if refused := sink.refused():
        yield f"{refused} calls were refused with 31 or 32"
    for told in diary.told:
        yield from broken_by(told, events)
    yield from broken_writes(diary.written, sink.writes())
    yield from broken_deletions(diary, sink.deletions())


def broken_by(told: Told, events: Events) -> Iterator[str]:
    """What is wrong with one answer."""
    said = f"{told.tool} on {told.account} at {told.began:.1f} s ({told.revision}, {told.replica or 'no replica'})"
    if told.outcome is Outcome.WRONG:
        yield f"{said} got neither an answer nor a clear retryable error: {told.text[:300]!r}"
    if told.outcome is Outcome.CUT and not events.cut(told):
        yield f"{said} was cut off though no replica was killed: {told.text[:300]!r}"
    if told.seconds > LONGEST_CALL:
        yield f"{said} took {told.seconds:.0f} s"
    if others := [one for one in ACCOUNTS if one != told.account and one in told.text.lower()]:
        yield f"{said} speaks of {', '.join(others)}: {told.text[:300]!r}"


def broken_writes(written: Mapping[str, str], carried_out: Counter[str]) -> Iterator[str]:
    """Writes that were doubled, lost, or done though the answer said otherwise."""
    for marker, count in carried_out.items():
        if count > 1:
            yield f"{marker!r} was written {count} times"
        if marker not in written:
            yield f"{marker!r} was written and nobody asked for it"
        elif written[marker] == "unchanged":
            yield f"{marker!r} was written though the answer said that nothing was changed"
    for marker, state in written.items():
        if state == "done" and not carried_out[marker]:
            yield f"{marker!r} was answered as done and never arrived"


def broken_deletions(diary: Diary, deletions: Counter[str]) -> Iterator[str]:
    """Deletions without a yes, doubled or lost."""
    for target, count in deletions.items():
        if target not in diary.agreed:
            yield f"{target} was deleted and nobody agreed"
        if count > 1:
            yield f"{target} was deleted {count} times"
    for target in diary.deleted - deletions.keys():
        yield f"{target} was answered as deleted and never was"


def unrecorded(diary: Diary, trail: str, logs: str) -> Sequence[str]:
    """What is missing in the history, unless servers say so: a change that ended while Redis was away is done all the same."""
    gone = [*missing(diary, trail)]
    return gone if len(gone) > logs.count(UNWRITTEN) else []


def missing(diary: Diary, trail: str) -> Iterator[str]:
    """What was answered as done and is not in the history, which tells of each change what it made."""
    for marker, state in diary.written.items():
        if state == "done" and marker not in trail:
            yield f"{marker!r} was answered as done and is not in the history"
    for target in diary.deleted:
        if target.split()[1] not in trail:
            yield f"the deletion of {target} is not in the history"


def figures(diary: Diary) -> dict[str, Any]:
    """What happened, in numbers."""
    took = [one.seconds for one in diary.told if one.outcome is Outcome.DONE and one.tool != "report_stats"]
    return {
        "calls": len(diary.told),
        "outcomes": dict(Counter(str(one.outcome) for one in diary.told)),
        "revisions": dict(Counter(one.revision for one in diary.told)),
        "replicas": dict(Counter(one.replica for one in diary.told)),
        "writes": dict(Counter(diary.written.values())),
        "told": dict(Counter(one.text[:100] for one in diary.told if one.outcome is not Outcome.DONE).most_common(8)),
        "deletions": len(diary.deleted),
        "median_seconds": round(median(took), 3) if took else None,
        "p95_seconds": round(quantiles(took, n=20)[-1], 3) if len(took) > 1 else None,
    }
