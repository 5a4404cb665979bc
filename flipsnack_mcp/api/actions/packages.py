"""The HTML package of a collection: a zip that shows it without Flipsnack."""

from typing import Annotated, Literal, Self

from pydantic import Field
from typing_extensions import override

from flipsnack_mcp.api.action import Action, Effect, JsonObject, Result
from flipsnack_mcp.api.parameters import CollectionHash

PackageState = Literal["processing", "complete", "failed"]


class Package(Result):
    """How far a package is."""

    state: Annotated[PackageState, Field(description="processing, complete or failed")]
    resource_url: Annotated[str | None, Field(description="Lives one minute")] = None

    @classmethod
    @override
    def read(cls, data: JsonObject) -> Self:
        """Flipsnack's `status` in upper case is the package's state, not the envelope's status."""
        url = str(data.get("resourceUrl") or "") or None
        return cls.model_validate({"state": str(data.get("status")).lower(), "resource_url": with_scheme(url)})


class DownloadHtml(Action[Package]):
    """Save a collection as an HTML package (zip) in the download folder. Building it can take minutes; call again to go on waiting."""

    api_name = "collection.downloadHTML"
    tool_name = "download_collection_html"
    tool_title = "Download as HTML"
    effect = Effect.READS
    source = "https://developers.flipsnack.com/api-reference/api-method-collection.downloadhtml"
    codes = (38, 43, 46)

    collection_hash: CollectionHash


def with_scheme(url: str | None) -> str | None:
    """The documented example is `resource.url.example`, without a scheme."""
    return url if url is None or "://" in url else f"https://{url}"
