"""Each job that a person would call one, played over an account of some 210 collections: what it costs a model.

python benchmarks/workflows.py [--fast] [--only WORD]   exits 1 when a limit is broken. Takes 25 minutes, with --fast two.

Each job has a fresh account and store: a real server over stdio with the official client, before `flipsnack-mcp sandbox
--account large` at 60 calls a minute. With --fast at the most that can be set, so that seconds are not judged.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
from typing_extensions import override

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.pace import Figure
from benchmarks.player import Player, RefusedError, player
from evaluations.scene import put_documents
from flipsnack_mcp.sandbox import Sandbox
from tests.sandbox.calling import calling
from tests.server.bench import tokens

USUAL, FAST = 60, 1000
"""Calls a minute."""
SERIES = "Summer sale 2025"
LEFTOVERS = "Untitled"
TYPED = Path(__file__).parents[1] / "tests" / "workflows" / "typed.json"
SEARCHES: dict[str, str] = json.loads(TYPED.read_text(encoding="utf-8"))["searches"]
"""What people type, and the title that they mean or its beginning."""


@dataclass(frozen=True)
class Job:
    """What a person asks for, and what it may cost."""

    name: str
    play: Callable[[Player], Awaitable[Iterable[Figure]]]
    needs: tuple[str, ...]
    calls: int
    tokens: int | None = None
    """Of all answers, as text and as data."""
    forms: int = 0
    seconds: float | None = None
    seconds_a_call: float | None = None
    """For each call to Flipsnack."""


def account() -> Sandbox:
    """The same account once more, to know what is in it."""
    return Sandbox(account="large")


def week(back: int) -> dict[str, str]:
    """A whole week, from Monday to Sunday; 1 is the last one."""
    today = datetime.now(UTC).date()
    monday = today - timedelta(days=today.weekday() + 7 * back)
    return {"start_date": str(monday), "end_date": str(monday + timedelta(days=6))}


def readable(until: str) -> int:
    """How many collections somebody could read until that day."""
    end = datetime.combine(date.fromisoformat(until), datetime.max.time(), UTC).timestamp()
    every = account().account.collections.values()
    return sum(one.status != "editable" and one.created_at <= end for one in every)


def executed(requests: Sequence[dict[str, Any]], action: str, **wanted: str) -> list[dict[str, Any]]:
    """The requests that were carried out, with these words in their parameters."""
    return [
        one
        for one in requests
        if one["action"] == action and one["executed"]
        if all(word in one["params"].get(name, "") for name, word in wanted.items())
    ]


class Exactly(Figure):
    """Neither more nor less."""

    @property
    @override
    def kept(self) -> bool:
        return self.value == self.limit

    @override
    def __str__(self) -> str:
        return f"  {self.name:44} {self.value:8.3f}   exactly {self.limit:g}   {'ok' if self.kept else 'BROKEN'}"


async def report(playing: Player, back: int, each: int) -> Iterable[Figure]:
    """A week beside the one before it: so many questions for each collection that could be read in it, and no other."""
    before, period = len(await playing.arrived()), week(back)
    found = await playing.whole("report_stats", **period, compare=True)
    asked = (await playing.arrived())[before:]
    drafts = {one.hash for one in account().account.collections.values() if one.status == "editable"}
    counted = Counter(one["params"]["collectionHash"] for one in asked if one["action"] == "collection.getStats")
    return (
        Figure("not complete", found["state"] != "complete", 0),
        Figure("questions about statistics", counted.total(), each * readable(period["end_date"])),
        Figure("of them about drafts", sum(counted[one] for one in drafts), 0),
    )


async def weekly_report(playing: Player) -> Iterable[Figure]:
    return await report(playing, 2, each=2)


async def second_week(playing: Player) -> Iterable[Figure]:
    return await report(playing, 1, each=1)


async def rename(playing: Player) -> Iterable[Figure]:
    await playing.planned("update_collections", query=SERIES, find="2025", replace="2026")
    requests = await playing.arrived()
    return (
        Exactly("renamed", len(executed(requests, "collection.update", title="2026")), 60),
        Figure("calls to Flipsnack", len(requests), 1.1 * 60 + 2 * 3),
    )


async def unlist(playing: Player) -> Iterable[Figure]:
    await playing.planned("update_collections", query=SERIES, only_status=["public"], status="unlisted")
    requests = await playing.arrived()
    return (
        Exactly("unlisted", len(executed(requests, "collection.update", collectionStatus="unlisted")), 60),
        Figure("calls to Flipsnack", len(requests), 1.1 * 60 + 2 * 3),
    )


async def take_offline(playing: Player) -> Iterable[Figure]:
    await playing.planned("update_collections", query=SERIES, status="editable")
    requests = await playing.arrived()
    return (
        Exactly("taken offline", len(executed(requests, "collection.update", collectionStatus="editable")), 60),
        Figure("calls to Flipsnack", len(requests), 2.1 * 60 + 2 * 3),
    )


async def delete(playing: Player) -> Iterable[Figure]:
    await playing.planned("delete_collections", query=LEFTOVERS, only_status=["editable"])
    hashes = {one.hash for one in account().account.collections.values() if one.title == LEFTOVERS}
    gone = executed(await playing.arrived(), "collection.deleteCollection")
    return (
        Exactly("deleted", len(gone), 8),
        Exactly("deleted of those meant", len(hashes & {one["params"]["collectionHash"] for one in gone}), 8),
    )


async def undo(playing: Player) -> Iterable[Figure]:
    """What was renamed a moment ago."""
    changed = await playing.planned("update_collections", query=SERIES, find="2025", replace="2026")
    before = len(await playing.arrived())
    await playing.planned("undo_change", history_id=changed["history_id"])
    put_back = executed((await playing.arrived())[before:], "collection.update", title="2025")
    return (Exactly("put back", len(put_back), 60),)


async def audit(playing: Player) -> Iterable[Figure]:
    found = await playing.whole("audit_account")
    changes = {"collection.update", "collection.deleteCollection", "flipbook.delete", "collection.create"}
    requests = await playing.arrived()
    return (
        Figure("not complete", found["state"] != "complete", 0),
        Figure("changes", sum(one["action"] in changes for one in requests), 0),
    )


async def publish_one(playing: Player) -> Iterable[Figure]:
    put_documents(playing.uploads, ["Weekly offers W49.pdf"])
    made = await playing.whole(
        "create_collection", file_path="Weekly offers W49.pdf", title="Weekly offers, Week 49", status="public"
    )
    embedded = await playing.call("get_embed_code", collection_hash=made["collection_hash"])
    return (
        Exactly("uploads", len(executed(await playing.arrived(), "collection.create")), 1),
        Figure("embed codes", "<iframe" in embedded["embed_code"], 1, at_least=True),
    )


async def publish_folder(playing: Player) -> Iterable[Figure]:
    branches = ("Bath", "Bristol", "Derby", "Exeter", "Leeds", "York")
    put_documents(playing.uploads / "branches", [f"{one}.pdf" for one in branches])
    await playing.planned("create_collections", folder="branches", title="{name} branch", status="public")
    return (Exactly("uploads", len(executed(await playing.arrived(), "collection.create", title="branch")), 6),)


async def list_all(playing: Player) -> Iterable[Figure]:
    """All rows, beside the same account as Flipsnack sends it."""
    found = await playing.call("list_collections", limit=100)
    rows = list[dict[str, Any]](found["collections"])
    while offset := found.get("next_offset"):
        found = await playing.call("list_collections", limit=100, offset=offset)
        rows += found["collections"]
    raw = await raw_lists()
    lines = [line for text in playing.said for line in text.splitlines()]
    short = [one for one in rows if len(one.get("title", "")) <= 40]
    as_text = {
        one["collection_hash"]: tokens(line) for one in short for line in lines if one["collection_hash"] in line
    }
    as_data = [tokens(json.dumps(one, ensure_ascii=False, separators=(",", ":"))) for one in short]
    return (
        Exactly("rows", len(rows), len(account().account.collections)),
        Figure("text beside the raw answers", 100 * playing.text / raw, 40, unit=" %"),
        Figure("data beside the raw answers", 100 * playing.data / raw, 40, unit=" %"),
        Figure("dearest row with a short title, text", max(as_text.values()), 42, unit=" tokens"),
        Figure("dearest row with a short title, data", max(as_data), 42, unit=" tokens"),
    )


async def raw_lists() -> int:
    """Tokens of the account as Flipsnack's own lists show it."""
    async with calling(account()) as flipsnack:
        windows = range(0, len(flipsnack.sandbox.account.collections), 100)
        asked = [{"from": str(start), "to": str(start + 100)} for start in windows]
        return sum([tokens((await flipsnack.raw("collection.getList", **one)).text) for one in asked])


async def find(playing: Player) -> Iterable[Figure]:
    missed = 0
    for typed, meant in SEARCHES.items():
        found = await playing.call("list_collections", query=typed)
        first = [one["title"] for one in found["collections"][:3]]
        if not any(title.startswith(meant) for title in first):
            missed += 1
            print(f"  not among the first three: {typed!r} found {first}")
    nothing = await playing.call("list_collections", query="xylophone rental")
    return (
        Figure("searches that missed", missed, 0),
        Figure("next step where nothing is found", bool(nothing.get("next_step")), 1, at_least=True),
    )


JOBS = (
    Job("weekly report with comparison", weekly_report, ("report_stats",), 3, 2500, seconds_a_call=1.05),
    Job("rename 60", rename, ("update_collections",), 3, 3000, seconds=75),
    Job("unlist 60 public ones", unlist, ("update_collections",), 3, 3000, seconds=75),
    Job("take 60 offline", take_offline, ("update_collections",), 3, 3000, forms=1, seconds=135),
    Job("delete 8", delete, ("delete_collections",), 2, 1000, forms=1),
    Job("undo 60 renamings", undo, ("undo_change", "update_collections"), 6, 6000, seconds=150),
    Job("audit", audit, ("audit_account",), 2, 3000),
    Job("publish one", publish_one, ("create_collection", "get_embed_code"), 2, 500),
    Job("publish a folder of 6", publish_folder, ("create_collections",), 3, 1200),
    Job("list all", list_all, ("list_collections",), 3, 9000),
    Job("30 searches", find, ("list_collections",), len(SEARCHES) + 1),
)
AFTER = {"weekly report with comparison": Job("the same a week later", second_week, ("report_stats",), 3, 2500)}
"""Played on the account and store of the job before it."""


async def judged(job: Job, playing: Player, *, fast: bool) -> list[Figure]:
    """Play it, print what it took, and compare that with its limits."""
    before = await playing.cost()
    try:
        figures = [*await job.play(playing)]
    except (RefusedError, LookupError, ValueError) as error:
        print(f"  ended early: {error!r}")
        figures = [Figure("ended early", 1, 0)]
    took = (await playing.cost()).since(before)
    print(
        f"  {took.calls} calls, {took.asked} to Flipsnack, {took.forms} forms, {took.text} tokens of text and "
        f"{took.data} of data, {took.at:.0f} s"
    )
    figures += [Figure("calls", took.calls, job.calls), Exactly("forms", took.forms, job.forms)]
    if job.tokens:
        figures += [Figure("tokens of text", took.text, job.tokens), Figure("tokens of data", took.data, job.tokens)]
    allowed = job.seconds or (job.seconds_a_call or 0) * took.asked
    return figures + ([Figure("seconds", took.at, allowed, unit=" s")] if allowed and not fast else [])


async def played(job: Job, *, fast: bool) -> bool:
    """Play a job, and the one after it, before an account of their own. True when every limit was kept."""
    kept = True
    with tempfile.TemporaryDirectory() as folder:
        async with player(Path(folder), FAST if fast else USUAL) as playing:
            offered = {tool.name for tool in (await playing.client.list_tools()).tools}
            for one in filter(None, (job, AFTER.get(job.name))):
                print(one.name, flush=True)
                if missing := sorted({*one.needs} - offered):
                    print(f"  MISSING: there is no {', '.join(missing)} yet")
                    return False
                figures = await judged(one, playing, fast=fast)
                print(*figures, sep="\n", flush=True)
                kept = kept and all(figure.kept for figure in figures)
    return kept


async def main(only: str, *, fast: bool) -> int:
    began = time.monotonic()
    kept = [await played(job, fast=fast) for job in JOBS if only in job.name]
    print(f"{sum(kept)} of {len(kept)} jobs within their limits, in {time.monotonic() - began:.0f} s")
    return 0 if all(kept) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Play what people ask for, and count what it costs.")
    parser.add_argument("--fast", action="store_true", help="at a higher pace; seconds are not judged")
    parser.add_argument("--only", default="", metavar="WORD", help="jobs with this in their name")
    options = parser.parse_args()

    async def run() -> int:
        return await main(options.only, fast=options.fast)

    sys.exit(anyio.run(run))
