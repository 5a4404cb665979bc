"""Reading a resource, and completing hashes by title: looks that may be some seconds old."""

import json
from typing import Any
from urllib.parse import unquote

from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.types import Completion

from flipsnack_mcp.api import Action, FlipsnackError, NotFoundError, ResultT_co, hash_from
from flipsnack_mcp.api.actions import collections, statistics
from flipsnack_mcp.server.app import App
from flipsnack_mcp.server.resources import ACCOUNT_ADDRESS, COLLECTION_ADDRESS
from flipsnack_mcp.server.safety.redaction import log_unexpected
from flipsnack_mcp.server.wording import redacted_data
from flipsnack_mcp.workflows.errand import Errand

SUGGESTED = 20
NOTHING_READ = "Something unexpected went wrong in this server. Nothing was changed. You can try again."
TIME_TO_READ = 15.0
"""Seconds: a client shows nothing while it reads, and a person is typing while it completes."""


async def read_resource(app: App, uri: str) -> str:
    """A resource as JSON.

    Raises:
        ResourceError: It does not exist, or Flipsnack could not be asked.
    """
    action = question_of(uri)
    try:
        found = await ask_lately(app, action)
    except FlipsnackError as error:
        kind = ResourceNotFoundError if isinstance(error, NotFoundError) else ResourceError
        raise kind(app.redactor.text(str(error))) from None
    except Exception as error:  # noqa: BLE001  # the SDK would log its text
        log_unexpected(uri, error)
        raise ResourceError(NOTHING_READ) from None
    return json.dumps(redacted_data(found, app), ensure_ascii=False)


def question_of(uri: str) -> Action[Any]:
    """The question behind an address of ours."""
    if uri == ACCOUNT_ADDRESS:
        return statistics.GetUserStats()
    if uri.startswith(COLLECTION_ADDRESS):
        try:
            wanted = hash_from(unquote(uri.removeprefix(COLLECTION_ADDRESS)))
            return collections.GetCollection(collection_hash=wanted)
        except ValueError:
            raise ResourceNotFoundError(f"What follows {COLLECTION_ADDRESS} has to be a collection's hash.") from None
    raise ResourceNotFoundError(
        f"There is no such resource. There are {ACCOUNT_ADDRESS} and {COLLECTION_ADDRESS}{{hash}}."
    )


async def ask_lately(app: App, action: Action[ResultT_co]) -> ResultT_co:
    """What Flipsnack says, some seconds old at most. Nobody is told the progress."""
    app.check_settings()
    return await app.recent.ask(Errand(app.flipsnack).within(TIME_TO_READ), action)


async def suggest_hashes(app: App, typed: str) -> Completion:
    """Hashes of collections whose titles have what was typed, or that begin with it; none where they cannot be had."""
    question = collections.ListCollections(query=typed.strip()[:200] or None, limit=SUGGESTED)
    try:
        found = await ask_lately(app, question)
    except FlipsnackError:
        return Completion(values=[])
    hashes = [row.collection_hash for row in found.collections if row.collection_hash]
    return Completion(values=hashes, total=found.total, has_more=found.next_offset is not None)
