"""What a caller may do: tools need the right of their effect, and whatever a person would be asked about needs `delete`."""

import re
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message

from flipsnack_mcp.api.action import Effect
from flipsnack_mcp.server.callers.caller import Right
from flipsnack_mcp.server.prompts import prompts
from flipsnack_mcp.server.tools.arguments import ToolInput
from flipsnack_mcp.server.tools.table import TOOLS
from flipsnack_mcp.server.toolsets import entries, menu
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.team.authentication.scopes import scopes_worth_asking_for
from flipsnack_mcp.team.authentication.stepping_up import Posted
from tests.team.authentication.guarded import AUDIENCE, CODE, REVISIONS, Assistant, Guarded, guarded, token_for
from tests.team.authentication.issuer import signed
from tests.team.over_http import ACCEPTED, MODERN, OLDER, asked, message_in


def of_actions(effect: Effect) -> set[str]:
    """The tools that stand on one action each: their rights follow from its effect."""
    every = (one for one in TOOLS.values() if not issubclass(one.input, ToolInput) and not one.input.legacy)
    return {one.name for one in every if one.input.effect is effect}


READING = of_actions(Effect.READS) | {"get_upload", "stop_work", "report_stats", "audit_account"}
WRITING = of_actions(Effect.WRITES) | {"create_collections", "update_collections", "undo_change"}
DELETING = of_actions(Effect.DESTROYS) | {"delete_collections"}
OF_RIGHTS = {
    "read": READING,
    "write": WRITING,
    "delete": DELETING,
    "read,write": READING | WRITING,
    "read,delete": READING | DELETING,
    "read,write,delete": READING | WRITING | DELETING,
    "leads": set[str](),
}


def by_scopes(place: Guarded, *scopes: str, **more: Any) -> str:
    scope = " ".join(f"flipsnack:{one}" for one in scopes)
    return signed(place.issuer.claims(AUDIENCE, scope=scope, **more))


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize(("may", "tools"), OF_RIGHTS.items(), ids=OF_RIGHTS)
def test_the_menu_has_what_the_caller_may_call(place: Guarded, may: str, tools: set[str], revision: str) -> None:
    for token in (token_for(place, f"{may} {revision}", "de", may=may), by_scopes(place, *may.split(","))):
        listed = place.by(token, revision).result("tools/list")["tools"]
        assert {one["name"] for one in listed} == tools


def test_the_menu_of_who_has_one_account_is_that_of_a_server_with_one(place: Guarded) -> None:
    listed = place.by(token_for(place, "anna", "fr")).result("tools/list")["tools"]
    ordinary = menu(Settings(team=True)).items()
    one = {name: tool.model_dump(mode="json", by_alias=True, exclude_none=True) for name, tool in ordinary}
    assert {tool["name"]: tool for tool in listed} == one


def test_every_tool_needs_a_right_that_can_be_asked_for() -> None:
    assert {one.right for one in entries()} == {Right.READ, Right.WRITE, Right.DELETE, Right.LEADS}


@pytest.mark.parametrize("leads", [False, True])
def test_the_scope_of_leads_is_asked_for_where_they_are_received_and_unmasking_only_when_it_is_wanted(
    *, leads: bool
) -> None:
    wanted = scopes_worth_asking_for(Settings(team=True, leads=leads))
    assert ("flipsnack:leads" in wanted, "flipsnack:leads-reveal" in wanted) == (leads, False)


# A call of each kind that needs more than the rights beside it.
BEYOND: dict[str, tuple[str, str, dict[str, Any]]] = {
    "create_collection": ("read", "write", {"file_url": "https://example.com/a.pdf", "title": "A"}),
    "update_collection": ("read", "write", {"title": "New"}),
    "update_collections": ("read", "write", {"query": "Week", "prefix": "New "}),
    "undo_change": ("read", "write", {"history_id": 1}),
    "delete_collection": ("read,write", "delete", {}),
    "delete_flipbook": ("read,write", "delete", {"flipbook_hash": "abcdefgh"}),
    "delete_collections": ("read,write", "delete", {"query": "Week"}),
    "update_collection, offline": ("read,write", "delete", {"status": "editable"}),
    "update_collection, as a draft": ("read,write", "delete", {"status": " Draft "}),
    "update_collection, looking only": ("read,write", "delete", {"status": "draft", "dry_run": True}),
    "get_lead_form_sample, unmasked": ("read,write,delete,leads", "leads-reveal", {"reveal": True}),
    "update_collections, offline": ("read,write", "delete", {"query": "Week", "status": "editable"}),
}
ABOUT_ONE = frozenset({"update_collection", "delete_collection", "delete_flipbook"})


def call_of(place: Guarded, what: str, account: str = "de") -> tuple[str, dict[str, Any]]:
    tool, (_, _, arguments) = what.partition(",")[0], BEYOND[what]
    hashed = {"collection_hash": place.hash_in(account)} if tool in ABOUT_ONE else {}
    return tool, {**hashed, **arguments}


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("what", BEYOND)
def test_who_has_a_token_of_the_file_is_refused_in_words(place: Guarded, what: str, revision: str) -> None:
    rights, needed, _ = BEYOND[what]
    tool, arguments = call_of(place, what)
    told = place.by(token_for(place, "anna", "de", may=rights), revision).call(tool, **arguments)
    assert told.is_error
    assert f'The caller "anna" may not make this call of "{tool}": that needs the right `{needed}`.' in told.text
    assert "Nothing was changed." in told.text
    assert place.asked == {}


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("what", BEYOND)
def test_who_has_a_token_of_the_issuer_is_told_which_scopes_to_ask_for(
    place: Guarded, what: str, revision: str
) -> None:
    rights, needed, _ = BEYOND[what]
    tool, arguments = call_of(place, what)
    token = by_scopes(place, *rights.split(","))
    answer = place.by(token, revision).request("tools/call", name=tool, arguments=arguments)
    assert answer.status_code == 403
    told = dict(re.findall(r'(\w+)="([^"]*)"', answer.headers["WWW-Authenticate"]))
    assert told["error"] == "insufficient_scope"
    assert told["scope"].split() == [f"flipsnack:{one}" for one in (*rights.split(","), needed)]
    assert told["resource_metadata"].endswith("/.well-known/oauth-protected-resource/mcp")
    assert place.asked == {}


NEEDS_TWO: dict[str, tuple[str, dict[str, Any]]] = {
    "update_collection": ("write delete", {"title": "New", "status": "editable"}),
    "update_collections": ("write delete", {"query": "Week", "status": "draft"}),
    "list_leads": ("leads leads-reveal", {"reveal": True}),
    "get_lead_form_sample": ("read leads-reveal", {"reveal": True}),
}


@pytest.mark.parametrize("tool", NEEDS_TWO)
def test_a_call_that_needs_two_rights_asks_for_all_that_lack_at_once(quick_folder: Path, tool: str) -> None:
    """Who was asked for one, and came back with it, was refused for want of the other, and not asked for it any more."""
    needed, arguments = NEEDS_TWO[tool]
    with guarded(quick_folder, FLIPSNACK_LEADS="1") as place:
        hashed = {"collection_hash": place.hash_in("de")} if tool == "update_collection" else {}
        call = {**hashed, **arguments}
        for held in Right:
            lacking = [one for one in needed.split() if one != held]
            asked_for = place.by(by_scopes(place, held)).request("tools/call", name=tool, arguments=call)
            assert asked_for.status_code == 403
            scopes = re.findall(r' scope="([^"]*)"', asked_for.headers["WWW-Authenticate"])
            assert [one.split() for one in scopes] == [[f"flipsnack:{one}" for one in (held, *lacking)]]
            told = place.by(token_for(place, held, "de", may=held)).call(tool, **call)
            assert " and ".join(f"`{one}`" for one in lacking) in told.text
            assert place.asked == {}
        let = place.by(by_scopes(place, *needed.split())).call(tool, **call)
        assert "needs the right" not in let.text


WITHOUT_A_TOOL = {
    "the account": ("resources/read", {"uri": "flipsnack://stats/account"}),
    "a collection": ("resources/read", {"uri": "flipsnack://collections/HASH"}),
    "a collection by its link": ("resources/read", {"uri": "flipsnack://collections/https%3A%2F%2Fwww.flipsnack.com%2Fa%2Fb-HASH.html"}),
}  # fmt: skip


@pytest.mark.parametrize(
    ("what", "may", "revision"),
    [(*one, REVISIONS[number % 2]) for number, one in enumerate(product(WITHOUT_A_TOOL, ("write", "delete", "leads")))],
)
def test_who_may_not_read_reads_no_resource_either(place: Guarded, what: str, may: str, revision: str) -> None:
    method, params = WITHOUT_A_TOOL[what]
    params = {name: value.replace("HASH", place.hash_in("de")) for name, value in params.items()}
    by_file = place.by(token_for(place, f"{may} {revision}", "de", may=may), revision)
    assert "needs the right `read`" in by_file.request(method, **params).text
    assert by_file.result("resources/list")["resources"] == []
    assert by_file.result("resources/templates/list")["resourceTemplates"] == []
    answer = place.by(by_scopes(place, may), revision).request(method, **params)
    assert answer.status_code == 403
    assert f'scope="flipsnack:{may} flipsnack:read"' in answer.headers["WWW-Authenticate"]
    assert place.asked == {}


@pytest.mark.parametrize("revision", REVISIONS)
def test_who_may_not_read_learns_nothing_while_typing(place: Guarded, revision: str) -> None:
    uri = place.by(token_for(place, "rita", "de", may="read")).result("resources/templates/list")
    ref = {"type": "ref/resource", "uri": uri["resourceTemplates"][0]["uriTemplate"]}
    asked = {"ref": ref, "argument": {"name": "hash", "value": "Week"}}
    for token in (token_for(place, "wendy", "de", may="write"), by_scopes(place, "write")):
        told = place.by(token, revision).result("completion/complete", **asked)
        assert told["completion"]["values"] == []
    assert place.asked == {}


@pytest.mark.parametrize("tool", ["no_such_tool", "set_logo"])
def test_more_scopes_that_would_not_help_are_not_asked_for(place: Guarded, tool: str) -> None:
    told = place.by(by_scopes(place, "read")).call(tool)
    assert f"There is no tool `{tool}`" in told.text


REFUSED = re.compile("needs the right `(delete|leads-reveal)`|`reveal` ")
"""For want of a right, or because nobody can tell what is meant."""
HIDDEN: dict[str, dict[str, Any]] = {
    "arguments as a text": {"arguments": '{"collection_hash": "HASH", "status": "editable"}'},
    "a status in capitals": {"arguments": {"collection_hash": "HASH", "status": "EDITABLE"}},
    "a tool's name twice": {"name": "update_collection", "arguments": {"collection_hash": "HASH", "status": "draft"}},
    **{
        f"reveal: {one!r}": {"name": "get_lead_form_sample", "arguments": {"reveal": one}}
        for one in (True, "TRUE", " true ", 1, "on", [True])
    },
}


@pytest.mark.parametrize("given", HIDDEN.values(), ids=HIDDEN)
def test_no_spelling_gets_past_the_right(place: Guarded, given: dict[str, Any]) -> None:
    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(one) for name, one in value.items()}
        return value.replace("HASH", place.hash_in("de")) if isinstance(value, str) else value

    for token in (token_for(place, "anna", "de", may="read,write"), by_scopes(place, "read", "write")):
        answer = place.by(token).request("tools/call", **{"name": "update_collection", **filled(given)})
        assert answer.status_code == 403 or REFUSED.search(answer.text)
    assert place.asked == {}


def test_a_rename_needs_only_write(own: Guarded) -> None:
    anna = own.by(token_for(own, "anna", "de", may="read,write"))
    told = anna.call("update_collection", collection_hash=own.hash_in("de"), title="Offers of week 38")
    assert not told.is_error, told.text
    assert "collection.update" in own.asked["de"]


def test_a_plan_that_another_has_confirmed_is_not_gone_on_with_without_the_right(own: Guarded) -> None:
    """Taking offline is hidden in a plan, and in the undoing of a publication: the arguments tell nothing of it."""
    both = own.by(token_for(own, "both", "de", may="read,write,delete"))
    drafts = next(one for one in own.sandboxes["de"].account.collections.values() if one.status == "editable")
    published = both.call("update_collection", collection_hash=drafts.hash, status="unlisted")
    assert not published.is_error, published.text
    own.forget()
    writer = own.by(token_for(own, "writer", "de", may="read,write"))
    told = writer.call("undo_change", history_id=published.data["history_id"])
    assert "needs the right `delete`" in told.text
    assert "may neither delete anything nor take it offline" in told.text
    assert {action for action in own.asked["de"] if action != "collection.getCollection"} <= {"collection.getList"}


@pytest.mark.parametrize("tool", ["update_collections", "undo_change"])
def test_who_may_delete_no_more_carries_no_plan_out_that_they_made_before(own: Guarded, tool: str) -> None:
    """The same person with fewer scopes: a plan says nothing of what it does in the arguments of its call."""
    before, now = (own.by(by_scopes(own, "read", "write", *more)) for more in (("delete",), ()))
    wanted = own.hash_in("de")
    if tool == "undo_change":
        draft = next(one.hash for one in own.sandboxes["de"].account.collections.values() if one.status == "editable")
        published = before.call("update_collection", collection_hash=draft, status="unlisted")
        plan = before.call(tool, history_id=published.data["history_id"])
    else:
        plan = before.call(tool, collections=[wanted], status="editable")
    refused = before.call(tool, plan_id=plan.data["plan_id"])
    code = CODE.findall(refused.text)[0]
    own.forget()
    for given in ({}, {"confirmation": code}):
        told = now.call(tool, plan_id=plan.data["plan_id"], **given)
        assert "needs the right `delete`" in told.text
    assert own.asked == {}
    assert not before.call(tool, plan_id=plan.data["plan_id"], confirmation=code).is_error


READERS_WORK: dict[str, Callable[[Guarded], dict[str, Any]]] = {
    "download_collection_html": lambda place: {
        "collection_hash": place.hash_in("de"),
        "wait_seconds": 0,
        "save": False,
    },
    "report_stats": lambda place: {"collections": [place.hash_in("de")], "wait_seconds": 0},
    "get_upload": lambda _: {},
    "audit_account": lambda _: {"wait_seconds": 0},
}


@pytest.mark.parametrize("tool", READERS_WORK)
def test_packages_reports_and_looks_need_only_read(own: Guarded, tool: str) -> None:
    told = own.by(token_for(own, "anna", "de", may="read")).call(tool, **READERS_WORK[tool](own))
    assert not told.is_error, told.text


def test_what_answers_say_leads_to_no_tool_that_the_caller_lacks(own: Guarded) -> None:
    told = own.by(token_for(own, "anna", "de", may="read")).call("audit_account", wait_seconds=45)
    assert told.data["state"] == "complete", told.text
    assert not re.findall("|".join(WRITING | DELETING), told.text)


@pytest.mark.parametrize("revision", REVISIONS)
def test_instructions_and_jobs_name_no_tool_that_the_caller_lacks(place: Guarded, revision: str) -> None:
    reader = place.by(token_for(place, f"anna {revision}", "de", may="read"), revision)
    said = instructions_for(reader) + str(reader.result("prompts/list"))
    assert not re.findall("|".join(WRITING | DELETING), said)


def test_no_job_is_offered_to_who_lacks_one_of_its_tools(place: Guarded) -> None:
    """Who may write and not read was offered jobs whose first step is to look."""
    for held in Right:
        who = place.by(token_for(place, f"with {held}", "de", may=held))
        tools = {one["name"] for one in who.result("tools/list")["tools"]}
        offered = {one["name"] for one in who.result("prompts/list")["prompts"]}
        assert all(job.needs <= tools for job in prompts() if job.name in offered)
        assert offered == ({"weekly_report", "audit_account"} if held == "read" else set())


def test_a_job_that_takes_something_offline_is_offered_to_who_may_do_that(place: Guarded) -> None:
    """It ended in a refusal, after packages of a whole season had been fetched."""

    def offered(may: str) -> set[str]:
        who = place.by(token_for(place, f"with {may}", "de", may=may))
        return {one["name"] for one in who.result("prompts/list")["prompts"]}

    assert offered("read,write,delete") - offered("read,write") == {"archive_season"}


def test_who_has_no_tool_at_all_is_told_what_to_do(place: Guarded) -> None:
    """A right that opens nothing by itself can be given alone; the tools were listed as nothing and a full stop."""
    told = place.by(token_for(place, "anna", "de", may="leads-reveal"), MODERN).call("nothing")
    assert "There is no tool `nothing`." in told.text
    assert "This caller has none. Tell the person: whoever runs this server can give them a right." in told.text


def test_who_has_no_job_at_all_is_told_what_to_do(place: Guarded) -> None:
    """They were listed as nothing and a full stop."""
    who = place.by(token_for(place, "anna", "de", may="write"), MODERN)
    told = who.request("prompts/get", name="weekly_report", arguments={}).json()["error"]["message"]
    assert told.startswith('There is no prompt "weekly_report". This caller has none. Tell the person: whoever runs')


def instructions_for(who: Assistant) -> str:
    if who.revision == MODERN:
        return str(who.result("server/discover")["instructions"])
    hello = asked("initialize", protocolVersion=OLDER, capabilities={}, clientInfo={"name": "test", "version": "1"})
    return str(message_in(who._post(ACCEPTED, hello).text)["result"]["instructions"])


def test_without_sessions_each_request_of_an_older_revision_says_whose_it_is(quick_folder: Path) -> None:
    with guarded(quick_folder, FLIPSNACK_STICKY="0") as own:
        for may, tools in (("read", READING), ("read,write", READING | WRITING)):
            headers = {**ACCEPTED, "MCP-Protocol-Version": OLDER}
            anna = own.by(token_for(own, may, "de", may=may), OLDER)
            listed = message_in(anna._post(headers, asked("tools/list")).text)["result"]["tools"]
            assert {one["name"] for one in listed} == tools
            call = asked("tools/call", name="delete_collection", arguments={"collection_hash": own.hash_in("de")})
            assert "needs the right `delete`" in anna._post(headers, call).text
        assert own.asked == {}


@pytest.mark.parametrize(("length", "is_read"), [(10, True), (11, False)])
async def test_all_that_may_be_posted_is_looked_at_for_its_scopes_however_it_comes(
    length: int,
    is_read: bool,  # noqa: FBT001 - pytest passes it by name
) -> None:
    pieces: Iterator[Message] = iter(
        {"type": "http.request", "body": body, "more_body": bool(body)} for body in (b"x" * length, b"")
    )

    async def receive() -> Message:
        return next(pieces)

    posted = Posted({"type": "http", "method": "POST"}, receive, most=10)
    assert (await posted.body() is not None) == is_read
