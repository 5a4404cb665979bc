"""A job as processes: its own Flipsnack behind a port, its own server and folders, and the assistant that is judged."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
from mcp import Client, StdioServerParameters

import flipsnack_mcp
from evaluations import between
from evaluations.assistant import command_line, let, set_the_table, without_settings
from evaluations.first_calls import Request, wrong_beginning
from evaluations.job import Job
from evaluations.judging import judged
from evaluations.playing import Player, ask_nobody, asking
from evaluations.record import Run, tokens
from evaluations.results import Outcome
from evaluations.scene import Scene, scene_of
from flipsnack_mcp.sandbox import Sandbox
from flipsnack_mcp.sandbox.serving import serve

KEY, SECRET = "EVALUATIONS-KEY", "EVALUATIONS-SECRET"  # opens nothing but the imitation
SOURCE = Path(flipsnack_mcp.__file__).parents[1]


@dataclass(frozen=True)
class How:
    """How the jobs are played."""

    assistant: str
    seconds: float = 300.0
    a_minute: int = 1000
    """Calls to Flipsnack: at the usual sixty, large jobs would take minutes."""


async def played(job: Job, how: How, folder: Path) -> Outcome:
    """One job, from an account of its own to the judgement."""
    scene = scene_of(job, folder, time.time, KEY, SECRET, how.a_minute)
    async with served(scene.sandbox) as where:
        environment = surroundings(scene, where, how)
        earlier = await played_before(scene, environment)
        fitted = job.fitted(earlier.known)
        scene.break_things()
        start, asked = scene.moment(), len(scene.sandbox.requests)
        set_the_table(folder, environment, job.person)
        began = time.monotonic()
        ended = await let(command_line(how.assistant, folder, fitted.asked, job.name), folder, how.seconds)
        took = time.monotonic() - began
        found = (scene.moment(), scene.arrived(asked), scene.saved())
        run = Run(start, *found, ended.calls, ended.forms, ended.said, scene.uploads, ended.status)
    wrong = tuple(judged(fitted, run))
    return Outcome(job.name, wrong, len(run.calls), run.tokens, run.forms, len(run.requests), took, ended.used)


@asynccontextmanager
async def served(sandbox: Sandbox) -> AsyncIterator[dict[str, str]]:
    """The imitation at a port of this machine: where it is, and its credentials."""
    where: dict[str, str] = {}
    there = anyio.Event()

    def ready(told: dict[str, str]) -> None:
        where.update(told)
        there.set()

    async with anyio.create_task_group() as group:
        group.start_soon(serve, sandbox, "127.0.0.1", 0, ready)
        await there.wait()
        yield where
        group.cancel_scope.cancel()


def surroundings(scene: Scene, where: dict[str, str], how: How) -> dict[str, str]:
    """The environment of the job's server."""
    return with_source({
        **{f"FLIPSNACK_{name.upper()}": value for name, value in where.items()},
        "FLIPSNACK_STATE": f"sqlite:{scene.folder / 'state.sqlite'}",
        "FLIPSNACK_UPLOAD_DIRS": str(scene.uploads),
        "FLIPSNACK_DOWNLOAD_DIR": str(scene.downloads),
        "FLIPSNACK_CALLS_PER_MINUTE": str(how.a_minute),
        "FLIPSNACK_CALLS_PER_SECOND": str(-(-how.a_minute // 12)),
        **{f"FLIPSNACK_{name}": value for name, value in scene.job.settings.items()},
    })  # fmt: skip


def with_source(environment: dict[str, str]) -> dict[str, str]:
    """The server is the one of this checkout, wherever it is started."""
    paths = [str(SOURCE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**environment, "PYTHONPATH": os.pathsep.join(paths)}


async def played_before(scene: Scene, environment: dict[str, str]) -> Player:
    """What somebody did earlier, by a server that ended since; and all that is known by then."""
    if not scene.job.before:
        return Player(ask_nobody, scene.known, scene.clock)
    environment = {**without_settings(), **environment}
    server = StdioServerParameters(command=sys.executable, args=["-m", "flipsnack_mcp"], env=environment)
    async with Client(server, read_timeout_seconds=120) as client:
        earlier = Player(asking(client), scene.known, scene.clock)
        await earlier.play(scene.job.before)
    return earlier


async def begun(request: Request, how: How, folder: Path) -> Outcome:
    """How an assistant begins with one request of the first-call set: whatever it calls, nothing is carried out."""
    (folder / "uploads").mkdir()
    environment = {"FLIPSNACK_SANDBOX": "1", "FLIPSNACK_UPLOAD_DIRS": str(folder / "uploads")}
    set_the_table(folder, with_source(environment), between.FIRST_CALL)
    began = time.monotonic()
    ended = await let(command_line(how.assistant, folder, request.asked, request.asked), folder, how.seconds)
    wrong = tuple(wrong_beginning(request, ended.calls))
    spent = sum(tokens(one.text) for one in ended.calls)
    return Outcome(request.asked, wrong, len(ended.calls), spent, 0, 0, time.monotonic() - began, ended.used)
