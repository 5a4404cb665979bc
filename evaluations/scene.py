"""What a job begins with: an account, a folder of documents, faults; and what there is of it at any moment."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path
from typing import Any

from evaluations.filling import day_named
from evaluations.job import Job, Which
from flipsnack_mcp.sandbox import Pace, Sandbox
from flipsnack_mcp.sandbox.account import Collection
from flipsnack_mcp.sandbox.dates import DAY, day
from flipsnack_mcp.sandbox.faults import fault_from_json
from flipsnack_mcp.sandbox.links import direct_link
from flipsnack_mcp.sandbox.transcript import Arrived
from flipsnack_mcp.sandbox.visits import Period, Visits, daily

FIGURE = re.compile(r"(impressions|views|time_spent|downloads) of (.+), (-?\d+) to (-?\d+)")
HASH, LINK = "hash of ", "link of "
QUICK = {"conversion_seconds": 2.0, "package_seconds": 2.0}
"""Nobody learns anything from a longer wait."""
ROWS_OF_A_PLAN = "Flipsnack plan "
"""How the files begin in which a large plan lists what its answer has no room for: nobody asked for them."""


@dataclass(frozen=True)
class Flipbook:
    """A collection as it was at one moment. Its hash may change, its identity does not."""

    identity: str
    hash: str
    title: str
    status: str
    description: str | None
    width: int
    height: int
    documents: tuple[str, ...]
    logo: str
    background: str
    created_at: float


@dataclass(frozen=True)
class Moment:
    """An account at one moment."""

    flipbooks: tuple[Flipbook, ...]
    now: float

    def which(self, chosen: Which) -> list[Flipbook]:
        """Those that are meant, the newest first."""
        oldest = self.now - (chosen.older_than or 0) * DAY
        found = sorted(
            (
                one
                for one in self.flipbooks
                if fnmatchcase(one.title, chosen.title)
                if chosen.status in {None, one.status}
                if one.created_at <= oldest
            ),
            key=lambda one: -one.created_at,
        )
        return {"newest": found[:1], "oldest": found[-1:], None: found}[chosen.only]


@dataclass(frozen=True)
class Scene:
    """One job's own Flipsnack and folders."""

    job: Job
    sandbox: Sandbox
    folder: Path
    clock: Callable[[], float]

    @property
    def uploads(self) -> Path:
        return self.folder / "uploads"

    @property
    def downloads(self) -> Path:
        return self.folder / "downloads"

    def moment(self) -> Moment:
        return Moment(tuple(map(seen, self.sandbox.account.collections.values())), self.clock())

    def break_things(self) -> None:
        """From now on goes wrong what the job wants to go wrong."""
        for fault in self.job.faults:
            self.sandbox.add_fault(fault_from_json(fault))

    def arrived(self, since: int = 0) -> list[Arrived]:
        """What Flipsnack was asked since so many requests."""
        return self.sandbox.requests[since:]

    def saved(self) -> dict[str, bytes]:
        """What lies in the download folder, but for what is hidden there while it is on its way, and lists of plans."""
        every = sorted(self.downloads.rglob("*")) if self.downloads.exists() else []
        unasked = (".", ROWS_OF_A_PLAN)
        return {one.name: one.read_bytes() for one in every if one.is_file() and not one.name.startswith(unasked)}

    def known(self, name: str) -> Any:
        """What the account says of a collection, or the day that is meant. Raises LookupError for anything else."""
        if found := day_named(name, day(self.clock())):
            return found
        if figure := FIGURE.fullmatch(name):
            return self._figure(figure[1], self._titled(figure[2]), int(figure[3]), int(figure[4]))
        if name.startswith(HASH):
            return self._titled(name.removeprefix(HASH)).hash
        if name.startswith(LINK):
            return direct_link(self.sandbox.account, self._titled(name.removeprefix(LINK)))
        raise LookupError(name)

    def _titled(self, title: str) -> Collection:
        every = sorted(self.sandbox.account.collections.values(), key=lambda one: -one.created_at)
        found = next((one for one in every if one.title == title), None)
        if found is None:
            raise LookupError(title)
        return found

    def _figure(self, name: str, of: Collection, first: int, last: int) -> int:
        now = self.clock()
        today = day(now)
        period = Period(today + timedelta(days=first), today + timedelta(days=last))
        return int(getattr(sum(daily(of, period, now), Visits()), name))


def seen(one: Collection) -> Flipbook:
    items = tuple(item.hash for item in one.items)
    described = (one.description, one.width, one.height)
    return Flipbook(
        one.visits_key, one.hash, one.title, one.status, *described, items, one.logo, one.background, one.created_at
    )


def scene_of(job: Job, folder: Path, clock: Callable[[], float], key: str, secret: str, a_minute: int) -> Scene:
    """An account and a folder of their own, before anything goes wrong."""
    given: dict[str, Any] = {**QUICK, **job.pace}
    pace = Pace(**given, calls_per_second=-(-a_minute // 12), calls_per_minute=a_minute)
    sandbox = Sandbox(api_key=key, api_secret=secret, clock=clock, pace=pace, account=job.account)
    scene = Scene(job, sandbox, folder, clock)
    put_documents(scene.uploads, job.documents)
    return scene


def put_documents(folder: Path, names: Iterable[str]) -> None:
    """The demo's catalogue under these names, each another document."""
    folder.mkdir(parents=True, exist_ok=True)
    catalogue = files("flipsnack_mcp.commands").joinpath("catalogue.pdf").read_bytes()
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(catalogue + f"\n% {name}\n".encode())
