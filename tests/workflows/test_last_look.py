"""The order of a destruction: places, look, write down, act within two seconds; three looks, then it is left alone."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2
import pytest

from flipsnack_mcp.api.actions.collections import Collection, DeleteCollection, GetCollection
from flipsnack_mcp.api.budget import BudgetRules, stamps
from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.errors import Changed, FlipsnackError
from flipsnack_mcp.api.pace import BudgetInMemory, Pacer
from flipsnack_mcp.sandbox import Fault, Sandbox
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.workflows.context import CallContext
from flipsnack_mcp.workflows.last_look import LastLook, NotAsSeenError
from tests.api.asking import KEY, SECRET, Line, Unplugged, each
from tests.api.test_pace import Limits
from tests.workflows.running import of_title

GET, DELETE, OLD = "collection.getCollection", "collection.deleteCollection", "Press kit"
WIDE: Limits = ((1000, 1.0),)


@dataclass
class Row:
    """What delays a deletion, and what comes of it."""

    looks: int
    acts: int = 1
    """Requests for the deletion."""
    written: int = 1
    error: str = ""
    """Of what the refusal speaks."""
    keeping: tuple[float, ...] = ()
    """Seconds that the store takes, each time something is written down."""
    faults: tuple[Fault, ...] = ()
    limits: Limits = WIDE
    unplugged: tuple[int, int] = (0, 0)
    """How many requests find no network, after so many that did."""
    meanwhile: Callable[[Any, int], object] = lambda _, __: None
    """A colleague's work while it is written down the n-th time."""


def described(target: Any, count: int) -> None:
    """A change of what nobody compares, so that it has to be written down anew."""
    target.description = f"Described {count} times"


def renamed(target: Any, _: int) -> None:
    target.title = "Renamed"


ROWS = {
    "nothing": Row(1),
    "a store that is quick enough": Row(1, keeping=(1.9,)),
    "a store that is slow once": Row(2, keeping=(3.0,)),
    "a store that is slow for twenty seconds": Row(2, keeping=(20.0,)),
    "renamed while the store was slow": Row(2, 0, error="seen", keeping=(3.0,), meanwhile=renamed),
    "described anew while the store was slow": Row(3, written=3, keeping=(3.0, 3.0, 0.0), meanwhile=described),
    "and the store is slow each time": Row(3, 0, 3, "two seconds", keeping=(3.0, 3.0, 3.0), meanwhile=described),
    "a slow answer to one look": Row(2, faults=(Fault("slow", GET, seconds=2.5),)),
    "slow answers to all looks": Row(3, 0, 0, "two seconds", faults=(Fault("slow", GET, 0, seconds=2.5),)),
    "a slow answer after the look was done": Row(2, faults=(Fault("slow", GET, seconds=2.5, phase="after"),)),
    "answers that are just quick enough": Row(1, faults=(Fault("slow", GET, 0, seconds=1.9),)),
    "maintenance at the act": Row(2, 2, faults=(Fault("maintenance", DELETE),)),
    "a second's limit at the act": Row(2, 2, faults=(Fault("per_second", DELETE),)),
    "a minute's limit at the act, twice": Row(3, 3, faults=(Fault("per_minute", DELETE, 2),)),
    "maintenance for ever": Row(3, 3, error="maintenance", faults=(Fault("maintenance", DELETE, 0),)),
    "renamed during maintenance": Row(2, 1, error="seen", faults=(Fault("maintenance", DELETE),), meanwhile=renamed),
    "maintenance at the look": Row(1, faults=(Fault("maintenance", GET, 3),)),
    "maintenance at every look": Row(0, 0, 0, "maintenance", faults=(Fault("maintenance", GET, 0),)),
    "garbled answers to looks": Row(1, faults=(Fault("garbled", GET, 2),)),
    "a lost answer to the act": Row(1, error="broke", faults=(Fault("reset", DELETE, phase="after"),)),
    "an act that was lost on its way": Row(1, error="broke", faults=(Fault("reset", DELETE),)),
    "a refusal": Row(1, error="code 37", faults=(Fault("code", DELETE, code=37),)),
    "no network at the first look": Row(1, unplugged=(2, 0)),
    "no network at the act": Row(2, 1, unplugged=(1, 1)),
    "no network at the act and at the look after it": Row(2, 1, unplugged=(2, 1)),
    "one call a second": Row(1, limits=((1, 1.0),)),
    "one call in three seconds": Row(3, 0, error="two seconds", limits=((1, 3.0),)),
    "two calls in ten seconds, and a slow store": Row(2, keeping=(3.0,), limits=((2, 10.0),)),
}


@dataclass
class Scene:
    """One deletion, and what was seen of it."""

    sandbox: Sandbox
    row: Row
    target: Any
    written: list[Collection] = field(default_factory=list[Collection])
    changes: int = 0
    ends: int = 0
    """Those of them that were told as over: what refuses a change where the store is gone must not be asked then."""

    async def look(self, context: CallContext) -> Collection:
        seen = await context.send(GetCollection(collection_hash=self.target.hash))
        if seen.title != OLD:
            raise NotAsSeenError
        return seen

    async def keep(self, seen: Collection) -> None:
        self.written.append(seen)
        times = len(self.written)
        self.row.meanwhile(self.target, times)
        await anyio.sleep(self.row.keeping[times - 1] if self.row.keeping else 0)

    async def count_changes(self) -> None:
        self.changes += 1

    async def count_end(self) -> None:
        self.ends += 1
        await self.count_changes()

    async def error(self) -> Exception | None:
        """What deleting it ends with."""
        times, first = self.row.unplugged
        line = Unplugged(self.sandbox.app, httpx2.ConnectError, times, first)
        pacer = Pacer(BudgetInMemory(), BudgetRules(limits=self.row.limits))
        async with Flipsnack(Access(KEY, SECRET), pacer, lambda: line) as flipsnack:
            flipsnack.changing, flipsnack.changed = self.count_changes, self.count_end
            context = CallContext(flipsnack, anyio.current_time() + 100)
            try:
                action = DeleteCollection(collection_hash=self.target.hash)
                await LastLook(self.look, self.keep).then_send(context, action)
            except (FlipsnackError, NotAsSeenError, StoreUnusable) as error:
                return error
        return None


@pytest.fixture
def scene(sandbox: Sandbox) -> Scene:
    return Scene(sandbox, Row(1), sandbox.account.collections[of_title(sandbox, OLD)])


@each("row", ROWS)
async def test_the_last_look_is_last(scene: Scene, row: Row) -> None:
    scene.row = row
    for fault in row.faults:
        scene.sandbox.add_fault(fault)
    error = await scene.error()

    asked = [(one.action, one.code) for one in scene.sandbox.requests]
    answered = asked.count((GET, 20))
    acts = [number for number, (action, _) in enumerate(asked) if action == DELETE]
    assert (answered, len(acts), len(scene.written)) == (row.looks, row.acts, row.written)
    assert all(asked[number - 1] == (GET, 20) for number in acts), "an act follows a look"
    assert bool(error) is bool(row.error), error
    if isinstance(error, FlipsnackError):
        assert row.error in str(error)
        assert (error.changed is Changed.NOTHING) is (row.error != "broke")
    assert (scene.changes, scene.ends) == (2, 1), (
        "what is remembered of the account is forgotten before and after, not between"
    )


async def test_what_cannot_be_written_down_is_left_alone(scene: Scene) -> None:
    async def keep(seen: Collection) -> None:  # noqa: ARG001 - as it is called
        raise StoreUnusable("The disk is full.", "Make room.")

    scene.keep = keep  # type: ignore[method-assign]
    assert isinstance(await scene.error(), StoreUnusable)
    assert [one.action for one in scene.sandbox.requests] == [GET]


async def test_a_store_that_hangs_when_the_change_is_announced_delays_no_act(scene: Scene) -> None:
    """The number that other processes compare is raised before the look."""
    told: list[float] = []

    async def slow() -> None:
        told.append(anyio.current_time())
        await anyio.sleep(5)

    scene.count_changes = slow  # type: ignore[method-assign]
    assert await scene.error() is None
    assert [one.action for one in scene.sandbox.requests] == [GET, DELETE]
    assert told == pytest.approx([0, 5], abs=0.1)


async def test_an_interrupted_attempt_gives_its_places_back(scene: Scene) -> None:
    store = BudgetInMemory()
    scene.sandbox.add_fault(Fault("hang", GET))
    pacer = Pacer(store, BudgetRules(limits=((2, 60.0),)))
    async with Flipsnack(Access(KEY, SECRET), pacer, lambda: Line(scene.sandbox.app)) as flipsnack:
        with anyio.move_on_after(1):
            await LastLook(scene.look, scene.keep).then_send(
                CallContext(flipsnack), DeleteCollection(collection_hash=scene.target.hash)
            )
    assert len(stamps(store._document, anyio.current_time())) == 1, "only the look counts, which may have arrived"
