"""A link of another account's player: reading goes there and says so, writing is refused and names it, guessing never."""

import json
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

import anyio
import pytest
from mcp import MCPError
from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from flipsnack_mcp.api import marks
from flipsnack_mcp.api.links import hash_from
from flipsnack_mcp.sandbox.faults import Fault
from flipsnack_mcp.server.callers.whose import LINK_ARGUMENTS, UNTIL_ASKED_AGAIN
from flipsnack_mcp.server.tools.table import TOOLS
from tests.server.bench import Given, Person, types_what_is_asked
from tests.server.long_bench import has_four_parts
from tests.server.revisions import newer
from tests.server.several import FIRST, NUMBERS, SeveralBench, whose
from tests.server.test_resources import read

LIST, EMBED, GET = "collection.getList", "collection.getEmbed", "collection.getCollection"
STATS = "collection.getStats"
LEARNING = [LIST, EMBED]
LINKED = "[account fr: the link is of this one] "
WEEK = "Weekly offers, Week 38"
PLAYER = "https://player.flipsnack.com/?hash={}"
SPELLED: dict[str, Callable[[str], str]] = {
    "link": PLAYER.format, "link without a scheme": "player.flipsnack.com?hash={}".format, "base64": str,
    "without padding": lambda code: code.rstrip("="), "encoded": lambda code: PLAYER.format(quote(code, safe="")),
    "with a page": (PLAYER + "&p=3").format, "name encoded": "https://player.flipsnack.com/?%68ash={}".format,
    "widget": "https://cdn.flipsnack.com/widget/v2/widget.html?hash={}".format, "blanks around": "  {} \n".format,
}  # fmt: skip


def each_with(others: Sequence[object], name: str) -> pytest.MarkDecorator:
    """Every spelling, each with one of the others in turn: a link is read before anybody asks what it is for."""
    cells = [
        pytest.param(spelled, others[nth % len(others)], id=f"{spelling}-{name} {nth % len(others)}")
        for nth, (spelling, spelled) in enumerate(SPELLED.items())
    ]
    return pytest.mark.parametrize(("spelled", name), cells)


# Whose a link is does not depend on the revision.
mode = newer


@each_with(({}, {"account": "uk"}), "named")
async def test_reading_goes_where_the_link_leads_and_says_so(
    several: SeveralBench, spelled: Callable[[str], str], named: Given
) -> None:
    link = spelled(several.player("fr"))
    async with several.assistant() as assistant:
        said = await assistant.call("get_collection", collection_hash=link, **named)
        several.forget()
        again = await assistant.call("get_collection_stats", collection_hash=link, **named)
    assert (said.text.startswith(LINKED), whose(said), whose(again)) == (True, "fr", "fr"), said.text
    assert several.asked == {"fr": ["collection.getStats"]}


@each_with(("delete_collection", "update_collection"), "tool")
async def test_writing_by_a_link_of_another_account_is_refused_and_names_it(
    several: SeveralBench, spelled: Callable[[str], str], tool: str
) -> None:
    given = {"collection_hash": spelled(several.player("fr")), "title": "x"}
    given = given if tool == "update_collection" else {"collection_hash": given["collection_hash"]}
    async with several.assistant(Person(types_what_is_asked)) as assistant:
        named = await assistant.call(tool, {**given, "account": "uk"})
        unnamed = await assistant.call(tool, given)
        right = await assistant.call(tool, {**given, "account": "FR"})
    assert named.text.startswith('The link is of the account "fr", and "uk" was named. Nothing was changed.'), (
        named.text
    )
    assert unnamed.text.startswith('The link is of the account "fr", and a call that may change'), unnamed.text
    assert all(text.endswith('Give account="fr" if that one is meant.') for text in (named.text, unnamed.text))
    assert not right.is_error, right.text
    assert list(several.changed) == ["fr"]


LISTS: dict[str, Callable[[str], Any]] = {
    "list": lambda link: [link], "JSON text": lambda link: json.dumps([link]), "one text": str,
    "beside a hash": lambda link: ["fxh4k89", link],
}  # fmt: skip


@pytest.mark.parametrize("listed", LISTS.values(), ids=list(LISTS))
async def test_links_in_lists_count_like_single_ones(several: SeveralBench, listed: Callable[[str], Any]) -> None:
    given = {"collections": listed(PLAYER.format(several.player("fr")))}
    async with several.assistant() as assistant:
        report = await assistant.call("report_stats", given)
        plan = await assistant.call("update_collections", {**given, "status": "unlisted", "account": "uk"})
    assert (report.text.startswith(LINKED), whose(report)) == (True, "fr")
    assert plan.text.startswith('The link is of the account "fr", and "uk" was named.')
    assert several.asked.keys() - {"fr"} <= {"de", "uk"}
    assert several.asked["de"] == several.asked["uk"] == LEARNING


def test_every_argument_that_takes_a_link_is_looked_at() -> None:
    taking = {name for tool in TOOLS.values() for name, field in tool.input.model_fields.items() if takes_links(field)}
    assert taking <= set(LINK_ARGUMENTS)
    assert taking >= {"collection_hash", "collections", "exclude"}


def takes_links(field: FieldInfo) -> bool:
    """Whether a hash is found in what is given for it."""
    return hash_from in {mark.func for mark in marks(field) if isinstance(mark, BeforeValidator)}


async def test_links_of_several_accounts_in_one_call_are_refused(several: SeveralBench) -> None:
    links = [several.player(name) for name in ("fr", "uk")]
    for given in ({}, {"account": "fr"}):
        said = await several.call("report_stats", collections=links, **given)
        assert said.text.startswith("These links are of several accounts: fr, uk. Nothing was changed."), said.text
    assert {action for actions in several.asked.values() for action in actions} == set(LEARNING)


async def test_the_number_of_a_stranger_says_nothing(several: SeveralBench) -> None:
    link = several.player("fr", number="0123456789A")
    async with several.assistant() as assistant:
        unnamed = await assistant.call("get_collection", collection_hash=link)
        named = await assistant.call("get_collection", collection_hash=link, account="uk")
        beside = await assistant.call("report_stats", collections=[link, several.player("fr")])
    assert unnamed.text.startswith(FIRST)
    assert named.text.startswith("[account uk] ")
    assert whose(beside) == "fr"


async def test_where_numbers_are_alike_they_say_nothing(several: SeveralBench) -> None:
    """Two of three imitations have one number: what is named counts, and the third is known all the same."""
    several.sandboxes["fr"].account.account_id = NUMBERS["uk"]
    links = {name: several.player(name) for name in several.sandboxes}
    async with several.assistant(Person(types_what_is_asked)) as assistant:
        unnamed = {
            name: whose(await assistant.call("get_collection", collection_hash=link)) for name, link in links.items()
        }
        named = {
            (name, link): whose(await assistant.call("get_collection", collection_hash=links[link], account=name))
            for name in ("fr", "uk")
            for link in ("fr", "uk")
        }
        refused = await assistant.call("delete_collection", collection_hash=links["de"], account="uk")
        done = await assistant.call("delete_collection", collection_hash=links["fr"], account="uk")
    assert unnamed == dict.fromkeys(links, "de")
    assert named == {pair: pair[0] for pair in named}
    assert refused.text.startswith('The link is of the account "de"')
    assert not done.is_error
    assert several.changed == {"uk": ["collection.deleteCollection"]}


async def test_an_account_is_asked_for_its_number_once_whoever_wants_to_know(several: SeveralBench) -> None:
    link = several.player("fr")
    async with several.assistant() as assistant:
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(assistant.call, "get_collection_stats", {"collection_hash": link})
        await assistant.call("get_collection_stats", collection_hash=link)
    assert several.asked == {"de": LEARNING, "fr": [*LEARNING, *[STATS] * 4], "uk": LEARNING}


async def test_a_link_of_the_account_that_is_named_asks_nobody_else(several: SeveralBench) -> None:
    await several.call("get_collection_stats", collection_hash=several.player("fr"), account="fr")
    assert several.asked == {"fr": [*LEARNING, STATS]}


OLD_WIDGET = '<iframe src="https://cdn.flipsnack.com/widget/v2/widget.html?hash=fxh4k89"></iframe>'
CANNOT_TELL = {
    "refused": Fault("maintenance", EMBED, times=0), "silent": Fault("hang", EMBED, times=0),
    "garbled": Fault("garbled", EMBED, times=0), "gone": Fault("reset", EMBED, times=0),
    **{
        name: Fault("http", EMBED, times=0, http_status=200, body=json.dumps({"code": 20, "status": "OK", "data": data}))
        for name, data in (("without a number", {"embedCode": OLD_WIDGET}), ("without a code", {}))
    },
}  # fmt: skip


@pytest.mark.parametrize("fault", CANNOT_TELL.values(), ids=list(CANNOT_TELL))
async def test_an_account_that_cannot_tell_is_not_waited_for_again_and_its_name_counts(
    several: SeveralBench, fault: Fault
) -> None:
    """Reading by a foreign link goes to the named one, which may be meant; writing is refused."""
    several.sandboxes["uk"].add_fault(fault)
    link = several.player("fr")
    async with several.assistant() as assistant:
        first = await assistant.call("get_collection", collection_hash=link)
        waited = first.seconds
        several.forget()
        again = await assistant.call("get_collection", collection_hash=link)
        named = await assistant.call("get_collection", collection_hash=link, account="uk")
        refused = await assistant.call("delete_collection", collection_hash=link, account="uk")
        in_between = several.asked.get("uk")
        await anyio.sleep(UNTIL_ASKED_AGAIN)
        several.sandboxes["uk"].clear_faults()
        later = await assistant.call("get_collection", collection_hash=link, account="uk")
    assert (whose(first), whose(again), whose(named), whose(later)) == ("fr", "fr", "uk", "fr")
    assert waited < 10
    assert again.seconds < 1
    assert in_between == [GET, "collection.getList"], "it is looked up in the list, and not asked for its number"
    assert 'The link is of the account "fr"' in refused.text


@pytest.mark.parametrize("why", ["its account has no key", "its account cannot tell", "it is a stranger's"])
async def test_nothing_is_changed_by_a_link_that_is_not_known_to_be_of_the_named_account(
    several: SeveralBench, why: str
) -> None:
    """The named one has a collection of the same hash, and knows its own number."""
    several.own = {"fr": {"api_key": ""}} if why == "its account has no key" else {}
    if why == "its account cannot tell":
        several.sandboxes["fr"].add_fault(CANNOT_TELL["refused"])
    links = [several.player("fr", number="0123456789A" if "stranger" in why else "")]
    mixed = [several.player("uk"), *links]
    async with several.assistant(Person(types_what_is_asked)) as assistant:
        said = [
            await assistant.call("delete_collection", collection_hash=links[0], account="uk"),
            await assistant.call("update_collection", collection_hash=links[0], account="uk", title="x"),
            await assistant.call("update_collections", collections=mixed, account="uk", status="unlisted"),
            await assistant.call("update_collections", everything=True, exclude=links, account="uk", status="unlisted"),
        ]
        own = await assistant.call("delete_collection", collection_hash=several.player("uk"), account="uk")
    for one in said:
        assert one.text.startswith('It cannot be told that the link is of the account "uk", which was named.')
        assert has_four_parts(one.text)
    assert not own.is_error, own.text
    assert several.changed == {"uk": ["collection.deleteCollection"]}


@pytest.mark.parametrize("left", ["drafts", "nothing"])
async def test_an_account_without_a_public_collection(several: SeveralBench, left: str) -> None:
    """A draft tells the number too; one that has nothing is asked again, since that may change."""
    account = several.sandboxes["uk"].account
    account.collections.clear()
    link = several.player("fr")
    async with several.assistant() as assistant:
        if left == "nothing":
            assert whose(await assistant.call("get_collection", collection_hash=link, account="uk")) == "fr"
            await anyio.sleep(6)
        account.add(title=WEEK, status="editable")
        found = await assistant.call("get_collection", collection_hash=several.player("uk"))
    assert whose(found) == "uk"


async def test_what_is_missing_in_one_account_keeps_no_link_from_leading_to_another(several: SeveralBench) -> None:
    several.own = {"de": {"api_key": ""}}
    said = await several.call("get_collection", collection_hash=several.player("fr"))
    assert (whose(said), list(several.asked)) == ("fr", ["fr", "uk"])


async def test_resources_follow_links_and_jobs_pass_them_on(several: SeveralBench) -> None:
    link = PLAYER.format(several.player("fr"))
    address = f"collections/{quote(link, safe='')}"
    async with several.assistant() as assistant:
        found = [await read(assistant, f"flipsnack://{one}{address}") for one in ("", "uk/", "fr/")]
        job = await assistant.client.get_prompt("swap_issue", {"old": link, "file": "a.pdf", "account": "uk"})
        with pytest.raises(MCPError):
            await read(assistant, f"flipsnack://xx/{address}")
    assert [one["account"] for one in found] == ["fr"] * 3
    assert link in job.messages[0].content.model_dump_json()
