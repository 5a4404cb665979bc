"""Uploading a document, and what is needed to show it elsewhere."""

from typing import Annotated

from pydantic import Field
from typing_extensions import override

from flipsnack_mcp.api import parameters
from flipsnack_mcp.api.action import Action, Effect, JsonObject, Result
from flipsnack_mcp.api.actions.collections import Collection

# The name in the answer comes from a third-party client, not from the documentation; others are tried after it.
EMBED_NAMES = ("embedCode", "embed_code", "embed", "code", "html", "value")


class CreateCollection(Action[Collection]):
    """Upload a PDF as a new collection, a draft unless status says otherwise. Give file_path or file_url, not both. Costs one of the month's uploads even if conversion fails: never repeat it, ask get_upload."""

    api_name = "collection.create"
    tool_name = "create_collection"
    tool_title = "Create a collection"
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
    """Get the HTML that shows a collection on a web page."""

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
        return EmbedCode.model_validate({"embed_code": found})
