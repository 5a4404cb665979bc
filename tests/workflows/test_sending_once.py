"""An upload that is sent once, whatever becomes of the answer."""

import json
import math
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest
from starlette.types import Message, Receive, Scope, Send

from flipsnack_mcp.api.actions.collections import Collection, GetCollection
from flipsnack_mcp.api.actions.legacy import AddFlipbook
from flipsnack_mcp.api.actions.publishing import CreateCollection
from flipsnack_mcp.api.errors import Changed, FlipsnackError, QuotaExceededError, UnreachableError
from flipsnack_mcp.api.upload import Document
from flipsnack_mcp.files.documents import DocumentChanged
from flipsnack_mcp.sandbox import Fault, Sandbox
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.finding import candidates
from flipsnack_mcp.workflows.uploads.journal import JournalEntry
from flipsnack_mcp.workflows.uploads.once import add_once, create_once, send_to
from flipsnack_mcp.workflows.uploads.reconciling import taken_by
from tests.api.asking import Paper, Unplugged, asking, over

CREATE, LIST = "collection.create", "collection.getList"
HOW = {"reset": "after", "cut": "before", "garbled": "before", "hang": "after"}
LOST = [pytest.param(Fault(kind, CREATE, phase=phase), id=kind) for kind, phase in HOW.items()]
NEVER = Fault("reset", CREATE, phase="before")
FAMILY = "Family \U0001f468\u200d\U0001f469\u200d\U0001f467"
TITLES = {"longest": "x" * 300, "two": "Spring  Summer", "joined": FAMILY, "wide": "Été & 目录", "padded": " padded "}
NEW = CreateCollection(title="Brand new", status="editable")


@dataclass
class Rewriting:
    """A sandbox in whose answers to one method something is called otherwise."""

    inner: Sandbox
    old: bytes
    new: bytes
    method: str = "GET"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def changed(message: Message) -> None:
            body = message.get("body", b"").replace(self.old, self.new)
            head = {"headers": []} if message["type"] == "http.response.start" else {"body": body}
            await send({**message, **head})

        await self.inner.app(scope, receive, changed if scope["method"] == self.method else send)


@dataclass
class Unsearchable:
    """A sandbox whose search finds nothing: it knows new titles late, or makes something else of what it is asked."""

    inner: Sandbox
    nothing: bytes = b'{"code": 20, "status": "OK", "data": {"collectionsCount": "0", "collections": []}}'

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if b"query=" not in scope["query_string"]:
            return await self.inner.app(scope, receive, send)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": self.nothing})
        return None


async def no_others() -> frozenset[str]:
    return frozenset()


async def sent_once(
    context: CallContext, action: CreateCollection, document: Document
) -> tuple[Collection, tuple[str, ...]]:
    """Listed and then sent, with all the time an upload in the background has."""
    context = replace(context, deadline=math.inf)
    before = await candidates(context, action.title or "")
    return await create_once(context, action, document, before, no_others)


def shelved(sandbox: Sandbox, title: str, ago: float) -> str:
    """A collection that was there before."""
    now = sandbox.account._clock()
    return sandbox.account.add(title=title, status="editable", pages=3, created_at=now - ago, description="").hash


@pytest.mark.parametrize("title", ["Brand new", None], ids=["titled", "untitled"])
@pytest.mark.parametrize("fault", LOST)
async def test_a_lost_upload_is_found(title: str | None, fault: Fault, sandbox: Sandbox, context: CallContext) -> None:
    shelved(sandbox, "Brand new", 50_000)
    before = set(sandbox.account.collections)
    sandbox.add_fault(fault)
    created, warnings = await sent_once(context, CreateCollection(title=title, status="editable"), Paper())
    assert {created.collection_hash} == set(sandbox.account.collections) - before
    assert title in {created.title, None}
    assert "found in the account" in warnings[0]
    assert len([one for one in sandbox.requests if one.action == CREATE]) == 1


async def test_an_upload_whose_answer_named_no_hash_is_not_said_to_have_lost_its_answer(sandbox: Sandbox) -> None:
    async with asking(Rewriting(sandbox, b'"collectionHash"', b'"otherwise"', "POST")) as flipsnack:
        created, (said,) = await sent_once(CallContext(flipsnack), NEW, Paper())
    assert created.collection_hash in sandbox.account.collections
    assert "was lost or named no collection" in said


async def test_a_lost_upload_is_found_whatever_flipsnacks_search_makes_of_its_title(sandbox: Sandbox) -> None:
    shelved(sandbox, "Kids & Co", 50_000)
    before = set(sandbox.account.collections)
    sandbox.add_fault(Fault("reset", CREATE, phase="after"))
    async with asking(Unsearchable(sandbox)) as flipsnack:
        created, _ = await sent_once(CallContext(flipsnack), CreateCollection(title="Kids & Co"), Paper())
    assert {created.collection_hash} == set(sandbox.account.collections) - before


@pytest.mark.parametrize("title", TITLES.values(), ids=TITLES.keys())
async def test_any_title_is_found_again(title: str, sandbox: Sandbox, context: CallContext) -> None:
    sandbox.add_fault(Fault("reset", CREATE, phase="after"))
    created, _ = await sent_once(context, CreateCollection(title=title), Paper())
    assert created.title.strip() == title.strip()


AGO = (300, 600, 900, 3600, 4020, 2 * 3600 + 20, 13 * 3600, 20 * 3600, 30 * 86400)
OLDER = [("Brand new", ago, "No new collection was found yet") for ago in AGO]
UNTITLED = (None, 300, r'(?s)Do not upload again at once.*order_by="date_created"')


@pytest.mark.parametrize(("title", "ago", "said"), [*OLDER, UNTITLED])
async def test_what_never_arrived_is_no_older_one(
    title: str | None, ago: float, said: str, sandbox: Sandbox, context: CallContext
) -> None:
    shelved(sandbox, "Brand new", ago)
    sandbox.add_fault(NEVER)
    with pytest.raises(FlipsnackError, match=said) as caught:
        await sent_once(context, CreateCollection(title=title, status="editable"), Paper())
    assert caught.value.changed is Changed.PERHAPS


async def test_a_new_collection_that_cannot_be_asked_for_is_said_to_be_not_found(
    sandbox: Sandbox, context: CallContext
) -> None:
    """Its hash is none, in the answer and in the list."""
    strange = {"collectionHash": "a hash?", "collectionTitle": NEW.title}
    listed = json.dumps({"code": 20, "data": {"collectionsCount": "1", "collections": [strange]}})
    sandbox.add_fault(Fault("http", CREATE, http_status=200, body=json.dumps({"code": 20, "data": strange})))
    sandbox.add_fault(Fault("http", LIST, http_status=200, body=listed))
    with pytest.raises(FlipsnackError, match="No new collection was found yet") as caught:
        await create_once(context, NEW, Paper(), frozenset(), no_others)
    assert caught.value.changed is Changed.PERHAPS


async def test_an_upload_that_never_left_is_no_riddle(sandbox: Sandbox) -> None:
    async with over(lambda: Unplugged(sandbox.app, httpx2.ConnectError, 9)) as flipsnack:
        with pytest.raises(UnreachableError) as caught:
            await create_once(CallContext(flipsnack), NEW, Paper(), frozenset(), no_others)
    assert caught.value.changed is Changed.NOTHING


async def test_a_used_up_quota_is_told_as_it_is(sandbox: Sandbox, context: CallContext) -> None:
    sandbox.account.uploads_left = 0
    with pytest.raises(QuotaExceededError):
        await sent_once(context, NEW, Paper())
    assert len([one for one in sandbox.requests if one.action == CREATE]) == 1


async def test_an_answer_that_names_no_hash_is_looked_up_too(sandbox: Sandbox) -> None:
    async with asking(Rewriting(sandbox, b'"collectionHash"', b'"newHash"', "POST")) as flipsnack:
        created, _ = await sent_once(CallContext(flipsnack), NEW, Paper())
    assert created.collection_hash in sandbox.account.collections


@pytest.mark.parametrize("title", ["Weekly offers", None])
async def test_what_slid_into_the_window_is_not_it(title: str | None, sandbox: Sandbox, context: CallContext) -> None:
    first, *_ = [shelved(sandbox, "Weekly offers", 1000 + number) for number in range(60)]
    before = await candidates(context, title or "")
    del sandbox.account.collections[first]
    sandbox.add_fault(NEVER)
    with pytest.raises(FlipsnackError, match="No new collection was found yet"):
        await create_once(context, CreateCollection(title=title), Paper(), before, no_others)


ENTRY = {"account": "mine", "document": "sha256:1", "name": "offers.pdf", "size": 100}


@pytest.mark.parametrize(
    ("title", "other", "waits"),
    [
        pytest.param("Offers", "Offers", True, id="of one title"),
        pytest.param("Offers", "Of\u200bfers", True, id="that look alike"),
        pytest.param("", "", True, id="both without a title"),
        pytest.param("Offers", "", True, id="the other without a title"),
        pytest.param("", "Offers", True, id="itself without a title"),
        pytest.param("Offers", "Wine list", False, id="of two titles"),
    ],
)
def test_an_upload_waits_for_one_under_way_that_its_collection_could_be_mistaken_for(
    title: str, other: str, *, waits: bool
) -> None:
    own = JournalEntry.model_validate({**ENTRY, "upload_id": "own", "title": title})
    there = JournalEntry.model_validate({**ENTRY, "upload_id": "there", "title": other, "collection_hash": "abc"})
    sending = there.model_copy(update={"upload_id": "sending", "state": "uploading", "collection_hash": ""})
    assert taken_by([there, sending], own, frozenset()) == (None if waits else frozenset({"abc"}))
    assert taken_by([there, sending], own, frozenset({"sending"})) == frozenset({"abc"})
    assert taken_by([there], own, frozenset()) == frozenset({"abc"})


async def test_a_document_for_a_collection_that_is_there_is_sent_and_what_it_became_is_answered(
    sandbox: Sandbox, context: CallContext
) -> None:
    target = shelved(sandbox, "Brand new", 300)
    added = await send_to(context, AddFlipbook(collection_hash=target), Paper())
    assert added.collection_hash == target
    assert len(sandbox.carried_out("flipbook.add")) == 1


@pytest.mark.parametrize("phase", ["after", "before"])
async def test_after_a_lost_answer_a_document_is_looked_for_in_its_collection_and_never_sent_again(
    phase: Any, sandbox: Sandbox, context: CallContext
) -> None:
    target = shelved(sandbox, "Brand new", 300)
    before = await context.send(GetCollection(collection_hash=target))
    sandbox.add_fault(Fault("reset", "flipbook.add", phase=phase))
    sending = add_once(context, AddFlipbook(collection_hash=target), Paper(), before)
    if phase == "after":
        after, (said,) = await sending
        assert len(after.flipbooks) == 2
        assert "not to be added again" in said
    else:
        with pytest.raises(FlipsnackError) as caught:
            await sending
        assert caught.value.changed is Changed.PERHAPS
    assert [one.action for one in sandbox.requests].count("flipbook.add") == 1


async def test_a_document_that_changes_on_its_way_to_a_collection_may_have_changed_it(
    sandbox: Sandbox, context: CallContext
) -> None:
    target = shelved(sandbox, "Brand new", 300)
    with pytest.raises(FlipsnackError, match="It was cut") as caught:
        await send_to(context, AddFlipbook(collection_hash=target), Paper(fails=DocumentChanged("It was cut.")))
    assert caught.value.changed is Changed.PERHAPS
