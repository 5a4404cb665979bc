"""The journal of uploads: what was sent, when, and how it ended. Written before a byte leaves, read after a crash."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from flipsnack_mcp.api.text import cleaned
from flipsnack_mcp.store.records import Records, Store

KIND = "upload"
DAY = 24 * 3600.0
KEPT = 7 * DAY
DEAD_AFTER = 30.0
"""An owner that gave no sign of life for so long is taken for dead, and what it sent for lost."""

State = Literal["waiting", "uploading", "converting", "complete", "failed", "interrupted"]
RUNNING: frozenset[State] = frozenset({"waiting", "uploading"})


class Entry(BaseModel):
    """One upload. Frozen: a change is a new entry in the store."""

    model_config = ConfigDict(frozen=True)

    upload_id: str
    account: str
    document: str
    """What was sent: `sha256:` of a file's content or of an address."""
    title: str
    name: str
    size: int
    owner: str
    started: float
    beat: float
    """The owner's last sign of life; 0 where it let go."""
    left: float = 0.0
    """When it was let go, or its owner's last sign of life; 0 as long as somebody carries it out."""
    state: State = "waiting"
    sent: int = 0
    collection_hash: str = ""
    said: str = ""
    """How it failed, or why its end is not known."""
    warnings: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    """The collections it could be mistaken for, listed just before it was sent."""
    again: bool = False
    """Whether it was asked for with again=true."""
    listed: str = ""
    """The title Flipsnack gives it, which is what it is found by when it has a new hash."""
    checked: bool = False
    """Whether an interrupted upload was looked for in the account."""
    stop: bool = False
    """Whether somebody asked for it to be stopped."""

    def orphaned(self, now: float) -> bool:
        """Whether its end was never written down and nobody is left to do it."""
        return self.unresolved and now - self.beat > DEAD_AFTER

    @property
    def unresolved(self) -> bool:
        """Whether nobody has written down yet how it ended."""
        return self.state in RUNNING or (self.state == "interrupted" and not self.checked)

    @property
    def settled(self) -> bool:
        """Whether what is not in the account when it is claimed will not come any more."""
        return self.beat - self.left >= DEAD_AFTER

    @property
    def unfinished(self) -> bool:
        """Whether a call with again=true goes on with it: such a call too is given up and repeated."""
        return self.state in RUNNING or (self.again and self.state == "converting")

    def is_of(self, document: str, title: str) -> bool:
        """Whether it is of the same document and title: two titles that look alike are one to a person."""
        return self.document == document and cleaned(self.title) == cleaned(title)

    def stands(self, now: float) -> bool:
        """Whether the same document and title should get this result instead of a second upload."""
        refused = self.state == "failed" and not self.collection_hash
        return now - self.started < DAY and not refused


@dataclass(frozen=True)
class Journal:
    """The uploads of one account, as all processes of the person see them."""

    store: Store
    account: str
    owner: str

    async def begun(self, entry: Entry, *, again: bool) -> Entry:
        """Write a new entry, unless an earlier one stands; whichever counts now."""

        def work(records: Records) -> Entry:
            standing = self._standing(records, entry.document, entry.title)
            if standing and (not again or standing.unfinished):
                return standing
            begun = {"started": records.now, "beat": records.now, "again": again}
            return self._put(records, entry.model_copy(update=begun))

        return await self.store.transact(work)

    async def standing(self, document: str, title: str) -> Entry | None:
        """The upload that the same document and title would be given instead of a second one."""
        return await self.store.transact(lambda records: self._standing(records, document, title))

    async def note(self, known: Entry, **facts: Any) -> Entry:
        """Write down what is new about an upload of ours, with a sign of life.

        What is stored counts; what is known stands in for it where the state file was replaced meanwhile.
        """

        def work(records: Records) -> Entry:
            entry = self._get(records, known.upload_id) or known
            let_go = {"left": records.now} if facts.get("beat") == 0.0 else {}
            return self._put(records, entry.model_copy(update={"beat": records.now, **let_go, **facts}))

        return await self.store.transact(work)

    async def entry(self, upload_id: str) -> Entry | None:
        """One upload."""
        return await self.store.transact(lambda records: self._get(records, upload_id))

    async def recent(self) -> list[Entry]:
        """The uploads of the last day, newest first."""

        def work(records: Records) -> list[Entry]:
            return [one for one in self._entries(records) if records.now - one.started < DAY][::-1]

        return await self.store.transact(work)

    async def ask_to_stop(self, upload_id: str) -> None:
        """Ask the owner to stop an upload. No sign of life: that is the owner's to give."""

        def work(records: Records) -> None:
            if entry := self._get(records, upload_id):
                self._put(records, entry.model_copy(update={"stop": True}))

        await self.store.transact(work)

    async def resolve(self, upload_id: str, **facts: Any) -> None:
        """Write down what was found out about an orphan, unless somebody knew better meanwhile."""

        def work(records: Records) -> None:
            entry = self._get(records, upload_id)
            if entry and entry.unresolved:
                self._put(records, entry.model_copy(update={"beat": records.now, **facts}))

        await self.store.transact(work)

    async def others(self, upload_id: str) -> list[Entry]:
        """All other uploads that are remembered, also those of days ago."""
        entries = await self.store.transact(self._entries)
        return [one for one in entries if one.upload_id != upload_id]

    async def claimed_orphans(self, alive: frozenset[str] = frozenset()) -> list[Entry]:
        """The uploads whose owner is gone, now ours to look into; nobody else gets them meanwhile.

        `alive` are this process's own: after a computer's sleep their last sign of life is hours old.
        """

        def work(records: Records) -> list[Entry]:
            orphans = [
                one for one in self._entries(records) if one.orphaned(records.now) and one.upload_id not in alive
            ]
            ours = {"owner": self.owner, "beat": records.now}
            claimed = [one.model_copy(update={**ours, "left": one.left or one.beat}) for one in orphans]
            return [self._put(records, one) for one in claimed]

        return await self.store.transact(work)

    async def renamed(self, before: str, after: str) -> None:
        """A collection has a new hash: what is known about its upload stays true."""

        def work(records: Records) -> None:
            for entry in self._entries(records):
                if entry.collection_hash == before:
                    self._put(records, entry.model_copy(update={"collection_hash": after}))

        await self.store.transact(work)

    def _standing(self, records: Records, document: str, title: str) -> Entry | None:
        same = [one for one in self._entries(records) if one.is_of(document, title)]
        return next((one for one in reversed(same) if one.stands(records.now)), None)

    def _entries(self, records: Records) -> list[Entry]:
        ours = [body for _, body in records.all(KIND) if body.get("account") == self.account]
        return sorted(map(Entry.model_validate, ours), key=lambda one: one.started)

    def _get(self, records: Records, upload_id: str) -> Entry | None:
        body = records.get(KIND, upload_id)
        entry = Entry.model_validate(body) if body else None
        return entry if entry and entry.account == self.account else None

    def _put(self, records: Records, entry: Entry) -> Entry:
        records.put(KIND, entry.upload_id, entry.model_dump(mode="json"), keep=KEPT)
        return entry


def new_upload_id() -> str:
    """Eight characters that a model copies without mistakes."""
    return base64.b32encode(secrets.token_bytes(5)).decode().lower()
