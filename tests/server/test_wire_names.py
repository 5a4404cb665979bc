"""What a tool adds to its action never reaches Flipsnack: only names arrive that the action's own folder of samples has."""

from typing import Any

import pytest

from tests.samples_of import every_tool, expected_tool, meaning
from tests.server.bench import Assistant, Bench, Said
from tests.server.typical import prepare, typical

CREDENTIALS = {"action", "apiKey", "signature"}
GIVEN: dict[str, Any] = {"dry_run": False, "again": True, "save": False, "reveal": True, "wait_seconds": 1}
"""A value for every parameter that is the tool's own; a confirmation comes from a refusal."""
pytestmark = pytest.mark.parametrize("mode", ["auto"])


async def call_to_its_end(assistant: Assistant, tool: str, arguments: dict[str, Any]) -> Said:
    """The call, made again with the plan it made, or with the code of a refusal."""
    said = await assistant.call(tool, arguments)
    if plan := said.data.get("plan_id"):
        arguments = {"plan_id": plan, "wait_seconds": 30}
        said = await assistant.call(tool, arguments)
    if said.is_error:
        return await assistant.call(tool, {**arguments, "confirmation": said.code})
    return said


def not_in_the_samples(bench: Bench) -> dict[str, set[str]]:
    """Names that arrived with an action and are none of Flipsnack's."""
    arrived = [(one.action, one.params.keys() - CREDENTIALS) for one in bench.sandbox.requests]
    wrong = ((action, names - meaning(action).everything.sent.keys()) for action, names in arrived)
    return {action: names for action, names in wrong if names}


@every_tool
async def test_with_every_parameter_of_its_own_a_tool_sends_only_names_of_the_samples(bench: Bench, of: str) -> None:
    tool = expected_tool(of)
    own = {name: value for name, value in GIVEN.items() if name in tool.parameters}
    async with bench.assistant() as assistant:
        await prepare(of, bench, assistant)
        said = await call_to_its_end(assistant, tool.name, {**typical(of, bench), **own})
    assert not said.is_error, said.text
    assert bench.requests or of == "get_upload"
    assert not_in_the_samples(bench) == {}


async def test_a_confirmation_to_take_a_collection_offline_stays_here(bench: Bench, assistant: Assistant) -> None:
    arguments = {"collection_hash": bench.collection().hash, "status": "editable", "dry_run": False}
    said = await call_to_its_end(assistant, "update_collection", arguments)
    assert not said.is_error, said.text
    assert "collection.update" in bench.requests
    assert not_in_the_samples(bench) == {}
