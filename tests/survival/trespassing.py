"""Calls that come with what is another account's, or with no name: a code, an id, a link, a hash."""

from tests.survival.reading import expect_all
from tests.survival.strolling import (
    BATCH_TOOL,
    DELETE_MANY_TOOL,
    DELETE_TOOL,
    DOCUMENT,
    PLAN_TOOL,
    REPORT_TOOL,
    STOP_TOOL,
    UNDO_TOOL,
    UPDATE_TOOL,
    JsonObject,
    Life,
    Stroll,
)


async def use_foreign_code(stroll: Stroll, life: Life) -> None:
    single = [one for one in stroll.codes if not one.of_a_plan]
    twins = [one for one in single if one.wishes[0].hash.startswith("twin")]
    if not single:
        return
    way = stroll.chance.choice(twins or single)
    other = stroll.another(way.shop)
    other.named.add(way.wishes[0].hash)
    asked = {**way.arguments, "confirmation": way.name}
    if way.tool == UPDATE_TOOL:
        asked["title"] = stroll.new_title(other)
    await stroll.refused(life, way.tool, other, account=other.name, **asked)


async def use_foreign_plan(stroll: Stroll, life: Life) -> None:
    if ways := [*stroll.plans, *stroll.carried]:
        way = stroll.chance.choice(ways)
        other = stroll.another(way.shop)
        await stroll.refused(life, way.tool, other, account=other.name, plan_id=way.name)


async def stop_foreign_work(stroll: Stroll, life: Life) -> None:
    if ways := [*stroll.carried, *stroll.reports, *stroll.uploads]:
        way = stroll.chance.choice(ways)
        other = stroll.another(way.shop)
        await stroll.refused(life, STOP_TOOL, other, account=other.name, work_id=way.name)


async def use_foreign_report(stroll: Stroll, life: Life) -> None:
    """The report of another account; or one over all as if it were of one, or of one as if it were over all."""
    shop = stroll.shop()
    foreign = [(shop, shop.name, one.name) for one in stroll.reports if one.shop is not shop]
    joint = [(shop, shop.name, one) for one in stroll.joint_reports]
    alone = [(None, "*", one.name) for one in stroll.reports]
    if ways := [*foreign, *joint, *alone]:
        about, account, report_id = stroll.chance.choice(ways)
        await stroll.refused(life, REPORT_TOOL, about, account=account, report_id=report_id)


async def use_foreign_upload(stroll: Stroll, life: Life) -> None:
    if stroll.uploads:
        way = stroll.chance.choice(stroll.uploads)
        other = stroll.another(way.shop)
        more = {"cancel": True} if stroll.chance.random() < 0.5 else {}
        await stroll.refused(life, "get_upload", other, account=other.name, upload_id=way.name, **more)


async def read_by_foreign_link(stroll: Stroll, life: Life) -> None:
    """Reading goes where the link is from, whatever account was named."""
    shop = stroll.shop()
    with shop.held(stroll.some(shop.free("same"))) as found:
        for hash_ in found:
            who = {"account": stroll.another(shop).name} if stroll.chance.random() < 0.5 else {}
            asked = {"collection_hash": shop.link(hash_), "wait_seconds": 1}
            expect_all(stroll, asked)
            said = await stroll.call(life, "get_collection", shop, **who, **asked)
            right = said is None or said.data.get("title") == shop.books[hash_].title
            stroll.expect(right, f"link of {shop.name} to {hash_}: {said}")


async def write_by_foreign_link(stroll: Stroll, life: Life) -> None:
    shop, tool = stroll.shop(), stroll.chance.choice([UPDATE_TOOL, DELETE_TOOL])
    other = stroll.another(shop)
    asked = {"collection_hash": other.link(stroll.chance.choice([*other.books]))}
    expect_all(stroll, asked)
    more = {"title": stroll.new_title(shop)} if tool == UPDATE_TOOL else {}
    await stroll.refused(life, tool, None, account=shop.name, **asked, **more)


async def write_to_foreign_hash(stroll: Stroll, life: Life) -> None:
    shop, tool = stroll.shop(), stroll.chance.choice([UPDATE_TOOL, DELETE_TOOL])
    other = stroll.another(shop)
    if own := [one for one in other.books if one.startswith(f"{other.name}own")]:
        hash_ = stroll.chance.choice(own)
        shop.named.add(hash_)
        more = {"title": stroll.new_title(shop)} if tool == UPDATE_TOOL else {}
        await stroll.refused(life, tool, shop, account=shop.name, collection_hash=hash_, **more)


async def write_without_a_name(stroll: Stroll, life: Life) -> None:
    shop = stroll.shop()
    hash_ = stroll.chance.choice([*shop.books])
    calls: list[tuple[str, JsonObject]] = [
        (UPDATE_TOOL, {"collection_hash": hash_, "title": stroll.new_title(shop)}),
        (DELETE_TOOL, {"collection_hash": hash_}),
        ("create_collection", {"file_url": DOCUMENT, "title": stroll.new_title(shop)}),
        (PLAN_TOOL, {"query": "mark", "find": "mark", "replace": "none"}),
        (DELETE_MANY_TOOL, {"collections": [hash_]}),
        (BATCH_TOOL, {"folder": "."}),
        (UNDO_TOOL, {"history_id": 1}),
    ]
    tool, asked = stroll.chance.choice(calls)
    await stroll.refused(
        life, tool, None, **asked, **stroll.chance.choice([{}, {}, {"account": "nl"}, {"account": "*"}])
    )
