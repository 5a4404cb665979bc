"""A view beside the answers: declared for whoever asks, told only to clients that show it, and never changing an answer."""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from typing import Any

import anyio
import httpx2
import pytest
from mcp.types import TextResourceContents
from typing_extensions import override

from flipsnack_mcp.sandbox import Sandbox
from flipsnack_mcp.server.safety.heading import Heading
from flipsnack_mcp.server.safety.redaction import Redactor
from flipsnack_mcp.server.tools.table import TOOLS
from flipsnack_mcp.server.views import showing
from flipsnack_mcp.server.views.declaring import VIEW_FILE
from flipsnack_mcp.server.views.showing import Aside, address_at, told_aside
from tests.samples_of import TOOLS as SAMPLES
from tests.samples_of import expected_tool
from tests.server.bench import KEY, SECRET, Assistant, Bench, Given, Person, Said, Tapped, tokens, types_what_is_asked
from tests.server.destructions import MODES
from tests.server.several import NAMES, SeveralBench
from tests.server.typical import prepare, typical
from tests.server.wire import wired

VIEW, MIME = "ui://flipsnack/view.html", "text/html;profile=mcp-app"
UI = "io.modelcontextprotocol/ui"
WITH_VIEW = {
    "list_collections", "get_collection", "get_collection_stats", "report_stats", "audit_account", "create_collection",
    "create_collections", "get_upload", "update_collections", "delete_collections", "undo_change",
    "download_collection_html",
}  # fmt: skip
TITLE = "Summer catalogue 2026"
FILES = "https://files.flipsnack.net"
HOSTS = ("files.flipsnack.net", "cdn.example.com")
MADE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
COVER = b"\x89PNG\r\n\x1a\n" + bytes(100)
MADE_BY_CHANCE = ("upload_id", "report_id", "plan_id", "work_id", "download_id")


@pytest.fixture
def viewer(bench: Bench) -> Bench:
    """A bench whose clients show views."""
    return replace(bench, shows_views=True)


def without_chance(said: Said) -> dict[str, Any]:
    """All that an answer says, but for what is another every time."""
    told = json.dumps({"text": said.text, "data": said.data, "links": [one.name for one in said.links]})
    for name in MADE_BY_CHANCE:
        if made := said.data.get(name):
            told = told.replace(made, f"({name})")
    found: dict[str, Any] = json.loads(told)
    return found


async def as_seen(of: str, bench: Bench, *, shows_views: bool) -> Said:
    """A typical answer from a fresh account, at one and the same time."""
    began = anyio.current_time()
    sandbox = Sandbox(api_key=KEY, api_secret=SECRET, clock=bench.clock, pace=bench.sandbox.pace)
    folder = bench.folder / ("with" if shows_views else "without")
    folder.mkdir()
    own = replace(bench, sandbox=sandbox, shows_views=shows_views, folder=folder)
    async with own.assistant(Person(types_what_is_asked)) as assistant:
        said = await assistant.call(expected_tool(of).name, typical(of, own) | await begun(of, own, assistant))
    bench.clock.ahead -= anyio.current_time() - began
    return said


async def begun(of: str, bench: Bench, assistant: Assistant) -> dict[str, Any]:
    """What a call goes on from. Work to be stopped is a report: how far an upload is, threads decide."""
    if of != "stop_work":
        return await prepare(of, bench, assistant)
    return {"work_id": (await assistant.call("report_stats", wait_seconds=0)).data["report_id"]}


@pytest.mark.parametrize(("of", "mode"), [*zip(SAMPLES, cycle(MODES), strict=False)])
async def test_a_client_without_views_and_one_with_read_the_same_text_and_data(bench: Bench, of: str) -> None:
    without, shown = [await as_seen(of, bench, shows_views=one) for one in (False, True)]
    same = json.dumps(without_chance(without)).replace("/without/", "/with/")
    assert same == json.dumps(without_chance(shown))
    assert without.aside is None
    assert (shown.aside is not None) is (expected_tool(of).name in WITH_VIEW)


async def test_twelve_tools_name_the_view_for_old_and_new_hosts_and_pay_little_for_it(bench: Bench) -> None:
    async with bench.assistant() as assistant:
        listed = (await assistant.client.list_tools()).tools
    named = {tool.name: tool.meta for tool in listed if tool.meta}
    assert named == {one: {"ui": {"resourceUri": VIEW}, "ui/resourceUri": VIEW} for one in WITH_VIEW}
    assert {name for name, tool in TOOLS.items() if tool.has_view} == WITH_VIEW
    assert all(tokens(json.dumps({"_meta": one}, separators=(",", ":"))) <= 35 for one in named.values())


async def test_the_view_is_read_by_anybody_and_listed_for_those_who_show_it(bench: Bench, viewer: Bench) -> None:
    policy = {"ui": {"csp": {"resourceDomains": [FILES]}, "prefersBorder": True}}
    async with viewer.assistant() as assistant:
        *_, listed = (await assistant.client.list_resources()).resources
    async with bench.assistant() as assistant:
        (content,) = (await assistant.client.read_resource(VIEW)).contents
        others = (await assistant.client.list_resources()).resources
    assert (listed.uri, listed.mime_type, listed.meta) == (VIEW, MIME, policy)
    assert isinstance(content, TextResourceContents)
    assert (content.uri, content.mime_type, content.meta) == (VIEW, MIME, policy)
    assert content.text == VIEW_FILE.read_text(encoding="utf-8")
    assert VIEW not in {one.uri for one in others}
    assert bench.requests == []


async def test_the_view_loads_pictures_from_the_hosts_of_all_accounts_and_nothing_in_the_sandbox(
    viewer: Bench, several: SeveralBench
) -> None:
    several.own = {
        "fr": {"file_hosts": ("cdn.example.com",)},
        "uk": {"file_hosts": ("not.asked.example",), "sandbox": True},
    }
    asked = []
    for server in (several.server(), viewer.server(sandbox=True), viewer.server(file_hosts=())):
        async with viewer.assistant(server=server) as assistant:
            (content,) = (await assistant.client.read_resource(VIEW)).contents
        asked.append((content.meta or {})["ui"])
    wanted = {"csp": {"resourceDomains": [FILES, "https://cdn.example.com"]}, "prefersBorder": True}
    assert asked == [wanted, {"prefersBorder": True}, {"prefersBorder": True}]


async def test_the_extension_is_declared_where_the_revision_has_a_place_for_it(bench: Bench) -> None:
    async with bench.assistant() as assistant:
        known = assistant.client.server_capabilities
    assert (known.extensions or {}) == ({UI: {}} if bench.mode == "auto" else {})


@pytest.mark.parametrize(
    "declared", [{}, {"other": {}}, {UI: {}}, {UI: {"mimeTypes": ["text/html"]}}, {UI: {"mimeTypes": MIME}}]
)
async def test_who_does_not_say_that_it_shows_such_pages_is_told_nothing(
    bench: Bench, declared: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.server.wire.CAN", {"extensions": declared})
    async with wired(bench.server(), bench.mode) as wire:
        said = await wire.call("list_collections", {})
        listed = await wire.request("resources/list", {})
    assert said.result
    assert showing.IN_META not in said.result.get("_meta", {})
    assert VIEW not in json.dumps(listed)


async def looked_at(viewer: Bench, tool: str, /, **arguments: Any) -> dict[str, Any]:
    async with viewer.assistant(Person(types_what_is_asked)) as assistant:
        said = await assistant.call(tool, arguments)
    assert said.aside is not None, said.text
    assert MADE.fullmatch(said.aside.pop("made"))
    return said.aside


async def test_rows_of_a_list_have_their_covers_and_links_beside_them(viewer: Bench) -> None:
    aside = await looked_at(viewer, "list_collections", limit=3)
    full = (await viewer.call("list_collections", limit=3, details=True)).data["collections"]
    assert aside == {
        "covers": {row["collection_hash"]: row["cover_image"] for row in full},
        "links": {row["collection_hash"]: row["direct_link"] for row in full if "direct_link" in row},
    }
    assert len(aside["covers"]) == 3


@pytest.mark.parametrize("hash_", [None, "", "<b>", "half \ud83d", "a\u202eb", "x" * 65, [], {}], ids=ascii)
async def test_a_row_without_a_hash_costs_no_other_row_and_is_given_no_link_of_another(
    viewer: Bench, hash_: object
) -> None:
    page = "https://www.flipsnack.com/a/one.html"
    rows = [{"collectionHash": one, "coverImage": f"{FILES}/a", "directLink": page} for one in (hash_, "abc123")]
    viewer.answers("collection.getList", {"collections": rows, "collectionsCount": 2})
    async with viewer.assistant() as assistant:
        said = await assistant.call("list_collections")
    assert [one["collection_hash"] for one in said.data["collections"]] == ["", "abc123"], said.text
    beside = said.aside or {}
    assert (beside["covers"], beside["links"]) == ({"abc123": f"{FILES}/a"}, {"abc123": page})


async def test_a_collection_has_its_cover_beside_it(viewer: Bench) -> None:
    hash_ = viewer.collection(TITLE).hash
    said = await viewer.call("get_collection", collection_hash=hash_)
    assert await looked_at(viewer, "get_collection", collection_hash=hash_) == {
        "covers": {hash_: said.data["cover_image"]}
    }


async def test_what_was_uploaded_has_its_cover_beside_it(viewer: Bench) -> None:
    async with viewer.assistant() as assistant:
        made = await assistant.call("create_collection", file_path=viewer.document(), title="New", wait_seconds=45)
        seen = await assistant.call("get_upload", upload_id=made.data["upload_id"])
        known = await assistant.call("get_collection", collection_hash=made.data["collection_hash"])
    cover = {made.data["collection_hash"]: known.data["cover_image"]}
    assert [(one.aside or {})["covers"] for one in (made, seen)] == [cover, cover]


async def test_a_report_has_every_row_that_was_counted(viewer: Bench) -> None:
    asked: Given = {"query": "Weekly", "compare": True, "sort_by": "downloads", "wait_seconds": 45}
    aside = await looked_at(viewer, "report_stats", **asked)
    said = await viewer.call("report_stats", **asked)
    assert aside["measure"] == "downloads"
    assert len(aside["rows"]) == said.data["totals"]["collections"] > 5
    assert sum(row["views"] for row in aside["rows"]) == said.data["totals"]["views"]
    assert sum(row["previous_views"] for row in aside["rows"]) == said.data["totals"]["previous_views"]
    downloads = [row["downloads"] for row in aside["rows"]]
    assert downloads == sorted(downloads, reverse=True)
    best = said.data["collections"][0]
    assert best.items() <= aside["rows"][0].items()
    assert {"status", "date", "title"} <= aside["rows"][0].keys()


async def test_a_report_over_accounts_names_the_account_of_every_row(several: SeveralBench) -> None:
    several.shows_views = True
    aside = await looked_at(several, "report_stats", account="*", wait_seconds=45)
    assert {row["account"] for row in aside["rows"]} == {*NAMES}


async def test_a_plan_has_all_its_items_and_says_whose_it_is(several: SeveralBench) -> None:
    several.shows_views = True
    aside = await looked_at(several, "update_collections", account="fr", everything=True, suffix=" (fr)")
    said = await several.call("update_collections", account="fr", everything=True, suffix=" (fr)")
    assert aside["account"] == "fr"
    assert len(aside["rows"]) == said.data["counts"]["planned"] > len(said.data["items"]) == 20
    assert aside["rows"][:20] == said.data["items"]


async def test_the_sandbox_is_named_beside_every_answer_of_it(viewer: Bench) -> None:
    async with viewer.assistant(sandbox=True) as assistant:
        said = await assistant.call("audit_account", wait_seconds=45)
    assert (said.aside or {}).keys() == {"made", "sandbox"}


async def test_errors_and_questions_have_nothing_beside_them(viewer: Bench) -> None:
    viewer.fails("maintenance", times=0)
    async with viewer.assistant() as assistant:
        said = await assistant.call("list_collections")
    assert said.is_error
    assert said.aside is None


async def test_an_answer_stands_where_what_is_beside_it_cannot_be_made(
    viewer: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(showing, "clean", lambda _: 1 / 0)
    async with viewer.assistant() as assistant:
        said = await assistant.call("list_collections")
    assert (said.is_error, said.aside) == (False, None)
    assert said.data["collections"]


async def test_what_is_beside_an_answer_is_cleaned_and_redacted_as_the_answer_is(viewer: Bench) -> None:
    for one in viewer.sandbox.account.collections.values():
        one.title = f"Sum\u202emer\x1b[2J\u200b {KEY} {'long' * 100}"
    aside = await looked_at(viewer, "update_collections", everything=True, status="unlisted")
    assert {row["title"][:14] for row in aside["rows"]} == {"Summer[2J *** "}
    assert all(len(row["title"]) <= 300 and row["title"].isprintable() for row in aside["rows"])
    assert KEY not in json.dumps(aside)


GOOD_COVERS = {
    f"{FILES}/collections/items/1/covers/page_1/thumb": f"{FILES}/collections/items/1/covers/page_1/thumb",
    "http://files.flipsnack.net/a": f"{FILES}/a",
    "https://files.flipsnack.net:443/a": f"{FILES}/a",
    "HTTP://cdn.example.com/a?b=1": "https://cdn.example.com/a?b=1",
}
BAD_COVERS = [
    "", "x", "//files.flipsnack.net/a", "ftp://files.flipsnack.net/a", "file:///etc/passwd", "javascript:alert(1)",
    "data:image/png;base64,AAAA", "data:text/html,x", f"{FILES}:8443/a", f"{FILES}:80/a", f"{FILES}./a", f"{FILES}.evil.net/a",
    "https://evil.net/files.flipsnack.net", "https://evil.net@files.flipsnack.net/a", "https://files.flipsnack.net@evil.net/a",
    "https://files.flipsnack.net\\@evil.net/a", "https://evilfiles.flipsnack.net/a", "https://flipsnack.net/a",
    "https://127.0.0.1/a", "https://[::1]/a", "https://files.flipsnack.net /a", f"{FILES}/a b", f'{FILES}/"onerror=1',
    f"{FILES}/<b>", f"{FILES}/\u202e", f"{FILES}/a\nb", f"{FILES}/a;b", f"{FILES}/{'a' * 500}", f"{FILES}\n", f"\n{FILES}/a",
    "https://f\u0456les.flipsnack.net/a", "https:/files.flipsnack.net/a", "https:files.flipsnack.net/a",
]  # fmt: skip


async def test_a_cover_is_loaded_only_from_the_hosts_of_the_setting(viewer: Bench) -> None:
    wanted = {**GOOD_COVERS, **dict.fromkeys(BAD_COVERS)}
    named = {f"abc{number}": one for number, one in enumerate(wanted)}
    rows = [{"hash": one, "collectionHash": one, "title": "A", "coverImage": cover} for one, cover in named.items()]
    viewer.answers("collection.getList", {"collections": rows, "collectionsCount": len(rows)})
    async with viewer.assistant(file_hosts=HOSTS) as assistant:
        said = await assistant.call("list_collections", limit=100)
    assert [one["collection_hash"] for one in said.data["collections"]] == [*named]
    covers = (said.aside or {})["covers"]
    assert {cover: covers.get(one) for one, cover in named.items()} == wanted
    assert {cover: address_at(cover, HOSTS) for cover in named.values()} == wanted


class Pictures(Tapped):
    """A line that also has pictures, as the imitation serves them."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench.sandbox, bench.witness)
        self.asked: list[str] = []
        self.gives: Iterator[bytes | int | None] = iter(())

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if not request.url.path.endswith("/thumb"):
            return await super().handle_async_request(request)
        self.asked.append(str(request.url))
        match next(self.gives, COVER):
            case None:
                await anyio.sleep_forever()
            case bytes() as body:
                return httpx2.Response(200, stream=httpx2.ByteStream(body))
            case int() as status:
                return httpx2.Response(status)
        raise AssertionError


@pytest.fixture
def pictures(viewer: Bench, monkeypatch: pytest.MonkeyPatch) -> Pictures:
    line = Pictures(viewer)
    monkeypatch.setattr("tests.server.bench.Tapped", lambda *_: line)
    return line


async def test_covers_of_the_imitation_travel_as_data_and_those_that_cannot_be_had_in_a_second_are_left_out(
    viewer: Bench, pictures: Pictures
) -> None:
    pictures.gives = iter([COVER, 404, b"<svg/>", COVER + bytes(20_000), None, 500, b""])
    async with viewer.assistant(sandbox=True) as assistant:
        began = anyio.current_time()
        said = await assistant.call("list_collections", limit=8)
        took = anyio.current_time() - began
    data = f"data:image/png;base64,{base64.b64encode(COVER).decode()}"
    first, *_, last = (row["collection_hash"] for row in said.data["collections"])
    assert (said.aside or {})["covers"] == {first: data, last: data}
    assert len(pictures.asked) == 8
    assert 1.0 <= took < 1.5
    assert viewer.requests == ["collection.getList"]


async def test_every_row_of_the_sandbox_has_a_cover_of_its_own(viewer: Bench) -> None:
    async with viewer.assistant(sandbox=True) as assistant:
        said = await assistant.call("list_collections", status=["public"], limit=12, details=True)
    covers = (said.aside or {})["covers"]
    assert covers.keys() == {row["collection_hash"] for row in said.data["collections"]}
    assert len(set(covers.values())) == len(covers) == 12
    assert all(
        base64.b64decode(one.partition("data:image/png;base64,")[2]).startswith(COVER[:8]) for one in covers.values()
    )
    assert viewer.requests == ["collection.getList"]


async def test_covers_of_the_imitation_are_not_fetched_for_a_client_without_views(
    viewer: Bench, pictures: Pictures
) -> None:
    viewer.shows_views = False
    async with viewer.assistant(sandbox=True) as assistant:
        await assistant.call("list_collections")
    assert pictures.asked == []


def test_of_a_long_table_the_first_thousand_rows_are_told_and_how_many_there_are() -> None:
    rows = ({"collection_hash": f"h{number}", "views": number} for number in range(1500))
    told = told_aside(Aside(rows=rows), {}, Heading(Redactor(()), sandbox=False))
    assert (len(told["rows"]), told["rows_total"]) == (1000, 1500)
    assert told["rows"][-1] == {"collection_hash": "h999", "views": 999}


def test_what_there_is_nothing_of_is_left_out() -> None:
    assert told_aside(Aside(), {}, Heading(Redactor(()), sandbox=False)).keys() == {"made"}
