"""Packages and reports by an address: from any replica, to whoever has the address, for a quarter of an hour."""

import hashlib
import io
import zipfile
from contextlib import AsyncExitStack
from typing import Any

import anyio
import pytest

from flipsnack_mcp.sandbox.packages import Package
from flipsnack_mcp.server.callers.caller import Right
from flipsnack_mcp.store.records import Records, StoreUnreachable
from flipsnack_mcp.team.exchange import routes
from flipsnack_mcp.workflows.addresses.drawing import ADDRESS_SECONDS
from flipsnack_mcp.workflows.addresses.fetched import FILE_ADDRESS
from tests.in_memory import rows_of
from tests.server.bench import Bench
from tests.team.exchange.replicas import Replica, Team, path_of


async def report(replica: Replica, save_as: str = "csv", **more: Any) -> str:
    said = await replica.call("report_stats", everything=True, save_as=save_as, wait_seconds=45, **more)
    assert said.data["state"] == "complete", said.text
    assert "path" not in said.data
    return path_of(said.data["file_address"])


async def package(replica: Replica) -> tuple[str, dict[str, Any]]:
    collection = replica.bench.collection()
    said = await replica.call("download_collection_html", collection_hash=collection.hash, wait_seconds=45)
    assert said.data["state"] == "complete", said.text
    assert "path" not in said.data
    return path_of(said.data["file_address"]), said.data


@pytest.mark.parametrize(
    ("save_as", "kind"), [("csv", "text/csv"), ("markdown", "text/markdown"), ("html", "text/html")]
)
async def test_a_report_is_fetched_from_any_replica(team: Team, replica: Replica, save_as: str, kind: str) -> None:
    other = await team.replica("b")
    address = await report(replica, save_as)
    one, two = await replica.web.get(address), await other.web.get(address)
    assert one.status_code == two.status_code == 200
    assert one.content == two.content
    assert "Weekly offers, Week 38" in one.text or "Weekly offers" in one.text
    assert one.headers["content-type"].startswith(kind)


async def test_a_file_is_saved_and_never_shown_and_kept_nowhere(replica: Replica) -> None:
    for address in (await report(replica, "html"), (await package(replica))[0]):
        headers = (await replica.web.get(address)).headers
        assert headers["content-disposition"].startswith("attachment; filename*=utf-8''")
        assert headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


async def test_a_package_is_what_flipsnack_built_and_comes_in_parts_as_well(replica: Replica) -> None:
    address, said = await package(replica)
    whole = await replica.web.get(address)
    assert whole.headers["content-type"] == "application/zip"
    assert (len(whole.content), hashlib.sha256(whole.content).hexdigest()) == (said["bytes"], said["sha256"])
    assert len(zipfile.ZipFile(io.BytesIO(whole.content)).namelist()) == said["files"]
    assert whole.headers["content-disposition"].endswith("''Weekly%20offers%2C%20Week%2038.zip")
    part = await replica.web.get(address, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert replica.bench.downloaded == []


async def test_nothing_is_left_on_the_spool_when_a_server_ends(bench: Bench) -> None:
    async with AsyncExitStack() as ending:
        replica = await Team(bench, ending).replica()
        await package(replica)
        assert len(replica.spooled) == 1
    assert replica.spooled == []


async def test_a_package_is_fetched_anew_by_a_replica_that_has_it_not(team: Team, replica: Replica) -> None:
    other = await team.replica("b")
    address, said = await package(replica)
    asked = replica.bench.requests.count("collection.downloadHTML")
    came = await other.web.get(address)
    assert hashlib.sha256(came.content).hexdigest() == said["sha256"]
    assert replica.bench.requests.count("collection.downloadHTML") == asked + 1
    await other.web.get(address)
    assert replica.bench.requests.count("collection.downloadHTML") == asked + 1


async def test_however_many_want_a_package_at_once_one_asks_flipsnack_for_it(team: Team, replica: Replica) -> None:
    other = await team.replica("b")
    address, said = await package(replica)
    asked = len(replica.bench.requests)
    came = list[str]()

    async def fetch() -> None:
        came.append(hashlib.sha256((await other.web.get(address)).content).hexdigest())

    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(fetch)
    assert came == [said["sha256"]] * 20
    assert replica.bench.requests[asked:] == ["collection.downloadHTML", "collection.getCollection"]


async def test_a_package_is_fetched_anew_where_somebody_cleared_the_spool(replica: Replica) -> None:
    address, said = await package(replica)
    for file in [one for one in replica.spool.rglob("*") if one.is_file()]:
        file.unlink()
    assert hashlib.sha256((await replica.web.get(address)).content).hexdigest() == said["sha256"]


async def test_a_package_that_is_not_to_be_had_is_told_and_not_asked_for_again_at_once(
    team: Team, replica: Replica
) -> None:
    other = await team.replica("b")
    address, _ = await package(replica)
    replica.bench.fails("code", "collection.downloadHTML", code=43, times=9)
    for _ in range(2):
        answer = await other.web.get(address)
        assert answer.status_code == 503
        assert "retry-after" in answer.headers
    assert (
        len(
            [
                one
                for one in replica.bench.sandbox.requests
                if one.action == "collection.downloadHTML" and one.code == 43
            ]
        )
        == 1
    )


async def test_a_package_that_is_no_safe_zip_is_handed_out_by_nobody(
    team: Team, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await team.replica("b")
    address, _ = await package(replica)
    monkeypatch.setattr(Package, "zipped", lambda _: b"PK\x03\x04 no zip at all")
    wanted = replica.bench.collection("Weekly offers, Week 37")
    said = await replica.call("download_collection_html", collection_hash=wanted.hash, wait_seconds=45)
    assert said.is_error
    answer = await other.web.get(address)
    assert answer.status_code == 503
    assert b"no zip at all" not in answer.content
    assert other.spooled == []


async def test_an_address_of_a_file_ends_and_looks_like_none(replica: Replica) -> None:
    addresses = [await report(replica), (await package(replica))[0]]
    replica.bench.clock.advance(ADDRESS_SECONDS + 1)
    never = await replica.web.get("/files/AAAAAAAAAAAAAAAAAAAAAA")
    for address in addresses:
        over = await replica.web.get(address)
        assert (over.status_code, over.text) == (404, never.text)


class Revoked:
    """Nobody may read any more."""

    def still_may(self, principal: str, account: str, right: Right) -> bool:  # noqa: ARG002  # as it is asked
        return right is not Right.READ


async def test_an_address_of_a_file_ends_with_the_right_of_who_was_given_it(team: Team, replica: Replica) -> None:
    """Also where it is a package that another replica would ask Flipsnack for."""
    other = await team.replica("b")
    for address in (await report(replica), (await package(replica))[0]):
        assert (await replica.web.get(address)).status_code == 200
        for one in (replica, other):
            one.server.guarded_by(Revoked())
            before = len(one.bench.sandbox.requests)
            assert (await one.web.get(address)).status_code == 404
            assert len(one.bench.sandbox.requests) == before
            one.server.guarded_by(Allowed())


async def test_an_address_that_an_earlier_version_gave_is_of_who_may_read(team: Team, replica: Replica) -> None:
    """It did not say yet which tool it came from."""

    def as_before(records: Records) -> None:
        for name, body in records.all(FILE_ADDRESS):
            records.put(FILE_ADDRESS, name, {key: value for key, value in body.items() if key != "tool"})

    address = await report(replica)
    await team.store.transact(as_before)
    assert (await replica.web.get(address)).status_code == 200
    replica.server.guarded_by(Revoked())
    assert (await replica.web.get(address)).status_code == 404


class Allowed:
    """Everybody may do everything."""

    def still_may(self, principal: str, account: str, right: Right) -> bool:  # noqa: ARG002  # as it is asked
        return True


async def test_what_is_refused_at_an_address_is_kept_nowhere_either(replica: Replica) -> None:
    address, _ = await package(replica)
    refused = {
        416: await replica.web.get(address, headers={"Range": "bytes=99999999-"}),
        400: await replica.web.get(address, headers={"Range": "bytes=5-2"}),
        405: await replica.web.delete(address),
        404: await replica.web.get(f"{address}/further"),
    }
    for status, answer in refused.items():
        assert answer.status_code == status
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


async def test_an_address_of_a_file_is_the_same_with_a_stroke_at_its_end(replica: Replica) -> None:
    address = await report(replica)
    assert (await replica.web.get(f"{address}/")).content == (await replica.web.get(address)).content


async def test_an_address_of_a_file_gives_it_and_does_nothing_else(replica: Replica) -> None:
    address = await report(replica)
    methods = ("HEAD", "OPTIONS", "PUT", "POST", "DELETE")
    answers = {one: (await replica.web.request(one, address)).status_code for one in methods}
    assert answers == dict.fromkeys(methods, 405)


async def test_what_is_no_address_leads_nowhere(replica: Replica) -> None:
    paths = ("../etc/passwd", "..%2f..%2fetc%2fpasswd", "%00", "a" * 5000, "AAAAAAAAAAAAAAAAAAAAA%0a", "ÄÄ")
    answers = {one: (await replica.web.get(f"/files/{one}")).status_code for one in paths}
    assert answers == dict.fromkeys(paths, 404)


async def test_an_upload_address_is_none_of_a_file_and_the_other_way_round(replica: Replica) -> None:
    upload, _ = await replica.address()
    file = await report(replica)
    assert (await replica.web.get(upload.replace("uploads", "files"))).status_code == 404
    assert (await replica.web.get(file.replace("files", "uploads"))).status_code == 404


async def test_of_an_address_of_a_file_only_its_hash_is_kept(team: Team, replica: Replica) -> None:
    address = await report(replica)
    assert address.rpartition("/")[2] not in "".join(map(str, rows_of(team.store)))


async def test_a_report_that_is_too_large_is_refused_in_words(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flipsnack_mcp.workflows.addresses.fetched.MOST_KEPT_BYTES", 10)
    said = await replica.call("report_stats", everything=True, save_as="csv", wait_seconds=45)
    assert said.is_error
    assert "more than this server hands out" in said.text


async def test_what_a_caller_has_in_the_store_is_bounded_in_number_and_bytes(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("drawing.MOST_KEPT", "fetched.MOST_FILES"):
        with monkeypatch.context() as patch:
            await report(replica)
            patch.setattr(f"flipsnack_mcp.workflows.addresses.{limit}", 1)
            said = await replica.call("report_stats", everything=True, save_as="csv", wait_seconds=45)
            assert said.is_error
            assert "there can be no more" in said.text


async def test_a_full_spool_is_told_to_the_assistant(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    replica = await team.replica()
    assert replica.app.handing
    monkeypatch.setattr(replica.app.handing.spool, "_most", 100)
    said = await replica.call(
        "download_collection_html", collection_hash=replica.bench.collection().hash, wait_seconds=45
    )
    assert said.is_error
    assert "no room left" in said.text
    assert replica.spooled == []


@pytest.mark.parametrize("path", ["/files/", "/uploads/"])
async def test_strangers_are_not_told_where_the_store_is(
    replica: Replica, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    async def cannot(*_: object) -> None:
        raise StoreUnreachable("Redis at redis.internal:6379, database 0 did not answer in time.", "See why.")

    for name in ("behind_file_address", "behind_upload_address"):
        monkeypatch.setattr(routes, name, cannot)
    answer = await replica.web.get(f"{path}{'A' * 22}")
    assert (answer.status_code, "redis" in answer.text.lower()) == (503, False)
    assert "Try again in a minute" in answer.text
    assert "redis.internal" in caplog.text
