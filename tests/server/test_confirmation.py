"""A deletion needs a person's yes, and every way that is not a clear yes deletes nothing: counted at the sandbox."""

import unicodedata
from typing import Any

import anyio
import pytest
from mcp import MCPError
from mcp.types import CallToolResult, ElicitRequest, ElicitResult, InputRequiredResult

from flipsnack_mcp.api.actions.collections import Collection, DeleteCollection
from flipsnack_mcp.server.consent.form import consequence
from tests.samples_of import expected_tool, names_with
from tests.server.bench import CODE, Assistant, Bench, Given, Person, Said, declines, types, types_what_is_asked
from tests.server.destructions import process
from tests.server.long_bench import assert_told_in_four_parts
from tests.server.revisions import in_turn
from tests.server.test_attacks import INTERNALS
from tests.server.typical import typical

TITLE, SUMMER = "Weekly offers, Week 38", "Summer catalogue 2026"
DELETE, DELETED = "delete_collection", "collection.deleteCollection"
DELETING = names_with("destroys")
LONG = "A title that nobody would want to type into a form, as it has far more than sixty characters"


def deletions(bench: Bench) -> int:
    """How many deletions of any kind arrived, carried out or not."""
    return sum(one.action in DELETING for one in bench.sandbox.requests)


def assert_refused(bench: Bench, said: Said, *, code: bool = False) -> None:
    assert said.is_error
    assert said.text.endswith("Nothing was changed."), said.text
    assert bool(CODE.search(said.text)) is code, said.text
    assert not said.data
    assert deletions(bench) == 0


async def delete(bench: Bench, person: Person | None, title: str = TITLE, **settings: Any) -> Said:
    return await bench.send(DELETE, {"collection_hash": bench.collection(title).hash}, person, **settings)


async def test_the_form_shows_what_stops_working(bench: Bench) -> None:
    person, collection = Person(declines), bench.collection(SUMMER)
    await delete(bench, person, SUMMER)
    link = f"https://www.flipsnack.com/hearthandfield/summer-catalogue-2026-{collection.hash}.html"
    shown = (f'"{SUMMER}"', collection.hash, "public", " views", link, "stop working")
    form = person.forms[0]
    assert [one for one in (*shown, *(item.hash for item in collection.items)) if one not in form] == []
    assert form.endswith(f'type "{SUMMER}".')


@pytest.mark.parametrize("mode", ["legacy"])
@pytest.mark.parametrize(
    "content", [{"title": {"a": "b"}}, {"title": TITLE, "x": {"y": 1}}], ids=["object", "extra object"]
)
async def test_content_that_the_protocol_does_not_know_is_refused(bench: Bench, content: Given) -> None:
    said = await delete(bench, Person(lambda _: ElicitResult.model_construct(action="accept", content=content)))
    assert_refused(bench, said)


async def test_after_a_no_nobody_is_sent_to_a_terminal(bench: Bench) -> None:
    wanted = bench.collection(SUMMER)
    given = {"collection_hash": wanted.hash}
    async with process(bench, Person(declines)) as asking, process(bench, confirm="approve") as other:
        await asking.call("delete_collection", given)
        said = await other.call("delete_collection", given)
    assert said.is_error
    assert "A person said no to this" in said.text
    assert "`flipsnack-mcp approve" not in said.text
    assert wanted.hash in bench.sandbox.account.collections


async def test_a_no_counts_also_while_flipsnack_fails(bench: Bench) -> None:
    wanted = bench.collection().hash

    def breaks() -> None:
        bench.fails("http", "collection.getCollection", http_status=500, times=0)

    async with process(bench) as plain, process(bench, Person(declines, meanwhile=breaks)) as asking:
        said = await asking.call(DELETE, collection_hash=wanted)
        bench.sandbox.clear_faults()
        later = await plain.call(DELETE, collection_hash=wanted)

    assert_refused(bench, said)
    assert "The person said no." in said.text
    assert_refused(bench, later)


@pytest.mark.parametrize(
    ("thinks", "looking", "never_shown"), [(0.55, 0.0, False), (0.05, 0.7, True)], ids=["read", "slow looks, fast no"]
)
async def test_only_the_time_that_the_form_was_shown_tells_whether_a_no_was_read(
    bench: Bench, thinks: float, looking: float, *, never_shown: bool
) -> None:
    bench.fails("slow", seconds=looking, times=0)
    said = await delete(bench, Person(declines, thinks))
    assert_refused(bench, said)
    assert ("probably never shown" in said.text) is never_shown


@pytest.mark.parametrize("change", [{"title": "Renamed meanwhile"}, {"status": "unlisted"}, {"items": []}], ids=str)
async def test_what_changed_after_the_question_is_shown_anew_instead_of_deleted(bench: Bench, change: Given) -> None:
    person = Person(types(TITLE), meanwhile=lambda: vars(bench.collection()).update(change))
    said = await delete(bench, person)
    assert_refused(bench, said)
    assert len(person.forms) == 1
    assert "changed" in said.text
    assert "title" not in change or '"Renamed meanwhile"' in said.text


UNSEEN = ("gone", "unreadable", "flipbook of another")


async def test_what_was_deleted_after_the_question_is_said_to_be_gone(bench: Bench) -> None:
    wanted = bench.collection().hash
    person = Person(types(TITLE), meanwhile=lambda: bench.sandbox.account.delete(wanted))
    said = await delete(bench, person)
    assert_told_in_four_parts(said, "no collection", "Nothing was changed.")
    assert deletions(bench) == 0


@in_turn("what, way", {f"{what}-{way}": (what, way) for way in ("ask", "allow") for what in UNSEEN})
async def test_about_what_cannot_be_seen_nobody_is_asked_and_nothing_deleted(bench: Bench, what: str, way: str) -> None:
    tool, arguments, person = DELETE, {"collection_hash": bench.collection().hash}, Person(types(TITLE))
    if what == "gone":
        bench.sandbox.account.delete(arguments["collection_hash"])
    elif what == "unreadable":
        bench.fails("garbled", "collection.getCollection", times=0)
    else:
        tool, arguments["flipbook_hash"] = "delete_flipbook", "abc123"
    said = await bench.send(tool, arguments, person, confirm=way)
    assert_told_in_four_parts(said, "Nothing was changed.")
    assert (person.forms, deletions(bench)) == ([], 0)


async def test_views_that_change_meanwhile_ask_only_once(bench: Bench) -> None:
    numbers = iter(range(100, 200))

    def more_views() -> None:
        bench.answers("collection.getStats", {"views": next(numbers)})

    more_views()
    person = Person(types(TITLE), meanwhile=more_views)
    said = await delete(bench, person)

    assert not said.is_error, said.text
    assert "100 views" in person.forms[0]
    assert (len(person.forms), len(bench.sandbox.carried_out(DELETED))) == (1, 1)


HASH = "the hash"
NFC, NFD = "Été", unicodedata.normalize("NFD", "Été")
ALIKE = {
    "quotes as in the title": ('The "best" of', 'The "best" of'), "quotes as shown": ('The "best" of', "The 'best' of"),
    "title NFC, typed NFD": (NFC, NFD), "title NFD, typed NFC": (NFD, NFC), "spaces around": ("Offers", "  Offers \n"),
    "as cleaned": ("Two  spaces", "Two spaces"), "without what cannot be seen": ("Zero\u200bwidth\u202e", "Zerowidth"),
    "on one line": ("First\nsecond", "First second"), "the longest that is typed": ("x" * 60, "x" * 60),
    "empty": ("", HASH), "long": (LONG, HASH), "61": ("x" * 61, HASH), "invisible": ("\u200b\u2060", HASH),
}  # fmt: skip


@in_turn("title, typed", ALIKE)
async def test_what_is_typed_is_the_title_as_shown_or_the_hash_where_it_is_empty_or_too_long(
    bench: Bench, title: str, typed: str
) -> None:
    collection = bench.sandbox.account.add(title=title)
    person = Person(types(collection.hash if typed == HASH else typed))
    said = await bench.send(DELETE, {"collection_hash": collection.hash}, person)
    assert not said.is_error, said.text
    assert said.data == {"deleted": True, "collection_hash": collection.hash, "history_id": 1}
    assert [form.endswith(f'type "{collection.hash}".') for form in person.forms] == [typed == HASH]
    assert len(bench.sandbox.carried_out(DELETED)) == deletions(bench) == 1
    assert collection.hash not in bench.sandbox.account.collections


async def test_a_flipbook_is_deleted_by_the_title_of_its_collection_and_not_by_its_own(bench: Bench) -> None:
    collection = bench.collection(SUMMER)
    first, second = collection.items
    wanted, person = {"collection_hash": collection.hash, "flipbook_hash": second.hash}, Person(types(second.title))
    async with bench.assistant(person) as assistant:
        assert_refused(bench, await assistant.call("delete_flipbook", wanted))
        person.answer = types(SUMMER)
        said = await assistant.call("delete_flipbook", wanted)
    assert said.data == {"deleted": True, **wanted, "history_id": 2}
    assert second.hash in person.forms[1]
    assert collection.items == [first]
    assert len(bench.sandbox.carried_out("flipbook.delete")) == deletions(bench) == 1


@pytest.mark.parametrize("name", DELETING)
async def test_whatever_destroys_needs_what_is_typed_and_is_blocked_where_that_is_set(bench: Bench, name: str) -> None:
    tool, arguments = expected_tool(name).name, typical(name, bench)
    person, blocked = Person(types("wrong")), Person(types_what_is_asked)
    refused = await bench.send(tool, arguments, blocked, confirm="block")
    assert_refused(bench, refused)
    assert "Deletions are switched off on this server (FLIPSNACK_CONFIRM)." in refused.text
    async with bench.assistant(person) as assistant:
        assert_refused(bench, await assistant.call(tool, arguments))
        person.answer = types_what_is_asked
        said = await assistant.call(tool, arguments)
    assert not said.is_error, said.text
    assert len(person.forms) == 2
    assert len(bench.sandbox.carried_out(name)) == deletions(bench) == 1


@in_turn("name", DELETING)
async def test_whatever_destroys_needs_a_code_where_nobody_can_be_asked(bench: Bench, name: str) -> None:
    tool, arguments = expected_tool(name).name, typical(name, bench)
    async with bench.assistant() as assistant:
        refused = await assistant.call(tool, arguments)
        assert_refused(bench, refused, code=True)
        assert_refused(bench, await assistant.call(tool, {**arguments, "confirmation": "AAAAAAAA"}))
        said = await assistant.call(tool, {**arguments, "confirmation": refused.code})
    assert not said.is_error, said.text
    assert len(bench.sandbox.carried_out(name)) == deletions(bench) == 1


async def test_a_call_cancelled_while_the_person_thinks_deletes_nothing(bench: Bench) -> None:
    person = Person(types(TITLE), thinks=20)
    async with bench.assistant(person) as assistant, anyio.create_task_group() as group:
        group.start_soon(lambda: assistant.call(DELETE, collection_hash=bench.collection().hash))
        await person.asked.wait()
        group.cancel_scope.cancel()
    with anyio.CancelScope():
        await anyio.sleep(60)
    assert deletions(bench) == 0


@pytest.mark.parametrize("mode", ["legacy"])
async def test_a_form_nobody_answers_is_withdrawn_within_the_call_and_gives_no_code(bench: Bench) -> None:
    person = Person(types(TITLE), thinks=200)
    said = await delete(bench, person)
    assert_refused(bench, said)
    assert person.withdrawn
    assert said.seconds <= 46
    assert len(said.progress) >= 4, "a sign of life every ten seconds"


@pytest.mark.parametrize("mode", ["legacy"])
async def test_a_late_yes_and_a_slow_flipsnack_end_within_the_time_of_a_call(bench: Bench) -> None:
    person = Person(types(TITLE), thinks=38, meanwhile=lambda: bench.fails("slow", seconds=12, times=0))
    assert (await delete(bench, person)).seconds <= 50, "clients cut a call at 60 s"


async def test_a_slow_flipsnack_does_not_stretch_a_deletion_beyond_a_call(bench: Bench) -> None:
    bench.fails("slow", seconds=14, times=0)
    assert (await delete(bench, None, confirm="allow")).seconds <= 50


YES: dict[str, Any] = {"title": ElicitResult(action="accept", content={"title": TITLE})}
WRONG: dict[str, Any] = {"title": ElicitResult(action="accept", content={"title": "x"})}


async def answered(
    assistant: Assistant, wanted: str, answer: Any = None, state: str | None = None, tool: str = DELETE
) -> CallToolResult | InputRequiredResult:
    """One round: what came back of a call with an answer to the form and the sealed state, where there are any."""
    return await assistant.client.session.call_tool(
        tool, {"collection_hash": wanted}, input_responses=answer, request_state=state, allow_input_required=True
    )


async def state_of(assistant: Assistant, wanted: str) -> str:
    """The sealed state of a first round, which asks for the title."""
    asked = await answered(assistant, wanted)
    assert isinstance(asked, InputRequiredResult)
    assert asked.input_requests
    assert list(asked.input_requests) == ["title"]
    assert isinstance(asked.input_requests["title"], ElicitRequest)
    return asked.request_state or ""


@pytest.mark.parametrize("mode", ["auto"])
@pytest.mark.parametrize(("answer", "deleted"), [(YES, 1), (WRONG, 0)], ids=["right", "wrong"])
async def test_an_answer_is_good_once_right_or_wrong(bench: Bench, answer: Given, deleted: int) -> None:
    collection = bench.collection()
    async with bench.assistant(Person(declines)) as assistant:
        state = await state_of(assistant, collection.hash)
        bench.clock.advance(2)
        await answered(assistant, collection.hash, answer, state)
        bench.sandbox.account.keep(collection)
        replayed = await answered(assistant, collection.hash, YES, state)
    assert isinstance(replayed, CallToolResult)
    assert replayed.is_error
    assert replayed.content[0].text.endswith("Nothing was changed.")  # type: ignore[union-attr]  # ours are all texts
    assert len(bench.sandbox.carried_out(DELETED)) == deletions(bench) == deleted


@pytest.mark.parametrize("mode", ["auto"])
@pytest.mark.parametrize("missing", ["question", "answer"])
async def test_an_answer_without_its_question_or_the_reverse_is_asked_about(bench: Bench, missing: str) -> None:
    wanted = bench.collection().hash
    async with bench.assistant(Person(declines)) as assistant:
        given = (YES, None) if missing == "question" else (None, await state_of(assistant, wanted))
        result = await answered(assistant, wanted, *given)
    assert isinstance(result, InputRequiredResult)
    assert deletions(bench) == 0


FORGED = (
    *("", "x", '{"seen": "x", "at": 1, "nonce": "y"}', "a.b.c", "eyJzZWVuIjoieCJ9", "v1.AAAA", "altered"),
    *("\x00", "\u202e\U000e0061", "A" * 500_000),
)


@pytest.mark.parametrize("mode", ["auto"])
@pytest.mark.parametrize("state", FORGED, ids=lambda one: ascii(one)[:30])
async def test_a_forged_state_deletes_nothing(bench: Bench, state: str) -> None:
    wanted = bench.collection().hash
    async with bench.assistant(Person(declines)) as assistant:
        if state == "altered":
            sealed = await state_of(assistant, wanted)
            bench.clock.advance(2)
            middle = len(sealed) // 2
            state = sealed[:middle] + ("A" if sealed[middle] != "A" else "B") + sealed[middle + 1 :]
        try:
            text = (await answered(assistant, wanted, YES, state)).model_dump_json()
        except MCPError as error:
            text = str(error)
    bench.witness.saw(text)
    assert not INTERNALS.search(text.replace("isError", "")), text
    assert deletions(bench) == 0


@pytest.mark.parametrize("mode", ["auto"])
@pytest.mark.parametrize("other", ["target", "tool"])
async def test_a_state_is_good_for_its_own_call_only(bench: Bench, other: str) -> None:
    mine, another = bench.collection().hash, bench.sandbox.account.add(title=TITLE).hash
    wanted, tool = (another, DELETE) if other == "target" else (mine, "delete_logo")
    async with bench.assistant(Person(declines)) as assistant:
        state = await state_of(assistant, mine)
        with pytest.raises(MCPError):
            await answered(assistant, wanted, YES, state, tool)
    assert deletions(bench) == 0


@pytest.mark.parametrize("mode", ["auto"])
@pytest.mark.parametrize("seconds", [540, 601])
async def test_an_answer_is_good_for_ten_minutes_and_then_refused_with_a_text(bench: Bench, seconds: float) -> None:
    said = await delete(bench, Person(types(TITLE), meanwhile=lambda: bench.clock.advance(seconds)))
    assert said.is_error is (seconds > 600), said.text
    if said.is_error:
        assert_refused(bench, said)
        assert "10 minutes" in said.text


@in_turn("code", ["AAAAAAAA", "yes", "true", "  ", TITLE, "x" * 40, ""])
async def test_a_made_up_code_deletes_nothing_and_an_empty_one_is_none(bench: Bench, code: str) -> None:
    said = await bench.call(DELETE, collection_hash=bench.collection().hash, confirmation=code)
    assert_refused(bench, said, code=not code.strip())
    assert code not in said.text or not code.strip()


async def test_a_code_for_one_flipbook_deletes_no_other(bench: Bench, assistant: Assistant) -> None:
    collection = bench.collection(SUMMER)
    first, second = ({"collection_hash": collection.hash, "flipbook_hash": item.hash} for item in collection.items)
    code = (await assistant.call("delete_flipbook", first)).code
    assert_refused(bench, await assistant.call("delete_flipbook", second, confirmation=code))


async def test_a_code_costs_one_look_and_the_deletion(bench: Bench, assistant: Assistant) -> None:
    wanted = {"collection_hash": bench.collection().hash}
    code = (await assistant.call(DELETE, wanted)).code
    bench.sandbox.requests.clear()
    await assistant.call(DELETE, wanted, confirmation=code)
    assert bench.requests == ["collection.getCollection", DELETED]


async def test_the_preview_survives_statistics_and_lists_that_fail(bench: Bench) -> None:
    bench.fails("code", "collection.getStats", code=43, times=0)
    bench.fails("code", "collection.getList", code=40, times=0)
    person = Person(types_what_is_asked)
    said = await delete(bench, person)
    assert not said.is_error
    assert "views unknown" in person.forms[0]


@pytest.mark.parametrize(
    ("status", "said"), [("editable", "It is a draft; it is gone"), ("public", "every embed of it")]
)
def test_what_stops_working_is_said_of_drafts_and_of_published_collections(status: str, said: str) -> None:
    assert said in consequence(Collection(status=status), DeleteCollection(collection_hash="abc1234"))
