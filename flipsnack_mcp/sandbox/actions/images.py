"""Logo and background image of a collection's player."""

from typing import Any

from flipsnack_mcp.sandbox.actions.call import Call
from flipsnack_mcp.sandbox.actions.collection import details
from flipsnack_mcp.sandbox.actions.uploading import received_file
from flipsnack_mcp.sandbox.links import image
from flipsnack_mcp.sandbox.requests.envelope import Refusal

# Sandbox's own choice: these four are available while a flipbook is processing, and the setters answer with the
# collection, as the documented deleters do.


def set_logo(call: Call) -> dict[str, Any]:
    collection = call.collection()
    collection.logo = image(collection, "logos", _image_name(call))
    return details(collection, call.now, call.base)


def set_background_image(call: Call) -> dict[str, Any]:
    collection = call.collection()
    collection.background = image(collection, "backgrounds", _image_name(call))
    return details(collection, call.now, call.base)


def delete_logo(call: Call) -> dict[str, Any]:
    """Remove the logo. Sandbox's own choice: removing what is not there is fine."""
    collection = call.collection()
    collection.logo = ""
    return details(collection, call.now, call.base)


def delete_background_image(call: Call) -> dict[str, Any]:
    collection = call.collection()
    collection.background = ""
    return details(collection, call.now, call.base)


def _image_name(call: Call) -> str:
    file = received_file(call)
    if file is None:
        return call.params["fileUrl"].rstrip("/").rpartition("/")[2]
    # Sandbox's own choice: an image is a PNG or a JPG, and anything else is a bad request.
    if file.kind not in {"png", "jpg"}:
        raise Refusal(40)
    return file.name
