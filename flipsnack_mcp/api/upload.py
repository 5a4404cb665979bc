"""The body of an upload: multipart/form-data that streams a document and tells how much of it is on its way.

Our own, because the HTTP client's `files=` reads on the event loop: one slow disk would stop every other tool.
"""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Protocol

from flipsnack_mcp.text import one_line

Sent = Callable[[int, int], Awaitable[None]]


class Document(Protocol):
    """A file to upload, already opened and checked."""

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def content_type(self) -> str: ...
    def pieces(self) -> AsyncIterator[bytes]:
        """Its bytes from the start, exactly `size` of them."""
        ...


async def ignore(*_: object) -> None:
    """Do nothing with what is reported: for callers who want no reports."""


class Upload:
    """Iterated by the HTTP client, once per try."""

    def __init__(self, fields: Mapping[str, str], document: Document | None, sent: Sent = ignore) -> None:
        boundary = secrets.token_hex(16)
        parts = [part(boundary, f'name="{name}"') + value for name, value in fields.items()]
        if document:
            file = f'name="file"; filename="{escape_name(document.name)}"'
            parts.append(part(boundary, file, f"Content-Type: {document.content_type}\r\n"))
        self._head, self._tail = "\r\n".join(parts).encode(), f"\r\n--{boundary}--\r\n".encode()
        self._document, self._sent = document, sent
        size = len(self._head) + (document.size if document else 0) + len(self._tail)
        self.headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Content-Length": str(size)}

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._head
        if self._document is None:
            yield self._tail
            return
        done, size = 0, self._document.size
        async for piece in self._document.pieces():
            yield piece
            done += len(piece)
            if done < size:
                await self._sent(done, size)
        yield self._tail
        await self._sent(done, size)  # only now is the body whole: Flipsnack makes nothing of a shorter one


def part(boundary: str, disposition: str, more: str = "") -> str:
    """Write the opening of one part of the form."""
    return f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n{more}\r\n"


def escape_name(name: str) -> str:
    """A file name as it is seen, in a header: without a title Flipsnack makes one of it.

    Browsers write a quotation mark as %22, which servers do not read back: it would stand so in the title.
    """
    return one_line(name.encode(errors="replace").decode()).replace('"', "'")
