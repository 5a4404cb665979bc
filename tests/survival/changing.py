"""Calls that change one collection, each in the account that it names, by whatever yes it needs."""

from functools import partial

from tests.survival.reading import expect_all
from tests.survival.shops import Wish
from tests.survival.strolling import (
    DELETE_TOOL,
    DOCUMENT,
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
            said = await stroll.call(life, UPDATE_TOOL, shop, account=shop.name, **asked)
            stroll.conclude(wish, said)
            if said and not said.is_error:
                stroll.entries.append(Way(shop, said.data["history_id"]))


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
    single = [one for one in stroll.codes if not one.of_a_plan and one.wishes[0].hash in one.shop.free()]
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
