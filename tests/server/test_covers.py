"""get_collection(show=true): the cover as a picture beside an answer that is the same without it."""

import io
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from mcp.types import CallToolResult, ImageContent, TextContent
from PIL import Image
from typing_extensions import override

from flipsnack_mcp.files import pictures
from flipsnack_mcp.sandbox.covers import cover_picture
from flipsnack_mcp.workflows import covers
from tests.server import bench as benches
from tests.server.bench import KEY, SECRET, Assistant, Bench, Tapped
from tests.server.revisions import turn
from tests.server.several import SeveralBench

FILES = "files.flipsnack.net"

# What is shown does not depend on the revision.
mode = turn


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a real process with real seconds."""
    monkeypatch.setattr(pictures, "MAKING_SECONDS", 60.0)
    monkeypatch.setattr(covers, "COVER_SECONDS", 60.0)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[httpx2.Request]]:
    """What went out to other hosts than the API's."""
    seen = list[httpx2.Request]()

    class Watched(Tapped):
        @override
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.url.host != "api.flipsnack.com":
                seen.append(request)
            return await super().handle_async_request(request)

    monkeypatch.setattr(benches, "Tapped", Watched)
    yield seen
    for one in seen:
        assert (one.method, one.url.host, one.url.query) == ("GET", FILES, b"")
        assert not {"authorization", "cookie", "referer", "from"} & one.headers.keys()
        assert not any(word in str(one.headers) + str(one.url) for word in (KEY, SECRET))


async def looked(assistant: Assistant, **arguments: Any) -> CallToolResult:
    return await assistant.client.call_tool("get_collection", arguments)


def shown_in(result: CallToolResult) -> Any:
    """The picture that stands behind the text."""
    text, picture = result.content
    assert isinstance(text, TextContent)
    assert isinstance(picture, ImageContent)
    image = Image.open(io.BytesIO(b64decode(picture.data)))
    assert Image.MIME[str(image.format)] == picture.mime_type
    return image.convert("RGB")


def drawn(collection: Any) -> Any:
    return Image.open(io.BytesIO(cover_picture(collection.visits_key, collection.title))).convert("RGB")


async def test_the_cover_stands_beside_an_answer_that_is_the_same_without_it(
    bench: Bench, asked: list[httpx2.Request]
) -> None:
    wanted = bench.collection()
    async with bench.assistant() as assistant:
        plain = await looked(assistant, collection_hash=wanted.hash)
        before = len(bench.requests)
        assert asked == []
        result = await looked(assistant, collection_hash=wanted.hash, show=True)
    assert shown_in(result).tobytes() == drawn(wanted).tobytes()
    assert (result.content[0], result.structured_content) == (plain.content[0], plain.structured_content)
    assert len(bench.requests) == before  # what was known needs no call of the API, and the picture is none
    assert [one.url.path for one in asked] == [f"/collections/items/{wanted.items[0].hash}/covers/page_1/thumb"]


async def test_the_cover_is_that_of_the_account_that_was_named(several: SeveralBench) -> None:
    wanted = next(iter(several.sandboxes["fr"].account.collections.values()))
    wanted.title = "Le bon titre"
    async with several.assistant() as assistant:
        result = await looked(assistant, collection_hash=wanted.hash, account="fr", show=True)
    assert shown_in(result).tobytes() == drawn(wanted).tobytes()


@pytest.mark.parametrize("nothing", [False, "", "false", None, 0])
async def test_nothing_is_fetched_where_nobody_wants_to_see_it(
    bench: Bench, asked: list[httpx2.Request], nothing: object
) -> None:
    async with bench.assistant() as assistant:
        result = await looked(assistant, collection_hash=bench.collection().hash, show=nothing)
    assert (len(result.content), asked) == (1, [])


ELSEWHERE = [
    *("https://evil.example/a", "http://169.254.169.254/latest", "https://files.flipsnack.net@evil.example/a"),
    *("https://files.flipsnack.net./a", "file:///etc/passwd", "http://127.0.0.1:1/a", "https://api.flipsnack.com/v1/"),
]


@pytest.mark.parametrize("address", ELSEWHERE)
async def test_a_cover_that_lies_elsewhere_is_not_fetched_and_one_word_says_so(
    bench: Bench, asked: list[httpx2.Request], address: str
) -> None:
    wanted = bench.collection()
    data = {"collectionHash": wanted.hash, "collectionTitle": "A", "collectionStatus": "public", "coverImage": address}
    async with bench.assistant() as assistant:
        bench.answers("collection.getCollection", data)
        plain = await looked(assistant, collection_hash=wanted.hash, wait_seconds=0)
        result = await looked(assistant, collection_hash=wanted.hash, wait_seconds=0, show=True)
    assert asked == []
    assert_one_word_more(plain, result, "its address is at none of the hosts that FLIPSNACK_FILE_HOSTS names")


def assert_one_word_more(plain: CallToolResult, result: CallToolResult, why: str) -> None:
    """The answer is the one without a picture, but for a warning."""
    said, more = f"The cover cannot be shown: {why}.", dict(result.structured_content or {})
    assert not result.is_error
    assert len(result.content) == 1
    assert more.pop("warnings")[-1] == said
    assert more == {name: one for name, one in (plain.structured_content or {}).items() if name != "warnings"}
    assert isinstance(result.content[0], TextContent)
    assert said in result.content[0].text


async def test_where_there_is_none_one_word_says_so(bench: Bench, asked: list[httpx2.Request]) -> None:
    failed = bench.collection("Delivery notes scan")
    async with bench.assistant() as assistant:
        plain = await looked(assistant, collection_hash=failed.hash)
        result = await looked(assistant, collection_hash=failed.hash, show=True)
    assert asked == []
    assert_one_word_more(plain, result, "there is none yet")


async def test_where_its_host_or_the_setting_does_not_give_it_one_word_says_so(
    bench: Bench, asked: list[httpx2.Request]
) -> None:
    wanted = bench.collection()
    async with bench.assistant(file_hosts=("cdn.example.com",)) as assistant:
        plain = await looked(assistant, collection_hash=wanted.hash)
        other = await looked(assistant, collection_hash=wanted.hash, show=True)
        assert asked == []
    async with bench.assistant() as assistant:
        await looked(assistant, collection_hash=wanted.hash)
        wanted.items.clear()
        gone = await looked(assistant, collection_hash=wanted.hash, show=True)
    assert_one_word_more(plain, other, "its address is at none of the hosts that FLIPSNACK_FILE_HOSTS names")
    assert_one_word_more(plain, gone, "its host answered with HTTP 404")


async def test_without_the_extra_one_word_says_how_to_get_it(
    bench: Bench, asked: list[httpx2.Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "find_spec", lambda _: None)
    wanted = bench.collection()
    async with bench.assistant() as assistant:
        plain = await looked(assistant, collection_hash=wanted.hash)
        result = await looked(assistant, collection_hash=wanted.hash, show=True)
    assert asked == []
    assert_one_word_more(plain, result, covers.NO_LIBRARY)
    assert "the extra `covers`" in covers.NO_LIBRARY
