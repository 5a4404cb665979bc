"""Uploads of documents: a new collection, or one more flipbook in a collection."""

from typing import Any
from urllib.parse import unquote, urlsplit

from flipsnack_mcp.sandbox.account import Collection, Item
from flipsnack_mcp.sandbox.actions.call import Call
from flipsnack_mcp.sandbox.actions.collection import details
from flipsnack_mcp.sandbox.requests.envelope import Refusal
from flipsnack_mcp.sandbox.requests.uploads import Document


def received_file(call: Call) -> Document | None:
    """Give the uploaded file, or None for a fileUrl; the file wins when both are sent."""
    if len(call.files) > 1:
        raise Refusal(36)
    # Sandbox's own choice: a file under another name than `file` is not the mandatory one.
    named = [one for one in call.files if one.field == "file"]
    if not named:
        call.mandatory("fileUrl")
        return None
    if 0 < call.pace.max_file_bytes < named[0].size:
        raise Refusal(34)
    return named[0]


def create(call: Call) -> dict[str, Any]:
    """Make a collection of one document; it uses one monthly upload, also if the conversion fails later."""
    file = received_file(call)
    if call.account.uploads_left <= 0:
        raise Refusal(33)
    # Sandbox's own choice: without a status, a new collection is a draft.
    status = call.status("editable")
    width, height = call.whole("collectionWidth", 650), call.whole("collectionHeight", 385)
    item = _converting(call, file)
    call.account.uploads_left -= 1
    collection = Collection(
        hash=call.account.new_hash(),
        title=call.params.get("title") or item.title,
        status=status,
        created_at=call.now,
        description=call.params.get("description") or None,
        width=width,
        height=height,
        # Sandbox's own choice: created as public or unlisted it is published at once, under a final hash.
        published_at=None if status == "editable" else call.now,
        items=[item],
    )
    call.account.keep(collection)
    return details(collection, call.now, call.base)


def add(call: Call) -> dict[str, Any]:
    """Add one flipbook. Sandbox's own choice: the answer is the collection, and no monthly upload is used."""
    collection = call.collection()
    file = received_file(call)
    collection.items.append(_converting(call, file))
    # Sandbox's own choice: a package that lacks the new flipbook is out of date.
    collection.packaging = None
    return details(collection, call.now, call.base)


def _converting(call: Call, file: Document | None) -> Item:
    title, pages = _known(call, file)
    if 0 < call.pace.max_pages < pages:
        raise Refusal(35)
    fault = call.faults.take(("conversion_fails",), call.action)
    # Sandbox's own choice: a file of another kind is accepted, and its conversion fails.
    fails = fault is not None or (file is not None and not file.kind)
    return Item(call.account.new_item_hash(), title, pages, call.now + call.pace.conversion_seconds, fails)


def _known(call: Call, file: Document | None) -> tuple[str, int]:
    """Give title and pages. Sandbox's own choice: the title "taken from the document" is the file's name."""
    if file is not None:
        return _stem(file.name), file.pages
    # Sandbox's own choice: nothing is fetched from a fileUrl, its document is made up and has 12 pages.
    return _stem(unquote(urlsplit(call.params["fileUrl"]).path)), 12


def _stem(path: str) -> str:
    name = path.rstrip("/").replace("\\", "/").rpartition("/")[2]
    return name.rpartition(".")[0] or name or "Untitled"
