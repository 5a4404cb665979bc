"""Three accounts in one server over real stdio, each at a sandbox of its own, and random calls about them.

Servers come, are killed by SIGKILL or leave, and others go on with their state. What counts at the end is what each sandbox
was asked and holds, and what the store says of each account.
"""

import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import anyio
from anyio.abc import TaskGroup
from anyio.to_thread import run_sync
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from typing_extensions import override

from flipsnack_mcp.sandbox.serving import serve
from tests.survival.documents import write_document
from tests.survival.kept import Kept
from tests.survival.kinds import KINDS
from tests.survival.planning import carry_on
from tests.survival.reading import look_at_all
from tests.survival.shops import Shop
from tests.survival.strolling import Life, Stroll

HERE = Path(__file__).parent
NAMES = {"de": "Berlin", "fr": "Paris", "uk": "London"}
IN_A_LIFE, AT_ONCE = 67, 4
TWINS, EACH = 8, 24
CLIENTS: tuple[tuple[Literal["auto", "legacy"], bool], ...] = (
    ("auto", True), ("legacy", False), ("legacy", True), ("auto", False),
)  # fmt: skip
"""One after the other: which revision of the protocol a client speaks, and whether it shows forms."""


@dataclass
class Scene:
    """The three accounts, one store, and the servers one after the other."""

    folder: Path
    chance: random.Random
    shops: list[Shop]
    stroll: Stroll
    lives: int = 0
    kills: int = 0
    alone: int = 0
    """Calls while which nothing else was going on, so that whoever else is asked is asked by mistake."""
    broken: list[str] = field(default_factory=list[str])

    @property
    def kept(self) -> Kept:
        return Kept(self.folder, self.shops, self.stroll)

    @property
    def accounts(self) -> Path:
        return self.folder / "accounts.toml"

    @asynccontextmanager
    async def server(self) -> AsyncIterator[tuple[Life, int]]:
        """A server on the accounts file and the store, a client of some kind, and its process id."""
        self.lives += 1
        told, (mode, forms) = self.folder / f"pid{self.lives}", CLIENTS[self.lives % len(CLIENTS)]
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("FLIPSNACK_")},
            "PYTHONPATH": os.pathsep.join(sys.path),
            "FLIPSNACK_ACCOUNTS": str(self.accounts),
            "FLIPSNACK_STATE": f"sqlite:{self.kept.state}",
        }
        arguments = [str(HERE / "impatient_server.py"), str(told)]
        parameters = StdioServerParameters(command=sys.executable, args=arguments, env=environment)
        person = self.stroll.person if forms else None
        self.stroll.seals = mode == "auto"
        with (self.folder / f"stderr{self.lives}").open("w") as said:
            transport = stdio_client(parameters, errlog=said)
            async with Client(transport, mode=mode, elicitation_callback=person) as client:
                yield Life(client, forms), int(told.read_text())

    async def live(self, calls: int) -> None:
        """Some calls at one server, alone or several at once, until it is killed, mostly in the middle of the last."""
        killed = self.chance.random() < 0.8
        async with self.server() as (life, pid):
            left = calls
            if self.lives == 1:  # nothing was changed in any account yet, which is when they are most alike
                await look_at_all(self.stroll, life)
            while left > AT_ONCE:
                count = min(left, self.chance.choice([1, 1, 2, 3, AT_ONCE]))
                left -= count
                await (self.one_alone(life) if count == 1 else self.several(life, count))
            async with anyio.create_task_group() as group:
                for _ in range(left):
                    group.start_soon(self.one, life)
                if killed:
                    await anyio.sleep(self.chance.uniform(0, 0.2))
                    life.over = True
                    os.kill(pid, signal.SIGKILL)
        self.kills += killed
        for shop in self.shops:
            shop.settle()

    async def one(self, life: Life) -> None:
        """A call of some kind; where there is nothing that this kind could be about, of another."""
        before = self.stroll.calls
        while self.stroll.calls == before:
            kind = self.chance.choices([*KINDS], [*KINDS.values()])[0]
            self.stroll.kinds[kind.__name__] += 1
            try:
                await kind(self.stroll, life)
            except LookupError as error:
                self.broken.append(f"{kind.__name__}: an answer or an account lacks {error}")
            if self.stroll.calls == before:  # without a call it did not wait either: nobody else can have made one
                self.stroll.kinds[kind.__name__] -= 1

    async def several(self, life: Life, count: int) -> None:
        async with anyio.create_task_group() as group:
            for _ in range(count):
                group.start_soon(self.one, life)

    async def one_alone(self, life: Life) -> None:
        """A call besides which nothing goes on: only the account that it is about is asked anything."""
        busy, before = self.kept.at_work() | life.restless, {one.name: len(one.sandbox.requests) for one in self.shops}
        self.stroll.may_be_asked = set()
        await self.one(life)
        self.alone += not busy
        for shop in self.shops:
            came = shop.sandbox.requests[before[shop.name] :]
            if came and shop.name not in busy | self.stroll.may_be_asked:
                self.broken.append(f"{shop.name} was asked {came[0].action} by a call about {self.stroll.may_be_asked}")

    async def end(self) -> None:
        """A last server sees to what has not ended; then everything is compared."""
        async with self.server() as (life, _):
            for way in [*self.stroll.carried]:
                self.stroll.carried.remove(way)
                await carry_on(self.stroll, life, way)
            for shop in self.shops:
                await self.stroll.call(life, "get_upload", shop, account=shop.name)
                # The last call of an account says up to when its budget was looked after.
                await self.stroll.call(life, "get_user_stats", shop, account=shop.name)
            with anyio.move_on_after(30):
                while self.kept.at_work():  # noqa: ASYNC110 - it is another process
                    await anyio.sleep(0.05)
        for way in self.stroll.carried:
            way.shop.unclear += way.wishes
        for shop in self.shops:
            shop.settle()
        self.broken += self.stroll.crossed
        for shop in self.shops:
            self.broken += shop.crossings([one for one in self.shops if one is not shop]) + shop.differences()
        self.broken += await run_sync(lambda: [*self.kept.faults(self.kills)])
        said = [(self.folder / f"stderr{number + 1}").read_text() for number in range(self.lives)]
        self.broken += [f"a server said {one}" for one in said if one]


def written(shop: Shop) -> str:
    """The account as it stands in the file."""
    facts = {**shop.where, "download_dir": str(shop.folder)}
    numbers = {
        "calls_per_second": 1000,
        "calls_per_minute": 1000,
        "max_deletes_per_hour": shop.most_deletions,
        "max_deletes_per_day": 1000,
    }
    lines = [
        f'upload_dirs = ["{shop.folder / "documents"}"]',
        *(f'{name.removeprefix("api_") if name != "api_url" else name} = "{value}"' for name, value in facts.items()),
    ]
    return "\n".join([f"[accounts.{shop.name}]", *lines, *(f"{name} = {value}" for name, value in numbers.items()), ""])


@asynccontextmanager
async def opened(shops: list[Shop]) -> AsyncIterator[None]:
    """Their sandboxes, served at this machine."""

    async def served(group: TaskGroup, shop: Shop) -> None:
        ready = anyio.Event()

        def known(where: dict[str, str]) -> None:
            shop.where = where
            ready.set()

        group.start_soon(serve, shop.sandbox, "127.0.0.1", 0, known)
        await ready.wait()

    async with anyio.create_task_group() as group:
        for shop in shops:
            await served(group, shop)
        yield
        group.cancel_scope.cancel()


@dataclass(frozen=True)
class Outcome:
    """What came of a run."""

    seed: int
    scene: Scene
    seconds: float

    @property
    def broken(self) -> list[str]:
        return self.scene.broken

    @override
    def __str__(self) -> str:
        scene, stroll = self.scene, self.scene.stroll
        names = [shop.name for shop in scene.shops]
        kinds = "\n".join(f"  {kind:28} {times:5}" for kind, times in sorted(stroll.kinds.items()))
        rows = {
            "requests": [len(one.sandbox.requests) for one in scene.shops],
            "changes carried out": [len(one.changes()) for one in scene.shops],
            "deleted or taken offline": [one.destroyed() for one in scene.shops],
            "refused for their number": [stroll.refused_for_number[one] for one in names],
            "calls without an answer": [stroll.unanswered[one] for one in names],
            "collections at the end": [len(one.sandbox.account.collections) for one in scene.shops],
        }
        table = "\n".join(f"  {what:28}{''.join(f'{one:6}' for one in row)}" for what, row in rows.items())
        return (
            f"{sum(stroll.kinds.values())} calls, seed {self.seed}, {scene.lives} servers, {scene.kills} killed, "
            f"{scene.alone} calls alone, {self.seconds:.0f} s\n{kinds}\n  {'':28}{''.join(f'{one:>6}' for one in names)}\n{table}\n"
            f"  crossed: {len(self.broken)}"
        )


async def crossed(calls: int, seed: int, folder: Path) -> Outcome:
    """So many random calls."""
    began, chance = time.perf_counter(), random.Random(seed)  # noqa: S311 - no secret
    limits = (max(3, calls // 80), max(5, calls // 50), 1000)
    shops = [
        Shop(name, word, place, folder / name, min(1000, limits[place]))
        for place, (name, word) in enumerate(NAMES.items())
    ]
    scene = Scene(folder, chance, shops, Stroll(shops, chance))
    async with opened(shops):
        for shop in shops:
            (shop.folder / "documents").mkdir(parents=True)
            write_document(shop.folder / "documents" / "papers.pdf", 50_000)
            shop.fill(TWINS + calls // 40, EACH + calls // 20)
        scene.accounts.write_text("".join(map(written, shops)), encoding="utf-8")
        scene.accounts.chmod(0o600)
        left = calls
        while left > 0:
            await scene.live(min(left, IN_A_LIFE))
            left -= IN_A_LIFE
        await scene.end()
    return Outcome(seed, scene, time.perf_counter() - began)
