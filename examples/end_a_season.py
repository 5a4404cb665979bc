"""End a season: rename and unlist its flipbooks by one rule, as a plan that is looked at first; and take it all back.

python -m examples.end_a_season
"""

from __future__ import annotations

from typing import Any

from examples.talking import Assistant, play, says

SEASON = "weekly offers"


async def conversation(assistant: Assistant) -> None:
    """Nothing is changed until the plan's id comes back; then exactly the plan is."""
    before = await titles_of(assistant)
    says("The season is over: unlist the weekly offers and put “(archive)” behind their titles.")
    rule = {"query": SEASON, "only_status": ["public"], "suffix": " (archive)", "status": "unlisted"}
    plan = await assistant.call("update_collections", **rule)
    assert plan["state"] == "planned"
    assert await titles_of(assistant) == before

    says("Yes, all of them.")
    done = await assistant.until_done("update_collections", plan_id=plan["plan_id"], wait_seconds=45)
    assert done["state"] == "complete"
    ended = {each: (f"{title} (archive)", "unlisted") for each, (title, _) in before.items()}
    assert await titles_of(assistant) == ended

    says("No, undo that.")
    back = await assistant.call("undo_change", history_id=done["history_id"])
    undone = await assistant.until_done("undo_change", plan_id=back["plan_id"], wait_seconds=45)
    assert undone["state"] == "complete"
    assert await titles_of(assistant) == before


async def titles_of(assistant: Assistant) -> dict[str, tuple[str, str]]:
    """Title and status of the season's flipbooks that readers can open, by their hashes."""
    found = await assistant.call("list_collections", query=SEASON, status=["public", "unlisted"], limit=100)
    rows: list[dict[str, Any]] = found["collections"]
    return {row["collection_hash"]: (row["title"], row["status"]) for row in rows}


if __name__ == "__main__":
    play(conversation)
