"""What is on record: how it was before, written down before it is lost; every end of a call; and the allowance beside it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
import pytest
from typing_extensions import override

from flipsnack_mcp.sandbox.faults import Fault
from flipsnack_mcp.server.consent.codes import Consents
from flipsnack_mcp.server.tools.table import TOOLS
from flipsnack_mcp.store.records import Body, Records, Store, StoreUnusable, T
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.history import HISTORY_ENTRY, Event, History
from tests.server.bench import CODE, Bench, Given, LoopClock, Person, Said, declines, types
from tests.server.destructions import TITLE, process, store_of
from tests.server.long_bench import assert_told_in_four_parts
from tests.server.revisions import newer
from tests.server.test_fault_matrix import ADDRESS, DRAFT, CallContext

GONE, PUBLISH = "gone", "publish a draft"
ACTIONS = {
    "delete_collection": "collection.deleteCollection", "delete_flipbook": "flipbook.delete",
    "delete_logo": "collection.deleteLogo", "delete_background_image": "collection.deleteBackgroundImage",
    "take offline": "collection.update", "update_collection": "collection.update", "set_logo": "collection.setLogo",
    "set_background_image": "collection.setBackgroundImage", "add_flipbook": "flipbook.add",
}  # fmt: skip
DESTROYING = ("delete_collection", "delete_flipbook", "delete_logo", "delete_background_image", "take offline")
LOSING = [name for name in ACTIONS if name != "update_collection"]
"""The answer to a plain update tells itself how it was; of the others the record is all that is left."""

# What is answered does not depend on the revision, which the tests of confirmation, forms and progress vary.
mode = newer


def arguments(job: str, bench: Bench) -> tuple[str, dict[str, Any]]:
    """The tool and what it is given."""
    tool = "update_collection" if job in {"take offline", PUBLISH} else job
    return tool, CallContext(job, tool, "").arguments(bench)


@pytest.fixture
def store(clock: LoopClock) -> MemoryStore:
    return MemoryStore(clock)


@pytest.mark.parametrize("tool", ["get_collection", "delete_collection", "get_collection_stats"])
async def test_who_asks_for_a_draft_that_was_published_from_here_is_told_its_hash(bench: Bench, tool: str) -> None:
    draft, other = (bench.sandbox.account.add(title=one, status="editable").hash for one in ("Spring", "Gone"))
    async with bench.assistant() as assistant:
        now = (await assistant.call("update_collection", collection_hash=draft, status="public")).data[
            "collection_hash"
        ]
        asked = len(bench.sandbox.requests)
        said = await assistant.call(tool, collection_hash=draft)
        del bench.sandbox.account.collections[other]
        unknown = await assistant.call(tool, collection_hash=other)
    assert said.text.endswith(f'A change made from here gave it another hash: give collection_hash="{now}".')
    assert len(bench.sandbox.requests) == asked + 2, "it costs no request to know it"
    assert "made from here" not in unknown.text


# --- a store that can fail, and that sees what had happened when it was written
class Watched:
    """The records of one transaction, with somebody looking at every entry of the history."""

    def __init__(self, inner: Records, written: Callable[[Body], None]) -> None:
        self._inner, self._written = inner, written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def put(self, kind: str, name: str, body: Body, *, keep: float | None = None) -> None:
        if kind == HISTORY_ENTRY:
            self._written(body)
        self._inner.put(kind, name, body, keep=keep)


@dataclass
class FailingStore(MemoryStore):
    """A disk that is full when an entry of this decision is to be written, or gone once something that changes was sent."""

    bench: Bench
    fails_at: str = ""
    arrived: list[tuple[str, bool]] = field(default_factory=list[tuple[str, bool]])
    """For every entry its decision, and whether anything that changes had been sent."""

    def __post_init__(self) -> None:
        super().__init__(self.bench.clock)

    @override
    async def transact(self, work: Callable[[Records], T]) -> T:
        if self.fails_at == GONE and self._sent():
            raise StoreUnusable("The file is gone.", "Look for it.")
        return await super().transact(lambda records: work(Watched(records, self._written)))

    def _written(self, body: Body) -> None:
        self.arrived.append((str(body["decision"]), self._sent()))
        if body["decision"] == self.fails_at:
            raise StoreUnusable("The disk is full.", "Make room.")

    def _sent(self) -> bool:
        return any(one.action in ACTIONS.values() for one in self.bench.sandbox.requests)


async def done(bench: Bench, job: str, store: Store, person: Person | None = None, **settings: Any) -> Said:
    tool, given = arguments(job, bench)
    async with process(bench, person, **{"store": store, "confirm": "allow", **settings}) as assistant:
        return await assistant.call(tool, given)


async def trail_of(bench: Bench, store: Store) -> list[Event]:
    trail = History(store, bench.settings.account)
    assert await trail.verified() == ""
    return await trail.events()


async def ends_of(bench: Bench, store: Store) -> list[tuple[str, str, str]]:
    return [(one.tool, one.target, one.decision) for one in await trail_of(bench, store)]


# --- before and after the act
@pytest.mark.parametrize("job", list(ACTIONS))
async def test_how_it_was_is_on_record_before_anything_is_sent(bench: Bench, job: str) -> None:
    store = FailingStore(bench)
    was = bench.collection(TITLE)
    known = {"collection_hash": was.hash, "title": was.title, "status": was.status}
    said = await done(bench, job, store)
    assert not said.is_error, said.text
    assert store.arrived == [("allowed", False), ("done", True)]
    saved, ended = await trail_of(bench, store)
    assert said.data["history_id"] == saved.number
    assert known.items() <= saved.before.items()
    assert len(saved.before["flipbooks"]) == 2
    assert (ended.tool, ended.target, ended.decision) == (saved.tool, saved.target, "done")
    assert was.hash in ended.target


@pytest.mark.parametrize("job", LOSING)
async def test_what_cannot_be_put_on_record_is_not_done(bench: Bench, job: str) -> None:
    said = await done(bench, job, FailingStore(bench, "allowed"))
    assert_told_in_four_parts(said, "The disk is full.", "Nothing was changed.")
    assert bench.sandbox.carried_out(ACTIONS[job]) == []


async def test_a_plain_update_that_cannot_be_put_on_record_says_so(bench: Bench) -> None:
    said = await done(bench, "update_collection", FailingStore(bench, "allowed"))
    assert (said.is_error, "The disk is full." in said.text) == (False, True)
    assert said.data["changes"][0] == {"field": "title", "before": TITLE, "after": "Renamed"}
    assert [(one["field"], one["after"]) for one in said.data["changes"][1:]] == [("description", "Other")]
    assert len(bench.sandbox.carried_out("collection.update")) == 1


LOST, REFUSED = Fault("reset", phase="after"), Fault("code", code=37, message="No")


@pytest.mark.parametrize(
    ("job", "fault", "verdict", "fails_at"),
    [
        *((job, None, "", ("done", GONE)[nth % 2]) for nth, job in enumerate((*ACTIONS, PUBLISH))),
        pytest.param("delete_logo", LOST, "Something may have been changed.", "done", id="lost answer"),
        pytest.param("delete_collection", REFUSED, "Nothing was changed.", GONE, id="refusal"),
        ("delete_collection", None, "", GONE),
    ],
)
async def test_a_store_that_fails_after_the_act_changes_no_answer(
    bench: Bench, job: str, fault: Fault | None, verdict: str, fails_at: str
) -> None:
    draft, action = bench.collection(DRAFT), ACTIONS.get(job, "collection.update")
    if fault:
        bench.sandbox.add_fault(replace(fault, action=action))
    said = await done(bench, job, FailingStore(bench, fails_at))
    assert said.is_error is bool(fault), said.text
    assert verdict in said.text
    assert len(bench.sandbox.carried_out(action)) == (0 if fault is REFUSED else 1)
    assert job != PUBLISH or said.data["collection_hash"] == draft.hash


# --- what the trail says
BY_WAYS = {
    f"{job}-{way}": (job, way)
    for nth, job in enumerate(DESTROYING)
    for way in (("form", "code", "approve") if nth == 0 else (("form", "code", "approve")[nth % 3],))
}


@pytest.mark.parametrize(("job", "way"), BY_WAYS.values(), ids=list(BY_WAYS))
async def test_the_trail_names_every_yes_and_the_refusal_before_a_code(bench: Bench, job: str, way: str) -> None:
    tool, given = arguments(job, bench)
    person, code = Person(types(TITLE)) if way == "form" else None, "none"
    async with process(bench, person, confirm="approve" if way == "approve" else "ask") as assistant:
        said = await assistant.call(tool, given)
        if way != "form":
            code = said.code
            if way == "approve":
                await Consents(store_of(bench), bench.settings.account).approve(code)
            await assistant.call(tool, given, confirmation=code)
    events = await trail_of(bench, store_of(bench))
    refused = [("refused", "")] if way != "form" else []
    assert [(one.decision, one.confirmed) for one in events] == [*refused, ("allowed", way), ("done", way)]
    assert not any(code in one.model_dump_json() for one in events), "a code is no part of the trail"


MANY: Given = {"max_deletes_per_hour": 0}
REFUSALS: dict[str, tuple[Given, Person | None]] = {
    **{way: ({"confirm": way}, None) for way in ("block", "approve", "ask")},
    "declined": ({"confirm": "ask"}, Person(declines)), "at once": ({"confirm": "ask"}, Person(declines, 0.01)),
    "wrong title": ({"confirm": "ask"}, Person(types("wrong"))), "allowance": (MANY, None),
    "allowance, form": ({**MANY, "confirm": "ask"}, Person(types(TITLE))), "allowance, code": ({**MANY, "confirm": "ask"}, None),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "who"), REFUSALS.values(), ids=list(REFUSALS))
async def test_each_refusal_is_on_record(bench: Bench, store: MemoryStore, settings: Given, who: Person | None) -> None:
    said = await done(bench, "delete_collection", store, who, **settings)
    assert said.is_error
    assert await ends_of(bench, store) == [("delete_collection", bench.collection(TITLE).hash, "refused")]
    assert (await trail_of(bench, store))[0].said
    if MANY.items() <= settings.items():
        assert (CODE.search(said.text), who and who.forms) in [(None, None), (None, [])], "nobody is asked for nothing"


FAILURES = {
    "refused by Flipsnack": (Fault("code", code=37, message="No"), "failed"),
    "lost": (Fault("reset", phase="after", times=0), "unclear"),
    "unknown code": (Fault("code", code=99, message="?"), "unclear"),
    "cancelled under way": (Fault("hang", phase="after"), "unclear"),
}


@pytest.mark.parametrize(("fault", "decision"), FAILURES.values(), ids=list(FAILURES))
async def test_every_failure_is_on_record(bench: Bench, store: MemoryStore, fault: Fault, decision: str) -> None:
    bench.sandbox.add_fault(replace(fault, action="collection.deleteLogo"))
    with anyio.move_on_after(5 if fault.kind == "hang" else 60):
        await done(bench, "delete_logo", store)
    await anyio.sleep(5)
    assert [one.decision for one in await trail_of(bench, store)] == ["allowed", decision]


async def test_uploads_refused_files_and_stops_are_on_record_but_no_reads(bench: Bench, store: MemoryStore) -> None:
    wanted = {"collection_hash": bench.collection(TITLE).hash}
    async with process(bench, store=store) as assistant:
        await assistant.call("list_collections")
        await assistant.call("get_collection", wanted)
        await assistant.call("delete_collection", wanted, dry_run=True)
        await assistant.call("create_collection", file_path="/etc/passwd", title="Theirs")
        for _ in range(2):  # of which the second finds the first, and sends nothing
            await assistant.call("create_collection", file_url=ADDRESS, title="Mine")
        bench.fails("hang", "collection.create")
        made = await assistant.call("create_collection", file_url=ADDRESS, title="Long", wait_seconds=0)
        stopped = await assistant.call("get_upload", upload_id=made.data["upload_id"], cancel=True)

    assert not stopped.is_error, stopped.text
    assert await ends_of(bench, store) == [
        ("create_collection", "Theirs", "refused"),
        ("create_collection", "Mine", "done"),
        ("create_collection", "Long", "uploading"),
        ("get_upload", made.data["upload_id"], "done"),
    ]


async def test_an_unexpected_end_is_on_record_as_unclear_without_its_text(
    bench: Bench, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(*_: Any) -> Any:
        raise RuntimeError("the text of a library")

    monkeypatch.setitem(TOOLS, "delete_logo", replace(TOOLS["delete_logo"], run=run))
    await done(bench, "delete_logo", store)
    (event,) = await trail_of(bench, store)
    assert (event.decision, event.said) == ("unclear", "something unexpected went wrong")


# --- the allowance, through two servers on one store
async def test_twenty_deletions_an_hour_are_shared_by_two_servers(bench: Bench) -> None:
    hashes = [bench.sandbox.account.add(title=f"Old {number}").hash for number in range(21)]
    settings: Given = {"confirm": "allow", "max_deletes_per_hour": 20}
    async with process(bench, **settings) as one, process(bench, **settings) as other:
        for number, hash_ in enumerate(hashes[:20]):
            said = await (one, other)[number % 2].call("delete_collection", collection_hash=hash_)
            assert not said.is_error, said.text
        for assistant in (one, other):
            said = await assistant.call("delete_collection", collection_hash=hashes[20])
            told = ("20 deletions in an hour", "Nothing was changed.", "60 minutes", "FLIPSNACK_MAX_DELETES_PER_HOUR")
            assert said.is_error
            assert [one for one in told if one not in said.text] == []
        bench.clock.advance(3601)
        assert not (await other.call("delete_collection", collection_hash=hashes[20])).is_error
    assert len(bench.sandbox.carried_out("collection.deleteCollection")) == 21


COUNTING = {
    "refused": (Fault("code", code=37), False),
    "maintenance": (Fault("maintenance", times=0), False),
    "lost before, looked up and still there": (Fault("reset"), True),
    "lost after, looked up and gone": (Fault("reset", phase="after"), True),
    "unclear": (Fault("code", code=99), True),
}


@pytest.mark.parametrize(("fault", "counts"), COUNTING.values(), ids=list(COUNTING))
async def test_a_deletion_counts_unless_it_certainly_did_not_happen(
    bench: Bench, store: MemoryStore, fault: Fault, *, counts: bool
) -> None:
    first, second = (bench.sandbox.account.add(title=f"Old {number}").hash for number in range(2))
    bench.sandbox.add_fault(replace(fault, action="collection.deleteCollection"))
    async with process(bench, store=store, confirm="allow", max_deletes_per_hour=1) as assistant:
        await assistant.call("delete_collection", collection_hash=first)
        bench.sandbox.clear_faults()
        said = await assistant.call("delete_collection", collection_hash=second)
    assert said.is_error is counts, said.text
