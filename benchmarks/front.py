"""Conversations with two servers side by side, one of which has its SDK from the beginning: their answers are the same.

python benchmarks/front.py [conversations] [first]   exits 1 at a difference, which is printed with its conversation. Seven minutes.

Real servers over real pipes: copies of one process that has everything imported, so that each costs a fraction of a start.
`tests/front/test_conversations.py` compares two hundred in one process, in their order too.
"""

from __future__ import annotations

import os
import select
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NoReturn

sys.path.insert(0, str(Path(__file__).parents[1]))

import flipsnack_mcp.commands.serve  # noqa: F401  # before the copies are made
from flipsnack_mcp.__main__ import main as command
from flipsnack_mcp.front import moments
from tests.front.conversations import conversation

ENVIRONMENTS = (
    {"FLIPSNACK_SANDBOX": "1"},
    {"FLIPSNACK_STATE": "memory:", "FLIPSNACK_READ_ONLY": "1"},
    {"FLIPSNACK_STATE": "memory:", "FLIPSNACK_TOOLSETS": "default,legacy", "FLIPSNACK_UPLOAD_DIRS": str(Path.home())},
)
END = b'\n{"jsonrpc":"2.0","id":"the end","method":"ping"}\n'
ENDED = b'"id":"the end"'
QUIET = 0.05
"""Seconds without an answer after which none is expected."""


@dataclass
class Copy:
    """A server that runs as a copy of this process."""

    environment: dict[str, str]
    with_front: bool
    answers: bytes = b""
    _pipes: tuple[int, int] = (-1, -1)
    _process: int = field(default=0)

    def start(self) -> None:
        (theirs, said), (answers, written) = os.pipe(), os.pipe()
        self._process = os.fork()
        if not self._process:
            self._serve(theirs, written)
        os.close(theirs)
        os.close(written)
        self._pipes = said, answers

    def _serve(self, reading: int, writing: int) -> NoReturn:
        os.dup2(reading, 0)
        os.dup2(writing, 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.closerange(3, 100)
        os.environ.update(self.environment)
        if not self.with_front:
            moments.first_moments = lambda settings: None  # noqa: ARG005  # it has this name elsewhere
        os._exit(command([]))

    def say(self, piece: bytes) -> None:
        os.write(self._pipes[0], piece)

    def finish(self) -> None:
        """Read until it is quiet after the last question, and end it."""
        said, answers = self._pipes
        while select.select([answers], [], [], QUIET if ENDED in self.answers else 20)[0]:
            piece = os.read(answers, 1 << 20)
            self.answers += piece
            if not piece:
                break
        os.close(said)
        os.close(answers)
        os.waitpid(self._process, 0)


def pieces(whole: bytes, seed: int) -> Iterator[bytes]:
    """The conversation as it arrives, cut anywhere."""
    chance, at = Random(seed), 0  # noqa: S311  # not a secret
    while at < len(whole):
        size = chance.choice([1, 10, 100, 1000, len(whole)])
        yield whole[at : at + size]
        at += size


def answered_alike(seed: int) -> int:
    """How many answers to a conversation are the same from both; none where one differs, which is shown then."""
    said, environment = conversation(seed), ENVIRONMENTS[seed % len(ENVIRONMENTS)]
    both = [Copy(environment, with_front=one) for one in (True, False)]
    for one in both:
        one.start()
    for piece in pieces(said + END, seed):
        for one in both:
            one.say(piece)
    for one in both:
        one.finish()
    answers, expected = (Counter(one.answers.splitlines()) for one in both)
    if answers == expected:
        return answers.total()
    print(
        f"conversation {seed}: {said!r}\n  only with the front: {[*(answers - expected)]}\n  only without: {[*(expected - answers)]}",
        flush=True,
    )
    return 0


def main(count: int, first: int) -> int:
    alike = list[int]()
    for seed in range(first, first + count):
        alike.append(answered_alike(seed))  # the last question is always answered
        if len(alike) % 100 == 0 or len(alike) == count:
            print(
                f"{alike.count(0)} of {len(alike)} conversations differ; {sum(alike)} answers are the same", flush=True
            )
    return 1 if 0 in alike else 0


if __name__ == "__main__":
    count, first, *_ = (*map(int, sys.argv[1:]), *(2000, 0)[len(sys.argv) - 1 :])
    sys.exit(main(count, first))
