"""Changing a collection, found again when publishing gave it a new hash; deleting one once, and looking what became of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from flipsnack_mcp.api.action import Action
from flipsnack_mcp.api.actions.collections import (
    Collection,
    DeleteCollection,
    DeleteFlipbook,
    GetCollection,
    UpdateCollection,
)
from flipsnack_mcp.api.actions.legacy import DeleteLogo
from flipsnack_mcp.api.actions.publishing import CreateCollection
from flipsnack_mcp.api.errors import Changed, FlipsnackError, NotFoundError, StillProcessingError, UnreachableError
from flipsnack_mcp.api.upload import ignore
from flipsnack_mcp.sandbox import Fault, Sandbox
from flipsnack_mcp.workflows.changing import (
    NOT_LOOKED_AT,
    TAKEN_UNTOLD,
    Difference,
    Updated,
    change,
    delete,
    differences,
)
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.last_look import LastLook
from tests.api.asking import Unplugged, asking, over
from tests.workflows.running import of_title
from tests.workflows.test_sending_once import Rewriting, Unsearchable, shelved

OFFERS = "Weekly offers, Week 39"
UPDATE, GET = "collection.update", "collection.getCollection"
LOST = [Fault("reset", UPDATE, phase="after"), Fault("garbled", UPDATE), Fault("cut", UPDATE)]


@dataclass
class Meddled:
    """A sandbox whose updates go wrong: lost, answered with nothing but OK, or followed by something else.

    Or whose search finds nothing.
    """

    sandbox: Sandbox
    deaf: bool = False
    mute: bool = False
    searches: bool = True
    then: Callable[[], object] = bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if b"query=" in scope["query_string"] and not self.searches:
            return await Unsearchable(self.sandbox)(scope, receive, send)
        update = b"collection.update" in scope["query_string"]
        if not (update and self.deaf):
            await self.sandbox.app(scope, receive, ignore if update and self.mute else send)
        if update and (self.deaf or self.mute):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b'{"code": 20, "status": "OK"}'})
        if update:
            self.then()
        return None


def at_last(action: Any, then: Callable[[], object] = lambda: None) -> LastLook:
    """A look at whatever is there, kept nowhere."""

    async def keep(_: Collection) -> None:
        then()

    async def look(context: CallContext) -> Collection:
        return await context.send(GetCollection(collection_hash=action.collection_hash))

    return LastLook(look, keep)


async def changed(context: CallContext, action: UpdateCollection) -> Updated:
    return await change(context, action, at_last(action))


async def deleted(context: CallContext, action: Action[Any], then: Callable[[], object] = lambda: None) -> Any:
    """Delete it; `then` comes between look and act."""
    return await delete(context, action, at_last(action, then))


async def test_a_change_is_shown_before_and_after(sandbox: Sandbox, context: CallContext) -> None:
    target = of_title(sandbox, "Press kit")
    done = await changed(context, UpdateCollection(collection_hash=target, title="Press kit 2026", width=800))
    assert done.changes == (Difference("title", "Press kit", "Press kit 2026"), Difference("width", "650", "800"))
    assert done.after.collection_hash == target
    assert done.warnings == ()


async def test_what_flipsnack_does_not_tell_of_a_collection_is_not_said_to_have_stayed(sandbox: Sandbox) -> None:
    target = of_title(sandbox, "Press kit")
    silent = Rewriting(sandbox, b'"collectionDescription"', b'"words"')
    async with asking(silent) as flipsnack:
        action = UpdateCollection(collection_hash=target, title="Press kit 2026", description="New")
        done = await changed(CallContext(flipsnack), action)
        cleared = await changed(CallContext(flipsnack), UpdateCollection(collection_hash=target, description=""))
    assert sandbox.account.collections[target].description == ""
    assert done.changes == (Difference("title", "Press kit", "Press kit 2026"),)
    assert (done.warnings, cleared.warnings) == ((TAKEN_UNTOLD.format("description"),), ())


@pytest.mark.parametrize("mute", [False, True], ids=["", "also when the answer names none"])
async def test_publishing_a_draft_finds_its_new_hash(sandbox: Sandbox, *, mute: bool) -> None:
    target = of_title(sandbox, OFFERS)
    async with asking(Meddled(sandbox, mute=mute)) as flipsnack:
        done = await changed(
            CallContext(flipsnack), UpdateCollection(collection_hash=target, status="unlisted", title="W39")
        )
    assert done.before.collection_hash == target
    assert done.after.collection_hash == of_title(sandbox, "W39") != target
    assert set(done.changes) == {Difference("status", "editable", "unlisted"), Difference("title", OFFERS, "W39")}
    assert done.warnings == ()


async def test_a_new_hash_is_found_whatever_flipsnacks_search_makes_of_the_title(sandbox: Sandbox) -> None:
    target = of_title(sandbox, OFFERS)
    async with asking(Meddled(sandbox, mute=True, searches=False)) as flipsnack:
        done = await changed(CallContext(flipsnack), UpdateCollection(collection_hash=target, status="public"))
    assert done.after.collection_hash == of_title(sandbox, OFFERS) != target
    assert done.warnings == ()


async def test_two_of_the_same_title_are_not_mixed_up(sandbox: Sandbox) -> None:
    shelved(sandbox, OFFERS, 100)
    target = of_title(sandbox, OFFERS)
    twin = shelved(sandbox, OFFERS, 200)
    sandbox.account.collections[twin].status = "public"
    async with asking(Meddled(sandbox, mute=True)) as flipsnack:
        done = await changed(CallContext(flipsnack), UpdateCollection(collection_hash=target, status="public"))
    assert done.after.collection_hash != twin
    assert "look for its new hash by title" in done.warnings[0]


@pytest.mark.parametrize("mute", [False, True], ids=["the answer named it", "the answer named none"])
async def test_a_look_that_fails_afterwards_is_told_with_the_hash_that_is_known(
    sandbox: Sandbox, *, mute: bool
) -> None:
    """It may be converting anew, and another one of its title may be there."""
    target, refused = of_title(sandbox, OFFERS), Fault("code", GET, code=38, message="Still processing")
    async with asking(Meddled(sandbox, mute=mute, then=lambda: sandbox.add_fault(refused))) as flipsnack:
        done = await changed(CallContext(flipsnack), UpdateCollection(collection_hash=target, status="public"))
    assert done.after.collection_hash == (target if mute else of_title(sandbox, OFFERS))
    assert done.changes == (Difference("status", "editable", "public"),)
    assert done.warnings == (NOT_LOOKED_AT,)
    assert [one.action for one in sandbox.requests] == [GET, UPDATE, GET]


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault.kind)
async def test_after_a_lost_answer_a_change_is_repeated(fault: Fault, sandbox: Sandbox, context: CallContext) -> None:
    sandbox.add_fault(fault)
    done = await changed(context, UpdateCollection(collection_hash=of_title(sandbox, "Press kit"), description="New"))
    assert done.changes == (Difference("description", "Logos, portraits, facts.", "New"),)
    sandbox.add_fault(fault)
    try:
        done = await changed(context, UpdateCollection(collection_hash=of_title(sandbox, OFFERS), status="public"))
    except FlipsnackError as error:
        assert error.changed is Changed.PERHAPS, error  # noqa: PT017  # both ends are honest
    else:
        assert done.after.collection_hash == of_title(sandbox, OFFERS)


async def test_a_collection_that_vanishes_afterwards_is_said_to_be_missing(sandbox: Sandbox) -> None:
    target = of_title(sandbox, "Press kit")
    async with asking(Meddled(sandbox, then=lambda: sandbox.account.delete(target))) as flipsnack:
        done = await changed(CallContext(flipsnack), UpdateCollection(collection_hash=target, title="New"))
    assert done.after.title == "New"
    assert "was not found afterwards" in done.warnings[0]


async def test_what_is_not_there_or_being_converted_is_not_changed(sandbox: Sandbox, context: CallContext) -> None:
    made = sandbox.account.add(title="T", conversion="processing").hash
    for target, error in (("nothere", NotFoundError), (made, StillProcessingError)):
        with pytest.raises(error):
            await changed(context, UpdateCollection(collection_hash=target, title="New"))
    assert [one.action for one in sandbox.requests] == [*["collection.getCollection"] * 2, "collection.update"]


@pytest.mark.parametrize(("status", "told"), [("processing", False), ("editable", True)])
def test_a_status_that_says_how_far_the_conversion_is_is_no_other_than_was_asked_for(status: str, told: bool) -> None:  # noqa: FBT001
    asked, made = CreateCollection(title="New", status="public"), Collection(title="New", status=status)
    assert bool(differences(asked, made)) is told


async def test_a_status_that_flipsnack_did_not_take_is_pointed_out(sandbox: Sandbox) -> None:
    target = of_title(sandbox, "Press kit")
    async with asking(Meddled(sandbox, deaf=True)) as flipsnack:
        done = await changed(CallContext(flipsnack), UpdateCollection(collection_hash=target, status="public"))
    assert done.changes == ()
    assert done.warnings == ("Flipsnack shows another status than was asked for: look at the collection once more.",)


LOST_DELETIONS = [Fault("reset", phase="after"), Fault("cut"), Fault("garbled"), Fault("hang", phase="after")]
NEVER_DELETED = [Fault("reset"), Fault("hang"), Fault("http", http_status=504)]


def targets(sandbox: Sandbox) -> list[Action[Any]]:
    found = next(one for one in sandbox.account.collections.values() if len(one.items) > 1)
    return [
        DeleteCollection(collection_hash=found.hash),
        DeleteFlipbook(collection_hash=found.hash, flipbook_hash=found.items[0].hash),
    ]


@pytest.fixture(params=[0, 1], ids=["collection", "flipbook"])
async def deletion(request: pytest.FixtureRequest, sandbox: Sandbox) -> Action[Any]:
    which: int = request.param
    return targets(sandbox)[which]


async def test_a_deletion_is_done_once(deletion: Action[Any], sandbox: Sandbox, context: CallContext) -> None:
    assert (await deleted(context, deletion)).deleted
    assert [one.action for one in sandbox.requests] == [GET, deletion.api_name]
    with pytest.raises(NotFoundError):
        await deleted(context, deletion)


@pytest.mark.parametrize("fault", [*LOST_DELETIONS, *NEVER_DELETED], ids=lambda fault: f"{fault.kind} {fault.phase}")
async def test_a_lost_answer_is_looked_into_and_the_target_is_gone_or_still_there(
    deletion: Action[Any], fault: Fault, sandbox: Sandbox, context: CallContext
) -> None:
    sandbox.add_fault(replace(fault, action=deletion.api_name))
    if fault in LOST_DELETIONS:
        assert (await deleted(context, deletion)).deleted
    else:
        with pytest.raises(FlipsnackError, match="still there") as caught:
            await deleted(context, deletion)
        # What is on its way may arrive after the look.
        assert caught.value.changed is Changed.PERHAPS
    assert [one.action for one in sandbox.requests] == [GET, deletion.api_name, GET]


async def test_a_deletion_that_is_sent_elsewhere_is_told_as_that_and_not_as_a_lost_answer(
    deletion: Action[Any], sandbox: Sandbox, context: CallContext
) -> None:
    sandbox.add_fault(Fault("http", deletion.api_name, http_status=302, body="<html>"))
    with pytest.raises(FlipsnackError, match=r"FLIPSNACK_API_URL .* still there"):
        await deleted(context, deletion)


async def test_nobody_can_tell_if_nobody_can_look(
    deletion: Action[Any], sandbox: Sandbox, context: CallContext
) -> None:
    sandbox.add_fault(Fault("reset", phase="after", action=deletion.api_name))

    def nobody_can_look() -> None:
        sandbox.add_fault(Fault("code", code=99, action=GET, times=0))

    with pytest.raises(UnreachableError) as caught:
        await deleted(context, deletion, nobody_can_look)
    assert caught.value.changed is Changed.PERHAPS
    assert len([one for one in sandbox.requests if one.action == deletion.api_name]) == 1


async def test_a_flipbook_whose_hash_has_an_unknown_name_is_not_said_to_be_gone(sandbox: Sandbox) -> None:
    """Flipsnack does not document how an item's hash is called."""
    sandbox.add_fault(Fault("reset", action="flipbook.delete"))
    async with asking(Rewriting(sandbox, b'"itemHash"', b'"documentKey"')) as flipsnack:
        with pytest.raises(FlipsnackError) as caught:
            await deleted(CallContext(flipsnack), targets(sandbox)[1])
    assert sandbox.carried_out("flipbook.delete") == []
    assert caught.value.changed is Changed.PERHAPS


async def test_of_a_logo_nobody_can_tell(sandbox: Sandbox, context: CallContext) -> None:
    sandbox.add_fault(Fault("reset", "collection.deleteLogo", phase="after"))
    with pytest.raises(UnreachableError) as caught:
        await deleted(context, DeleteLogo(collection_hash=next(iter(sandbox.account.collections))))
    assert caught.value.changed is Changed.PERHAPS
    assert [one.action for one in sandbox.requests] == [GET, "collection.deleteLogo"]


async def test_what_never_left_is_not_looked_into(sandbox: Sandbox) -> None:
    async with over(lambda: Unplugged(sandbox.app, httpx2.ConnectError, 9)) as flipsnack:
        with pytest.raises(UnreachableError) as caught:
            await deleted(CallContext(flipsnack), targets(sandbox)[0])
    assert caught.value.changed is Changed.NOTHING
    assert sandbox.requests == []
