"""What belongs to one caller alone: a code, a question and its answer, a session, and the work that they had begun."""

from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from flipsnack_mcp.sandbox.faults import Fault
from flipsnack_mcp.server.callers.caller import Right
from flipsnack_mcp.server.consent.codes import Consents
from flipsnack_mcp.server.tools.plans.going_on import RESTS
from flipsnack_mcp.store.sqlite import SqliteStore
from flipsnack_mcp.team.authentication import door
from flipsnack_mcp.team.authentication.knowing import Authentication
from flipsnack_mcp.workflows.reports.record import ReportRecord
from flipsnack_mcp.workflows.reports.together import joint_report
from tests.listening import NO_TLS
from tests.team.authentication.guarded import (
    AUDIENCE,
    CODE,
    REVISIONS,
    TITLE,
    Assistant,
    Guarded,
    guarded,
    revoke,
    token_for,
)
from tests.team.authentication.issuer import signed
from tests.team.over_http import ACCEPTED, MODERN, OLDER, asked

YES = {"title": {"action": "accept", "content": {"title": TITLE}}}


def both(place: Guarded, revision: str = MODERN, *, forms: bool = False) -> tuple[Assistant, Assistant]:
    """Two callers who may do the same."""
    tokens = [token_for(place, name, "de") for name in ("anna", "ben")]
    anna, ben = (place.by(one, revision, forms=forms) for one in tokens)
    return anna, ben


def deleted(place: Guarded) -> bool:
    return "collection.deleteCollection" in place.asked.get("de", [])


@pytest.mark.parametrize("revision", REVISIONS)
def test_another_callers_code_is_unknown(own: Guarded, revision: str) -> None:
    anna, ben = both(own, revision)
    wanted = {"collection_hash": own.hash_in("de")}
    code = CODE.findall(anna.call("delete_collection", **wanted).text)[0]
    told = ben.call("delete_collection", **wanted, confirmation=code)
    never = ben.call("delete_collection", **wanted, confirmation="AAAAAAAA")
    assert told.text == never.text
    assert not deleted(own)
    assert not anna.call("delete_collection", **wanted, confirmation=code).is_error
    assert deleted(own)


def test_another_callers_question_is_answered_by_nobody_else(own: Guarded) -> None:
    anna, ben = both(own, forms=True)
    wanted = {"collection_hash": own.hash_in("de")}
    state = anna.call("delete_collection", **wanted).raw["requestState"]
    own.clock.seconds += 5
    answered = {"requestState": state, "inputResponses": YES}
    assert ben.call("delete_collection", answered, **wanted).is_error
    assert not deleted(own)
    assert not anna.call("delete_collection", answered, **wanted).is_error
    assert deleted(own)


def test_what_needs_an_approval_is_approved_by_who_runs_the_server(quick_folder: Path) -> None:
    with guarded(quick_folder, FLIPSNACK_CONFIRM="approve") as own:
        anna, ben = both(own)
        wanted, account = {"collection_hash": own.hash_in("de")}, own.settings.every[0].account
        told = anna.call("delete_collection", **wanted)
        code = CODE.findall(told.text)[0]
        assert f"Whoever runs this server has to run `flipsnack-mcp approve {code}` in a terminal there" in told.text
        early = anna.call("delete_collection", **wanted, confirmation=code)
        assert "Nobody has approved it yet: whoever runs this server has to run" in early.text

        async def approve() -> bool:
            store = SqliteStore(own.state, own.clock)
            try:
                return await Consents(store, account).approve(code)
            finally:
                await store.close()

        assert anyio.run(approve)
        assert ben.call("delete_collection", **wanted, confirmation=code).is_error
        assert not deleted(own)
        assert not anna.call("delete_collection", **wanted, confirmation=code).is_error
        assert deleted(own)


def test_who_signs_in_anew_is_the_same(own: Guarded) -> None:
    """A client gets another access token every few minutes; whose it is stays."""
    wanted = {"collection_hash": own.hash_in("de")}
    first, second, other = (
        own.by(signed(own.issuer.claims(AUDIENCE, **more)))
        for more in ({"jti": "1"}, {"jti": "2"}, {"sub": "eve", "groups": ["marketing"]})
    )
    code = CODE.findall(first.call("delete_collection", **wanted).text)[0]
    assert not second.call("delete_collection", **wanted, confirmation=code).is_error
    assert other.call("delete_collection", **wanted, confirmation=code).is_error


def test_another_callers_session_is_not_there(own: Guarded) -> None:
    anna, ben = both(own, OLDER)
    anna.call("list_collections", limit=1)
    own.forget()
    there = ben.request("tools/call", anna.session, name="list_collections", arguments={"limit": 2})
    nowhere = ben.request("tools/call", "0" * 32, name="list_collections", arguments={"limit": 2})
    assert (there.status_code, there.text) == (nowhere.status_code, nowhere.text)
    assert there.status_code == 404
    ended = ben._post({**ACCEPTED, "Mcp-Session-Id": anna.session}, asked("tools/list"))
    assert ended.status_code == 404
    assert own.asked == {}
    assert anna.request("tools/list").status_code == 200


def test_the_caller_of_each_request_counts_also_within_a_session(own: Guarded) -> None:
    """The same person with fewer scopes: what the session was opened with counts no more."""
    wide, narrow = (
        signed(own.issuer.claims(AUDIENCE, scope=f"flipsnack:read{more}")) for more in (" flipsnack:delete", "")
    )
    anna = own.by(wide, OLDER)
    assert "delete_collection" in {one["name"] for one in anna.result("tools/list")["tools"]}
    anna.token = narrow
    assert "delete_collection" not in {one["name"] for one in anna.result("tools/list")["tools"]}
    refused = anna.request("tools/call", name="delete_collection", arguments={"collection_hash": own.hash_in("de")})
    assert refused.status_code == 403
    assert own.asked == {}


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_token_that_was_taken_back_stops_at_its_next_request(own: Guarded, revision: str) -> None:
    anna = own.by(token_for(own, "anna", "de"), revision)
    assert not anna.call("list_collections", limit=1).is_error
    revoke(own, "anna")
    own.forget()
    session = anna.session
    assert anna.request("tools/call", session, name="list_collections", arguments={"limit": 2}).status_code == 401
    assert own.asked == {}


def test_who_listens_is_told_nothing_more_once_their_token_was_taken_back(
    own: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "BETWEEN_LOOKS_AT_A_TOKEN", 0.02)
    anna = own.by(token_for(own, "anna", "de"), OLDER)
    anna.call("list_collections", limit=1)
    headers = {"Accept": "text/event-stream", "Mcp-Session-Id": anna.session, "Authorization": f"Bearer {anna.token}"}
    with httpx2.Client(timeout=60, verify=NO_TLS) as http, http.stream("GET", own.url, headers=headers) as listening:
        assert listening.status_code == 200
        revoke(own, "anna")
        listening.read()  # to its end
    assert anna.request("tools/list", anna.session).status_code == 401


def test_another_token_of_the_same_name_is_somebody_else(own: Guarded) -> None:
    wanted = {"collection_hash": own.hash_in("de")}
    anna = own.by(token_for(own, "anna", "de"))
    code = CODE.findall(anna.call("delete_collection", **wanted).text)[0]
    revoke(own, "anna")
    again = own.by(token_for(own, "anna", "de"))
    assert "unknown, used or expired" in again.call("delete_collection", **wanted, confirmation=code).text
    assert not deleted(own)


def test_a_plan_is_carried_out_by_whom_it_was_shown_to(own: Guarded) -> None:
    anna, ben = both(own)
    plan = anna.call("update_collections", collections=[own.hash_in("de")], prefix="New ").data["plan_id"]
    own.forget()
    refused = ben.call("update_collections", plan_id=plan, wait_seconds=45)
    assert 'begun by another caller, "anna"' in refused.text
    assert "Nothing was changed." in refused.text
    assert own.asked == {}
    done = anna.call("update_collections", plan_id=plan, wait_seconds=45)
    assert done.data["state"] == "complete", done.text
    seen = ben.call("update_collections", plan_id=plan, wait_seconds=0)
    assert seen.data["state"] == "complete", seen.text


def test_a_plan_whose_callers_token_was_taken_back_is_not_said_to_go_on(own: Guarded) -> None:
    own.sandboxes["de"].add_fault(slow())
    anna, ben = both(own)
    plan = anna.call("update_collections", everything=True, prefix="New ").data["plan_id"]
    anna.call("update_collections", plan_id=plan, wait_seconds=0)
    assert ben.call("update_collections", plan_id=plan, wait_seconds=0).data["state"] == "running"
    revoke(own, "anna")
    looks = (ben.call("update_collections", plan_id=plan, wait_seconds=0) for _ in range(1000))
    seen = next(one for one in looks if one.data["state"] != "running")  # once what was on its way has its answer
    assert seen.data["state"] == "stopped", seen.text
    assert RESTS in seen.text
    assert "goes on by itself" not in seen.text
    assert 'Call update_collections(account="de") without plan_id to make a plan for it.' in seen.text


def test_a_plan_of_deletions_is_nobody_elses_either(own: Guarded) -> None:
    anna, ben = both(own)
    plan = anna.call("delete_collections", collections=[own.hash_in("de")]).data["plan_id"]
    code = CODE.findall(anna.call("delete_collections", plan_id=plan).text)[0]
    for given in ({}, {"confirmation": code}):
        assert "begun by another caller" in ben.call("delete_collections", plan_id=plan, **given).text
    assert not deleted(own)
    assert not anna.call("delete_collections", plan_id=plan, confirmation=code, wait_seconds=45).is_error
    assert deleted(own)


# What goes on in the background, by the tool that begins it, its arguments, and where its id stands.
WORK: dict[str, tuple[dict[str, Any], str]] = {
    "create_collection": ({"file_url": "https://example.com/a.pdf", "title": "A", "wait_seconds": 0}, "upload_id"),
    "report_stats": ({"everything": True, "wait_seconds": 0}, "report_id"),
    "update_collections": ({"everything": True, "prefix": "New "}, "plan_id"),
}


@pytest.mark.parametrize("tool", WORK)
def test_work_is_stopped_by_whose_it_is(own: Guarded, tool: str) -> None:
    own.sandboxes["de"].add_fault(slow())
    anna, ben = both(own)
    arguments, where = WORK[tool]
    work = anna.call(tool, **arguments).data[where]
    if tool == "update_collections":
        anna.call(tool, plan_id=work, wait_seconds=0)
    stopping = [ben.call("stop_work", work_id=work)]
    if tool == "create_collection":
        stopping.append(ben.call("get_upload", upload_id=work, cancel=True, wait_seconds=0))
    for one in stopping:
        assert 'begun by another caller, "anna"' in one.text
    assert not anna.call("stop_work", work_id=work).is_error


def slow() -> Fault:
    return Fault("slow", times=0, seconds=0.5)


def test_whoever_may_read_the_account_may_look_at_the_work_of_others(own: Guarded) -> None:
    anna = own.by(token_for(own, "anna", "de"))
    reader = own.by(token_for(own, "rita", "de", may="read"))
    upload = anna.call("create_collection", file_url="https://example.com/a.pdf", title="A", wait_seconds=0)
    seen = reader.call("get_upload", upload_id=upload.data["upload_id"], wait_seconds=0)
    assert seen.data["upload_id"] == upload.data["upload_id"]


def test_who_has_no_terminal_of_the_servers_machine_is_not_sent_to_one(own: Guarded) -> None:
    anna = own.by(token_for(own, "anna", "de"))
    wanted = {"collection_hash": own.hash_in("de")}
    unknown = anna.call("undo_change", history_id=999)
    code = CODE.findall(anna.call("delete_collection", **wanted).text)[0]
    gone = anna.call("delete_collection", **wanted, confirmation=code)
    lost = anna.call("undo_change", history_id=gone.data["history_id"])
    assert "they are listed by `flipsnack-mcp history` in the terminal of whoever runs this server." in unknown.text
    assert "told by `flipsnack-mcp history --json` in the terminal of whoever runs this server." in lost.text


def test_the_history_says_who(own: Guarded) -> None:
    anna, ben = both(own)
    anna.call("update_collection", collection_hash=own.hash_in("de"), title="By anna")
    plan = ben.call("update_collections", collections=[own.hash_in("de", "By anna")], suffix=" and ben").data["plan_id"]
    done = ben.call("update_collections", plan_id=plan, wait_seconds=45)
    assert done.data["state"] == "complete", done.text
    said = [(one.tool, one.decision, one.caller) for one in own.history]
    assert {(tool, who) for tool, _, who in said} == {("update_collection", "anna"), ("update_collections", "ben")}
    undoing = ben.call("undo_change", history_id=1)
    assert 'Entry 1 was made by "anna".' in undoing.text


def test_work_in_the_background_may_go_on_as_long_as_its_caller_may(own: Guarded) -> None:
    """The token is what lets a person change things, also those that go on by themselves."""
    de, _, uk = (one.account for one in own.settings.every)
    still_may, known = own.authentication.still_may, own.authentication.tokens
    assert known
    token_for(own, "anna", "de", may="read,write")
    (anna,) = (one.principal for one in known.read().tokens)
    asked = [(de, Right.WRITE), (de, Right.DELETE), (uk, Right.WRITE)]
    assert [still_may(anna, account, right) for account, right in asked] == [True, False, False]
    own.tokens.chmod(0o644)
    assert not still_may(anna, de, Right.WRITE)
    own.tokens.chmod(0o600)
    assert still_may(anna, de, Right.WRITE)
    revoke(own, "anna")
    assert not still_may(anna, de, Right.WRITE)


@pytest.mark.parametrize("over", ["de", "*"])
def test_a_report_whose_callers_token_was_taken_back_goes_on_as_who_looks_at_it(own: Guarded, over: str) -> None:
    """It asked on and on for somebody who is gone."""
    own.sandboxes["de"].add_fault(slow())
    anna, ben = (own.by(token_for(own, name, "de", "fr", may="read")) for name in ("anna", "ben"))
    report = anna.call("report_stats", account=over, wait_seconds=0).data["report_id"]
    revoke(own, "anna")
    own.sandboxes["de"].clear_faults()
    looks = (ben.call("report_stats", account=over, report_id=report, wait_seconds=1) for _ in range(100))
    seen = next(one for one in looks if one.data["state"] != "running")
    assert seen.data["state"] == "complete", seen.text

    async def callers() -> set[str]:
        store, account = SqliteStore(own.state, own.clock), own.settings.every[0].account
        try:
            joint = await joint_report(store, report)
            kept = await ReportRecord(store, account).report(joint.parts[account] if joint else report)
            return {kept.caller} if kept else set()
        finally:
            await store.close()

    assert anyio.run(callers) == {"ben"}


def test_work_of_an_issuers_caller_may_go_on_where_the_account_still_names_them(own: Guarded) -> None:
    de, fr, uk = (one.account for one in own.settings.every)
    anna, eve = (f"{own.issuer.address} {one}" for one in ("anna", "eve"))
    still_may = own.authentication.still_may
    assert [still_may(anna, account, Right.WRITE) for account in (de, fr, uk)] == [True, True, False]
    assert [still_may(eve, account, Right.WRITE) for account in (de, fr, uk)] == [False, True, False]
    assert not still_may("https://evil.example.com anna", de, Right.WRITE)


def test_the_server_asks_who_lets_people_in(own: Guarded) -> None:
    """What `test_begun` proves of a plan is wired to what is proven here."""
    anna = own.by(token_for(own, "anna", "de"))
    plan = anna.call("update_collections", collections=[own.hash_in("de")], prefix="New ").data["plan_id"]
    real, asked = Authentication.still_may, list[tuple[str, Right]]()

    def refuses(self: Authentication, principal: str, account: str, right: Right) -> bool:
        asked.append((principal, right))
        return real(self, principal, account, right) and False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Authentication, "still_may", refuses)
        own.forget()
        anna.call("update_collections", plan_id=plan, wait_seconds=1)
    assert asked[0][1] is Right.WRITE
    assert asked[0][0].startswith("token ")
    assert "collection.update" not in own.asked.get("de", [])
