"""Offline packages: they take time, their links expire, they can fail."""

import io
import zipfile

from flipsnack_mcp.sandbox import Fault
from tests.sandbox.calling import Caller
from tests.virtual_clock import StandingClock


async def test_a_package_takes_time_and_then_each_call_gives_a_fresh_link(caller: Caller, clock: StandingClock) -> None:
    kept = caller.sandbox.account.add(title="Été", pages=3).hash
    assert await caller.data("collection.downloadHTML", collectionHash=kept) == {"status": "PROCESSING"}
    clock.now += 4.9
    assert await caller.data("collection.downloadHTML", collectionHash=kept) == {"status": "PROCESSING"}
    clock.now += 0.1
    first, second = [await caller.data("collection.downloadHTML", collectionHash=kept) for _ in range(2)]
    assert first["status"] == second["status"] == "COMPLETE"
    assert first["resourceUrl"] != second["resourceUrl"]
    assert first["resourceUrl"].startswith("https://api.flipsnack.com/_packages/")
    assert first["resourceUrl"].endswith("/ete.zip")


async def test_a_package_is_a_real_zip_and_always_the_same(caller: Caller, clock: StandingClock) -> None:
    kept = caller.sandbox.account.add(title="Zipped", pages=3).hash
    await caller.data("collection.downloadHTML", collectionHash=kept)
    clock.now += 5
    links = [(await caller.data("collection.downloadHTML", collectionHash=kept))["resourceUrl"] for _ in range(2)]
    first, second = [await caller.http.get(link) for link in links]
    assert first.content == second.content
    assert first.headers["content-length"] == str(len(first.content))
    names = zipfile.ZipFile(io.BytesIO(first.content)).namelist()
    assert names == ["manifest.json", "css/flipbook.css", "index.html", "pages/1.html", "pages/2.html", "pages/3.html"]


async def test_a_link_expires_after_a_minute(caller: Caller, clock: StandingClock) -> None:
    kept = caller.sandbox.account.add(title="Brief").hash
    await caller.data("collection.downloadHTML", collectionHash=kept)
    clock.now += 5
    link = (await caller.data("collection.downloadHTML", collectionHash=kept))["resourceUrl"]
    clock.now += 60
    assert (await caller.http.get(link)).status_code == 200
    clock.now += 0.1
    late = await caller.http.get(link)
    assert (late.status_code, late.headers["content-type"]) == (403, "application/xml")
    fresh = (await caller.data("collection.downloadHTML", collectionHash=kept))["resourceUrl"]
    assert (await caller.http.get(fresh)).status_code == 200


async def test_a_package_fails_on_request_and_can_be_asked_for_again(caller: Caller, clock: StandingClock) -> None:
    kept = caller.sandbox.account.add(title="Second try").hash
    caller.sandbox.add_fault(Fault("package_fails"))
    states = []
    for _ in range(4):
        states.append((await caller.data("collection.downloadHTML", collectionHash=kept))["status"])
        clock.now += 5
    assert states == ["PROCESSING", "FAILED", "PROCESSING", "COMPLETE"]


async def test_a_new_flipbook_makes_the_package_out_of_date(caller: Caller, clock: StandingClock) -> None:
    kept = caller.sandbox.account.add(title="Growing").hash
    await caller.data("collection.downloadHTML", collectionHash=kept)
    clock.now += 5
    await caller.send_file("flipbook.add", collectionHash=kept)
    clock.now += 5
    assert await caller.data("collection.downloadHTML", collectionHash=kept) == {"status": "PROCESSING"}
