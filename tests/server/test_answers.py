"""Every tool answers against the sandbox: text and data say the same, and as described."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest

from tests.samples_of import every_name, every_tool, expected_tool, meaning
from tests.server.bench import Assistant, Bench, Given, Person, tokens, types_what_is_asked
from tests.server.long_bench import assert_told_in_four_parts
from tests.server.revisions import newer
from tests.server.typical import answered, typical

# What is answered does not depend on the revision, which the tests of confirmation, forms and progress vary.
mode = newer


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from leaves(one)
    elif value != "":
        yield {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def rows(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    for one in value if isinstance(value, list) else ():
        yield from rows(one)


@every_tool
async def test_every_tool_answers_as_its_schema_says_and_its_text_says_it_all(bench: Bench, of: str) -> None:
    """Against the sandbox, which is one thing more to say; without, the text of each is in `test_snapshots`."""
    said, schema = await answered(of, bench, sandbox=True)
    assert not said.is_error, said.text
    jsonschema.validate(said.data, schema, cls=jsonschema.Draft202012Validator)
    assert said.text.startswith("[sandbox] ")
    assert said.data.pop("sandbox") is True
    assert set(said.data) <= set(schema["properties"])
    names = {"fields", "field"}
    missing = [leaf for leaf in leaves(said.data) if str(leaf) not in said.text and leaf not in names]
    # An empty field has no line of its own in a table.
    empty = {name for row in rows(said.data) for name, value in row.items() if value in ("", [], {})}
    assert [leaf for leaf in missing if leaf not in empty] == []


async def test_against_the_sandbox_errors_and_refusals_say_so(bench: Bench) -> None:
    wrong: Given = {"get_collection": "nothere", "delete_logo": bench.collection().hash, "delete_collection": "a/b"}
    async with bench.assistant(sandbox=True) as assistant:
        for tool, target in wrong.items():
            assert (await assistant.call(tool, collection_hash=target)).text.startswith("[sandbox] ")


async def test_windows_of_the_list_follow_each_other_without_gap_or_overlap(assistant: Assistant) -> None:
    seen: list[str] = []
    offset: int | None = 0
    while offset is not None:
        said = await assistant.call("list_collections", offset=offset, limit=7)
        seen += [row["collection_hash"] for row in said.data["collections"]]
        assert said.data["total"] == 26
        offset = said.data.get("next_offset")
    assert len(seen) == len(set(seen)) == 26


async def test_an_update_sends_only_what_was_given(bench: Bench) -> None:
    wanted = bench.collection().hash
    await bench.call("update_collection", collection_hash=wanted, description="", settings={"isPrintable": "0"})
    params = bench.sandbox.carried_out("collection.update")[0].params
    assert set(params) == {"action", "apiKey", "signature", "collectionHash", "description", "isPrintable"}


async def test_a_status_that_flipsnack_did_not_take_is_a_warning(bench: Bench) -> None:
    draft = {"collectionHash": "abc1234", "collectionTitle": "A", "collectionStatus": "public"}
    bench.answers("collection.create", draft)
    bench.answers("collection.getCollection", {**draft, "collectionItems": [{"status": "complete"}]}, times=0)
    said = await bench.call("create_collection", file_url="https://example.com/a.pdf")
    assert said.data["status"] == "public"
    assert any("status" in one for one in said.data["warnings"]), said.text


async def test_a_refusal_of_flipsnacks_has_four_parts(bench: Bench) -> None:
    said = await bench.call("get_collection", collection_hash="nothere")
    assert said.text == (
        'Flipsnack refused with code 46 "Invalid collection hash". Nothing was changed. Trying again will not help. '
        "Look it up by its title with list_collections: publishing a draft gives it a new hash."
    )
    assert not said.data


@pytest.mark.parametrize("code", [22, 30, 31, 32, 33, 34, 35, 36, 37, 38, 40, 41, 42, 43, 44, 46, 47, 99])
async def test_every_status_code_becomes_an_error_that_names_it(bench: Bench, code: int) -> None:
    bench.fails("code", "user.getStats", code=code, message="Their words", times=0)
    said = await bench.call("get_user_stats")
    assert_told_in_four_parts(said, f"code {code}", '"Their words"', "Nothing was changed.")
    assert code != 38 or "wait_seconds" in said.text
    assert said.seconds <= 46


async def test_the_files_of_a_large_package_are_counted(bench: Bench) -> None:
    packed = await bench.call(
        "download_collection_html", collection_hash=bench.sandbox.account.add(title="Thick", pages=250).hash
    )
    assert (packed.data["state"], packed.data["files"]) == ("complete", 253)
    assert tokens(packed.text) < 300


async def test_personal_data_of_the_lead_form_are_masked_unless_revealed(bench: Bench, assistant: Assistant) -> None:
    masked = await assistant.call("get_lead_form_sample")
    shown = await assistant.call("get_lead_form_sample", reveal=True)
    bench.answers("zapier.getZapierLeadFormSample", {"data": {"jobTitle": "Chief Ornithologist"}})
    employed = await assistant.call("get_lead_form_sample")
    assert [one for one in ("Ada Example", "ada@", "7946") if one in masked.text] == []
    assert set(masked.data["fields"]) == set(shown.data["fields"])
    assert "Ada Example" in shown.text
    assert "Ornithologist" not in employed.text, "a job title is personal too"


async def test_a_lead_form_without_answers_is_said_to_have_none(bench: Bench, assistant: Assistant) -> None:
    for data in ({"name": None}, {}):
        bench.answers("zapier.getZapierLeadFormSample", data)
    unanswered = await assistant.call("get_lead_form_sample", reveal=True)
    no_sample = await assistant.call("get_lead_form_sample")
    assert unanswered.data["fields"] == {"name": ""}
    assert no_sample.text.endswith("fields: none")


async def test_that_nothing_was_found_is_said_and_that_nothing_is_warned_of_is_not(assistant: Assistant) -> None:
    said = await assistant.call("get_upload")
    assert said.text == "uploads: none"
    assert said.data == {"uploads": [], "warnings": [], "states": []}


@pytest.mark.usefixtures("no_look_ahead")
@pytest.mark.parametrize("mode", ["auto"])
@every_name
async def test_what_uploads_takes_a_local_file_and_what_does_not_has_no_such_argument(bench: Bench, name: str) -> None:
    tool, arguments = expected_tool(name).name, typical(name, bench)
    path = bench.document("anything.pdf")
    async with bench.assistant(Person(types_what_is_asked)) as assistant:
        said = await assistant.call(tool, arguments)
        without = await assistant.call(tool, {key: one for key, one in arguments.items() if key != "file_path"})
        other = await assistant.call(tool, arguments | {"file_path": path, "file_url": "https://example.com/a.pdf"})
    asked = len(bench.requests)
    nowhere = await bench.send(tool, arguments | {"file_path": path}, upload_dirs=())

    assert not said.is_error, said.text
    arrived = bench.sandbox.carried_out(name)[0]
    assert f"{arrived.verb} {arrived.host}" == ("POST upload" if meaning(name).uploads else "GET api")
    assert_told_in_four_parts(nowhere, "Nothing was changed.")
    assert (other.is_error, len(bench.requests)) == (True, asked)
    if not meaning(name).uploads:
        assert arrived.file is None
        assert "no argument `file_path`" in other.text
        return
    content = Path(arguments["file_path"]).read_bytes()  # noqa: ASYNC240 - a few bytes of a test
    assert arrived.file
    assert (arrived.file["size"], arrived.file["sha256"]) == (len(content), sha256(content).hexdigest())
    assert "neither is given" in without.text
    assert "both are given" in other.text
    assert "FLIPSNACK_UPLOAD_DIRS" in nowhere.text
    assert len(bench.sandbox.carried_out(name)) == 1
