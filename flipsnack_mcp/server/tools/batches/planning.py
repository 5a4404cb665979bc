"""A plan of uploads as it is made: which documents are meant, what is in them, and what they cost."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Self

from anyio.to_thread import run_sync
from pydantic import BeforeValidator, Field, ValidationInfo, model_validator
from typing_extensions import override

from flipsnack_mcp.api import (
    Effect,
    FlipsnackError,
    FreeText,
    Status,
    StatusName,
    cleaned,
    few_named,
    first_few,
    public_address,
    quoted,
)
from flipsnack_mcp.api.actions import statistics
from flipsnack_mcp.files.paths.listing import list_files, one_folder
from flipsnack_mcp.files.paths.place import allowed_folders
from flipsnack_mcp.server.by_address.offering import ONE_BY_ONE
from flipsnack_mcp.server.tools.arguments import GivenId, WaitSeconds, for_team, several
from flipsnack_mcp.server.tools.batches.listing import TO_ANSWER, FolderName, left_out, under_titles_of_now
from flipsnack_mcp.server.tools.batches.telling import BatchStatus, batch_row, failures_first
from flipsnack_mcp.server.tools.choosing import PlanningInput
from flipsnack_mcp.server.tools.tool import ToolCall
from flipsnack_mcp.text import as_many
from flipsnack_mcp.workflows.batches import rules
from flipsnack_mcp.workflows.batches.seeing import SeenDocument, is_address, name_in_address
from flipsnack_mcp.workflows.jobs import new_job_id
from flipsnack_mcp.workflows.plans.drafts import LONGEST_TITLE
from flipsnack_mcp.workflows.progress import looked_into

DocumentNames = Annotated[list[Annotated[str, Field(max_length=4096)]], BeforeValidator(several)]
WHICH_DOCUMENTS = "say what to upload: give either documents or a folder"
WHICH_ADDRESSES = (
    "say what to upload: give documents, by their public https addresses. For one that has none create_collection gives an "
    "address that it is sent to"
)
NOTHING = "Nothing would be uploaded."
NOT_LOOKED_INTO = "Flipsnack fetches them: whether each is a PDF, and how many pages it has, is not known before."
IN_TIME = "No time was left to read all of them; they are looked into once more before they are sent."


class CreateCollectionsInput(PlanningInput):
    """Upload a whole folder, several or all PDF documents in it, at once (batch): make and publish many flipbooks. First it only plans, with what it costs; plan_id alone carries it out."""

    tool_name = "create_collections"
    tool_title = "Bulk upload"
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

    @model_validator(mode="after")
    def documents_or_a_folder(self, told: ValidationInfo) -> Self:
        """What to upload, by what there is: a server of several people reads nobody's folders."""
        if "plan_id" not in self._given and bool(self.documents) == bool(self.folder):
            raise ValueError(WHICH_ADDRESSES if for_team(told) else WHICH_DOCUMENTS)
        return self

    @override
    def objection(self) -> str:
        unknown = ", ".join(map(quoted, rules.unknown_places(self.title or "")))
        return f"the title knows {{name}}, {{number}} and {{date}}, and not {unknown}" if unknown else ""


async def make_batch(call: ToolCall, arguments: CreateCollectionsInput) -> BatchStatus:
    """What would be uploaded, and what that costs; nothing is sent."""
    asked, said = await documents_meant(call, arguments)
    seen = await see_documents(call, asked)
    items = rules.batch_items(seen, arguments.title or rules.BY_NAME, call.app.reports.today.isoformat())
    count = sum(one.state == "planned" for one in items)
    warnings = [*said, *warnings_about(seen, items)]
    if not count:
        told = failures_first(batch_row(one) for one in items)
        return BatchStatus(state="complete", counts={"failed": len(items)}, items=told, warnings=[NOTHING, *warnings])
    left = (await call.context.send(statistics.GetUserStats())).api_uploads_left
    at_most = may_be_there(seen, items)
    check_quota(count, left, at_most=at_most)
    # As they were found: one that cannot be uploaded has no path.
    folder = str(Path(asked[0].given).parent) if arguments.folder else ""
    batch = await kept_batch(call, items, arguments.status or "editable", folder)
    return BatchStatus(
        plan_id=batch.plan_id,
        state="planned",
        counts=batch.counts,
        changes=cost_of(batch, count, left, at_most=at_most),
        items=failures_first(batch_row(one) for one in items),
        warnings=warnings,
        next_step=f'Nothing was sent yet. Call create_collections(plan_id="{batch.plan_id}", wait_seconds=45) where this '
        "is exactly what was asked for; else show it first.",
    )


async def kept_batch(
    call: ToolCall, items: tuple[rules.BatchItem, ...], status: StatusName, folder: str
) -> rules.DocumentBatch:
    """Write the plan down."""
    plan = {"plan_id": new_job_id(), "account": call.app.settings.account, **call.beginner._asdict()}
    return await call.app.batches.record.keep(rules.DocumentBatch(items=items, status=status, folder=folder, **plan))


async def documents_meant(call: ToolCall, arguments: CreateCollectionsInput) -> tuple[list[SeenDocument], list[str]]:
    """The documents by which they are opened, each once, and what was left out."""
    if call.app.handing:
        return [at_address(one) for one in dict.fromkeys(arguments.documents or ())], [NOT_LOOKED_INTO]
    folders = call.app.upload_dirs
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
    return found, left_out(listing)


def at_address(given: str) -> SeenDocument:
    """A document that Flipsnack is to fetch."""
    try:
        return SeenDocument(public_address(given), called=name_in_address(given))
    except ValueError as error:
        way_on = "" if "://" in given else f" For one that lies with the person {ONE_BY_ONE}"
        reason = f"It cannot be fetched: {error}.{way_on}"
        return SeenDocument(given, called=cleaned(given, LONGEST_TITLE), refused=reason)


async def see_documents(call: ToolCall, asked: Sequence[SeenDocument]) -> list[SeenDocument]:
    """The documents as they lie there, each once."""
    if call.app.handing:
        return [*asked]

    async def tell(done: int) -> None:
        if done < len(asked):
            await call.request.tell(looked_into(done, len(asked)))

    until = call.request.deadline - 2 * TO_ANSWER
    seen = await call.app.eyes.see_all(asked, until, tell, content=True)
    return await under_titles_of_now(call, list({one.path or one.given: one for one in seen}.values()))


def check_quota(count: int, left: int | None, *, at_most: bool) -> None:
    """Raise where the month's uploads do not do for all."""
    if left is None or count <= left:
        return
    documents = as_many(count, "document")
    uploads = f"{left} of the month's uploads {'is' if left == 1 else 'are'} left"
    if at_most:
        raise FlipsnackError(
            f"{documents} named, and {uploads}; what was uploaded before, or is the same twice, costs none.",
            f"Name in documents those alone that are new, {left} at most: list_documents tells what became a collection "
            "already."
            if left
            else "Tell the person; list_documents tells which became a collection already.",
        )
    raise FlipsnackError(
        f"{documents} would be uploaded, and {uploads}.",
        f"Name at most {left} of them in documents, or tell the person." if left else "Tell the person.",
    )


def may_be_there(seen: Sequence[SeenDocument], items: Sequence[rules.BatchItem]) -> bool:
    """Whether some may not be sent: the same document with the same title is, or will be, a collection already."""
    planned = [one for one in items if one.state == "planned"]
    before = {(str(one.path), one.known.title) for one in seen if one.known.collection_hash}
    contents = Counter((one.sha256, one.title) for one in planned if one.sha256)
    return any((one.path, one.title) in before for one in planned) or any(count > 1 for count in contents.values())


def cost_of(batch: rules.DocumentBatch, count: int, left: int | None, *, at_most: bool) -> list[str]:
    """What carrying it out takes and makes."""
    most, no_less = ("at most ", "no less than ") if at_most else ("", "")
    figures = f"api_uploads_left: from {left} to {no_less}{(left or 0) - count}"
    after = "how many are left is not known" if left is None else figures
    made = "a draft" if batch.status == "editable" else batch.status
    which = "each that is sent" if at_most else "each"
    return [f"{most}{count} of the month's uploads, {after}", f"{which} becomes {made}"]


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
    unread = any(not one.sha256 and not one.refused and not is_address(one.given) for one in seen)
    return [
        *few_named("Uploaded before", before),
        *few_named("Titles that repeat", repeated),
        *first_few(odd),
        *([IN_TIME] if unread else []),
    ]
