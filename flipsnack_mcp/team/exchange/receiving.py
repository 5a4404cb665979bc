"""A document as it comes over HTTP: as it is or in a form, bounded in size and time, onto the spool."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import anyio
from starlette.requests import Request

from flipsnack_mcp.api.network import Floor
from flipsnack_mcp.files.limits import MOST_UPLOAD_BYTES
from flipsnack_mcp.files.names import safe_name
from flipsnack_mcp.files.refusal import quote_path
from flipsnack_mcp.files.spool import SpooledFile
from flipsnack_mcp.team.exchange.form_file import FORM_TYPE, BadForm, FormFile
from flipsnack_mcp.team.exchange.pages import PlainAnswer
from flipsnack_mcp.workflows.addresses.handed import HandedUpload
from flipsnack_mcp.workflows.addresses.handing import ArrivedDocument

AROUND_A_FILE = 64 * 1024
"""Bytes that a form may have beside its file."""
OF_A_FORM_IN_LINE = "application/x-www-form-urlencoded"
"""What curl says also of a document that it sends with `-d`, which takes all ends of lines out; there is no PDF without any."""
ARRIVING_AT_ONCE, OF_A_CALLER = 16, 4
"""Documents under way to this process, each of which takes 8 MB of memory: in all, and of one caller."""
IN_ALL_SECONDS = 3600.0
"""For a whole document, however large."""
TOO_LARGE = PlainAnswer(413, "The document is too large.", "Flipsnack takes up to 500 MB. Nothing was uploaded.")
NOT_AS_IT_IS = PlainAnswer(
    415, "The document came packed.", "Send it as it is, without Content-Encoding. Nothing was uploaded."
)
ONLY_A_PART = PlainAnswer(
    400,
    "Only a part of the document was sent.",
    "Send all of it at once, from its beginning: the address is still good. Nothing was uploaded.",
)
"""As by a program that goes on where an earlier transfer broke off: a document would begin in its middle."""
WITHOUT_ITS_LINES = PlainAnswer(
    400,
    "The document came without its line breaks.",
    "Send it as it is, as `curl -T FILE` does and `curl -d` does not: the address is still good. Nothing was uploaded.",
)
TOO_MANY = PlainAnswer(
    503,
    "Too many documents are arriving here at once.",
    "Nothing was uploaded. Send it again in a minute.",
    retry_after=60,
)
CAME_TOO_SLOWLY = PlainAnswer(
    408,
    "The document came too slowly, and was dropped.",
    "Nothing was uploaded. Send it again: the address is still good, if its 15 minutes are not over.",
)
OF_NO_NAME = "What was sent"
NOTHING_IN_IT = PlainAnswer(400, "There was nothing in it.", "Send the PDF itself: the address is still good.")


class NotTaken(Exception):  # noqa: N818  # it is whoever sends it that errs
    """A document does not arrive; says what is answered."""

    def __init__(self, reply: PlainAnswer) -> None:
        super().__init__(reply.heading)
        self.reply = reply


@dataclass
class Come:
    """What has come of a document, by which whoever sends it is judged."""

    floor: Floor
    size: int = 0
    has_lines: bool = False

    async def counted(self, chunks: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
        """The chunks, as long as they are no more than may come."""
        async for chunk in chunks:
            self.size += len(chunk)
            self.has_lines = self.has_lines or b"\n" in chunk or b"\r" in chunk
            self.floor.moved(self.size)
            if self.size > most:
                raise NotTaken(TOO_LARGE)
            yield chunk


class Doorman:
    """How many documents are arriving, and whose."""

    def __init__(self) -> None:
        self._arriving = Counter[str]()

    @contextmanager
    def let_in(self, caller: str) -> Iterator[None]:
        """Let one more in, unless that is too many."""
        if self._arriving.total() >= ARRIVING_AT_ONCE or self._arriving[caller] >= OF_A_CALLER:
            raise NotTaken(TOO_MANY)
        self._arriving[caller] += 1
        try:
            yield
        finally:
            self._arriving[caller] -= 1


def announced_length(request: Request) -> int:
    """How many bytes will come, before any is read; 0 where that is not said.

    Raises:
        NotTaken: They are too many, or not the whole document's own.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise NotTaken(NOT_AS_IT_IS)
    if "content-range" in request.headers:
        raise NotTaken(ONLY_A_PART)
    text = request.headers.get("content-length", "")
    announced = int(text) if text.isascii() and text.isdigit() else 0
    if announced > most_of(request):
        raise NotTaken(TOO_LARGE)
    return announced


async def arrived(request: Request, asked: HandedUpload, place: SpooledFile) -> ArrivedDocument:
    """The document, once it is whole.

    Raises:
        NotTaken: It does not come as it should.
        ClientDisconnect: Whoever sends it has gone.
    """
    come, form = Come(Floor(anyio.current_time() + IN_ALL_SECONDS)), form_of(request)
    with come.floor.scope as scope:
        chunks = come.counted(request.stream(), most_of(request))
        try:
            sha256 = await place.fill(form.pieces(chunks) if form else chunks)
        except BadForm as error:
            raise not_taken_as_form(error) from None
    if scope.cancelled_caught:
        raise NotTaken(CAME_TOO_SLOWLY)
    if not place.file.size:
        raise NotTaken(NOTHING_IN_IT)
    if request.headers.get("content-type") == OF_A_FORM_IN_LINE and not come.has_lines:
        raise NotTaken(WITHOUT_ITS_LINES)
    if place.file.size > MOST_UPLOAD_BYTES:
        raise NotTaken(TOO_LARGE)
    given = form.name.replace("\\", "/").rpartition("/")[2] if form else ""
    return ArrivedDocument(place, name_of_document(given, asked), quote_path(given) if given else OF_NO_NAME, sha256)


def form_of(request: Request) -> FormFile | None:
    """What takes the file out of a form; None where the body is the document itself."""
    given = request.headers.get("content-type", "")
    try:
        return FormFile(given) if given.lower().startswith(FORM_TYPE) else None
    except BadForm as error:
        raise not_taken_as_form(error) from None


def not_taken_as_form(error: BadForm) -> NotTaken:
    """What is answered to a form in which there is not one whole file."""
    return NotTaken(PlainAnswer(400, str(error), "Send one PDF: the address is still good."))


def most_of(request: Request) -> int:
    """How long the body may be."""
    form = request.headers.get("content-type", "").lower().startswith(FORM_TYPE)
    return MOST_UPLOAD_BYTES + AROUND_A_FILE * form


def name_of_document(given: str, asked: HandedUpload) -> str:
    """What a document is called that was sent: its own name as far as it is one, or that of what it is for. It is no path."""
    stem = given[: -len(".pdf")] if given.lower().endswith(".pdf") else given
    return f"{safe_name(stem, str(asked.arguments.get('title') or 'document'))}.pdf"
