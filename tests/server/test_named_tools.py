"""Nobody is sent to a tool that is not there: not by the menu, the instructions, a job, an answer or an error."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel

from flipsnack_mcp.server.instructions import instructions
from flipsnack_mcp.server.prompts import offered_prompts
from flipsnack_mcp.server.safety.heading import Heading
from flipsnack_mcp.server.safety.redaction import Redactor
from flipsnack_mcp.server.toolsets import entries, lacking, menu
from flipsnack_mcp.server.wording import as_failure, as_result
from flipsnack_mcp.settings import Settings
from tests.samples_of import TOOLS, expected_tool
from tests.server.bench import Bench, Given
from tests.server.long_bench import LongBench
from tests.server.revisions import newer
from tests.server.typical import typical

pytestmark = pytest.mark.usefixtures("no_look_ahead")
NAMES = [one.tool.name for one in entries()]
NAMED = re.compile(rf'"[^"]*"|\b({"|".join(NAMES)})\b')
"""What stands in quotes is somebody's."""
SETTINGS: dict[str, Given] = {
    "all": {"toolsets": frozenset({"default", "legacy"})},
    "default": {},
    "leads": {"leads": True},
    "legacy": {"toolsets": frozenset({"legacy"})},
    "read-only": {"read_only": True},
    "read-only, all": {"read_only": True, "toolsets": frozenset({"default", "legacy"})},
    "read-only, legacy": {"read_only": True, "toolsets": frozenset({"legacy"})},
}

mode = newer


def named_in(text: str) -> set[str]:
    return {found[1] for found in NAMED.finditer(text) if found[1]}


def described(schema: object) -> Iterator[str]:
    """All that a schema says in words."""
    members: list[Any] = (
        list(schema.values()) if isinstance(schema, dict) else schema if isinstance(schema, list) else []
    )
    if isinstance(schema, dict) and isinstance(said := schema.get("description"), str):
        yield said
    for one in members:
        yield from described(one)


@pytest.mark.parametrize("of", SETTINGS)
def test_menu_instructions_and_jobs_name_only_tools_that_are_there(of: str) -> None:
    settings = replace(Settings(), **SETTINGS[of])
    offered = menu(settings)
    told = [instructions(settings, lacking(settings)), *(one.text for one in offered_prompts(settings))]
    told += [said for one in offered.values() for said in described(one.model_dump())]
    assert set().union(*map(named_in, told)) <= offered.keys()


def test_only_what_cannot_be_done_is_left_out_of_the_instructions() -> None:
    both = (replace(Settings(), **SETTINGS[one]) for one in ("default", "read-only"))
    whole, rest = (instructions(settings, lacking(settings)) for settings in both)
    assert [line for line in whole.splitlines() if line not in rest] == [
        "After an unclear end of an upload ask get_upload before uploading again."
    ]


LACKING = Heading(Redactor(()), sandbox=False, lacks=frozenset({"get_upload", "delete_collections"}))
SENTENCES = {
    "Call get_upload in a minute.": "Tell the person.",
    "Wait a minute; then call get_upload; it looks.": "Wait a minute; it looks. Tell the person.",
    'It is "a. get_upload; b" now. Ask get_collection.': 'It is "a. get_upload; b" now. Ask get_collection.',
    'Call delete_collections(plan_id="a") to go on. Ask get_collection.': "Ask get_collection. Tell the person.",
}


class Told(BaseModel):
    """An answer."""

    next_step: str
    warnings: list[str] = []


@pytest.mark.parametrize("said", SENTENCES)
def test_what_leads_to_a_missing_tool_is_left_to_the_person(said: str) -> None:
    failure = as_failure(f"get_upload failed. {said}", LACKING).content[0]
    answer = as_result(Told(next_step=said, warnings=[said, "Look."]), LACKING).structured_content or {}
    assert getattr(failure, "text", "") == f"get_upload failed. {SENTENCES[said]}"
    assert answer["next_step"] == SENTENCES[said]
    assert named_in(" ".join(answer["warnings"])) <= {"get_collection"}
    assert answer["warnings"][-1] == "Look."


@pytest.mark.parametrize("given", [{}, {"collection_hash": "gone1234", "work_id": "abcdefgh", "report_id": "abcdefgh"}])
@pytest.mark.parametrize("of", ["read-only, all", "legacy"])
async def test_no_answer_and_no_error_names_another_tool(bench: Bench, of: str, given: Given) -> None:
    told = dict[str, str]()
    async with bench.assistant(**SETTINGS[of]) as assistant:
        names = {tool.name for tool in (await assistant.client.list_tools()).tools}
        for one in (one for one in TOOLS if expected_tool(one).name in names):
            wanted = {key: value for key, value in given.items() if key in expected_tool(one).parameters}
            told[one] = (await assistant.call(expected_tool(one).name, {**typical(one, bench), **wanted})).text
    assert [one for one, text in told.items() if named_in(text.partition(". ")[2]) - names] == []


async def test_who_stops_an_upload_of_another_process_is_sent_to_no_missing_tool(long_bench: LongBench) -> None:
    long_bench.road.upload_seconds, store = 60, long_bench.memory()
    async with (
        long_bench.assistant(store=store) as writing,
        long_bench.assistant(store=store, read_only=True) as reading,
    ):
        begun = await writing.call("create_collection", file_path=long_bench.large(), wait_seconds=0)
        said = await reading.call("stop_work", work_id=begun.data["upload_id"])
    assert said.data["kind"] == "upload"
    assert said.data["next_step"] == "Tell the person."
