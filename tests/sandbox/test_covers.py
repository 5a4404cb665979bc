"""Covers: each collection's own, the same in every run, at the address that the sandbox names."""

import struct
import zlib

import pytest

from flipsnack_mcp.sandbox import Sandbox
from flipsnack_mcp.sandbox.covers import cover_picture
from flipsnack_mcp.sandbox.covers.lettering import dots_of, lines_of
from tests.sandbox.calling import Caller
from tests.virtual_clock import StandingClock

HERE = "https://files.flipsnack.net/collections/items/"


def chunks(png: bytes) -> dict[bytes, bytes]:
    """The parts of a PNG, each with the right sum at its end."""
    found, at = dict[bytes, bytes](), 8
    while at < len(png):
        length = int(struct.unpack_from(">I", png, at)[0])
        kind, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", png, at + 8 + length)[0] == zlib.crc32(kind + content)
        found[kind] = content
        at += 12 + length
    return found


async def address(caller: Caller, collection_hash: str) -> str:
    found = (await caller.data("collection.getCollection", collectionHash=collection_hash))["coverImage"]
    return str(found)


async def test_every_converted_collection_has_a_picture_of_its_own_where_its_cover_is_said_to_be(
    caller: Caller,
) -> None:
    rows = (await caller.data("collection.getList", to="50"))["collections"]
    shown = [row["coverImage"] for row in rows if row["coverImage"]]
    answers = [await caller.http.get(one) for one in shown]
    assert all(one.startswith(HERE) and one.endswith("/covers/page_1/thumb") for one in shown)
    assert {(one.status_code, one.headers["content-type"]) for one in answers} == {(200, "image/png")}
    assert len({one.content for one in answers}) == len(shown) == len(rows) - 1  # one could not be converted
    for one in answers:
        parts = chunks(one.content)
        assert struct.unpack(">IIBB", parts[b"IHDR"][:10]) == (240, 320, 2, 3)
        assert len(zlib.decompress(parts[b"IDAT"])) == 320 * 61
        assert len(one.content) < 2000


async def test_a_cover_is_the_same_in_every_run_and_follows_the_title(caller: Caller, clock: StandingClock) -> None:
    again = Sandbox(clock=clock).account.collections.values()
    for one, other in zip(caller.sandbox.account.collections.values(), again, strict=True):
        assert cover_picture(one.hash, one.title) == cover_picture(other.hash, other.title)
    assert (
        cover_picture("abc1234", "Spring") != cover_picture("abc1234", "Autumn") != cover_picture("abc1235", "Autumn")
    )


async def test_a_cover_stays_where_it_is_when_its_collection_is_published(caller: Caller) -> None:
    draft = caller.sandbox.account.add(title="New", status="editable")
    before = await caller.http.get(there := await address(caller, draft.hash))
    await caller.data("collection.update", collectionHash=draft.hash, collectionStatus="public")
    assert (await caller.http.get(there)).content == before.content


async def test_a_cover_that_is_not_there_is_answered_like_a_package_that_is_not(
    caller: Caller, clock: StandingClock
) -> None:
    converting = caller.sandbox.account.add(title="New", conversion="processing")
    gone = await address(caller, next(iter(caller.sandbox.account.collections)))
    caller.sandbox.account.delete(next(iter(caller.sandbox.account.collections)))
    missing = await caller.http.get("https://api.flipsnack.com/_packages/none/none.zip")
    own = f"{HERE}{converting.items[0].hash}/covers/page_1/thumb"
    for one in (gone, own, f"{HERE}unknown/covers/page_1/thumb"):
        answer = await caller.http.get(one)
        assert (answer.status_code, answer.headers["content-type"]) == (404, missing.headers["content-type"])
        assert answer.text == missing.text.replace("package", "cover")
    clock.now += 60
    assert (await caller.http.get(own)).status_code == 200


async def test_a_sandbox_that_was_reached_under_another_name_gives_covers_at_its_own(caller: Caller) -> None:
    for base in ("http://127.0.0.1:8123", "http://[::1]:99", "https://flipsnack.test", "https://evilflipsnack.com"):
        caller.api = f"{base}/v1/"
        rows = (await caller.data("collection.getList"))["collections"]
        assert rows[0]["coverImage"].startswith(f"{base}/collections/items/")
        assert (await caller.http.get(rows[0]["coverImage"])).headers["content-type"] == "image/png"


TITLES = {
    "Weekly offers, Week 38": ["WEEKLY", "OFFERS,", "WEEK 38"],
    "Été & jardin \N{EN DASH} 26": ["ETE &", "JARDIN -", "26"],
    "Katalogübersicht": ["KATALOGU", "BERSICHT"],
    "": [""],
}


@pytest.mark.parametrize("title", TITLES)
def test_titles_are_set_in_lines(title: str) -> None:
    assert lines_of(title, 8) == TITLES[title]


@pytest.mark.parametrize("title", ["", "x" * 500, "W " * 250, "カタログ 2026", "\N{GRINNING FACE}" * 40, "\0\n\t"])
def test_whatever_the_title_is_there_is_a_picture(title: str) -> None:
    assert len(zlib.decompress(chunks(cover_picture("abc1234", title))[b"IDAT"])) == 320 * 61


def test_letters_can_be_told_apart_and_those_of_other_scripts_are_blocks() -> None:
    letters = {sign: frozenset(dots_of(sign)) for sign in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"}
    assert len({*letters.values()}) == 36
    assert {*dots_of("カ")} == {*dots_of("я")} not in letters.values()
    assert {*dots_of(" ")} == set()
