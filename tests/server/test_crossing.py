"""Nothing crosses from one account to another, though both have the same hashes, titles, server and store.

Kinds of records are those that the source writes, tools those of the menu: what comes new has to join the tables here.
"""

import importlib
import re
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError
from mcp.types import CallToolResult, ElicitResult, ErrorData, InputRequiredResult, InputResponses

import flipsnack_mcp
from flipsnack_mcp.api.actions.collections import CollectionSummary
from flipsnack_mcp.commands.doctor.kept import TRIAL
from flipsnack_mcp.server.server import FlipsnackServer
from flipsnack_mcp.store.leases import Lease, put
from flipsnack_mcp.store.records import Records
from flipsnack_mcp.store.rows import RowRecords
from flipsnack_mcp.store.sqlite import MemoryStore, SqliteStore
from flipsnack_mcp.workflows.plans.drafts import Rule, draft_plan
from flipsnack_mcp.workflows.plans.record import PlanRecord
from flipsnack_mcp.workflows.reports.together import JOINT_REPORT
from tests.in_memory import rows_of
from tests.samples_of import TOOLS, expected_tool, expected_tools
from tests.server.bench import Answer, Assistant, Given, Person, Said, declines, types, types_what_is_asked
from tests.server.destructions import TITLE
from tests.server.revisions import newer
from tests.server.several import SeveralBench, key_of, secret_of
from tests.server.typical import prepare, typical
from tests.server.wire import Raw, Wire, wired

pytestmark = pytest.mark.usefixtures("no_look_ahead")
PUT = re.compile(r"records\.put\(\s*\*?(\w+)")
VARIABLE = {"what": ("confirmation-unanswered", "confirmation-mistyped"), "kind": ("upload address", "file address")}
"""What a name stands for that is no constant."""
BY_ADDRESS = {"upload address", "file address", "kept file", "handed upload"}
"""Written where people are told apart; whose they are is proven in `team/exchange`."""
BY_HOOKS = {"hook", "leads of", "lead day", "lead page", "lead mark"}
"""Written where leads arrive; whose they are is proven in `workflows/test_leads`."""
ELSEWHERE = {"document"}
"""The request budget's, which has a file for each account."""
OFFERS = {"query": "Weekly offers", "find": "Weekly offers", "replace": "Offers"}
OFFLINE = {"query": "Weekly offers", "only_status": "public", "status": "editable"}
DELETED, UPDATED, CREATED = "collection.deleteCollection", "collection.update", "collection.create"

# What is sealed and what is remembered: all of it only on 2026-07-28. Calls side by side are on both revisions.
mode = newer


def kinds_in_the_source() -> set[str]:
    """Every kind of record that is written anywhere."""
    found = set[str]()
    package = Path(flipsnack_mcp.__file__).parent
    for file in package.rglob("*.py"):
        for name in PUT.findall(file.read_text(encoding="utf-8")):
            module = ".".join((package.name, *file.relative_to(package).with_suffix("").parts))
            value = VARIABLE.get(name) or getattr(importlib.import_module(module), name)
            found.update([value] if isinstance(value, str) else value[: 1 if name.endswith("RECORD") else None])
    return found - ELSEWHERE


@dataclass
class Moods:
    """A person who answers as they are told to."""

    answers: list[Answer] = field(default_factory=list[Answer])

    def __call__(self, message: str) -> Any:
        return self.answers.pop(0)(message) if self.answers else types_what_is_asked(message)


def breaks(_: str) -> Any:
    return ErrorData(code=-32000, message="the client has no window")


async def everything(several: SeveralBench, assistant: Assistant, moods: Moods, account: str) -> None:
    """One call of each tool, and all that can become of a question, in one account."""
    kept, there = several.sandboxes[account].account, deepcopy(several.sandboxes[account].account.collections)

    async def call(tool: str, given: Given, *answers: Answer) -> Said:
        moods.answers, kept.collections = [*answers], deepcopy(there)
        return await assistant.call(tool, {**given, "account": account})

    for of in TOOLS:
        kept.collections = deepcopy(there)
        made = await prepare(of, several, assistant, account=account)
        said = await call(expected_tool(of).name, typical(of, several) | made)
        assert not said.is_error, said.text
    plan = (await call("update_collections", OFFERS)).data["plan_id"]
    await call("update_collections", {"plan_id": plan, "wait_seconds": 45})
    report = await call("report_stats", {"query": "catalogue", "save_as": "csv", "wait_seconds": 45})
    await call("report_stats", {"report_id": report.data["report_id"], "wait_seconds": 45})
    for title, answer in (("Press kit", declines), ("Annual report 2025", types("x")), ("Store opening Leeds", breaks)):
        with suppress(MCPError):
            assert (await call("delete_collection", target(several, title), answer)).is_error


def target(several: SeveralBench, title: str = TITLE) -> Given:
    return {"collection_hash": several.collection(title).hash}


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The kinds of all records that were written, also those that are gone by now."""
    kinds, put = set[str](), RowRecords.put

    def noted(records: RowRecords, kind: str, *given: Any, **more: Any) -> None:
        kinds.add(kind)
        put(records, kind, *given, **more)

    monkeypatch.setattr(RowRecords, "put", noted)
    return kinds


async def test_what_is_done_for_one_account_changes_no_record_of_another(
    several: SeveralBench, written: set[str]
) -> None:
    store, moods = MemoryStore(several.clock), Moods()
    async with (
        several.assistant(Person(moods), several.server(store)) as assistant,
        several.assistant(server=several.server(store)) as formless,
    ):
        await formless.call("delete_collection", target(several), account="fr")
        several.forget()
        await everything(several, assistant, moods, "fr")
        of_fr = {(kind, name): body for kind, name, body in rows_of(store)}
        asked = several.asked["fr"].copy()
        await everything(several, assistant, moods, "uk")
        after = {(kind, name): body for kind, name, body in rows_of(store)}
    assert {row: after.get(row) for row in of_fr} == of_fr
    assert written == kinds_in_the_source() - {JOINT_REPORT, TRIAL} - BY_ADDRESS - BY_HOOKS, (
        "these are of no account alone"
    )
    assert several.asked == {"fr": asked, "uk": asked}


Handle = tuple[Given, Given, str]
"""What names something of the account in which it was begun, what else to give with it, and what is said elsewhere."""


async def upload(assistant: Assistant, several: SeveralBench) -> Handle:
    said = await assistant.call("create_collection", file_path=several.document(), title="New", account="fr")
    return {"upload_id": said.data["upload_id"]}, {}, "There is no such upload."


async def plan(assistant: Assistant, _: SeveralBench) -> Handle:
    said = await assistant.call("update_collections", OFFERS, account="fr")
    return {"plan_id": said.data["plan_id"]}, {}, "There is no such plan."


async def report(assistant: Assistant, _: SeveralBench) -> Handle:
    said = await assistant.call("report_stats", query="catalogue", account="fr")
    return {"report_id": said.data["report_id"]}, {"save_as": "csv"}, "There is no such report;"


async def audit(assistant: Assistant, _: SeveralBench) -> Handle:
    said = await assistant.call("audit_account", account="fr")
    return {"report_id": said.data["report_id"]}, {}, "There is no such report;"


async def code(assistant: Assistant, several: SeveralBench) -> Handle:
    refused = await assistant.call("delete_collection", target(several), account="fr")
    return (
        {"confirmation": refused.code},
        target(several),
        'This confirmation code is unknown, used or expired for the account "uk".',
    )


async def batch(assistant: Assistant, several: SeveralBench) -> Handle:
    said = await assistant.call("create_collections", documents=[several.document()], account="fr")
    return {"plan_id": said.data["plan_id"]}, {}, "There is no such plan."


async def work(assistant: Assistant, several: SeveralBench) -> Handle:
    begun = await prepare("stop_work", several, assistant, account="fr")
    return begun, {}, "No work is under way under that id"


async def change(assistant: Assistant, several: SeveralBench) -> Handle:
    made = await prepare("undo_change", several, assistant, account="fr")
    return made, {}, "The history of this account has no entry"


BEGUN = {
    "get_upload": upload, "update_collections": plan, "report_stats": report, "audit_account": audit,
    "delete_collection": code, "create_collections": batch, "stop_work": work, "undo_change": change,
}  # fmt: skip
NAMING = {"upload_id", "plan_id", "report_id", "work_id", "confirmation", "history_id"}
"""Arguments that name something that was begun before."""


@pytest.mark.parametrize("tool", BEGUN)
async def test_what_was_begun_in_one_account_is_unknown_in_another_and_goes_on_in_its_own(
    several: SeveralBench, tool: str
) -> None:
    async with several.assistant() as assistant:
        handle, more, unknown = await BEGUN[tool](assistant, several)
        before = several.changed
        elsewhere = await assistant.call(tool, {**more, **handle, "account": "uk"})
        between = several.changed
        at_home = await assistant.call(tool, {**more, **handle, "account": "fr"})
    assert (elsewhere.is_error, between) == (True, before)
    assert elsewhere.text.startswith(f"[account uk] {unknown}"), elsewhere.text
    assert (at_home.is_error, several.changed.keys() | {"fr"}) == (False, {"fr"}), at_home.text


def test_every_argument_that_names_what_was_begun_is_tried() -> None:
    every = expected_tools()
    ids = {name for tool in every.values() for name in tool.parameters if name.endswith("_id")}
    assert ids | {"confirmation"} == NAMING
    assert {name for tool in BEGUN for name in every[tool].parameters} >= NAMING


async def test_a_no_closes_one_account_only(several: SeveralBench) -> None:
    store = MemoryStore(several.clock)
    moods = Moods([declines])
    async with (
        several.assistant(Person(moods), several.server(store)) as assistant,
        several.assistant(server=several.server(store)) as formless,
    ):
        said_no = await assistant.call("delete_collection", target(several), account="fr")
        closed = await formless.call("delete_collection", target(several), account="fr")
        opened = await formless.call("delete_collection", target(several), account="uk")
        done = await formless.call("delete_collection", target(several), account="uk", confirmation=opened.code)
    assert "said no" in said_no.text
    assert "A person said no" in closed.text
    assert (done.is_error, several.changed) == (False, {"uk": [DELETED]})


async def test_the_deletions_of_one_account_use_up_nobody_elses(several: SeveralBench) -> None:
    several.own = {name: {"max_deletes_per_hour": 1} for name in several.sandboxes}
    async with several.assistant(Person(types_what_is_asked)) as assistant:
        for account in ("fr", "uk"):
            first = await assistant.call("delete_collection", target(several), account=account)
            second = await assistant.call("delete_collection", target(several, "Press kit"), account=account)
            assert (first.is_error, second.is_error) == (False, True)
            assert "1 deletion in an hour" in second.text
    assert several.changed == {"fr": [DELETED], "uk": [DELETED]}


async def test_the_same_document_is_uploaded_once_in_each_account(several: SeveralBench) -> None:
    given = {"file_path": several.document(), "title": "New"}
    async with several.assistant() as assistant:
        for account in ("fr", "uk", "fr", "uk"):
            said = await assistant.call("create_collection", {**given, "account": account})
            assert said.data["state"] == "complete", said.text
        listed = await assistant.call("get_upload", account="de")
    assert several.changed == {"fr": [CREATED], "uk": [CREATED]}
    assert listed.data["uploads"] == []


async def test_packages_of_the_same_collection_are_fetched_and_saved_for_each(several: SeveralBench) -> None:
    paths = dict[str, str]()
    async with several.assistant() as assistant, anyio.create_task_group() as group:

        async def download(name: str) -> None:
            said = await assistant.call("download_collection_html", target(several), wait_seconds=45, account=name)
            paths[name] = said.data["path"]

        for name in several.sandboxes:
            group.start_soon(download, name)
    assert sorted(paths) == sorted(several.sandboxes)
    assert len(set(paths.values())) == len(paths)
    assert len(several.downloaded) == 3
    assert all("collection.downloadHTML" in actions for actions in several.asked.values())


async def test_a_change_forgets_the_answers_of_its_own_account_only(several: SeveralBench) -> None:
    first = target(several, "Press kit")
    async with several.assistant() as assistant:

        async def titles() -> list[str]:
            every = [await assistant.call("get_collection", first, account=name) for name in ("fr", "uk")]
            return [one.data["title"] for one in every]

        before = await titles()
        await assistant.call("update_collection", first, title="Dossier", account="fr")
        several.forget()
        after = await titles()
    assert (before, after) == (["Press kit"] * 2, ["Dossier", "Press kit"])
    assert several.asked == {"fr": ["collection.getCollection", "collection.getList"]}


async def test_what_was_begun_goes_on_in_its_account_and_as_its_settings_allow(several: SeveralBench) -> None:
    """After a restart, from the first use of the store on, whichever account that is about."""

    def store() -> SqliteStore:
        return SqliteStore(several.folder / "state.sqlite", several.clock)

    async with several.assistant(server=several.server(store())) as assistant:
        for account in ("fr", "uk"):
            made = await assistant.call("update_collections", OFFERS, account=account)
            await assistant.call("update_collections", plan_id=made.data["plan_id"], wait_seconds=0, account=account)
    several.own = {"uk": {"read_only": True}}
    begun = several.changed.get("uk", [])
    async with several.assistant(server=several.server(store())) as assistant:
        await assistant.call("list_collections")
        await anyio.sleep(90)
    assert several.changed.get("uk", []) == begun
    assert (several.changed["fr"], len(begun) < 7) == ([UPDATED] * 7, True)
    assert "de" not in several.changed


async def test_what_was_given_out_counts_in_the_account_of_its_key_when_names_are_exchanged(
    several: SeveralBench,
) -> None:
    """A code, a plan, a report and a form of one account, under whose name the file has the key of another now."""
    store = several.folder / "state.sqlite"
    given: Given = {"collection_hash": several.collection(TITLE).hash, "account": "de"}

    def server() -> FlipsnackServer:
        return several.server(SqliteStore(store, several.clock))

    async def form(state: str | None) -> CallToolResult | InputRequiredResult:
        async with Client(server(), mode="auto", elicitation_callback=Person(declines)) as client:
            answers: InputResponses = {"title": ElicitResult(action="accept", content={"title": TITLE})}
            return await client.session.call_tool(
                "delete_collection",
                given,
                input_responses=answers if state else None,
                request_state=state,
                allow_input_required=True,
            )

    async with several.assistant(server=server()) as assistant:
        code = (await assistant.call("delete_collection", given)).code
        plan = (await assistant.call("update_collections", OFFERS, account="de")).data["plan_id"]
        report = (await assistant.call("report_stats", account="de")).data["report_id"]
    question = await form(None)
    assert isinstance(question, InputRequiredResult)
    several.own = {
        name: {"api_key": key_of(key), "api_secret": secret_of(key)} for name, key in (("de", "fr"), ("fr", "de"))
    }
    several.clock.advance(5)
    answered = await form(question.request_state)
    async with several.assistant(server=server()) as assistant:
        refused = [
            await assistant.call("delete_collection", given, confirmation=code),
            await assistant.call("update_collections", plan_id=plan, account="de"),
            await assistant.call("report_stats", report_id=report, account="de"),
        ]
        in_between = several.changed
        there = {**given, "account": "fr"}
        done = await assistant.call("delete_collection", there, confirmation=code)
    assert isinstance(answered, CallToolResult)
    assert [answered.is_error, *(one.is_error for one in refused)] == [True] * 4
    assert (in_between, done.is_error, several.changed) == ({}, False, {"de": [DELETED]})


async def test_an_account_without_a_key_goes_on_with_nothing(several: SeveralBench) -> None:
    several.own = {"uk": {"api_secret": ""}}
    store = MemoryStore(several.clock)
    kept = PlanRecord(store, several.settings.accounts[2].account)
    rows = [
        CollectionSummary(collection_hash=several.collection().hash, title="Weekly offers, Week 38", status="public")
    ]
    plan = await kept.keep(draft_plan(Rule("Weekly", "Daily", None), rows))

    def begin(records: Records) -> None:
        kept.start(plan, records, lambda *_: 1)
        put(records, f"plan/{kept.account}/{plan.plan_id}", Lease("", 0.0))

    await store.transact(begin)
    async with several.assistant(server=several.server(store)) as assistant:
        await assistant.call("list_collections")
        await anyio.sleep(60)
    seen = await kept.look(plan.plan_id)
    assert seen
    assert (seen.plan.started, seen.plan.stopped, [one.state for one in seen.items]) == (True, "", ["planned"])
    assert several.asked.keys() == {"de"}


async def test_the_limits_of_one_account_slow_no_other(several: SeveralBench) -> None:
    async with several.assistant() as assistant:
        for number in range(60):
            await assistant.call("list_collections", offset=number, account="fr")
        full = await assistant.call("list_collections", offset=60, account="fr")
        free = await assistant.call("list_collections", offset=60, account="uk")
    assert "turn comes too late" in full.text
    assert (free.is_error, free.seconds < 1) == (False, True)


async def test_the_keys_of_all_accounts_are_taken_out_of_every_answer(several: SeveralBench) -> None:
    """Also where one key begins with another."""
    several.own = {"de": {"api_key": key_of("uk")[:-2]}}
    for sandbox in several.sandboxes.values():
        next(iter(sandbox.account.collections.values())).title = f"{key_of('uk')} {secret_of('de')}"
    async with several.assistant() as assistant:
        said = [await assistant.call("list_collections", limit=1, account=name) for name in ("fr", "uk")]
        first = next(iter(several.sandbox.account.collections))
        said += [await assistant.call("delete_collection", collection_hash=first, account="fr")]
        resource = await assistant.client.read_resource(f"flipsnack://fr/collections/{first}")
    assert [one.text.count("*** ***") for one in said] == [1, 1, 1]
    assert "*** ***" in resource.model_dump_json()


YES: Raw = {"action": "accept", "content": {"title": TITLE}}


async def question(wire: Wire, given: Given) -> tuple[Given, str]:
    """A question that is put on 2026-07-28: its call, and the sealed state."""
    answer = await wire.request("tools/call", {"name": "delete_collection", "arguments": given})
    return given, str(answer["result"]["requestState"])


async def replied(wire: Wire, given: Given, state: str) -> Raw:
    params = {"name": "delete_collection", "arguments": given, "inputResponses": {"title": YES}, "requestState": state}
    return await wire.request("tools/call", params)


def refused(answer: Raw) -> bool:
    return "error" in answer or bool(answer["result"].get("isError"))


async def test_an_answer_counts_in_the_account_in_which_it_was_asked_however_calls_interleave(
    several: SeveralBench,
) -> None:
    """Of all pairs of a state and an account's call only those that belong together open."""
    found = dict[str, Raw]()
    async with wired(several.server(), "auto") as wire:
        asked = dict[str, tuple[Given, str]]()

        async def ask(name: str) -> None:
            asked[name] = await question(wire, {**target(several), "account": name})

        async def answer(of: str, name: str) -> None:
            found[f"{of}, {name}"] = await replied(wire, asked[name][0], asked[of][1])

        async with anyio.create_task_group() as group:
            for name in several.sandboxes:
                group.start_soon(ask, name)
        await anyio.sleep(2)
        async with anyio.create_task_group() as group:
            for of in several.sandboxes:
                for name in several.sandboxes:
                    if of != name:
                        group.start_soon(answer, of, name)
        assert [pair for pair, answer in found.items() if not refused(answer)] == []
        assert "came too late, or its question was not put" in str(found["fr, uk"])
        assert several.changed == {}
        async with anyio.create_task_group() as group:
            for name in several.sandboxes:
                group.start_soon(answer, name, name)
    assert several.changed == {name: [DELETED] for name in several.sandboxes}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_forms_of_several_accounts_at_the_same_time_change_each_its_own(several: SeveralBench) -> None:
    """A person says yes to one of three questions that are open at once."""

    def only_fr(asked: Raw) -> Raw:
        yes = 'Account "fr": ' in asked["message"]
        return {"result": YES if yes else {"action": "decline"}}

    ended = dict[str, bool]()
    async with wired(several.server(), several.mode, only_fr) as wire:

        async def delete(name: str) -> None:
            outcome = await wire.call("delete_collection", {**target(several), "account": name})
            ended[name] = bool(outcome.result and outcome.result["isError"])

        async with anyio.create_task_group() as group:
            for name in several.sandboxes:
                group.start_soon(delete, name)
    assert ended == {"de": True, "fr": False, "uk": True}
    assert several.changed == {"fr": [DELETED]}


async def test_what_a_person_reads_names_the_account_and_so_does_what_the_model_reads(several: SeveralBench) -> None:
    person = Person(declines)
    async with several.assistant(person) as assistant:
        await assistant.call("delete_collection", target(several), account="fr")
    several.own = {"uk": {"confirm": "block"}}
    code = await several.call("delete_collection", **target(several), account="fr")
    blocked = await several.call("delete_collection", **target(several), account="uk")
    plan = await several.call("update_collections", **OFFLINE, account="fr")
    assert [form.startswith('Account "fr": Delete the collection') for form in person.forms] == [True]
    assert code.text.startswith('[account fr] This needs a person\'s yes. Account "fr": Delete the collection')
    assert blocked.text.startswith('[account uk] Deletions are switched off for the account "uk" (FLIPSNACK_CONFIRM).')
    assert plan.text.startswith("[account fr] ")
