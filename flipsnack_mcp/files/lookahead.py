"""A look into a PDF before it is sent: a conversion that must fail costs an upload all the same."""

import re
from dataclasses import dataclass
from pathlib import Path

from flipsnack_mcp.files.apart import page_counter
from flipsnack_mcp.files.apart.page_counter import MOST_PAGES
from flipsnack_mcp.files.apart.process import Blocks, look_apart
from flipsnack_mcp.files.documents import DocumentChanged, Kind, OpenDocument
from flipsnack_mcp.files.refusal import RefusedFile

PROGRAM = Path(page_counter.__file__)
COUNTING_SECONDS = 2.0  # a person waits for the answer
MANY_PAGES = 500
COUNTED = re.compile("pages ([0-9]+)")
MANY_PAGES_WARNING = (
    "The document has {} pages: Flipsnack's present limit is 1,000 pages, but its older documentation gives 500."
)
DAMAGED_WARNING = (
    "The document seems to be damaged: its pages cannot be counted. Its conversion at Flipsnack may fail, "
    "and would cost an upload all the same."
)
PROTECTED_WARNING = (
    "It is encrypted in a way that cannot be looked into here, so whether it opens without a password, and how many pages "
    "it has, is not known: its conversion at Flipsnack may fail, and would cost an upload all the same."
)
NOT_COUNTED = (
    "Its pages could not be counted beforehand: with over 1,000 the conversion at Flipsnack fails, "
    "and costs an upload all the same."
)
UNCOUNTED = {"damaged": DAMAGED_WARNING, "protected": PROTECTED_WARNING}


@dataclass(frozen=True)
class LookAhead:
    """What a look into a document found.

    Attributes:
        pages: How many pages it has; None where that could not be found out in time.
        warnings: What the person should know, though it is no reason to refuse.
    """

    pages: int | None
    warnings: tuple[str, ...]


async def look_ahead(document: OpenDocument) -> LookAhead:
    """Counts the pages of a PDF, in two seconds or not at all; raises `RefusedFile` where they are too many or locked.

    `document.pieces` begins at the beginning afterwards as before; it may even be read meanwhile.
    """
    if document.kind is not Kind.PDF:
        return LookAhead(None, ())
    found = await look_apart(PROGRAM, _readable(document), COUNTING_SECONDS)
    return _judged(document.told, found.verdict)


def _readable(document: OpenDocument) -> Blocks:
    def read(offset: int, length: int) -> bytes:
        try:
            return document.read(offset, length)
        except DocumentChanged:
            raise ValueError("it changed") from None  # that is for the upload to say

    return Blocks(document.size, read)


def _judged(quoted: str, verdict: str) -> LookAhead:
    if verdict == "locked":
        raise RefusedFile(
            f"{quoted} needs a password to open, and Flipsnack cannot convert such a document.",
            "Save a copy without the password in the program that made it, and give the path of the copy.",
        )
    found = COUNTED.fullmatch(verdict)
    if found is None:
        return LookAhead(None, (UNCOUNTED.get(verdict, NOT_COUNTED),))
    pages = int(found[1])
    if pages > MOST_PAGES:
        raise RefusedFile(
            f"{quoted} has over 1,000 pages, and Flipsnack takes at most 1,000 pages.",
            "Split the document into parts of up to 1,000 pages.",
        )
    return LookAhead(pages, (MANY_PAGES_WARNING.format(pages),) if pages > MANY_PAGES else ())
