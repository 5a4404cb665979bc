"""Take a flipbook down, then delete it: what a person's no leaves alone, and what a yes does.

python -m examples.take_down_and_delete
"""

from __future__ import annotations

from examples.talking import Assistant, play, says

TITLE = "Store opening Leeds"


async def conversation(assistant: Assistant) -> None:
    """Both are asked about in a form that the assistant neither sees nor fills in."""
    found = await assistant.call("list_collections", query=TITLE)
    (before,) = found["collections"]
    leaflet = before["collection_hash"]

    says("Take the Leeds leaflet offline.")
    said = await assistant.refused("update_collection", collection_hash=leaflet, status="editable")
    assert "Nothing was changed." in said
    assert await status_of(assistant, leaflet) == "public"

    says("Yes, I mean it.")
    assistant.person.types = TITLE
    await assistant.call("update_collection", collection_hash=leaflet, status="editable")
    assert await status_of(assistant, leaflet) == "editable"

    says("And delete it.")
    assistant.person.types = ""
    said = await assistant.refused("delete_collection", collection_hash=leaflet)
    assert "Nothing was changed." in said
    assert await status_of(assistant, leaflet) == "editable"

    says("Yes, delete it.")
    assistant.person.types = TITLE
    gone = await assistant.call("delete_collection", collection_hash=leaflet)
    assert gone["deleted"] is True
    await assistant.refused("get_collection", collection_hash=leaflet, wait_seconds=0)
    assert len(assistant.person.forms) == 4


async def status_of(assistant: Assistant, collection_hash: str) -> str:
    """How it stands in the account."""
    seen = await assistant.call("get_collection", collection_hash=collection_hash, wait_seconds=0)
    return str(seen["status"])


if __name__ == "__main__":
    play(conversation)
