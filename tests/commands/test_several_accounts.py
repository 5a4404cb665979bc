"""Several accounts from a person's terminal: what waits, what was done and what is set, each with its account."""

import json
import os
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from typing_extensions import override

from flipsnack_mcp.api import retry
from flipsnack_mcp.api.budget import BudgetRules
from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.pace import BudgetInMemory, Pacer
from flipsnack_mcp.commands.doctor import here as doctor
from flipsnack_mcp.commands.doctor.finding import Finding
from flipsnack_mcp.commands.trail_table import OPEN_END, changes_made
from flipsnack_mcp.sandbox import Pace, Sandbox
from flipsnack_mcp.server.consent.codes import CODE
from flipsnack_mcp.server.server import build_server
from flipsnack_mcp.settings import Settings, read_settings
from flipsnack_mcp.store.labels import LABEL
from flipsnack_mcp.store.records import Records
from flipsnack_mcp.store.sqlite import MemoryStore, SqliteStore
from flipsnack_mcp.workflows.history import HEAD, HISTORY_ENTRY, History
from tests.api.street import no_network_settings
from tests.commands.at_a_terminal import DELETED, TITLE, Here, Now, Scene
from tests.commands.processes import KEY, SECRET, Ended, Run
from tests.server.bench import Assistant, Bench, Given, Tapped, Witness

OTHER_KEY, OTHER_SECRET = "KEY-OF-THE-OTHER-1111", "SECRET-OF-THE-OTHER-2222"
OF_DE = f'[accounts.de]\nkey = "{KEY}"\nsecret = "{SECRET}"\n'
OF_FR = f'[accounts.fr]\nkey = "{OTHER_KEY}"\nsecret = "{OTHER_SECRET}"\n'
UNHURRIED = BudgetRules(limits=((1000, 1.0), (10_000, 60.0)))
"""The seconds here are real, and nobody counts the calls."""


@dataclass
class TwoAccounts(Scene):
    """A server of two accounts that have the same collections, and a terminal that knows the state file alone."""

    french: Sandbox

    @property
    @override
    def environment(self) -> dict[str, str]:
        return {"FLIPSNACK_STATE": f"sqlite:{self.state}"}

    @property
    def settings(self) -> Settings:
        file = self.state.with_name("accounts.toml")
        file.write_text(OF_DE + OF_FR)
        given = {"FLIPSNACK_ACCOUNTS": str(file), "FLIPSNACK_CONFIRM": "approve"}
        return read_settings({**given, **self.environment})

    @property
    def deleted(self) -> tuple[int, int]:
        """How many collections, in each."""
        return self.deletions, len(self.french.carried_out(DELETED))

    def connect(self, settings: Settings) -> Flipsnack:
        sandbox = self.french if settings.name == "fr" else self.bench.sandbox
        access = Access(settings.api_key, settings.api_secret)
        return Flipsnack(access, Pacer(BudgetInMemory(), UNHURRIED), lambda: Tapped(sandbox, self.bench.witness))

    @asynccontextmanager
    @override
    async def assistant(self) -> AsyncIterator[Assistant]:
        store = SqliteStore(self.state, self.bench.clock)
        server = build_server(self.settings, self.connect, self.bench.clock, store)
        async with self.bench.assistant(server=server) as assistant:
            yield assistant

    async def edit(self, work: Any) -> None:
        """Go at the store, as somebody could who has it on their disk."""
        store = SqliteStore(self.state)
        await store.transact(work)
        await store.close()

    async def history(self, *arguments: str) -> Any:
        """What the command prints as JSON."""
        ended = await self.run("history", "--json", *arguments)
        assert ended.status == 0, ended.out
        return json.loads(ended.out)


@pytest.fixture
def scene(run_here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TwoAccounts:
    clock, pace = Now(), Pace(calls_per_second=0, calls_per_minute=0)
    sandbox = Sandbox(api_key=KEY, api_secret=SECRET, clock=clock, pace=pace)
    french = Sandbox(api_key=OTHER_KEY, api_secret=OTHER_SECRET, clock=clock, pace=pace)
    bench = Bench(sandbox, clock, Witness(), "auto", tmp_path)
    return TwoAccounts(bench, tmp_path / "state.sqlite", run_here, monkeypatch, french)


# --- approve
async def test_a_code_of_any_account_is_approved_without_a_key_and_counts_for_its_own_only(scene: TwoAccounts) -> None:
    async with scene.assistant() as assistant:
        wanted: Given = {**scene.wanted, "account": "fr"}
        code = (await assistant.call("delete_collection", wanted)).code
        listed, refused = await scene.run("approve"), await scene.run("approve", code, typed="Another title\n")
        early = await assistant.call("delete_collection", {**wanted, "confirmation": code})
        approved = await scene.approved(code)
        for_the_other = await assistant.call("delete_collection", {**wanted, "account": "de", "confirmation": code})
        assert scene.deleted == (0, 0)
        done = await assistant.call("delete_collection", {**wanted, "confirmation": code})
    assert [one.startswith(f"{code}  fr  ") for one in listed.out.splitlines()] == [True, False]
    assert (refused.status, approved.status) == (1, 0)
    assert approved.out.startswith("Account: fr\n")
    assert early.is_error
    assert "unknown, used or expired" in for_the_other.text
    assert not done.is_error, done.text
    assert scene.deleted == (0, 1)


async def test_what_waits_is_listed_over_all_accounts(scene: TwoAccounts) -> None:
    async with scene.assistant() as assistant:
        codes = {
            name: (await assistant.call("delete_collection", {**scene.wanted, "account": name})).code
            for name in ("fr", "de")
        }
    listed = (await scene.run("approve")).out
    assert [line.split("  ")[:2] for line in listed.splitlines()[:2]] == [[codes["fr"], "fr"], [codes["de"], "de"]]


DAMAGED: tuple[Any, ...] = ([], "x", 5, None, {}, {"account": 1, "number": "x", "at": "y", "label": {}})
damaged = pytest.mark.parametrize("body", DAMAGED, ids=repr)


@damaged
async def test_a_code_that_somebody_made_something_else_of_keeps_no_other_from_being_approved(
    scene: TwoAccounts, body: Any
) -> None:
    async with scene.assistant() as assistant:
        code = (await assistant.call("delete_collection", {**scene.wanted, "account": "fr"})).code
        await scene.edit(lambda records: records.put(CODE, "AAAAAAAA", body))
        listed, odd = await scene.run("approve"), await scene.run("approve", "AAAAAAAA")
        used = await assistant.call("delete_collection", {**scene.wanted, "account": "fr", "confirmation": "AAAAAAAA"})
        approved = await scene.approved(code)
    assert [line.split("  ")[0] for line in listed.out.splitlines()[:-1]] == [code]
    assert (odd.status, approved.status) == (1, 0)
    assert "unknown, used or expired" in used.text


# --- history
AS_CHANGED = list[bytes]()
"""The state file after them, once they were made."""


async def changed(scene: TwoAccounts) -> None:
    """Two changes in one account, and one in the other between them; a terminal sees no more than the state file."""
    if AS_CHANGED:
        scene.state.write_bytes(*AS_CHANGED)
        return
    given = scene.wanted
    async with scene.assistant() as assistant:
        for name, title in (("de", "Eins"), ("fr", "Un"), ("de", "Zwei")):
            scene.bench.clock.advance(1)
            said = await assistant.call("update_collection", {**given, "account": name, "title": title})
            assert not said.is_error, said.text
    AS_CHANGED.append(scene.state.read_bytes())
    assert not scene.state.with_name(f"{scene.state.name}-wal").exists()  # all of it


async def test_the_history_lists_all_accounts_in_the_order_of_time_each_with_its_label(scene: TwoAccounts) -> None:
    await changed(scene)
    shown, entries = await scene.run("history"), await scene.history()
    head, *lines = shown.out.splitlines()
    rows = [re.split("  +", line) for line in lines]
    assert re.split("  +", head) == ["No.", "When", "Account", "What", "How it ended", "Of what"]
    assert [(row[0], row[2], row[4]) for row in rows] == [("1", "de", "done"), ("1", "fr", "done"), ("3", "de", "done")]
    assert [row[5].partition(" (")[0] for row in rows] == [f'"{TITLE}"', f'"{TITLE}"', '"Eins"']
    assert [(one["number"], one["label"]) for one in entries] == [
        (1, "de"), (2, "de"), (1, "fr"), (2, "fr"), (3, "de"), (4, "de"),
    ]  # fmt: skip
    assert {(one["label"], one["account"]) for one in entries} == {
        (one.name, one.account) for one in scene.settings.accounts
    }


@pytest.mark.parametrize(
    ("since", "numbers"), [("2w", [1, 1, 3]), ("2026-01-01", [1, 1, 3]), ("2100-01-01T08:00", []), ("0m", [])]
)
async def test_the_history_since_a_time_has_what_was_not_over_before(
    scene: TwoAccounts, since: str, numbers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    await changed(scene)
    later = time.time() + 60
    monkeypatch.setattr(time, "time", lambda: later)
    shown, entries = await scene.run("history", "--since", since), await scene.history("--since", since)
    listed = [int(line.split()[0]) for line in shown.out.splitlines()[1:]]
    assert listed == numbers
    assert len(entries) == 2 * len(numbers)
    assert ("since then" in shown.out) is not bool(numbers)


async def test_a_change_whose_end_was_never_written_down_is_said_to_have_begun(scene: TwoAccounts) -> None:
    await changed(scene)
    german = scene.settings.accounts[0].account
    await scene.edit(lambda records: records.delete(HISTORY_ENTRY, f"{german}/{4:09}"))
    *lines, whole = (await scene.run("history", "--account", "de")).out.splitlines()
    assert ["begun, its end is not known" in line for line in lines] == [False, False, True]
    assert "NOT whole" in whole


async def test_what_is_tried_after_a_change_whose_end_nobody_knows_is_not_shown_as_its_end() -> None:
    """As after a kill: Flipsnack carried it out, and the next call finds nothing there."""
    trail, about = History(MemoryStore(), "de"), {"tool": "delete_collection", "target": "abcdefgh"}
    await trail.add(decision="allowed", before={"title": "Spring"}, **about)
    await trail.add(decision="failed", said="There is no collection abcdefgh", **about)
    made = changes_made([("de", one) for one in await trail.events()])
    assert [(one.first.number, one.outcome) for one in made] == [(1, OPEN_END), (2, "failed")]


@pytest.mark.parametrize("typed", ["fr", "FR", " fr ", "{account}"])
async def test_one_account_is_chosen_by_its_label_or_by_its_hash(scene: TwoAccounts, typed: str) -> None:
    await changed(scene)
    french = scene.settings.accounts[1].account
    entries = await scene.history("--account", typed.format(account=french))
    assert [(one["number"], one["account"]) for one in entries] == [(1, french), (2, french)]
    whole = await scene.run("history", "--verify", "--account", typed.format(account=french))
    assert (whole.status, whole.out) == (0, "The trail is whole: 2 entries.\n")


async def test_an_account_is_chosen_by_what_the_file_in_this_terminal_calls_it(scene: TwoAccounts) -> None:
    await changed(scene)
    file = scene.state.with_name("renamed.toml")
    file.write_text(OF_FR.replace("fr", "paris"))
    found = await scene.run("history", "--json", "--account", "paris", FLIPSNACK_ACCOUNTS=str(file))
    assert [one["label"] for one in json.loads(found.out)] == ["paris", "paris"]


@pytest.mark.parametrize("typed", ["es", "", KEY])
async def test_an_account_that_nobody_knows_is_refused_with_those_there_are(scene: TwoAccounts, typed: str) -> None:
    await changed(scene)
    ended = await scene.run("history", "--account", typed)
    assert (ended.status, ended.out) == (1, "No account is called so. The accounts are: de, fr.\n")


async def test_accounts_from_before_there_were_labels_are_unnamed_and_told_apart_by_their_hashes(
    scene: TwoAccounts,
) -> None:
    await changed(scene)
    accounts = [one.account for one in scene.settings.accounts]
    await scene.edit(lambda records: [records.delete(LABEL, one) for one in accounts])
    shown, refused = await scene.run("history"), await scene.run("history", "--account", "unnamed")
    assert {one["label"] for one in await scene.history()} == {"unnamed"}
    assert [f"unnamed ({one})" in shown.out for one in accounts] == [True, True]
    assert refused.status == 1
    assert "2 accounts are called so" in refused.out
    chosen = await scene.history("--account", f"unnamed ({accounts[0]})")
    assert {one["account"] for one in chosen} == {accounts[0]}


async def test_of_several_trails_the_one_that_is_not_whole_is_named(scene: TwoAccounts) -> None:
    await changed(scene)
    french = scene.settings.accounts[1].account

    def alter(records: Records) -> None:
        body = records.get(HISTORY_ENTRY, f"{french}/{1:09}")
        records.put(HISTORY_ENTRY, f"{french}/{1:09}", {**(body or {}), "target": "another"})

    whole = await scene.run("history", "--verify")
    await scene.edit(alter)
    torn, facts = await scene.run("history", "--verify"), await scene.run("history", "--verify", "--json")
    assert (whole.status, whole.out) == (
        0,
        "The trail of de is whole: 4 entries.\nThe trail of fr is whole: 2 entries.\n",
    )
    assert torn.status == facts.status == 1
    assert torn.out.splitlines() == [
        "The trail of de is whole: 4 entries.", "The trail of fr is NOT whole: entry 1 was altered or put in.",
    ]  # fmt: skip
    told = json.loads(facts.out)
    assert (told["ok"], told["entries"], told["wrong"]) == (False, 6, "fr: entry 1 was altered or put in")
    assert [(one["label"], one["ok"], one["entries"]) for one in told["accounts"]] == [
        ("de", True, 4),
        ("fr", False, 2),
    ]
    alone = await scene.run("history", "--verify", "--account", "de")
    assert alone.status == 0


@damaged
async def test_what_is_damaged_in_one_account_hides_the_history_of_no_other(scene: TwoAccounts, body: Any) -> None:
    await changed(scene)
    french = scene.settings.accounts[1].account

    def alter(records: Records) -> None:
        for kind in (HEAD, LABEL):
            records.put(kind, french, body)

    await scene.edit(alter)
    shown, torn = await scene.run("history"), await scene.run("history", "--verify")
    wholeness = [
        "The trail of de is whole: 4 entries.",
        "The trail of unnamed is NOT whole: what is kept of its end was altered.",
    ]
    lines = shown.out.splitlines()
    assert (shown.status, len(lines[:-2]), lines[-2:], torn.status) == (0, 4, wholeness, 1)
    assert torn.out.splitlines() == wholeness


async def test_an_entry_that_was_moved_to_another_account_is_found(scene: TwoAccounts) -> None:
    await changed(scene)
    german, french = (one.account for one in scene.settings.accounts)

    def move(records: Records) -> None:
        for name, body in records.all(HISTORY_ENTRY):
            if name.startswith(german):
                records.put(HISTORY_ENTRY, name.replace(german, french), body)

    await scene.edit(move)
    assert "fr is NOT whole: entry 1" in (await scene.run("history", "--verify")).out


async def test_without_anything_done_the_terminal_says_so(scene: TwoAccounts) -> None:
    shown, whole, chosen = (
        await scene.run("history"), await scene.run("history", "--verify"), await scene.run("history", "--account", "de"),
    )  # fmt: skip
    assert [one.out for one in (shown, whole, chosen)] == [
        "Nothing has been changed through this server.\n",
        "The trail is whole: 0 entries.\n",
        "No account was used here so far.\n",
    ]
    assert json.loads((await scene.run("history", "--verify", "--json")).out) == {"ok": True, "entries": 0, "wrong": ""}


# --- doctor
@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "accounts.toml"


def written(file: Path, content: str, mode: int = 0o600) -> dict[str, str]:
    """What a terminal is told of a file with this content."""
    file.write_text(content)
    file.chmod(mode)
    return {"FLIPSNACK_ACCOUNTS": str(file)}


def checks_of(ended: Ended) -> Iterator[tuple[str, str, bool]]:
    """Whose, what and how, of each finding."""
    for one in json.loads(ended.out)["checks"]:
        yield one.get("account", ""), one["check"], one["ok"]


IMITATIONS = '[accounts.de]\nsandbox = "small"\n[accounts.fr]\nsandbox = true\nupload_dirs = ["/nonexistent/folder"]\n'


def test_doctor_looks_at_each_account_under_its_name(run_here: Here, file: Path) -> None:
    own = written(file, f'{IMITATIONS}[accounts.uk]\nsandbox = "small"\nread_only = "perhaps"\n')
    shown, told = run_here("doctor", **own), run_here("doctor", "--json", **own)
    found = list(checks_of(told))
    assert shown.status == told.status == 1
    assert found == [
        ("", "signing", True),
        ("de", "configuration", True), ("de", "uploads", True), ("de", "downloads", True), ("de", "call", True),
        ("fr", "configuration", True), ("fr", "uploads", False), ("fr", "downloads", True), ("fr", "call", True),
        ("uk", "configuration", False), ("uk", "uploads", True), ("uk", "downloads", True),
    ]  # fmt: skip
    assert "  de: sandbox\n  fr: sandbox\n  uk: sandbox\n" in shown.out
    assert f'FAIL [uk] configuration: {file}, account "uk": read_only is neither 1, 0, true nor false.' in shown.out
    assert "FAIL [fr] uploads: /nonexistent/folder is no folder" in shown.out
    assert f"  FLIPSNACK_ACCOUNTS = {file}  (environment)" in shown.out


def test_doctor_tells_real_accounts_by_the_end_of_their_keys(
    run_here: Here, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_network_settings(monkeypatch)
    monkeypatch.setattr(retry, "MAX_TRIES", 1)
    nowhere = 'api_url = "http://127.0.0.1:9/"\n'
    own = written(
        file,
        f'{OF_DE}{nowhere}[accounts.koeln]\nkey = "{KEY}"\nsecret = "{SECRET}"\n{nowhere}{IMITATIONS.replace("de", "try")}',
    )
    shown, told = run_here("doctor", **own), json.loads(run_here("doctor", "--json", **own).out)
    assert f"  de, koeln: live, key ending {KEY[-4:]}\n" in shown.out
    assert told["mode"] == "live"
    assert told["accounts"][:2] == [
        {"name": "de", "aliases": ["koeln"], "label": "de", "mode": "live", "key_end": KEY[-4:]},
        {"name": "try", "aliases": [], "label": "try", "mode": "sandbox", "key_end": ""},
    ]
    assert '"de", "koeln" have one key and so are one account' in shown.out
    assert "FAIL [de] call:" in shown.out
    assert "ok   [try] call:" in shown.out


def test_doctor_asks_all_accounts_side_by_side(run_here: Here, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, all_begun = list[str](), anyio.Event()

    async def waits_for_the_others(settings: Settings) -> list[Finding]:
        begun.append(settings.name)
        if len(begun) == 3:
            all_begun.set()
        with anyio.fail_after(30):
            await all_begun.wait()
        return [Finding("call", ok=True, said="answered")]

    monkeypatch.setattr(doctor, "asked", waits_for_the_others)
    three = "".join(f"[accounts.{name}]\nsandbox = true\n" for name in ("a", "b", "c"))
    assert run_here("doctor", **written(file, three)).status == 0
    assert sorted(begun) == ["a", "b", "c"]


def test_what_is_wrong_with_the_process_is_found_once(run_here: Here, file: Path) -> None:
    own = written(file, OF_DE + OF_FR)
    ended = run_here("doctor", "--json", **own, FLIPSNACK_CALLS_PER_MINUTE="many", FLIPSNACK_READONLY="1")
    assert ended.out.count("FLIPSNACK_CALLS_PER_MINUTE is no whole number") == 1
    assert ended.out.count("did you mean FLIPSNACK_READ_ONLY?") == 1
    assert [one for one in checks_of(ended) if one[1] == "call"] == []


def test_of_a_file_that_cannot_be_read_doctor_says_why(run_here: Here, file: Path) -> None:
    ended = run_here("doctor", **written(file, "[accounts.de\n"))
    assert ended.status == 1
    assert f"FAIL configuration: {file} cannot be understood from line 1 on" in ended.out


def test_with_one_account_by_variables_doctor_says_nothing_of_accounts(run_here: Here) -> None:
    told = json.loads(run_here("doctor", "--json", FLIPSNACK_SANDBOX="1").out)
    assert list(told) == ["version", "mode", "ok", "settings", "checks"]
    assert {tuple(one) for one in told["checks"]} == {("check", "ok", "said")}
    assert "Accounts:" not in run_here("doctor", FLIPSNACK_SANDBOX="1").out


async def test_a_doctor_without_a_key_names_the_accounts_that_the_state_file_knows(scene: TwoAccounts) -> None:
    before = await scene.run("doctor")
    await changed(scene)
    after = await scene.run("doctor")
    half = await scene.run("doctor", FLIPSNACK_API_KEY=KEY)
    assert (before.status, after.status, half.status) == (1, 0, 1)
    assert "FAIL configuration: FLIPSNACK_API_KEY and FLIPSNACK_API_SECRET are not set" in before.out
    assert "ok   configuration: no key is set in this terminal, so Flipsnack was not asked" in after.out
    assert "FAIL configuration: FLIPSNACK_API_SECRET is not set" in half.out
    assert "servers on" not in before.out
    assert f"ok   state: servers on {scene.state} used: de, fr; `flipsnack-mcp history` and" in after.out


def test_a_doctor_without_a_key_finds_a_damaged_state_file(run_here: Here, tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_text("no database, but long enough to be looked at as one" * 10)
    ended = run_here("doctor", FLIPSNACK_STATE=f"sqlite:{tmp_path / 'state.sqlite'}")
    assert ended.status == 1
    assert "FAIL state: The state file" in ended.out
    assert "Traceback" not in ended.out + ended.err


# --- who may read the file
OPEN = [0o644, 0o640, 0o604, 0o660, 0o602]
ONLY_NAMED = '[accounts.de]\nkey_file = "de.key"\nsecret_file = "de.secret"\n'


def keys_beside(file: Path, mode: int) -> None:
    for name, value in (("de.key", KEY), ("de.secret", SECRET)):
        file.with_name(name).write_text(value)
        file.with_name(name).chmod(mode)


@pytest.mark.skipif(os.name == "nt", reason="an access list protects it there")
@pytest.mark.parametrize("mode", OPEN, ids=oct)
def test_a_file_with_keys_that_others_may_read_is_complained_about(run_here: Here, file: Path, mode: int) -> None:
    shown = run_here("doctor", **written(file, f"{OF_DE}sandbox = true\n", mode))
    assert f"ok   keys: {file} holds keys and is open to other users of this machine" in shown.out
    closed = run_here("doctor", **written(file, f"{OF_DE}sandbox = true\n", 0o600))
    assert "open to other users" not in closed.out


@pytest.mark.skipif(os.name == "nt", reason="an access list protects it there")
def test_a_file_that_only_names_others_may_be_read_and_what_it_names_may_not(run_here: Here, file: Path) -> None:
    keys_beside(file, 0o600)
    own = written(file, f"{ONLY_NAMED}sandbox = true\n", 0o644)
    assert "open to other users" not in run_here("doctor", **own).out
    keys_beside(file, 0o644)
    shown = run_here("doctor", **own).out
    assert [f"{file.with_name(name)} holds keys" in shown for name in ("de.key", "de.secret")] == [True, True]
    assert f"{file} holds keys" not in shown


def test_of_a_file_that_cannot_be_understood_a_server_says_the_line_and_no_value_at_any_log_level(
    run: Run, file: Path
) -> None:
    own = written(file, f'{OF_DE}secret = "{SECRET}"\n{OF_FR}')
    done = run(given="", **own, FLIPSNACK_LOG_LEVEL="DEBUG")  # which looks for the canaries
    assert (done.status, done.out) == (0, "")
    assert done.err.count(f"{file} cannot be understood from line 4 on") == 1
    assert not {OTHER_KEY, OTHER_SECRET} & set(done.err.replace('"', " ").split())


def test_a_server_warns_of_everything_once(run: Run, file: Path) -> None:
    broken = '[accounts.uk]\nsandbox = true\nread_only = "perhaps"\nconfirm = "maybe"\n'
    own = written(file, f"{OF_DE}{OF_DE.replace('de', 'koeln')}{broken}", 0o644)
    done = run(given="", **own, FLIPSNACK_CALLS_PER_MINUTE="many", FLIPSNACK_API_KEY=OTHER_KEY, FLIPSNACK_READONLY="1")
    assert (done.status, done.out) == (0, "")
    told = [
        "FLIPSNACK_CALLS_PER_MINUTE is no whole number", "did you mean FLIPSNACK_READ_ONLY?",
        "A key is set beside FLIPSNACK_ACCOUNTS", '"de", "koeln" have one key',
        f'{file}, account "uk": read_only is neither', f'{file}, account "uk": confirm is none of',
        f"{file} holds keys and is open to other users" if os.name != "nt" else "",
    ]  # fmt: skip
    assert {one: sum(one in line for line in done.err.splitlines()) for one in told if one} == dict.fromkeys(
        filter(None, told), 1
    )
    assert len(done.err.splitlines()) == len([*filter(None, told)])
    assert OTHER_KEY not in done.err


@pytest.mark.parametrize("at", [1e20, -1e20, 1e11])
async def test_an_entry_with_a_time_that_no_clock_shows_is_shown_with_the_others(scene: TwoAccounts, at: float) -> None:
    await changed(scene)
    german = scene.settings.accounts[0].account

    def alter(records: Records) -> None:
        body = records.get(HISTORY_ENTRY, f"{german}/{1:09}")
        records.put(HISTORY_ENTRY, f"{german}/{1:09}", {**(body or {}), "at": at})

    await scene.edit(alter)
    shown = await scene.run("history")
    *lines, german_trail, french_trail = shown.out.splitlines()
    assert (shown.status, len(lines)) == (0, 4)
    assert ("NOT whole: entry 1 was altered" in german_trail, "is whole" in french_trail) == (True, True)
