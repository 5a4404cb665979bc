"""What came back of a form, read without trusting any of it: a client may answer by itself, too fast, or with anything.

Light, and apart from the words of the form: the middleware stands at the door of the server, before the first call.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.types import ElicitResult
from pydantic import ValidationError

TOO_FAST = 0.5
"""Seconds within which no person reads a form: such an answer came from a client that showed nothing."""
UNREADABLE = ElicitResult(action="accept")
"""Stands for an answer that is none by the protocol: no yes, and no person's no either."""
QUESTION = "title"
"""The name of the one question, and of the one field of its form."""


@dataclass(frozen=True)
class Wanted:
    """What an answer is compared with: the sight of the target that was shown, and what had to be typed."""

    seen: str
    expected: str
    collection_hash: str
    """What counts as well, where there is one target."""
    covers: str
    """Fingerprint of all that was shown besides the target."""


@dataclass(frozen=True)
class Reply:
    """What came back, to which question, and how fast."""

    action: str
    typed: str | None
    """None where it is not the one text that was asked for."""
    wanted: Wanted
    seconds: float

    @property
    def unseen(self) -> str:
        """Why nobody can have seen the form; empty where somebody may have."""
        if self.seconds < TOO_FAST:
            return "The client answered faster than a person can read"
        if self.action == "accept" and self.typed is None:
            return "The client answered without the text that the form asks for"
        return ""


def reply_of(reply: ElicitResult, wanted: Wanted, seconds: float) -> Reply:
    """A client's reply; content that is not the one text asked for counts as nothing typed."""
    content: Mapping[str, object] = reply.content or {}
    typed = content.get(QUESTION) if set(content) == {QUESTION} else None
    return Reply(reply.action, typed if isinstance(typed, str) else None, wanted, seconds)


def as_an_answer(answer: object) -> object:
    """An answer as it came, or the one that stands for those nobody can read."""
    try:
        ElicitResult.model_validate(answer, by_alias=True)
    except ValidationError:
        return UNREADABLE.model_dump(mode="json", by_alias=True, exclude_none=True)
    return answer


async def read_odd_answers(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Let a malformed answer to a form reach the call that asked, which has words for it; the SDK has only an error."""
    params = ctx.params or {}
    if ctx.method != "tools/call" or params.get("inputResponses") is None:
        return await call_next(ctx)
    answers = params["inputResponses"]
    named = answers if isinstance(answers, Mapping) else {QUESTION: answers}
    repaired = {name: as_an_answer(answer) for name, answer in named.items()}
    return await call_next(replace(ctx, params={**params, "inputResponses": repaired}))
