"""What a person reads while a call lasts: every progress message is worded here, and told no more often than it is worth."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import anyio

WORTH_TELLING, TELL_AGAIN = 2.0, 5.0
PAUSE_OF_NEWS = 3.0
"""Seconds: forty messages for forty changes tell no more than ten."""
SECONDS_A_CALL = 1.02
"""How long a call takes where nobody else uses the key."""
IN_LINE = "waiting in line"


@dataclass(frozen=True)
class Progress:
    """How far something is: in numbers where there are any, and in words."""

    done: int = 0
    total: int | None = None
    """None where nobody can know it."""
    message: str = ""
    seconds_left: float | None = None
    """For how long it will go on, where that is known."""
    trouble: str = ""
    """What delays it."""

    @classmethod
    def noted(cls, note: Mapping[str, Any]) -> "Progress":
        """As another process wrote it down, maybe one of a later version."""
        return cls(**{name: value for name, value in note.items() if name in cls.__dataclass_fields__})

    @property
    def ended(self) -> bool:
        """Whether all of it is done."""
        return self.total is not None and self.done >= self.total


Tell = Callable[[Progress], Awaitable[None]]
"""Takes one progress message."""
FOR_THE_PERSON = Progress(message="waiting for the person's answer")


def next_call(seconds: float, why: str) -> Progress:
    """How long the next request to Flipsnack waits, and for what."""
    return Progress(message=f"next call in {roughly(seconds)}: {why}")


def transferred(what: str, done: int, total: int | None) -> Progress:
    """How many bytes of an upload or download are through."""
    of = f" of {size_of(total)}, {min(100, 100 * done // total)} %" if total else ""
    return Progress(done, total or None, f"{what}: {size_of(done)}{of}")


def upload_at(sent: int, size: int, seconds: float | None) -> str:
    """How far an upload is, and how fast where that is known."""
    if not size:
        return "under way"
    rate = "" if seconds is None else f", {size_of(int(sent / max(seconds, 0.1)))}/s"
    return f"{size_of(sent)} of {size_of(size)}, {100 * sent // size} %{rate}"


def polled(what: str, state: str, seconds: float, polls: int) -> Progress:
    """What the last look at a conversion or a package said."""
    return Progress(message=f"{what}: {state}, {duration(round(seconds))}, poll {polls}")


def work_at(doing: str, done: int, total: int, what: str, seconds_left: float) -> Progress:
    """How far a plan of changes or uploads is, and for how long it will go on at its pace."""
    rest = f", {roughly(max(1, seconds_left))} left" if done < total else ""
    return Progress(done, total, f"{doing}: {done} of {total} {what}{rest}", seconds_left)


def uploads_ready(done: int, total: int) -> Progress:
    """How many uploads of the day nobody has to wait for any more."""
    return Progress(done, total, f"uploads: {done} of {total} ready")


def looked_into(done: int, total: int) -> Progress:
    """How many documents were looked into before anything is sent."""
    return Progress(done, total, f"documents: {done} of {total} looked into")


def budget_used_up(again: str, doing: str = "update") -> str:
    """Why a plan waits: other assistants or programs use the same key."""
    return f"{doing}: others use up what the key allows. {again}"


def choosing(found: int, most: int | None = None, seconds_left: float | None = None) -> Progress:
    """How many collections a report has found while it still reads the list, and how many there can be at most."""
    rest = "" if most is None or seconds_left is None else f" of at most {most}, {roughly(seconds_left)} left"
    return Progress(0, most, f"report: choosing, {found} collections so far{rest}", seconds_left)


def report_at(done: int, total: int, seconds_left: float, trouble: str, where: str = "") -> Progress:
    """How far a report is, and what delays it."""
    delayed = f"; {trouble}" if trouble else ""
    said = f"report: {done} of {total} collections{where}, {roughly(seconds_left)} left{delayed}"
    return Progress(done, total, said, seconds_left, trouble)


def reports_at(every: Sequence[Progress]) -> Progress:
    """How far reports of several accounts are that go on side by side: the slowest says for how long."""
    chosen = [one for one in every if one.total is not None]
    done, total = sum(one.done for one in chosen), sum(one.total or 0 for one in chosen)
    if not chosen:
        return Progress(message=f"report: choosing in {len(every)} accounts")
    if left := len(every) - len(chosen):
        others = f"{done} of {total} collections done in the others"
        return Progress(message=f"report: choosing in {left} of {len(every)} accounts, {others}")
    slowest = max(every, key=lambda one: one.seconds_left or 0.0)
    return report_at(done, total, slowest.seconds_left or 0.0, slowest.trouble, f" in {len(every)} accounts")


def duration(seconds: float) -> str:
    """A time as people read it: its two largest units, of which one that is nothing is left out."""
    if seconds < 60:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    counted = [(hours, "h"), (minutes, "min")] if hours else [(minutes, "min"), (rest, "s")]
    return " ".join(f"{count} {unit}" for count, unit in counted if count)


def roughly(seconds: float) -> str:
    """A time that nobody knows more exactly."""
    return f"about {duration(round(seconds))}"


def size_of(size: int) -> str:
    """A size as people read it."""
    return f"{size / 1024**2:.1f} MB" if size >= 1024**2 else f"{size / 1024:.1f} KB"


class Pausing:
    """Passes messages on, no more often than once in so many seconds."""

    def __init__(self, tell: Tell, pause: float = 0.0) -> None:
        self._tell, self._pause, self._next = tell, pause, 0.0

    async def pass_on(self, progress: Progress, *, at_once: bool = False) -> bool:
        """Tell something, unless the last was told just now; whether it was told."""
        now = anyio.current_time()
        if now < self._next and not at_once:
            return False
        self._next = now + self._pause
        await self._tell(progress)
        return True


class News(Pausing):
    """Told about everything new of a job; passes on how far it is, but for its end, which the result tells."""

    last, _told = Progress(), Progress()

    async def __call__(self, progress: Progress) -> None:
        self.last = progress if progress.message else self.last
        if self.last.message != self._told.message and not self.last.ended and await self.pass_on(self.last):
            self._told = self.last


class Waiting(Pausing):
    """Told about waits for the request budget; tells those that are long enough, and then now and again."""

    def __init__(self, tell: Tell) -> None:
        super().__init__(tell, TELL_AGAIN)

    async def __call__(self, why: str, seconds: float) -> None:
        if seconds >= WORTH_TELLING:
            await self.pass_on(next_call(seconds, why))


class Throttled(Pausing):
    """Told about every piece of a transfer, which has thousands; tells at most once a second, and nothing twice."""

    def __init__(self, tell: Tell, what: str) -> None:
        super().__init__(tell, 1.0)
        self._what, self._told = what, Progress()

    async def __call__(self, done: int, total: int | None) -> None:
        progress = transferred(self._what, done, total)
        if progress != self._told and await self.pass_on(progress, at_once=done == total):
            self._told = progress
