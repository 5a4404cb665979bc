"""What is on record: how it was before, written down before it is lost; every end of a call; and the allowance beside it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import anyio
import pytest
from typing_extensions import override

from flipsnack_mcp.sandbox.faults import Fault
from flipsnack_mcp.server.consent.codes import Consents
from flipsnack_mcp.server.server import build_server
from flipsnack_mcp.server.tools.table import TOOLS
from flipsnack_mcp.store.records import Body, Records, Store, T
from flipsnack_mcp.store.sqlite import MemoryStore, SqliteStore
from flipsnack_mcp.store.unusable import StoreUnusable
from flipsnack_mcp.workflows.history import KIND, Event, History
from tests.server.bench import CODE, Assistant, Bench, Person, Said, declines, types

TITLE, DRAFT = "Summer catalogue 2026", "Weekly offers, Week 39"
GONE = "gone"
PICTURE, ADDRESS = "https://example.com/logo.png", "https://example.com/a.pdf"
ACTIONS = {
    "delete_collection": "collection.deleteCollection", "delete_flipbook": "flipbook.delete",
    "delete_logo": "collection.deleteLogo", "delete_background_image": "collection.deleteBackgroundImage",
    "take offline": "collection.update", "update_collection": "collection.update",
    "set_logo": "collection.setLogo", "set_background_image": "collection.setBackgroundImage",
    "add_flipbook": "flipbook.add",
}  # fmt: skip
DESTROYING = ("delete_collection", "delete_flipbook", "delete_logo", "delete_background_image", "take offline")
LOSING = [name for name in ACTIONS if name != "update_collection"]
"""The answer to a plain update tells itself how it was; of the others the record is all that is left."""


def arguments(job: str, bench: Bench) -> tuple[str, dict[str, Any]]:
    """The tool and what it is given."""
    summer, draft = bench.collection(TITLE), bench.collection(DRAFT)
    more: dict[str, dict[str, Any]] = {
        "delete_flipbook": {"flipbook_hash": summer.items[-1].hash}, "take offline": {"status": "editable"},
        "publish": {"collection_hash": draft.hash, "status": "public"}, "update_collection": {"title": "Renamed"},
        "set_logo": {"file_url": PICTURE}, "set_background_image": {"file_url": PICTURE},
        "add_flipbook": {"file_url": ADDRESS},
    }  # fmt: skip
    tool = "update_collection" if job in {"take offline", "publish"} else job
    return tool, {"collection_hash": summer.hash, **more.get(job, {})}


class FailingStore(MemoryStore):
    """A disk that is full when an entry of this decision is to be written, or gone once something that changes was sent."""

    def __init__(self, bench: Bench, fails_at: str = "") -> None:
        super().__init__(bench.clock)
        self._bench, self._fails_at = bench, fails_at
        self.arrived: list[tuple[str, bool]] = []
        """For every entry its decision, and whether anything that changes had been sent."""

    @override
    async def transact(self, work: Callable[[Records], T]) -> T:
        if self._fails_at == GONE and self._sent():
            raise StoreUnusable("The file is gone.", "Look for it.")

        def watched(records: Records) -> T:
            plain = records.put

            def put(kind: str, name: str, body: Body, **keep: float | None) -> None:
                if kind == KIND:
                    self._written(body)
                plain(kind, name, body, **keep)

            records.put = put  # type: ignore[method-assign]  # they live as long as the transaction
            return work(records)

        return await super().transact(watched)

    def _written(self, body: Body) -> None:
        self.arrived.append((str(body["decision"]), self._sent()))
        if body["decision"] == self._fails_at:
            raise StoreUnusable("The disk is full.", "Make room.")

    def _sent(self) -> bool:
        return any(one.action in ACTIONS.values() for one in self._bench.sandbox.requests)


@dataclass
class Served:
    """A server on one store, and what it put on record there."""

    bench: Bench
    store: Store

    @asynccontextmanager
    async def assistant(self, person: Person | None = None, **settings: Any) -> AsyncIterator[Assistant]:
        given = replace(self.bench.settings, **settings)
        server = build_server(given, self.bench.connect, self.bench.clock, self.store)
        async with self.bench.assistant(person, server) as assistant:
            yield assistant

    async def done(self, job: str, person: Person | None = None, **settings: Any) -> Said:
        tool, given = arguments(job, self.bench)
        async with self.assistant(person, **{"confirm": "allow", **settings}) as assistant:
            return await assistant.call(tool, given)

    async def trail(self) -> list[Event]:
        trail = History(self.store, self.bench.settings.account)
        assert await trail.verified() == ""
        return await trail.events()

    async def lines(self) -> list[tuple[str, str, str]]:
        return [(one.tool, one.target, one.decision) for one in await self.trail()]


@pytest.fixture
def served(bench: Bench) -> Served:
    return Served(bench, MemoryStore(bench.clock))


# --- before and after the act


@pytest.mark.parametrize("job", list(ACTIONS))
async def test_how_it_was_is_on_record_before_anything_is_sent(bench: Bench, job: str) -> None:
    store, was = FailingStore(bench), bench.collection(TITLE)
    known = {"collection_hash": was.hash, "title": was.title, "status": was.status}

    said = await Served(bench, store).done(job)

    assert not said.is_error, said.text
    assert store.arrived == [("allowed", False), ("done", True)]
    saved, ended = await Served(bench, store).trail()
    assert said.data["history_id"] == saved.number
    assert known.items() <= saved.before.items()
    assert len(saved.before["flipbooks"]) == 2
    assert (ended.tool, ended.target, ended.decision) == (saved.tool, saved.target, "done")
    assert was.hash in ended.target


@pytest.mark.parametrize("job", LOSING)
async def test_what_cannot_be_put_on_record_is_not_done(bench: Bench, job: str) -> None:
    said = await Served(bench, FailingStore(bench, "allowed")).done(job)
    assert said.is_error
    assert "The disk is full." in said.text
    assert "Nothing was changed." in said.text
    assert bench.sandbox.carried_out(ACTIONS[job]) == []


async def test_a_plain_update_that_cannot_be_put_on_record_says_so(bench: Bench) -> None:
    said = await Served(bench, FailingStore(bench, "allowed")).done("update_collection")
    assert not said.is_error
    assert "The disk is full." in said.text
    assert said.data["changes"] == [{"field": "title", "before": TITLE, "after": "Renamed"}]
    assert len(bench.sandbox.carried_out("collection.update")) == 1


LOST, REFUSED = Fault("reset", phase="after"), Fault("code", code=37, message="No")
FAILING = [
    *((job, None, "") for job in (*ACTIONS, "publish")),
    ("delete_logo", LOST, "Something may have been changed."), ("delete_collection", REFUSED, "Nothing was changed."),
]  # fmt: skip


@pytest.mark.parametrize("fails_at", ["done", GONE])
@pytest.mark.parametrize(("job", "fault", "verdict"), FAILING)
async def test_a_store_that_fails_after_the_act_changes_no_answer(
    bench: Bench, job: str, fault: Fault | None, verdict: str, fails_at: str
) -> None:
    draft, action = bench.collection(DRAFT), ACTIONS.get(job, "collection.update")
    if fault:
        bench.sandbox.add_fault(replace(fault, action=action))

    said = await Served(bench, FailingStore(bench, fails_at)).done(job)

    assert said.is_error is bool(fault), said.text
    assert verdict in said.text
    assert len(bench.sandbox.carried_out(action)) == (0 if fault is REFUSED else 1)
    assert job != "publish" or said.data["collection_hash"] == draft.hash


# --- what the trail says


@pytest.mark.parametrize("job", DESTROYING)
async def test_the_trail_names_a_yes_by_form(served: Served, job: str) -> None:
    await served.done(job, Person(types(TITLE)), confirm="ask")
    assert [(one.decision, one.confirmed) for one in await served.trail()] == [("allowed", "form"), ("done", "form")]


@pytest.mark.parametrize("job", DESTROYING)
@pytest.mark.parametrize("way", ["code", "approve"])
async def test_the_trail_names_a_yes_by_code_and_the_refusal_before_it(bench: Bench, job: str, way: str) -> None:
    tool, given = arguments(job, bench)
    served = Served(bench, SqliteStore(bench.folder / "state.sqlite", bench.clock))
    async with served.assistant(confirm="ask" if way == "code" else "approve") as assistant:
        code = (await assistant.call(tool, given)).code
        if way == "approve":
            await Consents(served.store, bench.settings.account).approve(code)
        await assistant.call(tool, given, confirmation=code)

    events = await served.trail()
    assert [(one.decision, one.confirmed) for one in events] == [("refused", ""), ("allowed", way), ("done", way)]
    assert not any(code in one.model_dump_json() for one in events), "a code is no part of the trail"


REFUSALS: dict[str, tuple[dict[str, Any], Person | None]] = {
    "block": ({"confirm": "block"}, None),
    "approve": ({"confirm": "approve"}, None),
    "no form": ({"confirm": "ask"}, None),
    "declined": ({"confirm": "ask"}, Person(declines)),
    "at once": ({"confirm": "ask"}, Person(declines, thinks=0.01)),
    "wrong title": ({"confirm": "ask"}, Person(types("wrong"))),
    "allowance": ({"max_deletes_per_hour": 0}, None),
}


@pytest.mark.parametrize(("settings", "person"), REFUSALS.values(), ids=list(REFUSALS))
async def test_every_refusal_is_on_record(served: Served, settings: dict[str, Any], person: Person | None) -> None:
    said = await served.done("delete_collection", person, **settings)
    assert said.is_error
    assert await served.lines() == [("delete_collection", served.bench.collection(TITLE).hash, "refused")]
    assert (await served.trail())[0].said


FAILURES = [
    (Fault("code", code=37, message="No"), "failed"), (Fault("code", code=99, message="?"), "unclear"),
    (Fault("reset", phase="after", times=0), "unclear"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "decision"), FAILURES)
async def test_every_failure_is_on_record(served: Served, fault: Fault, decision: str) -> None:
    served.bench.sandbox.add_fault(replace(fault, action="collection.deleteLogo"))
    await served.done("delete_logo")
    assert [one.decision for one in await served.trail()] == ["allowed", decision]


@pytest.mark.parametrize(
    ("source", "decision"), [({"file_path": "/etc/passwd"}, "refused"), ({"file_url": ADDRESS}, "done")], ids=repr
)
async def test_an_upload_and_a_refused_file_are_on_record(served: Served, source: Any, decision: str) -> None:
    async with served.assistant() as assistant:
        await assistant.call("create_collection", source, title="Mine")
    assert await served.lines() == [("create_collection", "Mine", decision)]


async def test_an_upload_that_is_stopped_is_on_record(served: Served) -> None:
    served.bench.fails("hang", "collection.create")
    async with served.assistant() as assistant:
        made = await assistant.call("create_collection", file_url=ADDRESS, title="Mine", wait_seconds=0)
        stopped = await assistant.call("get_upload", upload_id=made.data["upload_id"], cancel=True)
    assert not stopped.is_error, stopped.text
    ends = [("create_collection", "Mine", "done"), ("get_upload", made.data["upload_id"], "done")]
    assert await served.lines() == ends


async def test_a_deletion_that_is_cancelled_under_way_is_on_record_as_unclear(served: Served) -> None:
    served.bench.fails("hang", "collection.deleteLogo", phase="after")
    tool, given = arguments("delete_logo", served.bench)
    async with served.assistant(confirm="allow") as assistant:
        with anyio.move_on_after(5):
            await assistant.call(tool, given)
        await anyio.sleep(5)
    assert [one.decision for one in await served.trail()] == ["allowed", "unclear"]


async def test_an_unexpected_end_is_on_record_as_unclear_without_its_text(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(*_: Any) -> Any:
        raise RuntimeError("the text of a library")

    monkeypatch.setitem(TOOLS, "delete_logo", replace(TOOLS["delete_logo"], run=run))
    await served.done("delete_logo")

    (event,) = await served.trail()
    assert (event.decision, event.said) == ("unclear", "something unexpected went wrong")


async def test_what_only_reads_leaves_no_trace(served: Served) -> None:
    hash_ = served.bench.collection(TITLE).hash
    async with served.assistant() as assistant:
        await assistant.call("list_collections")
        await assistant.call("get_collection", collection_hash=hash_)
        await assistant.call("delete_collection", collection_hash=hash_, dry_run=True)
    assert await served.trail() == []


# --- the allowance, through two servers on one store


async def test_twenty_deletions_an_hour_are_shared_by_two_servers(bench: Bench) -> None:
    hashes = [bench.sandbox.account.add(title=f"Old {number}").hash for number in range(22)]
    first, second = (Served(bench, SqliteStore(bench.folder / "state.sqlite", bench.clock)) for _ in range(2))
    async with first.assistant(confirm="allow") as one, second.assistant(confirm="allow") as other:
        for number, hash_ in enumerate(hashes[:20]):
            said = await (one, other)[number % 2].call("delete_collection", collection_hash=hash_)
            assert not said.is_error, said.text
        for assistant in (one, other):
            said = await assistant.call("delete_collection", collection_hash=hashes[20])
            assert said.is_error
            parts = ("20 deletions in an hour", "Nothing was changed.", "60 minutes", "FLIPSNACK_MAX_DELETES_PER_HOUR")
            assert [part for part in parts if part not in said.text] == []
        bench.clock.advance(3601)
        assert not (await other.call("delete_collection", collection_hash=hashes[20])).is_error

    assert len(bench.sandbox.carried_out("collection.deleteCollection")) == 21


COUNTED = {
    "refused": (Fault("code", code=37), False), "maintenance": (Fault("maintenance", times=0), False),
    "lost before, looked up and still there": (Fault("reset"), False),
    "lost after, looked up and gone": (Fault("reset", phase="after"), True), "unclear": (Fault("code", code=99), True),
}  # fmt: skip


@pytest.mark.parametrize(("fault", "counts"), COUNTED.values(), ids=list(COUNTED))
async def test_a_deletion_counts_unless_it_certainly_did_not_happen(
    served: Served, fault: Fault, *, counts: bool
) -> None:
    sandbox = served.bench.sandbox
    first, second = (sandbox.account.add(title=f"Old {number}").hash for number in range(2))
    sandbox.add_fault(replace(fault, action="collection.deleteCollection"))
    async with served.assistant(confirm="allow", max_deletes_per_hour=1) as assistant:
        await assistant.call("delete_collection", collection_hash=first)
        sandbox.clear_faults()
        said = await assistant.call("delete_collection", collection_hash=second)

    assert said.is_error is counts, said.text


async def test_nobody_is_asked_about_what_is_beyond_the_allowance(served: Served) -> None:
    person = Person(types(TITLE))
    said = await served.done("delete_collection", person, confirm="ask", max_deletes_per_hour=0)
    assert said.is_error
    assert not CODE.search(said.text)
    assert person.forms == []
