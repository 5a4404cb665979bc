"""create_collections: first only a plan of uploads, then exactly that plan, carried out in the background."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

import anyio
from anyio.to_thread import run_sync
from pydantic import BeforeValidator, Field, model_validator
from typing_extensions import override

from flipsnack_mcp.api import Changed, Effect, FlipsnackError, FreeText, Status, first_few, quoted
from flipsnack_mcp.api.actions import statistics
from flipsnack_mcp.files.paths.listing import list_files, one_folder
from flipsnack_mcp.files.paths.place import allowed_folders
from flipsnack_mcp.files.refusal import RefusedFile
from flipsnack_mcp.server.tools.arguments import GivenId, ToolInput, WaitSeconds, several
from flipsnack_mcp.server.tools.batches.listing import NAMED, TO_ANSWER, FolderName, notes
from flipsnack_mcp.server.tools.tool import Answered, HowFar, NextStep, Planned, ToolCall, Warnings, in_numbers
from flipsnack_mcp.server.tools.uploads import UNDER_WAY, state_of, warn_about
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.workflows.batches import rules
from flipsnack_mcp.workflows.batches.seeing import SeenDocument
from flipsnack_mcp.workflows.jobs import new_job_id
from flipsnack_mcp.workflows.plans.rules import LONGEST_TITLE, PLAN_IS_OLD
from flipsnack_mcp.workflows.progress import Progress, looked_into
from flipsnack_mcp.workflows.uploads.following import Followed
from flipsnack_mcp.workflows.uploads.looking_after import look_after

WITH_A_PLAN = frozenset({"plan_id", "wait_seconds"})
NOTHING = "Nothing would be uploaded."
IN_TIME = "No time was left to read all of them; they are looked into once more before they are sent."
BatchStateTold = Literal["planned", "running", "complete", "stopped"]
DocumentNames = Annotated[list[Annotated[str, Field(max_length=4096)]], BeforeValidator(several)]


class CreateCollectionsInput(ToolInput):
    """Upload many PDFs as collections: documents, or a whole folder. First it only plans: show the plan with what it costs, then call with plan_id alone."""

    tool_name = "create_collections"
    tool_title = "Create many collections"
    effect = Effect.WRITES
    over = "collection.create, many times"

    documents: Annotated[DocumentNames | None, Field(max_length=rules.MOST_DOCUMENTS, description="Names or paths")] = (
        None
    )
    folder: Annotated[FolderName | None, Field(description="All in it")] = None
    title: Annotated[
        str | None, Field(max_length=LONGEST_TITLE, description="Rule with {name}, {number}, {date}"), FreeText()
    ] = None
    status: Annotated[Status | None, Field(description="Default editable")] = None
    plan_id: Annotated[GivenId | None, Field(description="To carry out")] = None
    wait_seconds: WaitSeconds = 30

    @property
    @override
    def changes_something(self) -> bool:
        return self.plan_id is not None  # else it only plans

    @model_validator(mode="after")
    def a_plan_or_what_to_plan(self) -> Self:
        """Either a plan alone, or documents to make one of."""
        given = {name for name in self.model_fields_set if getattr(self, name) is not None}
        if self.plan_id is not None:
            if given - WITH_A_PLAN:
                raise ValueError("plan_id is carried out as it was planned: give only wait_seconds with it")
        elif bool(self.documents) == bool(self.folder):
            raise ValueError("say what to upload: give either documents or a folder")
        if unknown := rules.unknown_places(self.title or ""):
            raise ValueError(
                f"the title knows {{name}}, {{number}} and {{date}}, and not {', '.join(map(quoted, unknown))}"
            )
        return self


class BatchRow(Answered):
    """One document, and what it becomes."""

    name: str
    pages: int | None = None
    title: str | None = None
    state: str
    collection_hash: str | None = None
    direct_link: str | None = None
    reason: str | None = None


class BatchStatus(Answered):
    """A plan of uploads, and how far it is."""

    plan_id: Annotated[str | None, Field(description="Goes on")] = None
    state: Annotated[BatchStateTold, Field(description="Of the plan")]
    counts: Annotated[dict[str, int], Field(description="By state")]
    progress: HowFar = None
    changes: Planned = None
    items: Annotated[list[BatchRow] | None, Field(description="In their order")] = None
    warnings: Warnings = []
    next_step: NextStep = None


async def create_collections(call: ToolCall, arguments: CreateCollectionsInput) -> BatchStatus:
    """Make a plan; or have one carried out in the background, and watch."""
    if arguments.plan_id is None:
        return await make_plan(call, arguments)
    batch = await earlier_plan(call, arguments.plan_id)
    return await carry_out(call, arguments.wait_seconds, batch)


async def make_plan(call: ToolCall, arguments: CreateCollectionsInput) -> BatchStatus:
    """What would be uploaded, and what that costs; nothing is sent."""
    asked, said = await documents_meant(call, arguments)
    seen = await look_into(call, asked)
    items = rules.items_of(seen, arguments.title or rules.BY_NAME, call.app.reports.today.isoformat())
    count = sum(one.state == "planned" for one in items)
    warnings = [*said, *warnings_about(seen, items)]
    if not count:
        told = [batch_row(one) for one in items]
        return BatchStatus(state="complete", counts={"failed": len(items)}, items=told, warnings=[NOTHING, *warnings])
    left = (await call.context.send(statistics.GetUserStats())).api_uploads_left
    check_quota(count, left)
    folder = str(Path(seen[0].path or "").parent) if arguments.folder else ""
    batch = await call.app.batches.record.keep(
        rules.DocumentBatch(
            plan_id=new_job_id(),
            account=call.app.settings.account,
            items=items,
            status=arguments.status or "editable",
            folder=folder,
        )
    )
    return BatchStatus(
        plan_id=batch.plan_id,
        state="planned",
        counts=batch.counts,
        changes=cost_of(batch, count, left),
        items=[batch_row(one) for one in items],
        warnings=warnings,
        next_step=f'Nothing was sent yet: show this to the person. Call create_collections(plan_id="{batch.plan_id}", '
        "wait_seconds=45) once they agree.",
    )


async def documents_meant(call: ToolCall, arguments: CreateCollectionsInput) -> tuple[list[SeenDocument], list[str]]:
    """The documents by which they are opened, each once, and what was left out."""
    folders = call.app.settings.upload_dirs
    if arguments.folder is None:
        allowed_folders(folders, (arguments.documents or [""])[0])
        return [SeenDocument(one) for one in dict.fromkeys(arguments.documents or ())], []
    place = await run_sync(one_folder, arguments.folder, folders)
    listing = await run_sync(lambda: list_files(str(place.path), folders, deep=False))
    if len(listing.files) > rules.MOST_DOCUMENTS:
        raise FlipsnackError(
            f"There are {len(listing.files)} PDFs in that folder; one plan takes at most {rules.MOST_DOCUMENTS}.",
            "Name some of them in documents; list_documents tells what there is.",
        )
    found = [SeenDocument(str(one.place.path)) for one in listing.files]
    if not found:
        raise FlipsnackError("There is no PDF in that folder itself.", "Call list_documents to see what there is.")
    return found, notes(listing)


async def look_into(call: ToolCall, asked: Sequence[SeenDocument]) -> list[SeenDocument]:
    """The documents as they lie there, each once."""

    async def tell(done: int) -> None:
        if done < len(asked):
            await call.request.tell(looked_into(done, len(asked)))

    until = call.request.deadline - 2 * TO_ANSWER
    seen = await call.app.eyes.see_all(asked, until, tell, content=True)
    return list({one.path or one.given: one for one in seen}.values())


def check_quota(count: int, left: int | None) -> None:
    """Raise where the month's uploads do not do for all."""
    if left is not None and count > left:
        raise FlipsnackError(
            f"{count} documents would be uploaded, and {left} of the month's uploads are left.",
            f"Name at most {left} of them in documents, or tell the person." if left else "Tell the person.",
        )


def cost_of(batch: rules.DocumentBatch, count: int, left: int | None) -> list[str]:
    """What carrying it out takes and makes."""
    after = "how many are left is not known" if left is None else f"api_uploads_left: from {left} to {left - count}"
    made = "a draft" if batch.status == "editable" else batch.status
    return [f"{count} of the month's uploads, {after}", f"each becomes {made}"]


def warnings_about(seen: Sequence[SeenDocument], items: Sequence[rules.BatchItem]) -> list[str]:
    """What a person should know before they agree."""
    before = [
        f"{quoted(one.name, 80)} as {quoted(one.known.title, 80)} ({one.known.collection_hash})"
        for one in seen
        if one.known.collection_hash and not one.refused
    ]
    odd = [f"{quoted(one.name, 80)}: {' '.join(one.warnings)}" for one in seen if one.warnings and not one.refused]
    titles = Counter(one.title for one in items if one.state == "planned")
    repeated = [f"{quoted(title, 80)}, {count} times" for title, count in titles.items() if count > 1]
    unread = any(not one.sha256 and not one.refused for one in seen)
    return [
        *([f"Uploaded before: {'; '.join(first_few(before, NAMED))}."] if before else []),
        *([f"Titles that repeat: {'; '.join(first_few(repeated, NAMED))}."] if repeated else []),
        *first_few(odd, NAMED),
        *([IN_TIME] if unread else []),
    ]


async def earlier_plan(call: ToolCall, plan_id: str) -> rules.DocumentBatch:
    """The plan of this account, unless it is too old to hold to."""
    seen = await call.app.batches.record.look(plan_id)
    if seen is None:
        raise FlipsnackError(
            "There is no such plan.", "Call create_collections without plan_id to make one, and show it to the person."
        )
    if seen.is_old and not seen.batch.is_over:
        done = seen.batch.counts.get("done", 0)
        raise FlipsnackError(
            f"{PLAN_IS_OLD} Of its {len(seen.batch.items)} documents {done} were uploaded by earlier calls.",
            "Call create_collections without plan_id to make a new plan for the rest.",
        )
    return seen.batch


async def carry_out(call: ToolCall, seconds: float, batch: rules.DocumentBatch) -> BatchStatus:
    """Have a batch carried out, and say how far it is when the time is up; its links once all is through."""
    batches, context, progress = call.app.batches, call.context, Progress()
    end = anyio.current_time() + seconds
    said = await new_since(call, batch)
    try:
        job = None if batch.is_over else await batches.start(batch)
        if not batch.is_over:
            progress = await batches.watch(batch.plan_id, context.patience(seconds), context.tell)
        seen = await batches.record.look(batch.plan_id)
    except StoreUnusable as error:
        raise broken_off(batch, error) from None
    if job and job.error:
        raise broken_off(batch, job.error)
    batch = seen.batch if seen else batch
    if batch.left and not batch.stopped:
        return still_running(batch, progress)
    return await what_became(call, batch, end - anyio.current_time(), said)


def broken_off(batch: rules.DocumentBatch, error: Exception) -> FlipsnackError:
    """The error for a batch that ended before it could be written down how far it is."""
    happened, next_step = (getattr(error, name) for name in ("happened", "next_step"))
    return FlipsnackError(
        f"How far plan {batch.plan_id} is cannot be written down: {happened}",
        f'{next_step} Then call create_collections(plan_id="{batch.plan_id}").',
        changed=Changed.PERHAPS,
        retry="Do not make a new plan for the same documents.",
    )


def still_running(batch: rules.DocumentBatch, progress: Progress) -> BatchStatus:
    """State, counts, and how long it will go on."""
    far = in_numbers(progress) | {"done": len(batch.items) - len(batch.left), "total": len(batch.items)}
    when = f" in about {far['seconds_left']} s" if "seconds_left" in far else " later"
    return BatchStatus(
        plan_id=batch.plan_id,
        state="running",
        counts=batch.counts,
        progress=far,
        next_step="It goes on by itself: tell the person, and end your turn. Call "
        f'create_collections(plan_id="{batch.plan_id}", wait_seconds=45){when} to see.',
    )


async def what_became(call: ToolCall, batch: rules.DocumentBatch, seconds: float, said: list[str]) -> BatchStatus:
    """What every document became, as far as its conversion is by then."""
    journal = call.app.uploads.journal
    entries = [await journal.find(one.upload_id) for one in batch.items if one.state == "done"]
    known = {one.upload_id: one for one in entries if one}  # the same document twice is one upload
    followed = await look_after(call.context, call.app.uploads, list(known.values()), seconds)
    by_upload = {one.entry.upload_id: one for one in followed}
    rows = [batch_row(one, by_upload.get(one.upload_id)) for one in batch.items]
    converting = any(one.entry.state in UNDER_WAY for one in followed)
    stopped = [batch.stopped] if batch.stopped else []
    return BatchStatus(
        plan_id=batch.plan_id,
        state="stopped" if batch.is_stopped else "complete",
        counts=batch.counts,
        items=rows,
        warnings=[*stopped, *said],
        next_step=next_batch_call(batch, converting=converting),
    )


def next_batch_call(batch: rules.DocumentBatch, *, converting: bool) -> str | None:
    """The call that goes on from here."""
    call = f'Call create_collections(plan_id="{batch.plan_id}")'
    if batch.is_stopped:
        return f"Tell the person why it stopped. {call} to go on once that is mended."
    if converting:
        return "All is uploaded. Call get_upload(wait_seconds=45) to wait for the conversions; it gives the links."
    return None if batch.is_over else f"{call} to try what failed once more."


async def new_since(call: ToolCall, batch: rules.DocumentBatch) -> list[str]:
    """The documents that lie in the folder by now and are in no plan."""
    if not batch.folder:
        return []
    known = {one.path for one in batch.items}
    try:
        listing = await run_sync(lambda: list_files(batch.folder, call.app.settings.upload_dirs, deep=False))
    except RefusedFile:
        return []
    new = [quoted(one.place.name, 80) for one in listing.files if str(one.place.path) not in known]
    return [f"New in the folder since the plan, and left: {', '.join(first_few(new, NAMED))}."] if new else []


def batch_row(item: rules.BatchItem, followed: Followed | None = None) -> BatchRow:
    """One line of the table."""
    if followed is None:
        return BatchRow(
            name=item.name, pages=item.pages, title=item.title or None, state=item.state, reason=item.said or None
        )
    said = " ".join(filter(None, (item.said, *warn_about(followed))))
    return BatchRow(
        name=item.name,
        title=item.title,
        state=state_of(followed.entry),
        collection_hash=followed.entry.collection_hash or None,
        direct_link=followed.direct_link,
        reason=said or None,
    )
