"""What is wrong with a run: the account at its end, the files, what Flipsnack was asked, what was said, what it cost."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from evaluations.ending import HASH, changes_differ, made_differs, others_touched
from evaluations.job import Job, Looked, Saved
from evaluations.record import Run

THOUSANDS = re.compile(r"(?<=\d)[.,'\u2019\u00a0\u202f ](?=\d{3}(?!\d))")
"""1,234 and 1.234 and 1 234 are one number."""


def judged(job: Job, run: Run) -> list[str]:
    """Everything that is wrong with a run of a job that was fitted to its account. Raises UnfitJobError where the job itself is."""
    rules: tuple[Callable[[], Iterator[str]], ...] = (
        lambda: ended(run),
        lambda: changes_differ(job, run),
        lambda: others_touched(job, run),
        lambda: made_differs(job, run),
        lambda: saved_differs(job.saved, run.saved),
        lambda: not_looked_at(job.looked, run),
        lambda: unsaid(job.says, run.said),
        lambda: costs(job, run),
    )
    return [wrong for rule in rules for wrong in rule()]


def ended(run: Run) -> Iterator[str]:
    if run.status:
        yield f"the assistant ended with status {run.status}"
    if not run.said.strip():
        yield "the assistant said nothing"


def saved_differs(wanted: Sequence[Saved], found: Mapping[str, bytes]) -> Iterator[str]:
    left = dict(found)
    for saved in wanted:
        name = next((one for one, content in left.items() if is_saved(saved, one, content)), None)
        if name is None:
            yield f"no file {saved.name} was saved with {', '.join(saved.holds) or 'anything in it'}"
        else:
            del left[name]
    yield from (f"the file {name!r} was saved besides" for name in left)


def is_saved(saved: Saved, name: str, content: bytes) -> bool:
    if not fnmatchcase(name, saved.name):
        return False
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            return {*saved.holds} <= {*package.namelist()}
    return all(one in content.decode() for one in saved.holds)


def not_looked_at(wanted: Sequence[Looked], run: Run) -> Iterator[str]:
    every = {one.hash: one.title for one in (*run.start.flipbooks, *run.end.flipbooks)}
    for looked in wanted:
        found = [
            one
            for one in run.requests
            if one.executed and one.action == looked.action
            if not looked.of or every.get(one.params.get(HASH, "")) == looked.of
            if looked.params.items() <= one.params.items()
        ]
        if len(found) < looked.number:
            told = ", ".join(f"{name}={value}" for name, value in looked.params.items())
            yield f"{looked.action} of {looked.of or 'anything'} with {told or 'anything'} was asked {len(found)} times"


def unsaid(wanted: Sequence[str], said: str) -> Iterator[str]:
    plain = folded(said)
    for text in wanted:
        if not any(is_in(folded(one), plain) for one in text.split("|")):
            yield f"not said: {text}"


def is_in(text: str, plain: str) -> bool:
    """Whether it stands there; a number is not part of a longer one."""
    return re.search(rf"(?<!\d){re.escape(text)}(?!\d)" if text.isdigit() else re.escape(text), plain) is not None


def folded(text: str) -> str:
    return THOUSANDS.sub("", text.casefold())


def costs(job: Job, run: Run) -> Iterator[str]:
    for name, found, most in (("calls", len(run.calls), job.calls), ("tokens", run.tokens, job.tokens)):
        if found > most:
            yield f"{found} {name}, more than {most}"
    if run.forms != job.forms:
        yield f"the person was asked {run.forms} times, not {job.forms}"
