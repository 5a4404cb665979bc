"""Documents that come by an address: what was asked for, and what became of it, as every replica sees it."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ConfigDict

from flipsnack_mcp.store import leases
from flipsnack_mcp.store.records import Records, Store
from flipsnack_mcp.workflows.addresses.drawing import (
    MOST_OPEN,
    Drawn,
    draw,
    give_out,
    is_good,
    look_up_address,
)
from flipsnack_mcp.workflows.begun import BegunWork
from flipsnack_mcp.workflows.uploads.journal import UPLOAD

UPLOAD_ADDRESS, HANDED = "upload address", "handed upload"
TAKEN_FOR = 120.0
"""Seconds for which whoever took a document that has arrived may look into it; then its address is good again."""
HandedState = Literal["waiting", "taken", "begun", "sending", "done", "refused", "failed", "stopped"]


class HandedUpload(BegunWork):
    """What an upload address was asked for. Frozen: a change is a new record in the store."""

    model_config = ConfigDict(frozen=True)

    upload_id: str
    account: str
    tool: str
    arguments: dict[str, Any]
    """Of the action, without a document."""
    again: bool = False
    known_by: str = ""
    """The hash of its address."""
    made: float = 0.0
    made_shown: float = 0.0
    state: HandedState = "waiting"
    taken_by: str = ""
    """Drawn for each document that arrives: of two, one is taken."""
    taken_at: float = 0.0
    became: str = ""
    """The upload that it is, which may be an earlier one."""
    said: str = ""
    """Why it was refused, or how it failed."""
    warnings: tuple[str, ...] = ()

    def is_free(self, now: float) -> bool:
        """Whether nobody has a document for it; one that was taken by a process that ended is not waited for."""
        return self.state == "waiting" or (self.state == "taken" and not 0 <= now - self.taken_at <= TAKEN_FOR)


@dataclass(frozen=True)
class HandedNow:
    """One as it is at a moment of the store's clock."""

    handed: HandedUpload
    good: bool
    """Whether its address still takes a document."""


@dataclass(frozen=True)
class HandedUploads:
    """The upload addresses of one account."""

    store: Store
    account: str

    async def give(self, asked: HandedUpload) -> Drawn:
        """A new address for this upload."""
        drawn = draw()

        def work(records: Records) -> None:
            give_out(records, UPLOAD_ADDRESS, drawn, asked.beginner, {"upload_id": asked.upload_id}, MOST_OPEN)
            times = {"made": records.now, "made_shown": records.wall, "known_by": drawn.known_by}
            self._put(records, asked.model_copy(update=times))

        await self.store.transact(work)
        return drawn

    async def look(self, upload_id: str) -> HandedNow | None:
        """What became of one."""

        def work(records: Records) -> HandedNow | None:
            found = handed_upload(records, upload_id)
            if found is None or found.account != self.account:
                return None
            if found.state == "taken" and records.get(UPLOAD, upload_id):  # all but this was written down
                found = found.model_copy(update={"state": "begun", "became": upload_id})
            return HandedNow(found, is_good(records, found.model_dump()) and takes_document(records, found))

        return await self.store.transact(work)

    async def open_of(self, principal: str) -> list[HandedUpload]:
        """Those of one caller to which a document can still come."""

        def work(records: Records) -> list[HandedUpload]:
            theirs = [one for _, one in records.all(UPLOAD_ADDRESS) if one["principal"] == principal]
            known = [handed_upload(records, one["upload_id"]) for one in theirs if is_good(records, one)]
            ours = (one for one in known if one and one.account == self.account)
            return [one for one in ours if takes_document(records, one)]

        return await self.store.transact(work)

    async def take(self, upload_id: str, token: str) -> bool:
        """Take it for a document that has arrived; whether no other was first."""

        def work(records: Records) -> bool:
            found = handed_upload(records, upload_id)
            if found is None or not takes_document(records, found):
                return False
            taken = {"state": "taken", "taken_by": token, "taken_at": records.now}
            self._put(records, found.model_copy(update=taken))
            return True

        return await self.store.transact(work)

    async def give_back(self, upload_id: str, token: str) -> None:
        """Let another document come: of this one nothing became."""
        await self.settle(upload_id, token, state="waiting", used=False)

    async def close(self, upload_id: str) -> bool:
        """End an address to which nothing has come; whether there was anything to end."""

        def work(records: Records) -> bool:
            found = handed_upload(records, upload_id)
            if found is None or not takes_document(records, found):
                return False
            records.delete(UPLOAD_ADDRESS, found.known_by)
            self._put(records, found.model_copy(update={"state": "stopped"}))
            return True

        return await self.store.transact(work)

    async def settle(self, upload_id: str, token: str, *, used: bool = True, **facts: Any) -> None:
        """Write down what became of the document that was taken; its address ends with that."""
        await self.store.transact(lambda records: self.write(records, upload_id, token, used=used, **facts))

    def write(self, records: Records, upload_id: str, token: str, *, used: bool = True, **facts: Any) -> None:
        """The same, together with what else is written."""
        found = handed_upload(records, upload_id)
        if found is None or found.taken_by != token:
            return
        if used:
            records.delete(UPLOAD_ADDRESS, found.known_by)
        self._put(records, found.model_copy(update=facts))

    def _put(self, records: Records, handed: HandedUpload) -> None:
        records.put(HANDED, handed.upload_id, handed.model_dump(mode="json"), keep=leases.KEPT)


def handed_upload(records: Records, upload_id: str) -> HandedUpload | None:
    """One by its id, of whatever account."""
    body = records.get(HANDED, upload_id)
    return HandedUpload.model_validate(body) if body else None


def takes_document(records: Records, handed: HandedUpload) -> bool:
    """Whether a document can still come; not once the journal has one, whatever was written down of that here."""
    return handed.is_free(records.now) and records.get(UPLOAD, handed.upload_id) is None


async def behind_upload_address(store: Store, secret: str) -> HandedUpload | None:
    """For what an address is; None where it is over, used, or never was one."""

    def work(records: Records) -> HandedUpload | None:
        body = look_up_address(records, UPLOAD_ADDRESS, secret)
        found = handed_upload(records, body["upload_id"]) if body else None
        return found if found and takes_document(records, found) else None

    return await store.transact(work)
