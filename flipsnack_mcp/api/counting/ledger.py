"""The document that all processes on one key share: the calls of the last minute, and who waits. `budget` reads it."""

from bisect import bisect_right
from collections.abc import Iterable
from functools import cache
from typing import Annotated, TypeAlias, TypeGuard

from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic reads this one before Python 3.12

Seconds: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
Who: TypeAlias = Annotated[str, Field(pattern="^[01].")]
Two: TypeAlias = Annotated[list[Seconds], Field(min_length=2, max_length=2)]


class Call(TypedDict):
    """A call of which nobody knows that it has arrived."""

    granted: Seconds
    who: Who
    id: int
    hold: Seconds


class AnsweredCalls(TypedDict):
    """The calls of the last minute that have arrived, in the order in which their answers came.

    In columns: a thousand are read and written in a fifth of the time that as many objects take, at each look.
    """

    settled: list[Seconds]
    granted: list[Seconds]
    id: list[int]


class Want(TypedDict):
    """One process waiting in one lane: how many callers, since when, and when it will look again."""

    n: int
    since: Seconds
    due: Seconds


class SharedBudget(TypedDict):
    """All that the processes on one key share. `who` is the lane's digit and the process's name."""

    log: list[Call]  # under way, in the order granted
    answered: AnsweredCalls
    last: dict[Who, Two]  # when a lane of a process was granted its last call, and that one's number
    want: dict[Who, Want]
    seq: int
    # Start and length, not the end: a start in the future shows that the clock went back.
    pause: Two


def blank() -> SharedBudget:
    """Return the document of a key nobody has used yet."""
    nobody = AnsweredCalls(settled=[], granted=[], id=[])
    return {"log": [], "answered": nobody, "last": {}, "want": {}, "seq": 0, "pause": [0, 0]}


def fits(found: object) -> TypeGuard[SharedBudget]:
    """Tell whether what a file held is a document."""
    try:
        columns = shape().validate_python(found, strict=True)["answered"]
    except ValidationError:
        return False
    return len(columns["settled"]) == len(columns["granted"]) == len(columns["id"])


def call_rows(answered: AnsweredCalls) -> dict[int, tuple[float, float, int]]:
    """The calls that have arrived one by one, by their numbers."""
    return {row[2]: row for row in zip(answered["settled"], answered["granted"], answered["id"], strict=True)}


def call_columns(calls: Iterable[tuple[float, float, int]]) -> AnsweredCalls:
    """The same the other way round, in order."""
    ordered = sorted(calls)
    return {
        "settled": [row[0] for row in ordered],
        "granted": [row[1] for row in ordered],
        "id": [row[2] for row in ordered],
    }


def add_answered(answered: AnsweredCalls, settled: float, call: Call) -> None:
    """Put one where its answer came in the order of them all."""
    place = bisect_right(answered["settled"], settled)
    answered["settled"].insert(place, settled)
    answered["granted"].insert(place, call["granted"])
    answered["id"].insert(place, call["id"])


def forget_answered(answered: AnsweredCalls, now: float, oldest: float) -> None:
    """Drop what is over, and bring back what is still to come. They are in order: it costs no more where they are many."""
    settled, granted, numbers = answered["settled"], answered["granted"], answered["id"]
    if settled and settled[-1] > now:
        settled[:], granted[:] = [min(at, now) for at in settled], [min(at, now) for at in granted]
    over = bisect_right(settled, oldest)
    del settled[:over], granted[:over], numbers[:over]


@cache
def shape() -> TypeAdapter[SharedBudget]:
    return TypeAdapter(SharedBudget)
