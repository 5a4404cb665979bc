"""Plays the jobs with an assistant: python -m evaluations.run --assistant "COMMAND {prompt} {mcp_config}"

Each job gets a sandbox, a folder, a store and a server of its own. Exits 1 where a job was not done right. In the command
`{prompt}`, `{mcp_config}`, `{job}`, `{command}` and `{arguments}` are filled in; `docs/evaluations.md` has those of clients.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio

from evaluations.first_calls import requests
from evaluations.job import jobs
from evaluations.results import RESULTS, Outcome, hash_of_menu, section_of, told_of, told_of_first, with_section
from evaluations.staging import How, begun, played

RECORDED = f'"{sys.executable}" -m evaluations.player {{job}} {{prompt}} {{mcp_config}}'


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evaluations.run", description="Play jobs with an assistant.")
    parser.add_argument("--assistant", default=RECORDED, metavar="COMMAND", help="the recorded one, if none is given")
    parser.add_argument("--name", default="", help="of the assistant and its model, for RESULTS.md")
    parser.add_argument("--only", default="", metavar="WORD", help="jobs with this in their name")
    parser.add_argument("--language", default="", help="jobs in this language, as de")
    parser.add_argument("--trials", type=int, default=1, metavar="N", help="of each job; done is what is right in all")
    parser.add_argument("--seconds", type=float, default=300, help="that an assistant has for a job")
    parser.add_argument("--calls-per-minute", type=int, default=1000, metavar="N", help="that Flipsnack takes")
    parser.add_argument("--first-calls", action="store_true", help="only how it begins with each of the whole requests")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep what was said and called there")
    parser.add_argument("--write", action="store_true", help="write the outcome into RESULTS.md, under --name")
    parser.add_argument("--list", action="store_true", help="only list the jobs")
    return parser


def without_links(folder: str) -> Path:
    """The temporary folder of some systems is one, and documents are opened without following any."""
    return Path(folder).resolve()


async def trial(play: Callable[[Path], Awaitable[Outcome]], name: str, kept: Path | None) -> Outcome:
    """Play something once in a folder of its own, and print what came of it."""
    with tempfile.TemporaryDirectory(prefix="evaluations-", ignore_cleanup_errors=True) as folder:
        place = without_links(folder)
        try:
            outcome = await play(place)
        except Exception as error:  # noqa: BLE001  # hours of playing are not given up for one job
            outcome = Outcome(name, (f"could not be played or judged: {error!r}",), 0, 0, 0, 0, 0.0)
        if kept:
            shutil.copytree(place, kept / "".join(one if one.isalnum() else "-" for one in name), dirs_exist_ok=True)
    sign = "WRONG" if outcome.wrong else "right"
    sys.stdout.write(
        f"{sign}  {name}: {outcome.calls} calls, {outcome.tokens} tokens, {outcome.forms} forms, "
        f"{outcome.asked} to Flipsnack, {outcome.seconds:.0f} s\n"
    )
    for wrong in outcome.wrong:
        sys.stdout.write(f"         {wrong}\n")
    sys.stdout.flush()
    return outcome


async def all_jobs(given: argparse.Namespace, how: How) -> list[list[Outcome]]:
    chosen = [one for one in jobs().values() if given.only in one.name and given.language in {"", one.language}]
    return [
        [await trial(partial(played, job, how), job.name, given.keep) for _ in range(given.trials)] for job in chosen
    ]


async def all_requests(given: argparse.Namespace, how: How) -> list[Outcome]:
    chosen = [one for one in requests() if given.only in one.asked and given.language in {"", one.language}]
    return [await trial(partial(begun, one, how), one.asked, given.keep) for one in chosen]


def write(who: str, done: Sequence[Sequence[Outcome]], first: Sequence[Outcome]) -> None:
    section = section_of(who, str(datetime.now(UTC).date()), hash_of_menu(), done, first)
    RESULTS.write_text(with_section(RESULTS.read_text(encoding="utf-8"), who, section), encoding="utf-8")


async def main(given: argparse.Namespace) -> int:
    if given.list:
        sys.stdout.write("".join(f"{one.language}  {one.name}: {one.asked}\n" for one in jobs().values()))
        return 0
    how = How(given.assistant, given.seconds, given.calls_per_minute)
    done = [] if given.first_calls else await all_jobs(given, how)
    first = await all_requests(given, how) if given.first_calls else []
    if not done and not first:
        sys.stderr.write("Nothing was played: no job or request is chosen by --only and --language.\n")
        return 2
    sys.stdout.write(f"{told_of(done) if done else told_of_first(first)}\n")
    if given.write:
        write(f"{given.name}: first calls" if first else given.name, done, first)
    return 1 if any(one.wrong for trials in (*done, first) for one in trials) else 0


if __name__ == "__main__":
    parser = options()
    read = parser.parse_args()
    if read.write and not read.name:
        parser.error("--write needs --name: who was it?")
    if read.write and (read.only or read.language):
        parser.error("--write takes all jobs or all requests: a choice of them would look like the whole")
    sys.exit(anyio.run(main, read))
