"""A program that swaps an upload for a hard link to a secret and back, against the opening of documents: who wins?

python benchmarks/hard_links.py [seconds] [opens]

Opens until both are over, in threads' place one after the other, and prints how often the secret came out, which has to
be never. As root, or where `fs.protected_hardlinks` is 0, the secret may belong to anybody; else it is the same user's.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from flipsnack_mcp.files.paths.opening import open_place
from flipsnack_mcp.files.paths.place import Place, locate
from flipsnack_mcp.files.refusal import RefusedFile

REASONS = ("does not exist", "is being changed", "is a link")
OURS, SECRET = b"%PDF-1.7 ours", b"%PDF-1.7 secret"
# The pauses are of all lengths around the time one opening takes, so that every order of steps comes up.
SWAPPER = """
import itertools, os, sys, time
name, away, secret, spare = sys.argv[1:]
for pause in itertools.cycle([0, 0, 0, 1e-6, 1e-5, 5e-5, 0, 2e-4, 0, 0, 1e-3, 0] * 6 + [0.025]):
    os.rename(name, away)
    os.link(secret, spare)
    os.rename(spare, name)
    end = time.perf_counter() + min(pause, 2e-4)
    while time.perf_counter() < end:
        pass
    os.replace(away, name)
    end = time.perf_counter() + pause
    while time.perf_counter() < end:
        pass
"""


def opened(place: Place) -> str:
    """What came of one try: the document, the secret, or a refusal and its reason."""
    try:
        file = open_place([place])
    except RefusedFile as refused:
        return next((reason for reason in REASONS if reason in refused.happened), refused.happened)
    try:
        content = os.pread(file.descriptor, 100, 0)
        if file.status.st_nlink > 1:  # which is refused before a byte is read
            return "has more than one hard link"
        return {OURS: "ours", SECRET: "THE SECRET"}.get(content, "something else")
    finally:
        os.close(file.descriptor)


def main(seconds: float = 10.0, opens: int = 100_000) -> int:
    """Race for so many seconds and so many opens at least."""
    with tempfile.TemporaryDirectory() as folder:
        allowed, outside = Path(folder, "allowed"), Path(folder, "outside")
        allowed.mkdir()
        outside.mkdir()
        name, secret = allowed / "offers.pdf", outside / "secret.pdf"
        name.write_bytes(OURS)
        secret.write_bytes(SECRET)
        (place,) = locate(str(name), [allowed])
        command = [
            sys.executable,
            "-c",
            SWAPPER,
            *map(str, (name, outside / "away.pdf", secret, outside / "spare.pdf")),
        ]
        found, end = Counter[str](), time.monotonic() + seconds
        with subprocess.Popen(command) as swapper:
            for count in itertools.count():
                if count >= opens and time.monotonic() > end:
                    break
                found[opened(place)] += 1
            swapper.kill()
    print(f"{sum(found.values()):,} opens")
    for what, count in found.most_common():
        print(f"{count:>10,}  {what}")
    return 1 if found["THE SECRET"] or found["something else"] or not found["ours"] else 0


if __name__ == "__main__":
    sys.exit(main(*(kind(one) for kind, one in zip((float, int), sys.argv[1:], strict=False))))
