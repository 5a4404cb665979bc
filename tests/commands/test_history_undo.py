"""`history --undo` in a person's terminal: what a change left is put back by a person's yes, and else nothing is changed."""

import json
import re
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread
from mcp import Client
from typing_extensions import override

from flipsnack_mcp.api import Access, BudgetInMemory, BudgetRules, Flipsnack, Pacer
from flipsnack_mcp.commands import own_call
from flipsnack_mcp.sandbox import Fault, Pace, Sandbox
from flipsnack_mcp.server.consent.codes import Consents
from flipsnack_mcp.server.server import build_server
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import Records
from flipsnack_mcp.store.sqlite import SqliteStore
from flipsnack_mcp.workflows.history import HISTORY_ENTRY
from tests.commands.at_a_terminal import TITLE, AtPty, Here, Now, Scene, Terminal
from tests.commands.processes import KEY, SECRET, Ended, Run, at_a_port
from tests.commands.test_several_accounts import OF_DE, OTHER_KEY, OTHER_SECRET, TwoAccounts
from tests.commands.test_terminal import HOSTILE, Closed, odd_in
from tests.server.bench import Assistant, Bench, Tapped, Witness

UPDATE = "collection.update"
DRAFT = "Weekly offers, Week 39"
UNCHANGED = "Nothing was changed."
CHANGE = {"title": "Autumn\u202e", "description": "New", "status": "unlisted"}
PUBLISH = {"status": "public"}

NO_PACE = BudgetRules(limits=((10_000, 1.0),))


class Unpaced(Bench):
    """The sandbox on a key that allows as much as anybody asks."""

    @override
    def connect(self, settings: Settings) -> Flipsnack:
        access = Access(settings.api_key, settings.api_secret)
        return Flipsnack(access, Pacer(BudgetInMemory(), NO_PACE), lambda: Tapped(self.sandbox, self.witness))


@pytest.fixture
def scene(run_here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    clock, pace = Now(), Pace(calls_per_second=0, calls_per_minute=0)
    sandbox = Sandbox(api_key=KEY, api_secret=SECRET, clock=clock, pace=pace)
    bench = Unpaced(sandbox, clock, Witness(), "auto", tmp_path)
    monkeypatch.setattr(own_call, "connect", bench.connect)
    return Scene(bench, tmp_path / "state.sqlite", run_here, monkeypatch)


async def changed(scene: Scene, of: str = TITLE, **change: Any) -> int:
    """Have an assistant change a collection, and end it; the number that its answer gives for undoing it."""
    async with scene.assistant() as assistant:
        return await change_by(assistant, scene, of, **change)


async def change_by(assistant: Assistant, scene: Scene, of: str = TITLE, **change: Any) -> int:
    said = await assistant.call("update_collection", {"collection_hash": scene.bench.collection(of).hash, **change})
    return int(said.data["history_id"])


def updates(scene: Scene) -> int:
    return len(scene.bench.sandbox.carried_out(UPDATE))


def look(collection: Any) -> dict[str, Any]:
    return {name: getattr(collection, name) for name in CHANGE}


async def undo(scene: Scene, number: int, typed: str | None = "yes\n", *more: str, **environment: str) -> Ended:
    return await scene.run("history", "--undo", str(number), *more, typed=typed, **environment)


async def entries(scene: Scene) -> list[dict[str, Any]]:
    return json.loads((await scene.run("history", "--json")).out)  # type: ignore[no-any-return]


async def test_what_a_change_left_is_put_back_after_before_and_after_were_shown(scene: Scene) -> None:
    collection = scene.bench.collection(TITLE)
    before, known = look(collection), collection.hash
    number = await changed(scene, **CHANGE)
    ended = await undo(scene, number)
    assert (ended.status, look(collection)) == (0, before), ended.out
    shown, _, rest = ended.out.partition("To put this back, type yes: ")
    assert f'"Autumn" ({known}, unlisted' in shown
    assert f'title "Autumn" -> "{TITLE}"; status unlisted -> {before["status"]}; description "New" -> ' in shown
    assert "Hash and link stay as they are." in shown
    assert "Put back: 1 of 1." in rest


async def test_a_server_on_the_same_state_file_sees_the_undoing_and_can_undo_it(scene: Scene) -> None:
    async with scene.assistant() as assistant:
        number = await change_by(assistant, scene, title="Autumn")
        ended = await undo(scene, number)
        again = re.findall(r"history --undo (\d+)` takes it back", ended.out)
        plan = await assistant.call("undo_change", history_id=int(again[0]))
        already = await assistant.call("undo_change", history_id=number)
    made = [one for one in await entries(scene) if one["tool"] == "undo_change"]
    assert {one["confirmed"] for one in made} == {"approve"}
    assert plan.data["items"][0]["new_title"] == "Autumn"
    assert "put back by entry" in already.text


@pytest.mark.parametrize(
    ("confirm", "typed", "done"),
    [
        *product(["ask", "approve", "allow"], [f"{DRAFT}\n"], [True]),
        *product(["ask", "approve", "allow"], ["yes\n"], [False]),
        ("ask", "{hash}\n", True),
        ("approve", "Weekly offers\n", False),
        ("allow", "\n", False),
        ("ask", "", False),
    ],
    ids=ascii,
)
async def test_what_goes_offline_wants_the_title_typed(scene: Scene, confirm: str, typed: str, *, done: bool) -> None:
    number = await changed(scene, DRAFT, **PUBLISH)
    published = scene.bench.collection(DRAFT)
    ended = await undo(scene, number, typed.format(hash=published.hash), FLIPSNACK_CONFIRM=confirm)
    assert f'Its hash counts as well. To put this back, type "{DRAFT}": ' in ended.out
    assert "stop working" in ended.out
    assert (ended.status == 0, published.status == "editable", updates(scene)) == (done, done, 1 + done)
    assert (UNCHANGED in ended.out) is not done
    made = [one for one in await entries(scene) if one["tool"] == "undo_change"]
    assert {one["confirmed"] for one in made} == ({"approve"} if done else set())
    assert "Nothing waits" in (await scene.run("approve")).out


@pytest.mark.parametrize(("typed", "done"), [("2\n", True), ("3\n", False), (f"{DRAFT}\n", False)], ids=ascii)
async def test_several_that_go_offline_want_their_number_typed(scene: Scene, typed: str, *, done: bool) -> None:
    drafts = [one for one in scene.bench.sandbox.account.collections.values() if one.status == "editable"][:2]
    titles = [one.title for one in drafts]
    async with scene.assistant() as assistant:
        given = {"collections": [one.hash for one in drafts], "status": "public"}
        plan = await assistant.call("update_collections", given)
        made = await assistant.call("update_collections", plan_id=plan.data["plan_id"], wait_seconds=45)
    ended = await undo(scene, made.data["history_id"], typed)
    assert all(f'"{title}"' in ended.out for title in titles)
    assert [scene.bench.collection(title).status for title in titles] == ["editable" if done else "public"] * 2
    assert (ended.status == 0) is done


async def test_what_is_published_again_gets_a_new_hash_that_is_told(scene: Scene) -> None:
    number = await changed(scene, DRAFT, **PUBLISH)
    offline = await undo(scene, number, f"{DRAFT}\n")
    back = re.findall(r"history --undo (\d+)` takes it back", offline.out)
    before = scene.bench.collection(DRAFT).hash
    ended = await undo(scene, int(back[0]))
    now = scene.bench.collection(DRAFT)
    assert (now.status, now.hash != before) == ("public", True)
    assert "it gets a new hash and link" in ended.out
    assert f'"{DRAFT}" ({now.hash}) is its hash now; before it was {before}.' in ended.out


def interrupting(_: str) -> str:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "answer",
    ["no\n", "\n", "", "yesterday\n", "Autumn\n", interrupting],
    ids=lambda one: getattr(one, "__name__", repr(one)),
)
async def test_without_a_yes_nothing_is_changed(scene: Scene, answer: str | Callable[[str], str]) -> None:
    number = await changed(scene, title="Autumn")
    if callable(answer):
        scene.patch.setattr("builtins.input", answer)
    ended = await undo(scene, number, answer if isinstance(answer, str) else "")
    assert (ended.status, updates(scene)) == (1, 1)
    assert ended.out.endswith(f"{UNCHANGED}\n")
    assert [one["tool"] for one in await entries(scene)] == ["update_collection"] * 2


async def test_a_pipe_undoes_nothing_and_asks_nobody(scene: Scene) -> None:
    number = await changed(scene, title="Autumn")
    asked = len(scene.bench.requests)
    ended = await undo(scene, number, None)
    assert (ended.status, len(scene.bench.requests)) == (1, asked)
    assert f"{UNCHANGED} Run `" in ended.out
    assert ended.out.rstrip().endswith(f"history --undo {number}` in a terminal.")


async def test_a_plan_is_undone_with_all_its_items_each_of_which_is_shown(scene: Scene) -> None:
    titles = {one.hash: one.title for one in scene.bench.sandbox.account.collections.values()}
    async with scene.assistant() as assistant:
        plan = await assistant.call("update_collections", query="Weekly offers", prefix="Old: ")
        done = await assistant.call("update_collections", plan_id=plan.data["plan_id"], wait_seconds=45)
    touched = scene.bench.collection("Old: Weekly offers, Week 38")
    touched.title = "By hand"
    ended = await undo(scene, done.data["history_id"])
    offers = [one for one, title in titles.items() if "Weekly offers" in title and one != touched.hash]
    assert all(f'-> "{titles[one]}"' in ended.out for one in offers)
    assert f"changed since or impossible to put back: title of {touched.hash} " in ended.out
    assert f"Put back: {len(offers)} of {len(offers)}." in ended.out
    now = {one.hash: one.title for one in scene.bench.sandbox.account.collections.values()}
    assert now == {**titles, touched.hash: "By hand"}
    lines = (await scene.run("history")).out.splitlines()
    assert [line.split(": ")[-1] for line in lines if re.search(r": \d+ (done|collections)$", line)] == [
        "7 done",
        "6 done",
    ]


async def test_of_several_with_one_title_each_is_shown_with_its_day(scene: Scene) -> None:
    async with scene.assistant() as assistant:
        plan = await assistant.call("update_collections", query="Kitchen brochure", suffix=" (old)")
        done = await assistant.call("update_collections", plan_id=plan.data["plan_id"], wait_seconds=45)
    ended = await undo(scene, done.data["history_id"], "no\n")
    for one in plan.data["items"]:
        assert re.search(rf"\({one['collection_hash']}, public, of {one['date']}, \d+ pages\)", ended.out)


async def forged(scene: Scene) -> None:
    def alter(records: Records) -> None:
        name, body = min(records.all(HISTORY_ENTRY))
        records.put(HISTORY_ENTRY, name, {**body, "before": {**body["before"], "title": "Forged"}})

    store = SqliteStore(scene.state)
    await store.transact(alter)
    await store.close()


REFUSED: dict[str, tuple[dict[str, str], str, int]] = {
    "another key": ({"FLIPSNACK_API_KEY": "KEY-OF-ANOTHER-7777"}, "of the account key ending 7832, and this terminal has no key of it", 0),
    "no key": ({"FLIPSNACK_API_KEY": "", "FLIPSNACK_API_SECRET": ""}, "set the FLIPSNACK_ variables that stand in", 0),
    "no secret": ({"FLIPSNACK_API_SECRET": ""}, "FLIPSNACK_API_SECRET is not set.", 0),
    "a wrong secret": ({"FLIPSNACK_API_SECRET": "SECRET-OF-ANOTHER"}, "The key exists, the secret does not belong to it", 1),
    "read-only": ({"FLIPSNACK_READ_ONLY": "1"}, "key ending 7832 with these settings: it is read-only (FLIPSNACK_READ_ONLY)", 0),
    "blocked": ({"FLIPSNACK_CONFIRM": "block"}, "nothing is taken offline (FLIPSNACK_CONFIRM)", 1),
    "no deletions left": ({"FLIPSNACK_MAX_DELETES_PER_HOUR": "0"}, "FLIPSNACK_MAX_DELETES_PER_HOUR", 1),
    "a state in memory": ({"FLIPSNACK_STATE": "memory:"}, "FLIPSNACK_STATE is memory:", 0),
    "a state that is none": ({"FLIPSNACK_STATE": "sqlite:/"}, "names no file but a whole disk", 0),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
async def test_what_the_settings_do_not_allow_is_refused_before_anybody_is_asked(scene: Scene, why: str) -> None:
    environment, said, looks = REFUSED[why]
    number = await changed(scene, DRAFT, **PUBLISH)
    asked = len(scene.bench.requests)
    ended = await undo(scene, number, f"{DRAFT}\n", **environment)
    assert ended.status == 1
    assert said in ended.out
    assert ended.out.count(UNCHANGED) == 1
    assert "type" not in ended.out
    assert (updates(scene), len(scene.bench.requests) - asked) == (1, looks)


async def test_an_entry_that_was_altered_is_not_undone(scene: Scene) -> None:
    number = await changed(scene, title="Autumn")
    await forged(scene)
    asked = len(scene.bench.requests)
    ended = await undo(scene, number)
    assert (ended.status, len(scene.bench.requests)) == (1, asked)
    assert f"The history was altered: entry {number} was altered" in ended.out
    assert UNCHANGED in ended.out


async def test_what_cannot_be_undone_is_said_with_what_can_be_done(scene: Scene) -> None:
    _, number = await deletion(scene)
    ended = await undo(scene, number)
    assert ended.status == 1
    assert "cannot be brought back through Flipsnack's API. Its document can be uploaded again" in ended.out
    assert "history --json`" in ended.out


async def deletion(scene: Scene) -> tuple[str, int]:
    async with scene.assistant() as assistant:
        wanted = scene.wanted
        code = (await assistant.call("delete_collection", wanted)).code
        await scene.approved(code)
        said = await assistant.call("delete_collection", {**wanted, "confirmation": code})
    return wanted["collection_hash"], int(said.data["history_id"])


async def test_what_is_already_as_it_was_is_said_with_the_entry_that_put_it_back(scene: Scene) -> None:
    number = await changed(scene, title="Autumn")
    await undo(scene, number)
    ended = await undo(scene, number)
    assert ended.status == 1
    assert f'Already as before that change: "{TITLE}"' in ended.out
    assert "put back by entry" in ended.out
    assert updates(scene) == 2


async def test_what_changes_while_the_person_thinks_is_left_alone_and_said(scene: Scene) -> None:
    number = await changed(scene, title="Autumn")

    def thinking(_: str) -> str:
        scene.bench.collection("Autumn").title = "By hand"
        return "yes"

    scene.patch.setattr("builtins.input", thinking)
    ended = await undo(scene, number)
    assert ended.status == 1
    assert f"Put back: 0 of 1. {UNCHANGED}" in ended.out
    assert "skipped: It changed since the plan was made" in ended.out
    assert updates(scene) == 1


async def test_what_others_left_unfinished_is_not_gone_on_with(scene: Scene) -> None:
    async with scene.assistant() as assistant:
        number = await change_by(assistant, scene, title="Autumn")
        plan = await assistant.call("update_collections", query=DRAFT, prefix="Old: ")
        scene.bench.fails("slow", "collection.getList", seconds=60)
        going = await assistant.call("update_collections", plan_id=plan.data["plan_id"], wait_seconds=0)
    scene.bench.sandbox.clear_faults()
    ended = await undo(scene, number)
    assert (going.data["state"], ended.status, updates(scene)) == ("running", 0, 2)
    assert scene.bench.collection(DRAFT)


async def test_a_no_in_a_form_just_before_holds_at_the_terminal_too(scene: Scene) -> None:
    number = await changed(scene, DRAFT, **PUBLISH)
    published = scene.bench.collection(DRAFT)
    store = SqliteStore(scene.state)
    await Consents(store, scene.bench.settings.account).close(f"{published.hash}/")
    await store.close()
    ended = await undo(scene, number, f"{DRAFT}\n")
    assert (ended.status, published.status) == (1, "public")
    assert "Somebody said no to this in a form" in ended.out
    assert UNCHANGED in ended.out


async def test_what_flipsnack_refuses_is_said_of_the_collection(scene: Scene) -> None:
    number = await changed(scene, title="Autumn")
    scene.bench.fails("code", UPDATE, code=38)
    ended = await undo(scene, number)
    assert ended.status == 1
    assert re.search(r'Put back: 0 of 1\.\n  "Autumn" \(\w+\): failed: Flipsnack refused with code 38', ended.out)


@pytest.mark.parametrize("number", [0, 99], ids=["none is 0", "none so high"])
async def test_a_number_that_no_entry_has_is_said(scene: Scene, number: int) -> None:
    await changed(scene, title="Autumn")
    ended = await undo(scene, number)
    assert ended.status == 1
    assert f"The history has no entry {number} that can be read. {UNCHANGED}" in ended.out


async def test_what_was_changed_in_an_imitation_is_undone_by_nobody_but_its_server(scene: Scene) -> None:
    """Another one begins anew: in that nothing is as the entry says, and it has entries of its own."""
    bench, store = scene.bench, SqliteStore(scene.state, scene.moment)
    of_bench = Settings(api_key=KEY, api_secret=SECRET)
    server = build_server(Settings(sandbox=True), lambda _: bench.connect(of_bench), bench.clock, store)
    async with bench.assistant(server=server) as assistant:
        number = await change_by(assistant, scene, title="Autumn")
    ended = await undo(scene, number, FLIPSNACK_SANDBOX="1")
    assert ended.status == 1
    assert f"Entry {number} is of the account sandbox, an imitation inside its server" in ended.out
    assert UNCHANGED in ended.out
    assert "To put this back" not in ended.out


@pytest.mark.parametrize("more", [["--json"], ["--verify"], ["--since", "7d"]], ids=" ".join)
async def test_with_other_options_than_an_account_it_is_a_wrong_usage(scene: Scene, more: list[str]) -> None:
    ended = await undo(scene, 1, "yes\n", *more)
    assert (ended.status, ended.out) == (2, "")
    assert "--undo goes with --account alone" in ended.err


async def test_what_nobody_expected_ends_in_a_sentence_without_its_text(scene: Scene) -> None:
    number = await changed(scene, title="Autumn")

    def broken(_: object) -> None:
        raise RuntimeError(f"{KEY} leaks")

    scene.patch.setattr(own_call, "connect", broken)
    ended = await undo(scene, number)
    assert (ended.status, ended.out) == (1, f"Something unexpected went wrong here. {UNCHANGED}\n")
    assert "Traceback" not in ended.err


async def test_what_goes_wrong_after_the_yes_is_said_to_have_changed_something_perhaps(scene: Scene) -> None:
    number = await changed(scene, title="Autumn")

    def breaking(_: str) -> str:
        scene.patch.setattr(own_call, "run_tool", None)
        return "yes"

    scene.patch.setattr("builtins.input", breaking)
    ended = await undo(scene, number)
    assert ended.status == 1
    assert "Something unexpected went wrong here. Something may have been changed." in ended.out
    assert "Traceback" not in ended.out + ended.err


@pytest.mark.parametrize(("writes", "done"), [(0, 0), (1, 0), (2, 1)])
async def test_what_was_not_shown_is_not_put_back_and_a_closed_pipe_ends_it_quietly(
    scene: Scene, writes: int, done: int
) -> None:
    number = await changed(scene, title="Autumn")
    asked: list[str] = []

    def says_yes(prompt: str) -> str:
        asked.append(prompt)
        return "yes"

    scene.patch.setattr("builtins.input", says_yes)
    scene.patch.setattr(sys, "stdout", Closed(BrokenPipeError(32, "Broken pipe"), writes))
    ended = await undo(scene, number)
    assert (ended.status, len(asked), updates(scene)) == (1, done, 1 + done)
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("name", ["erases a line", "fills the clipboard", "new line", "direction", "C1", "tags"])
async def test_nothing_that_is_put_back_acts_on_a_terminal(scene: Scene, name: str) -> None:
    collection = scene.bench.collection(TITLE)
    collection.title = collection.description = f"Summer {HOSTILE[name]} 2026"
    async with scene.assistant() as assistant:
        given = {"collection_hash": collection.hash, "title": "Autumn", "description": "New"}
        number = int((await assistant.call("update_collection", given)).data["history_id"])
    collection.title = "Autumn"
    ended = await undo(scene, number)
    assert "This would be put back" in ended.out
    assert odd_in(ended.out) == []


@pytest.fixture
def two(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> TwoAccounts:
    french = Sandbox(api_key=OTHER_KEY, api_secret=OTHER_SECRET, clock=scene.bench.clock, pace=scene.bench.sandbox.pace)
    found = TwoAccounts(scene.bench, scene.state, scene.here, monkeypatch, french)
    monkeypatch.setattr(own_call, "connect", found.connect)
    return found


KEY_OF_DE = {"FLIPSNACK_API_KEY": KEY, "FLIPSNACK_API_SECRET": SECRET}


@pytest.mark.parametrize(
    ("more", "keys", "said", "of_fr"),
    [
        ([], "both", "2 accounts have an entry 1: de, fr. Nothing was changed. Say which: `", 1),
        (["--account", "fr"], "both", "Put back: 1 of 1.", 2),
        (["--account", "FR"], "both", "Put back: 1 of 1.", 2),
        (["--account", "fr"], "of de", "Entry 1 is of the account fr, and this terminal has no key of it.", 1),
        (["--account", "fr"], "file of de", "write the account with its key and secret into {file}", 1),
        (["--account", "it"], "both", "No account is called so. The accounts are: de, fr.", 1),
    ],
)
async def test_where_two_accounts_have_the_number_one_is_named_and_its_key_is_needed(
    two: TwoAccounts, more: list[str], keys: str, said: str, of_fr: int
) -> None:
    change = {**two.wanted, "title": "Autumn"}
    async with two.assistant() as assistant:
        for account in ("de", "fr"):
            await assistant.call("update_collection", {**change, "account": account})
    file = two.state.with_name("accounts.toml")
    if keys == "file of de":
        file.write_text(OF_DE)
    own = KEY_OF_DE if keys == "of de" else {"FLIPSNACK_ACCOUNTS": str(file)}
    ended = await undo(two, 1, "yes\n", *more, **own)
    assert said.format(file=file) in ended.out
    assert (ended.status == 0) is (of_fr == 2)
    assert [len(one.carried_out(UPDATE)) for one in (two.bench.sandbox, two.french)] == [1, of_fr]


async def test_an_account_is_called_as_before_whatever_the_terminal_that_undoes_something_knows(
    two: TwoAccounts,
) -> None:
    change = {**two.wanted, "title": "Autumn", "account": "de"}
    async with two.assistant() as assistant:
        await assistant.call("update_collection", change)
    ended = await undo(two, 1, "yes\n", "--account", "de", **KEY_OF_DE)
    assert ended.status == 0, ended.out
    assert re.search(r"history --undo \d+ --account de` takes it back", ended.out)
    assert "  de  " in (await two.run("history")).out
    assert "key ending" not in (await two.run("history")).out


@dataclass
class Remote:
    """An imitation at a port, and an assistant that changes something there."""

    imitation: Sandbox
    settings: Settings
    state: Path

    @property
    def environment(self) -> dict[str, str]:
        own = {"FLIPSNACK_API_KEY": self.settings.api_key, "FLIPSNACK_API_SECRET": self.settings.api_secret}
        quick = {"FLIPSNACK_CALLS_PER_SECOND": "1000", "FLIPSNACK_CALLS_PER_MINUTE": "1000"}
        return {**own, **quick, "FLIPSNACK_API_URL": self.settings.api_url, "FLIPSNACK_STATE": f"sqlite:{self.state}"}

    def connect(self, settings: Settings) -> Flipsnack:
        access = Access(settings.api_key, settings.api_secret, settings.api_url)
        return Flipsnack(access, Pacer(BudgetInMemory(), NO_PACE))

    async def renamed(self) -> int:
        """Rename seven collections; the number by which that can be undone."""
        server = build_server(self.settings, self.connect, store=SqliteStore(self.state))
        async with Client(server) as client:
            assistant = Assistant(client, Witness())
            plan = await assistant.call("update_collections", query="Weekly offers", prefix="Old: ")
            done = await assistant.call("update_collections", plan_id=plan.data["plan_id"], wait_seconds=45)
        return int(done.data["history_id"])

    @property
    def still_old(self) -> int:
        """How many of them have their new title."""
        return sum(one.title.startswith("Old: ") for one in self.imitation.account.collections.values())


@pytest.fixture
async def remote(tmp_path: Path) -> AsyncIterator[Remote]:
    imitation = Sandbox(api_key=KEY, api_secret=SECRET, pace=Pace(calls_per_second=0, calls_per_minute=0))
    async with at_a_port(imitation) as where:
        settings = Settings(KEY, SECRET, api_url=where["FLIPSNACK_API_URL"])
        yield Remote(imitation, settings, tmp_path / "state.sqlite")


async def test_at_a_real_terminal_ctrl_c_changes_nothing_at_the_question_and_later_stops_between_two(
    run: Run, remote: Remote, run_here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await remote.renamed()
    again = ("history", "--undo", str(number))
    asked = await to_thread.run_sync(AtPty(run, remote.environment, "type yes: ", ""), *again)
    assert (asked.status, UNCHANGED in asked.out, remote.still_old) == (1, True, 7)
    remote.imitation.add_fault(Fault("slow", UPDATE, seconds=2.0, times=0))
    going = AtPty(run, remote.environment, "update: ", "", {"type yes: ": "yes\n"})
    stopped = await to_thread.run_sync(going, *again)
    assert (stopped.status, "Stopped between two collections." in stopped.out) == (130, True), stopped.out
    assert 0 < remote.still_old <= 7
    remote.imitation.clear_faults()
    monkeypatch.setattr(sys, "stdin", Terminal("yes\n"))
    finished = await to_thread.run_sync(partial(run_here, *again, **remote.environment))
    assert (finished.status, remote.still_old) == (0, 0), finished.out
    assert "Traceback" not in asked.out + stopped.out + finished.out
