"""A fixed sample of mutants, each judged by the tests of its floor: is a broken guarantee noticed by the tests beside it?

python benchmarks/mutants.py             judges the sample; exits 1 when a mutant survives that was caught before, or over 5 %
python benchmarks/mutants.py --choose    draws mutants for every area that has fewer than its share, always the same ones
python benchmarks/mutants.py --before    judges what was never judged, and keeps the verdicts in the sample as those of before

`mutants.json` holds the areas (their modules, and their tests, likely ones first), functions that carry no guarantee,
mutants that were looked at by hand and left out with the reason of each, and the sample. A mutant is known by its function and statement,
not by module and line number: it is found again when the code has moved. Only the paths in `areas` have to be kept true.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from ast import parse, unparse
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.mutating import changes

ROOT = Path(__file__).parents[1]
SAMPLE = Path(__file__).with_suffix(".json")
LEAST, SEED, SHARE = 24, 11, 0.95
MEMORY = 4 * 1024**3
"""Bytes for a run of the tests: some mutants never stop collecting."""
PYTEST = ("-m", "pytest", "-x", "-n", "0", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0")
NO_AREA = {"sandbox", "commands"}
NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".hypothesis", ".*_cache")


@dataclass(frozen=True)
class Mutant:
    """One change that a test has to notice, and whether one did before."""

    area: str
    module: str
    """Only a hint, where the same function and statement are in several modules."""
    function: str
    before: str
    after: str
    occurrence: int = 0
    caught: bool | None = None

    @property
    def outer_function(self) -> str:
        """The function or method that others call, also for a function inside of it."""
        named = re.match(r"(?:[A-Z]\w*\.)*\w*", self.function)
        return named[0] if named else ""

    def likeness(self, other: Mutant) -> int:
        """How surely a place in the code is the one this was made from: 3 for the same name in the same module."""
        if self.function == other.function:
            return 3 if self.module == other.module else 2
        return int(self.function.rpartition(".")[2] == other.function.rpartition(".")[2])

    def line(self) -> str:
        """What a reader is told about it."""
        return f"{self.area}: {self.function}: {self.before}  =>  {self.after}"


@dataclass(frozen=True)
class Place:
    """Where a mutant is in the code as it is now."""

    mutant: Mutant
    path: str
    number: int

    def source(self) -> str:
        """The whole module with the mutant in it."""
        tree = parse((ROOT / self.path).read_text())
        return next(unparse(tree) for number, _ in enumerate(changes(tree)) if number == self.number)


class Sample:
    """What `mutants.json` says, and the places that the code has now."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = json.loads(SAMPLE.read_text())
        self.mutants = [Mutant(**one) for one in self.kept["sample"]]
        package = ROOT / "flipsnack_mcp"
        paths = [one for one in sorted(package.rglob("*.py")) if one.relative_to(package).parts[0] not in NO_AREA]
        self._places = [place for path in paths for place in places_in(path)]

    def of(self, area: str) -> list[Mutant]:
        """The mutants of one area."""
        return [one for one in self.mutants if one.area == area]

    def files(self, area: str, what: str) -> list[str]:
        """The modules or tests of an area. What names nothing any more must not be left unjudged without a word."""
        found = {pattern: sorted(ROOT.glob(pattern)) for pattern in self.kept["areas"][area][what]}
        if gone := [pattern for pattern, paths in found.items() if not paths]:
            sys.exit(f"{area}: nothing is called {', '.join(gone)} any more; put it right in {SAMPLE.name}")
        return list(dict.fromkeys(str(path.relative_to(ROOT)) for paths in found.values() for path in paths))

    def place_of(self, mutant: Mutant) -> Place | None:
        """Where a mutant is now; None where its statement is gone, or is in several places as likely as each other."""
        same = [one for one in self._places if (one.mutant.before, one.mutant.after) == (mutant.before, mutant.after)]
        # The same statement in a function of another name, in another area, is another one.
        same = [one for one in same if mutant.likeness(one.mutant) or one.path in self.files(mutant.area, "modules")]
        best = max((mutant.likeness(one.mutant) for one in same), default=0)
        likely = [one for one in same if mutant.likeness(one.mutant) == best]
        if len(likely) > 1:
            likely = [one for one in likely if one.mutant.occurrence == mutant.occurrence]
        return likely[0] if len(likely) == 1 else None

    def lacking(self, area: str) -> int:
        """How many more an area should have: one for each of its functions, and no less than its share."""
        functions = {one.mutant.outer_function for one in self._pool(area)}
        return max(0, max(LEAST, len(functions)) - len(self.of(area)))

    def fresh(self, area: str, wanted: int) -> list[Mutant]:
        """Mutants that are not in the sample: one for each function in turn, functions without any first."""
        taken = [place for one in self.of(area) if (place := self.place_of(one))]
        free = [one for one in self._pool(area) if one not in taken]
        random.Random(f"{SEED} {area}").shuffle(free)  # noqa: S311 - the same ones each time
        seen = Counter(one.mutant.outer_function for one in taken)
        turns: list[tuple[int, Mutant]] = []
        for one in free:
            turns.append((seen[one.mutant.outer_function], replace(one.mutant, area=area)))
            seen[one.mutant.outer_function] += 1
        return [mutant for _, mutant in sorted(turns, key=lambda turn: turn[0])[:wanted]]

    def _pool(self, area: str) -> list[Place]:
        """What an area can give, without functions that do nothing but return: any call of them would fail."""
        paths, nothing = self.files(area, "modules"), self.kept["no_guarantee"]
        left_out = {(one["function"], one["before"], one["after"]) for one in self.kept["left_out"]}
        places = [one for one in self._places if one.path in paths and one.mutant.function not in nothing]
        telling = {one.mutant.function for one in places if one.mutant.after != "return None"}
        told = [(one, one.mutant) for one in places if one.mutant.function in telling]
        return [one for one, it in told if (it.function, it.before, it.after) not in left_out]

    def save(self) -> None:
        """Write everything, with one mutant on each line."""
        self.mutants.sort(key=lambda one: [*self.kept["areas"]].index(one.area))
        rows = {"left_out": self.kept["left_out"], "sample": [asdict(one) for one in self.mutants]}
        text = json.dumps({name: value for name, value in self.kept.items() if name not in rows}, indent=1)[:-2]
        for name, listed in rows.items():
            lines = ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in listed)
            text += f',\n "{name}": [\n{lines}\n ]'
        SAMPLE.write_text(text + "\n}\n")


def places_in(path: Path) -> Iterator[Place]:
    """All mutants that a module can give."""
    found: Counter[tuple[str, str, str]] = Counter()
    for number, change in enumerate(changes(parse(path.read_text(encoding="utf-8")))):
        yield Place(Mutant("", path.stem, *change, found[change]), str(path.relative_to(ROOT)), number)
        found[change] += 1


@dataclass(frozen=True)
class Copy:
    """A copy of the project in which mutants are tried."""

    root: Path

    @contextmanager
    def mutated(self, place: Place) -> Iterator[None]:
        """The copy with one mutant in it; afterwards as it was, to the time of its last change."""
        path = self.root / place.path
        text, times = path.read_text(), path.stat()
        path.write_text(place.source())
        try:
            yield
        finally:
            path.write_text(text)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    def passes(self, tests: list[str], seconds: float | None = None, **more: str) -> bool:
        """Whether the tests pass in the time given; what they have started ends with them."""
        environment = os.environ | {"PYTHONPATH": str(self.root)} | more
        command, said = (sys.executable, *PYTEST, *tests), subprocess.DEVNULL
        with subprocess.Popen(
            command, cwd=self.root, env=environment, stdout=said, stderr=said, start_new_session=True
        ) as run:
            try:
                return run.wait(seconds) == 0
            except subprocess.TimeoutExpired:
                return False
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(run.pid, signal.SIGKILL)


@contextmanager
def copied() -> Iterator[Copy]:
    """A copy of the project that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        root = Path(folder).resolve() / "project"
        shutil.copytree(ROOT, root, ignore=NOT_COPIED)
        yield Copy(root)


def judged(sample: Sample, area: str, asked: list[Mutant]) -> Iterator[tuple[Mutant, bool]]:
    """Each mutant, or a fresh one in place of one that is gone, and whether it is caught."""
    found = [one for one in asked if sample.place_of(one)]
    found += sample.fresh(area, len(asked) - len(found))
    tests = sample.files(area, "tests")
    with copied() as copy:
        began = time.monotonic()
        if not copy.passes(tests):
            sys.exit(f"{area}: its tests fail without any mutant")
        patience = 3 * (time.monotonic() - began) + 30
        for mutant in found:
            place = sample.place_of(mutant)
            assert place
            with copy.mutated(place):
                # No compiled file of a mutant is kept: it would be taken for the module's own.
                caught = not copy.passes(tests, patience, PYTHONDONTWRITEBYTECODE="1")
            print("caught  " if caught else "SURVIVES", mutant.line(), flush=True)
            yield mutant, caught


def judge_before(sample: Sample, areas: list[str]) -> None:
    """Give every mutant without a verdict its verdict of before."""
    for area in areas:
        asked = [one for one in sample.of(area) if one.caught is None and sample.place_of(one)]
        for mutant, caught in judged(sample, area, asked) if asked else ():
            sample.mutants[sample.mutants.index(mutant)] = replace(mutant, caught=caught)
            sample.save()


def judge_now(sample: Sample, areas: list[str], out: Path | None) -> int:
    """Compare today's verdicts with those of before."""
    verdicts: list[tuple[Mutant, bool]] = []
    for area in areas:
        asked = sample.of(area)
        for verdict in judged(sample, area, asked):
            verdicts.append(verdict)
            if out:
                out.write_text(json.dumps([asdict(one) | {"now": now} for one, now in verdicts], indent=1))
        for gone in (one for one in asked if not sample.place_of(one)):
            print("gone    ", gone.line())
        now, before = [caught for one, caught in verdicts if one.area == area], [bool(one.caught) for one in asked]
        print(f"{area}: {sum(now)} of {len(now)} caught; before: {sum(before)}")
    weaker = [mutant for mutant, caught in verdicts if mutant.caught and not caught]
    caught = sum(now for _, now in verdicts)
    print(f"in all: {caught} of {len(verdicts)} caught; caught before and not now: {len(weaker)}")
    return int(bool(weaker) or caught < SHARE * len(verdicts))


def main() -> int:
    """Judge, or first draw what is to be judged."""
    parser = argparse.ArgumentParser(description="Judge the tests by mutants of what they hold.")
    parser.add_argument("--choose", action="store_true", help="draw what the sample lacks")
    parser.add_argument("--before", action="store_true", help="keep today's verdicts in the sample")
    parser.add_argument("--area", action="append", metavar="NAME", help="only this area; may be repeated")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the verdicts as JSON")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    sample = Sample()
    areas = options.area or [*sample.kept["areas"]]
    if options.choose:
        sample.mutants += [one for area in areas for one in sample.fresh(area, sample.lacking(area))]
        sample.save()
    elif options.before:
        judge_before(sample, areas)
    else:
        return judge_now(sample, areas, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
