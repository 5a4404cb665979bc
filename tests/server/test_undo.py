"""undo_change: what a change left is put back as a plan, and nothing that anybody touched since."""

from typing import Any

import pytest

from flipsnack_mcp.store.records import Records
from flipsnack_mcp.workflows.history import HISTORY_ENTRY, History
from tests.server.bench import PDF, Assistant, Bench, Person, Said, declines, types_what_is_asked
from tests.server.destructions import assert_refused, process, store_of
from tests.server.long_bench import assert_told_in_four_parts, to_its_end
from tests.server.revisions import newer

TOOL, UPDATE = "undo_change", "collection.update"
SUMMER, DRAFT = "Summer catalogue 2026", "Weekly offers, Week 39"
BEFORE = {"title": SUMMER, "description": "All of summer", "status": "public", "width": 600, "height": 800}
CHANGE = {"title": "Autumn", "description": "New", "status": "unlisted", "width": 500, "height": 400}

# What is answered does not depend on the revision, which the tests of confirmation vary.
mode = newer


def updates(bench: Bench) -> list[dict[str, str]]:
    """What was really changed, in Flipsnack's words."""
    own = {"action", "apiKey", "signature"}
    sent = bench.sandbox.carried_out(UPDATE)
    return [{name: value for name, value in one.params.items() if name not in own} for one in sent]


def look(collection: Any) -> dict[str, Any]:
    return {name: getattr(collection, name) for name in BEFORE}


def summer(bench: Bench) -> Any:
    found = bench.collection(SUMMER)
    for name, value in BEFORE.items():
        setattr(found, name, value)
    return found


async def undone(assistant: Assistant, history_id: int) -> Said:
    """The plan, and what came of it."""
    planned = await assistant.call(TOOL, history_id=history_id)
    assert not planned.is_error, planned.text
    if "plan_id" not in planned.data:
        return planned
    return await to_its_end(assistant, await assistant.call(TOOL, plan_id=planned.data["plan_id"]))


@pytest.mark.parametrize("fields", [*((name,) for name in CHANGE), tuple(CHANGE)], ids=" ".join)
async def test_a_change_is_put_back_in_all_its_fields_and_can_be_made_again(bench: Bench, fields: tuple[str]) -> None:
    collection, change = summer(bench), {name: CHANGE[name] for name in fields}
    async with process(bench) as assistant:
        said = await assistant.call("update_collection", collection_hash=collection.hash, **change)
        changed = look(collection)
        planned = await assistant.call(TOOL, history_id=said.data["history_id"])
        assert (len(updates(bench)), planned.data["state"]) == (1, "planned")
        (row,) = planned.data["items"]
        assert {name: row.get(f"new_{name}") for name in fields} == {name: BEFORE[name] for name in fields}
        back = await to_its_end(assistant, await assistant.call(TOOL, plan_id=planned.data["plan_id"]))
        as_before = look(collection)
        again = await undone(assistant, back.data["history_id"])
    assert changed == {**BEFORE, **change}
    assert (back.data["counts"]["done"], as_before) == (1, BEFORE)
    assert (again.data["counts"]["done"], look(collection)) == (1, changed)


@pytest.mark.parametrize("touched", ["title", "description", "status"])
async def test_what_somebody_changed_since_stays_and_the_rest_is_put_back(bench: Bench, touched: str) -> None:
    collection = summer(bench)
    change = {name: CHANGE[name] for name in ("title", "description", "status")}
    by_hand = {"title": "By hand", "description": "By hand", "status": "editable"}[touched]
    async with process(bench) as assistant:
        said = await assistant.call("update_collection", collection_hash=collection.hash, **change)
        setattr(collection, touched, by_hand)
        done = await undone(assistant, said.data["history_id"])
        plan = await assistant.call(TOOL, history_id=said.data["history_id"])
    del done
    assert look(collection) == {**BEFORE, touched: by_hand}
    assert f'{touched} of {collection.hash} "{collection.title}"' in plan.text  # by which it is found today
    assert plan.data["state"] == "complete"


@pytest.mark.parametrize(
    ("field", "told", "new"),
    [
        ("status", "processing", "unlisted"),
        ("status", "PUBLIC", "unlisted"),
        ("description", "x" * 2001, "New"),
        ("height", 0, 500),
    ],
)
async def test_what_flipsnack_tells_and_no_update_may_say_is_left_and_the_rest_is_put_back(
    bench: Bench, field: str, told: Any, new: Any
) -> None:
    collection = summer(bench)
    setattr(collection, field, told)
    async with process(bench) as assistant:
        said = await assistant.call("update_collection", collection_hash=collection.hash, title="New", **{field: new})
        planned = await assistant.call(TOOL, history_id=said.data["history_id"])
        done = await assistant.call(TOOL, plan_id=planned.data["plan_id"])
    assert f'{field} of {collection.hash} "New"' in planned.text
    assert (done.data["counts"]["done"], collection.title, getattr(collection, field)) == (1, BEFORE["title"], new)


async def test_what_changes_between_the_plan_and_its_turn_is_left_alone(bench: Bench) -> None:
    collection = summer(bench)
    async with process(bench) as assistant:
        said = await assistant.call("update_collection", collection_hash=collection.hash, description="New")
        planned = await assistant.call(TOOL, history_id=said.data["history_id"])
        collection.description = "By hand"
        done = await assistant.call(TOOL, plan_id=planned.data["plan_id"])
    assert (done.data["counts"], collection.description) == ({"skipped": 1, "unchanged": 0}, "By hand")
    assert len(updates(bench)) == 1


async def test_a_plan_is_undone_with_all_its_items_and_only_those(bench: Bench) -> None:
    offers = [one for one in bench.sandbox.account.collections.values() if "Weekly offers" in one.title]
    before = {one.hash: one.title for one in offers}
    async with process(bench) as assistant:
        made = await assistant.call("update_collections", query="Weekly offers", prefix="Old: ", suffix=" (2026)")
        done = await to_its_end(assistant, await assistant.call("update_collections", plan_id=made.data["plan_id"]))
        renamed = {one.title for one in offers}
        touched = offers[0]
        touched.title = "By hand"
        said = await undone(assistant, done.data["history_id"])
    assert renamed == {f"Old: {title} (2026)" for title in before.values()}
    assert said.data["counts"]["done"] == len(before) - 1
    assert {one.hash: one.title for one in offers} == {**before, touched.hash: "By hand"}


@pytest.mark.parametrize("many", [False, True], ids=["few", "more than are looked at one by one"])
async def test_of_several_with_one_title_each_is_told_by_its_day(bench: Bench, *, many: bool) -> None:
    for _ in range(21 if many else 0):
        bench.sandbox.account.add(title="Kitchen brochure", status="public")
    brochures = [one for one in bench.sandbox.account.collections.values() if one.title == "Kitchen brochure"]
    async with process(bench) as assistant:
        made = await assistant.call("update_collections", query="Kitchen brochure", suffix=" (old)")
        days = {one["collection_hash"]: one["date"] for one in made.data["items"]}
        done = await to_its_end(assistant, await assistant.call("update_collections", plan_id=made.data["plan_id"]))
        planned = await assistant.call(TOOL, history_id=done.data["history_id"])
    assert len(brochures) == planned.data["counts"]["planned"] == (23 if many else 2)
    assert {one["collection_hash"]: one["date"] for one in planned.data["items"]} == days
    assert all(days.values())


@pytest.mark.parametrize("person", [Person(types_what_is_asked), Person(declines)], ids=["yes", "no"])
async def test_undoing_a_publication_takes_offline_and_is_confirmed(bench: Bench, person: Person) -> None:
    """It is found under the hash that the publication gave it."""
    draft = bench.collection(DRAFT)
    async with process(bench, person) as assistant:
        said = await assistant.call("update_collection", collection_hash=draft.hash, status="public")
        published = bench.collection(DRAFT)
        planned = await assistant.call(TOOL, history_id=said.data["history_id"])
        assert person.forms == []
        done = await assistant.call(TOOL, plan_id=planned.data["plan_id"])
    assert "Collections that go offline: 1" in planned.text
    assert (len(person.forms), DRAFT in person.forms[0]) == (1, True)
    assert "16 pages)" in person.forms[0], "no day is known of it, so its pages tell it from its namesakes"
    if person.answer is declines:
        assert_refused(done)
        assert published.status == "public"
    else:
        assert (done.data["counts"]["done"], bench.collection(DRAFT).status) == (1, "editable")


async def test_where_fewer_may_go_offline_than_a_plan_published_they_can_be_undone_one_by_one(bench: Bench) -> None:
    drafts = [bench.sandbox.account.add(title=f"Draft {n}", status="editable").hash for n in range(3)]
    async with process(bench, max_deletes_per_hour=2) as assistant:
        planned = await assistant.call("update_collections", collections=drafts, status="public")
        done = await to_its_end(assistant, await assistant.call("update_collections", plan_id=planned.data["plan_id"]))
        refused = await assistant.call(TOOL, history_id=done.data["history_id"])
        alone = await assistant.call(TOOL, history_id=done.data["history_id"] + 1)
    assert "at most 2 of these changes can be undone now, each by its own history_id" in refused.text
    assert "Choose" not in refused.text
    assert alone.data["counts"]["planned"] == 1


async def test_what_was_taken_offline_is_published_again_and_its_new_hash_is_told(bench: Bench) -> None:
    async with process(bench, Person(types_what_is_asked)) as assistant:
        said = await assistant.call(
            "update_collection", collection_hash=bench.collection(SUMMER).hash, status="editable"
        )
        done = await undone(assistant, said.data["history_id"])
    assert bench.collection(SUMMER).status == "public"
    assert done.data["items"][0]["collection_hash"] == bench.collection(SUMMER).hash


async def test_a_plan_that_still_goes_on_is_not_undone(bench: Bench) -> None:
    async with process(bench) as assistant:
        made = await assistant.call("update_collections", query="Weekly offers", prefix="Old: ")
        going = await assistant.call("update_collections", plan_id=made.data["plan_id"], wait_seconds=0)
        said = await assistant.call(TOOL, history_id=going.data["history_id"])
    assert_told_in_four_parts(said, "still being carried out")


@pytest.mark.parametrize(
    ("tool", "reason"),
    [
        pytest.param("delete_collection", "cannot be brought back", id="a deletion"),
        pytest.param("delete_flipbook", "cannot be brought back", id="a deletion of a document"),
        pytest.param("set_logo", "set it anew", id="a logo"),
        pytest.param("update_collection", "status and size as they were", id="settings"),
        pytest.param("nothing", "has no entry", id="no such entry"),
    ],
)
async def test_what_cannot_be_undone_is_said_with_what_can_be_done(bench: Bench, tool: str, reason: str) -> None:
    collection = bench.collection(SUMMER)
    more: dict[str, dict[str, Any]] = {
        "delete_flipbook": {"flipbook_hash": collection.items[-1].hash},
        "set_logo": {"file_path": bench.document("logo.png", b"\x89PNG\r\n\x1a\n" + bytes(16))},
        "update_collection": {"settings": {"isPrintable": "0"}},
    }
    async with process(bench, Person(types_what_is_asked)) as assistant:
        number = 99
        if tool != "nothing":
            said = await assistant.call(tool, collection_hash=collection.hash, **more.get(tool, {}))
            number = said.data["history_id"]
        sent = len(bench.requests)
        undone = await assistant.call(TOOL, history_id=number)
    assert_told_in_four_parts(undone, reason, "Nothing was changed.")
    assert len(bench.requests) == sent


async def test_what_was_refused_changed_nothing_and_is_said_to_have(bench: Bench) -> None:
    collection = bench.collection(SUMMER)
    async with process(bench, Person(declines)) as assistant:
        await assistant.call("delete_collection", collection_hash=collection.hash)
        said = await assistant.call(TOOL, history_id=1)
    assert_told_in_four_parts(said, "it was refused", "Nothing was changed.")


@pytest.mark.parametrize(("altered", "wanted"), [(1, 1), (2, 1), (1, 3)], ids=["itself", "its end", "an earlier one"])
async def test_an_entry_that_was_altered_is_not_undone(bench: Bench, altered: int, wanted: int) -> None:
    collection = summer(bench)
    async with process(bench) as assistant:
        for title in ("A", "B"):
            await assistant.call("update_collection", collection_hash=collection.hash, title=title)

        def alter(records: Records) -> None:
            name, body = sorted(records.all(HISTORY_ENTRY))[altered - 1]
            records.put(HISTORY_ENTRY, name, {**body, "before": {**body["before"], "title": "Forged"}})

        await store_of(bench).transact(alter)
        said = await assistant.call(TOOL, history_id=wanted)
    if wanted in {altered, 1}:
        assert_told_in_four_parts(said, "was altered", "Nothing was changed.")
    else:
        assert said.data["items"][0]["new_title"] == "A"


async def test_a_title_out_of_which_a_credential_was_taken_is_not_put_back(bench: Bench) -> None:
    collection = summer(bench)
    collection.title = f"signature={'ab' * 16}"
    async with process(bench) as assistant:
        said = await assistant.call("update_collection", collection_hash=collection.hash, title="A")
        planned = await assistant.call(TOOL, history_id=said.data["history_id"])
    assert planned.is_error or "plan_id" not in planned.data
    assert len(await History(store_of(bench), bench.settings.account).events()) == 2


async def test_what_a_plan_did_at_a_second_try_is_undone_once_and_as_it_was(bench: Bench) -> None:
    before = {one.hash: one.title for one in bench.sandbox.account.collections.values()}
    bench.fails("code", UPDATE, code=38, times=1)
    async with process(bench) as assistant:
        plan = await assistant.call("update_collections", query="Weekly offers", find="Weekly", replace="Daily")
        first = await assistant.call("update_collections", plan_id=plan.data["plan_id"])
        last = await to_its_end(assistant, first)
        undoing = await assistant.call(TOOL, history_id=last.data["history_id"])
        await to_its_end(assistant, await assistant.call(TOOL, plan_id=undoing.data["plan_id"]))
    assert (first.data["counts"]["failed"], last.data["counts"]["done"]) == (1, 7)
    assert (undoing.data["counts"]["planned"], undoing.data.get("warnings", [])) == (7, [])
    assert {one.hash: one.title for one in bench.sandbox.account.collections.values()} == before


async def test_what_failed_is_said_to_have_changed_nothing(bench: Bench) -> None:
    bench.fails("code", UPDATE, code=38, times=1)
    async with process(bench) as assistant:
        plan = await assistant.call("update_collections", query="Weekly offers", find="Weekly", replace="Daily")
        done = await assistant.call("update_collections", plan_id=plan.data["plan_id"])
        said = await assistant.call(TOOL, history_id=done.data["history_id"])
    assert said.data["counts"]["planned"] == 6
    assert "as it changed nothing, as far as is known" in said.text
    assert "not on record" not in said.text


async def test_a_description_that_was_empty_is_emptied_again_and_that_is_shown(bench: Bench) -> None:
    collection = summer(bench)
    collection.description = ""
    async with process(bench) as assistant:
        said = await assistant.call("update_collection", collection_hash=collection.hash, description="New")
        plan = await assistant.call(TOOL, history_id=said.data["history_id"])
        await to_its_end(assistant, await assistant.call(TOOL, plan_id=plan.data["plan_id"]))
    assert f'Emptied again, the description of: {collection.hash} "{collection.title}".' in plan.text
    assert collection.description == ""


async def test_one_that_is_gone_is_named_by_the_title_that_the_change_gave_it(bench: Bench) -> None:
    async with process(bench) as assistant:
        plan = await assistant.call("update_collections", query="Weekly offers", prefix="Old ")
        done = await to_its_end(assistant, await assistant.call("update_collections", plan_id=plan.data["plan_id"]))
        del bench.sandbox.account.collections[bench.collection("Old Weekly offers, Week 38").hash]
        said = await assistant.call(TOOL, history_id=done.data["history_id"])
    assert said.data["counts"]["planned"] == 6
    assert 'Left as they are: "Old Weekly offers, Week 38"' in said.text


@pytest.mark.parametrize("way", ["undo_change", "update_collection", "by hand"])
@pytest.mark.parametrize("field", ["title", "status", "description"])
async def test_what_is_already_as_it_was_is_said_with_the_entry_that_put_it_back(
    bench: Bench, way: str, field: str
) -> None:
    collection = summer(bench)
    async with process(bench, Person(types_what_is_asked)) as assistant:
        change = {"collection_hash": collection.hash, field: CHANGE[field]}
        number = (await assistant.call("update_collection", change)).data["history_id"]
        entry = 0
        if way == "undo_change":
            back = await undone(assistant, number)
            events = await History(store_of(bench), bench.settings.account).events()
            entry = next(one.of for one in reversed(events) if one.of and one.target == collection.hash)
            assert back.data["counts"]["done"] == 1
        elif way == "update_collection":
            again = await assistant.call(way, {**change, field: BEFORE[field]})
            entry = again.data["history_id"]
        else:
            setattr(collection, field, BEFORE[field])
        said = await assistant.call(TOOL, history_id=number)
    title = f'"{SUMMER}" ({collection.hash})'
    by = f", put back by entry {entry} of the history" if entry else ""
    assert said.data["warnings"] == ["No collection would change.", f"Already as before that change: {title}{by}."]
    assert "plan_id" not in said.data


async def test_what_was_touched_since_is_not_said_to_be_as_before(bench: Bench) -> None:
    collection = summer(bench)
    async with process(bench) as assistant:
        said = await assistant.call("update_collection", collection_hash=collection.hash, title="A", status="unlisted")
        collection.title, collection.status = SUMMER, "editable"
        plan = await assistant.call(TOOL, history_id=said.data["history_id"])
    assert "Already" not in plan.text
    assert f"changed since or impossible to put back: status of {collection.hash}" in plan.text


async def test_a_publication_that_is_already_undone_is_found_under_the_hash_that_it_gave(bench: Bench) -> None:
    async with process(bench, Person(types_what_is_asked)) as assistant:
        said = await assistant.call("update_collection", collection_hash=bench.collection(DRAFT).hash, status="public")
        await undone(assistant, said.data["history_id"])
        again = await assistant.call(TOOL, history_id=said.data["history_id"])
    assert f'"{DRAFT}" ({bench.collection(DRAFT).hash}), put back by entry' in again.text


async def test_the_id_of_a_plan_in_place_of_the_history_leads_to_its_undoing_and_never_to_carrying_it_out(
    bench: Bench,
) -> None:
    async with process(bench) as assistant:
        made = await assistant.call("update_collections", query="Weekly offers", prefix="Old ")
        plan = made.data["plan_id"]
        before = await assistant.call(TOOL, plan_id=plan)
        done = await to_its_end(assistant, await assistant.call("update_collections", plan_id=plan))
        after = await assistant.call(TOOL, plan_id=plan)
    assert_told_in_four_parts(before, "was not carried out: there is nothing to undo.", " Nothing was changed.")
    assert "update_collections(" not in before.text + after.text
    assert f"Call undo_change(history_id={done.data['history_id']})." in after.text


async def test_the_id_of_a_folders_uploads_in_place_of_the_history_uploads_nothing(bench: Bench) -> None:
    folder = bench.folder / "uploads"
    folder.mkdir()
    folder.joinpath("a.pdf").write_bytes(PDF)
    async with process(bench) as assistant:
        made = await assistant.call("create_collections", documents=[str(folder / "a.pdf")])
        before = await assistant.call(TOOL, plan_id=made.data["plan_id"])
        await assistant.call("create_collections", plan_id=made.data["plan_id"])
        after = await assistant.call(TOOL, plan_id=made.data["plan_id"])
    assert "create_collections(" not in before.text + after.text
    assert "there is nothing to undo" in before.text
    assert "Use delete_collections for what it uploaded." in after.text
