"""Publish a catalogue and share it: upload, wait for the conversion, publish, and get the code for a website.

python -m examples.publish_and_share
"""

from __future__ import annotations

from examples.talking import DOCUMENT, Assistant, play, says

TITLE = "Garden & Table, autumn"


async def conversation(assistant: Assistant) -> None:
    """A draft first, so that somebody can look at it; its hash changes when it is published."""
    says(f"Put {DOCUMENT} online as “{TITLE}”, as a draft first.")
    draft = await assistant.call("create_collection", file_path=DOCUMENT, title=TITLE, wait_seconds=45)
    assert (draft["state"], draft["status"]) == ("complete", "editable")

    says("Publish it and give me the code for our website.")
    final = await assistant.call("update_collection", collection_hash=draft["collection_hash"], status="public")
    assert final["previous_collection_hash"] == draft["collection_hash"]
    code = await assistant.call("get_embed_code", collection_hash=final["collection_hash"], responsive=True)
    assert "<iframe" in code["in_container"]

    says("Did you really upload it only once?")
    repeated = await assistant.call("create_collection", file_path=DOCUMENT, title=TITLE)
    assert repeated["upload_id"] == draft["upload_id"]


if __name__ == "__main__":
    play(conversation)
