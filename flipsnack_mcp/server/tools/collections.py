"""get_collection: a look at one collection, which waits while it converts. list_collections is the action as it is."""

from flipsnack_mcp.api.actions.collections import Collection, GetCollection
from flipsnack_mcp.server.tools.tool import NextStep, States, ToolCall


class WatchedCollection(Collection):
    """A collection and how its conversion went."""

    states: States = []
    next_step: NextStep = None


async def get_collection(call: ToolCall, action: GetCollection) -> WatchedCollection:
    """Look at a collection, and wait while it converts."""
    # Asked as the plain action, so that it shares its answer with everybody who looks at this collection.
    first = await call.app.recent.ask(call.errand, GetCollection(collection_hash=action.collection_hash))
    watching = call.app.uploads.conversions.of(action.collection_hash, first)
    watched = await watching.until_settled(call.errand, call.options.wait_seconds, first)
    seen = watched.last
    return WatchedCollection(
        **seen.model_dump(), states=list(watched.states), next_step=go_on_waiting(seen, action.collection_hash)
    )


def go_on_waiting(seen: Collection, collection_hash: str) -> str | None:
    """The call that waits on, as long as there is something to wait for."""
    if seen.conversion != "processing":
        return None
    return f'Still converting. Call get_collection(collection_hash="{collection_hash}", wait_seconds=30) to wait on.'
