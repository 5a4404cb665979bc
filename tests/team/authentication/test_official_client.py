"""The official client through the door, on both revisions: its forms reach the person, and the answer counts as theirs."""

from typing import Any

import anyio
import pytest
from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult

from flipsnack_mcp.server.consent import reply
from tests.team.authentication.guarded import AUDIENCE, TITLE, Guarded, token_for
from tests.team.authentication.issuer import signed
from tests.team.over_http import official_client


@pytest.mark.parametrize("mode", ["auto", "legacy"], ids=["2026-07-28", "2025-11-25"])
@pytest.mark.parametrize("kind", ["of the file", "of the issuer"])
async def test_a_form_is_answered_through_the_door(
    own: Guarded, mode: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reply, "TOO_FAST", 0.0)  # nobody is waited for
    token = token_for(own, "anna", "de") if kind == "of the file" else signed(own.issuer.claims(AUDIENCE))

    async def person(
        context: ClientRequestContext,  # noqa: ARG001 - the SDK's name
        params: ElicitRequestParams,  # noqa: ARG001
    ) -> ElicitResult:
        own.clock.seconds += 2
        return ElicitResult(action="accept", content={"title": TITLE})

    with anyio.fail_after(120):
        async with official_client(own.url, token, mode=mode, elicitation_callback=person) as client:
            tools = {one.name for one in (await client.list_tools()).tools}
            done = await client.call_tool("delete_collection", {"collection_hash": own.hash_in("de")})
    assert "delete_collection" in tools
    assert not done.is_error, done.content
    assert "collection.deleteCollection" in own.asked["de"]
    assert {one.caller for one in await own.all_history()} == {"anna"}
