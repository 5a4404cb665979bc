"""A deletion needs a person's yes, and every way that is not a clear yes deletes nothing: counted at the sandbox."""

import unicodedata
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from mcp import MCPError
from mcp.types import ElicitRequest, ElicitResult, ErrorData, InputRequiredResult

from tests.samples_of import expected_tool, names_with
from tests.server.bench import (
    CODE,
    Answer,
    Assistant,
    Bench,
    Person,
    Said,
    cancels,
    declines,
    types,
    types_what_is_asked,
)
from tests.server.typical import typical

TITLE = "Weekly offers, Week 38"
DELETED = "collection.deleteCollection"
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
    async with bench.assistant(person, **settings) as assistant:
        return await assistant.call("delete_collection", collection_hash=bench.collection(title).hash)


# --- a client that shows a form


async def test_the_right_title_deletes_after_one_question(bench: Bench) -> None:
    person = Person(types(TITLE))
    collection = bench.collection()

    said = await delete(bench, person)

    assert not said.is_error, said.text
    assert said.data == {"deleted": True, "collection_hash": collection.hash, "history_id": 1}
    assert len(person.forms) == 1
    assert len(bench.sandbox.carried_out(DELETED)) == deletions(bench) == 1
    assert collection.hash not in bench.sandbox.account.collections


async def test_the_form_shows_what_stops_working(bench: Bench) -> None:
    person = Person(declines)
    collection = bench.collection("Summer catalogue 2026")

    await delete(bench, person, "Summer catalogue 2026")

    form = person.forms[0]
    assert f'"{collection.title}"' in form
    assert collection.hash in form
    assert "public" in form
    assert " views" in form
    assert f"https://www.flipsnack.com/hearthandfield/summer-catalogue-2026-{collection.hash}.html" in form
    assert all(item.hash in form for item in collection.items)
    assert "stop working" in form
    assert form.endswith('type "Summer catalogue 2026".')


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(types("Weekly offers, Week 37"), id="another title"),
        pytest.param(types("weekly offers, week 38"), id="another case"),
        pytest.param(types(""), id="empty"),
        pytest.param(types("   "), id="blank"),
        pytest.param(types(38), id="a number"),
        pytest.param(types(1.5), id="a decimal"),
        pytest.param(types(True), id="a boolean"),  # noqa: FBT003 - what a client might send
        pytest.param(types([TITLE]), id="a list"),
        pytest.param(types(TITLE, more="x"), id="extra content"),
        pytest.param(lambda _: ElicitResult(action="accept", content={}), id="empty content"),
        pytest.param(lambda _: ElicitResult(action="accept"), id="no content"),
        pytest.param(lambda _: ElicitResult(action="accept", content={"name": TITLE}), id="another field"),
    ],
)
async def test_what_is_not_the_title_changes_nothing_and_may_be_asked_again(bench: Bench, answer: Answer) -> None:
    person = Person(answer)
    async with bench.assistant(person) as assistant:
        wanted = bench.collection().hash

        first = await assistant.call("delete_collection", collection_hash=wanted)
        assert_refused(bench, first)
        person.answer = types(TITLE)
        second = await assistant.call("delete_collection", collection_hash=wanted)

    assert not second.is_error
    assert len(person.forms) == 2
    assert len(bench.sandbox.carried_out(DELETED)) == 1


@pytest.mark.parametrize("mode", ["legacy"])
@pytest.mark.parametrize(
    "content", [{"title": {"a": "b"}}, {"title": TITLE, "x": {"y": 1}}], ids=["object", "extra object"]
)
async def test_content_that_the_protocol_does_not_know_is_refused(bench: Bench, content: dict[str, Any]) -> None:
    said = await delete(bench, Person(lambda _: ElicitResult.model_construct(action="accept", content=content)))

    assert_refused(bench, said)


@pytest.mark.parametrize("answer", [declines, cancels], ids=["decline", "cancel"])
async def test_a_no_is_final_and_closes_the_way_by_code(bench: Bench, answer: Answer) -> None:
    server, person = bench.server(), Person(answer)
    wanted = bench.collection().hash

    async with bench.assistant(person, server=server) as assistant:
        said = await assistant.call("delete_collection", collection_hash=wanted)
        invented = await assistant.call("delete_collection", collection_hash=wanted, confirmation="AAAAAAAA")

    assert_refused(bench, said)
    assert "said no" in said.text
    assert_refused(bench, invented)


@pytest.mark.parametrize("answer", [declines, cancels], ids=["decline", "cancel"])
async def test_a_no_is_remembered_for_a_code_given_out_before_it(bench: Bench, answer: Answer) -> None:
    wanted = bench.collection().hash
    async with bench.two_assistants(Person(answer)) as (plain, asking):
        code = (await plain.call("delete_collection", collection_hash=wanted)).code
        assert_refused(bench, await asking.call("delete_collection", collection_hash=wanted))
        used = await plain.call("delete_collection", collection_hash=wanted, confirmation=code)
        again = await plain.call("delete_collection", collection_hash=wanted)

    assert_refused(bench, used)
    assert_refused(bench, again)


async def test_a_no_counts_also_while_flipsnack_fails(bench: Bench) -> None:
    wanted = bench.collection().hash

    def breaks() -> None:
        bench.fails("http", "collection.getCollection", http_status=500, times=0)

    async with bench.two_assistants(Person(declines, meanwhile=breaks)) as (plain, asking):
        said = await asking.call("delete_collection", collection_hash=wanted)
        bench.sandbox.clear_faults()
        later = await plain.call("delete_collection", collection_hash=wanted)

    assert_refused(bench, said)
    assert "The person said no." in said.text
    assert_refused(bench, later)


async def test_ten_minutes_after_a_no_a_code_is_given_out_again(bench: Bench) -> None:
    wanted = bench.collection().hash
    async with bench.two_assistants(Person(declines)) as (plain, asking):
        await asking.call("delete_collection", collection_hash=wanted)
        bench.clock.advance(601)
        said = await plain.call("delete_collection", collection_hash=wanted)

    assert_refused(bench, said, code=True)


@pytest.mark.parametrize("answer", [declines, cancels], ids=["decline", "cancel"])
async def test_a_no_faster_than_a_person_reads_was_probably_never_shown_and_gives_no_code(
    bench: Bench, answer: Answer
) -> None:
    said = await delete(bench, Person(answer, thinks=0.05))

    assert_refused(bench, said)
    assert "probably never shown" in said.text


async def test_a_no_after_half_a_second_is_a_real_no(bench: Bench) -> None:
    said = await delete(bench, Person(declines, thinks=0.55))

    assert_refused(bench, said)
    assert "never shown" not in said.text


async def test_a_fast_no_stays_fast_when_looking_is_slow(bench: Bench) -> None:
    bench.fails("slow", seconds=0.7, times=0)

    said = await delete(bench, Person(declines, thinks=0.05))

    assert "probably never shown" in said.text
    assert deletions(bench) == 0


def renamed(bench: Bench) -> None:
    bench.collection().title = "Renamed meanwhile"


def republished(bench: Bench) -> None:
    bench.collection().status = "unlisted"


def emptied(bench: Bench) -> None:
    bench.collection().items.clear()


@pytest.mark.parametrize("change", [renamed, republished, emptied])
async def test_what_changed_after_the_question_is_shown_anew_instead_of_deleted(
    bench: Bench, change: Callable[[Bench], None]
) -> None:
    person = Person(types(TITLE), meanwhile=lambda: change(bench))

    said = await delete(bench, person)

    assert_refused(bench, said)
    assert len(person.forms) == 1
    assert "changed" in said.text
    if change is renamed:
        assert '"Renamed meanwhile"' in said.text


async def test_what_was_deleted_after_the_question_is_said_to_be_gone(bench: Bench) -> None:
    wanted = bench.collection().hash
    person = Person(types(TITLE), meanwhile=lambda: bench.sandbox.account.delete(wanted))

    said = await delete(bench, person)

    assert said.is_error
    assert "no collection" in said.text
    assert "Nothing was changed." in said.text
    assert deletions(bench) == 0


async def test_what_is_already_gone_is_asked_about_nobody(bench: Bench) -> None:
    wanted = bench.collection().hash
    bench.sandbox.account.delete(wanted)
    person = Person(types(TITLE))

    async with bench.assistant(person) as assistant:
        said = await assistant.call("delete_collection", collection_hash=wanted)

    assert said.is_error
    assert "Nothing was changed." in said.text
    assert person.forms == []
    assert deletions(bench) == 0


async def test_views_that_change_meanwhile_ask_only_once(bench: Bench) -> None:
    numbers = iter(range(100, 200))

    def more_views() -> None:
        bench.answers("collection.getStats", {"views": next(numbers)})

    more_views()
    person = Person(types(TITLE), meanwhile=more_views)

    said = await delete(bench, person)

    assert not said.is_error, said.text
    assert "100 views" in person.forms[0]
    assert len(person.forms) == 1
    assert len(bench.sandbox.carried_out(DELETED)) == 1


@pytest.mark.parametrize("title", ["", LONG, "\u200b\u2060"], ids=["empty", "long", "invisible"])
async def test_the_hash_is_typed_where_the_title_is_empty_or_too_long(bench: Bench, title: str) -> None:
    collection = bench.sandbox.account.add(title=title)
    person = Person(types(collection.hash))

    async with bench.assistant(person) as assistant:
        said = await assistant.call("delete_collection", collection_hash=collection.hash)

    assert not said.is_error, said.text
    assert person.forms[0].endswith(f'type "{collection.hash}".')


async def test_sixty_characters_are_typed_and_sixty_one_are_not(bench: Bench) -> None:
    sixty, more = bench.sandbox.account.add(title="x" * 60), bench.sandbox.account.add(title="y" * 61)
    person = Person(declines)

    async with bench.assistant(person) as assistant:
        for one in (sixty, more):
            await assistant.call("delete_collection", collection_hash=one.hash)

    assert person.forms[0].endswith(f'type "{"x" * 60}".')
    assert person.forms[1].endswith(f'type "{more.hash}".')


@pytest.mark.parametrize(
    ("title", "typed"),
    [
        pytest.param('The "best" of', 'The "best" of', id="quotes as in the title"),
        pytest.param('The "best" of', "The 'best' of", id="quotes as shown"),
        pytest.param("Été", unicodedata.normalize("NFD", "Été"), id="title NFC, typed NFD"),
        pytest.param(unicodedata.normalize("NFD", "Été"), "Été", id="title NFD, typed NFC"),
        pytest.param("Offers", "  Offers \n", id="spaces around"),
        pytest.param("Two  spaces", "Two spaces", id="as cleaned"),
        pytest.param("Zero\u200bwidth\u202e", "Zerowidth", id="without what cannot be seen"),
        pytest.param("First\nsecond", "First second", id="on one line"),
    ],
)
async def test_a_title_is_compared_as_it_is_shown(bench: Bench, title: str, typed: str) -> None:
    collection = bench.sandbox.account.add(title=title)

    async with bench.assistant(Person(types(typed))) as assistant:
        said = await assistant.call("delete_collection", collection_hash=collection.hash)

    assert not said.is_error, said.text
    assert len(bench.sandbox.carried_out(DELETED)) == 1


async def test_a_flipbook_is_deleted_by_the_title_of_its_collection(bench: Bench) -> None:
    collection = bench.collection("Summer catalogue 2026")
    first, second = (item.hash for item in collection.items)
    person = Person(types("Summer catalogue 2026"))

    async with bench.assistant(person) as assistant:
        said = await assistant.call("delete_flipbook", collection_hash=collection.hash, flipbook_hash=second)

    assert said.data == {"deleted": True, "collection_hash": collection.hash, "flipbook_hash": second, "history_id": 1}
    assert second in person.forms[0]
    assert [item.hash for item in collection.items] == [first]
    assert len(bench.sandbox.carried_out("flipbook.delete")) == deletions(bench) == 1


async def test_a_flipbook_is_not_deleted_by_its_own_title(bench: Bench) -> None:
    collection = bench.collection("Summer catalogue 2026")
    book = collection.items[1]

    async with bench.assistant(Person(types(book.title))) as assistant:
        said = await assistant.call("delete_flipbook", collection_hash=collection.hash, flipbook_hash=book.hash)

    assert_refused(bench, said)


async def test_a_flipbook_that_is_not_in_the_collection_is_asked_about_nobody(bench: Bench) -> None:
    person = Person(types(TITLE))

    async with bench.assistant(person) as assistant:
        said = await assistant.call("delete_flipbook", collection_hash=bench.collection().hash, flipbook_hash="abc123")

    assert said.is_error
    assert "Nothing was changed." in said.text
    assert person.forms == []
    assert deletions(bench) == 0


@pytest.mark.parametrize("name", DELETING)
async def test_whatever_destroys_needs_what_the_person_types(bench: Bench, name: str) -> None:
    tool, arguments = expected_tool(name).name, typical(name, bench)
    person = Person(types("wrong"))

    async with bench.assistant(person) as assistant:
        assert_refused(bench, await assistant.call(tool, arguments))
        person.answer = types_what_is_asked
        said = await assistant.call(tool, arguments)

    assert not said.is_error, said.text
    assert len(person.forms) == 2
    assert len(bench.sandbox.carried_out(name)) == deletions(bench) == 1


@pytest.mark.parametrize("name", DELETING)
async def test_whatever_destroys_needs_a_code_where_nobody_can_be_asked(bench: Bench, name: str) -> None:
    tool, arguments = expected_tool(name).name, typical(name, bench)

    async with bench.assistant() as assistant:
        refused = await assistant.call(tool, arguments)
        assert_refused(bench, refused, code=True)
        assert_refused(bench, await assistant.call(tool, {**arguments, "confirmation": "AAAAAAAA"}))
        said = await assistant.call(tool, {**arguments, "confirmation": refused.code})

    assert not said.is_error, said.text
    assert len(bench.sandbox.carried_out(name)) == deletions(bench) == 1


@pytest.mark.parametrize("name", DELETING)
async def test_whatever_destroys_is_blocked_where_that_is_set(bench: Bench, name: str) -> None:
    async with bench.assistant(Person(types_what_is_asked), confirm="block") as assistant:
        assert_refused(bench, await assistant.call(expected_tool(name).name, typical(name, bench)))


@pytest.mark.parametrize(
    ("tool", "action"),
    [
        ("delete_logo", "collection.deleteLogo"),
        ("delete_background_image", "collection.deleteBackgroundImage"),
    ],
)
async def test_old_deletions_are_confirmed_too(bench: Bench, tool: str, action: str) -> None:
    wanted = bench.collection().hash
    person = Person(types("wrong"))

    async with bench.assistant(person) as assistant:
        assert_refused(bench, await assistant.call(tool, collection_hash=wanted))
        person.answer = types(TITLE)
        said = await assistant.call(tool, collection_hash=wanted)

    assert not said.is_error, said.text
    assert len(bench.sandbox.carried_out(action)) == deletions(bench) == 1
    assert wanted in bench.sandbox.account.collections


async def test_a_client_that_fails_while_it_asks_gets_no_code(bench: Bench) -> None:
    person = Person(lambda _: ErrorData(code=-32603, message="no screen"))

    async with bench.assistant(person) as assistant:
        for _ in range(2):
            try:
                assert_refused(
                    bench, await assistant.call("delete_collection", collection_hash=bench.collection().hash)
                )
            except MCPError:
                assert bench.mode == "auto", "on 2026-07-28 the client fails by itself and never comes back"

    assert deletions(bench) == 0
    assert len(person.forms) == 2


async def test_a_call_cancelled_while_the_person_thinks_deletes_nothing(bench: Bench) -> None:
    person = Person(types(TITLE), thinks=20)

    async with bench.assistant(person) as assistant, anyio.create_task_group() as group:
        group.start_soon(lambda: assistant.call("delete_collection", collection_hash=bench.collection().hash))
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

    said = await delete(bench, person)

    assert said.seconds <= 50, "clients cut a call at 60 s"


async def test_a_slow_flipsnack_does_not_stretch_a_deletion_beyond_a_call(bench: Bench) -> None:
    bench.fails("slow", seconds=14, times=0)

    said = await delete(bench, None, confirm="allow")

    assert said.seconds <= 50


# --- the sealed state of 2026-07-28


async def first_round(assistant: Assistant, **arguments: Any) -> InputRequiredResult:
    asked = await assistant.client.session.call_tool("delete_collection", arguments, allow_input_required=True)
    assert isinstance(asked, InputRequiredResult)
    assert asked.input_requests
    assert list(asked.input_requests) == ["title"]
    assert isinstance(asked.input_requests["title"], ElicitRequest)
    return asked


YES: dict[str, Any] = {"title": ElicitResult(action="accept", content={"title": TITLE})}


@pytest.mark.parametrize("mode", ["auto"])
async def test_an_answer_is_good_once(bench: Bench) -> None:
    collection = bench.collection()
    async with bench.assistant(Person(declines)) as assistant:
        asked = await first_round(assistant, collection_hash=collection.hash)
        session = assistant.client.session
        arguments = {"collection_hash": collection.hash}

        await session.call_tool("delete_collection", arguments, input_responses=YES, request_state=asked.request_state)
        bench.sandbox.account.keep(collection)
        replayed = await session.call_tool(
            "delete_collection", arguments, input_responses=YES, request_state=asked.request_state
        )

    assert replayed.is_error
    assert replayed.content[0].text.endswith("Nothing was changed.")  # type: ignore[union-attr]  # ours are all texts
    assert len(bench.sandbox.carried_out(DELETED)) == 1


@pytest.mark.parametrize("mode", ["auto"])
async def test_a_wrong_answer_is_spent_as_well(bench: Bench) -> None:
    wanted = bench.collection().hash
    async with bench.assistant(Person(declines)) as assistant:
        asked = await first_round(assistant, collection_hash=wanted)
        wrong: dict[str, Any] = {"title": ElicitResult(action="accept", content={"title": "x"})}

        for answer in (wrong, YES):
            result = await assistant.client.session.call_tool(
                "delete_collection",
                {"collection_hash": wanted},
                input_responses=answer,
                request_state=asked.request_state,
            )
            assert result.is_error

    assert deletions(bench) == 0


@pytest.mark.parametrize("mode", ["auto"])
async def test_an_answer_nobody_asked_for_is_asked_about(bench: Bench) -> None:
    wanted = bench.collection().hash
    async with bench.assistant(Person(declines)) as assistant:
        result = await assistant.client.session.call_tool(
            "delete_collection", {"collection_hash": wanted}, input_responses=YES, allow_input_required=True
        )

    assert isinstance(result, InputRequiredResult)
    assert deletions(bench) == 0


@pytest.mark.parametrize("mode", ["auto"])
async def test_a_state_without_an_answer_is_asked_about_again(bench: Bench) -> None:
    wanted = bench.collection().hash
    async with bench.assistant(Person(declines)) as assistant:
        asked = await first_round(assistant, collection_hash=wanted)
        result = await assistant.client.session.call_tool(
            "delete_collection",
            {"collection_hash": wanted},
            request_state=asked.request_state,
            allow_input_required=True,
        )

    assert isinstance(result, InputRequiredResult)
    assert deletions(bench) == 0


@pytest.mark.parametrize("mode", ["auto"])
@pytest.mark.parametrize("state", ["", "forged", '{"seen": "x", "at": 1, "nonce": "y"}', "altered"])
async def test_a_forged_state_deletes_nothing(bench: Bench, state: str) -> None:
    wanted = bench.collection().hash
    async with bench.assistant(Person(declines)) as assistant:
        if state == "altered":
            sealed = (await first_round(assistant, collection_hash=wanted)).request_state or ""
            middle = len(sealed) // 2
            state = sealed[:middle] + ("A" if sealed[middle] != "A" else "B") + sealed[middle + 1 :]
        try:
            await assistant.client.session.call_tool(
                "delete_collection",
                {"collection_hash": wanted},
                input_responses=YES,
                request_state=state,
                allow_input_required=True,
            )
        except MCPError as error:
            bench.witness.saw(error)

    assert deletions(bench) == 0


@pytest.mark.parametrize("mode", ["auto"])
@pytest.mark.parametrize("other", ["other target", "other tool"])
async def test_a_state_is_good_for_its_own_call_only(bench: Bench, other: str) -> None:
    mine, another = bench.collection(), bench.sandbox.account.add(title=TITLE)
    tool = "delete_logo" if other == "other tool" else "delete_collection"
    target = mine.hash if other == "other tool" else another.hash
    async with bench.assistant(Person(declines)) as assistant:
        asked = await first_round(assistant, collection_hash=mine.hash)
        with pytest.raises(MCPError):
            await assistant.client.session.call_tool(
                tool, {"collection_hash": target}, input_responses=YES, request_state=asked.request_state
            )

    assert deletions(bench) == 0


@pytest.mark.parametrize("mode", ["auto"])
async def test_an_answer_after_ten_minutes_is_refused_with_a_text(bench: Bench) -> None:
    said = await delete(bench, Person(types(TITLE), meanwhile=lambda: bench.clock.advance(601)))

    assert_refused(bench, said)
    assert "10 minutes" in said.text


@pytest.mark.parametrize("mode", ["auto"])
async def test_an_answer_after_nine_minutes_deletes(bench: Bench) -> None:
    said = await delete(bench, Person(types(TITLE), thinks=540))

    assert not said.is_error, said.text


# --- a client without forms


async def test_without_forms_a_code_comes_once_and_works_once(bench: Bench) -> None:
    collection = bench.collection()
    async with bench.assistant() as assistant:
        refused = await assistant.call("delete_collection", collection_hash=collection.hash)
        assert_refused(bench, refused, code=True)
        code = refused.code
        assert f'"{TITLE}"' in refused.text

        done = await assistant.call("delete_collection", collection_hash=collection.hash, confirmation=code)
        assert not done.is_error, done.text
        bench.sandbox.account.keep(collection)
        replayed = await assistant.call("delete_collection", collection_hash=collection.hash, confirmation=code)

    assert replayed.is_error
    assert replayed.text.endswith("Nothing was changed.")
    assert not CODE.search(replayed.text)
    assert len(bench.sandbox.carried_out(DELETED)) == deletions(bench) == 1


@pytest.mark.parametrize("written", [str.lower, lambda code: f"  {code} "], ids=["lower case", "spaces"])
async def test_a_code_is_understood_as_people_copy_it(bench: Bench, written: Callable[[str], str]) -> None:
    wanted = bench.collection().hash
    async with bench.assistant() as assistant:
        code = (await assistant.call("delete_collection", collection_hash=wanted)).code
        said = await assistant.call("delete_collection", collection_hash=wanted, confirmation=written(code))

    assert not said.is_error, said.text


@pytest.mark.parametrize("code", ["AAAAAAAA", "yes", "true", "  ", TITLE, "x" * 40])
async def test_a_made_up_code_deletes_nothing(bench: Bench, code: str) -> None:
    said = await bench.call("delete_collection", collection_hash=bench.collection().hash, confirmation=code)

    assert said.is_error
    assert said.text.endswith("Nothing was changed.")
    assert code not in said.text or not code.strip()
    assert deletions(bench) == 0


async def test_an_empty_code_is_none(bench: Bench) -> None:
    said = await bench.call("delete_collection", collection_hash=bench.collection().hash, confirmation="")

    assert_refused(bench, said, code=True)


async def test_a_code_for_another_target_is_refused_and_spent(bench: Bench) -> None:
    mine, other = bench.collection(), bench.collection("Press kit")
    async with bench.assistant() as assistant:
        code = (await assistant.call("delete_collection", collection_hash=mine.hash)).code

        for wanted in (other.hash, mine.hash):
            said = await assistant.call("delete_collection", collection_hash=wanted, confirmation=code)
            assert_refused(bench, said)


async def test_a_code_for_another_tool_is_refused_and_spent(bench: Bench) -> None:
    mine = bench.collection()
    async with bench.assistant() as assistant:
        code = (await assistant.call("delete_logo", collection_hash=mine.hash)).code

        for tool in ("delete_collection", "delete_logo"):
            said = await assistant.call(tool, collection_hash=mine.hash, confirmation=code)
            assert_refused(bench, said)


async def test_a_code_for_one_flipbook_deletes_no_other(bench: Bench) -> None:
    collection = bench.collection("Summer catalogue 2026")
    first, second = (item.hash for item in collection.items)
    async with bench.assistant() as assistant:
        code = (await assistant.call("delete_flipbook", collection_hash=collection.hash, flipbook_hash=first)).code
        said = await assistant.call(
            "delete_flipbook", collection_hash=collection.hash, flipbook_hash=second, confirmation=code
        )

    assert_refused(bench, said)


@pytest.mark.parametrize(("seconds", "works"), [(599, True), (601, False)])
async def test_a_code_lives_ten_minutes(bench: Bench, seconds: float, *, works: bool) -> None:
    wanted = bench.collection().hash
    async with bench.assistant() as assistant:
        code = (await assistant.call("delete_collection", collection_hash=wanted)).code
        bench.clock.advance(seconds - 10 if works else seconds)
        said = await assistant.call("delete_collection", collection_hash=wanted, confirmation=code)

    assert said.is_error is not works, said.text
    assert deletions(bench) == int(works)


async def test_a_code_for_what_has_changed_is_refused_with_the_new_preview_and_a_new_code(bench: Bench) -> None:
    collection = bench.collection()
    async with bench.assistant() as assistant:
        code = (await assistant.call("delete_collection", collection_hash=collection.hash)).code
        collection.title = "Renamed meanwhile"
        said = await assistant.call("delete_collection", collection_hash=collection.hash, confirmation=code)
        assert_refused(bench, said, code=True)
        assert '"Renamed meanwhile"' in said.text
        assert said.code != code
        done = await assistant.call("delete_collection", collection_hash=collection.hash, confirmation=said.code)

    assert not done.is_error


async def test_a_code_costs_one_look_and_the_deletion(bench: Bench) -> None:
    wanted = bench.collection().hash
    async with bench.assistant() as assistant:
        code = (await assistant.call("delete_collection", collection_hash=wanted)).code
        bench.sandbox.requests.clear()
        await assistant.call("delete_collection", collection_hash=wanted, confirmation=code)

    assert [one.action for one in bench.sandbox.requests] == ["collection.getCollection", DELETED]


async def test_a_code_for_what_is_gone_says_so(bench: Bench) -> None:
    wanted = bench.collection().hash
    async with bench.assistant() as assistant:
        code = (await assistant.call("delete_collection", collection_hash=wanted)).code
        bench.sandbox.account.delete(wanted)
        said = await assistant.call("delete_collection", collection_hash=wanted, confirmation=code)

    assert said.is_error
    assert "Nothing was changed." in said.text
    assert deletions(bench) == 0


async def test_two_calls_at_once_with_one_code_delete_once(bench: Bench) -> None:
    wanted = bench.collection().hash
    answers: list[Said] = []
    async with bench.assistant() as assistant:
        code = (await assistant.call("delete_collection", collection_hash=wanted)).code

        async def use() -> None:
            answers.append(await assistant.call("delete_collection", collection_hash=wanted, confirmation=code))

        async with anyio.create_task_group() as group:
            group.start_soon(use)
            group.start_soon(use)

    assert sorted(one.is_error for one in answers) == [False, True]
    assert deletions(bench) == 1


# --- the other ways


async def test_allow_deletes_without_asking_but_looks_first(bench: Bench) -> None:
    person = Person(declines)
    collection = bench.collection()

    said = await delete(bench, person, confirm="allow")

    assert said.data == {"deleted": True, "collection_hash": collection.hash, "history_id": 1}
    assert person.forms == []
    assert bench.requests[0] == "collection.getCollection"
    assert bench.requests[-1] == DELETED
    assert deletions(bench) == 1


async def test_allow_does_not_delete_what_is_gone(bench: Bench) -> None:
    wanted = bench.collection().hash
    bench.sandbox.account.delete(wanted)

    async with bench.assistant(confirm="allow") as assistant:
        said = await assistant.call("delete_collection", collection_hash=wanted)

    assert said.is_error
    assert deletions(bench) == 0


@pytest.mark.parametrize("way", ["block", "approve", "", "ASK", "yes", "none"])
@pytest.mark.parametrize("asking", [True, False], ids=["with forms", "without forms"])
async def test_no_other_way_deletes(bench: Bench, way: str, *, asking: bool) -> None:
    person = Person(types(TITLE)) if asking else None

    said = await delete(bench, person, confirm=way)

    assert_refused(bench, said)


@pytest.mark.parametrize(
    ("fault", "details"),
    [
        ("reset", {"phase": "before"}),
        ("reset", {"phase": "after"}),
        ("garbled", {}),
        ("http", {"http_status": 502, "body": "<html>bad gateway"}),
    ],
    ids=["lost before", "lost after", "garbled", "bad gateway"],
)
async def test_a_deletion_whose_answer_is_lost_is_looked_up_and_sent_once(
    bench: Bench, fault: str, details: dict[str, Any]
) -> None:
    collection = bench.collection()
    bench.fails(fault, DELETED, **details)

    said = await delete(bench, Person(types(TITLE)))

    gone = collection.hash not in bench.sandbox.account.collections
    assert deletions(bench) == 1
    assert said.is_error is not gone
    assert "Something may have been changed." not in said.text


async def test_the_preview_survives_statistics_and_lists_that_fail(bench: Bench) -> None:
    bench.fails("code", "collection.getStats", code=43, times=0)
    bench.fails("code", "collection.getList", code=40, times=0)
    person = Person(types_what_is_asked)

    said = await delete(bench, person)

    assert not said.is_error
    assert "views unknown" in person.forms[0]


async def test_a_collection_that_cannot_be_looked_at_is_not_deleted(bench: Bench) -> None:
    bench.fails("garbled", "collection.getCollection", times=0)
    person = Person(types(TITLE))

    said = await delete(bench, person)

    assert said.is_error
    assert person.forms == []
    assert deletions(bench) == 0
