"""Addresses of several accounts in one server: what comes or goes by one is of the account that it was given out for."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial

import anyio
import pytest

from flipsnack_mcp.sandbox import Pace
from flipsnack_mcp.server.callers.caller import Caller
from tests.server.bench import PDF, Bench
from tests.server.several import SeveralBench, with_accounts
from tests.team.exchange.replicas import Replica, Team, path_of


@pytest.fixture
def several(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> SeveralBench:
    """Three accounts whose sandboxes answer at once."""
    monkeypatch.setattr("tests.server.several.Pace", partial(Pace, conversion_seconds=0, package_seconds=0))
    return with_accounts(bench)


@pytest.fixture
async def team(several: SeveralBench) -> AsyncIterator[Team]:
    async with AsyncExitStack() as ending:
        yield Team(several, ending)


async def sent(replica: Replica, account: str, **arguments: str) -> str:
    """Send a document by an address of this account; the id by which it is watched."""
    address, upload_id = await replica.address(account=account, **arguments)
    assert (await replica.web.put(address, content=PDF)).status_code == 202
    with anyio.fail_after(60):
        while (said := await replica.call("get_upload", account=account, upload_id=upload_id)).data[
            "state"
        ] != "complete":
            assert not said.is_error, said.text
    return upload_id


@pytest.mark.parametrize("account", ["de", "fr", "uk"])
async def test_a_document_goes_to_the_account_that_its_address_is_of(
    team: Team, several: SeveralBench, account: str
) -> None:
    replica = await team.replica()
    await sent(replica, account, title="Autumn")
    assert several.changed == {account: ["collection.create"]}
    assert several.asked.keys() == {account}


async def test_an_address_has_to_be_asked_for_with_its_account(team: Team, several: SeveralBench) -> None:
    said = await (await team.replica()).call("create_collection", title="Autumn")
    assert said.is_error
    assert "has to name its account" in said.text
    assert several.asked == {}


async def test_an_upload_is_unknown_in_another_account(team: Team) -> None:
    replica = await team.replica()
    _, upload_id = await replica.address(account="fr", title="Secret plans")
    said = await replica.call("get_upload", account="de", upload_id=upload_id)
    assert said.is_error
    assert "There is no such upload." in said.text
    assert (await replica.call("stop_work", account="de", work_id=upload_id)).is_error


async def test_a_package_is_fetched_anew_from_its_own_account(team: Team, several: SeveralBench) -> None:
    first, other = await team.replica("a"), await team.replica("b")
    wanted = next(iter(several.sandboxes["fr"].account.collections))
    said = await first.call("download_collection_html", account="fr", collection_hash=wanted, wait_seconds=45)
    several.forget()
    came = await other.web.get(path_of(said.data["file_address"]))
    assert hashlib.sha256(came.content).hexdigest() == said.data["sha256"]
    assert several.asked.keys() == {"fr"}


async def test_an_address_of_an_account_that_is_gone_leads_nowhere(team: Team, several: SeveralBench) -> None:
    first = await team.replica("a")
    address, _ = await first.address(account="fr")
    wanted = next(iter(several.sandboxes["fr"].account.collections))
    said = await first.call("download_collection_html", account="fr", collection_hash=wanted, wait_seconds=45)
    several.forget()
    del several.sandboxes["fr"]
    other = await team.replica("b")
    assert (await other.web.put(address, content=PDF)).status_code == 404
    assert (await other.web.get(path_of(said.data["file_address"]))).status_code == 404
    assert several.asked == {}


async def test_an_account_that_turned_read_only_takes_no_document(team: Team, several: SeveralBench) -> None:
    first = await team.replica("a")
    address, _ = await first.address(account="fr")
    other = await team.replica("b", read_only=True)
    assert (await other.web.put(address, content=PDF)).status_code == 404
    assert several.asked == {}


async def test_who_may_not_use_an_account_learns_nothing_of_its_uploads(team: Team, several: SeveralBench) -> None:
    first = await team.replica("a")
    _, upload_id = await first.address(account="fr", title="Secret plans")
    german = next(one.account for one in several.settings.accounts if one.name == "de")
    berts = await team.replica("b", caller=Caller("Bert", "token Bert", accounts=frozenset({german})))
    said = await berts.call("get_upload", account="fr", upload_id=upload_id)
    assert said.is_error
    assert "Secret plans" not in said.text
