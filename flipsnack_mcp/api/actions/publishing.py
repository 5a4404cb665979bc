"""Publishing: uploading a document, and taking it elsewhere by an embed code or as an HTML package."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field
from typing_extensions import override

from flipsnack_mcp.api import parameters
from flipsnack_mcp.api.action import Action, Effect, JsonObject, Result, cut
from flipsnack_mcp.api.actions.collections import Collection

ON_THIS_COMPUTER = re.compile(r"(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?(?:[/?#]|$)", re.IGNORECASE)
# The name in the answer comes from a third-party client, not from the documentation; others are tried after it.
EMBED_NAMES = ("embedCode", "embed_code", "embed", "code", "html", "value")


class CreateCollection(Action[Collection]):
    """Upload, convert, publish or put a PDF document online: make a new flipbook of a file. A draft unless status says otherwise. Give file_path or file_url, not both. Costs one of the month's uploads even if conversion fails: never repeat it, ask get_upload."""

    api_name = "collection.create"
    tool_name = "create_collection"
    tool_title = "Upload or publish a PDF"
    effect = Effect.WRITES
    uploads = "PDF"
    source = "https://developers.flipsnack.com/api-reference/api-method-collection.create"
    codes = (33, 34, 35, 36)

    file_url: parameters.FileUrl | None = None
    title: parameters.Title | None = None
    description: parameters.Description | None = None
    status: parameters.Status | None = None
    width: parameters.Width | None = None
    height: parameters.Height | None = None
    settings: parameters.ExtraParameters | None = None

    @override
    def derived(self) -> dict[str, str]:
        return self.settings or {}


class EmbedCode(Result):
    """HTML for a web page."""

    embed_code: Annotated[str, Field(description="HTML for a web page")]


class GetEmbedCode(Action[EmbedCode]):
    """Get the embed code (HTML iframe) for your website or web page, where it shows this flipbook."""

    api_name = "collection.getEmbed"
    tool_name = "get_embed_code"
    tool_title = "Embed code"
    effect = Effect.READS
    source = "https://developers.flipsnack.com/api-reference-1/api-method-collection.getembed"
    codes = (43, 46)

    collection_hash: parameters.CollectionHash
    responsive: Annotated[bool | None, Field(description="Fill its container")] = None
    start_page: Annotated[int | None, Field(ge=1, description="Opens first")] = None
    start_book: Annotated[int | None, Field(ge=1, description="Flipbook that opens first")] = None
    width: Annotated[int | None, Field(ge=1, le=10_000, description="Pixels")] = None
    height: Annotated[int | None, Field(ge=1, le=10_000, description="Pixels")] = None

    @override
    def read(self, data: JsonObject) -> EmbedCode:
        found = next((data[name] for name in EMBED_NAMES if isinstance(data.get(name), str) and data[name]), None)
        return EmbedCode.model_validate({"embed_code": cut(found)})


PackageState = Literal["processing", "complete", "failed"]


class Package(Result):
    """How far a package is."""

    state: Annotated[PackageState, Field(description="processing, complete or failed")]
    resource_url: Annotated[str | None, Field(description="Lives one minute")] = None

    @classmethod
    @override
    def read(cls, data: JsonObject) -> Self:
        """Flipsnack's `status` in upper case is the package's state, not the envelope's status."""
        url = cut(str(data.get("resourceUrl") or "")).strip() or None
        return cls.model_validate({"state": cut(str(data.get("status"))).lower(), "resource_url": whole_address(url)})


class DownloadHtml(Action[Package]):
    """Download or export a flipbook as an offline HTML package (zip) to archive or back up. Building takes minutes; call again to go on."""

    api_name = "collection.downloadHTML"
    tool_name = "download_collection_html"
    tool_title = "Download as HTML"
    effect = Effect.READS
    source = "https://developers.flipsnack.com/api-reference/api-method-collection.downloadhtml"
    codes = (38, 43, 46)

    collection_hash: parameters.CollectionHash


def whole_address(url: str | None) -> str | None:
    """The documented example is `resource.url.example`, without a scheme; others leave out all before the strokes.

    An imitation on this computer speaks plain http, whatever its port.
    """
    if url is None or "://" in url:
        return url
    rest = url.removeprefix("//")
    return f"{'http' if ON_THIS_COMPUTER.match(rest) else 'https'}://{rest}"
