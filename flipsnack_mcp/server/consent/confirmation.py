"""A person's yes. Nothing is destroyed without it, and every way that is not a clear yes ends in a refusal.

A client that can show a form asks the person to type the title: by the result of the call on protocol 2026-07-28, by a
request of ours before it, one behaviour on both. Where it cannot, a refusal carries a code that has to come back.
What was shown, when, and a nonce travel in the state that the SDK seals to the tool and its arguments.
"""

from __future__ import annotations

import secrets
import time
import unicodedata
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal

import anyio
from mcp import MCPError
from mcp.types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from pydantic import BaseModel

from flipsnack_mcp.server.call import Call
from flipsnack_mcp.server.consent.codes import LIFETIME, MINUTES, Consents, Ticket
from flipsnack_mcp.server.consent.preview import InQuestion, Preview
from flipsnack_mcp.workflows.progress import FOR_THE_PERSON

TOO_FAST = 0.5
"""Seconds within which no person reads a form: such a "no" came from a client that showed nothing."""
TO_ACT = 10.0
"""Seconds of a call's time kept for acting on the answer."""
SIGN_OF_LIFE = 10.0
UNCHANGED = "Nothing was changed."
BLOCKED = "Deletions are switched off on this server (FLIPSNACK_CONFIRM). Tell the person; only they can change that."
NO_STORE = (
    "FLIPSNACK_CONFIRM=approve needs a store that the terminal can reach, and FLIPSNACK_STATE is memory: here. "
    "Tell the person; only they can change that."
)
SAID_NO = f"A person said no to this less than {MINUTES} minutes ago. Do not try again unless they bring it up."
How = Literal["form", "code", "approve", "allow"]
"""Whose yes it was."""
FORM = {
    "type": "object",
    "required": ["title"],
    "properties": {"title": {"type": "string", "description": "Type it exactly as shown above"}},
}
Clock = Callable[[], float]


class NotConfirmedError(Exception):
    """A destruction was refused; the text ends by saying that nothing was changed."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text} {UNCHANGED}")


class Asked(BaseModel):
    """Travels sealed between question and answer."""

    seen: str
    at: float
    nonce: str


@dataclass(frozen=True)
class Answer:
    """What came back from the person, to which sight, and how fast."""

    action: str
    typed: str
    seen: str
    seconds: float


@dataclass
class Confirmation:
    """Asks, and decides about the answer. What has to be remembered is in the store, for all processes."""

    way: str
    consents: Consents
    now: Clock = time.time

    async def given(self, call: Call, tool: str, code: str | None, target: InQuestion) -> How | InputRequiredResult:
        """How a person said yes to what is there now; or a question that has to go out first; or a refusal is raised.

        The target is fetched anew each time, and raises where it is already gone.
        """
        self.check()
        if self.way == "approve" and not self.consents.store.shared:
            raise NotConfirmedError(NO_STORE)
        answer = await self._replied(call)
        if answer is None:
            if self.way == "allow":
                await target.glance()
                return "allow"
            if code:
                return await self._redeem(code, tool, target)
            outcome = await self._first_round(call, tool, await target.preview())
            if not isinstance(outcome, Answer):
                return outcome
            answer = outcome
        await self._decide(answer, tool, target)
        return "form"

    def check(self) -> None:
        """Raise where no yes counts, not even one that was given before."""
        if self.way not in {"ask", "approve", "allow"}:
            raise NotConfirmedError(BLOCKED)

    async def _first_round(self, call: Call, tool: str, preview: Preview) -> InputRequiredResult | Answer:
        if self.way == "approve":
            raise NotConfirmedError(f"{preview.text} {await self._terminal(tool, preview)}")
        if not call.can_ask:
            raise NotConfirmedError(await self._with_code(tool, preview))
        if call.modern:
            return self._question_as_result(preview)
        return await self._ask(call, tool, preview)

    def _question_as_result(self, preview: Preview) -> InputRequiredResult:
        asked = Asked(seen=preview.seen, at=self.now(), nonce=secrets.token_hex(8))
        return InputRequiredResult(
            input_requests={"title": ElicitRequest(params=question(preview))}, request_state=asked.model_dump_json()
        )

    async def _ask(self, call: Call, tool: str, preview: Preview) -> Answer:
        """Ask while the call stays open: the way of protocol revisions before 2026-07-28."""
        reply: ElicitResult | None = None
        form, asked = question(preview), anyio.current_time()
        with anyio.move_on_after(call.deadline - asked - TO_ACT) as waited:
            async with signs_of_life(call):
                with suppress(MCPError):  # inside the group, or it arrives as a group
                    reply = await call.session.elicit_form(form.message, FORM, related_request_id=call.request_id)
        if reply is None and waited.cancelled_caught:
            raise NotConfirmedError(
                f"The question was not answered in time and was withdrawn. {await self._terminal(tool, preview)}"
            )
        if reply is None:
            raise NotConfirmedError("The question failed in the client. Make the same call again to ask once more.")
        return answer_of(reply, preview.seen, anyio.current_time() - asked)

    async def _replied(self, call: Call) -> Answer | None:
        """The answer to a question of an earlier round. An answer that nobody asked for is none."""
        reply = call.replies.get("title")
        if call.state is None or not isinstance(reply, ElicitResult):
            return None
        asked, now = Asked.model_validate_json(call.state), self.now()
        if not await self.consents.first_use(asked.nonce):
            raise NotConfirmedError("This answer was used before. Make the call again to ask the person anew.")
        if not 0 <= now - asked.at <= LIFETIME:
            raise NotConfirmedError(
                f"The question was put more than {MINUTES} minutes ago. Make the call again to ask anew."
            )
        return answer_of(reply, asked.seen, now - asked.at)

    async def _decide(self, answer: Answer, tool: str, target: InQuestion) -> None:
        """Raise unless the answer is a yes to what is there now. A no counts whatever is there, also if Flipsnack fails."""
        if answer.action != "accept":
            await self._refused(answer, tool, target)
        preview = await target.glance()
        if answer.seen != preview.seen:
            raise NotConfirmedError(
                f"It changed after the person was asked. It is now: {(await target.preview()).text} "
                "Make the call again to ask the person about this."
            )
        if comparable(answer.typed) != comparable(preview.expected):
            raise NotConfirmedError(
                "The person typed something else than what was asked for. Make the call again to ask once more."
            )

    async def _refused(self, answer: Answer, tool: str, target: InQuestion) -> None:
        if answer.seconds < TOO_FAST:
            raise NotConfirmedError(
                "The client said no faster than a person can read: the question was probably never shown. "
                f"{await self._terminal(tool, await target.preview())}"
            )
        await self.consents.close(target.name)
        raise NotConfirmedError("The person said no. Do not ask again unless they bring it up.")

    async def _with_code(self, tool: str, preview: Preview) -> str:
        code = await self.consents.new_code(tool, preview, needs_approval=False)
        if code is None:
            return SAID_NO
        return (
            f"This needs a person's yes. {preview.text} Show this to the person; only if they agree, make the same call "
            f'with confirmation="{code}" within {MINUTES} minutes.'
        )

    async def _terminal(self, tool: str, preview: Preview) -> str:
        """The way that only a person can go: approving a code in a terminal."""
        if not self.consents.store.shared:
            return "Make the same call again to ask once more."
        code = await self.consents.new_code(tool, preview, needs_approval=True)
        if code is None:
            return SAID_NO
        return (
            f"A person has to run `flipsnack-mcp approve {code}` in a terminal within {MINUTES} minutes; after that, make "
            f'the same call with confirmation="{code}".'
        )

    async def _redeem(self, code: str, tool: str, target: InQuestion) -> How:
        """Raise unless the code was given out for exactly this, as it is now. It is spent either way."""
        now = await target.glance()
        found = await self.consents.redeemed(code, now.target, only_approved=self.way == "approve")
        if isinstance(found, str):
            raise NotConfirmedError(found)
        if (found.tool, found.target) != (tool, now.target):
            raise NotConfirmedError(
                "This confirmation code was for something else; it is spent. Make the call without it."
            )
        if found.seen != now.seen:
            raise NotConfirmedError(
                f"It changed since the code was given out. {await self._again(found, tool, target)}"
            )
        return "approve" if found.approved else "code"

    async def _again(self, spent: Ticket, tool: str, target: InQuestion) -> str:
        """What is there now, and a new code of the same kind for it."""
        preview = await target.preview()
        if spent.needs_approval:
            return f"{preview.text} {await self._terminal(tool, preview)}"
        return await self._with_code(tool, preview)


def question(preview: Preview) -> ElicitRequestFormParams:
    """What the person reads, and the one field they fill in."""
    return ElicitRequestFormParams(
        message=f'{preview.text} To go on, type "{preview.expected}".',
        requested_schema=FORM,
    )


def answer_of(reply: ElicitResult, seen: str, seconds: float) -> Answer:
    """A client's reply; content that is not the one text asked for counts as nothing typed."""
    content: Mapping[str, object] = reply.content or {}
    typed = content.get("title") if set(content) == {"title"} else None
    return Answer(reply.action, typed if isinstance(typed, str) else "", seen, seconds)


def comparable(text: str) -> str:
    """Trimmed and in NFC, as shown: quotation marks stand as apostrophes."""
    return unicodedata.normalize("NFC", text.replace('"', "'")).strip()


@asynccontextmanager
async def signs_of_life(call: Call) -> AsyncGenerator[None]:
    """A progress message every ten seconds, so that the client sees that the call is not stuck."""

    async def pulse() -> None:
        while True:
            await call.tell(FOR_THE_PERSON)
            await anyio.sleep(SIGN_OF_LIFE)

    async with anyio.create_task_group() as group:
        group.start_soon(pulse)
        yield
        group.cancel_scope.cancel()
