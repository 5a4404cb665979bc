"""Calls that read, each about one of several accounts: what comes back is this one's, to the last number."""

import json

from mcp.types import ReadResourceResult, ResourceTemplateReference, TextResourceContents

from tests.survival.shops import UPLOADS, Shop
from tests.survival.strolling import (
    GONE,
    REPORT_TOOL,
    WAITS,
    JsonObject,
    Life,
    Stroll,
    Way,
)

TEMPLATE = ResourceTemplateReference(type="ref/resource", uri="flipsnack://{account}/collections/{hash}")


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


async def look_at_all(stroll: Stroll, life: Life) -> None:
    """The same question about each account, one right after the other: none gets what another was answered."""
    for shop in stroll.shops:
        said = await stroll.call(life, "list_collections", shop, limit=5, account=shop.name)
        titles = [row["title"] for row in said.data.get("collections", [])] if said else []
        stroll.expect(all(is_of(shop, one) for one in titles), f"list of {shop.name}: {titles}")


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
            right = said is None or code in said.data.get("embed_code", "")
            nobody_reads_it = said is not None and said.is_error and f"({hash_})" in said.text
            stroll.expect(right or nobody_reads_it, f"{shop.name} {hash_}: {said}")


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
            stroll.reports.append(Way(shop, said.data["report_id"], tool=REPORT_TOOL))
            whole = said.data["state"] == "complete"
            stroll.expect(not whole or said.data["totals"]["views"] == views, f"{shop.name}: {views}, not {said.data}")


async def audit(stroll: Stroll, life: Life) -> None:
    shop = stroll.shop()
    said = await stroll.call(life, "audit_account", shop, account=shop.name, wait_seconds=WAITS)
    if said and not said.is_error:
        stroll.reports.append(Way(shop, said.data["report_id"], tool="audit_account"))


async def list_documents(stroll: Stroll, life: Life) -> None:
    """The document is the same in all accounts, and what it was uploaded as is told of this one alone."""
    shop = stroll.shop()
    said = await stroll.call(life, "list_documents", shop, account=shop.name)
    stroll.expect(said is None or len(said.data.get("documents", [])) == 1, f"documents of {shop.name}: {said}")


async def go_on_with_report(stroll: Stroll, life: Life) -> None:
    if stroll.reports:
        way = stroll.chance.choice(stroll.reports)
        asked = {"account": way.shop.name, "report_id": way.name, "wait_seconds": WAITS}
        await stroll.call(life, way.tool, way.shop, **asked)


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
    told = result.structured_content or {}
    stroll.joint_reports += [told["report_id"]] if told else []
    for row in told.get("collections", []):
        owner = next((one for one in stroll.shops if one.name == row.get("account")), stroll.shops[0])
        stroll.expect(is_of(owner, row["title"]), f"report on all: {row}")
        if row["collection_hash"] in owner.sandbox.account.collections:
            views = owner.views([row["collection_hash"]], period)
            stroll.expect(row["views"] == views, f"report on all: {views} views, not {row}")
