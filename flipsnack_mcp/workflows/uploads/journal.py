"""The journal of uploads: what was sent, when, and how it ended. Written before a byte leaves, read after a crash."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ConfigDict

from flipsnack_mcp.api import bare
from flipsnack_mcp.store import leases
from flipsnack_mcp.store.records import Records, Store
from flipsnack_mcp.workflows.begun import BegunWork
from flipsnack_mcp.workflows.uploads import remembered

UPLOAD = "upload"
"""The kind of the records, and of the jobs that send them."""
STANDS_FOR = 24 * 3600.0
"""Seconds in which the same document and title get what they became, instead of a second upload."""
COLLECTION_GONE = "The collection of this upload does not exist any more."

UploadState = Literal["waiting", "uploading", "converting", "complete", "failed", "interrupted"]
RUNNING: frozenset[UploadState] = frozenset({"waiting", "uploading"})


class JournalEntry(BegunWork):
    """One upload. Frozen: a change is a new entry in the store."""

    model_config = ConfigDict(frozen=True)

    upload_id: str
    account: str
    document: str
    """What was sent: `sha256:` of a file's content or of an address."""
    title: str
    name: str
    size: int
    started: float = 0.0
    shown: float = 0.0
    """What the clock on the wall showed then, for a person; version 0.1.0 did not write it down."""
    left: float = 0.0
    """When its owner let go of it or gave its last sign of life; 0 as long as nobody had to look into it."""
    settled: bool = False
    """Whether what was not in the account at the last look will not come any more."""
    state: UploadState = "waiting"
    collection_hash: str = ""
    said: str = ""
    """How it failed, or why its end is not known."""
    warnings: tuple[str, ...] = ()
    document_warnings: tuple[str, ...] = ()
    """What was odd about the document before it was sent."""
    before: tuple[str, ...] = ()
    """The collections it could be mistaken for, listed just before it was sent."""
    again: bool = False
    """Whether it was asked for with again=true."""
    listed: str = ""
    """The title Flipsnack gives it, which is what it is found by when it has a new hash."""
    seen: bool = False
    """Whether its collection was ever looked at with success, or changed."""
    checked: bool = False
    """Whether an interrupted upload was looked for in the account."""
    stopped: bool = False
    """Whether it failed because a person stopped it."""
    path: str = ""
    """Where the document lay; empty where there was none, or an earlier version wrote this."""
    changed: int = 0
    """When its content was last changed before, in nanoseconds."""
    unsent: dict[str, Any] = {}
    """What Flipsnack is to be asked as long as nothing was sent, where the document is no file of this host: anybody can."""

    @property
    def unresolved(self) -> bool:
        """Whether nobody has written down yet how it ended."""
        return self.state in RUNNING or (self.state == "interrupted" and not self.checked)

    @property
    def unfinished(self) -> bool:
        """Whether a call with again=true goes on with it: such a call too is given up and repeated."""
        return self.state in RUNNING or (self.again and self.state == "converting")

    def is_of(self, document: str, title: str) -> bool:
        """Whether it is of the same document and title: two titles that look alike are one to a person."""
        return self.document == document and bare(self.title) == bare(title)

    def stands(self, now: float) -> bool:
        """Whether the same document and title should get this result instead of a second upload."""
        refused = self.state == "failed" and not self.collection_hash
        return now - self.started < STANDS_FOR and not refused


@dataclass(frozen=True)
class Journal:
    """The uploads of one account, as all processes of the person see them."""

    store: Store
    account: str

    async def begin(self, asked: JournalEntry, owner: leases.Owner, *, again: bool) -> JournalEntry:
        """Write a new entry, claimed by its owner, unless an earlier one stands; whichever counts now."""

        def work(records: Records) -> JournalEntry:
            standing = self._standing(records, asked.document, asked.title)
            if standing and (not again or standing.unfinished):
                return standing
            owner.claim(records)
            times = {"started": records.now, "shown": records.wall}
            return self._put(records, asked.model_copy(update={**times, "again": again}))

        return await self.store.transact(work)

    async def standing(self, document: str, title: str) -> JournalEntry | None:
        """The upload that the same document and title would be given instead of a second one."""
        return await self.store.transact(lambda records: self._standing(records, document, title))

    async def note(self, known: JournalEntry, **facts: Any) -> JournalEntry:
        """Write down what is new about an upload.

        What is stored counts; what is known stands in for it where the state file was replaced meanwhile.
        """

        def work(records: Records) -> JournalEntry:
            entry = self._get(records, known.upload_id) or known
            if entry.collection_hash and facts.get("collection_hash") == "":
                remembered.rename_in_documents(records, self.account, entry.collection_hash, "")
            return self._put(records, entry.model_copy(update=facts))

        return await self.store.transact(work)

    async def note_orphan(self, upload_id: str, idle: float) -> JournalEntry | None:
        """Write down for how long nobody has carried an upload out; None where its end is written down already."""

        def work(records: Records) -> JournalEntry | None:
            entry = self._get(records, upload_id)
            if entry is None or not entry.unresolved:
                return None
            left = entry.left or records.now - idle
            settled = records.now - left >= leases.DEAD_AFTER
            return self._put(records, entry.model_copy(update={"left": left, "settled": settled}))

        return await self.store.transact(work)

    async def now(self) -> float:
        """The store's time, by which its entries count."""
        return await self.store.transact(lambda records: records.now)

    async def find(self, upload_id: str) -> JournalEntry | None:
        """One upload."""
        return await self.store.transact(lambda records: self._get(records, upload_id))

    async def recent(self) -> list[JournalEntry]:
        """The uploads of the last day, newest first."""

        def work(records: Records) -> list[JournalEntry]:
            return [one for one in self._entries(records) if records.now - one.started < STANDS_FOR][::-1]

        return await self.store.transact(work)

    async def others(self, upload_id: str) -> list[JournalEntry]:
        """All other uploads that are remembered, also those of days ago."""
        entries = await self.store.transact(self._entries)
        return [one for one in entries if one.upload_id != upload_id]

    async def rename(self, before: str, after: str, title: str | None = None) -> None:
        """A collection has a new hash or title, or is there no more: what is known about its upload and document stays true."""

        def work(records: Records) -> None:
            gone = {"state": "failed", "said": COLLECTION_GONE, "collection_hash": ""}
            news = {"collection_hash": after, "seen": True} | ({} if title is None else {"listed": title})
            for entry in self._entries(records):
                if entry.collection_hash == before:
                    self._put(records, entry.model_copy(update=news if after else gone))
            remembered.rename_in_documents(records, self.account, before, after, title)

        await self.store.transact(work)

    def _standing(self, records: Records, document: str, title: str) -> JournalEntry | None:
        same = [one for one in self._entries(records) if one.is_of(document, title)]
        return next((one for one in reversed(same) if one.stands(records.now)), None)

    def _entries(self, records: Records) -> list[JournalEntry]:
        ours = [body for _, body in records.all(UPLOAD) if body.get("account") == self.account]
        return sorted(map(JournalEntry.model_validate, ours), key=lambda one: one.started)

    def _get(self, records: Records, upload_id: str) -> JournalEntry | None:
        body = records.get(UPLOAD, upload_id)
        entry = JournalEntry.model_validate(body) if body else None
        return entry if entry and entry.account == self.account else None

    def _put(self, records: Records, entry: JournalEntry) -> JournalEntry:
        if entry.unsent and entry.state != "waiting":  # an address can hold a right to what lies there
            entry = entry.model_copy(update={"unsent": {}})
        records.put(UPLOAD, entry.upload_id, entry.model_dump(mode="json"), keep=leases.KEPT)
        if entry.path and entry.collection_hash:
            key = remembered.DocumentKey(entry.path, entry.size, entry.changed)
            known = {"collection_hash": entry.collection_hash, "title": entry.listed or entry.title}
            remembered.remember_document(records, self.account, key, **known)
        return entry
