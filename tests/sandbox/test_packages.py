"""Offline packages: they take time, their links expire, they can fail."""

import io
import zipfile
from typing import Any

import pytest

from flipsnack_mcp.sandbox import Fault
from tests.sandbox.calling import Caller
from tests.virtual_clock import StandingClock


@pytest.fixture
def kept(caller: Caller) -> str:
    return caller.sandbox.account.add(title="Été", pages=3).hash


async def asked(caller: Caller, kept: str) -> Any:
    return await caller.data("collection.downloadHTML", collectionHash=kept)


async def test_a_package_takes_time_and_then_each_call_gives_a_fresh_link_to_the_same_zip(
    caller: Caller, clock: StandingClock, kept: str
) -> None:
    for seconds in (4.9, 0.1):
        assert await asked(caller, kept) == {"status": "PROCESSING"}
        clock.now += seconds
    answers = [await asked(caller, kept) for _ in range(2)]
    links = [one["resourceUrl"] for one in answers]
    assert [one["status"] for one in answers] == ["COMPLETE", "COMPLETE"]
    assert links[0] != links[1]
    assert links[0].startswith("https://api.flipsnack.com/_packages/")
    assert links[0].endswith("/ete.zip")
    first, second = [await caller.http.get(link) for link in links]
    assert first.content == second.content
    assert first.headers["content-length"] == str(len(first.content))
    names = zipfile.ZipFile(io.BytesIO(first.content)).namelist()
    assert names == ["manifest.json", "css/flipbook.css", "index.html", "pages/1.html", "pages/2.html", "pages/3.html"]


async def test_a_link_expires_after_a_minute(caller: Caller, clock: StandingClock, kept: str) -> None:
    await asked(caller, kept)
    clock.now += 5
    link = (await asked(caller, kept))["resourceUrl"]
    clock.now += 60
    assert (await caller.http.get(link)).status_code == 200
    clock.now += 0.1
    late = await caller.http.get(link)
    assert (late.status_code, late.headers["content-type"]) == (403, "application/xml")
    assert (await caller.http.get((await asked(caller, kept))["resourceUrl"])).status_code == 200


async def test_a_package_fails_on_request_and_is_out_of_date_with_a_new_flipbook(
    caller: Caller, clock: StandingClock, kept: str
) -> None:
    caller.sandbox.add_fault(Fault("package_fails"))
    for state in ("PROCESSING", "FAILED", "PROCESSING", "COMPLETE"):
        assert (await asked(caller, kept))["status"] == state
        clock.now += 5
    await caller.send_file("flipbook.add", collectionHash=kept)
    clock.now += 5
    assert await asked(caller, kept) == {"status": "PROCESSING"}
