"""What a client answers to a form while the call stays open, and what the person's assistant sees meanwhile."""

import anyio
from mcp import types
from pydantic import ValidationError

from flipsnack_mcp.server.consent.form import FORM, Preview, hash_counts_too
from flipsnack_mcp.server.consent.reply import UNREADABLE
from flipsnack_mcp.server.request import ToolRequest
from flipsnack_mcp.workflows.progress import FOR_THE_PERSON

SIGN_OF_LIFE = 10.0
"""Seconds."""


def question(preview: Preview) -> types.ElicitRequestFormParams:
    """What the person reads, and the one field they fill in."""
    return types.ElicitRequestFormParams(
        message=f'{preview.text} {hash_counts_too(preview)}To go on, type "{preview.expected}".',
        requested_schema=FORM,
    )


async def answer_to(request: ToolRequest, message: str) -> types.ElicitResult | None:
    """What the client answers to the form; None where it fails, in whatever way: nothing was changed by that."""
    try:
        return await request.session.elicit_form(message, FORM, related_request_id=request.request_id)
    except ValidationError:
        return UNREADABLE
    except Exception:  # noqa: BLE001  # inside the group of whoever asks, or it would arrive as a group
        return None


async def show_life(request: ToolRequest) -> None:
    """A progress message every ten seconds, so that the client sees that the call is not stuck."""
    while True:
        await request.tell(FOR_THE_PERSON)
        await anyio.sleep(SIGN_OF_LIFE)
