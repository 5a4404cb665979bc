"""The document that all processes on one key share: the calls of the last minute, and who waits. `budget` reads it."""

from functools import cache
from typing import Annotated, TypeAlias, TypeGuard

from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic reads this one before Python 3.12

Seconds: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]
Who: TypeAlias = Annotated[str, Field(pattern="^[01].")]
# Start and length, not the end: a start in the future shows that the clock went back.
Pause: TypeAlias = Annotated[list[Seconds], Field(min_length=2, max_length=2)]


class Call(TypedDict):
    """A call of the last minute. `settled` is None while nobody knows that it has arrived."""

    granted: Seconds
    who: Who
    id: int
    settled: Seconds | None
    hold: Seconds


class Want(TypedDict):
    """One process waiting in one lane: how many callers, since when, and when it will look again."""

    n: int
    since: Seconds
    due: Seconds


class SharedBudget(TypedDict):
    """All that the processes on one key share. `who` is the lane's digit and the process's name."""

    log: list[Call]  # in the order granted
    want: dict[Who, Want]
    seq: int
    pause: Pause


def blank() -> SharedBudget:
    """Return the document of a key nobody has used yet."""
    return {"log": [], "want": {}, "seq": 0, "pause": [0, 0]}


def fits(found: object) -> TypeGuard[SharedBudget]:
    """Tell whether what a file held is a document."""
    try:
        shape().validate_python(found, strict=True)
    except ValidationError:
        return False
    return True


@cache
def shape() -> TypeAdapter[SharedBudget]:
    return TypeAdapter(SharedBudget)
