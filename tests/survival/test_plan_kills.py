"""What is left of a plan over many collections or documents when its servers are killed."""

import sys

import anyio
import pytest

from tests.survival.plans import Changing, Deleting, Ended, Undoing, Uploading, all_played

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[type[Changing], Ended]:
    return anyio.run(all_played, tmp_path_factory.mktemp("plans"))


@pytest.mark.parametrize("kind", [Changing, Undoing])
def test_a_plan_whose_servers_are_killed_changes_each_collection_exactly_once(
    ended: dict[type[Changing], Ended], kind: type[Changing]
) -> None:
    seen = ended[kind]
    assert seen.broken == []
    assert seen.answer["counts"] == {"done": len(kind.names), "unchanged": 0}
    assert kind.kills[-1] <= seen.halfway < len(kind.names)
    assert seen.sent == dict.fromkeys(kind.names, 1)


def test_a_plan_of_deletions_whose_servers_are_killed_deletes_nothing_twice_and_says_what_is_left(
    ended: dict[type[Changing], Ended],
) -> None:
    seen, items = ended[Deleting], ended[Deleting].answer["items"]
    assert seen.broken == []
    assert Deleting.kills[-1] <= seen.halfway < len(Deleting.names)
    assert set(seen.sent.values()) == {1}
    assert {one["collection_hash"] for one in items if one["state"] == "done"} == seen.sent.keys()
    # What was on its way at a kill is looked up: it is gone, or left and said.
    left = [one for one in items if one["state"] != "done"]
    assert len(seen.sent) + len(left) == len(Deleting.names)
    assert [one["state"] for one in left if "still there" in one["reason"]] == ["failed"] * len(left)
    assert len(left) <= len(Deleting.kills)


def test_a_batch_whose_servers_are_killed_sends_each_document_at_most_once(
    ended: dict[type[Changing], Ended],
) -> None:
    """What was cut off and is not found may have cost an upload: it is left to a person, and nothing else is."""
    seen, items = ended[Uploading], ended[Uploading].answer["items"]
    assert seen.broken == []
    assert seen.answer["state"] == "complete"
    assert Uploading.kills[-1] <= seen.halfway < len(Uploading.names)
    assert set(seen.sent.values()) == {1}
    found = {one["title"] for one in items if one.get("collection_hash")}
    unclear = {one["title"] for one in items if one["state"] == "unclear"}
    assert found == set(seen.sent)
    assert found | unclear == set(Uploading.names)
    assert len(unclear) <= len(Uploading.kills)
