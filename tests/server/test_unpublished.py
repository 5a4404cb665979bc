"""A finished upload that nobody can read says so, and one that is published in one step gets link and code at once."""

import pytest

from flipsnack_mcp.server.tools.questions import CONVERSION_FAILED
from flipsnack_mcp.server.tools.uploads import UNPUBLISHED
from tests.server.bench import Bench
from tests.server.revisions import turn

CREATE, UPDATE = "collection.create", "collection.update"

# What is told of an upload does not depend on the revision.
mode = turn


@pytest.mark.parametrize(("status", "note"), [("editable", UNPUBLISHED), (None, UNPUBLISHED), ("public", None), ("unlisted", None)])  # fmt: skip
async def test_a_complete_upload_says_whether_it_is_published(
    bench: Bench, status: str | None, note: str | None
) -> None:
    given = {"file_path": bench.document(), "title": "Offers", **({"status": status} if status else {})}
    async with bench.assistant() as assistant:
        made = await assistant.call("create_collection", given, wait_seconds=45)
        later = await assistant.call("get_upload", upload_id=made.data["upload_id"])
    assert [(one.data["state"], one.data.get("note")) for one in (made, later)] == [("complete", note)] * 2
    assert [one.data.get("direct_link") is None for one in (made, later)] == [note is not None] * 2
    assert (f"note: {note}" in made.text) is (note is not None)


async def test_what_is_still_converted_is_not_yet_called_unpublished(bench: Bench) -> None:
    said = await bench.call("create_collection", file_path=bench.document(), title="Offers", wait_seconds=0)
    assert said.data["state"] != "complete"
    assert "note" not in said.data


async def test_an_issue_is_published_in_two_calls(bench: Bench) -> None:
    async with bench.assistant() as assistant:
        given = {"file_path": bench.document(), "title": "Offers", "status": "public", "wait_seconds": 45}
        made = await assistant.call("create_collection", given)
        code = await assistant.call("get_embed_code", collection_hash=made.data["collection_hash"])
    assert made.data["direct_link"]
    assert "<iframe" in code.data["embed_code"]
    assert (len(bench.sandbox.carried_out(CREATE)), bench.sandbox.carried_out(UPDATE)) == (1, [])


async def test_a_draft_that_is_published_is_answered_with_its_link(bench: Bench) -> None:
    draft = bench.sandbox.account.add(title="Not yet", status="editable")
    async with bench.assistant() as assistant:
        said = await assistant.call("update_collection", collection_hash=draft.hash, status="public")
        renamed = await assistant.call("update_collection", collection_hash=draft.hash, title="By now")
    assert said.data["collection_hash"] in said.data["direct_link"]
    assert f"direct_link: {said.data['direct_link']}" in said.text
    assert "direct_link" not in renamed.data


async def test_who_publishes_what_could_not_be_converted_is_told_that_readers_see_nothing(bench: Bench) -> None:
    draft = bench.sandbox.account.add(title="Scan", status="editable", conversion="failed")
    async with bench.assistant() as assistant:
        renamed = await assistant.call("update_collection", collection_hash=draft.hash, title="Broken scan")
        planned = await assistant.call("update_collection", collection_hash=draft.hash, status="public", dry_run=True)
        published = await assistant.call("update_collection", collection_hash=draft.hash, status="public")
    assert [CONVERSION_FAILED in one.text for one in (renamed, planned, published)] == [False, True, True]


async def test_the_job_that_publishes_an_issue_makes_no_draft(bench: Bench) -> None:
    async with bench.assistant() as assistant:
        found = await assistant.client.get_prompt("publish_issue", {"file": "offers.pdf"})
    (message,) = found.messages
    text = str(message.content)
    assert "in one step" in text
    assert "update_collection" not in text
