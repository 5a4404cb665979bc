"""The last look is last: nothing is destroyed that somebody changed more than two seconds before the request left."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from flipsnack_mcp.workflows.history import History
from tests.server.bench import CODE, Assistant, Bench, Given, Person, Said, types, types_what_is_asked
from tests.server.destructions import store_of
from tests.server.long_bench import assert_told_in_four_parts
from tests.server.meddling import AS_LONG_AS, GET, JOBS, PICTURE, TITLE, Colleague, MeddledBench, SlowStore
from tests.server.revisions import in_turn

ROWS: list[Given] = json.loads((Path(__file__).parent / "last_look.json").read_text(encoding="utf-8"))["rows"]
UPDATE, DELETED = "collection.update", "collection.deleteCollection"
OFFLINE: Given = {"status": "editable"}
PLANS: dict[str, Given] = {"plan": OFFLINE, "deletions": {}}
LOOKS_OF_A_PREVIEW = 3


@pytest.fixture
def store(bench: Bench) -> SlowStore:
    return SlowStore(bench.clock)


def meddled(bench: Bench, change: str = "title", after: float = 0.1, **facts: Any) -> MeddledBench:
    made = MeddledBench(**vars(bench), **facts)
    made.colleague = Colleague(bench.collection(TITLE), change, after)
    return made


async def begun(bench: MeddledBench, assistant: Assistant, job: str) -> tuple[str, Given]:
    """The tool and its arguments; a plan is made first."""
    tool, more = JOBS[job][0], PLANS.get(job)
    if more is None:
        return tool, bench.arguments(job)
    said = await assistant.call(tool, collections=[bench.colleague.target.hash], **more)
    return tool, {"plan_id": said.data["plan_id"], "wait_seconds": 45}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(str(value) for value in row.values()))
@pytest.mark.parametrize("mode", ["auto"])
async def test_nothing_is_destroyed_that_changed_two_seconds_before_the_request_left(
    bench: Bench, store: SlowStore, row: Given
) -> None:
    limits = ((10, 30.0),) if row["holds"] == "budget" else ((1000, 1.0),)
    scene = meddled(bench, row["change"], row["after"], limits=limits)
    colleague, forms = scene.colleague, row["way"] == "form"

    server = scene.server(store)
    async with scene.assistant(None, server) as plain:
        tool, given = await begun(scene, plain, row["job"])
        if forms:
            person = Person(types_what_is_asked, 20, lambda: setattr(colleague, "watching", True))
            async with scene.assistant(person, server) as asking:
                await scene.hold(row["holds"], row["job"], plain, store, spare=LOOKS_OF_A_PREVIEW + 1)
                said = await asking.call(tool, given)
        else:
            refused = await plain.call(tool, given)
            await scene.hold(row["holds"], row["job"], plain, store)
            colleague.watching = True
            said = await plain.call(tool, {**given, "confirmation": refused.code})
        store.seconds = 0
        events = await History(store, bench.settings.account).events()

    assert colleague.too_late == []
    assert_true(said, bench, JOBS[row["job"]][1])
    saved = [one.before["title"] for one in events if one.before]
    for one in colleague.left:
        fresh = colleague.changed_at is None or one.at - colleague.changed_at <= AS_LONG_AS
        assert fresh or saved[-1] == one.title, "before is what the last look saw"


def assert_true(said: Said, bench: Bench, action: str) -> None:
    """What is said of the account is so."""
    carried_out = bench.sandbox.carried_out(action)
    if said.is_error:
        assert ("Nothing was changed." in said.text) or carried_out
        assert not ("Nothing was changed." in said.text and carried_out)


# --- a code covers what was shown, and nothing else
MORE: dict[str, Given] = {
    "a title": {"title": "Sale"}, "a description": {"description": "Half price"}, "a width": {"width": 100},
    "a height": {"height": 100}, "a setting": {"settings": {"rtl": "true"}}, "two settings": {"settings": {"a": "1", "b": "2"}},
    "title and size": {"title": "Sale", "width": 5}, "an empty description": {"description": ""},
    "a long description": {"description": "x" * 1500},
}  # fmt: skip
PAIRS: list[tuple[str, Given, Given]] = [
    *((f"{name} more", {}, more) for name, more in MORE.items()),
    *((f"{name} less", more, {}) for name, more in MORE.items()),
    ("another title", {"title": "Sale"}, {"title": "Sales"}),
    ("another end of a long description", {"description": "x" * 1500}, {"description": "x" * 1499 + "y"}),
    ("another value of a setting", {"settings": {"rtl": "true"}}, {"settings": {"rtl": "false"}}),
]


@pytest.mark.parametrize("mode", ["auto"])
async def test_a_code_covers_the_changes_that_were_shown(bench: Bench) -> None:
    wanted, told = {"collection_hash": bench.collection(TITLE).hash, **OFFLINE}, dict[str, tuple[bool, bool, bool]]()
    async with bench.assistant(calls_per_second=100, calls_per_minute=1000) as assistant:
        for name, shown, sent in PAIRS:
            refused = await assistant.call("update_collection", {**wanted, **shown})
            other = await assistant.call("update_collection", {**wanted, **sent, "confirmation": refused.code})
            spent = await assistant.call("update_collection", {**wanted, **shown, "confirmation": refused.code})
            told[name] = (other.is_error, "for something else" in other.text, spent.is_error)
    assert told == dict.fromkeys([name for name, *_ in PAIRS], (True, True, True))
    assert bench.sandbox.carried_out(UPDATE) == []


@in_turn("more", MORE)
async def test_taking_offline_shows_every_other_change_and_carries_out_all_of_it(bench: Bench, more: Given) -> None:
    person, wanted = Person(types_what_is_asked), {"collection_hash": bench.collection(TITLE).hash, **OFFLINE}
    said = await bench.send("update_collection", {**wanted, **more}, person)
    assert not said.is_error, said.text
    shown = person.forms[0].replace('"', "")
    told = {name: value for name, value in {**more, **more.get("settings", {})}.items() if name != "settings"}
    assert [name for name, value in told.items() if f"{name} {str(value).strip()[:50]}" not in shown] == []
    assert len(bench.sandbox.carried_out(UPDATE)) == 1


@pytest.mark.parametrize("job", ["set_logo", "set_background_image"])
@pytest.mark.parametrize("mode", ["auto"])
async def test_a_code_for_one_picture_is_none_for_another(bench: Bench, job: str) -> None:
    wanted = {"collection_hash": bench.collection(TITLE).hash}
    async with bench.assistant() as assistant:
        refused = await assistant.call(job, {**wanted, "file_url": PICTURE})
        assert PICTURE in refused.text
        other = await assistant.call(job, {**wanted, "file_url": PICTURE + "x", "confirmation": refused.code})
    assert other.is_error
    assert bench.sandbox.carried_out(JOBS[job][1]) == []


PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("job", ["set_logo", "set_background_image"])
@pytest.mark.parametrize("way", ["form", "code"])
async def test_a_picture_that_was_exchanged_after_it_was_shown_is_not_sent(bench: Bench, job: str, way: str) -> None:
    path = bench.folder / "uploads" / "logo.png"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(PNG + b"shown")

    def exchanged() -> None:
        path.with_name("other.png").write_bytes(PNG + b"other")
        path.with_name("other.png").replace(path)

    person = Person(types_what_is_asked, meanwhile=exchanged) if way == "form" else None
    given = {"collection_hash": bench.collection(TITLE).hash, "file_path": str(path)}
    async with bench.assistant(person) as assistant:
        said = await assistant.call(job, given)
        if way == "code":
            exchanged()
            said = await assistant.call(job, given, confirmation=said.code)
    sent = [one for one in bench.sandbox.requests if one.action == JOBS[job][1]]
    if bench.mode == "legacy" and way == "form":  # the call has the file open that it showed
        assert said.is_error == (not sent)
        return
    assert said.text.endswith("Nothing was changed."), said.text
    assert sent == []


@pytest.mark.parametrize("way", ["block", "unknown", "approve", "wrong title", "no code"])
@pytest.mark.parametrize("job", ["set_logo", "set_background_image"])
@pytest.mark.parametrize("mode", ["auto"])
async def test_overwriting_a_picture_needs_a_yes_like_a_deletion(bench: Bench, job: str, way: str) -> None:
    person = Person(types("wrong")) if way == "wrong title" else None
    confirm = way if way in {"block", "unknown", "approve"} else "ask"
    given = {"collection_hash": bench.collection(TITLE).hash, "file_url": PICTURE}
    said = await bench.send(job, given, person, confirm=confirm)
    assert said.is_error
    assert said.text.endswith("Nothing was changed."), said.text
    assert bench.sandbox.carried_out(JOBS[job][1]) == []


# --- taking offline without a yes, because somebody published it meanwhile
@pytest.mark.parametrize("way", ["ask", "allow", "block", "approve"])
@pytest.mark.parametrize("after", [0.0, 0.3])
@pytest.mark.parametrize("status", ["public", "unlisted"])
@pytest.mark.parametrize("mode", ["auto"])
async def test_a_draft_that_was_published_meanwhile_is_not_taken_offline_unasked(
    bench: Bench, status: str, after: float, way: str
) -> None:
    scene = meddled(bench, "status", after)
    target = scene.colleague.target
    target.status, scene.colleague.watching = "editable", True
    scene.fails("slow", GET, seconds=1, times=0)
    scene.colleague.make_it = lambda: setattr(target, "status", status)  # type: ignore[method-assign]
    async with scene.assistant(None, scene.server(store_of(scene), confirm=way)) as assistant:
        said = await assistant.call("update_collection", collection_hash=target.hash, title="New", **OFFLINE)
    if way != "allow":
        assert said.is_error
        assert said.text.endswith("Nothing was changed."), said.text
    assert len(bench.sandbox.carried_out(UPDATE)) == (way == "allow")
    assert bool(CODE.search(said.text)) is (way in {"ask", "approve"})


# --- how many
COUNTED = [  # jobs in their order, the allowance, how many of them are carried out
    *[([job] * 3, 2, 2) for job in ("delete", "offline", "flipbook")],
    (["delete", "offline", "delete"], 2, 2),
    (["offline", "delete", "offline"], 1, 1),
    (["offline"], 0, 0),
    (["plan 3"], 2, 0),
    (["plan 3"], 3, 3),
    (["plan 2", "offline"], 2, 2),
    (["plan 2", "delete"], 2, 2),
    (["offline", "plan 2"], 2, 1),
    (["plan 2", "plan 2"], 3, 2),
    (["deletions 3"], 2, 0),
    (["deletions 2", "deletions 2", "plan 2"], 5, 4),
    (["deletions 2", "delete", "offline"], 3, 3),
    (["draft", "offline"], 1, 2),
    (["rename", "offline"], 1, 2),
    (["refused offline", "offline"], 1, 1),
]


@pytest.mark.parametrize(("jobs", "allowed", "done"), COUNTED, ids=str)
@pytest.mark.parametrize("mode", ["auto"])
async def test_taking_offline_counts_like_a_deletion(bench: Bench, jobs: list[str], allowed: int, done: int) -> None:
    add = bench.sandbox.account.add
    async with bench.assistant(confirm="allow", max_deletes_per_hour=allowed) as assistant:
        for job in jobs:
            told = await one_job(bench, assistant, job, add)
            refused = told.is_error and "refused offline" not in job
            assert not refused or "FLIPSNACK_MAX_DELETES_PER_HOUR" in told.text, told.text
    acts = (UPDATE, DELETED, "flipbook.delete")
    assert sum(len(bench.sandbox.carried_out(action)) for action in acts) == done


async def one_job(bench: Bench, assistant: Assistant, job: str, add: Any) -> Said:
    if job[:-2] in PLANS:
        tool, chosen = JOBS[job[:-2]][0], [add(title="Many").hash for _ in range(int(job[-1]))]
        made = await assistant.call(tool, collections=chosen, **PLANS[job[:-2]])
        if made.is_error:
            return made
        return await assistant.call(tool, plan_id=made.data["plan_id"], wait_seconds=45)
    made = add(title="One", status="editable" if job == "draft" else "public")
    one = {"collection_hash": made.hash}
    if job == "delete":
        return await assistant.call("delete_collection", one)
    if job == "flipbook":
        return await assistant.call("delete_flipbook", one, flipbook_hash=made.items[0].hash)
    if job.startswith("refused"):
        bench.fails("code", UPDATE, code=38)
    return await assistant.call("update_collection", {**one, **({"title": "New"} if job == "rename" else OFFLINE)})


@pytest.mark.parametrize("mode", ["auto"])
async def test_a_plan_that_is_too_large_is_refused_when_it_is_made_with_the_figure(bench: Bench) -> None:
    chosen = [bench.sandbox.account.add(title="Many").hash for _ in range(9)]
    async with bench.assistant(max_deletes_per_hour=7) as assistant:
        said = await assistant.call("update_collections", collections=chosen, status="editable")
        small = await assistant.call("update_collections", collections=chosen[:7], status="editable")
        renamed = await assistant.call("update_collections", collections=chosen, find="Many", replace="Few")
    assert_told_in_four_parts(said, "9", "7 ", "Nothing was changed.", "FLIPSNACK_MAX_DELETES_PER_HOUR")
    assert (small.is_error, renamed.is_error) == (False, False)


@pytest.mark.parametrize("mode", ["auto"])
async def test_what_a_plan_did_not_carry_out_is_given_back(bench: Bench) -> None:
    account = bench.sandbox.account
    chosen = [account.add(title="Many").hash for _ in range(3)]
    async with bench.assistant(confirm="allow", max_deletes_per_hour=3) as assistant:
        made = await assistant.call("update_collections", collections=chosen, status="editable")
        account.collections[chosen[0]].title = "By hand"
        account.delete(chosen[1])
        said = await assistant.call("update_collections", plan_id=made.data["plan_id"], wait_seconds=45)
        assert said.data["counts"] == {"done": 1, "skipped": 2, "unchanged": 0}
        for _ in range(2):
            assert not (await one_job(bench, assistant, "offline", account.add)).is_error
        assert (await one_job(bench, assistant, "offline", account.add)).is_error


# --- the last flipbook
@pytest.mark.parametrize("books", [1, 2, 3])
async def test_deleting_the_last_flipbook_of_a_collection_says_so(bench: Bench, books: int) -> None:
    collection, person = bench.collection(TITLE), Person(types_what_is_asked)
    (first, *_) = collection.items
    collection.items = [first, *(bench.sandbox.account.add(title="x").items[0] for _ in range(books - 1))]
    wanted = {"collection_hash": collection.hash, "flipbook_hash": first.hash}
    dry = await bench.send("delete_flipbook", {**wanted, "dry_run": True})
    await bench.send("delete_flipbook", wanted, person)
    assert ["last" in text for text in (dry.text, person.forms[0])] == [books == 1] * 2


# --- what Flipsnack could read as a status
LIKE_A_STATUS = (
    *("isPrivate", "visibility", "collection_status", "CollectionStatus", "Collection_Status", "isPublic", "private"),
    *(
        "publish",
        "unpublish",
        "published",
        "draft",
        "isDraft",
        "privacy",
        "privacyLevel",
        "state",
        "listed",
        "unlisted",
    ),
    *(
        "editable",
        "offline",
        "online",
        "archived",
        "isHidden",
        "active",
        "delete",
        "password",
        "expires",
        "accessLevel",
    ),
    *("collection_hash", "api_key", "file_url", "flipbook_hash", "s_t_a_t_u_s", "itemVisibility", "STATUS_", "trashed"),
)


@pytest.mark.parametrize("mode", ["auto"])
async def test_a_setting_that_could_be_read_as_a_status_is_refused(bench: Bench) -> None:
    wanted = {"collection_hash": bench.collection(TITLE).hash}
    async with bench.assistant(confirm="allow") as assistant:
        for name in LIKE_A_STATUS:
            said = await assistant.call("update_collection", wanted, settings={name: "1"})
            assert bench.requests == [], name
            assert_told_in_four_parts(said, "settings", "Nothing was changed.")
            # No status is a password: who wanted one is not sent to the status alone.
            assert name != "password" or "is set at flipsnack.com" in said.text


@pytest.mark.parametrize("mode", ["auto"])
async def test_other_settings_are_sent(bench: Bench) -> None:
    names = ["rtl", "autoFlip", "backgroundColor", "language", "showControls", "pageShadow"]
    wanted = {"collection_hash": bench.collection(TITLE).hash}
    async with bench.assistant() as assistant:
        for name in names:
            assert not (await assistant.call("update_collection", wanted, settings={name: "1"})).is_error
    assert [one.params.get(name) for one, name in zip(bench.sandbox.carried_out(UPDATE), names, strict=True)] == [
        "1"
    ] * 6


# --- a code that came in vain is not lost
@pytest.mark.parametrize("job", ["delete_collection", "take offline", "set_logo"])
@pytest.mark.parametrize("mode", ["auto"])
async def test_a_code_whose_turn_comes_too_late_is_good_for_the_next_call(
    bench: Bench, store: SlowStore, job: str
) -> None:
    scene = meddled(bench, limits=((10, 100.0),))
    async with scene.assistant(None, scene.server(store)) as assistant:
        tool, given = await begun(scene, assistant, job)
        refused = await assistant.call(tool, given)
        await scene.hold("budget", job, assistant, store)
        late = await assistant.call(tool, {**given, "confirmation": refused.code})
        await anyio.sleep(100)
        said = await assistant.call(tool, {**given, "confirmation": refused.code})
    assert_told_in_four_parts(late, "A turn comes", "Nothing was changed.")
    assert not said.is_error, said.text
    assert len(bench.sandbox.carried_out(JOBS[job][1])) == 1


@pytest.mark.parametrize("mode", ["auto"])
async def test_a_code_is_spent_once_however_often_the_target_is_written_down(bench: Bench, store: SlowStore) -> None:
    scene = meddled(bench)
    target = scene.colleague.target
    async with scene.assistant(None, scene.server(store)) as assistant:
        given = {"collection_hash": target.hash}
        refused = await assistant.call("delete_collection", given)
        store.seconds, scene.colleague.watching = 1.1, True
        scene.colleague.make_it = lambda: setattr(target, "description", "New")  # type: ignore[method-assign]
        said = await assistant.call("delete_collection", {**given, "confirmation": refused.code})
        store.seconds = 0
        events = await History(store, bench.settings.account).events()
    assert not said.is_error, said.text
    told = [(one.decision, one.before.get("description") == "New") for one in events if one.decision != "refused"]
    assert told == [("allowed", False), ("allowed", True), ("done", False)]
