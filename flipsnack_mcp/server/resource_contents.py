"""What stands at an address of ours, as JSON: a collection, or the totals of an account."""

import json
from typing import Any
from urllib.parse import unquote

from mcp import MCPError
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError

from flipsnack_mcp.api import Action, FlipsnackError, NotFoundError, hash_from
from flipsnack_mcp.api.actions import collections, statistics
from flipsnack_mcp.server.app import App
from flipsnack_mcp.server.completing import ask_lately
from flipsnack_mcp.server.resources import ACCOUNT_ADDRESS, COLLECTION_ADDRESS, SKILL_ADDRESS
from flipsnack_mcp.server.safety.redaction import log_unexpected
from flipsnack_mcp.server.wording import redacted_data

NOT_TO_BE_HAD = -32010
"""A protocol error's number, of those left to servers: nothing is wrong inside, but Flipsnack cannot be asked or refuses."""
NOTHING_READ = "Something unexpected went wrong in this server. Nothing was changed. You can try again."


async def read_resource(app: App, uri: str) -> str:
    """A resource as JSON.

    Raises:
        ResourceError: It does not exist.
        MCPError: Flipsnack could not be asked, or refused.
    """
    action = question_of(uri)
    try:
        found = await ask_lately(app, action)
    except NotFoundError as error:
        raise ResourceNotFoundError(app.redactor.text(str(error))) from None
    except FlipsnackError as error:
        raise MCPError(NOT_TO_BE_HAD, app.redactor.text(str(error)), {"uri": uri}) from None
    except Exception as error:  # noqa: BLE001  # the SDK would log its text
        log_unexpected(uri, error)
        raise ResourceError(NOTHING_READ) from None
    return json.dumps(redacted_data(found, app.heading()), ensure_ascii=False)


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
        f"There is no such resource. There are {ACCOUNT_ADDRESS}, {COLLECTION_ADDRESS}{{hash}} and {SKILL_ADDRESS}."
    )
