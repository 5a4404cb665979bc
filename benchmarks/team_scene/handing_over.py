"""Work that is begun on one replica and has to be ended by another: a form, an upload and a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import anyio
from mcp.types import CallToolResult, ElicitResult, InputRequiredResult

from benchmarks.team_scene.load import MOST_TRIES, NOTHING_CHANGED, READING, RETRYABLE, Diary, Person, open_period
from benchmarks.team_scene.replicas import Replica
from benchmarks.team_scene.scene import Team
from tests.server.bench import types_what_is_asked

TAKEN_OVER_WITHIN = 240.0
ENDS = {"complete", "failed", "interrupted", "stopped"}
SPENT = "This answer was used before."


@dataclass(frozen=True)
class Work:
    """What one replica was about when it ended."""

    account: str
    report: str
    upload: str
    marker: str
    target: str
    question: InputRequiredResult


async def begun_on(
    team: Team, token: str, replica: Replica, account: str, hashes: Sequence[str], target: str, diary: Diary
) -> Work:
    """Begin one of each there, without waiting for any."""
    marker = f"mark handed over {replica.number} {target}"
    diary.written[marker] = "unknown"
    async with team.client(token, replica=replica, elicitation_callback=Person(diary)) as (client, _):

        async def data(tool: str, **arguments: Any) -> dict[str, Any]:
            asked = {"account": account, "wait_seconds": 0, **arguments}
            result = await client.call_tool(tool, asked)
            for _ in range(MOST_TRIES):
                if not (result.is_error and NOTHING_CHANGED.search(f"{result.content}")):
                    break
                await anyio.sleep(1)
                result = await client.call_tool(tool, asked)
            assert not result.is_error, result.content
            return dict(result.structured_content or {})

        report = await data("report_stats", collections=list(hashes), **open_period(45))
        upload = await data(
            "create_collection", file_url="https://files.example.com/offers.pdf", title=f"{account} {marker}"
        )
        asked = {"account": account, "collection_hash": target}
        question = await client.session.call_tool("delete_collection", asked, allow_input_required=True)
        for _ in range(MOST_TRIES):
            if isinstance(question, InputRequiredResult):
                break
            await anyio.sleep(1)
            question = await client.session.call_tool("delete_collection", asked, allow_input_required=True)
        assert isinstance(question, InputRequiredResult), question
    return Work(account, report["report_id"], upload["upload_id"], marker, target, question)


async def followed(team: Team, token: str, work: Work, diary: Diary, *, certain: bool) -> list[str]:
    """What another did not finish; where a replica was killed at any moment an upload may end as interrupted."""
    wrong = list[str]()
    async with team.client(token) as (client, _):

        async def state(tool: str, **which: str) -> str:
            with anyio.move_on_after(TAKEN_OVER_WITHIN):
                while True:
                    result = await client.call_tool(tool, {"account": work.account, "wait_seconds": 20, **which})
                    found = str((result.structured_content or {}).get("state", result.content))
                    if result.is_error or found in ENDS:
                        return found
            return "not ended"

        report, upload = (
            await state("report_stats", report_id=work.report),
            await state("get_upload", upload_id=work.upload),
        )
        if upload == "complete":
            diary.written[work.marker] = "done"
        if report != "complete":
            wrong.append(f"the report {work.report} of {work.account} is {report!r}")
        if upload not in ({"complete"} if certain else ENDS):
            wrong.append(f"the upload {work.upload} of {work.account} is {upload!r}")
    return wrong


async def answered(team: Team, token: str, work: Work, diary: Diary) -> list[str]:
    """Answer the form that the replica showed which is gone now, as its person would."""
    await anyio.sleep(READING)
    said = ""
    for tries in range(MOST_TRIES):
        async with team.client(token, elicitation_callback=Person(diary)) as (client, _):
            result = await client.session.call_tool("delete_collection", **answer(work))
        if isinstance(result, CallToolResult) and not result.is_error:
            return []
        said = f"{result}"
        if (
            tries and SPENT in said
        ):  # an earlier try came as far as that: nothing was changed, and the person is asked anew
            return []
        if not (NOTHING_CHANGED.search(said) and RETRYABLE.search(said)):
            break
        await anyio.sleep(2)
    return [f"the form about {work.target} was not taken by another replica: {said}"]


def answer(work: Work) -> dict[str, Any]:
    """The same call once more, with what was typed."""
    (key,) = work.question.input_requests or {}
    message = work.question.input_requests[key].params.message  # type: ignore[index, union-attr]  # it asks, and by a form
    yes: dict[str, ElicitResult] = {key: types_what_is_asked(message)}
    return {
        "arguments": {"account": work.account, "collection_hash": work.target},
        "allow_input_required": True,
        "input_responses": yes,
        "request_state": work.question.request_state,
    }
