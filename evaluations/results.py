"""What came of it, as RESULTS.md tells it; `python evaluations/results.py` says which of it is stale, there and here.

Each section names its assistant, its day, and the menu that its tools had: the beginning of the SHA-256 of the file with
all names, descriptions and schemas. Once that file is another one, the section calls itself stale. Needs nothing but Python.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"
MENU = Path(__file__).parents[1] / "flipsnack_mcp" / "server" / "menu.json"
HEADING = re.compile(r"^## (.+), (\d{4}-\d\d-\d\d), menu ([0-9a-f]{12}): (current|stale)$", re.MULTILINE)
SIGN = {True: "current", False: "stale"}


@dataclass(frozen=True)
class Outcome:
    """What came of one job, or of one request of the first-call set."""

    name: str
    wrong: tuple[str, ...]
    calls: int
    tokens: int
    """Of the answers' texts."""
    forms: int
    asked: int
    """Requests to Flipsnack."""
    seconds: float
    used: int | None = None
    """Tokens of the assistant's model, where it tells."""


def hash_of_menu(content: bytes | None = None) -> str:
    return sha256(MENU.read_bytes() if content is None else content).hexdigest()[:12]


def restated(text: str, menu: str) -> str:
    """The same results, each section with what it is beside this menu."""
    return HEADING.sub(lambda found: f"## {found[1]}, {found[2]}, menu {found[3]}: {SIGN[found[3] == menu]}", text)


def claims(text: str) -> list[tuple[str, str, bool]]:
    """Who was measured, with which menu, and whether the section calls itself current."""
    return [(found[1], found[3], found[4] == "current") for found in HEADING.finditer(text)]


def with_section(text: str, who: str, section: str) -> str:
    """The results with this section at the end, in place of an older one of the same assistant."""
    head, *others = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    kept = [one for one in others if not ((found := HEADING.match(one)) and found[1] == who)]
    return "\n\n".join(one.strip() for one in (head, *kept, section)) + "\n"


def section_of(who: str, day: str, menu: str, jobs: Sequence[Sequence[Outcome]], first: Sequence[Outcome]) -> str:
    """What an assistant did: each job with all its trials, and the requests that it began wrongly."""
    lines = [f"## {who}, {day}, menu {menu}: current"]
    if jobs:
        lines += [
            "",
            told_of(jobs),
            "",
            "| job | right | calls | tokens | forms | to Flipsnack | seconds | what was wrong |",
        ]
        lines += ["|---|---|---|---|---|---|---|---|", *map(row, jobs)]
    if first:
        missed = [one for one in first if one.wrong]
        lines += ["", told_of_first(first)]
        lines += ["", *(f"- {quoted(one.name)}: {cell(one.wrong)}" for one in missed)] if missed else []
    return "\n".join(lines)


def told_of(jobs: Sequence[Sequence[Outcome]]) -> str:
    """One trial that is right proves little of an assistant: a job is done where all its trials are right."""
    done = sum(not any(one.wrong for one in trials) for trials in jobs)
    every = [one for trials in jobs for one in trials]
    trials = max(map(len, jobs))
    model = [one.used for one in every if one.used is not None]
    spent = f", {sum(model)} tokens of the model" if model else ""
    of = f" in all of {trials} trials" if trials > 1 else ""
    calls, tokens = sum(one.calls for one in every), sum(one.tokens for one in every)
    return f"{done} of {len(jobs)} jobs done right{of}: {calls} calls, {tokens} tokens of answers{spent}."


def told_of_first(first: Sequence[Outcome]) -> str:
    return f"First calls: {sum(not one.wrong for one in first)} of {len(first)} right."


def row(trials: Sequence[Outcome]) -> str:
    right = sum(not one.wrong for one in trials)
    most = [max(getattr(one, name) for one in trials) for name in ("calls", "tokens", "forms", "asked")]
    figures = " | ".join(str(one) for one in most)
    wrong = dict.fromkeys(told for one in trials for told in one.wrong)
    cells = (trials[0].name, f"{right} of {len(trials)}", figures, f"{max(one.seconds for one in trials):.0f}")
    return f"| {' | '.join(cells)} | {cell(tuple(wrong))} |"


def cell(told: Sequence[str]) -> str:
    return "; ".join(told).replace("|", "\\|").replace("\n", " ")


def quoted(text: str) -> str:
    return f'"{text}"'


def main() -> int:
    """Mark what is stale, and say so. Always ends well: results of an older menu are true of that menu."""
    text, menu = RESULTS.read_text(encoding="utf-8"), hash_of_menu()
    RESULTS.write_text(restated(text, menu), encoding="utf-8")
    for who, measured, _ in claims(text):
        sys.stdout.write(f"{who}: menu {measured} is {SIGN[measured == menu]} (the menu here is {menu})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
