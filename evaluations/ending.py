"""How the account has to be in the end: as it was, but for what the job wants changed, gone or made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from hashlib import sha256

from evaluations.job import Becomes, Job, Made
from evaluations.record import Run
from evaluations.scene import Flipbook, Moment
from flipsnack_mcp.sandbox.transcript import Arrived

CREATE, HASH, TITLE = "collection.create", "collectionHash", "title"


class UnfitJobError(ValueError):
    """A job that does not fit the account it begins with."""


def wanted(job: Job, start: Moment) -> dict[str, Flipbook | None]:
    """How each collection of the start has to be at the end, by identity; None where it has to be gone."""
    result: dict[str, Flipbook | None] = {one.identity: one for one in start.flipbooks}
    for change in job.changes:
        chosen = start.which(change)
        if len(chosen) != change.number:
            raise UnfitJobError(f"{job.name}: {change.title!r} are {len(chosen)}, not {change.number}")
        for one in chosen:
            result[one.identity] = become(one, change.becomes) if change.becomes else None
    return result


def become(one: Flipbook, new: Becomes) -> Flipbook:
    title = one.title if new.title is None else new.title
    title = title.replace(*new.replaced) if new.replaced else title
    given = {name: getattr(new, name) for name in ("status", "description", "width", "height")}
    kept = one.documents if new.documents is None else one.documents[: new.documents]
    return replace(
        one,
        title=f"{new.prefix}{title}{new.suffix}",
        documents=kept,
        **{name: value for name, value in given.items() if value is not None},
    )


def changes_differ(job: Job, run: Run) -> Iterator[str]:
    """Every collection of the start is as the job wants it, and those that it does not speak of are as they were."""
    before, there = ({one.identity: one for one in moment.flipbooks} for moment in (run.start, run.end))
    for identity, flipbook in wanted(job, run.start).items():
        was, found = before[identity], there.get(identity)
        if flipbook is None and found is not None:
            yield f"{was.title!r} is still there"
        elif flipbook is not None and found is None:
            yield f"{was.title!r} is gone"
        elif flipbook is not None and found is not None:
            yield from (f"{was.title!r}: {wrong}" for wrong in differences(flipbook, found))


def differences(wanted: Flipbook, found: Flipbook) -> Iterator[str]:
    for name in ("title", "status", "description", "width", "height", "logo", "background"):
        if getattr(found, name) != getattr(wanted, name):
            yield f"{name} is {getattr(found, name)!r}, not {getattr(wanted, name)!r}"
    if found.documents != wanted.documents:
        yield f"has {len(found.documents)} documents, which are not the {len(wanted.documents)} that are wanted"


def others_touched(job: Job, run: Run) -> Iterator[str]:
    """No request that writes went to a collection which the job does not change, even where nothing came of it."""
    start = {one.hash: one for one in run.start.flipbooks}
    before = {one.identity: one for one in run.start.flipbooks}
    changed = {identity for identity, one in wanted(job, run.start).items() if one != before[identity]}
    for one in run.written:
        touched = start.get(one.params.get(HASH, ""))
        if touched is not None and touched.identity not in changed:
            yield f"{one.action} was asked for {touched.title!r}"
    uploads = sum(one.action == CREATE for one in run.written)
    if uploads != len(job.made):
        yield f"{uploads} documents were uploaded, not {len(job.made)}"


def made_differs(job: Job, run: Run) -> Iterator[str]:
    """The new collections are those that the job wants, each once."""
    known = {one.identity for one in run.start.flipbooks}
    new = [one for one in run.end.flipbooks if one.identity not in known]
    for made in job.made:
        found = next((one for one in new if is_made(made, one, run)), None)
        if found is None:
            yield f"no {made.status} collection {made.title!r} was made{f' of {made.document}' if made.document else ''}"
        else:
            new.remove(found)
    yield from (f"{one.title!r} ({one.status}) was made besides" for one in new)


def is_made(made: Made, one: Flipbook, run: Run) -> bool:
    fits = fnmatchcase(one.title, made.title) and one.status == made.status
    described = made.description is None or one.description == made.description
    return fits and described and (not made.document or came_from(made.document, one, run))


def came_from(document: str, one: Flipbook, run: Run) -> bool:
    """Whether Flipsnack got this file, or this address, when it made a collection that is called so, or was then."""
    created = [arrived for arrived in run.written if arrived.action == CREATE]
    same_address = [arrived for arrived in created if arrived.params.get("fileUrl") == document]
    path = run.uploads / document
    digest = sha256(path.read_bytes()).hexdigest() if path.is_file() else None
    same_file = [arrived for arrived in created if arrived.file and arrived.file["sha256"] == digest]
    first_titles = {title_at_first(arrived) for arrived in (*same_address, *same_file)}
    renamed = {arrived.params[TITLE] for arrived in run.written if arrived.action != CREATE and TITLE in arrived.params}
    return one.title in first_titles or bool(first_titles and one.title in renamed)


def title_at_first(arrived: Arrived) -> str:
    named = arrived.file["name"] if arrived.file else arrived.params.get("fileUrl", "")
    return arrived.params.get(TITLE) or named.rpartition("/")[2].removesuffix(".pdf")
