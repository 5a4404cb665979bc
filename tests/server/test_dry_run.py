"""A dry run shows exactly what would be done, and sends nothing that changes anything."""

from copy import deepcopy
from hashlib import sha256
from typing import Any

import pytest

from flipsnack_mcp.api.action import Effect
from flipsnack_mcp.api.actions import ACTIONS
from flipsnack_mcp.server.tools.table import TOOLS
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.allowance import DELETION
from flipsnack_mcp.workflows.history import HISTORY_ENTRY
from tests.samples_of import NAMES, meaning
from tests.server.bench import PDF, Assistant, Bench, Person, Said, types
from tests.server.long_bench import assert_told_in_four_parts
from tests.server.revisions import newer
from tests.server.typical import PNG, typical

TITLE = "Summer catalogue 2026"
DRAFT = "Weekly offers, Week 39"
ADDRESS = "https://example.com/a.pdf"
PLANNING = {"update_collections", "delete_collections", "undo_change", "create_collections"}
"""Every first call of these is a dry run: test_bulk, test_deletions, test_undo, test_batches."""
STOPPING = {"stop_work"}
"""Changes nothing in the account."""
WRITING = [
    name for name, tool in TOOLS.items() if tool.input.effect is not Effect.READS and name not in PLANNING | STOPPING
]
DESTROYING = {name for name, tool in TOOLS.items() if tool.input.effect is Effect.DESTROYS}
READS = {action.api_name for action in ACTIONS if action.effect is Effect.READS}
WAYS = {name: name for name in WRITING} | {
    "create_collection by address": "create_collection", "publish": "update_collection",
    "take offline": "update_collection", "add_flipbook by address": "add_flipbook",
}  # fmt: skip
"""Every tool that writes, and further ways to call some of them."""

# What is answered does not depend on the revision, which the tests of confirmation, forms and progress vary.
mode = newer


def arguments(way: str, bench: Bench) -> dict[str, Any]:
    one = {"collection_hash": bench.collection(TITLE).hash}
    found: dict[str, dict[str, Any]] = {
        "create_collection": {"file_path": bench.document(), "title": "New"},
        "create_collection by address": {"file_url": ADDRESS, "title": "New", "status": "public"},
        "update_collection": {**one, "title": "Renamed", "settings": {"rtl": "1"}},
        "publish": {"collection_hash": bench.collection(DRAFT).hash, "status": "public"},
        "take offline": {**one, "status": "editable"}, "add_flipbook by address": {**one, "file_url": ADDRESS},
    }  # fmt: skip
    return found.get(way) or typical(next(name for name in NAMES if meaning(name).tool.name == WAYS[way]), bench)


async def planned(bench: Bench, name: str, store: MemoryStore | None = None, **settings: Any) -> Said:
    """A dry run by a client that would fill in any form."""
    person = Person(types(TITLE))
    async with bench.assistant(person, store=store or MemoryStore(bench.clock), **settings) as assistant:
        said = await assistant.call(WAYS[name], arguments(name, bench), dry_run=True)
    assert person.forms == []
    return said


CONFIRMS = ("ask", "approve", "block", "allow")
ASKED = [
    (name, confirm)
    for nth, name in enumerate(WAYS)
    for confirm in (CONFIRMS if name == "take offline" or WAYS[name] in DESTROYING else CONFIRMS[nth % 4 :][:1])
]
"""Where nothing is destroyed nobody is asked, whatever is set."""


@pytest.mark.parametrize(("name", "confirm"), ASKED)
async def test_a_dry_run_only_reads(bench: Bench, name: str, confirm: str) -> None:
    collections, left = deepcopy(bench.sandbox.account.collections), bench.sandbox.account.uploads_left
    store = MemoryStore(bench.clock)
    said = await planned(bench, name, store, confirm=confirm)
    assert not said.is_error, said.text
    assert said.data["dry_run"] is True
    assert said.data["changes"]
    assert set(bench.requests) <= READS
    assert all(one.file is None for one in bench.sandbox.requests)
    assert (bench.sandbox.account.collections, bench.sandbox.account.uploads_left) == (collections, left)
    assert await store.transact(lambda records: [*records.all(HISTORY_ENTRY), *records.all(DELETION)]) == []


def test_every_tool_that_writes_has_a_dry_run() -> None:
    assert set(WAYS.values()) == set(WRITING)
    assert all("dry_run" in TOOLS[name].input.model_fields for name in WRITING)


SHOWN = [
    ("update_collection", [("title", TITLE, "Renamed"), ("rtl", "", "1")], ""),
    ("publish", [("status", "editable", "public")], "new hash and link"),
    ("take offline", [("status", "public", "editable")], "link and every embed of it stop working"),
]


@pytest.mark.parametrize(("name", "changes", "links"), SHOWN)
async def test_a_dry_run_of_an_update_shows_before_and_after(bench: Bench, name: str, changes: Any, links: str) -> None:
    said = await planned(bench, name)
    assert [(one["field"], one["before"], one["after"]) for one in said.data["changes"]] == changes
    assert links in said.text


COST = "from 53 to 52"
FILE = ("offers.pdf", f"{len(PDF) / 1024:.1f} KB", "pages", sha256(PDF).hexdigest())
LOST = (f'"{TITLE}"', "{0.hash}", "public", " views", "{0.items[0].hash}", "{0.items[1].hash}")
DELETIONS = ("delete_collection", "delete_flipbook", "delete_logo", "delete_background_image")
PARTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(DELETIONS, LOST),
    "create_collection": (*FILE, COST, "title: New", "status: editable"),
    "create_collection by address": (ADDRESS, COST, "status: public"),
    "add_flipbook": ("upload",), "add_flipbook by address": ("upload",),
    "set_logo": ("logo.png", sha256(PNG).hexdigest()), "set_background_image": ("ground.png", sha256(PNG).hexdigest()),
}  # fmt: skip


@pytest.mark.parametrize("name", list(PARTS))
async def test_a_dry_run_shows_what_would_be_gone_or_the_document_and_what_it_costs(bench: Bench, name: str) -> None:
    said, summer = await planned(bench, name), bench.collection(TITLE)
    shown = said.data["changes"][0] if name in DELETIONS else " ".join(said.data["changes"])
    assert [part for part in PARTS[name] if part.format(summer) not in shown] == []
    assert said.data.get("deleted") is (False if name in DELETIONS else None)


@pytest.mark.parametrize("name", ["add_flipbook", "add_flipbook by address"])
async def test_of_a_document_for_a_collection_that_is_there_no_cost_is_promised(bench: Bench, name: str) -> None:
    """Flipsnack's page of limits counts collection.create alone, and so does the sandbox."""
    said = (await planned(bench, name)).data["changes"]
    assert said[-1] == "it may cost one of the month's uploads"
    assert "user.getStats" not in bench.requests


@pytest.mark.parametrize("name", ["set_logo", "set_background_image"])
async def test_of_a_picture_no_pages_are_told(bench: Bench, name: str) -> None:
    assert "pages" not in " ".join((await planned(bench, name)).data["changes"])


async def test_a_dry_run_of_what_is_gone_says_so(bench: Bench) -> None:
    said = await bench.call("delete_collection", collection_hash="nothere", dry_run=True)
    assert_told_in_four_parts(said, "Nothing was changed.")
    assert set(bench.requests) <= READS


async def test_a_dry_run_of_an_upload_that_was_made_before_says_so(bench: Bench, assistant: Assistant) -> None:
    given = arguments("create_collection", bench)
    made = await assistant.call("create_collection", given)
    assert not made.is_error, made.text
    said = await assistant.call("create_collection", given, dry_run=True)
    once_more = await assistant.call("create_collection", given, dry_run=True, again=True)
    assert said.data["changes"] == [
        f"nothing is uploaded as long as what upload {made.data['upload_id']} became is there"
    ]
    assert "less than a day ago" in said.text
    assert "api_uploads_left" in once_more.data["changes"][-1]
    assert "one more of it" in once_more.text
    assert len(bench.sandbox.carried_out("collection.create")) == 1


async def test_a_dry_run_of_an_upload_says_that_none_is_left_of_the_months(bench: Bench, assistant: Assistant) -> None:
    bench.sandbox.account.uploads_left = 0
    said = await assistant.call("create_collection", arguments("create_collection", bench), dry_run=True)
    assert said.data["changes"][-1] == "none of the month's uploads is left: Flipsnack would refuse it"
