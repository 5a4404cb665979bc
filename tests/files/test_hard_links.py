"""A document that gets a second name between two looks at it, and one that is rewritten with its time put back."""

import itertools
import mmap
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flipsnack_mcp.files.documents import DocumentChanged, OpenDocument, open_document
from flipsnack_mcp.files.paths import settling
from flipsnack_mcp.files.refusal import RefusedFile
from tests.files.ground import PDF, Ground, open_descriptors

LINK, PUT_BACK, NOTHING = "link", "put-back", "-"
OURS = PDF + b"ours " * 2000


class Other:
    """Another program, which takes a step each time before ours looks at the file."""

    def __init__(self, ground: Ground, steps: tuple[str, ...]) -> None:
        self.ground, self.steps = ground, iter(steps)
        self.away = ground.outside / "good.pdf"

    def step(self) -> None:
        todo = next(self.steps, NOTHING)
        if todo == LINK and not self.away.exists():
            self.ground.good.rename(self.away)
            os.link(self.ground.secret, self.ground.good)
        if todo == PUT_BACK and self.away.exists():
            self.away.replace(self.ground.good)

    def watches(self, name: str, *, only_for: str = "") -> None:
        original: Callable[..., Any] = getattr(os, name)

        def stepping(*args: Any, **kwargs: Any) -> Any:
            if not only_for or args[0] == only_for:
                self.step()
            return original(*args, **kwargs)

        self.ground.patch.setattr(os, name, stepping)


@pytest.mark.parametrize("steps", list(itertools.product((LINK, PUT_BACK), repeat=5)), ids="_".join)
async def test_secret_linked_in_between_two_looks_is_never_given_away(ground: Ground, steps: tuple[str, ...]) -> None:
    """The looks: by opening, by the descriptor, by the name, by the descriptor again, and once more."""
    other, taken = Other(ground, steps), list[bytes]()
    other.watches("open", only_for="good.pdf")
    other.watches("fstat")
    other.watches("stat", only_for="good.pdf")
    try:
        async with ground.open() as document:
            taken = [piece async for piece in document.pieces()]
    except RefusedFile:
        taken = []
    except DocumentChanged:
        pass
    assert b"".join(taken) in {b"", OURS}


async def test_file_that_is_left_alone_again_is_taken(ground: Ground) -> None:
    other = Other(ground, (LINK, PUT_BACK, LINK, PUT_BACK))
    for _ in range(4):
        other.step()
    async with ground.open() as document:
        assert b"".join([piece async for piece in document.pieces()]) == OURS


async def test_file_that_is_never_left_alone_is_refused_in_a_moment(ground: Ground) -> None:
    before = open_descriptors()
    status_of = os.fstat

    def touched(descriptor: int) -> os.stat_result:
        ground.good.chmod(0o600)
        return status_of(descriptor)

    ground.patch.setattr(os, "fstat", touched)
    ground.patch.setattr("flipsnack_mcp.files.paths.settling.LOOKING_SECONDS", 0.1)
    with pytest.raises(RefusedFile, match="is being changed"):
        async with ground.open():
            pass
    assert open_descriptors() == before


NOW = 1_000 * settling.SECOND


class Disk:
    """What the looks at a file see, one after the other, on a clock that only waiting moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, looks: list[tuple[int, int]], ahead: int = 0) -> None:
        self.looks, self.waited, self.ahead = looks, 0.0, ahead
        monkeypatch.setattr(os, "fstat", lambda _: self.look())
        monkeypatch.setattr(settling, "time", self)

    def look(self) -> os.stat_result:
        """Every look is by links and by the age of ctime in nanoseconds; the last one stays as it is."""
        links, age = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        changed = {"st_ctime": 0.0, "st_ctime_ns": NOW + self.ahead - age}
        return os.stat_result((0o100600, 7, 7, links, 0, 0, 9, 0, 0, 0), changed)

    def time_ns(self) -> int:
        return NOW + self.monotonic_ns()

    def monotonic_ns(self) -> int:
        return int(self.waited * settling.SECOND)

    def monotonic(self) -> float:
        return self.waited

    def sleep(self, seconds: float) -> None:
        self.waited += seconds


OLD, YOUNG, TICK = 10 * settling.SECOND + 1, 1_000_001, 20_000_000


@pytest.mark.parametrize(("looks", "waited"), [
    ([(1, OLD)], 0.0), ([(1, TICK + 1)], 0.0), ([(1, TICK - 1)], 0.02), ([(1, YOUNG)], 0.02), ([(1, 1)], 0.02),
    ([(1, YOUNG)] * 3 + [(1, YOUNG - 500_000)], 0.02),  # changed between two looks, and then left alone
    ([(1, 10 * settling.SECOND)], 0.0), ([(1, 0)], 2.02),  # a disk that counts whole seconds
])  # fmt: skip
def test_file_counts_as_settled_when_a_change_would_show(
    monkeypatch: pytest.MonkeyPatch, looks: list[tuple[int, int]], waited: float
) -> None:
    disk = Disk(monkeypatch, looks)
    assert settling.settled(3, disk.look, '"a"').st_nlink == 1
    assert disk.waited == pytest.approx(waited, abs=0.021)
    assert (disk.waited > 0) == (waited > 0)


def test_disk_whose_clock_is_ahead_is_watched_for_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch, [(1, 1)], ahead=3600 * settling.SECOND)
    settling.settled(3, disk.look, '"a"')
    assert 0.02 <= disk.waited <= 0.05


@pytest.mark.parametrize("looks", [
    [(1, OLD), (2, OLD), (1, OLD)], [(1, OLD), (1, OLD), (2, OLD)],  # the second name shows in one look
    [(1, OLD), (1, YOUNG), (1, YOUNG)], [(1, OLD), (1, OLD), (1, YOUNG)],  # or only in the time of the change
    [(1, OLD), (2, YOUNG), (1, YOUNG)], [(1, YOUNG), (1, YOUNG), (1, 1)], [(0, OLD), (0, OLD), (0, OLD)],
])  # fmt: skip
def test_second_name_that_came_and_went_within_the_looks_is_noticed(
    monkeypatch: pytest.MonkeyPatch, looks: list[tuple[int, int]]
) -> None:
    disk = Disk(monkeypatch, looks)
    with pytest.raises(RefusedFile, match="is being changed"):
        settling.settled(3, disk.look, '"a"')


def over(start: int) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(start, os.SEEK_SET if start >= 0 else os.SEEK_END)
            file.write(b"evil"[: abs(start) or None])

    return write


def mapped(path: Path) -> None:
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[100:104] = b"evil"
        memory.flush()


def appended_and_cut(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.write(b"%PDF-1.4")
        file.seek(0, os.SEEK_END)
        file.write(b"more")
        file.truncate(size)


def cut_and_grown(path: Path) -> None:
    size = path.stat().st_size
    os.truncate(path, 100)
    os.truncate(path, size)


def in_two_steps(path: Path) -> None:
    over(500)(path)
    path.read_bytes()
    over(500)(path)


def through_a_second_name(path: Path) -> None:
    second = path.with_name("second.pdf")
    os.link(path, second)
    over(9)(second)
    second.unlink()


def by_its_descriptor(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    os.pwrite(descriptor, b"evil", 50)
    os.close(descriptor)


def renamed_meanwhile(path: Path) -> None:
    path.rename(path.with_name("other.pdf"))
    over(50)(path.with_name("other.pdf"))
    path.with_name("other.pdf").rename(path)


# fmt: off
REWRITINGS: dict[str, Callable[[Path], object]] = {
    "at-the-beginning": over(0), "in-the-middle": over(4000), "the-last-byte": over(-1), "a-whole-block-on": over(8192),
    "as-a-whole": lambda path: path.write_bytes(PDF + b"evil " * 2000), "in-memory": mapped,
    "appended-and-cut": appended_and_cut, "cut-and-grown": cut_and_grown, "in-two-steps": in_two_steps,
    "renamed-meanwhile": renamed_meanwhile,
    "by-its-descriptor": by_its_descriptor, "through-a-second-name": through_a_second_name,
}
# fmt: on
@pytest.mark.parametrize("hashed", [True, False], ids=["after-its-hash", "while-it-is-read"])
@pytest.mark.parametrize("rewrite", REWRITINGS.values(), ids=REWRITINGS)
async def test_rewritten_document_is_noticed_though_its_time_was_put_back(
    ground: Ground, rewrite: Callable[[Path], object], *, hashed: bool
) -> None:
    def evil() -> None:
        before = ground.good.stat()
        rewrite(ground.good)
        os.utime(ground.good, ns=(before.st_atime_ns, before.st_mtime_ns))

    async with ground.open() as document:
        if hashed:
            await document.sha256()
            evil()
        with pytest.raises(DocumentChanged, match="was changed"):
            await to_the_end(document, meanwhile=iter([] if hashed else [evil]))


async def to_the_end(document: OpenDocument, meanwhile: Iterator[Callable[[], None]]) -> None:
    async for _ in document.pieces():
        for act in meanwhile:
            act()


@pytest.mark.parametrize("kind", ["read", "its-access-time", "its-folder"])
async def test_document_that_others_only_look_at_is_not_called_changed(ground: Ground, kind: str) -> None:
    async with open_document(str(ground.good), [ground.allowed]) as document:
        await document.sha256()
        if kind == "read":
            ground.good.read_bytes()
        elif kind == "its-access-time":
            with ground.good.open("rb") as file:
                file.read(1)
        else:
            (ground.allowed / "beside.pdf").write_bytes(PDF)
        assert b"".join([piece async for piece in document.pieces()]) == OURS
