"""Reading an upload as it streams in: fields are kept, of a file only what can be said about it."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

_MAX_FIELD_BYTES = 1_000_000
_MAX_PARTS = 100
# Long enough for a page mark that falls between two chunks.
_OVERLAP = 16
_PAGE = re.compile(rb"/Type ?/Page(?=[^A-Za-z])")
_MAGIC = {b"%PDF-": "pdf", b"\x89PNG": "png", b"\xff\xd8\xff": "jpg"}


class Malformed(Exception):  # noqa: N818 - becomes code 40; it is the request that errs
    """The body is not the multipart form that an upload must be."""


@dataclass(frozen=True)
class Document:
    """What the sandbox keeps of a file: no bytes."""

    field: str
    name: str
    type: str
    size: int
    sha256: str
    pages: int
    kind: str
    """"pdf", "png", "jpg", or "" when it starts like none of them."""


class _File:
    """A file that is coming in."""

    def __init__(self, field: str, name: str, content_type: str, *, keep: bool) -> None:
        self._named = (field, name, content_type)
        self._keep = keep
        self._size = 0
        self._pages = 0
        self._start = b""
        self._tail = b""
        self._hash = sha256()

    def take(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if len(self._start) < 8:
            self._start += chunk[:8]
        if self._keep:
            self._hash.update(chunk)
            self._count_pages(self._tail + chunk)

    def _count_pages(self, text: bytes) -> None:
        end = 0
        for mark in _PAGE.finditer(text):
            self._pages += 1
            end = mark.end()
        self._tail = text[max(end, len(text) - _OVERLAP) :]

    def document(self) -> Document:
        kind = next((kind for magic, kind in _MAGIC.items() if self._start.startswith(magic)), "")
        if self._keep:
            self._count_pages(self._tail + b"\n")
        # Sandbox's own choice: a document whose pages are hidden in compressed objects, or an image, has one page.
        pages = max(self._pages, 1) if kind == "pdf" else 1
        digest = self._hash.hexdigest() if self._keep else ""
        return Document(*self._named, self._size, digest, pages, kind)


class UploadForm:
    """The parts of one multipart body, fed chunk by chunk."""

    def __init__(self, content_type: str, *, keep: bool) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or b"boundary" not in options:
            raise Malformed("not multipart/form-data")
        self.fields: list[tuple[str, str]] = []
        self.files: list[Document] = []
        self._keep = keep
        self._ended = False
        self._begin()
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._open,
                "on_part_data": self._data,
                "on_part_end": self._close,
                "on_end": self._end,
            },
        )

    async def read(self, chunks: AsyncIterator[bytes]) -> None:
        """Read the whole body, or raise `Malformed`."""
        try:
            async for chunk in chunks:
                if chunk:
                    self._parser.write(chunk)
        except (FormParserError, UnicodeDecodeError) as error:
            raise Malformed(str(error)) from error
        if not self._ended:
            raise Malformed("the body ends before its last boundary")

    def _begin(self) -> None:
        self._headers: dict[bytes, bytes] = {}
        self._header = (b"", b"")
        self._name = ""
        self._text = bytearray()
        self._file: _File | None = None

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0] + data[start:end], self._header[1])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0], self._header[1] + data[start:end])

    def _header_end(self) -> None:
        self._headers[self._header[0].lower()] = self._header[1]
        self._header = (b"", b"")

    def _open(self) -> None:
        if len(self.fields) + len(self.files) >= _MAX_PARTS:
            raise Malformed("too many parts")
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode()
        if self._name == "file" or b"filename" in options:
            file_name = options.get(b"filename", b"").decode()
            content_type = self._headers.get(b"content-type", b"").decode("latin-1")
            self._file = _File(self._name, file_name, content_type, keep=self._keep)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.take(data[start:end])
            return
        self._text += data[start:end]
        if len(self._text) > _MAX_FIELD_BYTES:
            raise Malformed("a field is too long")

    def _close(self) -> None:
        if self._file is not None:
            self.files.append(self._file.document())
        else:
            self.fields.append((self._name, self._text.decode()))

    def _end(self) -> None:
        self._ended = True
