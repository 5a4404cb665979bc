"""Every job can be done, and the judge tells that from a mistake and from doing nothing."""

from dataclasses import replace
from pathlib import Path

import pytest
from mcp import ClientSession

from evaluations.job import Job, jobs
from evaluations.judging import judged
from evaluations.player import plays
from flipsnack_mcp.files.lookahead import LookAhead
from flipsnack_mcp.server.tools import uploads
from flipsnack_mcp.workflows.batches import carrying_out, seeing
from tests.evaluations.staged import staged


async def believed(*_: object) -> None:
    """That an answer is what its schema says is seen by the tests of the server."""


async def unseen(*_: object) -> LookAhead:
    """Counting pages is a process for each document."""
    return LookAhead(None, ())


@pytest.fixture(autouse=True)
def about_jobs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for one in (uploads, seeing, carrying_out):
        monkeypatch.setattr(one, "look_ahead", unseen)
    monkeypatch.setattr(ClientSession, "validate_tool_result", believed)


every_job = pytest.mark.parametrize("job", jobs().values(), ids=lambda one: one.name)


def test_there_are_enough_jobs_in_enough_languages_and_each_has_its_play() -> None:
    assert len(jobs()) >= 40
    assert len({one.language for one in jobs().values()}) >= 6
    assert {one.account for one in jobs().values()} == {"small", "large", "empty"}
    assert plays().keys() == jobs().keys()


@every_job
async def test_a_job_is_done_by_its_play_and_not_by_who_does_nothing(job: Job, tmp_path: Path) -> None:
    play = plays()[job.name]
    fitted, run = await staged(job, tmp_path, play.right, play.says)
    assert judged(fitted, run) == []
    idle = replace(run, end=run.start, requests=(), saved={}, calls=(), forms=0, said="")
    assert judged(fitted, idle)


@every_job
async def test_a_job_is_not_done_by_a_mistake(job: Job, tmp_path: Path) -> None:
    fitted, run = await staged(job, tmp_path, plays()[job.name].wrong)
    assert judged(fitted, run)
