"""The kinds of calls of a stroll over three accounts, and how often each is made."""

import json
from collections.abc import Awaitable, Callable
from functools import partial

from mcp.types import ReadResourceResult, ResourceTemplateReference, TextResourceContents

from tests.survival.shops import UPLOADS, Shop, Wish
from tests.survival.strolling import (
    DELETE_TOOL,
    GONE,
    PLAN_TOOL,
    REPORT_TOOL,
    UPDATE_TOOL,
    WAITS,
    JsonObject,
    Life,
    Stroll,
    Way,
)

TEMPLATE = ResourceTemplateReference(type="ref/resource", uri="flipsnack://{account}/collections/{hash}")
DOCUMENT = "https://example.com/offers.pdf"
"""The same for all accounts: an upload that stands in one of them stands in no other."""

# Reading


async def list_some(stroll: Stroll, life: Life) -> None:
    shop, named = stroll.shop(), stroll.chance.random() < 0.8
    if not named:
        shop = stroll.shops[0]
    more = {"query": shop.word} if stroll.chance.random() < 0.4 else {}
    who = {"account": shop.name} if named else {}
    if said := await stroll.call(life, "list_collections", shop, limit=stroll.chance.choice([5, 10]), **more, **who):
        for row in said.data.get("collections", []):
            stroll.expect(is_of(shop, row["title"]), f"list of {shop.name}: {row['title']}")
        stroll.expect(named or said.is_error or "first" in said.text, f"whose it is was not said: {said.text[:80]}")


def is_of(shop: Shop, title: str) -> bool:
    return shop.word in title or title.startswith("Twin")


async def get_one(stroll: Stroll, life: Life) -> None:
    shop = stroll.shop()
    with shop.held(stroll.some(shop.free())) as found:
        for hash_ in found:
            wanted = {"collection_hash": shop.link(hash_) if stroll.chance.random() < 0.2 else hash_}
            expect_all(stroll, wanted)
            said = await stroll.call(life, "get_collection", shop, account=shop.name, wait_seconds=1, **wanted)
            right = said is None or (not said.is_error and said.data.get("title") == shop.books[hash_].title)
            stroll.expect(right, f"{hash_} of {shop.name} is {said}")


def expect_all(stroll: Stroll, arguments: JsonObject) -> None:
    """Where a link comes, each account may be asked for the number by which its own links know it."""
    if "player" in str(arguments):
        stroll.may_be_asked.update(one.name for one in stroll.shops)


async def count_one(stroll: Stroll, life: Life) -> None:
    shop = stroll.shop()
    period = shop.a_period(stroll.chance)
    with shop.held(stroll.some(shop.free("same") + shop.free("twin"))) as found:
        for hash_ in found:
            days = dict(zip(("start_date", "end_date"), map(str, period), strict=True))
            views = shop.views([hash_], period)
            said = await stroll.call(
                life, "get_collection_stats", shop, account=shop.name, collection_hash=hash_, **days
            )
            stroll.expect(said is None or said.data.get("views") == views, f"{shop.name} {hash_}: {views}, not {said}")


async def embed_one(stroll: Stroll, life: Life) -> None:
    shop = stroll.shop()
    with shop.held(stroll.some(shop.free())) as found:
        for hash_ in found:
            said = await stroll.call(life, "get_embed_code", shop, account=shop.name, collection_hash=hash_)
            code = shop.link(hash_).partition("=")[2]
            stroll.expect(said is None or code in said.data.get("embed_code", ""), f"{shop.name} {hash_}: {said}")


async def count_account(stroll: Stroll, life: Life) -> None:
    shop = stroll.shop()
    said = await stroll.call(life, "get_user_stats", shop, account=shop.name)
    left = 0 if said is None else said.data.get("api_uploads_left", 0)
    whose = said is None or shop.place * UPLOADS < left <= (shop.place + 1) * UPLOADS
    stroll.expect(whose, f"{shop.name} has {left} uploads left")


async def sample_lead(stroll: Stroll, life: Life) -> None:
    shop = stroll.shop()
    await stroll.call(life, "get_lead_form_sample", shop, account=shop.name)


async def list_uploads(stroll: Stroll, life: Life) -> None:
    shop = stroll.shop()
    if said := await stroll.call(life, "get_upload", shop, account=shop.name):
        titles = [one["title"] for one in said.data.get("uploads") or []]
        stroll.expect(all(shop.word in one for one in titles), f"uploads of {shop.name}: {titles}")


async def download(stroll: Stroll, life: Life) -> None:
    shop = stroll.shop()
    with shop.held(stroll.some(shop.free())) as found:
        for hash_ in found:
            asked = {"account": shop.name, "collection_hash": hash_, "wait_seconds": WAITS}
            said = await stroll.call(life, "download_collection_html", shop, **asked)
            if said is None or said.data.get("state") != "complete":
                life.restless.add(shop.name)
            else:
                stroll.expect(said.data["path"].startswith(str(shop.folder)), f"{shop.name}: {said.data['path']}")


async def read_resource(stroll: Stroll, life: Life) -> None:
    shop = stroll.shop()
    with shop.held(stroll.some(shop.free())) as found:
        for hash_ in found:
            stroll.calls += 1
            stroll.may_be_asked.add(shop.name)
            try:
                read = await life.client.read_resource(
                    f"flipsnack://{shop.name}/collections/{hash_}", cache_mode="bypass"
                )
            except GONE as lost:
                stroll.expect(life.over, f"resource {hash_} of {shop.name}: {lost!r}")
                continue
            told = json.loads(text_of(read))
            right = (told["title"], told["account"]) == (shop.books[hash_].title, shop.name)
            stroll.expect(right, f"resource {hash_} of {shop.name}: {told}")


def text_of(read: ReadResourceResult) -> str:
    return "".join(one.text for one in read.contents if isinstance(one, TextResourceContents))


async def complete_hash(stroll: Stroll, life: Life) -> None:
    shop = stroll.shop()
    stroll.calls += 1
    stroll.may_be_asked.add(shop.name)
    try:
        found = await life.client.complete(TEMPLATE, {"name": "hash", "value": shop.word}, {"account": shop.name})
    except GONE as lost:
        stroll.expect(life.over, f"completion for {shop.name}: {lost!r}")
        return
    others = tuple(f"{one.name}own" for one in stroll.shops if one is not shop)
    stroll.expect(not any(one.startswith(others) for one in found.completion.values), f"{shop.name}: {found}")


# Reports


async def report(stroll: Stroll, life: Life) -> None:
    shop = stroll.shop()
    period = shop.a_period(stroll.chance)
    with shop.held(stroll.some(shop.free("same"), 4)) as found:
        if not found:
            return
        days = dict(zip(("start_date", "end_date"), map(str, period), strict=True))
        views = shop.views(found, period)
        asked = {"account": shop.name, "collections": found, "wait_seconds": WAITS, **days}
        said = await stroll.call(life, REPORT_TOOL, shop, **asked)
        if said and not said.is_error:
            stroll.reports.append(Way(shop, said.data["report_id"]))
            whole = said.data["state"] == "complete"
            stroll.expect(not whole or said.data["totals"]["views"] == views, f"{shop.name}: {views}, not {said.data}")


async def go_on_with_report(stroll: Stroll, life: Life) -> None:
    if stroll.reports:
        way = stroll.chance.choice(stroll.reports)
        await stroll.call(life, REPORT_TOOL, way.shop, account=way.shop.name, report_id=way.name, wait_seconds=WAITS)


async def report_on_all(stroll: Stroll, life: Life) -> None:
    """Each row is of the account that it names, with the numbers that the collection has there."""
    period = stroll.shops[0].a_period(stroll.chance)
    stroll.may_be_asked.update(one.name for one in stroll.shops)
    stroll.calls += 1
    days = dict(zip(("start_date", "end_date"), map(str, period), strict=True))
    asked = {"account": "*", "query": f"{stroll.chance.randint(0, 20):03}", "wait_seconds": WAITS, **days}
    try:
        result = await life.client.call_tool(REPORT_TOOL, asked)
    except GONE as lost:
        stroll.expect(life.over, f"report on all: {lost!r}")
        return
    for row in (result.structured_content or {}).get("collections", []):
        owner = next((one for one in stroll.shops if one.name == row.get("account")), stroll.shops[0])
        stroll.expect(is_of(owner, row["title"]), f"report on all: {row}")
        if row["collection_hash"] in owner.sandbox.account.collections:
            views = owner.views([row["collection_hash"]], period)
            stroll.expect(row["views"] == views, f"report on all: {views} views, not {row}")


# Changing


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
    if said is None or said.unclear or said.data.get("state") in {"processing", "stopped"}:
        stroll.carried.append(way)
    elif said.is_error:
        stroll.not_carried_out(way, said)
    else:
        done = {one["new_title"] for one in said.data["items"] if one["state"] == "done"}
        for wish in way.wishes:
            shop.books[wish.hash].busy = False
            if wish.title in done:
                shop.carried_out(wish)


# What is another's


async def use_foreign_code(stroll: Stroll, life: Life) -> None:
    single = [one for one in stroll.codes if one.tool != PLAN_TOOL]
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
        await stroll.refused(life, PLAN_TOOL, other, account=other.name, plan_id=way.name)


async def use_foreign_report(stroll: Stroll, life: Life) -> None:
    if stroll.reports:
        way = stroll.chance.choice(stroll.reports)
        other = stroll.another(way.shop)
        await stroll.refused(life, REPORT_TOOL, other, account=other.name, report_id=way.name)


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
    tool, asked = stroll.chance.choice(
        [
            (UPDATE_TOOL, {"collection_hash": hash_, "title": stroll.new_title(shop)}),
            (DELETE_TOOL, {"collection_hash": hash_}),
            ("create_collection", {"file_url": DOCUMENT, "title": stroll.new_title(shop)}),
            (PLAN_TOOL, {"query": "mark", "find": "mark", "replace": "none"}),
        ]
    )
    await stroll.refused(
        life, tool, None, **asked, **stroll.chance.choice([{}, {}, {"account": "nl"}, {"account": "*"}])
    )


Kind = Callable[[Stroll, Life], Awaitable[None]]
KINDS: dict[Kind, int] = {
    list_some: 8, get_one: 8, count_one: 5, embed_one: 3, count_account: 3, sample_lead: 1, list_uploads: 2, download: 2,
    read_resource: 3, complete_hash: 2, report: 4, go_on_with_report: 2, report_on_all: 2,
    rename: 14, create: 5, take_offline: 4, delete: 8, redeem: 6, plan: 6, carry_out: 7,
    use_foreign_code: 7, use_foreign_plan: 5, use_foreign_report: 3, use_foreign_upload: 3, read_by_foreign_link: 3,
    write_by_foreign_link: 3, write_to_foreign_hash: 3, write_without_a_name: 3,
}  # fmt: skip
"""Each with its weight."""
