"""From a document that has arrived at an address to an upload like any other: looked into, known by its content, sent once."""

import logging
import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Literal

from flipsnack_mcp.api import Action, Changed, Flipsnack, FlipsnackError, even_if_cancelled
from flipsnack_mcp.api.actions.collections import Collection, GetCollection
from flipsnack_mcp.api.actions.legacy import AddFlipbook
from flipsnack_mcp.api.actions.publishing import CreateCollection
from flipsnack_mcp.files.documents import OpenDocument, open_received
from flipsnack_mcp.files.lookahead import look_ahead
from flipsnack_mcp.files.refusal import RefusedFile
from flipsnack_mcp.files.spool import Spool, SpooledFile, SpoolFull, SpoolUnusable
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.text import first_sentence
from flipsnack_mcp.workflows.addresses.fetched import FileAddresses
from flipsnack_mcp.workflows.addresses.handed import HANDED, HandedUpload, HandedUploads
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.history import History
from flipsnack_mcp.workflows.job import Job
from flipsnack_mcp.workflows.jobs import Jobs
from flipsnack_mcp.workflows.uploads.following import begin_what_counts
from flipsnack_mcp.workflows.uploads.once import send_to
from flipsnack_mcp.workflows.uploads.sending import Uploads
from flipsnack_mcp.workflows.uploads.source import Source

log = logging.getLogger(__name__)

TAKEN_BY_ADDRESS: dict[str, type[Action[Collection]]] = {one.tool_name: one for one in (CreateCollection, AddFlipbook)}
"""What a document can be sent for, by the tool that gives the address."""
ArrivalEnding = Literal["begun", "double", "refused", "late"]


@dataclass(frozen=True)
class Arrival:
    """What came of a document that has arrived, for whoever sent it."""

    ending: ArrivalEnding
    size: int
    pages: int | None = None
    said: str = ""
    """Why it was refused."""


@dataclass(frozen=True)
class ArrivedDocument:
    """A document that is whole on the spool."""

    place: SpooledFile
    name: str
    """For Flipsnack."""
    told: str
    """For whoever sent it, who may have given it none."""
    sha256: str


@dataclass(frozen=True)
class Handing:
    """What comes and goes by addresses in one account, as this process carries it out."""

    flipsnack: Flipsnack
    uploads: Uploads
    jobs: Jobs
    history: History
    spool: Spool
    handed: HandedUploads
    files: FileAddresses

    async def hand_over(self, asked: HandedUpload, arrived: ArrivedDocument, kept_open: AsyncExitStack) -> Arrival:
        """Send it on its way, or say why not. The stack that keeps it goes over to the background when it is."""
        token = secrets.token_hex(8)
        if not await self.handed.take(asked.upload_id, token):
            return Arrival("late", arrived.place.file.size)
        try:
            return await self._sent(asked, arrived, token, kept_open)
        except (SpoolFull, SpoolUnusable):
            await self.handed.give_back(asked.upload_id, token)
            raise
        except RefusedFile as refusal:
            await self.handed.settle(asked.upload_id, token, state="refused", said=refusal.happened)
            await self._write(asked, "refused", refusal.happened)
            return Arrival("refused", arrived.place.file.size, said=refusal.happened)
        except BaseException:  # also where this process ends: nothing became of it, so another may come
            await even_if_cancelled(self.handed.give_back(asked.upload_id, token))
            raise

    async def _sent(
        self, asked: HandedUpload, arrived: ArrivedDocument, token: str, kept_open: AsyncExitStack
    ) -> Arrival:
        opening = open_received(arrived.place.file, arrived.name, arrived.sha256, arrived.told)
        document = await kept_open.enter_async_context(opening)
        look = await look_ahead(document)
        if asked.tool == AddFlipbook.tool_name:
            await self._begin_adding(asked, document, token, kept_open)
            return Arrival("begun", document.size, look.pages)
        action = CreateCollection.model_validate(asked.arguments)
        warnings = (*document.warnings, *look.warnings)
        source = Source(action, document, warnings, beginner=asked.beginner)
        context = CallContext(self.flipsnack)
        await self.uploads.reconcile(context)
        entry, new = await begin_what_counts(
            context, self.uploads, source, kept_open, again=asked.again, upload_id=asked.upload_id
        )
        try:
            await self.handed.settle(asked.upload_id, token, state="begun", became=entry.upload_id)
            await self._write(asked, "done" if new else "refused", "" if new else "uploaded less than a day ago")
        except StoreUnusable as error:  # it is on its way, and the journal knows: that is what whoever sent it is told
            log.warning("what became of an upload address was not written: %s", error.happened)
        return Arrival("begun" if new else "double", document.size, look.pages)

    async def _begin_adding(
        self, asked: HandedUpload, document: OpenDocument, token: str, kept_open: AsyncExitStack
    ) -> None:
        """Add it to its collection in the background: Flipsnack's answer may be long in coming."""
        to_the_end = AsyncExitStack()
        work = partial(self._add, asked, document, token, to_the_end)
        known = partial(self.handed.write, upload_id=asked.upload_id, token=token, state="sending")
        if await self.jobs.start(HANDED, asked.upload_id, work, first=known):
            to_the_end.push_async_exit(kept_open.pop_all())

    async def _add(
        self, asked: HandedUpload, document: OpenDocument, token: str, kept_open: AsyncExitStack, job: Job
    ) -> None:
        action = AddFlipbook.model_validate(asked.arguments)
        context, settle = CallContext(self.flipsnack), partial(self.handed.settle, asked.upload_id, token)
        async with kept_open:
            job.unresolved = True
            try:
                before = await context.send(GetCollection(collection_hash=action.collection_hash))
                saved = before.model_dump(mode="json", exclude_none=True)
                number = await self._write(asked, "allowed", before=saved)
                await send_to(context, action, document)
            except FlipsnackError as error:
                ended = "failed" if error.changed is Changed.NOTHING else "unclear"
                await self._write(asked, ended, str(error))
                await settle(state="failed", said=str(error))
            else:
                await self._write(asked, "done", of=number)
                await settle(state="done", warnings=document.warnings)
            job.unresolved = False

    async def _write(self, asked: HandedUpload, decision: str, said: str = "", **more: object) -> int:
        target = str(asked.arguments.get("collection_hash") or asked.arguments.get("title") or asked.upload_id)
        facts = {"tool": asked.tool, "target": target, "decision": decision, "said": first_sentence(said)}
        facts["caller"] = asked.caller
        return await self.history.add(**facts, **more)
