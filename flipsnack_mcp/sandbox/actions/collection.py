"""Actions on one collection: read it, change it, delete it, embed it."""

from typing import Any

from flipsnack_mcp.sandbox.account import Collection, Item
from flipsnack_mcp.sandbox.actions.call import Call
from flipsnack_mcp.sandbox.links import cover, embed_code


def details(collection: Collection, now: float, base: str) -> dict[str, Any]:
    """Shape a collection as collection.getCollection answers it."""
    return {
        "collectionHash": collection.hash,
        "collectionTitle": collection.title,
        "collectionDescription": collection.described(now),
        "collectionStatus": collection.status,
        "collectionWidth": collection.width,
        "collectionHeight": collection.height,
        # Sandbox's own choice: the names of all that follows. The documentation says that a thumbnail, settings and
        # items with a conversion status are there, and what an item's three states are called.
        "coverImage": cover(collection, now, base),
        "logoImage": collection.logo,
        "backgroundImage": collection.background,
        "playerSettings": {},
        "collectionItems": [_item(item, now) for item in collection.items],
    }


def _item(item: Item, now: float) -> dict[str, Any]:
    # Sandbox's own choice: the number of pages is not known before the conversion is over.
    status = item.status(now)
    pages = item.pages if status == "complete" else 0
    return {"itemHash": item.hash, "title": item.title, "status": status, "pagesCount": pages}


def get_collection(call: Call) -> dict[str, Any]:
    return details(call.collection(), call.now, call.base)


def update(call: Call) -> dict[str, Any]:
    """Change the settings that are sent. Publishing an editable collection changes its hash."""
    collection = call.settled_collection()
    status = call.status(collection.status)
    width = call.whole("collectionWidth", collection.width)
    height = call.whole("collectionHeight", collection.height)
    # Everything has been read: nothing below refuses, so an update is done as a whole or not at all.
    collection.width, collection.height = width, height
    # Sandbox's own choice: an empty title or description is one, unlike other parameters.
    collection.title = call.params.get("title", collection.title)
    collection.description = call.params.get("description", collection.description)
    if collection.status == "editable" and status != "editable":
        call.account.publish(collection, status)
    # Sandbox's own choice: going back to editable keeps the hash; publishing again gives another new one.
    collection.status = status
    # Sandbox's own choice: the answer is the collection, as the sibling setters give it.
    return details(collection, call.now, call.base)


def delete_collection(call: Call) -> None:
    # Sandbox's own choice: a collection may be deleted while it is processing.
    call.account.delete(call.mandatory("collectionHash"))


def get_embed(call: Call) -> dict[str, Any]:
    collection = call.collection()
    # Sandbox's own choice: without a size, the collection's own.
    size = (str(call.whole("width", collection.width)), str(call.whole("height", collection.height)))
    if call.yes("responsive"):
        size = ("100%", "100%")
    page, book = call.whole("startPage", 1), call.whole("startBook", 1)
    return {"embedCode": embed_code(call.account, collection, size=size, page=page, book=book)}
