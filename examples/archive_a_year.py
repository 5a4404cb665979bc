"""Keep the offline packages of a year's catalogues, then take them out of public view.

python -m examples.archive_a_year
"""

from __future__ import annotations

import zipfile

from examples.talking import Assistant, play, says


async def conversation(assistant: Assistant) -> None:
    """A package is a zip that opens in a browser without a network."""
    says("Download the offline packages of the catalogues of 2025.")
    found = await assistant.call("list_collections", query="catalogue 2025", status=["public"])
    catalogues = [row["collection_hash"] for row in found["collections"]]
    assert catalogues
    for each in catalogues:
        saved = await assistant.call("download_collection_html", collection_hash=each, wait_seconds=45)
        assert saved["state"] == "complete"
        with zipfile.ZipFile(saved["path"]) as package:
            assert package.testzip() is None
            assert "index.html" in package.namelist()

    says("Good. Readers shall need the link from now on.")
    plan = await assistant.call("update_collections", collections=catalogues, status="unlisted")
    await assistant.until_done("update_collections", plan_id=plan["plan_id"], wait_seconds=45)
    left = await assistant.call("list_collections", query="catalogue 2025", status=["public"])
    assert left["collections"] == []


if __name__ == "__main__":
    play(conversation)
