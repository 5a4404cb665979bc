"""A form of older revisions needs a session, and a session one process; where there are several, a code takes its place."""

from typing import Any

import pytest
from mcp.client import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult

from flipsnack_mcp.server.consent import reply
from tests.commands.main_job import text_of
from tests.team.over_http import HOST, official_client, served, whole_application


@pytest.mark.parametrize(
    ("mode", "settings", "form"),
    [
        ("legacy", {"team": True}, False),
        ("legacy", {"team": True, "sticky": True}, True),
        ("legacy", {}, True),
        ("auto", {"team": True}, True),
    ],
)
async def test_a_person_is_asked_where_the_answer_finds_the_way_back(
    mode: Any, settings: dict[str, Any], *, form: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reply, "TOO_FAST", 0.0)  # nobody is waited for
    asked = list[str]()

    async def declines(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:  # noqa: ARG001
        asked.append(params.message)
        return ElicitResult(action="decline")

    app = whole_application(**settings)
    async with (
        served(app) as port,
        official_client(f"http://{HOST}:{port}/mcp", mode=mode, elicitation_callback=declines) as client,
    ):
        listed = await client.call_tool("list_collections", {"limit": 1})
        assert listed.structured_content
        wanted = {"collection_hash": listed.structured_content["collections"][0]["collection_hash"]}
        told = text_of(await client.call_tool("delete_collection", wanted))
    assert (bool(asked), 'confirmation="' in told) == (form, not form)
