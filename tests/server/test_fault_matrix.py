"""Every tool against every fault: no write happens twice, and what is said about the account is true.

Counted and compared at the sandbox: before the call, after it, and once more when Flipsnack is well again.
"""

import re
from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import anyio
import pytest

from flipsnack_mcp.api import Action, FlipsnackError
from flipsnack_mcp.api.action import Effect
from flipsnack_mcp.api.actions.collections import DeleteCollection, GetCollection, UpdateCollection
from flipsnack_mcp.sandbox import Sandbox
from flipsnack_mcp.sandbox.account import Collection
from flipsnack_mcp.sandbox.faults import Fault
from flipsnack_mcp.server.tools.arguments import ToolInput
from flipsnack_mcp.server.tools.table import TOOLS
from tests.server.bench import Assistant, Bench, Said
from tests.server.revisions import newer

TITLE = "Summer catalogue 2026"
DRAFT = "Weekly offers, Week 39"
NOTHING, PERHAPS = "Nothing was changed.", "Something may have been changed."
ADDRESS = "https://example.com/a.pdf"
PICTURE = "https://example.com/other.png"
pytestmark = pytest.mark.usefixtures("no_look_ahead")


@dataclass(frozen=True)
class CallContext:
    """One use of a tool, and the action of Flipsnack's that is hit."""

    name: str
    tool: str
    action: str

    @property
    def reads(self) -> bool:
        return TOOLS[self.tool].input.effect is Effect.READS

    def arguments(self, bench: Bench) -> dict[str, Any]:
        summer = bench.collection(TITLE)
        one = {"collection_hash": summer.hash}
        found: dict[str, dict[str, Any]] = {
            "list_collections": {"query": "catalogue"},
            "create_collection": {"file_url": ADDRESS, "title": "New", "wait_seconds": 10},
            "create_collection from a file": {"file_path": bench.document(), "title": "New", "wait_seconds": 10},
            "update_collection": {**one, "title": "Renamed", "description": "Other"},
            "publish a draft": {"collection_hash": bench.collection(DRAFT).hash, "status": "public"},
            "take offline": {**one, "status": "editable"},
            "delete_flipbook": {**one, "flipbook_hash": summer.items[-1].hash}, "get_user_stats": {},
            "get_lead_form_sample": {}, "download_collection_html": {**one, "wait_seconds": 10},
            "report_stats": {"query": "catalogue", "wait_seconds": 10}, "audit_account": {"wait_seconds": 10}, "add_flipbook": {**one, "file_url": ADDRESS},
            "set_logo": {**one, "file_url": PICTURE}, "set_background_image": {**one, "file_url": PICTURE},
        }  # fmt: skip
        return found.get(self.name, one)


ELSEWHERE = {
    *("get_upload", "update_collections", "delete_collections", "undo_change"),
    *("create_collections", "list_documents", "stop_work", "list_leads"),
}
"""They have cells of their own: below, in test_bulk, in test_batches and in test_leads. The last three can do without Flipsnack."""
DELETED = "collection.deleteCollection"
ASKED = (
    *(
        CallContext(name, name, tool.input.api_name)
        for name, tool in TOOLS.items()
        if not issubclass(tool.input, ToolInput)
    ),
    CallContext("report_stats", "report_stats", "collection.getStats"),
    CallContext("audit_account", "audit_account", "collection.getStats"),
    CallContext("create_collection from a file", "create_collection", "collection.create"),
    CallContext("publish a draft", "update_collection", "collection.update"),
    CallContext("take offline", "update_collection", "collection.update"),
)
FAULTS = {
    "slow": Fault("slow", seconds=4), "slow after": Fault("slow", seconds=4, phase="after"),
    "too slow": Fault("slow", seconds=100), "too slow after": Fault("slow", seconds=100, phase="after"),
    **{f"{kind} {phase}": Fault(kind, phase=phase) for kind in ("hang", "reset") for phase in ("before", "after")},
    **{kind: Fault(kind) for kind in ("cut", "garbled")},
    "HTML 502": Fault("http", http_status=502, body="<html><body><h1>502 Bad Gateway</h1></body></html>"),
    "500 with JSON": Fault("http", http_status=500, body='{"error": "internal"}'),
    "500 with an envelope": Fault("http", http_status=500, body='{"code": 22, "status": "Maintenance", "data": {}}'),
    "500 without JSON": Fault("http", http_status=500, body=""), "22": Fault("maintenance"),
    "31": Fault("per_second"), "32": Fault("per_minute"), "wrong types": Fault("wrong_types"), "huge": Fault("huge"),
    "unknown code": Fault("code", code=99, message="Never heard of it"),
}  # fmt: skip
REFUSED_FOR_NOW = {"22", "31", "32", "500 with an envelope"}
"""Faults in which Flipsnack says that it did nothing: nothing less certain may be said of them."""
SAME = (
    ("slow", "slow after"), ("too slow", "hang before"), ("too slow after", "hang after"), ("reset before",),
    ("reset after",), ("cut", "garbled"), ("HTML 502", "500 with JSON", "500 without JSON"),
    ("22", "500 with an envelope"), ("31", "32"), ("wrong types",), ("unknown code",),
)  # fmt: skip
"""Faults that come to the same for a tool: to one error, sooner or later, about what was done or was not."""
REACHES = ("once", "for ever", "everywhere")
"""The first try of the tool's own action; all its tries; every request of the call, looks included."""
ALIKE = {"set_background_image", "delete_background_image"}
"""Tools that share all of their path with one that has more cells: `set_logo`, `delete_logo`."""
KINDS = {"get_collection", "update_collection", "create_collection", "delete_collection"}
"""One that reads, one that writes, one that spends an upload, one that destroys."""
Cell = tuple[str, str]


def by_turns(turn: int, reach: str) -> list[Cell]:
    """Of faults that come to the same the one whose turn it is."""
    return [(faults[turn % len(faults)], reach) for faults in SAME]


def cells_of(wish: CallContext, turn: int) -> list[Cell]:
    """What a tool meets: of all that would show the same, one cell.

    What is sent once meets a fault of its own action once, unless that was a refusal for now.
    """
    once, always, everywhere = (by_turns(turn + number, reach) for number, reach in enumerate(REACHES))
    if wish.name in KINDS:
        return [*((fault, "once") for fault in FAULTS), *always, *everywhere]
    if wish.reads or wish.name in ALIKE:
        return [(once, always, everywhere)[(turn + number) % 3][number] for number in range(len(SAME))]
    if wish.action != "collection.update":
        always = [(fault, reach) for fault, reach in always if fault in REFUSED_FOR_NOW]
    return [*once, *always, *everywhere[turn % 3 :: 3]]


CELLS = [(wish, *cell) for turn, wish in enumerate(ASKED) for cell in cells_of(wish, turn)]


def set_off(sandbox: Sandbox, wish: CallContext, fault: str, reach: str) -> None:
    action = None if reach == "everywhere" else wish.action
    sandbox.add_fault(replace(FAULTS[fault], action=action, times=1 if reach == "once" else 0))


def state(sandbox: Sandbox) -> object:
    """The account as far as a person would call it changed: packages are built beside it."""
    kept = {
        name: [repr(value) for field, value in vars(one).items() if field != "packaging"]
        for name, one in sandbox.account.collections.items()
    }
    return sandbox.account.uploads_left, kept


mode = newer


@pytest.mark.parametrize(
    ("wish", "fault", "reach"), CELLS, ids=[f"{wish.name}-{fault}-{reach}" for wish, fault, reach in CELLS]
)
async def test_no_fault_makes_a_write_happen_twice_or_the_answer_untrue(
    bench: Bench, wish: CallContext, fault: str, reach: str
) -> None:
    collection = bench.collection(TITLE)
    collection.logo, collection.background = "logo.png", "ground.png"  # there is something to remove
    arguments, before = wish.arguments(bench), state(bench.sandbox)
    set_off(bench.sandbox, wish, fault, reach)
    async with bench.assistant(confirm="allow") as assistant:
        said = await assistant.call(wish.tool, arguments)
        after = state(bench.sandbox)
        assert_true(said, wish, fault, changed=before != after)
        assert_done_once(bench.sandbox, wish)
        assert said.seconds <= 50
        bench.sandbox.clear_faults()
        if wish.reads:
            await assert_reads_again(assistant, wish, arguments)

    assert_done_once(bench.sandbox, wish)
    assert wish.reads is False or state(bench.sandbox) == before


def assert_true(said: Said, wish: CallContext, fault: str, *, changed: bool) -> None:
    """Four parts where it failed, and no other verdict than what the sandbox counted."""
    if not said.is_error:
        assert changed is not wish.reads or said.data.get("state") in UNFINISHED, said.text
        return
    assert_four_parts(said.text)
    verdict = NOTHING if NOTHING in said.text else PERHAPS
    assert not (verdict is NOTHING and changed), said.text
    assert verdict is NOTHING or not wish.reads, said.text
    if fault in REFUSED_FOR_NOW:
        assert verdict is NOTHING, said.text


CERTAIN = {"unknown code"}
"""Faults in which Flipsnack says that it refuses: the next call may try once more."""
UNFINISHED = {"uploading", "interrupted", "failed"}


def assert_four_parts(text: str) -> None:
    """What happened, the verdict, whether to try again, and one next step."""
    assert text.count(NOTHING) + text.count(PERHAPS) == 1, text
    happened, _, rest = re.split(f"({re.escape(NOTHING)}|{re.escape(PERHAPS)})", text)
    assert happened.strip(), text
    assert len(re.findall(r"[.?!](?:\s|$)", rest)) >= 2, text
    assert "Traceback" not in text
    assert "<html" not in text


def assert_done_once(sandbox: Sandbox, wish: CallContext) -> None:
    """An update may be sent again: carried out twice it leaves the account as once."""
    if not wish.reads and wish.action != "collection.update":
        assert len(sandbox.carried_out(wish.action)) <= 1


async def assert_reads_again(assistant: Assistant, wish: CallContext, arguments: dict[str, Any]) -> None:
    said = await assistant.call(wish.tool, arguments)
    assert not said.is_error, said.text


@pytest.mark.parametrize(("fault", "reach"), [*by_turns(0, "once"), *by_turns(1, "for ever")])
async def test_looking_at_an_upload_survives_every_fault(bench: Bench, fault: str, reach: str) -> None:
    looking = CallContext("get_upload", "get_upload", "collection.getCollection")
    async with bench.assistant() as assistant:
        made = await assistant.call("create_collection", file_url=ADDRESS, title="New", wait_seconds=0)
        wanted = {"upload_id": made.data["upload_id"], "wait_seconds": 10}
        set_off(bench.sandbox, looking, fault, reach)
        said = await assistant.call("get_upload", wanted)
        assert said.seconds <= 50
        if said.is_error:
            assert_four_parts(said.text)
        bench.sandbox.clear_faults()
        await assert_reads_again(assistant, looking, wanted)
    assert len(bench.sandbox.carried_out("collection.create")) == 1


@pytest.mark.parametrize("fault", list(FAULTS))
async def test_an_update_under_a_fault_is_what_was_asked_or_nothing(bench: Bench, fault: str) -> None:
    collection = bench.collection(TITLE)
    kept = deepcopy(collection)
    set_off(bench.sandbox, CallContext("update", "update_collection", "collection.update"), fault, "once")
    said = await bench.call("update_collection", collection_hash=collection.hash, title="Renamed")
    asked = replace(kept, title="Renamed")
    assert collection in (kept, asked)
    assert said.is_error or collection == asked, said.text


@pytest.mark.parametrize(
    ("fault", "reach"), [cell for turn, reach in enumerate(REACHES) for cell in by_turns(turn, reach)]
)
async def test_under_a_fault_several_are_deleted_once_each_and_told_truly(bench: Bench, fault: str, reach: str) -> None:
    wish = CallContext("delete_collections", "delete_collections", DELETED)
    offers = [one.hash for one in bench.sandbox.account.collections.values() if "Weekly offers" in one.title]
    async with bench.assistant(confirm="allow") as assistant:
        plan = {
            "plan_id": (await assistant.call(wish.tool, collections=offers[:3])).data["plan_id"],
            "wait_seconds": 45,
        }
        set_off(bench.sandbox, wish, fault, reach)
        first = await assistant.call(wish.tool, plan)
        assert first.seconds <= 50
        await anyio.sleep(600)
        bench.sandbox.clear_faults()
        await assistant.call(wish.tool, plan)
        await anyio.sleep(100)
        ended = await assistant.call(wish.tool, plan)
    there = bench.sandbox.account.collections.keys()
    tried = Counter(one.params["collectionHash"] for one in bench.sandbox.requests if one.action == DELETED)
    carried_out = Counter(one.params["collectionHash"] for one in bench.sandbox.carried_out(DELETED))
    assert set(carried_out.values()) <= {1}
    assert fault in REFUSED_FOR_NOW | CERTAIN or set(tried.values()) <= {1}, "what may have been done is not sent again"
    assert {one["collection_hash"]: one["state"] == "done" for one in ended.data["items"]} == {
        one: one not in there for one in offers[:3]
    }, ended.text


UNDOING = [*by_turns(0, "for ever"), *by_turns(1, "once")[::2], *by_turns(1, "everywhere")[1::2]]


def titles(sandbox: Sandbox) -> Counter[tuple[str, str]]:
    """All of the account that an undoing can put back: what was published has another hash."""
    return Counter((one.title, one.status) for one in sandbox.account.collections.values())


def assert_told_truly(said: Said, undone: Sequence[Collection]) -> None:
    """What is said to be done is back, and what is said not to be is not. An answer has no row for what is simply done."""
    if said.is_error or said.data["state"] == "running":
        return
    told = {row["collection_hash"]: row["state"] for row in said.data.get("items", [])}
    for one in undone:
        state = told.get(one.hash, "done")
        assert state == "unclear" or (state == "done") is (one.status == "editable"), said.text


@pytest.mark.parametrize(("fault", "reach"), UNDOING)
async def test_under_a_fault_an_undoing_puts_back_what_it_says_and_goes_on_when_next_asked(
    bench: Bench, fault: str, reach: str
) -> None:
    """Drafts that were published under other titles go offline again, under their own."""
    offers = [one for one in bench.sandbox.account.collections.values() if "Weekly offers" in one.title][:3]
    for one in offers:
        one.status = "editable"
    before, wish = titles(bench.sandbox), CallContext("undo_change", "undo_change", "collection.update")
    async with bench.assistant(confirm="allow") as assistant:
        rule = {"collections": [one.hash for one in offers], "prefix": "New: ", "status": "public"}
        made = await assistant.call("update_collections", rule)
        done = await assistant.call("update_collections", plan_id=made.data["plan_id"], wait_seconds=45)
        planned = await assistant.call(wish.tool, history_id=done.data["history_id"])
        plan = {"plan_id": planned.data["plan_id"], "wait_seconds": 45}
        set_off(bench.sandbox, wish, fault, reach)
        first = await assistant.call(wish.tool, plan)
        assert_told_truly(first, offers)
        assert first.seconds <= 50
        await anyio.sleep(600)
        bench.sandbox.clear_faults()
        assert_told_truly(await assistant.call(wish.tool, plan), offers)
        await anyio.sleep(100)
        ended = await assistant.call(wish.tool, plan)
    assert ended.data["counts"] == {"done": 3, "unchanged": 0}, ended.text
    assert titles(bench.sandbox) == before


@pytest.mark.parametrize("action", [GetCollection, UpdateCollection, DeleteCollection])
async def test_faults_of_one_row_come_to_the_same_for_a_tool(bench: Bench, action: type[Action[Any]]) -> None:
    """So one of them at a time is enough, and another one by turns."""

    async def comes_to(fault: str) -> tuple[str, bool, bool]:
        hash_, before = next(iter(bench.sandbox.account.collections)), len(bench.sandbox.carried_out(action.api_name))
        bench.sandbox.add_fault(replace(FAULTS[fault], times=0))
        began = anyio.current_time()
        try:
            given = {"collection_hash": hash_, **({"title": "New"} if action is UpdateCollection else {})}
            came = type(await flipsnack.send(action.model_validate(given))).__name__
        except FlipsnackError as error:
            came = f"{type(error).__name__} {error.changed}"
        bench.sandbox.clear_faults()
        done = len(bench.sandbox.carried_out(action.api_name)) > before
        return came, done, anyio.current_time() - began > 10 and fault not in REFUSED_FOR_NOW

    async with bench.connect(bench.settings) as flipsnack:
        for faults in SAME:
            assert len({await comes_to(fault) for fault in faults}) == 1, faults


def test_the_matrix_leaves_no_tool_and_no_fault_out() -> None:
    assert {one.tool for one in ASKED} | ELSEWHERE == set(TOOLS)
    assert sorted([fault for faults in SAME for fault in faults] + ["huge"]) == sorted(FAULTS)
    assert {(fault, reach) for _, fault, reach in CELLS} >= set(product(FAULTS, REACHES)) - {
        ("huge", "for ever"), ("huge", "everywhere"),
    }  # fmt: skip
    for wish in ASKED:
        met = {
            fault
            for one, fault, reach in CELLS
            if one == wish and (reach == "once" or wish.reads or wish.name in ALIKE)
        }
        assert all(met & {*faults} for faults in SAME), wish
