"""The accounts that a caller may not use do not exist for them: not by name, by link, by an id, or among what is offered."""

import json
from base64 import b64encode
from typing import Any

import pytest

from flipsnack_mcp.server.resources import SKILL_ADDRESS
from tests.team.authentication.guarded import AUDIENCE, REVISIONS, Assistant, Guarded, token_for
from tests.team.authentication.issuer import signed
from tests.team.authentication.test_rights import instructions_for

OTHER = "uk"
"""Never one of the caller's."""


def player(place: Guarded, name: str) -> str:
    """A player's link of an account."""
    sandbox = place.sandboxes[name]
    number = sandbox.account.account_id
    return "https://player.flipsnack.com?hash=" + b64encode(f"{number}+{place.hash_in(name)}".encode()).decode()


def of(place: Guarded, *accounts: str, may: str = "read,write,delete", revision: str = REVISIONS[0]) -> Assistant:
    name = f"{'+'.join(accounts)} {may} {revision}"
    return place.by(token_for(place, name, *accounts, may=may), revision)


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("accounts", [("de",), ("de", "fr")], ids="+".join)
def test_an_account_of_others_is_refused_in_the_words_for_one_that_is_not_there(
    place: Guarded, accounts: tuple[str, ...], revision: str
) -> None:
    anna = of(place, *accounts, revision=revision)
    calls: list[tuple[str, dict[str, Any]]] = [
        ("list_collections", {}),
        ("get_collection", {"collection_hash": place.hash_in(OTHER)}),
        ("delete_collection", {"collection_hash": place.hash_in(OTHER)}),
        ("update_collection", {"collection_hash": place.hash_in(OTHER), "title": "x"}),
        ("report_stats", {}),
    ]
    for tool, arguments in calls:
        there, nowhere = (anna.call(tool, account=name, **arguments).text for name in (OTHER, "xx"))
        assert there.replace(f'"{OTHER}"', '"xx"') == nowhere
        assert "There is no account" in nowhere
        assert f"The accounts are: {', '.join(accounts)}." in nowhere
    assert place.asked == {}


def test_who_has_one_account_names_it_or_not(own: Guarded) -> None:
    anna = of(own, "fr")
    told = [anna.call("list_collections", limit=1, **given) for given in ({}, {"account": "fr"}, {"account": "FR"})]
    assert [one.data["account"] for one in told] == ["fr"] * 3
    changed = anna.call("update_collection", collection_hash=own.hash_in("fr"), title="New")
    assert not changed.is_error, changed.text
    assert own.asked.keys() == {"fr"}


def test_what_an_answer_tells_to_call_next_can_be_called(own: Guarded) -> None:
    anna = of(own, "fr")
    begun = anna.call("report_stats", collections=[own.hash_in("fr")], wait_seconds=0)
    again = anna.call("report_stats", report_id=begun.data["report_id"], account="fr", wait_seconds=45)
    assert not again.is_error, again.text


def test_without_a_name_the_first_of_the_callers_own_is_read(own: Guarded) -> None:
    told = of(own, "fr", "uk").call("list_collections", limit=1)
    assert told.data["account"] == "fr"
    assert own.asked.keys() == {"fr"}


def test_all_accounts_are_those_of_the_caller(own: Guarded) -> None:
    told = of(own, "de", "fr").call("report_stats", account="*", everything=True, wait_seconds=45)
    assert {one["account"] for one in told.data["accounts"]} == {"de", "fr"}
    assert own.asked.keys() == {"de", "fr"}


@pytest.mark.parametrize("tool", ["get_collection", "update_collection", "list_collections"])
def test_by_a_link_of_another_account_nothing_is_asked_there(own: Guarded, tool: str) -> None:
    link = player(own, OTHER)
    given = {"query": link} if tool == "list_collections" else {"collection_hash": link}
    more = {"title": "x", "account": "de"} if tool == "update_collection" else {}
    told = of(own, "de", "fr").call(tool, **given, **more)
    assert OTHER not in own.asked
    assert f'"{OTHER}"' not in told.text
    assert "collection.update" not in own.asked.get("de", [])


@pytest.mark.parametrize("revision", REVISIONS)
def test_instructions_resources_and_completions_name_the_callers_accounts_alone(place: Guarded, revision: str) -> None:
    anna = of(place, "de", "fr", revision=revision)
    assert "It has 2 accounts: de, fr." in instructions_for(anna)
    addresses = {one["uri"] for one in anna.result("resources/list")["resources"]}
    assert addresses == {"flipsnack://de/stats/account", "flipsnack://fr/stats/account", SKILL_ADDRESS}
    known = anna.result(
        "completion/complete",
        ref={"type": "ref/resource", "uri": "flipsnack://{account}/collections/{hash}"},
        argument={"name": "account", "value": ""},
    )
    assert known["completion"]["values"] == ["de", "fr"]


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_resource_of_another_account_is_not_there(place: Guarded, revision: str) -> None:
    anna = of(place, "de", "fr", revision=revision)
    for address in (f"flipsnack://{OTHER}/stats/account", f"flipsnack://{OTHER}/collections/{place.hash_in(OTHER)}"):
        answers = [
            anna.request("resources/read", uri=one).text for one in (address, address.replace(f"/{OTHER}/", "/xx/"))
        ]
        assert "There is no account" in answers[0]
        assert answers[0].replace(OTHER, "xx") == answers[1]
    assert place.asked == {}


def test_completions_of_another_accounts_collections_are_empty(own: Guarded) -> None:
    asked = {
        "ref": {"type": "ref/resource", "uri": "flipsnack://{account}/collections/{hash}"},
        "argument": {"name": "hash", "value": "Week"},
    }
    anna = of(own, "de", "fr")
    there = anna.result("completion/complete", **asked, context={"arguments": {"account": "fr"}})
    asked_by_address = {**asked, "ref": {"type": "ref/resource", "uri": f"flipsnack://{OTHER}/collections/{{hash}}"}}
    assert not anna.result("completion/complete", **asked_by_address)["completion"]["values"]
    other = anna.result("completion/complete", **asked, context={"arguments": {"account": OTHER}})
    assert there["completion"]["values"]
    assert not other["completion"]["values"]
    assert own.asked.keys() == {"fr"}


def test_work_of_another_account_is_unknown(own: Guarded) -> None:
    """A report, a plan and an upload of an account: whoever may not use that finds none of them."""
    owner, anna = of(own, "uk"), of(own, "de", "fr")
    report = owner.call("report_stats", everything=True, wait_seconds=0).data["report_id"]
    plan = owner.call("update_collections", query="Week", prefix="New ").data["plan_id"]
    upload = owner.call("create_collection", file_url="https://example.com/a.pdf", title="A", wait_seconds=0).data[
        "upload_id"
    ]
    joint = of(own, "*").call("report_stats", account="*", everything=True, wait_seconds=0).data["report_id"]
    own.forget()
    calls: list[tuple[str, dict[str, Any]]] = [
        ("report_stats", {"report_id": report}),
        ("report_stats", {"report_id": joint}),
        ("report_stats", {"report_id": joint, "account": "*"}),
        ("audit_account", {"report_id": report}),
        ("update_collections", {"plan_id": plan, "account": "de"}),
        ("create_collections", {"plan_id": plan, "account": "de"}),
        ("get_upload", {"upload_id": upload, "wait_seconds": 0}),
        ("stop_work", {"work_id": report, "account": "de"}),
        ("stop_work", {"work_id": joint, "account": "de"}),
        ("stop_work", {"work_id": joint, "account": "*"}),
        ("stop_work", {"work_id": upload, "account": "de"}),
    ]
    for tool, arguments in calls:
        nowhere = {name: "aaaaaaaa" if name.endswith("_id") else one for name, one in arguments.items()}
        told, nothing = (anna.call(tool, **given) for given in (arguments, nowhere))
        assert told.is_error
        assert told.text == nothing.text
    assert "uk" not in own.asked or not set(own.asked["uk"]) & {"collection.update"}


def test_the_history_of_other_accounts_undoes_nothing(own: Guarded) -> None:
    changed = of(own, "uk").call("update_collection", collection_hash=own.hash_in("uk"), title="New")
    own.forget()
    told = of(own, "de").call("undo_change", history_id=changed.data["history_id"])
    assert "The history of this account has no entry" in told.text
    assert own.asked == {}


def test_an_account_that_a_token_names_and_is_not_there_any_more_opens_none(place: Guarded) -> None:
    answer = place.knock(f"Bearer {token_for(place, 'anna', 'gone')}")
    assert answer.status_code == 403
    assert place.asked == {}


def test_a_token_for_the_one_account_of_a_server_without_names_opens_none_of_several(place: Guarded) -> None:
    assert place.knock(f"Bearer {token_for(place, 'anna')}").status_code == 403


def test_the_accounts_of_an_issuers_caller_are_those_that_name_them(own: Guarded) -> None:
    both = signed(own.issuer.claims(AUDIENCE, groups=["marketing"]))
    told = own.by(both).call("report_stats", account="*", everything=True, wait_seconds=45)
    assert {one["account"] for one in told.data["accounts"]} == {"de", "fr"}
    assert "uk" not in json.dumps(own.by(both).result("tools/list"))
