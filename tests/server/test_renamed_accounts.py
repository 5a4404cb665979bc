"""An account is the one of its key: what was begun under one name goes on under another, in a file or without one."""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from mcp import Client
from mcp.types import CallToolResult, InputRequiredResult
from typing_extensions import override

from flipsnack_mcp.api.budget import BudgetRules
from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.pace import Pacer
from flipsnack_mcp.commands import connecting, history
from flipsnack_mcp.commands.connecting import budget
from flipsnack_mcp.sandbox import Pace, Sandbox
from flipsnack_mcp.server.server import FlipsnackServer, build_server
from flipsnack_mcp.settings import Settings, read_settings
from flipsnack_mcp.store.sqlite import SqliteStore
from tests.server.bench import KEY, SECRET, Assistant, Bench, Person, Said, Tapped, declines
from tests.server.destructions import TITLE, assert_done, assert_refused, store_of
from tests.server.revisions import newer
from tests.server.test_sealing import YES

OTHER_KEY, OTHER_SECRET = "OTHER-KEY-CANARY-11", "OTHER-SECRET-CANARY-22"
WITH_KEYS = f'key = "{KEY}"\nsecret = "{SECRET}"\n'
OTHER = f'[accounts.another]\nkey = "{OTHER_KEY}"\nsecret = "{OTHER_SECRET}"\n'
AUGUST = {"start_date": "2026-08-01", "end_date": "2026-08-31"}
NAMINGS = {
    "by variables": ("", f"key ending {KEY[-4:]}"),
    "de": (f"[accounts.de]\n{WITH_KEYS}", "de"),
    "Koeln": (f"[accounts.Koeln]\n{WITH_KEYS}", "Koeln"),
    "beside another": (f"{OTHER}[accounts.de]\n{WITH_KEYS}", "de"),
    "by two names": (f"[accounts.koeln]\n{WITH_KEYS}[accounts.de]\n{WITH_KEYS}{OTHER}", "koeln"),
}
"""What the file holds, where there is one, and what the account is called then."""
MOVES = [
    ("by variables", "de"),
    ("de", "by variables"),
    ("de", "Koeln"),
    ("by variables", "beside another"),
    ("beside another", "by variables"),
    ("de", "by two names"),
]

# What is remembered does not depend on the revision.
mode = newer


@dataclass
class Renamed(Bench):
    """One account, whose server is started under one name and then under another, over one state file."""

    another: Sandbox = field(kw_only=True)
    now: str = "by variables"
    environment: dict[str, str] = field(default_factory=dict[str, str])

    def named(self) -> Settings:
        """The settings as it is called now."""
        content, _ = NAMINGS[self.now]
        file = self.folder / "accounts.toml"
        file.write_text(content)
        access = {"FLIPSNACK_API_KEY": KEY, "FLIPSNACK_API_SECRET": SECRET}
        given = {"FLIPSNACK_ACCOUNTS": str(file)} if content else access
        state = {"FLIPSNACK_STATE": f"sqlite:{self.folder / 'state.sqlite'}"}
        return read_settings({**given, **state, **self.environment})

    @property
    def whose(self) -> dict[str, str]:
        """The argument of a call about the account, where there are several."""
        return {"account": "de"} if len(self.named().every) > 1 else {}

    @override
    def connect(self, settings: Settings) -> Flipsnack:
        sandbox = self.another if settings.api_key == OTHER_KEY else self.sandbox
        rules = BudgetRules(limits=((settings.calls_per_second, 1.0), (settings.calls_per_minute, 60.0)))
        access = Access(settings.api_key, settings.api_secret)
        return Flipsnack(access, Pacer(budget(settings), rules), lambda: Tapped(sandbox, self.witness))

    def started(self) -> FlipsnackServer:
        return build_server(
            self.named(), self.connect, self.clock, SqliteStore(self.folder / "state.sqlite", self.clock)
        )

    @asynccontextmanager
    async def as_it_is_called(self, person: Person | None = None) -> AsyncIterator[Assistant]:
        async with self.assistant(person, self.started()) as assistant:
            yield assistant

    async def does(self, tool: str, person: Person | None = None, /, **arguments: Any) -> Said:
        """One call, in a process of its own."""
        async with self.as_it_is_called(person) as assistant:
            return await assistant.call(tool, {**arguments, **self.whose})


def some(*numbers: int) -> pytest.MarkDecorator:
    """Whatever is kept goes by the account, which is the same in all of them: each test makes some, all are made by some."""
    chosen = [MOVES[number] for number in numbers]
    return pytest.mark.parametrize("move", chosen, ids=[" to ".join(one) for one in chosen], indirect=True)


@pytest.fixture(params=MOVES, ids=" to ".join)
def move(request: pytest.FixtureRequest, bench: Bench) -> tuple[Renamed, Callable[[], None]]:
    """The account under its first name, and what gives it the second."""
    first, second = request.param
    pace = Pace(calls_per_second=0, calls_per_minute=0)
    another = Sandbox(api_key=OTHER_KEY, api_secret=OTHER_SECRET, clock=bench.clock, pace=pace)
    limits = {"FLIPSNACK_CALLS_PER_SECOND": "1000", "FLIPSNACK_CALLS_PER_MINUTE": "1000"}
    renamed = Renamed(**vars(bench), another=another, now=first, environment=limits)

    def rename() -> None:
        renamed.now = second

    return renamed, rename


Move = tuple[Renamed, Callable[[], None]]


@pytest.fixture(autouse=True)
def nothing_in_the_other(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever happens, the account that stands beside it is asked nothing."""
    renamed, _ = request.getfixturevalue("move")
    yield
    assert renamed.another.requests == []


@some(0, 3)
async def test_a_document_that_was_uploaded_is_not_uploaded_again(move: Move) -> None:
    bench, rename = move
    document = {"file_url": "https://example.com/garden.pdf", "title": "Garden leaflet", "wait_seconds": 45}
    first = await bench.does("create_collection", **document)
    rename()
    again = await bench.does("create_collection", **document)
    listed = await bench.does("get_upload")
    assert (first.data["state"], again.data["upload_id"]) == ("complete", first.data["upload_id"])
    assert [one["upload_id"] for one in listed.data["uploads"]] == [first.data["upload_id"]]
    assert len(bench.sandbox.carried_out("collection.create")) == 1


@some(1, 4)
async def test_a_code_that_was_given_out_counts_once(move: Move) -> None:
    bench, rename = move
    wanted = {"collection_hash": bench.collection(TITLE).hash}
    code = (await bench.does("delete_collection", **wanted)).code
    rename()
    assert_done(await bench.does("delete_collection", **wanted, confirmation=code))
    assert_refused(await bench.does("delete_collection", **wanted, confirmation=code))
    assert len(bench.sandbox.carried_out("collection.deleteCollection")) == 1


@some(2, 5)
async def test_a_no_stays_a_no(move: Move) -> None:
    bench, rename = move
    wanted = {"collection_hash": bench.collection(TITLE).hash}
    assert_refused(await bench.does("delete_collection", Person(declines), **wanted))
    rename()
    said = await bench.does("delete_collection", **wanted)
    assert "A person said no to this" in said.text
    assert bench.sandbox.carried_out("collection.deleteCollection") == []


@some(3, 1)
async def test_a_plan_is_carried_out_and_a_carried_out_one_is_known(move: Move) -> None:
    bench, rename = move
    plan = await bench.does("update_collections", query="Weekly offers, Week 38", find="Weekly", replace="Big")
    rename()
    for _ in range(2):
        said = await bench.does("update_collections", plan_id=plan.data["plan_id"], wait_seconds=45)
        assert (said.data["state"], said.data["counts"]) == ("complete", {"done": 1, "unchanged": 0})
    assert [one.params["title"] for one in bench.sandbox.carried_out("collection.update")] == ["Big offers, Week 38"]


@some(4, 2)
async def test_what_a_report_has_asked_is_asked_no_second_time(move: Move) -> None:
    bench, rename = move
    wanted = {"collections": [bench.collection(TITLE).hash], **AUGUST, "wait_seconds": 45}
    first = await bench.does("report_stats", **wanted)
    asked = bench.requests.count("collection.getStats")
    rename()
    same = await bench.does("report_stats", report_id=first.data["report_id"])
    new = await bench.does("report_stats", **wanted)
    assert (first.data["state"], asked) == ("complete", 1)
    assert same.data["totals"] == new.data["totals"] == first.data["totals"]
    assert bench.requests.count("collection.getStats") == asked


@pytest.mark.parametrize(
    "move", [one for one in MOVES if "beside" not in str(one) and "two" not in str(one)], indirect=True
)
async def test_a_form_that_was_put_is_answered(move: Move) -> None:
    """Among several accounts a call names its own, and is another call than the one that was asked about."""
    bench, rename = move
    given = {"collection_hash": bench.collection(TITLE).hash}

    async def round_of(state: str | None) -> CallToolResult | InputRequiredResult:
        async with Client(bench.started(), mode="auto", elicitation_callback=Person(declines)) as client:
            answers = YES if state else None
            return await client.session.call_tool(
                "delete_collection", given, input_responses=answers, request_state=state, allow_input_required=True
            )

    question = await round_of(None)
    assert isinstance(question, InputRequiredResult)
    rename()
    bench.clock.advance(5)
    answer = await round_of(question.request_state)
    assert isinstance(answer, CallToolResult)
    assert not answer.is_error
    assert len(bench.sandbox.carried_out("collection.deleteCollection")) == 1


@some(5, 0)
async def test_the_deletions_of_the_last_hour_count(move: Move) -> None:
    bench, rename = move
    bench.environment |= {"FLIPSNACK_MAX_DELETES_PER_HOUR": "1", "FLIPSNACK_CONFIRM": "allow"}
    assert_done(await bench.does("delete_collection", collection_hash=bench.collection(TITLE).hash))
    rename()
    said = await bench.does("delete_collection", collection_hash=bench.collection("Kitchen brochure").hash)
    assert "1 deletion in an hour has been made on this account" in said.text
    assert len(bench.sandbox.carried_out("collection.deleteCollection")) == 1


@some(0, 1, 3, 5)
async def test_the_calls_of_the_last_minute_count(move: Move) -> None:
    bench, rename = move
    bench.environment["FLIPSNACK_CALLS_PER_MINUTE"] = "2"
    wanted = {"collection_hash": bench.collection(TITLE).hash}
    for _ in range(2):
        assert_done(await bench.does("get_collection_stats", **wanted))
    rename()
    said = await bench.does("get_collection_stats", **wanted)
    assert said.is_error
    assert re.search(r"\d+ s", said.text), said.text
    assert bench.requests == ["collection.getStats"] * 2


async def test_the_history_goes_on_in_one_chain_and_shows_the_name_of_the_day(
    move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, rename = move
    collection = bench.collection(TITLE)
    for title in ("Once", "Twice"):
        assert_done(await bench.does("update_collection", collection_hash=collection.hash, title=title))
        rename()
    monkeypatch.setattr(connecting, "remember", lambda _: store_of(bench))
    found = await history.recalled(Settings())  # in a terminal that knows of no key
    (trail,) = found.trails
    assert (trail.account, trail.wrong) == (bench.settings.account, "")
    assert [one.number for one in trail.events] == [1, 2, 3, 4]
    assert [one.before["title"] for one in trail.events if one.before] == [TITLE, "Once"]
    called = NAMINGS[bench.now][1]
    assert found.labels == {trail.account: called}
    shown = [line.split("  ") for line in history.trail_text(found).splitlines()[1:]]
    assert [[part for part in line if part][2] for line in shown] == [called] * 2
