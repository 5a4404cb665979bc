"""list_documents: what lies in the upload folders, and what it was uploaded as."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from anyio.to_thread import run_sync
from pydantic import Field

from flipsnack_mcp.api import Effect, FreeText, cleaned, few_named, first_few, quoted
from flipsnack_mcp.files.documents import warnings_of_size
from flipsnack_mcp.files.paths.listing import FolderListing, FoundFile, list_files
from flipsnack_mcp.server.tools.arguments import ToolInput
from flipsnack_mcp.server.tools.tool import Answered, ToolCall, Warnings
from flipsnack_mcp.workflows.batches import rules
from flipsnack_mcp.workflows.batches.seeing import SeenDocument
from flipsnack_mcp.workflows.progress import looked_into

MOST_LISTED = 200
ONLY_THE_FIRST = f"Only the first {MOST_LISTED} are listed: give a folder or words to see others."
TO_ANSWER = 5.0
"""Seconds of a call that are not spent on counting pages."""
NANOSECONDS = 1e9

FolderName = Annotated[str, Field(max_length=4096)]


class ListDocumentsInput(ToolInput):
    """See which PDF files are in your upload folders: pages, size, and which collection each is already."""

    tool_name = "list_documents"
    tool_title = "Local files"
    effect = Effect.READS
    over = "the upload folders"
    idempotent = True

    folder: Annotated[FolderName | None, Field(description="Only in it and below")] = None
    query: Annotated[str | None, Field(max_length=200, description="Words of the path"), FreeText()] = None


class DocumentRow(Answered):
    """One PDF."""

    path: str
    bytes: int
    pages: int | None = None
    changed: str
    """UTC."""
    collection_hash: str | None = None
    title: str | None = None


class DocumentList(Answered):
    """PDFs that can be uploaded."""

    documents: Annotated[list[DocumentRow], Field(description="By path; with the collection it became")]
    total: Annotated[int, Field(description="All that fit")]
    warnings: Warnings = []


async def list_documents(call: ToolCall, arguments: ListDocumentsInput) -> DocumentList:
    """List them, and count pages as long as the time lasts."""
    folders = call.app.upload_dirs
    listing = await run_sync(lambda: list_files(arguments.folder, folders, deep=True))
    fitting = [one for one in listing.files if rules.has_words(one.place.parts, arguments.query or "")]
    seen = await with_pages(call, fitting[:MOST_LISTED])
    rows = [document_row(one) for one in seen]
    more = [ONLY_THE_FIRST] if len(fitting) > MOST_LISTED else [] if fitting else [nothing_found(arguments)]
    return DocumentList(documents=rows, total=len(fitting), warnings=[*more, *left_out(listing), *refusals(seen)])


def nothing_found(arguments: ListDocumentsInput) -> str:
    """What to do where no document is."""
    if arguments.query:
        return "No path there has all of these words: search with fewer, or call list_documents without query."
    if arguments.folder:
        return "Nothing in that folder or below it can be uploaded: call list_documents without folder to see what there is."
    return "Nothing in the upload folders can be uploaded: ask the person to put a PDF there."


async def with_pages(call: ToolCall, files: list[FoundFile]) -> list[SeenDocument]:
    """What is known of files, and the pages of the others."""
    eyes, until = call.app.eyes, call.request.deadline - TO_ANSWER
    there = [
        SeenDocument(str(one.place.path), one.place.path, one.size, one.changed, warnings=warnings_of_size(one.size))
        for one in files
    ]
    known = await eyes.recall(there)
    new = [one for one in known if one.pages is None]

    async def tell(done: int) -> None:
        if done < len(new):
            await call.request.tell(looked_into(done, len(new)))

    found = {one.given: one for one in await eyes.see_all(new, until, tell)}
    return await under_titles_of_now(call, [found.get(one.given, one) for one in known])


async def under_titles_of_now(call: ToolCall, documents: list[SeenDocument]) -> list[SeenDocument]:
    """Documents with the titles that their collections have by now, as far as a list of the last seconds tells them."""
    titles = await call.app.recent.titles()
    return [
        replace(one, known=replace(one.known, title=titles.get(one.known.collection_hash, one.known.title)))
        for one in documents
    ]


def document_row(one: SeenDocument) -> DocumentRow:
    """One line of the list."""
    at = datetime.fromtimestamp(one.changed / NANOSECONDS, UTC).strftime("%Y-%m-%d %H:%M")
    known = one.known
    path = given_path(one.path or Path(one.given))
    made, title = known.collection_hash or None, (known.title if known.collection_hash else "") or None
    return DocumentRow(path=path, bytes=one.size, pages=one.pages, changed=at, collection_hash=made, title=title)


def given_path(path: Path) -> str:
    """A path as it can be given back: as a URL where it would get another form on its way through an answer."""
    text = str(path)
    return text if cleaned(text, 4096) == text and not set('"|') & set(text) else path.as_uri()


def left_out(listing: FolderListing) -> list[str]:
    """What was left out of a list."""
    left = [f"{quoted(name, 80)} {why}" for name, why in listing.left_out]
    said = few_named("Left out", left)
    return said if listing.whole else [*said, "There are more files than are looked through: give a folder."]


def refusals(documents: list[SeenDocument]) -> list[str]:
    """Which of them cannot be uploaded, and what is odd about others."""
    odd = [one.refused or f"{quoted(one.name, 80)}: {' '.join(one.warnings)}" for one in documents]
    return first_few([said for said, one in zip(odd, documents, strict=True) if one.refused or one.warnings])
