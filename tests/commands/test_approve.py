"""A yes in a terminal: only a person at one can give it, for one thing, once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread

from flipsnack_mcp.sandbox import Pace, Sandbox
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import Records
from flipsnack_mcp.store.sqlite import SqliteStore
from tests.commands.at_a_terminal import TITLE, AtPty, Here, Now, Scene
from tests.commands.processes import KEY, SECRET, Ended, Run
from tests.server.bench import Bench, Said, Witness


@pytest.fixture
def scene(run_here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    clock, pace = Now(), Pace(calls_per_second=0, calls_per_minute=0)
    sandbox = Sandbox(api_key=KEY, api_secret=SECRET, clock=clock, pace=pace)
    return Scene(Bench(sandbox, clock, Witness(), "auto", tmp_path), tmp_path / "state.sqlite", run_here, monkeypatch)


async def after_the_code(scene: Scene, then: Callable[[str], Any]) -> tuple[Any, Said]:
    """Be refused with a code, let something happen with it, and make the call with it."""
    given = scene.wanted
    async with scene.assistant() as assistant:
        code = (await assistant.call("delete_collection", given)).code
        ended = await then(code)
        return ended, await assistant.call("delete_collection", {**given, "confirmation": code})


async def test_what_is_typed_at_a_terminal_lets_the_call_through_once(scene: Scene) -> None:
    async with scene.assistant() as assistant:
        refused = await assistant.call("delete_collection", scene.wanted)
        wanted = {**scene.wanted, "confirmation": refused.code}
        early = await assistant.call("delete_collection", wanted)
        assert early.is_error
        assert f"flipsnack-mcp approve {refused.code}" in early.text
        assert scene.deletions == 0
        approved = await scene.approved(f" {refused.code.lower()} ", f"  {TITLE} \n")  # as people copy and type
        assert approved.status == 0, approved.out
        assert "Approved." in approved.out
        assert "stop working" in approved.out
        assert scene.deletions == 0
        kept = scene.bench.collection(TITLE)
        done = await assistant.call("delete_collection", wanted)
        assert not done.is_error, done.text
        scene.bench.sandbox.account.keep(kept)
        again = await assistant.call("delete_collection", wanted)

    assert again.is_error
    assert again.text.endswith("Nothing was changed.")
    assert scene.deletions == 1


@pytest.mark.parametrize("typed", ["Spring catalogue 2026\n", "\n", "yes\n", "y\n", "", None], ids=repr)
async def test_nothing_is_approved_by_another_title_or_without_a_terminal(scene: Scene, typed: str | None) -> None:
    ended, said = await after_the_code(scene, lambda code: scene.run("approve", code, typed=typed))
    assert ended.status == 1
    assert ("needs a person at a terminal" if typed is None else "Nothing was approved.") in ended.out
    assert said.is_error
    assert scene.deletions == 0


async def test_of_several_each_is_shown_on_a_line_of_its_own(scene: Scene) -> None:
    async with scene.assistant() as assistant:
        plan = await assistant.call("delete_collections", query="Weekly offers")
        refused = await assistant.call("delete_collections", plan_id=plan.data["plan_id"])
    ended = await scene.approved(refused.code, typed="7\n")
    lines = [line for line in ended.out.splitlines() if "Weekly offers" in line]
    assert [one["collection_hash"] in line for one, line in zip(plan.data["items"], lines, strict=True)] == [True] * 7
    assert ended.status == 0


@pytest.mark.parametrize(
    ("title", "typed", "approved"),
    [
        ("L\u2019été\u00a0: 5\u202f€ \u2013 ❤\ufe0f", "L'été : 5 € - ❤", True),
        ("Summer 2025-2026...", "Summer 2025\u20132026…", True),
        ("Summer 2026", "{hash}", True),
        ("…", "{hash}", True),
        ("…", "…", False),
        ("…", "\u200b", False),
        ("\u200d\u2800", "", False),
        ("\u2013 \u2013", "--", False),
        ("Summer 2026", "{hash}x", False),
    ],
    ids=ascii,
)
async def test_at_a_terminal_the_title_is_compared_as_people_compare_and_the_hash_counts(
    scene: Scene, title: str, typed: str, *, approved: bool
) -> None:
    collection = scene.bench.collection(TITLE)
    collection.title = title
    async with scene.assistant() as assistant:
        given = {"collection_hash": collection.hash}
        code = (await assistant.call("delete_collection", given)).code
        ended = await scene.approved(code, typed.format(hash=collection.hash) + "\n")
        said = await assistant.call("delete_collection", {**given, "confirmation": code})
    assert (ended.status == 0, said.is_error, scene.deletions) == (approved, not approved, int(approved))
    assert ("Its hash counts as well." in ended.out) is (f'type "{collection.hash}"' not in ended.out)


@pytest.mark.parametrize("url", ["https://api.flipsnack.com/v1/", "https://api.elsewhere.example/v1/"])
async def test_without_a_code_what_waits_is_listed_with_its_account_whatever_the_terminal_knows(
    scene: Scene, url: str
) -> None:
    empty = await scene.run("approve")
    async with scene.assistant() as assistant:
        code = (await assistant.call("delete_collection", scene.wanted)).code
    full = await scene.run("approve", FLIPSNACK_API_URL=url)
    await scene.approved(code)
    after = await scene.run("approve")
    assert [one.status for one in (empty, full, after)] == [0] * 3
    assert all("Nothing waits for an approval." in one.out for one in (empty, after))
    (line,) = [one for one in full.out.splitlines() if one.startswith(code)]
    assert line.startswith(f'{code}  key ending {KEY[-4:]}  Delete the collection "{TITLE}"')
    assert code not in after.out


@pytest.mark.parametrize("code", ["AAAAAAAA", "", "   ", "no such code", "EXPIRED"], ids=repr)
async def test_a_code_that_does_not_wait_or_not_any_more_is_refused(scene: Scene, code: str) -> None:
    scene.bench.clock.advance(-601)
    async with scene.assistant() as assistant:
        expired = (await assistant.call("delete_collection", scene.wanted)).code
    ended = await scene.approved(expired if code == "EXPIRED" else code)
    assert ended.status == 1
    assert "Nothing waits under the code" in ended.out


MEANWHILE: dict[str, Callable[[Bench], object]] = {
    "ten minutes pass": lambda bench: bench.clock.advance(601),
    "its title changes": lambda bench: setattr(bench.collection(TITLE), "title", "Renamed meanwhile"),
}


@pytest.mark.parametrize("meanwhile", MEANWHILE)
async def test_what_expired_or_changed_after_the_approval_is_not_deleted(scene: Scene, meanwhile: str) -> None:
    async def approved_and_left(code: str) -> tuple[str, Ended]:
        ended = await scene.approved(code)
        MEANWHILE[meanwhile](scene.bench)
        return code, ended

    (code, ended), said = await after_the_code(scene, approved_and_left)

    assert ended.status == 0
    assert said.is_error
    assert code not in said.text
    assert said.text.endswith("Nothing was changed.")
    assert scene.deletions == 0


@pytest.mark.parametrize(
    ("state", "said"), [("memory:", "FLIPSNACK_STATE is memory:"), ("sqlite:/", "names no file but a whole disk")]
)
@pytest.mark.parametrize("typed", ["approve", "history", "history --verify"])
async def test_a_store_that_cannot_be_looked_into_is_said(scene: Scene, typed: str, state: str, said: str) -> None:
    ended = await scene.run(*typed.split(), FLIPSNACK_STATE=state)
    assert ended.status == 1
    assert said in ended.out
    assert "Traceback" not in ended.out + ended.err


@pytest.mark.parametrize(("typed", "status"), [(f"{TITLE}\n", 0), ("", 1)], ids=["the title", "Ctrl-C"])
async def test_at_a_terminal_the_title_approves_and_ctrl_c_not(scene: Scene, run: Run, typed: str, status: int) -> None:
    async def at_terminal(code: str) -> Ended:
        asked = AtPty(run, scene.environment, 'To approve it, type "', typed)
        return await to_thread.run_sync(asked, "approve", code)

    ended, said = await after_the_code(scene, at_terminal)
    assert ended.status == status, ended.out
    assert "Traceback" not in ended.out
    assert said.is_error is bool(status)
    assert scene.deletions == 1 - status


async def test_the_history_shows_the_deletion_the_yes_and_how_it_was_and_nothing_for_the_terminal(scene: Scene) -> None:
    known = scene.bench.collection(TITLE).hash
    scene.bench.collection(TITLE).description = "Now\u202e \u200bhidden\x1b[2J"
    await after_the_code(scene, scene.approved)
    shown, whole = await scene.run("history"), await scene.run("history", "--verify")
    assert (shown.status, whole.status) == (0, 0)
    head, asked, done = shown.out.splitlines()
    assert [head.split()[0], asked.split()[0], done.split()[0]] == ["No.", "1", "2"]
    assert "  refused  " in asked
    assert f'  done, confirmed by approve  "{TITLE}" ({known})' in done
    how_it_was = (await scene.run("history", "--json")).out
    assert '"description": "Now\\u202e' in how_it_was
    assert not {"\u202e", "\u200b", "\x1b"} & {*shown.out, *how_it_was}
    assert "whole: 3 entries" in whole.out


async def test_a_history_with_a_changed_line_is_not_whole(scene: Scene) -> None:
    def alter(records: Records) -> None:
        account = Settings(api_key=KEY, api_secret=SECRET).account
        name, body = next((name, body) for name, body in records.all("history") if body["account"] == account)
        records.put("history", name, {**body, "decision": "done"})

    async with scene.assistant() as assistant:
        await assistant.call("delete_collection", scene.wanted)
    store = SqliteStore(scene.state)
    await store.transact(alter)
    await store.close()
    ended = await scene.run("history", "--verify")

    assert ended.status == 1
    assert "NOT whole: entry 1 was altered" in ended.out
    assert "NOT whole: entry 1 was altered" in (await scene.run("history")).out


async def test_a_history_of_which_nothing_can_be_read_is_not_called_empty(scene: Scene) -> None:
    def alter(records: Records) -> None:
        for name, body in records.all("history"):
            records.put("history", name, {**body, "number": "one"})

    async with scene.assistant() as assistant:
        await assistant.call("delete_collection", scene.wanted)
    store = SqliteStore(scene.state)
    await store.transact(alter)
    await store.close()
    assert "Nothing has been changed" not in (await scene.run("history")).out
