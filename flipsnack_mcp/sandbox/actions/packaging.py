"""The offline package: started by the first call, followed by the later ones."""

from typing import Any

from flipsnack_mcp.sandbox.account import Collection, Packaging
from flipsnack_mcp.sandbox.actions.call import Call


def download_html(call: Call) -> dict[str, Any]:
    collection = call.settled_collection()
    packaging = collection.packaging or _start(call, collection)
    if call.now < packaging.ready_at:
        # Sandbox's own choice: resourceUrl is absent, not null, before COMPLETE.
        return {"status": "PROCESSING"}
    if packaging.fails:
        # Sandbox's own choice: FAILED is told once, and the next call starts a new package.
        collection.packaging = None
        return {"status": "FAILED"}
    path = call.packages.link(collection, now=call.now, valid=call.pace.link_seconds)
    return {"status": "COMPLETE", "resourceUrl": call.base + path}


def _start(call: Call, collection: Collection) -> Packaging:
    fault = call.faults.take(("package_fails",), call.action)
    # Sandbox's own choice: a collection without a single converted flipbook cannot be packaged.
    fails = fault is not None or not collection.complete_items(call.now)
    collection.packaging = Packaging(call.now + call.pace.package_seconds, fails)
    return collection.packaging
