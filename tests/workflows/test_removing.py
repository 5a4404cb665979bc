"""A deletion is sent once; what became of it is looked up."""

from typing import Any

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from flipsnack_mcp.api.action import Action
from flipsnack_mcp.api.actions.collections import DeleteCollection, DeleteFlipbook
from flipsnack_mcp.api.actions.legacy import DeleteLogo
from flipsnack_mcp.api.errors import Changed, FlipsnackError, NotFoundError, UnreachableError
from flipsnack_mcp.sandbox import Fault, Sandbox
from flipsnack_mcp.workflows.changing import delete
from flipsnack_mcp.workflows.errand import Errand
from tests.api.asking import Unplugged, asking, over

LOST = [
    pytest.param(Fault("reset", phase="after"), id="reset"),
    pytest.param(Fault("cut"), id="cut"),
    pytest.param(Fault("garbled"), id="garbled"),
    pytest.param(Fault("hang", phase="after"), id="hang"),
]
NEVER = [
    pytest.param(Fault("reset"), id="reset"),
    pytest.param(Fault("hang"), id="hang"),
    pytest.param(Fault("http", http_status=504), id="504"),
]


def targets(sandbox: Sandbox) -> list[Action[Any]]:
    found = next(one for one in sandbox.account.collections.values() if len(one.items) > 1)
    return [
        DeleteCollection(collection_hash=found.hash),
        DeleteFlipbook(collection_hash=found.hash, flipbook_hash=found.items[0].hash),
    ]


both = pytest.mark.parametrize("which", [pytest.param(0, id="collection"), pytest.param(1, id="flipbook")])


@both
async def test_a_deletion_is_done_once(which: int, sandbox: Sandbox, errand: Errand) -> None:
    action = targets(sandbox)[which]

    result = await delete(errand, action)

    assert result.deleted
    assert [one.action for one in sandbox.requests] == [action.api_name]


@both
@pytest.mark.parametrize("fault", LOST)
async def test_a_lost_answer_is_looked_into_and_the_target_is_gone(
    which: int, fault: Fault, sandbox: Sandbox, errand: Errand
) -> None:
    action = targets(sandbox)[which]
    sandbox.add_fault(fault)

    result = await delete(errand, action)

    assert result.deleted
    assert [one.action for one in sandbox.requests] == [action.api_name, "collection.getCollection"]


@both
@pytest.mark.parametrize("fault", NEVER)
async def test_a_lost_answer_is_looked_into_and_the_target_is_still_there(
    which: int, fault: Fault, sandbox: Sandbox, errand: Errand
) -> None:
    action = targets(sandbox)[which]
    sandbox.add_fault(fault)

    with pytest.raises(FlipsnackError, match="still there") as caught:
        await delete(errand, action)

    assert caught.value.changed is Changed.NOTHING
    assert [one.action for one in sandbox.requests] == [action.api_name, "collection.getCollection"]


@both
async def test_when_nobody_can_look_the_outcome_stays_open(which: int, sandbox: Sandbox, errand: Errand) -> None:
    action = targets(sandbox)[which]
    sandbox.add_fault(Fault("reset", phase="after", action=action.api_name))
    sandbox.add_fault(Fault("code", code=99, action="collection.getCollection", times=0))

    with pytest.raises(UnreachableError) as caught:
        await delete(errand, action)

    assert caught.value.changed is Changed.PERHAPS
    assert len([one for one in sandbox.requests if one.action == action.api_name]) == 1


async def test_a_flipbook_whose_hash_has_an_unknown_name_is_not_said_to_be_gone(sandbox: Sandbox) -> None:
    _, action = targets(sandbox)

    class Renaming:
        """Flipsnack does not document how an item's hash is called."""

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            async def renamed(message: Any) -> None:
                body = message.get("body", b"").replace(b'"itemHash"', b'"documentKey"')
                head = {"headers": []} if message["type"] == "http.response.start" else {"body": body}
                await send({**message, **head})

            await sandbox.app(scope, receive, renamed)

    sandbox.add_fault(Fault("reset", action="flipbook.delete"))
    async with asking(Renaming()) as flipsnack:
        with pytest.raises(FlipsnackError) as caught:
            await delete(Errand(flipsnack), action)

    assert sandbox.carried_out("flipbook.delete") == []
    assert caught.value.changed is Changed.PERHAPS


async def test_of_a_logo_nobody_can_tell(sandbox: Sandbox, errand: Errand) -> None:
    sandbox.add_fault(Fault("reset", phase="after"))

    with pytest.raises(UnreachableError) as caught:
        await delete(errand, DeleteLogo(collection_hash=next(iter(sandbox.account.collections))))

    assert caught.value.changed is Changed.PERHAPS
    assert len(sandbox.requests) == 1


async def test_what_never_left_is_not_looked_into(sandbox: Sandbox) -> None:
    async with over(lambda: Unplugged(sandbox.app, httpx2.ConnectError, 9)) as flipsnack:
        with pytest.raises(UnreachableError) as caught:
            await delete(Errand(flipsnack), targets(sandbox)[0])

    assert caught.value.changed is Changed.NOTHING
    assert sandbox.requests == []


@both
async def test_what_is_gone_already_is_said_to_be_gone(which: int, sandbox: Sandbox, errand: Errand) -> None:
    action = targets(sandbox)[which]
    await delete(errand, action)

    with pytest.raises(NotFoundError):
        await delete(errand, action)
