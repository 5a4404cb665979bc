"""A person's yes. Nothing is destroyed without it, and every way that is not a clear yes ends in a refusal.

A client that can show a form asks the person to type the title: by the result of the call on protocol 2026-07-28, by a
request of ours before it, one behaviour on both. Where it cannot, a refusal carries a code that has to come back.
What was shown, when, and a nonce travel in the state that the SDK seals to the tool and its arguments.
"""

from __future__ import annotations

import base64
import secrets
import time
import unicodedata
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import anyio
from mcp import MCPError
from mcp.types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from pydantic import BaseModel

from flipsnack_mcp.server.call import Call
from flipsnack_mcp.server.preview import Preview, Target

MINUTES = 10
LIFETIME = MINUTES * 60.0
TOO_FAST = 0.5
"""Seconds within which no person reads a form: such a "no" came from a client that showed nothing."""
PATIENCE = 45.0
TO_ACT = 10.0
"""Seconds of a call's time kept for acting on the answer."""
SIGN_OF_LIFE = 10.0
UNCHANGED = "Nothing was changed."
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


@dataclass(frozen=True)
class Ticket:
    """What a code stands for."""

    tool: str
    target: str
    seen: str
    expires: float


@dataclass
class Confirmation:
    """Asks, remembers what was answered, and decides. One for all calls of the process."""

    way: str
    now: Clock = time.time
    _spent: dict[str, float] = field(default_factory=dict[str, float], init=False)
    _tickets: dict[str, Ticket] = field(default_factory=dict[str, Ticket], init=False)
    _closed: dict[str, float] = field(default_factory=dict[str, float], init=False)

    async def given(self, call: Call, tool: str, code: str | None, target: Target) -> InputRequiredResult | None:
        """None when a person said yes to what is there now; a question that has to go out first; or a refusal.

        The target is fetched anew each time, and raises where it is already gone.
        """
        if self.way not in {"ask", "allow"}:
            raise NotConfirmedError(
                "Deletions are switched off on this server (FLIPSNACK_CONFIRM). Tell the person; only they can change that."
            )
        answer = self._replied(call)
        if answer is None:
            if self.way == "allow":
                await target.glance()
                return None
            preview = await target.preview()
            outcome = await self._first_round(call, tool, code, preview)
            if not isinstance(outcome, Answer):
                return outcome
            answer = outcome
        await self._decide(answer, target)
        return None

    async def _first_round(
        self, call: Call, tool: str, code: str | None, preview: Preview
    ) -> InputRequiredResult | Answer | None:
        if code:
            self._redeem(code, tool, preview)
            return None
        if not call.can_ask:
            raise NotConfirmedError(self._with_code(tool, preview))
        if call.modern:
            return self._question_as_result(preview)
        return await self._ask(call, preview)

    def _question_as_result(self, preview: Preview) -> InputRequiredResult:
        asked = Asked(seen=preview.seen, at=self.now(), nonce=secrets.token_hex(8))
        return InputRequiredResult(
            input_requests={"title": ElicitRequest(params=question(preview))}, request_state=asked.model_dump_json()
        )

    async def _ask(self, call: Call, preview: Preview) -> Answer:
        """Ask while the call stays open: the way of protocol revisions before 2026-07-28."""
        reply: ElicitResult | None = None
        form, asked = question(preview), anyio.current_time()
        patience = min(PATIENCE, call.deadline - asked - TO_ACT)
        with anyio.move_on_after(patience) as waited:
            async with signs_of_life(call):
                with suppress(MCPError):  # inside the group, or it arrives as a group
                    reply = await call.session.elicit_form(form.message, FORM, related_request_id=call.request_id)
        if reply is None:
            how = (
                "was not answered in time and has been withdrawn" if waited.cancelled_caught else "failed in the client"
            )
            raise NotConfirmedError(f"The question to the person {how}. Make the same call again to ask once more.")
        return answer_of(reply, preview.seen, anyio.current_time() - asked)

    def _replied(self, call: Call) -> Answer | None:
        """The answer to a question of an earlier round. An answer that nobody asked for is none."""
        reply = call.replies.get("title")
        if call.state is None or not isinstance(reply, ElicitResult):
            return None
        asked, now = Asked.model_validate_json(call.state), self.now()
        forget(self._spent, now)
        if asked.nonce in self._spent:
            raise NotConfirmedError("This answer was used before. Make the call again to ask the person anew.")
        self._spent[asked.nonce] = asked.at + 2 * LIFETIME
        if not 0 <= now - asked.at <= LIFETIME:
            raise NotConfirmedError(
                f"The question was put more than {MINUTES} minutes ago. Make the call again to ask anew."
            )
        return answer_of(reply, asked.seen, now - asked.at)

    async def _decide(self, answer: Answer, target: Target) -> None:
        """Raise unless the answer is a yes to what is there now."""
        preview = await target.glance()
        if answer.action != "accept":
            self._refused(answer, preview)
        if answer.seen != preview.seen:
            raise NotConfirmedError(
                f"It changed after the person was asked. It is now: {(await target.preview()).text} Make the call again to ask the person about this."
            )
        if comparable(answer.typed) != comparable(preview.expected):
            raise NotConfirmedError(
                "The person typed something else than what was asked for. Make the call again to ask once more."
            )

    def _refused(self, answer: Answer, preview: Preview) -> None:
        if answer.seconds < TOO_FAST:
            raise NotConfirmedError(
                "The client said no faster than a person can read: the question was probably never shown. "
                "Tell the person; deleting needs a client that shows the form."
            )
        self._closed[preview.target] = self.now() + LIFETIME
        raise NotConfirmedError("The person said no. Do not ask again unless they bring it up.")

    def _with_code(self, tool: str, preview: Preview) -> str:
        now = self.now()
        forget(self._closed, now)
        if preview.target in self._closed:
            return (
                f"A person said no to this less than {MINUTES} minutes ago. Do not try again unless they bring it up."
            )
        code = base64.b32encode(secrets.token_bytes(5)).decode()
        self._tickets = {key: one for key, one in self._tickets.items() if one.expires > now}
        self._tickets[code] = Ticket(tool, preview.target, preview.seen, now + LIFETIME)
        return (
            f"This needs a person's yes. {preview.text} Show this to the person; only if they agree, make the same call "
            f'with confirmation="{code}" within {MINUTES} minutes.'
        )

    def _redeem(self, code: str, tool: str, preview: Preview) -> None:
        """Raise unless the code was given out for exactly this, as it is now. It is spent either way."""
        now = self.now()
        forget(self._closed, now)
        ticket = self._tickets.pop(code.strip().upper(), None)
        if preview.target in self._closed:
            raise NotConfirmedError(f"A person said no to this less than {MINUTES} minutes ago.")
        if ticket is None or ticket.expires <= now:
            raise NotConfirmedError(
                "This confirmation code is unknown, used or expired. Make the call without it to get a new one."
            )
        if (ticket.tool, ticket.target) != (tool, preview.target):
            raise NotConfirmedError(
                "This confirmation code was for something else; it is spent. Make the call without it."
            )
        if ticket.seen != preview.seen:
            raise NotConfirmedError(f"It changed since the code was given out. {self._with_code(tool, preview)}")


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


def forget(remembered: dict[str, float], now: float) -> None:
    """Drop what is out of date."""
    for key in [key for key, until in remembered.items() if until <= now]:
        del remembered[key]


@asynccontextmanager
async def signs_of_life(call: Call) -> AsyncGenerator[None]:
    """A progress message every ten seconds, so that the client sees that the call is not stuck."""

    async def pulse() -> None:
        while True:
            await call.tell("waiting for the person's answer")
            await anyio.sleep(SIGN_OF_LIFE)

    async with anyio.create_task_group() as group:
        group.start_soon(pulse)
        yield
        group.cancel_scope.cancel()
