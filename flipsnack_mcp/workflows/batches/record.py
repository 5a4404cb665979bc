"""The batches of an account in the store: kept before anything is sent, and read after a crash."""

from dataclasses import dataclass
from typing import Any

from flipsnack_mcp.store import leases
from flipsnack_mcp.store.records import Records, Store, stamp_of
from flipsnack_mcp.workflows.batches.rules import BatchItem, BatchSnapshot, DocumentBatch

BATCH = "batch"
"""The kind of the records, and of the jobs that carry them out."""


@dataclass(frozen=True)
class BatchRecord:
    """The batches of one account, as all processes of the person see them."""

    store: Store
    account: str

    async def keep(self, batch: DocumentBatch) -> DocumentBatch:
        """Write down a new one."""

        def work(records: Records) -> DocumentBatch:
            return put_batch(records, batch.model_copy(update={"made": records.now, "made_shown": records.wall}))

        return await self.store.transact(work)

    async def look(self, plan_id: str) -> BatchSnapshot | None:
        """One batch of this account as it is now."""

        def work(records: Records) -> BatchSnapshot | None:
            batch = self._get(records, plan_id)
            return BatchSnapshot(batch, stamp_of(records)) if batch else None

        return await self.store.transact(work)

    def start(self, batch: DocumentBatch, records: Records) -> None:
        """Let it go on by itself from now on; what failed before gets one more try."""
        known = self._get(records, batch.plan_id) or batch
        again = {"state": "planned", "again": False, "upload_id": "", "said": ""}
        items = tuple(one.model_copy(update=again) if one.again else one for one in known.items)
        put_batch(records, known.model_copy(update={"started": True, "stopped": "", "items": items}))

    async def stop(self, batch: DocumentBatch, why: str) -> None:
        """Let it not go on until a call asks for it."""
        stopped = {"started": False, "stopped": why}

        def work(records: Records) -> None:
            put_batch(records, (self._get(records, batch.plan_id) or batch).model_copy(update=stopped))

        await self.store.transact(work)

    async def note(self, batch: DocumentBatch, item: BatchItem, **facts: Any) -> BatchItem:
        """Write down what is new about a document."""

        def work(records: Records) -> BatchItem:
            known = self._get(records, batch.plan_id) or batch
            noted = known.items[item.number].model_copy(update=facts)
            items = (*known.items[: item.number], noted, *known.items[item.number + 1 :])
            put_batch(records, known.model_copy(update={"items": items}))
            return noted

        return await self.store.transact(work)

    def _get(self, records: Records, plan_id: str) -> DocumentBatch | None:
        body = records.get(BATCH, plan_id)
        batch = DocumentBatch.model_validate(body) if body else None
        return batch if batch and batch.account == self.account else None


def put_batch(records: Records, batch: DocumentBatch) -> DocumentBatch:
    """Write it down, for as long after it was made as uploads are known."""
    keep = max(1.0, batch.made + leases.KEPT - records.now)
    records.put(BATCH, batch.plan_id, batch.model_dump(mode="json"), keep=keep)
    return batch
