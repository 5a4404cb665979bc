"""The steps of a random walk about one collection at a time, and what is counted at the sandbox after each of them.

Whatever the order of steps: nothing is destroyed without a yes to just that, nothing is sent twice, Flipsnack never has
to say that we call too often, and the store stays readable with its trail whole.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import anyio
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.strategies import DataObject, booleans, data, floats, integers, sampled_from
from mcp import Client
from typing_extensions import override

from flipsnack_mcp.api.budget import BudgetRules
from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.pace import BudgetInMemory, Pacer
from flipsnack_mcp.sandbox import Pace, Sandbox
from flipsnack_mcp.sandbox.faults import Fault
from flipsnack_mcp.server.consent.codes import Consents
from flipsnack_mcp.server.server import build_server
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import Store
from flipsnack_mcp.store.sqlite import MemoryStore, SqliteStore
from flipsnack_mcp.workflows.history import History
from tests.conftest import FOLDERS_IN_MEMORY
from tests.server.bench import (
    CODE,
    KEY,
    PDF,
    SECRET,
    Assistant,
    LoopClock,
    Person,
    Said,
    Tapped,
    Witness,
    declines,
    let_know,
    types,
)
from tests.virtual_clock import VirtualLoop

T = TypeVar("T")
SHOP = ("Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta", "Eta")
DELETED, CREATED, UPDATED = "collection.deleteCollection", "collection.create", "collection.update"
CHANGING = (DELETED, CREATED, UPDATED)
DELETING = ("delete_collection", "delete_collections")
PER_HOUR = 3
DOCUMENTS = ("One", "Two")
READING = (
    *("list_collections", "get_collection", "get_user_stats", "get_upload"),
    *("list_documents", "audit_account"),
)
SPECIFIC = ("collection.getCollection", DELETED, UPDATED, CREATED, "collection.getList", None)
FAULTS = ("maintenance", "reset", "cut", "garbled", "wrong_types", "http", "hang")
SEEN: Counter[str] = Counter()
"""How often what the walks are about really happened."""

Change = tuple[str, str]
"""The hash of a collection and its new title; one of them is empty for what is deleted or made."""


def change_of(params: Mapping[str, str]) -> Change:
    """What a request changes."""
    return params.get("collectionHash", ""), params.get("title", "")


class Walk(RuleBasedStateMachine):
    """One account, one store, one loop on virtual time; servers come and go."""

    durable: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=FOLDERS_IN_MEMORY))
        self.loop = VirtualLoop()
        self.clock, self.witness = LoopClock(), Witness()
        pace, downloads = Pace(uploads_left=1000), self.folder / "downloads"
        self.sandbox = Sandbox(api_key=KEY, api_secret=SECRET, clock=self.now, pace=pace, account="empty")
        self.pace = BudgetInMemory()
        folders: dict[str, Any] = {"download_dir": downloads, "upload_dirs": (self.folder / "uploads",)}
        self.settings = Settings(KEY, SECRET, max_deletes_per_hour=PER_HOUR, **folders)
        self.store: Store = self.opened()
        self.codes: dict[str, tuple[str, str, float]] = {}
        """What each code that was given out stands for: hash, fingerprint of what was shown, when."""
        self.spent: set[str] = set()
        self.closed: dict[str, float] = {}
        self.yes = Counter[str]()
        """How often a person said yes to the destruction of each collection."""
        self.asked_for = Counter[str]()
        """How many uploads were asked for under each title."""
        self.going: dict[str, set[Change]] = {}
        """What each plan changes that goes on by itself, during whatever call."""
        self.wanted = Counter[Change]()
        """How often each change of a title was asked for, one by one or by carrying out a plan."""
        self.entries: list[int] = []
        """Entries of the history that stand for a change."""
        self.works: list[str] = []
        """Uploads and reports that may be stopped, by their ids."""
        self.numbers = iter(range(10_000))

    def now(self) -> float:
        """The time of day; the loop's, which goes on between the steps as well."""
        return 1_790_000_000.0 + self.clock.ahead + self.loop.time()

    def opened(self) -> Store:
        """The store; a file survives a restart by being opened again, memory by being handed on."""
        return SqliteStore(self.folder / "state.sqlite", self.now) if self.durable else MemoryStore(self.now)

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        async def bounded() -> T:
            with anyio.fail_after(3600):  # virtual seconds: a deadlock is an error, not a test that never ends
                return await work()

        return self.loop.run_until_complete(bounded())

    def connect(self, given: Settings) -> Flipsnack:
        access = Access(given.api_key, given.api_secret)
        # One budget for all servers of the walk, as for all processes on a key.
        return Flipsnack(access, Pacer(self.pace, BudgetRules()), lambda: Tapped(self.sandbox, self.witness))

    def call(
        self, tool: str, person: Person | None = None, *, mode: Any = "auto", confirm: str = "ask", **arguments: Any
    ) -> Said:
        """One call by a client that comes and goes; every call has a server process of its own in effect."""

        async def work() -> Said:
            server = build_server(replace(self.settings, confirm=confirm), self.connect, self.now, self.store)
            async with Client(server, mode=mode, elicitation_callback=person, read_timeout_seconds=300) as client:
                await let_know(client, server)
                said = await Assistant(client, self.witness).call(tool, arguments)
                assert said.seconds <= 60, "a call lasts no longer than a client waits"
                return said

        return self.run(work)

    @initialize(faults=booleans())
    def open_shop(self, faults: bool) -> None:  # noqa: FBT001 - hypothesis passes it by name
        for title in SHOP:
            self.sandbox.account.add(title=title)
        self.sandbox.account.add(title="A draft", status="editable")
        self.with_faults = faults
        (self.folder / "uploads").mkdir()
        for name in DOCUMENTS:
            (self.folder / "uploads" / f"{name}.pdf").write_bytes(PDF + name.encode())

    def any_hash(self, given: DataObject) -> str:
        there = list(self.sandbox.account.collections)
        # The first one most of the time: what is remembered about a target matters when it is met again.
        return str(given.draw(sampled_from([*there[:1] * 2 * len(there), *there, "gone1234"])))

    def shown(self, wanted: str) -> str:
        """What a person is shown of a collection and what therefore must not change."""
        found = self.sandbox.account.collections.get(wanted)
        return repr(found and (found.title, found.status, [one.hash for one in found.items]))

    def title(self, wanted: str) -> str:
        found = self.sandbox.account.collections.get(wanted)
        return found.title if found else ""

    def codes_for(self, wanted: str) -> list[str]:
        return [str(one) for one in CODE.findall(self.call("delete_collection", collection_hash=wanted).text)]

    @rule(action=sampled_from(SPECIFIC), kind=sampled_from(FAULTS), times=integers(1, 5), after=booleans())
    def break_something(self, action: str | None, kind: str, times: int, after: bool) -> None:  # noqa: FBT001 - see above
        if self.with_faults:
            SEEN["broken"] += 1
            phase = "after" if after else "before"
            self.sandbox.add_fault(Fault(kind, action, times=times, phase=phase, body="<html>"))

    @rule()
    def mend_everything(self) -> None:
        self.sandbox.clear_faults()

    @rule(given=data(), tool=sampled_from(READING))
    def read(self, given: DataObject, tool: str) -> None:
        before, arguments = self.attempts(), dict[str, Any]()
        if tool == "get_collection":
            arguments = {"collection_hash": self.any_hash(given), "wait_seconds": 5}
        self.call(tool, **arguments)
        assert self.attempts() == before

    @rule(given=data())
    def delete_without_forms(self, given: DataObject) -> None:
        wanted = self.any_hash(given)
        seen, before = self.shown(wanted), self.destroyed()
        said = self.call("delete_collection", collection_hash=wanted)
        assert said.is_error
        assert self.destroyed() == before
        for code in CODE.findall(said.text):
            assert self.closed.get(wanted, 0) <= self.now() - 600, "a no closes the way by code for ten minutes"
            self.codes[code] = (wanted, seen, self.now())
            SEEN["codes"] += 1

    @rule(given=data(), other=booleans(), tool=sampled_from(["delete_collection", "update_collection"]))
    @precondition(lambda self: self.codes)
    def redeem(self, given: DataObject, other: bool, tool: str) -> None:  # noqa: FBT001 - see above
        code = given.draw(sampled_from([*self.codes]))
        of, seen, made = self.codes[code]
        wanted = self.any_hash(given) if other else of
        exists = wanted in self.sandbox.account.collections
        fits = tool == "delete_collection" and code not in self.spent and (wanted, self.shown(wanted)) == (of, seen)
        in_time = self.now() - made <= 600 and self.closed.get(wanted, 0) <= self.now() - 600
        good = fits and exists and in_time
        if good:
            self.yes[wanted] += 1
        more: dict[str, Any] = {"status": "editable"} if tool == "update_collection" else {}
        before, sent, status = self.destroyed(), len(self.sandbox.carried_out(DELETED)), self.shown(wanted)
        said = self.call(tool, collection_hash=wanted, confirmation=code, **more)
        if len(self.sandbox.carried_out(DELETED)) > sent or (not said.is_error and good):
            self.spent.add(code)
            SEEN["redeemed"] += 1
        if exists and not self.with_faults and len(self.sandbox.carried_out(DELETED)) < PER_HOUR:
            self.spent.add(code)  # also by a try for something else
        if not good:
            assert self.destroyed() == before, "a code that does not fit destroys nothing"
        if tool == "update_collection":
            assert self.shown(wanted) == status, "a code for a deletion takes nothing offline"

    @rule(given=data(), mode=sampled_from(["auto", "legacy"]), right=booleans(), thinks=sampled_from([0.1, 2.0, 40.0]))
    def delete_with_a_form(self, given: DataObject, mode: Any, right: bool, thinks: float) -> None:  # noqa: FBT001 - see above
        wanted = self.any_hash(given)
        person = Person(types(self.title(wanted) if right else "something else"), thinks)
        before = self.destroyed()
        if right:
            self.yes[wanted] += 1
        self.call("delete_collection", person, mode=mode, collection_hash=wanted)
        if not right or not person.forms:
            assert self.destroyed() == before

    @rule(given=data(), mode=sampled_from(["auto", "legacy"]))
    def say_no(self, given: DataObject, mode: Any) -> None:
        wanted, before = self.any_hash(given), self.destroyed()
        person = Person(declines)
        said = self.call("delete_collection", person, mode=mode, collection_hash=wanted)
        assert self.destroyed() == before
        if "said no. Do not ask" in said.text:
            self.closed[wanted] = self.now()
            assert not self.codes_for(wanted), "a no closes the way by code"
            SEEN["no"] += 1

    @rule(given=data())
    def change_meanwhile(self, given: DataObject) -> None:
        if found := self.sandbox.account.collections.get(self.any_hash(given)):
            found.title += str(next(self.numbers))

    @rule(given=data())
    def change_between_code_and_use(self, given: DataObject) -> None:
        wanted = self.any_hash(given)
        if codes := self.codes_for(wanted):
            self.sandbox.account.collections[wanted].title += f" {next(self.numbers)}"
            before = self.destroyed()
            self.call("delete_collection", collection_hash=wanted, confirmation=codes[0])
            assert self.destroyed() == before, "what the person saw was no longer true"

    @rule(given=data())
    def delete_with_the_code_for_another(self, given: DataObject) -> None:
        there = list(self.sandbox.account.collections)
        if len(there) < 2:
            return
        codes = self.codes_for(there[0])
        other = given.draw(sampled_from(there[1:]))
        self.sandbox.account.collections[other].title = self.sandbox.account.collections[there[0]].title
        if codes:
            before = self.destroyed()
            self.call("delete_collection", collection_hash=other, confirmation=codes[0])
            self.call("delete_collection", collection_hash=there[0], confirmation=codes[0])
            if not self.with_faults:
                assert self.destroyed() == before, "a code is for one target, and spent on any"

    @rule(given=data())
    def delete_with_a_code_at_once(self, given: DataObject) -> None:
        self.sandbox.clear_faults()
        wanted = self.any_hash(given)
        if codes := self.codes_for(wanted):
            SEEN["codes"] += 1
            self.yes[wanted] += 1
            before = self.destroyed()
            self.call("delete_collection", collection_hash=wanted, confirmation=codes[0])
            SEEN["redeemed"] += self.destroyed() - before

    @rule(given=data(), kind=sampled_from(["reset", "cut", "garbled", "http"]), deletes=booleans())
    def lose_the_answer_to_a_write(self, given: DataObject, kind: str, deletes: bool) -> None:  # noqa: FBT001 - see above
        self.sandbox.clear_faults()
        self.sandbox.add_fault(Fault(kind, DELETED if deletes else CREATED, phase="after"))
        SEEN["broken"] += 1
        if deletes:
            wanted = self.any_hash(given)
            self.yes[wanted] += 1
            began = self.now()
            said = self.call("delete_collection", Person(types(self.title(wanted))), collection_hash=wanted)
            assert said.is_error or wanted not in self.sandbox.account.collections, "it is said to be gone"
            SEEN["lost"] += DELETED in {one.action for one in self.sandbox.requests if one.at >= began}
        else:
            title = f"Lost {next(self.numbers)}"
            self.asked_for[title] = 1
            self.call("create_collection", file_url="https://example.com/l.pdf", title=title, wait_seconds=30)

    @rule(given=data())
    def rename(self, given: DataObject) -> None:
        before, wanted, title = self.destroyed(), self.any_hash(given), f"Renamed {next(self.numbers)}"
        self.wanted[wanted, title] += 1
        said = self.call("update_collection", collection_hash=wanted, title=title)
        self.entries += [said.data["history_id"]] if "history_id" in said.data else []
        assert self.destroyed() == before

    @rule(wait=sampled_from([0, 30]))
    def report(self, wait: int) -> None:
        before = self.attempts()
        said = self.call("report_stats", start_date="2026-08-01", end_date="2026-08-31", wait_seconds=wait)
        assert self.attempts() == before
        self.works += [said.data["report_id"]] if "report_id" in said.data else []
        SEEN["reported"] += not said.is_error

    @rule(again=booleans(), wait=sampled_from([0, 10]))
    def publish(self, again: bool, wait: int) -> None:  # noqa: FBT001 - see above
        title = f"New {next(self.numbers) % 5}"
        self.asked_for[title] += 1
        url = f"https://example.com/{title[-1]}.pdf"
        said = self.call("create_collection", file_url=url, title=title, again=again, wait_seconds=wait)
        self.works += [said.data["upload_id"]] if "upload_id" in said.data else []

    @rule(given=data(), tool=sampled_from(["delete_collection", "update_collection"]))
    def plan(self, given: DataObject, tool: str) -> None:
        before = self.attempts()
        more: dict[str, Any] = {"title": "B"} if tool == "update_collection" else {}
        self.call(tool, collection_hash=self.any_hash(given), dry_run=True, **more)
        assert self.attempts() == before

    @rule(given=data(), approved=booleans())
    def by_terminal(self, given: DataObject, approved: bool) -> None:  # noqa: FBT001 - see above
        """FLIPSNACK_CONFIRM=approve, with a person in a terminal of another process on the same file."""
        wanted, before = self.any_hash(given), self.destroyed()
        person = Person(types(self.title(wanted)))
        said = self.call("delete_collection", person, confirm="approve", collection_hash=wanted)
        codes = CODE.findall(said.text) if self.durable else []
        assert self.destroyed() == before
        if not codes:
            return
        if approved:
            other = self.opened()
            assert self.run(lambda: Consents(other, self.settings.account).approve(codes[0]))
            self.run(other.close)
            self.yes[wanted] += 1
        self.call("delete_collection", confirm="approve", collection_hash=wanted, confirmation=codes[0])
        assert approved or self.destroyed() == before
        SEEN["approved"] += approved

    @rule(seconds=floats(0, 1200))
    def wait(self, seconds: float) -> None:
        self.run(lambda: anyio.sleep(seconds))

    @rule(seconds=sampled_from([1.0, 601.0, 4000.0]))
    def jump(self, seconds: float) -> None:
        """The laptop was asleep: the time of day goes on, the loop's does not."""
        self.clock.advance(seconds)

    @rule()
    def restart(self) -> None:
        if self.durable:
            self.run(self.store.close)
            self.store = self.opened()

    @property
    def begun(self) -> set[Change]:
        """What may be changed during any call."""
        return set[Change]().union(*self.going.values())

    def attempts(self) -> int:
        """How many changes arrived, carried out or not, but for those of plans that go on by themselves."""
        changing = [one for one in self.sandbox.requests if one.action in CHANGING]
        return sum(change_of(one.params) not in self.begun for one in changing)

    def destroyed(self) -> int:
        """How many were deleted, but for those of plans that go on by themselves."""
        return sum(change_of(one.params) not in self.begun for one in self.sandbox.carried_out(DELETED))

    @invariant()
    def nothing_is_destroyed_without_a_yes(self) -> None:
        done = Counter(one.params["collectionHash"] for one in self.sandbox.carried_out(DELETED))
        assert all(times == 1 for times in done.values()), "deleted twice"
        assert done <= self.yes, "without a yes"

    @invariant()
    def nothing_is_created_twice(self) -> None:
        made = Counter(one.params.get("title", "") for one in self.sandbox.carried_out(CREATED))
        assert made <= self.asked_for, (made, self.asked_for)

    @invariant()
    def nothing_is_changed_that_was_not_asked_for_or_twice(self) -> None:
        done = Counter(change_of(one.params) for one in self.sandbox.carried_out(UPDATED) if "title" in one.params)
        # Saying the same once more, where the answer was lost, changes nothing.
        assert set(done) <= set(self.wanted) if self.with_faults else done <= self.wanted

    @invariant()
    def flipsnack_never_says_that_we_call_too_often(self) -> None:
        assert [one for one in self.sandbox.requests if one.code in {31, 32}] == []
        times = [one.at for one in self.sandbox.requests]
        for many, span in ((5, 1.0), (60, 60.0)):
            assert all(late - early >= span - 1e-3 for early, late in zip(times, times[many:], strict=False))

    @invariant()
    def deletions_stay_within_their_allowance(self) -> None:
        times = [one.at for one in self.sandbox.carried_out(DELETED)]
        assert all(late - early >= 3590 for early, late in zip(times, times[PER_HOUR:], strict=False))

    @invariant()
    def the_store_is_readable_and_the_trail_whole(self) -> None:
        trail = History(self.store, self.settings.account)
        assert self.run(trail.verified) == ""
        events = self.run(trail.events)
        saved = [one.target for one in events if one.tool in DELETING and one.before]
        for one in self.sandbox.carried_out(DELETED):
            assert one.params["collectionHash"] in saved, "destroyed without being saved before"

    @invariant()
    def nobody_sees_a_credential(self) -> None:
        assert self.witness.leaks() == []
        self.witness.texts.clear()

    @override
    def teardown(self) -> None:
        SEEN["destroyed"] += len(self.sandbox.carried_out(DELETED))
        SEEN["created"] += len(self.sandbox.carried_out(CREATED))
        try:
            self.run(self.store.close)
        finally:
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()
            shutil.rmtree(self.folder, ignore_errors=True)
