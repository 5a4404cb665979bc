"""get_embed_code: the code for a web page, only of what readers will see there, and what to know before it is pasted."""

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from flipsnack_mcp.api import FlipsnackError, NotFoundError, quoted
from flipsnack_mcp.api.actions.collections import Collection, GetCollection
from flipsnack_mcp.api.actions.publishing import EmbedCode, GetEmbedCode
from flipsnack_mcp.server.tools.tool import ToolCall, Warnings
from flipsnack_mcp.text import as_many

SIZE = re.compile(r'\bwidth="([1-9][0-9]{0,4})" height="([1-9][0-9]{0,4})"')
SAME_SHAPE = 0.02
"""By how much two proportions may differ before a reader sees empty edges."""
# Not `aspect-ratio`: old browsers and the editors of some CMSs take only this way.
CONTAINER = (
    '<div style="position:relative;height:0;padding-top:{share:.2f}%">'
    '<div style="position:absolute;top:0;left:0;width:100%;height:100%">{code}</div></div>'
)
USUAL_SHAPE = (650, 385)
"""Flipsnack's own default for a collection whose size is not known."""
NEEDS_CONTAINER = (
    "A responsive code is as high as what it stands in, which on most pages is nothing: paste in_container instead."
)

PUBLISHED_ELSEWHERE = "Tell the person: this account is read-only here, so it has to be published elsewhere."


class NothingToReadError(FlipsnackError):
    """An embed code would show readers nothing."""

    retry = "Try again once it is published."


class Embedding(EmbedCode):
    """A code for a web page, and what to know of it."""

    in_container: Annotated[str | None, Field(description="The same, ready to paste anywhere")] = None
    warnings: Warnings = []


async def get_embed_code(call: ToolCall, action: GetEmbedCode) -> Embedding:
    """Look at the collection, and give its code where it has readers."""
    try:
        seen = await call.app.recent.ask(call.context, GetCollection(collection_hash=action.collection_hash))
    except NotFoundError:
        return Embedding(embed_code=(await call.context.send(action)).embed_code)  # Flipsnack says why there is none
    check_readable(seen, read_only=call.app.settings.read_only)
    code = (await call.context.send(action)).embed_code
    warnings = [*start_warnings(action, seen), *size_warnings(action, seen, code)]
    if seen.conversion == "processing":
        warnings.append("It is still being converted: until then readers see nothing in its place.")
    return Embedding(
        embed_code=code, in_container=contained(code, seen) if action.responsive else None, warnings=warnings
    )


def check_readable(seen: Collection, *, read_only: bool) -> None:
    """Raise where the code would show nothing, now and later. What failed is not helped by publishing it."""
    named = f"{quoted(seen.title, 80)} ({seen.collection_hash})"
    if nothing_converted(seen):
        anew = "anew" if read_only else "anew with create_collection"
        raise NothingToReadError(
            f"The conversion of {named} failed: there is nothing that a code could show.",
            f"Tell the person; the document has to be uploaded {anew}, which costs one of the month's uploads.",
            retry="Trying again will not help.",
        )
    if seen.status == "editable":
        publish = f'update_collection(collection_hash="{seen.collection_hash}", status="unlisted"), or public'
        raise NothingToReadError(
            f"{named} is a draft, which nobody can read, and publishing gives it a new hash: a code made now would never work.",
            f"{PUBLISHED_ELSEWHERE if read_only else f'Publish it first, if the person wants that: {publish}.'} "
            "Then call get_embed_code with the new hash.",
        )


def nothing_converted(seen: Collection) -> bool:
    """Whether every conversion came to its end, and none of them well."""
    return seen.conversion == "failed" and not any(one.status == "complete" for one in seen.flipbooks)


def start_warnings(action: GetEmbedCode, seen: Collection) -> Iterator[str]:
    """Where it should begin, as far as that is beyond the end."""
    books, book = seen.flipbooks, action.start_book or 1
    if books and book > len(books):
        yield f"start_book={book} lies beyond the end: it has {as_many(len(books), 'flipbook')}."
    elif books and (pages := books[book - 1].pages) and (action.start_page or 1) > pages:
        yield f"start_page={action.start_page} lies beyond the end: the flipbook has {as_many(pages, 'page')}."


def size_warnings(action: GetEmbedCode, seen: Collection, code: str) -> Iterator[str]:
    """What the size of the code makes of the pages. Whoever gives both sides wants them so."""
    if action.responsive:
        yield NEEDS_CONTAINER
        return
    found = SIZE.search(code)
    if (action.width and action.height) or not found or not (seen.width and seen.height):
        return
    wide, high = map(int, found.groups())
    ratio = seen.width / seen.height
    if abs(wide / high / ratio - 1) > SAME_SHAPE:
        fitting = (round(high * ratio), high) if action.height else (wide, round(wide / ratio))
        yield (
            f"The code is {wide} x {high} pixels and the collection {seen.width} x {seen.height}, so that edges stay "
            f"empty. width={fitting[0]} with height={fitting[1]} fits."
        )


def contained(code: str, seen: Collection) -> str:
    """A responsive code in a container that has the collection's proportions at any width."""
    usual_width, usual_height = USUAL_SHAPE
    share = 100 * (seen.height or usual_height) / (seen.width or usual_width)
    return CONTAINER.format(share=share, code=code)
