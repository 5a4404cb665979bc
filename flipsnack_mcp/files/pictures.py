"""Pictures from elsewhere, made anew before anybody sees them: what they carried besides their pixels stays behind."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from flipsnack_mcp.files.apart import picture_maker
from flipsnack_mcp.files.apart.process import Blocks, look_apart

MAKER = Path(picture_maker.__file__)
MAKING_SECONDS = 3.0
MOST_FETCHED_BYTES = 5 * 1024 * 1024
UNMADE = {
    "large": "it has more than 25 megapixels",
    "none": "what is there is no picture, or a damaged one",
}
UNMADE_FOR_ANOTHER_REASON = "it could not be decoded in time"


@dataclass(frozen=True)
class Picture:
    """A small picture of our own making."""

    content: bytes
    mime_type: str


class Unshowable(Exception):  # noqa: N818 - it tells what about the picture
    """A picture cannot be shown; says why, as the end of a sentence."""


def can_make_pictures() -> bool:
    """Whether the library for it is installed: it is an extra, and never imported here."""
    return find_spec("PIL") is not None


async def made_anew(content: bytes) -> Picture:
    """The picture in a file, in a process of its own.

    Raises:
        Unshowable: There is none, or it is too large.
    """
    found = await look_apart(
        MAKER, Blocks(len(content), lambda offset, length: content[offset : offset + length]), MAKING_SECONDS
    )
    if found.verdict.startswith("image/") and found.made:
        return Picture(found.made, found.verdict)
    raise Unshowable(UNMADE.get(found.verdict, UNMADE_FOR_ANOTHER_REASON))
