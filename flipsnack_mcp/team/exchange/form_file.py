"""The one file of a form that a browser sends, taken out of it as it comes."""

from collections.abc import AsyncIterable, AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

FORM_TYPE = "multipart/form-data"
MOST_PARTS, MOST_OF_A_HEADER = 20, 8192

WRITTEN_FOR = {"%22": '"', "%0D": "\r", "%0A": "\n"}
"""What browsers write in a file's name, and all that they escape: https://html.spec.whatwg.org/#multipart-form-data"""


class BadForm(Exception):  # noqa: N818  # it is the form that errs
    """What was sent is not a whole form with one file in it; says what is wrong."""


class FormFile:
    """A form of which only its file is wanted."""

    def __init__(self, content_type: str) -> None:
        _, options = parse_options_header(content_type)
        if not options.get(b"boundary"):
            raise BadForm("The form has no boundary.")
        self.name = ""
        """As whoever sends it calls the file."""
        self._came = list[bytes]()
        self._parts = self._files = 0
        self._in_file = self._ended = False
        self._header, self._value, self._disposition = b"", b"", b""
        try:
            self._parser = self._parsing(options[b"boundary"])
        except FormParserError:  # a boundary has at most so many letters
            raise BadForm("The form cannot be read.") from None

    def _parsing(self, boundary: bytes) -> MultipartParser:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_begin": self._begin_header,
                "on_header_field": self._take_header,
                "on_header_value": self._take_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._look,
                "on_part_data": self._take,
                "on_end": self._end,
            },
        )

    async def pieces(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """Yields the file's bytes; raises `BadForm` where the form is not whole, or has not just one file."""
        try:
            async for chunk in chunks:
                if chunk:
                    self._parser.write(chunk)
                came, self._came = b"".join(self._came), []
                if came:
                    yield came
        except FormParserError:
            raise BadForm("The form cannot be read.") from None
        if not self._ended:
            raise BadForm("The form is not whole.")
        if not self._files:
            raise BadForm("No file was chosen.")

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise BadForm("The form has too many fields.")
        self._in_file, self._disposition = False, b""

    def _begin_header(self) -> None:
        self._header, self._value = b"", b""

    def _take_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        self._check_header()

    def _take_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._check_header()

    def _check_header(self) -> None:
        """Not every version of the parser has a bound of its own."""
        if len(self._header) + len(self._value) > MOST_OF_A_HEADER:
            raise BadForm("The form has too long a header.")

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value

    def _look(self) -> None:
        """Whether a part is the file: one without a name is a field of the form that was left empty."""
        _, options = parse_options_header(self._disposition)
        name = options.get(b"filename", b"")
        if not name:
            return
        self._files += 1
        if self._files > 1:
            raise BadForm("The form has more than one file.")
        self._in_file, self.name = True, as_it_was_chosen(name.decode(errors="replace"))

    def _take(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._came.append(data[start:end])

    def _end(self) -> None:
        self._ended = True


def as_it_was_chosen(name: str) -> str:
    """The name of a file as it is on its disk."""
    for written, meant in WRITTEN_FOR.items():
        name = name.replace(written, meant)
    return name
