"""The recorded assistant: makes the calls that stand in `recorded/` for a job, over MCP, and says what was answered.

python -m evaluations.player JOB PROMPT MCP_CONFIG [--wrong]

No model is in it. It shows that a job can be done, and is the check of the runner: with --wrong it makes the calls that
stand there as a mistake.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters

from evaluations.filling import learned
from evaluations.job import HERE, Call, Part, jobs
from evaluations.playing import Player, asking


class Play(Part):
    """How a job can be done, and how not."""

    job: str
    right: tuple[Call, ...]
    wrong: tuple[Call, ...]
    says: str = ""
    """Last words, where the answers' texts do not say all."""


@cache
def plays() -> dict[str, Play]:
    """Every play by the name of its job."""
    files = sorted((HERE / "recorded").glob("*.toml"))
    read = [tomllib.loads(file.read_text(encoding="utf-8"))["play"] for file in files]
    return {one["job"]: Play.model_validate(one) for every in read for one in every}


def calls_for(job: str, *, wrong: bool) -> tuple[tuple[Call, ...], str]:
    """The calls of a job, and last words. A request of the first-call set has the call that it should begin with."""
    if play := plays().get(job):
        return (play.wrong, "") if wrong else (play.right, play.says)
    from evaluations.first_calls import requests  # noqa: PLC0415  # it brings all tools, which a job does without

    request = next(one for one in requests() if one.asked == job)
    return ((Call(tool="get_user_stats"),) if wrong else (request.right_call(),)), ""


def server_in(config: Path) -> StdioServerParameters:
    """The one server that a client is told of."""
    (told,) = json.loads(config.read_text(encoding="utf-8"))["mcpServers"].values()
    return StdioServerParameters(command=told["command"], args=told["args"], env=told.get("env"))


async def main(job: str, prompt: str, config: Path, *, wrong: bool) -> int:
    calls, last_words = calls_for(job, wrong=wrong)
    known: dict[str, Any] = learned(jobs()[job].asked, prompt) if job in jobs() else {}
    async with Client(server_in(config), read_timeout_seconds=120) as client:
        said = await Player(asking(client), known.__getitem__).play(calls)
    sys.stdout.write(f"{said}\n{last_words}\n")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Play the recorded calls of a job.")
    parser.add_argument("job")
    parser.add_argument("prompt")
    parser.add_argument("config", type=Path)
    parser.add_argument("--wrong", action="store_true")
    given = parser.parse_args()

    async def run() -> int:
        return await main(given.job, given.prompt, given.config, wrong=given.wrong)

    status = anyio.run(run)
    gc.freeze()  # the end: Python would look through all that was imported, which takes a fifth of a second
    sys.exit(status)
