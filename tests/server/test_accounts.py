"""Several accounts in one server: which one a call is about, what is refused rather than guessed, and what names them."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import MCPError
from mcp.types import PromptReference, ResourceTemplateReference, TextContent

from flipsnack_mcp.server.instructions import instructions
from flipsnack_mcp.server.prompts import prompts
from flipsnack_mcp.server.resources import SKILL_ADDRESS
from flipsnack_mcp.server.toolsets import lacking, menu
from flipsnack_mcp.settings import Settings
from tests.samples_of import TOOLS, expected_tool, expected_tools
from tests.server.bench import Bench, Given, Person, tokens, types_what_is_asked
from tests.server.long_bench import has_four_parts
from tests.server.revisions import newer
from tests.server.several import FIRST, NAMES, SeveralBench, whose, with_accounts
from tests.server.test_resources import read, suggested
from tests.server.typical import prepare, typical
from tests.server.wire import Raw, wired

MOST_TOKENS = 15
DESCRIBED = ("Default: first", "Default first; * all")
"""Only a report can be over all of them."""
WRITING = [
    of
    for of, tool in ((of, expected_tool(of)) for of in TOOLS)
    if tool.acts or not (tool.in_read_only_mode or tool.hints.read_only)
]
READING = [of for of in TOOLS if of not in WRITING]
GUESSING = "A call that may change something has to name its account. Nothing was changed."
TEMPLATE = "flipsnack://{account}/collections/{hash}"
TITLE = "Summer catalogue 2026"

# Whose a call is does not depend on the revision; what passes through the seal of a question is tried on both.
mode = newer


def cost(tool: Any) -> int:
    """What of a tool a model reads."""
    told = {"name": tool.name, "title": tool.title, "description": tool.description, "inputSchema": tool.input_schema}
    return tokens(json.dumps(told, ensure_ascii=False, separators=(",", ":")))


def test_every_tool_takes_the_account_last_as_a_plain_text_for_at_most_fifteen_tokens(several: SeveralBench) -> None:
    one, many = menu(several.settings.accounts[0]), menu(several.settings)
    assert list(many) == list(one)
    for of in TOOLS:
        name = expected_tool(of).name
        *before, last = many[name].input_schema["properties"]
        described = many[name].input_schema["properties"]["account"]
        assert (before, last) == (list(one[name].input_schema["properties"]), "account")
        words = {} if of in WRITING else {"description": DESCRIBED[name == "report_stats"]}
        assert described == {"type": "string", **words}
        required = many[name].input_schema.get("required", [])
        assert required == [*one[name].input_schema.get("required", []), *(["account"] if of in WRITING else [])]
        assert cost(many[name]) - cost(one[name]) <= MOST_TOKENS, name


def test_the_menu_has_what_any_account_has(several: SeveralBench) -> None:
    several.own = {name: {"toolsets": frozenset({"default"}), "read_only": True} for name in NAMES}
    every = {name for name, tool in expected_tools().items() if tool.in_read_only_mode and not tool.legacy}
    assert menu(several.settings).keys() == every
    several.own["uk"] = {"toolsets": frozenset({"legacy"})}
    assert menu(several.settings).keys() == every | {name for name, tool in expected_tools().items() if tool.legacy}


@pytest.mark.parametrize("of", READING)
async def test_reading_asks_the_account_that_is_named_or_the_first_and_says_so(several: SeveralBench, of: str) -> None:
    async with several.assistant() as assistant:
        for named, account, said_first in (({}, "de", FIRST), ({"account": "fr"}, "fr", "[account fr] ")):
            said = await assistant.call(expected_tool(of).name, {**typical(of, several), **named})
            assert said.text.startswith(said_first), said.text
            assert (whose(said), several.asked.keys() - {account}) == (account, set())
            several.forget()


@pytest.mark.usefixtures("no_look_ahead")
@pytest.mark.parametrize("dry", [{}, {"dry_run": True}], ids=["", "dry run"])
async def test_writing_refuses_to_guess_before_anybody_is_asked(several: SeveralBench, dry: Given) -> None:
    async with several.assistant(Person(types_what_is_asked)) as assistant:
        for of in WRITING:
            given = typical(of, several) | (dry if "dry_run" in expected_tool(of).parameters else {})
            said = await assistant.call(expected_tool(of).name, given)
            assert said.is_error, of
            assert said.text.startswith(GUESSING), said.text
            assert 'Give account="..." with one of: de, fr, uk.' in said.text
            assert has_four_parts(said.text)
            assert several.asked == {}, of


@pytest.mark.usefixtures("no_look_ahead")
@pytest.mark.parametrize("of", WRITING)
async def test_writing_changes_the_account_that_is_named_and_no_other(several: SeveralBench, of: str) -> None:
    given = {**typical(of, several), "account": "fr"}
    async with several.assistant(Person(types_what_is_asked)) as assistant:
        made = await prepare(of, several, assistant, account="fr")
        said = await assistant.call(expected_tool(of).name, given | made)
    assert not said.is_error, said.text
    assert said.text.startswith("[account fr] ")
    assert (whose(said), list(several.asked)) == ("fr", ["fr"])
    nothing_yet = said.data.get("state") in {"planned", "stopped"} and of != "undo_change"
    assert list(several.changed) == ([] if nothing_yet else ["fr"])


async def test_stopping_an_upload_counts_as_writing(several: SeveralBench) -> None:
    refused = await several.call("get_upload", upload_id="abcdefgh", cancel=True)
    seen = await several.call("get_upload", upload_id="abcdefgh", cancel=False)
    assert refused.text.startswith(GUESSING)
    assert "There is no such upload." in seen.text
    assert several.asked == {}


UNDERSTOOD: dict[str, list[Any]] = {
    "fr": ["fr", "FR", " fr\n", "Frankreich", "FRANKREICH"],
    "": [None, "", " ", "\u200b", [], {}, 0, False],
    "7": [7, "7"],
}
REFUSED = [
    "xx",
    "f r",
    "fr,de",
    ["fr"],
    {"name": "fr"},
    True,
    "fr/..",
    "fr\u202e",
    'x" or "',
    "*",
    "de fr",
    5,
    "x" * 9999,
]


@pytest.fixture
def named(bench: Bench) -> SeveralBench:
    """Accounts with odd names, one of which has two."""
    return with_accounts(bench, ("de", "fr", "7"), {"fr": {"aliases": ("Frankreich",)}})


async def test_an_account_is_known_by_its_names_and_nothing_is_no_name(named: SeveralBench) -> None:
    for name, values in UNDERSTOOD.items():
        for value in values:
            named.forget()
            said = await named.call("get_user_stats", account=value)
            assert (whose(said), list(named.asked)) == (name or "de", [name or "de"]), ascii(value)
            assert said.text.startswith(f"[account {name}] " if name else FIRST)


@pytest.mark.parametrize("tool", ["list_collections", "delete_collection"])
async def test_an_unknown_account_is_refused_with_those_there_are(named: SeveralBench, tool: str) -> None:
    given = {"collection_hash": named.collection().hash} if tool == "delete_collection" else {}
    async with named.assistant(Person(types_what_is_asked)) as assistant:
        for value in REFUSED:
            said = await assistant.call(tool, {**given, "account": value})
            assert said.is_error, ascii(value)[:30]
            assert said.text.endswith("The accounts are: de, fr, 7."), said.text
            assert (said.text.isprintable(), len(said.text) < 300, named.asked) == (True, True, {})
            assert has_four_parts(said.text)


async def test_what_a_tool_takes_is_told_with_the_account(several: SeveralBench) -> None:
    said = await several.call("get_upload", acount="fr")
    assert "There is no argument `acount`." in said.text
    assert said.text.endswith("The arguments of get_upload: upload_id, wait_seconds, account.")


async def test_where_there_is_one_account_none_can_be_named(bench: Bench) -> None:
    for value in ("de", "", None):
        said = await bench.call("list_collections", account=value)
        assert said.text.startswith("There is no argument `account`."), said.text
    assert bench.requests == []


MISSING: list[tuple[str, Given, str]] = [
    ("delete_collection", {"uk": {"read_only": True}}, "it is read-only. Nothing"),
    ("set_logo", {"uk": {"toolsets": frozenset({"default"})}}, "FLIPSNACK_TOOLSETS leaves it out there."),
    ("get_upload", {"uk": {"read_only": True}}, "it is read-only. Nothing"),
]


@pytest.mark.parametrize(("tool", "own", "why"), MISSING)
async def test_a_tool_that_one_account_has_not_is_refused_there_and_says_who_has_it(
    several: SeveralBench, tool: str, own: Given, why: str
) -> None:
    several.own = own
    of = next(one for one in TOOLS if expected_tool(one).name == tool)
    said = await several.send(tool, {**typical(of, several), "account": "uk"})
    assert said.is_error
    assert said.text.startswith(f'The account "uk" has no `{tool}`: {why}'), said.text
    assert "Tell the person. These have it: de, fr." in said.text
    assert has_four_parts(said.text)
    assert several.asked == {}


async def test_what_is_missing_is_told_of_the_account_that_was_asked(several: SeveralBench) -> None:
    several.own = {"uk": {"api_secret": ""}}
    async with several.assistant() as assistant:
        refused = await assistant.call("get_user_stats", account="uk")
        fine = await assistant.call("get_user_stats", account="fr")
    assert refused.text.startswith('[account uk] /home/anna/accounts.toml, account "uk": '), refused.text
    assert (fine.is_error, list(several.asked)) == (False, ["fr"])


@pytest.mark.parametrize("own", [{name: {"sandbox": True} for name in NAMES}, {"uk": {"sandbox": True}}])
async def test_an_answer_about_imitations_says_so_also_before_it_is_known_of_which(
    several: SeveralBench, own: dict[str, Given]
) -> None:
    several.own = own
    unknown = await several.call("list_collections", account="xx")
    of_one = await several.call("list_collections", account="uk", limit=1)
    assert unknown.text.startswith("[sandbox] ") is (len(own) == len(NAMES))
    assert of_one.text.startswith("[sandbox] [account uk] ")
    assert (of_one.data["sandbox"], whose(of_one)) == (True, "uk")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_arguments_as_text_and_names_that_clients_add_change_nothing_about_whose_it_is(
    several: SeveralBench,
) -> None:
    numbers = iter(range(9))

    def yes(asked: Raw) -> Raw:
        return {"result": {"action": "accept", "content": {"title": asked["message"].split('"')[-2]}}}

    hash_ = several.collection(TITLE).hash
    given = {"collection_hash": hash_, "account": "fr"}
    async with wired(several.server(), several.mode, yes) as wire:
        await wire.request(
            "tools/call", {"name": "delete_collection", "arguments": json.dumps({"collection_hash": hash_})}
        )
        assert several.asked == {}
        done = await wire.call("delete_collection", {**given, "toolCallId": str(next(numbers)), "sessionId": "x"})
        listed = await wire.request(
            "tools/call", {"name": "list_collections", "arguments": json.dumps({"account": "uk"})}
        )
    assert "ignored: toolCallId, sessionId" in done.text
    assert several.changed == {"fr": ["collection.deleteCollection"]}
    assert listed["result"]["structuredContent"]["account"] == "uk"


@pytest.mark.parametrize("prompt", prompts(), ids=lambda one: one.name)
async def test_a_job_takes_its_account_and_passes_it_on(several: SeveralBench, prompt: Any) -> None:
    given = {one.name: "x" for one in prompt.arguments if one.required}
    async with several.assistant() as assistant:
        listed = {one.name: one for one in (await assistant.client.list_prompts()).prompts}
        named = await text_of(assistant, prompt.name, {**given, "account": "FR"})
        unnamed = await text_of(assistant, prompt.name, {**given, "account": " "})
        with pytest.raises(MCPError, match=r'There is no account "xx"\. The accounts are: de, fr, uk\.'):
            await text_of(assistant, prompt.name, {**given, "account": "xx"})
    *_, last = listed[prompt.name].arguments or []
    assert (last.name, last.required) == ("account", False)
    assert named == unnamed + '\nGive account="fr" in every call.'
    assert several.asked == {}


async def text_of(assistant: Any, name: str, given: dict[str, str]) -> str:
    (message,) = (await assistant.client.get_prompt(name, given)).messages
    assert isinstance(message.content, TextContent)
    return message.content.text


async def test_a_job_is_not_given_to_an_account_that_cannot_do_it(several: SeveralBench) -> None:
    several.own = {"uk": {"read_only": True}}
    async with several.assistant() as assistant:
        with pytest.raises(
            MCPError,
            match=r'"uk" has no `update_collections`: it is read-only\. Tell the person\. These have it: de, fr\.',
        ):
            await text_of(assistant, "archive_season", {"season": "x", "account": "uk"})
        assert "uk" in await text_of(assistant, "weekly_report", {"account": "uk"})


async def test_resources_are_listed_and_read_for_each_and_say_whose_they_are(several: SeveralBench) -> None:
    several.sandboxes["fr"].account.collections[several.collection(TITLE).hash].title = "Été 2026"
    async with several.assistant() as assistant:
        listed = (await assistant.client.list_resources()).resources
        templates = (await assistant.client.list_resource_templates()).resource_templates
        found = {name: await read(assistant, f"flipsnack://{name}/stats/account") for name in NAMES}
        address = f"collections/{several.collection(TITLE).hash}"
        of_first, of_fr = [await read(assistant, f"flipsnack://{one}{address}") for one in ("", "FR/")]
    assert [one.uri for one in listed] == [*(f"flipsnack://{name}/stats/account" for name in NAMES), SKILL_ADDRESS]
    assert len({one.name for one in listed} | {one.title for one in listed}) == 2 * len(listed)
    assert [one.uri_template for one in templates] == [TEMPLATE]
    assert {name: one["account"] for name, one in found.items()} == {name: name for name in NAMES}
    assert [(one["account"], one["title"]) for one in (of_first, of_fr)] == [("de", TITLE), ("fr", "Été 2026")]
    assert several.asked == {
        "de": ["user.getStats", "collection.getCollection"], "fr": ["user.getStats", "collection.getCollection"],
        "uk": ["user.getStats"],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["xx", "f%20r", "*"])
async def test_a_resource_of_an_unknown_account_is_refused_with_those_there_are(
    several: SeveralBench, name: str
) -> None:
    async with several.assistant() as assistant:
        with pytest.raises(MCPError, match=r"The accounts are: de, fr, uk\.") as refused:
            await assistant.client.read_resource(f"flipsnack://{name}/stats/account")
    assert (refused.value.error.code, several.asked) == (-32602, {})


def hashes_of(completed: Any) -> list[str]:
    return [one.split()[0] for one in completed.completion.values]


async def test_names_and_the_hashes_of_the_named_account_are_completed(several: SeveralBench) -> None:
    several.sandboxes["fr"].account.add(title="Rien que la France", collection_hash="france7")
    template, job = ResourceTemplateReference(uri=TEMPLATE), PromptReference(name="swap_issue")
    async with several.assistant() as assistant:
        complete = assistant.client.complete
        names = [
            await suggested(assistant, typed, ref, "account") for ref in (template, job) for typed in ("", "F", "x")
        ]
        asked = {"name": "hash", "value": "France"}
        found = {
            name: hashes_of(await complete(template, asked, {"account": name} if name else None))
            for name in ("fr", "FR", "de", "xx", "")
        }
        of_job = await complete(job, {"name": "old", "value": "France"}, {"account": "fr"})
    assert names == [[*NAMES], ["fr"], []] * 2
    assert found == {"fr": ["france7"], "FR": ["france7"], "de": [], "xx": [], "": []}
    assert hashes_of(of_job) == ["france7"]
    assert list(several.asked) == ["de", "fr"]


def many(count: int, name: str, **settings: Any) -> Settings:
    every = [Settings("K" * 20 + str(one), "S", name=name.format(one), **settings) for one in range(count)]
    return Settings(accounts=tuple(every))


def said_of(settings: Settings) -> str:
    return instructions(settings, lacking(settings))


@pytest.mark.parametrize("settings", [{}, {"read_only": True}, {"sandbox": True}])
@pytest.mark.parametrize("name", ["a-name-as-long-as-a-name-may-be-of-40-{:02}", "n{}"])
def test_the_instructions_name_the_accounts_as_far_as_there_is_room(name: str, settings: Given) -> None:
    text = said_of(many(60, name, **settings))
    mixed = many(59, name)
    other = Settings("K" * 20, "S", name="other", **settings)
    one_of_them = said_of(Settings(accounts=(other, *mixed.accounts)))
    assert max(len(text), len(one_of_them)) < 1800
    assert f"It has 60 accounts: {name.format(0)}, " in text
    assert ("and " in text.partition("It has 60")[2].partition(".")[0]) is (len(name) > 4)
    assert ("Read-only: other." in one_of_them) is ("read_only" in settings)
    assert ("nothing real is changed: other." in one_of_them) is ("sandbox" in settings)


def test_the_instructions_name_the_upload_folders_and_whose_they_are_where_not_all_have_them() -> None:
    own, shared = (Path("/home/anna/flyers"),), Path("/srv/branches")
    assert said_of(Settings(upload_dirs=(*own, shared))).endswith(f'folders: "{own[0]}", "{shared}".')
    accounts = [Settings("K" * 20 + one, "S", name=one, upload_dirs=(shared, *own * (one == "de"))) for one in NAMES]
    reading = Settings("K" * 20, "S", name="reading", read_only=True, upload_dirs=(Path("/elsewhere"),))
    every = said_of(Settings(accounts=(*accounts, reading)))
    assert every.endswith(f'folders: "{shared}", "{own[0]}" (de).')


@pytest.mark.parametrize("length", [1, 90, 4000])
@pytest.mark.parametrize("count", [1, 3, 400])
def test_the_instructions_stay_short_however_many_upload_folders_there_are(count: int, length: int) -> None:
    dirs = tuple(Path("/" + "f" * length + str(one)) for one in range(count))
    text = said_of(Settings(upload_dirs=dirs))
    assert len(text) < 1800
    assert f'Upload folders: "{dirs[0]}' in text or length > 90


@pytest.mark.parametrize("length", [1, 4, 12, 40])
@pytest.mark.parametrize("count", [2, 3, 60, 999])
def test_the_instructions_stay_short_whatever_is_said_of_the_accounts(count: int, length: int) -> None:
    every = [
        Settings("K" * 20 + str(one), "S", name=f"{one:0>{length}}", read_only=one % 3 > 0, sandbox=one % 2 > 0)
        for one in range(count)
    ]
    text = said_of(Settings(accounts=tuple(every)))
    assert len(text) < 1800
    assert (f"Read-only: {every[1].name}" in text) is (f"nothing real is changed: {every[1].name}" in text) is True


async def test_calls_for_different_accounts_do_not_wait_for_each_other(several: SeveralBench) -> None:
    """One that is down takes all its time, and the others none of it."""
    several.fails("hang", times=0)
    ended = dict[str, float]()
    async with several.assistant() as assistant, anyio.create_task_group() as group:

        async def ask(name: str) -> None:
            ended[name] = (await assistant.call("list_collections", account=name)).seconds

        for name in NAMES:
            group.start_soon(ask, name)
    assert ended["de"] > 10
    assert max(ended["fr"], ended["uk"]) < 2
