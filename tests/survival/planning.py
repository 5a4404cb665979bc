"""Calls about many collections or documents: plans are made, carried out, gone on with and stopped, each in its account."""

from functools import partial
from typing import Any

from tests.survival.shops import Shop, Wish
from tests.survival.strolling import (
    BATCH_TOOL,
    DELETE_MANY_TOOL,
    PLAN_TOOL,
    STOP_TOOL,
    UNDO_TOOL,
    WAITS,
    JsonObject,
    Life,
    Said,
    Stroll,
    Way,
)


async def plan(stroll: Stroll, life: Life) -> None:
    """What many would be; nothing is changed."""
    shop = stroll.shop()
    with shop.held(stroll.some(shop.free("same", "public") + shop.free(f"{shop.name}own", "public"), 4)) as found:
        stroll.number += 1
        offline = {"status": "editable"} if stroll.chance.random() < 0.4 else {}
        rule = {"find": "mark", "replace": f"mark {stroll.number}", **offline}
        await planned(stroll, life, PLAN_TOOL, shop, found, **rule)


async def plan_to_delete(stroll: Stroll, life: Life) -> None:
    shop = stroll.shop()
    begins = "" if life.forms else stroll.chance.choice(["twin", ""])
    with shop.held(stroll.some(shop.free(begins), 3)) as found:
        await planned(stroll, life, DELETE_MANY_TOOL, shop, found)


async def planned(stroll: Stroll, life: Life, tool: str, shop: Shop, found: list[str], **rule: Any) -> None:
    """A plan over these, where there are any."""
    if found:
        said = await stroll.call(life, tool, shop, account=shop.name, collections=found, **rule)
        wishes = note_plan(stroll, tool, shop, said)
        stroll.expect({one.hash for one in wishes} <= {*found}, f"plan of {shop.name} for {found}: {wishes}")


async def plan_to_undo(stroll: Stroll, life: Life) -> None:
    if stroll.entries:
        way = stroll.chance.choice(stroll.entries)
        said = await stroll.call(life, UNDO_TOOL, way.shop, account=way.shop.name, history_id=way.name)
        wishes = note_plan(stroll, UNDO_TOOL, way.shop, said)
        stroll.expect({one.hash for one in wishes} <= way.shop.books.keys(), f"undoing in {way.shop.name}: {wishes}")


async def plan_uploads(stroll: Stroll, life: Life) -> None:
    shop = stroll.shop()
    asked = {"folder": ".", "title": f"{stroll.new_title(shop)} {{name}}"}
    note_plan(stroll, BATCH_TOOL, shop, await stroll.call(life, BATCH_TOOL, shop, account=shop.name, **asked))


def note_plan(stroll: Stroll, tool: str, shop: Shop, said: Said | None) -> list[Wish]:
    """What a plan would change, which is kept for when it is carried out."""
    if said is None or said.is_error or not said.data.get("plan_id"):
        return []
    wishes = [wish_of(shop, row) for row in said.data["items"] if row["state"] == "planned"]
    if tool != UNDO_TOOL or all(one.title for one in wishes):  # a book without a title would be one that is gone
        stroll.plans.append(Way(shop, said.data["plan_id"], tuple(wishes), tool))
    return wishes


def wish_of(shop: Shop, row: JsonObject) -> Wish:
    """What a row of a plan asks for."""
    if not (hash_ := row.get("collection_hash")):
        return Wish(shop, "", row["title"], "editable")
    return Wish(shop, hash_, row.get("new_title", ""), row.get("new_status", ""))


async def carry_out(stroll: Stroll, life: Life) -> None:
    """A plan that was shown, or one that waits for its code; or one that has begun is looked after."""
    ready = [one for one in stroll.plans if one.hashes <= {*one.shop.free()}]
    if stroll.carried and stroll.chance.random() < 0.5:
        way = stroll.chance.choice(stroll.carried)
        stroll.carried.remove(way)
    elif ready:
        way = stroll.chance.choice(ready)
        stroll.plans.remove(way)
        for hash_ in way.hashes:
            way.shop.books[hash_].busy = True
    else:
        return
    await carry_on(stroll, life, way)


async def carry_on(stroll: Stroll, life: Life, way: Way) -> None:
    """One call for a plan, and what it says of the collections."""
    shop, asked = way.shop, {"account": way.shop.name, "plan_id": way.name, "wait_seconds": WAITS}
    code = next((one for one in stroll.codes if one.arguments.get("plan_id") == way.name), None)
    if code:
        stroll.codes.remove(code)
        asked["confirmation"] = code.name
    if code or not any(wish.needs_yes for wish in way.wishes):
        shop.licensed.update(wish.request for wish in way.wishes)
    said = await stroll.asked_person(way.wishes, partial(stroll.call, life, way.tool, shop, **asked))
    if said is None or said.unclear or said.data.get("state") in {"running", "stopped"}:
        stroll.carried.append(way)
    elif said.is_error:
        stroll.not_carried_out(way, said)
    else:
        rows = said.data.get("items", [])
        for wish in way.wishes:
            note_end(wish, next((one for one in rows if is_about(one, wish)), {}))


def is_about(row: JsonObject, wish: Wish) -> bool:
    return bool(row.get("collection_hash") == wish.hash if wish.hash else row["title"] == wish.title)


def note_end(wish: Wish, row: JsonObject) -> None:
    """The last answer has a row for a collection that did not end as it should, or is gone, and for every document."""
    if not wish.hash and not row.get("collection_hash"):
        wish.shop.unclear.append(wish)
    elif not wish.hash:
        wish.shop.carried_out(wish, row["collection_hash"])
    else:
        wish.shop.books[wish.hash].busy = False
        if row.get("state", "done") == "done":
            wish.shop.carried_out(wish)


async def stop(stroll: Stroll, life: Life) -> None:
    """Whatever goes on is stopped, or has ended; what is left of a plan is carried out later."""
    if ways := [*stroll.carried, *stroll.reports, *stroll.uploads]:
        way = stroll.chance.choice(ways)
        said = await stroll.call(life, STOP_TOOL, way.shop, account=way.shop.name, work_id=way.name)
        at_rest = ("No work is under way", "there is nothing to stop")
        known = said is None or not said.is_error or any(one in said.text for one in at_rest)
        stroll.expect(known, f"stopping {way.name} of {way.shop.name}: {said}")
