"""What a job over many collections costs: calls, tokens and seconds, on an account of 210, at sixty requests a minute."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import anyio
import pytest

from flipsnack_mcp.api.actions import ACTIONS
from tests.server.bench import Bench, Person, tokens, types_what_is_asked
from tests.server.revisions import newer

TOOL = "update_collections"
READ = {action.api_name for action in ACTIONS if action.effect.value == "reads"}
ROWS, SERIES, FEW = 210, 60, 20
LISTS = 2 * 3
"""Before and after, a hundred rows each."""


@dataclass(frozen=True)
class Job:
    """What a person asks for, and what it may cost."""

    rule: dict[str, Any]
    calls_a_change: float
    seconds: float
    many: int = FEW
    status: str = "public"
    forms: int = 0
    tools: int = 3
    tokens: int = 3000


JOBS = {
    "rename": Job({"find": "2025", "replace": "2026"}, 1.1, 75, SERIES),
    "take offline": Job({"status": "editable"}, 2.1, 55, forms=1),
    "unlist": Job({"status": "unlisted"}, 1.1, 35, tools=2),
    "describe": Job({"description": "Our offers of the week."}, 2.1, 55),
    "publish": Job({"status": "public"}, 1.1, 35, tools=2, status="editable"),
}

# What it costs does not depend on the revision.
mode = newer


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
async def test_a_job_over_sixty_of_210_collections_keeps_its_limits(job: Job, bench: Bench) -> None:
    """Or over twenty, where each change costs as in a long one."""
    account = bench.sandbox.account
    account.collections.clear()
    for number in range(ROWS):
        title = f"Weekly offers 2025, Week {number:02} for stores" if number < job.many else f"Catalogue {number}"
        account.add(title=title, status=job.status, created_at=bench.clock() - 86400 * number)
    person, texts, data = Person(types_what_is_asked), 0, 0
    start, arguments, calls = anyio.current_time(), {"query": "Weekly offers 2025", **job.rule}, 0
    said = None
    async with bench.assistant(person) as assistant:
        while said is None or said.data["state"] in {"planned", "running"}:
            said = await assistant.call(TOOL, arguments)
            assert not said.is_error, said.text
            calls, texts, data = calls + 1, texts + tokens(said.text), data + tokens(json.dumps(said.data))
            arguments = {"plan_id": said.data["plan_id"], "wait_seconds": 30}
            if said.data["state"] == "running":
                assert "items" not in said.data
                await anyio.sleep(said.data["progress"]["seconds_left"])
    planning = 3
    asked = Counter(bench.requests)
    assert said.data["counts"] == {"done": job.many, "unchanged": 0}
    assert asked["collection.update"] == job.many
    assert sum(asked.values()) - planning <= job.calls_a_change * job.many + LISTS, asked
    assert anyio.current_time() - start <= job.seconds
    assert (calls, len(person.forms)) == (job.tools, job.forms)
    assert max(texts, data) <= job.tokens, (texts, data)
