"""What is remembered of documents by where they lie, their size and their time of change, for 90 days.

Used inside transactions. Nothing is read again to know them: a list of a folder must not hash what lies in it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from flipsnack_mcp.store.records import Body, Records

KNOWN_DOCUMENT = "known document"
DOCUMENTS_REMEMBERED = 90 * 24 * 3600.0


@dataclass(frozen=True)
class DocumentKey:
    """One state of one document."""

    path: str
    size: int
    changed: int
    """When its content was last changed, in nanoseconds."""

    def name(self, account: str) -> str:
        """The name of its record; a digest, as long paths are not to be repeated."""
        known = hashlib.sha256(f"{self.path}\0{self.size}\0{self.changed}".encode(errors="surrogateescape"))
        return f"{account}/{known.hexdigest()[:32]}"


@dataclass(frozen=True)
class Remembered:
    """What is known of a document."""

    pages: int | None = None
    collection_hash: str = ""
    """What it was last uploaded as."""
    title: str = ""


def recall_documents(records: Records, account: str, keys: Sequence[DocumentKey]) -> list[Remembered]:
    """What is known of each."""
    return [Remembered(**(body or {})) for body in records.several(KNOWN_DOCUMENT, [key.name(account) for key in keys])]


def remember_document(records: Records, account: str, key: DocumentKey, **facts: object) -> None:
    """Add to what is known."""
    put_document(records, key.name(account), {**(records.get(KNOWN_DOCUMENT, key.name(account)) or {}), **facts})


def rename_in_documents(records: Records, account: str, before: str, after: str, title: str | None = None) -> None:
    """A collection has another hash or title, or is there no more."""
    news = {"collection_hash": after} | ({} if title is None else {"title": title})
    for name, body in records.all(KNOWN_DOCUMENT):
        if name.startswith(f"{account}/") and body.get("collection_hash") == before:
            put_document(records, name, {**body, **news})


def put_document(records: Records, name: str, body: Body) -> None:
    """Write it down."""
    records.put(KNOWN_DOCUMENT, name, body, keep=DOCUMENTS_REMEMBERED)
