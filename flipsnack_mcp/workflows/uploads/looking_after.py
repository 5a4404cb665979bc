"""Many uploads at once: the bytes of those under way, then their conversions, of which one list tells most."""

from collections.abc import Sequence
from dataclasses import replace

import anyio

from flipsnack_mcp.api import FlipsnackError, Lane
from flipsnack_mcp.api.actions.collections import CollectionSummary
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.finding import newest
from flipsnack_mcp.workflows.progress import uploads_ready
from flipsnack_mcp.workflows.uploads.following import Followed, follow_conversion
from flipsnack_mcp.workflows.uploads.journal import RUNNING, JournalEntry
from flipsnack_mcp.workflows.uploads.sending import Uploads
from flipsnack_mcp.workflows.waiting import LATE, SURE, pauses_between_looks

MOST_AFTER_A_LIST = 10
"""Collections that are looked at after one list: with many uploads the key would be busy with that alone."""
LOOK_AGAIN_AFTER = 4.0
"""Seconds after which one that has a cover is looked at once more: the cover proves nothing."""
NOT_LOOKED = "How far the conversions are could not be looked up"


async def look_after(
    context: CallContext, uploads: Uploads, entries: Sequence[JournalEntry], seconds: float
) -> list[Followed]:
    """How uploads are, waiting for so many seconds for those under way; in the order in which they were given."""
    return await LookingAfter(context, uploads, entries).until(anyio.current_time() + context.patience(seconds))


class LookingAfter:
    """A look after several uploads, for as long as a call waits."""

    def __init__(self, context: CallContext, uploads: Uploads, entries: Sequence[JournalEntry]) -> None:
        self._context, self._uploads = context, uploads
        self._found = {one.upload_id: Followed(one, warnings=one.warnings) for one in entries}
        self._looked = uploads.conversions.looked
        self._alone = set[str]()
        """What was looked at by itself since this look began."""

    async def until(self, end: float) -> list[Followed]:
        """Look again and again while something is under way and there is time."""
        pauses, lane = pauses_between_looks(), Lane.INTERACTIVE
        while await self._look(lane) and (now := anyio.current_time()) < end:
            await self._tell()
            await anyio.sleep(min(next(pauses), end - now))
            self._context = replace(self._context, deadline=min(self._context.deadline, end + LATE))
            lane = Lane.BACKGROUND
        return list(self._found.values())

    @property
    def _under_way(self) -> list[Followed]:
        return [one for one in self._found.values() if one.is_under_way]

    async def _look(self, lane: Lane) -> bool:
        """Whether it is worth looking again."""
        await self._read_journal()
        if not any(one.entry.collection_hash for one in self._found.values()):
            return bool(self._under_way)
        try:
            rows = await self._rows(lane)
            now = await self._uploads.journal.now()
            due = [one.entry for one in self._under_way if self._is_due(one.entry, rows, now)]
            due += [one.entry for one in self._found.values() if self._is_missing(one.entry, rows)]
            for entry in due[:MOST_AFTER_A_LIST]:
                await self._look_at(entry, rows.get(entry.collection_hash))
        except FlipsnackError as error:
            for name, one in self._found.items():
                self._found[name] = replace(one, warnings=(*one.warnings, f"{NOT_LOOKED}: {error.happened}"))
            return False
        self._link(rows)
        return bool(self._under_way)

    async def _read_journal(self) -> None:
        for one in self._under_way:
            entry = await self._uploads.journal.find(one.entry.upload_id) or one.entry
            at_work = await self._uploads.look_at(entry.upload_id) if entry.state in RUNNING else None
            self._found[entry.upload_id] = replace(one, entry=entry, at_work=at_work)

    async def _rows(self, lane: Lane) -> dict[str, CollectionSummary]:
        return {row.collection_hash: row for row in await newest(self._context, lane=lane)}

    def _is_due(self, entry: JournalEntry, rows: dict[str, CollectionSummary], now: float) -> bool:
        """Whether the list does not say enough: one without a cover is being converted, or failed long ago."""
        if not entry.collection_hash:
            return False
        row = rows.get(entry.collection_hash)
        converting = row is not None and not row.cover_image
        since = anyio.current_time() - self._looked.get(entry.upload_id, -SURE)
        return since >= SURE and now - entry.started >= SURE if converting else since >= LOOK_AGAIN_AFTER

    def _is_missing(self, entry: JournalEntry, rows: dict[str, CollectionSummary]) -> bool:
        """Whether the list lacks what was there: it was deleted since, or published and has another hash."""
        known = bool(entry.collection_hash) and entry.state == "complete"
        return known and entry.collection_hash not in rows and entry.upload_id not in self._alone

    async def _look_at(self, entry: JournalEntry, row: CollectionSummary | None) -> None:
        self._looked[entry.upload_id] = anyio.current_time()
        self._alone.add(entry.upload_id)
        self._found[entry.upload_id] = await follow_conversion(self._context, self._uploads, entry, 0, row)

    def _link(self, rows: dict[str, CollectionSummary]) -> None:
        for name, one in self._found.items():
            row = rows.get(one.entry.collection_hash)
            link = row.direct_link if row and row.status != "editable" and one.entry.state == "complete" else None
            self._found[name] = replace(one, listed=row or one.listed, direct_link=one.direct_link or link)

    async def _tell(self) -> None:
        left = len(self._under_way)
        done, every = len(self._found) - left, len(self._found)
        await self._context.tell(uploads_ready(done, every))
