"""What a server offers is told by who asks; where people are told apart, nobody in particular is offered nothing."""

from dataclasses import replace
from typing import Any

import httpx2
import pytest
from mcp import MCPError

from flipsnack_mcp.server.callers.caller import CALLER, EVERYBODY, IN_SCOPE, Caller, Right
from flipsnack_mcp.server.callers.offer import NOT_KNOWN, Offers
from flipsnack_mcp.settings import Settings
from tests.server.several import SeveralBench
from tests.team.over_http import modern


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("let_in", [False, True])
async def test_a_teams_server_answers_no_request_that_nobody_let_in(several: SeveralBench, let_in: bool) -> None:  # noqa: FBT001
    """Also where another way than the door leads to the protocol."""
    server = several.server(team=True)
    inside = server.streamable_http_app(host="127.0.0.1", stateless_http=True)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await inside({**scope, IN_SCOPE: EVERYBODY} if let_in else scope, receive, send)

    headers, body = modern("tools/list")
    async with (
        inside.router.lifespan_context(inside),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app)) as http,
    ):
        answer = await http.post("http://127.0.0.1:8000/mcp", headers=headers, json=body)
    assert (NOT_KNOWN in answer.text) is not let_in
    assert ("list_collections" in answer.text) is let_in


def offered_to(caller: Caller, settings: Settings) -> Any:
    before = CALLER.set(caller)
    try:
        return Offers(settings).now
    finally:
        CALLER.reset(before)


def test_who_may_use_no_account_is_offered_none_and_not_that_of_the_process(several: SeveralBench) -> None:
    with pytest.raises(MCPError, match="None of this server's accounts"):
        offered_to(Caller("anna", "token 1", frozenset(Right), frozenset()), several.settings)
    alone = replace(several.settings, accounts=())
    with pytest.raises(MCPError, match="None of this server's accounts"):
        offered_to(Caller("anna", "token 1", frozenset(Right), frozenset({"another"})), alone)


def test_the_same_is_offered_to_whoever_may_do_the_same(several: SeveralBench) -> None:
    offers, accounts = Offers(several.settings), frozenset({several.settings.every[1].account})
    seen = list[Any]()
    for name in ("anna", "ben"):
        before = CALLER.set(Caller(name, f"token {name}", frozenset({Right.READ}), accounts))
        seen.append(offers.now)
        CALLER.reset(before)
    assert seen[0] is seen[1]
    assert [one.name for one in seen[0].settings.every] == ["fr"]
