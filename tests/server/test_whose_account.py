"""get_user_stats says whose account it is, what may be done there, and what is left, whoever else uses it."""

from typing import Any

import pytest

from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.counting.ledger import blank, fits
from flipsnack_mcp.api.pace import Pacer
from flipsnack_mcp.sandbox.faults import Fault
from flipsnack_mcp.server.callers.caller import CALLER, Caller, Right
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import StoreUnusable
from flipsnack_mcp.store.shared_document import SharedDocument
from flipsnack_mcp.store.sqlite import MemoryStore, SqliteStore
from tests.server.bench import KEY, Bench, Given, Person, Said, Tapped, types_what_is_asked
from tests.server.several import NAMES, SeveralBench
from tests.workflows.running import Fragile

TOOL, ASKED = "get_user_stats", "user.getStats"
DEFAULT, LEGACY = frozenset({"default"}), frozenset({"default", "legacy"})
pytestmark = pytest.mark.parametrize("mode", ["auto"])

STANDINGS: dict[str, tuple[Given, Given]] = {
    "a key": ({}, {"account": "key ending 7832", "live": True, "key_end": "7832"}),
    "a name": ({"name": "de"}, {"account": "de", "live": True, "key_end": "7832"}),
    "a short key": ({"api_key": "SHORT-KEY"}, {"account": "unnamed", "live": True}),
    "the sandbox": ({"sandbox": True}, {"account": "sandbox", "live": False}),
    "a sandbox with a name": ({"sandbox": True, "name": "uk"}, {"account": "uk", "live": False}),
}


@pytest.mark.parametrize("of", STANDINGS)
async def test_it_says_whose_account_it_is(bench: Bench, of: str) -> None:
    settings, told = STANDINGS[of]
    bench.sandbox.add_fault(Fault("http", ASKED, http_status=200, body='{"code":20,"data":{"views":3}}'))
    async with bench.assistant(server=bench.server(**settings)) as assistant:
        said = await assistant.call(TOOL)
    assert {name: said.data.get(name) for name in ("account", "live", "key_end")} == {"key_end": None, **told}
    assert ("key_end" in said.data) == ("key_end" in told)
    assert told["account"] in said.text
    assert KEY not in said.text


ALLOWED: list[tuple[Given, list[str]]] = [
    ({"toolsets": DEFAULT}, ["read", "change", "delete once a person agreed"]),
    ({"toolsets": LEGACY}, ["read", "change", "old actions", "delete once a person agreed"]),
    ({"toolsets": DEFAULT, "confirm": "approve"}, ["read", "change", "delete once a person approved it in a terminal"]),
    ({"toolsets": DEFAULT, "confirm": "allow"}, ["read", "change", "delete without asking"]),
    ({"toolsets": DEFAULT, "confirm": "block"}, ["read", "change", "no deletions"]),
    ({"toolsets": DEFAULT, "confirm": "maybe"}, ["read", "change", "no deletions"]),
    ({"toolsets": LEGACY, "read_only": True, "confirm": "allow"}, ["read"]),
]


@pytest.mark.parametrize(("settings", "words"), ALLOWED)
async def test_it_says_what_may_be_done_and_how_a_deletion_is_confirmed(
    bench: Bench, settings: Given, words: list[str]
) -> None:
    said = await bench.send(TOOL, {}, **settings)
    assert said.data["allowed"] == words
    assert f"allowed: {'; '.join(words)}\n" in said.text
    counted = {"deletions_hour", "deletions_day"} & said.data["left"].keys()
    assert len(counted) == (2 if words[-1].startswith("delete ") else 0), "of what may not be done nothing is left"


@pytest.mark.parametrize(
    ("rights", "words"),
    [
        ("read", ["read"]),
        ("read write", ["read", "change", "no deletions"]),
        ("read delete", ["read", "delete once a person agreed"]),
        ("read write delete", ["read", "change", "delete once a person agreed"]),
    ],
)
async def test_it_says_what_the_caller_may_do(bench: Bench, rights: str, words: list[str]) -> None:
    before = CALLER.set(Caller("anna", "token 1", frozenset(map(Right, rights.split()))))
    try:
        said = await bench.send(TOOL, {}, toolsets=DEFAULT)
    finally:
        CALLER.reset(before)
    assert said.data["allowed"] == words
    assert ("deletions_day" in said.data["left"]) == ("delete" in rights)


async def test_what_is_left_goes_down_with_what_is_done(bench: Bench) -> None:
    limits: Given = {"max_deletes_per_hour": 10, "max_deletes_per_day": 40}
    async with bench.assistant(Person(types_what_is_asked), **limits) as assistant:
        before = await assistant.call(TOOL)
        await assistant.call("delete_collection", collection_hash=bench.collection().hash)
        asked = len(bench.requests)
        after = await assistant.call(TOOL)
    left = {"deletions_hour": 10, "deletions_day": 40, "uploads_month": 53}
    assert before.data["left"] == {"calls_minute": 59, **left}
    calls = 60 - len(bench.requests)
    assert after.data["left"] == {**left, "calls_minute": calls, "deletions_hour": 9, "deletions_day": 39}
    assert len(bench.requests) == asked + 1, "it costs no further call"
    assert after.data["api_uploads_left"] == 53
    assert f"left: calls_minute {calls}, deletions_hour 9, deletions_day 39, uploads_month 53" in after.text


async def test_it_counts_what_other_processes_did(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with its own connections to the budget's file and to the state file."""

    def connect(settings: Settings) -> Flipsnack:
        shared = SharedDocument(bench.folder / "budget.sqlite", blank(), fits, bench.clock)
        access = Access(settings.api_key, settings.api_secret)
        return Flipsnack(access, Pacer(shared), lambda: Tapped(bench.sandbox, bench.witness))

    async def call(name: str, **arguments: Any) -> Said:
        store = SqliteStore(bench.folder / "state.sqlite", bench.clock)
        async with bench.assistant(Person(types_what_is_asked), server=bench.server(store)) as assistant:
            return await assistant.call(name, arguments)

    monkeypatch.setattr(bench, "connect", connect)
    await call("delete_collection", collection_hash=bench.collection().hash)
    said = await call(TOOL)
    bench.clock.advance(61)
    later = await call(TOOL)
    assert said.data["left"]["calls_minute"] == 60 - len(bench.requests) + 1
    assert later.data["left"]["calls_minute"] == 59
    assert later.data["left"]["deletions_hour"] == said.data["left"]["deletions_hour"] == 59


@pytest.mark.parametrize("held", [False, True], ids=["broken", "held by another process"])
async def test_a_store_that_cannot_be_used_costs_only_its_numbers(bench: Bench, *, held: bool) -> None:
    store = Fragile(MemoryStore(bench.clock), None if held else StoreUnusable("The disk is full.", "Make room."))
    store.cut = held
    async with bench.assistant(server=bench.server(store)) as assistant:
        said = await assistant.call(TOOL)
    assert not said.is_error, said.text
    assert said.data["left"] == {"calls_minute": 59, "uploads_month": 53}
    assert said.seconds <= 3
    assert said.data["account"] == "key ending 7832"


async def test_with_several_accounts_it_agrees_with_what_stands_over_the_answer(several: SeveralBench) -> None:
    several.own = {"uk": {"sandbox": True, "read_only": True}, "fr": {"max_deletes_per_hour": 3}}
    async with several.assistant(Person(types_what_is_asked)) as assistant:
        first = await assistant.call(TOOL)
        hash_ = next(iter(several.sandboxes["fr"].account.collections))
        await assistant.call("delete_collection", collection_hash=hash_, account="fr")
        each = {name: await assistant.call(TOOL, account=name) for name in NAMES}
    assert first.text.startswith("[account de: the first, none was named] account: de\n")
    assert {name: one.data["account"] for name, one in each.items()} == {name: name for name in NAMES}
    assert {name: one.data["live"] for name, one in each.items()} == {"de": True, "fr": True, "uk": False}
    assert each["uk"].text.startswith("[sandbox] [account uk] ")
    assert each["uk"].data["allowed"] == ["read"]
    deletions = {name: one.data["left"].get("deletions_hour") for name, one in each.items()}
    assert deletions == {"de": 60, "fr": 2, "uk": None}
    assert each["uk"].data["left"]["calls_minute"] == 59
