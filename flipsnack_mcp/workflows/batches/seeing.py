"""Looking into documents before anything is sent: how many pages they have, what is in them, what they became before."""

import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import anyio

from flipsnack_mcp.files.documents import DocumentChanged, OpenDocument, open_document, warnings_of_size
from flipsnack_mcp.files.lookahead import look_ahead
from flipsnack_mcp.files.refusal import RefusedFile
from flipsnack_mcp.store.records import Records, Store, StoreUnusable
from flipsnack_mcp.workflows.uploads.remembered import DocumentKey, Remembered, recall_documents, remember_document

LOOKED_AT_ONCE = 4
"""Documents open at a time; pages are counted two at a time anyway."""


@dataclass(frozen=True)
class SeenDocument:
    """A document as it lay there, or why it cannot be uploaded."""

    given: str
    """By which it was asked for."""
    path: Path | None = None
    size: int = 0
    changed: int = 0
    touched: int = 0
    """When anything of it was last changed, which nobody can put back."""
    pages: int | None = None
    """None where the time ended, or nobody can tell."""
    sha256: str = ""
    """Empty where the time ended."""
    warnings: tuple[str, ...] = ()
    refused: str = ""
    known: Remembered = field(default_factory=Remembered)
    called: str = ""
    """Its name, where it has no path."""

    @property
    def key(self) -> DocumentKey:
        """By what it is remembered."""
        return DocumentKey(str(self.path), self.size, self.changed)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.called or (self.path.name if self.path else Path(self.given).name)


def is_address(given: str) -> bool:
    """Whether a document is fetched by Flipsnack, and lies in no folder."""
    return given.lower().startswith("https://")


def name_in_address(address: str) -> str:
    """What a document is called that lies at an address: the end of its path, or the host where it has none."""
    parts = urlsplit(address)
    return PurePosixPath(unquote(parts.path)).name or parts.netloc


@dataclass(frozen=True)
class Eyes:
    """Sees the documents of one account in its upload folders."""

    store: Store
    account: str
    folders: tuple[Path, ...]

    async def recall(self, documents: Sequence[SeenDocument]) -> list[SeenDocument]:
        """The same with what is known of each; of none where nobody can say: what lies there lies there."""

        def work(records: Records) -> list[SeenDocument]:
            known = recall_documents(records, self.account, [one.key for one in documents])
            pairs = zip(documents, known, strict=True)
            return [replace(one, known=found, pages=one.pages or found.pages) for one, found in pairs]

        try:
            return await self.store.transact(work)
        except StoreUnusable:
            return [*documents]

    async def see_all(
        self,
        documents: Sequence[SeenDocument],
        until: float,
        seen: Callable[[int], Awaitable[None]],
        *,
        content: bool = False,
    ) -> list[SeenDocument]:
        """The same, looked into as long as the time lasts. With `content` each is opened in any case, and hashed."""
        found, turn, done = list(documents), anyio.Semaphore(LOOKED_AT_ONCE), 0

        async def look(number: int) -> None:
            nonlocal done
            async with turn:
                if anyio.current_time() >= until and not content:
                    return
                found[number] = await self.see(documents[number], until, content=content)
            done += 1
            await seen(done)

        async with anyio.create_task_group() as group:
            for number in range(len(documents)):
                group.start_soon(look, number)
        return found

    async def see(self, asked: SeenDocument, until: float = math.inf, *, content: bool = False) -> SeenDocument:
        """One document."""
        here = asked
        try:
            async with open_document(asked.given, self.folders) as document:
                here = replace(
                    asked,
                    path=document.path,
                    size=document.size,
                    changed=document.changed,
                    touched=document.touched,
                    warnings=document.warnings,
                )
                here = await self._looked_into(here, document, until)
                if content:
                    with anyio.CancelScope(deadline=until):
                        here = replace(here, sha256=await document.sha256())
        except (RefusedFile, DocumentChanged) as reason:
            return replace(here, refused=str(reason))
        return here

    async def _looked_into(self, here: SeenDocument, document: OpenDocument, until: float) -> SeenDocument:
        (here,) = await self.recall([here])
        if here.pages is None:
            with anyio.CancelScope(deadline=until):
                look = await look_ahead(document)
                here = replace(here, pages=look.pages, warnings=(*here.warnings, *look.warnings))
                told_again = warnings_of_size(here.size)  # any other would be missing the next time
                if look.pages is not None and here.warnings == told_again:
                    key, pages = here.key, look.pages
                    with suppress(StoreUnusable):  # then they are counted once more
                        await self.store.transact(
                            lambda records: remember_document(records, self.account, key, pages=pages)
                        )
        return here
