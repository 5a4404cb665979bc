"""Calls that change, each in the account that it names, by whatever yes it needs."""

from functools import partial

from tests.survival.reading import expect_all
from tests.survival.shops import Wish
from tests.survival.strolling import (
    DELETE_TOOL,
    DOCUMENT,
    PLAN_TOOL,
    UPDATE_TOOL,
    WAITS,
    Life,
    Stroll,
    Way,
)


async def rename(stroll: Stroll, life: Life) -> None:
    shop = stroll.shop()
    status = stroll.chance.choice(["public", "unlisted", "editable"])
    with shop.held(stroll.some(shop.free("same", status) + shop.free(f"{shop.name}own", status))) as found:
        for hash_ in found:
            publishes = {"status": stroll.chance.choice(["public", "unlisted"])} if stroll.chance.random() < 0.5 else {}
            wish = Wish(shop, hash_, stroll.new_title(shop), publishes.get("status", ""))
            shop.licensed.add(wish.request)
            target = {"collection_hash": shop.link(hash_) if stroll.chance.random() < 0.2 else hash_}
            expect_all(stroll, target)
            asked = {**target, **publishes, "title": wish.title}
            stroll.conclude(wish, await stroll.call(life, UPDATE_TOOL, shop, account=shop.name, **asked))


async def create(stroll: Stroll, life: Life) -> None:
    shop = stroll.shop()
    wish = Wish(shop, "", stroll.new_title(shop), stroll.chance.choice(["public", "editable"]))
    shop.licensed.add(wish.request)
    asked = {"file_url": DOCUMENT, "title": wish.title, "status": wish.status}
    wait = stroll.chance.choice([0, 0, WAITS])
    said = await stroll.call(life, "create_collection", shop, account=shop.name, wait_seconds=wait, **asked)
    if said and (known := said.data.get("upload_id")):
        stroll.uploads.append(Way(shop, known))
    if said and not said.is_error and not said.data.get("collection_hash"):
        shop.unclear.append(wish)
    else:
        stroll.conclude(wish, said)


async def take_offline(stroll: Stroll, life: Life) -> None:
    shop = stroll.shop()
    with shop.held(stroll.some(shop.free("same", "public") + shop.free(f"{shop.name}own", "public"))) as found:
        for hash_ in found:
            wish = Wish(shop, hash_, stroll.new_title(shop), "editable")
            asked = {"collection_hash": hash_, "title": wish.title, "status": "editable"}
            await stroll.destroy(life, wish, UPDATE_TOOL, asked)


async def delete(stroll: Stroll, life: Life) -> None:
    shop = stroll.shop()
    begins = "" if life.forms else stroll.chance.choice(["twin", "twin", "", "same"])
    with shop.held(stroll.some(shop.free(begins))) as found:
        for hash_ in found:
            await stroll.destroy(life, Wish(shop, hash_), DELETE_TOOL, {"collection_hash": hash_})


async def redeem(stroll: Stroll, life: Life) -> None:
    """A code comes back as it should."""
    single = [one for one in stroll.codes if one.tool != PLAN_TOOL and one.wishes[0].hash in one.shop.free()]
    if not single:
        return
    way = stroll.chance.choice(single)
    stroll.codes.remove(way)
    (wish,) = way.wishes
    with way.shop.held([wish.hash]):
        way.shop.licensed.add(wish.request)
        asked = {**way.arguments, "confirmation": way.name}
        calling = partial(stroll.call, life, way.tool, way.shop, account=way.shop.name, **asked)
        stroll.conclude(wish, await stroll.asked_person((wish,), calling))


async def plan(stroll: Stroll, life: Life) -> None:
    """What many would be; nothing is changed."""
    shop = stroll.shop()
    with shop.held(stroll.some(shop.free("same", "public") + shop.free(f"{shop.name}own", "public"), 4)) as found:
        if not found:
            return
        stroll.number += 1
        offline = stroll.chance.random() < 0.4
        rule = {"find": "mark", "replace": f"mark {stroll.number}", **({"status": "editable"} if offline else {})}
        said = await stroll.call(life, PLAN_TOOL, shop, account=shop.name, collections=found, **rule)
        if said and not said.is_error and said.data.get("plan_id"):
            titles = {one["collection_hash"]: one["new_title"] for one in said.data["items"]}
            stroll.expect(titles.keys() <= {*found}, f"plan of {shop.name} for {found}: {titles}")
            wishes = [Wish(shop, one, title, "editable" if offline else "") for one, title in titles.items()]
            stroll.plans.append(Way(shop, said.data["plan_id"], tuple(wishes)))


async def carry_out(stroll: Stroll, life: Life) -> None:
    """A plan that was shown, or one that waits for its code; or one that has begun is looked after."""
    ready = [one for one in stroll.plans if {wish.hash for wish in one.wishes} <= {*one.shop.free()}]
    if stroll.carried and stroll.chance.random() < 0.5:
        way = stroll.chance.choice(stroll.carried)
        stroll.carried.remove(way)
    elif ready:
        way = stroll.chance.choice(ready)
        stroll.plans.remove(way)
        for wish in way.wishes:
            wish.shop.books[wish.hash].busy = True
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
    asks = any(wish.status for wish in way.wishes)
    if not asks or code:
        shop.licensed.update(wish.request for wish in way.wishes)
    said = await stroll.asked_person(way.wishes, partial(stroll.call, life, PLAN_TOOL, shop, **asked))
    if said is None or said.unclear or said.data.get("state") in {"running", "stopped"}:
        stroll.carried.append(way)
    elif said.is_error:
        stroll.not_carried_out(way, said)
    else:
        # The last answer has a row only for what did not end as it should.
        otherwise = {one["new_title"] for one in said.data.get("items", []) if one["state"] != "done"}
        for wish in way.wishes:
            shop.books[wish.hash].busy = False
            if wish.title not in otherwise:
                shop.carried_out(wish)
