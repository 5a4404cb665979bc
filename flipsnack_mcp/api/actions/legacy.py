"""Old actions, gone from the menu of the current documentation. Whether Flipsnack still answers them is not known."""

from typing import Annotated

from pydantic import Field

from flipsnack_mcp.api.action import Effect
from flipsnack_mcp.api.actions.collections import OfCollection
from flipsnack_mcp.api.parameters import FileUrl


class AddFlipbook(OfCollection):
    """Add a PDF to an existing collection (old API, may be gone). Give file_path or file_url. May cost an upload."""

    api_name = "flipbook.add"
    tool_name = "add_flipbook"
    tool_title = "Add a flipbook"
    legacy = True
    effect = Effect.WRITES
    uploads = "PDF"
    source = "https://developers.flipsnack.com/deprecated-methods/api-method-flipbook.add"
    codes = (33, 34, 35, 36, 43, 46)

    file_url: FileUrl | None = None


class SetLogo(OfCollection):
    """Set the logo of a collection's player (old API, may be gone). Give file_path or file_url. A person has to confirm."""

    api_name = "collection.setLogo"
    tool_name = "set_logo"
    tool_title = "Set a logo"
    legacy = True
    effect = Effect.WRITES
    overwrites = True
    uploads = "picture"
    loses = "logo"
    doing = "Replace the logo of"
    source = "https://developers.flipsnack.com/api-reference-1/api-method-collection.setlogo"
    codes = (34, 36, 43, 46)

    file_url: Annotated[FileUrl | None, Field(description="Public https address of a picture")] = None


class DeleteLogo(OfCollection):
    """Remove the logo of a collection's player (old API, may be gone). A person has to confirm."""

    api_name = "collection.deleteLogo"
    tool_name = "delete_logo"
    tool_title = "Delete a logo"
    legacy = True
    effect = Effect.DESTROYS
    removes = "logo"
    doing = "Remove the logo of"
    source = "https://developers.flipsnack.com/api-reference-1/api-method-collection.deletelogo"
    codes = (43, 46)


class SetBackgroundImage(OfCollection):
    """Set the background picture of a collection's player (old API, may be gone). Give file_path or file_url. A person has to confirm."""

    api_name = "collection.setBackgroundImage"
    tool_name = "set_background_image"
    tool_title = "Set a background image"
    legacy = True
    effect = Effect.WRITES
    overwrites = True
    uploads = "picture"
    loses = "background picture"
    doing = "Replace the background picture of"
    source = "https://developers.flipsnack.com/api-reference-1/api-method-collection.setbackgroundimage"
    codes = (34, 36, 43, 46)

    file_url: Annotated[FileUrl | None, Field(description="Public https address of a picture")] = None


class DeleteBackgroundImage(OfCollection):
    """Remove the background picture of a collection's player (old API, may be gone). A person has to confirm."""

    api_name = "collection.deleteBackgroundImage"
    tool_name = "delete_background_image"
    tool_title = "Delete a background image"
    legacy = True
    effect = Effect.DESTROYS
    removes = "background picture"
    doing = "Remove the background picture of"
    source = "https://developers.flipsnack.com/api-reference-1/api-method-collection.deletebackgroundimage"
    codes = (43, 46)
