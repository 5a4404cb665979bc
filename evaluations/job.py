"""What a job is: what a person asks for, the account that it begins with, how that has to end, and what it may cost."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from evaluations.filling import Known, filled

HERE = Path(__file__).parent
Status = Literal["public", "unlisted", "editable"]
Person = Literal["agrees", "declines", "cannot be asked"]
"""What whoever sits before the assistant does when a form is shown; the last has a client without forms."""


class Part(BaseModel):
    """Something that stands in one of the files: nothing in it is left unread."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class Call(Part):
    """One call of a tool. What stands in `<...>` is filled in when it is made."""

    tool: str
    given: dict[str, Any] = {}
    once: bool = False
    """What it begins is not waited for."""


class Which(Part):
    """Some of the collections that are there at the start."""

    title: str
    """`*` and `?` as in a shell."""
    status: Status | None = None
    older_than: int | None = None
    """Days."""
    only: Literal["newest", "oldest"] | None = None


class Becomes(Part):
    """What is new about a collection; the rest of it stays."""

    title: str | None = None
    replaced: tuple[str, str] | None = None
    """In its title: this by that."""
    prefix: str = ""
    suffix: str = ""
    status: Status | None = None
    description: str | None = None
    width: int | None = None
    height: int | None = None
    documents: int | None = None
    """How many of its documents are left."""


class Change(Which):
    """What becomes of some collections: something else, or without that nothing at all."""

    number: int = 1
    becomes: Becomes | None = None


class Made(Part):
    """New collections."""

    title: str
    status: Status
    document: str = ""
    """The file, or the address, that they are made of."""
    description: str | None = None


class Saved(Part):
    """A file in the download folder."""

    name: str
    """`*` and `?` as in a shell."""
    holds: tuple[str, ...] = ()
    """Texts in it; of a zip, names of files in it."""


class Looked(Part):
    """Something that Flipsnack has to have been asked."""

    action: str
    of: str = ""
    """The title of a collection."""
    params: dict[str, str] = {}
    number: int = 1
    """At least."""


class Job(Part):
    """A job as a person gives it, and how it is judged."""

    name: str
    asked: str
    language: str = "en"

    account: Literal["small", "large", "empty"] = "small"
    documents: tuple[str, ...] = ()
    """Files in the upload folder, each another PDF."""
    before: tuple[Call, ...] = ()
    """What somebody did earlier; the answers fill in what stands in `<...>`."""
    faults: tuple[dict[str, Any], ...] = ()
    """Of the sandbox, from when the assistant begins."""
    pace: dict[str, float] = {}
    """Of the sandbox, where it is not the usual one."""
    settings: dict[str, str] = {}
    """Of the server, without `FLIPSNACK_`."""
    person: Person = "declines"

    changes: tuple[Change, ...] = ()
    made: tuple[Made, ...] = ()
    saved: tuple[Saved, ...] = ()
    looked: tuple[Looked, ...] = ()
    says: tuple[str, ...] = ()
    """What the assistant's last words have to hold, in any case; one of several where they are parted by `|`."""
    forms: int = 0
    """How often the person has to be asked: neither less nor more."""
    calls: int = Field(default=8, gt=0)
    tokens: int = Field(default=4000, gt=0)
    """Of the answers' texts, at most."""

    def fitted(self, known: Known) -> Job:
        """The job of this day and account: what is asked for, and what has to be said and looked at, without gaps."""
        told = self.model_dump(include={"asked", "says", "looked"})
        return self.model_validate({**self.model_dump(), **filled(told, known)})


def read_jobs(text: str) -> list[Job]:
    return [Job.model_validate(one) for one in tomllib.loads(text)["job"]]


@cache
def jobs() -> dict[str, Job]:
    """All jobs by name, in the order of the files."""
    files = sorted((HERE / "jobs").glob("*.toml"))
    every = [job for file in files for job in read_jobs(file.read_text(encoding="utf-8"))]
    named = {job.name: job for job in every}
    if len(named) < len(every):
        raise ValueError("two jobs have one name")
    return named
