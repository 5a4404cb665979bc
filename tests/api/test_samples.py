"""Our requests and results against the samples in Flipsnack's documentation, copied by hand to tests/samples."""

import json
import shlex
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from python_multipart.multipart import parse_options_header

from flipsnack_mcp.api import wire
from flipsnack_mcp.api.action import Action, Result
from flipsnack_mcp.api.actions import ACTIONS
from flipsnack_mcp.api.actions.collections import (
    Collection,
    CollectionList,
    CollectionSummary,
    DeleteCollection,
    DeleteFlipbook,
    Deletion,
    GetCollection,
    ListCollections,
    UpdateCollection,
)
from flipsnack_mcp.api.actions.forms import GetLeadFormSample, LeadFormSample
from flipsnack_mcp.api.actions.legacy import AddFlipbook, DeleteBackgroundImage, DeleteLogo, SetBackgroundImage, SetLogo
from flipsnack_mcp.api.actions.packages import DownloadHtml, Package
from flipsnack_mcp.api.actions.publishing import CreateCollection, EmbedCode, GetEmbedCode
from flipsnack_mcp.api.actions.statistics import (
    CollectionStats,
    GetCollectionStats,
    GetUserStats,
    PageStats,
    UserStats,
)
from flipsnack_mcp.api.client import Access
from tests.api.asking import KEY, SECRET, Paper, Recorder, asking

SAMPLES = Path(__file__).parent.parent / "samples"
UNDOCUMENTED = "# no documented sample; names from the catalogue"
UPLOADS = {"collection.create", "flipbook.add", "collection.setLogo", "collection.setBackgroundImage"}

LOREM = Collection(
    collection_hash="d3m0h45h",
    title="Lorem ipsum",
    description="Dolor sit amet",
    status="public",
    width=650,
    height=385,
)
FILES = "http://files.flipsnack.net/collections/items/913699e80d28331517aee0afci188784/covers/page_1/thumb"
DEV_FILES = "http://devfiles.flipsnack.net/collections/items/0553278b2fd72f91d88224222i188776/covers/page_1/thumb"
EMBED = (
    '<iframe src="https://player.flipsnack.com?hash=OURDRThEN0Q3NUUrZHhuc3VqMWd2dQ==" width="100%" height="480" '
    'seamless="seamless" scrolling="no" frameBorder="0" allowFullScreen '
    'allow="autoplay; clipboard-read; clipboard-write"></iframe>'
)

# What the sample asks, and what its answer means.
MEANINGS: dict[str, tuple[Action[Any], Result]] = {
    "collection.getList": (
        ListCollections(status="public", offset=0, limit=2),
        CollectionList(
            total=15,
            next_offset=2,
            collections=[
                CollectionSummary(
                    collection_hash="d3m0h45h",
                    title="Lorem ipsum",
                    status="public",
                    publish_date="2015-06-09 04:50:23",
                    created_date="2015-06-09 04:50:21",
                    cover_image=FILES,
                    direct_link="http://www.flipsnack.com/user/lorem-ipsum.html",
                ),
                CollectionSummary(
                    collection_hash="fdnlg59t",
                    title="Official document",
                    status="public",
                    publish_date="2015-06-09 01:42:39",
                    created_date="2015-06-09 01:42:37",
                    cover_image=DEV_FILES,
                    direct_link="http://www.flipsnack.com/user/official-document.html",
                ),
            ],
        ),
    ),
    "collection.getCollection": (
        GetCollection(collection_hash="fxh4k89"),
        LOREM.model_copy(update={"collection_hash": "fxh4k89"}),
    ),
    "collection.create": (CreateCollection(), LOREM.model_copy(update={"status": "editable"})),
    "collection.update": (
        UpdateCollection(
            collection_hash="d3m0h45h", title="A", description="B", status="public", width=650, height=385
        ),
        LOREM,
    ),
    "collection.deleteCollection": (
        DeleteCollection(collection_hash="d3m0h45h"),
        Deletion(deleted=True, collection_hash="d3m0h45h"),
    ),
    "flipbook.delete": (
        DeleteFlipbook(collection_hash="d3m0h45h", flipbook_hash="da8637256a0276f13999204f5f1i462s"),
        Deletion(deleted=True, collection_hash="d3m0h45h", flipbook_hash="da8637256a0276f13999204f5f1i462s"),
    ),
    "collection.getEmbed": (
        GetEmbedCode(collection_hash="d3m0h45h", responsive=True, start_page=2, start_book=1, width=200, height=200),
        EmbedCode(embed_code=EMBED),
    ),
    "collection.getStats": (
        GetCollectionStats(collection_hash="d3m0h45h"),
        CollectionStats(
            impressions=723,
            views=1240,
            time_spent=53,
            downloads=4,
            pages=[
                PageStats(page=1, time_spent=127443, clicks=392, views=4529),
                PageStats(page=2, time_spent=89382, clicks=171, views=4130),
            ],
        ),
    ),
    "user.getStats": (
        GetUserStats(),
        UserStats(impressions=2945, views=3719, time_spent=154, downloads=28, api_uploads_left=53),
    ),
    "collection.downloadHTML": (
        DownloadHtml(collection_hash="d3m0h45h"),
        Package(state="complete", resource_url="https://resource.url.example"),
    ),
    "zapier.getZapierLeadFormSample": (GetLeadFormSample(), LeadFormSample(fields={"data.Name": "Ada Example"})),
    "flipbook.add": (AddFlipbook(collection_hash="d3m0h45h", file_url="https://example.com/a.pdf"), LOREM),
    "collection.setLogo": (SetLogo(collection_hash="d3m0h45h", file_url="https://example.com/a.png"), LOREM),
    "collection.setBackgroundImage": (
        SetBackgroundImage(collection_hash="d3m0h45h", file_url="https://example.com/a.png"),
        LOREM,
    ),
    "collection.deleteLogo": (DeleteLogo(collection_hash="d3m0h45h"), LOREM),
    "collection.deleteBackgroundImage": (DeleteBackgroundImage(collection_hash="d3m0h45h"), LOREM),
}


@dataclass(frozen=True)
class Sample:
    """A request as the documentation prints it."""

    documented: bool
    source: str
    values: dict[str, str]
    file: bool

    @property
    def names(self) -> set[str]:
        return set(self.values) - {"action", "apiKey", "signature"}


def sample(name: str) -> Sample:
    first, *rest = (SAMPLES / name / "request.txt").read_text(encoding="utf-8").splitlines()
    if first == UNDOCUMENTED:
        return Sample(documented=False, source="", values=dict.fromkeys(set(rest) - {"file"}, ""), file="file" in rest)
    (text,) = rest
    if text.startswith("https://"):
        pairs = parse_qsl(urlsplit(text).query, strict_parsing=True)
        return Sample(documented=True, source=first, values=dict(pairs), file=False)
    words = shlex.split(text)
    fields = [words[place + 1] for place, word in enumerate(words) if word in {"-F", "-d"}]
    values = dict(one.split("=", 1) for one in fields)
    file = values.pop("file", None)
    return Sample(documented=True, source=first, values=values, file=file is not None)


def answer(name: str) -> bytes:
    return (SAMPLES / name / "response.json").read_bytes()


def multipart(content_type: str, body: bytes) -> list[tuple[dict[bytes, bytes], bytes]]:
    """The parts of a form: what their header says, and their content."""
    boundary = b"--" + parse_options_header(content_type)[1][b"boundary"]
    before, *parts, after = body.split(boundary)
    assert (before, after) == (b"", b"--\r\n")
    split = [part.removeprefix(b"\r\n").removesuffix(b"\r\n").split(b"\r\n\r\n", 1) for part in parts]
    return [(parse_options_header(head.split(b"\r\n")[0].split(b": ")[1])[1], content) for head, content in split]


every_action = pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.api_name) for kind in ACTIONS])


def test_every_action_has_a_sample_and_a_meaning_and_no_sample_is_left_over() -> None:
    names = {kind.api_name for kind in ACTIONS}

    assert {folder.name for folder in SAMPLES.iterdir()} == names
    assert set(MEANINGS) == names


@every_action
def test_a_sample_names_the_page_it_was_copied_from(kind: type[Action[Any]]) -> None:
    found = sample(kind.api_name)

    if found.documented:
        assert found.source.startswith(("# source: https://developers.flipsnack.com/", "# source: https://help."))
        assert found.values["action"] == kind.api_name
    else:
        assert json.loads(answer(kind.api_name))["//"] in UNDOCUMENTED


@every_action
def test_our_request_has_the_names_and_values_of_the_sample(kind: type[Action[Any]]) -> None:
    action, _ = MEANINGS[kind.api_name]
    found = sample(kind.api_name)

    sent = wire.encode(action, found.values.get("apiKey", KEY), SECRET)

    assert sent.keys() == found.names | {"action", "apiKey", "signature"}
    if found.documented:
        assert {**sent, "signature": ""} == {**found.values, "signature": ""}


def test_the_published_request_is_signed_with_the_published_signature() -> None:
    found = sample("collection.getCollection")

    sent = wire.encode(GetCollection(collection_hash="fxh4k89"), KEY, SECRET)

    assert sent == found.values


@every_action
async def test_our_request_goes_to_the_documented_host_by_the_documented_verb(kind: type[Action[Any]]) -> None:
    action, _ = MEANINGS[kind.api_name]
    recorder = Recorder([answer(kind.api_name)])
    document = Paper() if kind.uploads else None

    async with asking(recorder) as flipsnack:
        await flipsnack.send(action, document)

    ((request, body),) = recorder.seen
    address = f"{request.url.scheme}://{request.headers['host']}{request.url.path}"
    expected = wire.encode(action, KEY, SECRET)
    if kind.api_name in UPLOADS:
        parts = multipart(request.headers["content-type"], body)
        assert (request.method, address, request.url.query) == ("POST", "https://upload.flipsnack.com/v1/", "")
        assert {head[b"name"].decode(): content.decode() for head, content in parts[:-1]} == expected
        assert parts[-1] == ({b"name": b"file", b"filename": b"offers.pdf"}, Paper().content)
        assert int(request.headers["content-length"]) == len(body)
    else:
        assert (request.method, address, body) == ("GET", "https://api.flipsnack.com/v1/", b"")
        assert dict(parse_qsl(request.url.query, keep_blank_values=True)) == expected


@every_action
def test_the_sample_answer_is_read_into_typed_values(kind: type[Action[Any]]) -> None:
    action, expected = MEANINGS[kind.api_name]

    result = wire.decode(action, answer(kind.api_name))

    assert result == expected
    assert type(result) is kind.returns


def test_an_own_address_is_asked_instead_of_flipsnacks() -> None:
    access = Access(KEY, SECRET)

    assert (access.api_url, access.upload_url) == ("https://api.flipsnack.com/v1/", "https://upload.flipsnack.com/v1/")


# Status `current` or `unconfirmed` in the catalogue. Left out on purpose: playerSettings goes through `settings`, `file`
# is the document, `format` and `callback` belong to older answers.
CATALOGUE: dict[str, set[str]] = {
    "collection.create": {
        "fileUrl", "title", "description", "collectionWidth", "collectionHeight", "collectionStatus", "playerSettings",
    },
    "collection.getCollection": {"collectionHash"},
    "collection.update": {
        "collectionHash", "title", "description", "collectionWidth", "collectionHeight", "collectionStatus",
    },
    "collection.deleteCollection": {"collectionHash"},
    "collection.getEmbed": {"collectionHash", "responsive", "startPage", "startBook", "width", "height"},
    "collection.getStats": {"collectionHash", "startDate", "endDate", "includePageStats"},
    "collection.getList": {"collectionStatus", "query", "from", "to", "orderBy", "orderMode"},
    "collection.downloadHTML": {"collectionHash"},
    "user.getStats": set(),
    "zapier.getZapierLeadFormSample": set(),
    "flipbook.add": {"collectionHash", "fileUrl"},
    "flipbook.delete": {"collectionHash", "flipbookHash"},
    "collection.setLogo": {"collectionHash", "fileUrl"},
    "collection.setBackgroundImage": {"collectionHash", "fileUrl"},
    "collection.deleteLogo": {"collectionHash"},
    "collection.deleteBackgroundImage": {"collectionHash"},
}  # fmt: skip

A_VALUE: dict[str, object] = {
    "collection_hash": "fxh4k89",
    "flipbook_hash": "da8637256a0276f13999204f5f1i462s",
    "query": "offers",
    "title": "Title",
    "description": "Words",
    "status": "public",
    "order_by": "name",
    "order": "asc",
    "offset": 3,
    "limit": 7,
    "width": 1,
    "height": 2,
    "file_url": "https://example.com/a.pdf",
    "responsive": False,
    "start_page": 3,
    "start_book": 2,
    "start_date": date(2026, 1, 2),
    "end_date": date(2026, 1, 3),
    "include_page_stats": True,
    "settings": {"playerSettings": '{"theme":1}'},
}
WITHOUT_A_NAME_IN_THE_CATALOGUE = {"collection.update": {"playerSettings"}}
"""`settings` carries further parameters: the catalogue says that the table of `update` goes on."""


@every_action
def test_exactly_the_parameters_of_the_catalogue_can_be_sent(kind: type[Action[Any]]) -> None:
    action = kind.model_validate({name: A_VALUE[name] for name in kind.model_fields})

    sent = set(wire.encode(action, KEY, SECRET)) - {"action", "apiKey", "signature"}

    assert sent - WITHOUT_A_NAME_IN_THE_CATALOGUE.get(kind.api_name, set()) == CATALOGUE[kind.api_name]
