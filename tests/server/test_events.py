"""Who listens on 2026-07-28 is told which resources changed, by whichever of several servers; and nothing of others' accounts."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import pytest
from mcp import Client
from mcp.shared.subscriptions import ResourceUpdated

from flipsnack_mcp.server import server
from flipsnack_mcp.server.callers.caller import CALLER, Caller
from flipsnack_mcp.server.resources import ACCOUNT_ADDRESS, COLLECTION_ADDRESS
from flipsnack_mcp.store.sqlite import SqliteStore
from tests.server.bench import Bench, Person, types_what_is_asked
from tests.server.revisions import newer
from tests.server.several import SeveralBench
from tests.server.test_bulk import OFFERS

LONG = 30.0
STRANGE = "flipsnack://nobody/collections/x"

# Older revisions have no such request.
mode = newer


class Hallway:
    """What servers say to each other, in this process."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[str], Awaitable[None]]] = []

    async def say(self, text: str) -> None:
        for one in self.listeners:
            await one(text)

    async def listen(self, heard: Callable[[str], Awaitable[None]]) -> None:
        self.listeners.append(heard)
        await anyio.sleep_forever()


@pytest.fixture
def hallway(monkeypatch: pytest.MonkeyPatch) -> Hallway:
    hallway = Hallway()
    monkeypatch.setattr(server, "channel_of", lambda _: hallway)
    return hallway


@asynccontextmanager
async def listening(client: Client, *addresses: str) -> AsyncIterator[list[str]]:
    """The addresses of which somebody is told who asked for these."""
    told = list[str]()
    async with client.listen(resource_subscriptions=addresses) as events, anyio.create_task_group() as group:

        async def hear() -> None:
            async for event in events:
                assert isinstance(event, ResourceUpdated)
                told.append(event.uri)

        group.start_soon(hear)
        yield told
        await anyio.sleep(LONG)
        group.cancel_scope.cancel()


def address(bench: Bench, title: str = "Weekly offers, Week 38") -> str:
    return f"{COLLECTION_ADDRESS}{bench.collection(title).hash}"


async def test_a_change_is_told_to_who_listens_for_it_and_a_look_is_not(bench: Bench) -> None:
    mine, other = address(bench), address(bench, "Summer catalogue 2026")
    wanted = mine.removeprefix(COLLECTION_ADDRESS)
    async with bench.assistant() as assistant, listening(assistant.client, mine, ACCOUNT_ADDRESS) as told:
        await assistant.call("get_collection", collection_hash=wanted)
        await assistant.call("update_collection", collection_hash=other.removeprefix(COLLECTION_ADDRESS), title="B")
        before = [*told]
        await assistant.call("update_collection", collection_hash=wanted, title="A")
    assert (before, told) == ([], [mine])


async def test_what_costs_an_upload_or_deletes_changes_the_totals_as_well(bench: Bench) -> None:
    person = Person(types_what_is_asked)
    async with bench.assistant(person) as assistant, listening(assistant.client, ACCOUNT_ADDRESS) as told:
        await assistant.call("create_collection", file_url="https://example.com/a.pdf", title="New")
        uploaded = [*told]
        await assistant.call("delete_collection", collection_hash=bench.collection().hash)
    assert (uploaded, told) == ([ACCOUNT_ADDRESS], [ACCOUNT_ADDRESS] * 2)


async def test_a_plan_in_the_background_tells_of_each_collection(bench: Bench) -> None:
    hashes = [one.hash for one in bench.sandbox.account.collections.values() if one.title.startswith("Weekly offers")]
    every = [f"{COLLECTION_ADDRESS}{one}" for one in hashes]
    async with bench.assistant() as assistant, listening(assistant.client, *every) as told:
        plan = (await assistant.call("update_collections", OFFERS)).data["plan_id"]
        await assistant.call("update_collections", plan_id=plan)
    assert sorted(told) == sorted(every)


async def test_who_listens_to_one_server_is_told_what_another_changes(bench: Bench, hallway: Hallway) -> None:
    mine, store = address(bench), SqliteStore(bench.folder / "state.sqlite", bench.clock)
    wanted = mine.removeprefix(COLLECTION_ADDRESS)
    async with (
        bench.assistant(server=bench.server(store)) as here,
        bench.assistant(server=bench.server(store)) as there,
        listening(here.client, mine) as told,
    ):
        await anyio.sleep(1)
        await there.call("update_collection", collection_hash=wanted, title="A")
        await here.call("update_collection", collection_hash=wanted, title="B")
    assert told == [mine, mine], "its own words it does not hear twice"
    assert len(hallway.listeners) == 1, "where nobody listens nothing is asked of the store"


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "5", '["only one"]', '{"a": 1, "b": 2}', "[1, 2]", "[[], {}]"])
async def test_what_somebody_else_says_there_ends_nothing(bench: Bench, hallway: Hallway, text: str) -> None:
    mine = address(bench)
    async with bench.assistant() as assistant, listening(assistant.client, mine) as told:
        await anyio.sleep(1)
        await hallway.say(text)
        await assistant.call("update_collection", collection_hash=mine.removeprefix(COLLECTION_ADDRESS), title="A")
    assert told == [mine]


async def test_each_account_has_its_own_addresses_and_a_caller_is_told_of_their_own_alone(
    several: SeveralBench,
) -> None:
    wanted = several.collection().hash
    addresses = {name: f"flipsnack://{name}/collections/{wanted}" for name in several.sandboxes}
    theirs = frozenset({next(one.account for one in several.settings.every if one.name == "fr")})
    served = several.server()
    async with several.assistant(server=served) as everybody, several.assistant(server=served) as anna:
        before = CALLER.set(Caller("Anna", "token 1", accounts=theirs))
        async with listening(anna.client, *addresses.values(), STRANGE) as told:
            CALLER.reset(before)
            for name in addresses:
                await everybody.call("update_collection", collection_hash=wanted, title="A", account=name)
    assert told == [addresses["fr"]]


async def test_who_has_one_account_of_several_is_told_of_what_their_list_names(several: SeveralBench) -> None:
    wanted, served = several.collection().hash, several.server()
    theirs = frozenset({next(one.account for one in several.settings.every if one.name == "fr")})
    async with several.assistant(server=served) as everybody, several.assistant(server=served) as anna:
        before = CALLER.set(Caller("Anna", "token 1", accounts=theirs))
        (template,) = (await anna.client.list_resource_templates()).resource_templates
        totals, _skill = (await anna.client.list_resources()).resources
        listed = template.uri_template.replace("{hash}", wanted)
        async with listening(anna.client, listed, str(totals.uri)) as told:
            CALLER.reset(before)
            await everybody.call("update_collection", collection_hash=wanted, title="A", account="fr")
    assert told == [listed]


@pytest.mark.parametrize("named", ["FR", "f%72"])
async def test_who_names_an_account_otherwise_than_it_is_written_is_told_too(several: SeveralBench, named: str) -> None:
    """An address is read by any of its names in any letters; to listen at it was agreed to, and nothing came."""
    wanted = several.collection().hash
    async with (
        several.assistant() as assistant,
        listening(assistant.client, f"flipsnack://{named}/collections/{wanted}") as told,
    ):
        await assistant.call("update_collection", collection_hash=wanted, title="A", account="fr")
    assert told == [f"flipsnack://fr/collections/{wanted}"]
