"""Progress that reaches an official TypeScript client when its request is forgotten already: none of 200 calls may have any.

python benchmarks/late_progress.py FOLDER [CALLS]   exits 1 when one is late. Takes two minutes.

FOLDER is where npm installs the clients. Each of them, 1.x and 2.x on both protocol revisions, makes so many calls of a
server on a sandbox that works fast, twenty at a time.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.pace import Figure

RUN = Path(__file__).parents[1] / ".ci" / "clients" / "run"
SAID = re.compile(r"^(v\d \w+): \d+ tools, (\d+) calls, (\d+) notifications, (\d+) of them late", re.MULTILINE)


def figures(said: str, calls: int) -> Iterator[Figure]:
    """What the clients counted."""
    for client, made, told, late in SAID.findall(said):
        yield Figure(f"{client}: calls", int(made), calls, at_least=True)
        yield Figure(f"{client}: notifications", int(told), calls / 2, at_least=True)
        yield Figure(f"{client}: of them late", int(late), 0)


def main() -> int:
    folder, calls = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200
    command = ["bash", str(RUN), folder, sys.executable, str(calls)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    found = [*figures(ended.stdout, calls)]
    print("\n".join(map(str, found)) or ended.stdout + ended.stderr)
    return int(ended.returncode or len(found) < 9 or not all(one.kept for one in found))


if __name__ == "__main__":
    sys.exit(main())
