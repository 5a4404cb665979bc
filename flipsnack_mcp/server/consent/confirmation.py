"""A person's yes. Nothing is destroyed without it, and every way that is not a clear yes ends in a refusal.

A client that can show a form asks the person to type the title: by the result of the call on protocol 2026-07-28, by a
request of ours before it, one behaviour on both. Where it cannot, a refusal carries a code that has to come back.
What was shown, when, and a nonce travel in the state that the SDK seals to the tool and its arguments.
"""

import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass

import anyio
from mcp import types

from flipsnack_mcp.api import quoted
from flipsnack_mcp.server.callers.rights import check_taking_offline
from flipsnack_mcp.server.consent.asking import answer_to, question, show_life
from flipsnack_mcp.server.consent.codes import LIFETIME, MINUTES, Consents, Ticket, approving
from flipsnack_mcp.server.consent.form import LONGEST_TO_TYPE, Preview, confirms
from flipsnack_mcp.server.consent.preview import InQuestion
from flipsnack_mcp.server.consent.reply import QUESTION, Reply, Wanted, reply_of
from flipsnack_mcp.server.consent.sealing import Asked
from flipsnack_mcp.server.consent.yes import How, NotConfirmedError, SaidNoError, Yes, yeses_of
from flipsnack_mcp.server.request import ToolRequest
from flipsnack_mcp.started import as_typed
from flipsnack_mcp.store.clock import Stamp, is_fresh

TO_ACT = 10.0
"""Seconds of a call's time kept for acting on the answer."""
NEVER_SHOWN = "the question was probably never shown."
AGAIN = "Make the same call again to ask once more"
UNANSWERED_IN_A_ROW = 2
"""So many questions in a row without a person's answer, or with something else typed, and another way is named."""
NO_TERMINAL = "A person who sees no form has to set FLIPSNACK_STATE to a file: it is memory: here, which `{}` in a terminal cannot reach."
ONLY_WHERE_SEEN = f"{AGAIN} only where the person sees a form."
NO_FORM_NOW = f"No form is put for this until {MINUTES} minutes go by without a call for it."
BLOCKED = "Deletions are switched off {} (FLIPSNACK_CONFIRM). Tell the person; only they can change that."
NO_STORE = (
    "FLIPSNACK_CONFIRM=approve needs a store that the terminal can reach, and FLIPSNACK_STATE is memory: here. "
    "Tell the person; only they can change that."
)
SAID_NO = f"A person said no to this less than {MINUTES} minutes ago. Do not try again unless they bring it up."


@dataclass
class Confirmation:
    """Asks, and decides about the answer. What has to be remembered is in the store, for all processes."""

    way: str
    consents: Consents
    called: str = ""
    """What the person is told of whose it is, where a server has several accounts."""

    @property
    def yeses(self) -> frozenset[How]:
        """Which yes counts here."""
        return yeses_of(self.way)

    @property
    def foretold(self) -> str:
        """What stands before an act that needs a yes, for who plans it."""
        if not self.yeses:
            return "this server refuses that (FLIPSNACK_CONFIRM)"
        return "nobody is asked first (FLIPSNACK_CONFIRM)" if self.way == "allow" else "the person will be asked"

    @property
    def refusal(self) -> str:
        """Why no yes counts here, where none does."""
        where = f'for the account "{self.called}"' if self.called else "on this server"
        return "" if self.yeses else BLOCKED.format(where)

    async def given(
        self, request: ToolRequest, tool: str, code: str | None, target: InQuestion
    ) -> Yes | types.InputRequiredResult:
        """A person's yes to what they saw; or a question that has to go out first; or a refusal is raised.

        Whether it still is what they saw tells the last look, just before the act.
        """
        self.check()
        if self.way == "approve" and not self.consents.store.shared:
            raise NotConfirmedError(NO_STORE)
        reply = await self._replied(request)
        # A form may have been put before these settings were made; a no to it counts all the same.
        if reply is None or (reply.action == "accept" and "form" not in self.yeses):
            if self.way == "allow":
                return Yes("allow")
            if code:
                return await self._redeemable(code, tool, target)
            outcome = await self._first_round(request, tool, await self._shown(target))
            if not isinstance(outcome, Reply):
                return outcome
            reply = outcome
        await self._decide(reply, tool, target)
        return Yes("form", reply.wanted.seen)

    async def no_longer(self, yes: Yes, tool: str, target: InQuestion) -> NotConfirmedError:
        """The refusal for what is not what a person said yes to any more; their code is spent."""
        with suppress(NotConfirmedError):  # it was spent at an earlier look
            await yes.spend()
        if yes.ticket:
            return NotConfirmedError(
                f"It changed since the code was given out. {await self._again(yes.ticket, tool, target)}"
            )
        return NotConfirmedError(
            f"It changed after the person was asked. It is now: {(await self._shown(target)).text} "
            "Make the call again to ask the person about this."
        )

    async def _shown(self, target: InQuestion) -> Preview:
        """How it is now, as the person is shown it."""
        preview = await target.preview()
        named = f'Account "{self.called}": {preview.text}' if self.called else preview.text
        return preview.model_copy(update={"text": named})

    def check(self) -> None:
        """Raise where no yes counts, not even one that was given before, or whoever calls may destroy nothing."""
        check_taking_offline()
        if refusal := self.refusal:
            raise NotConfirmedError(refusal)

    async def _first_round(
        self, request: ToolRequest, tool: str, preview: Preview
    ) -> types.InputRequiredResult | Reply:
        if self.way == "approve":
            raise NotConfirmedError(f"{preview.text} {await self._terminal(tool, preview)}")
        if not request.can_ask:
            raise NotConfirmedError(await self._with_code(tool, preview))
        if not request.modern:
            return await self._ask(request, tool, preview)
        # A client that fails never comes back with the answer: of that only the next questions tell.
        if (count := await self.consents.unanswered(preview.target)) > UNANSWERED_IN_A_ROW:
            way = await self._terminal(tool, preview, otherwise=NO_FORM_NOW)
            raise NotConfirmedError(f"Of {count - 1} calls in a row nobody answered the form: {NEVER_SHOWN} {way}")
        at, shown = await self.consents.stamp()
        asked = Asked(**asdict(wanted_by(preview)), at=at, shown=shown, nonce=secrets.token_hex(8))
        return types.InputRequiredResult(
            input_requests={QUESTION: types.ElicitRequest(params=question(preview))},
            request_state=asked.model_dump_json(),
        )

    async def _ask(self, request: ToolRequest, tool: str, preview: Preview) -> Reply:
        """Ask while the call stays open: the way of protocol revisions before 2026-07-28."""
        reply: types.ElicitResult | None = None
        form, asked = question(preview), anyio.current_time()
        with anyio.move_on_after(request.deadline - asked - TO_ACT) as waited:
            async with anyio.create_task_group() as beside:
                beside.start_soon(show_life, request)
                reply = await answer_to(request, form.message)
                beside.cancel_scope.cancel()
        if reply is None and waited.cancelled_caught:
            raise NotConfirmedError(
                f"The question was not answered in time and was withdrawn. {await self._terminal(tool, preview)}"
            )
        if reply is None:
            raise NotConfirmedError(await self._failed(tool, preview))
        return reply_of(reply, wanted_by(preview), anyio.current_time() - asked)

    async def _failed(self, tool: str, preview: Preview) -> str:
        if await self.consents.unanswered(preview.target) < UNANSWERED_IN_A_ROW:
            return f"The question failed in the client. {AGAIN}."
        return f"The question failed in the client again: {NEVER_SHOWN} {await self._terminal(tool, preview)}"

    async def _replied(self, request: ToolRequest) -> Reply | None:
        """The answer to a question of an earlier round. An answer that nobody asked for is none."""
        reply = request.replies.get(QUESTION)
        if request.state is None or not isinstance(reply, types.ElicitResult):
            return None
        asked, now = Asked.model_validate_json(request.state), await self.consents.stamp()
        if not await self.consents.first_use(asked.nonce):
            raise NotConfirmedError("This answer was used before. Make the call again to ask the person anew.")
        if not is_fresh(Stamp(asked.at, asked.shown), now, LIFETIME):
            raise NotConfirmedError(
                f"The question was put more than {MINUTES} minutes ago, or the clock was set since. "
                "Make the call again to ask anew."
            )
        wanted = Wanted(asked.seen, asked.expected, asked.collection_hash, asked.covers)
        return reply_of(reply, wanted, now.now - asked.at)

    async def _decide(self, reply: Reply, tool: str, target: InQuestion) -> None:
        """Raise unless the answer is a yes to what was shown. A no counts whatever is there, also if Flipsnack fails."""
        if reply.unseen:
            way = await self._terminal(tool, await self._shown(target))
            raise NotConfirmedError(f"{reply.unseen}: {NEVER_SHOWN} {way}")
        if reply.action != "accept":
            await self.consents.close(target.name, target.parts)
            raise SaidNoError("The person said no. Do not ask again unless they bring it up.")
        if not confirms(reply.typed or "", reply.wanted):
            raise NotConfirmedError(await self._mistyped(tool, target, reply.wanted))
        await self.consents.answered(target.name)
        known = await target.known()
        if target.covers != reply.wanted.covers or (known and known.seen != reply.wanted.seen):
            raise await self.no_longer(Yes("form", reply.wanted.seen), tool, target)

    async def _mistyped(self, tool: str, target: InQuestion, wanted: Wanted) -> str:
        asked = quoted(wanted.expected, LONGEST_TO_TYPE)
        happened = f"The form came back with something else typed than what was asked for, {asked}."
        if await self.consents.mistyped(target.name) < UNANSWERED_IN_A_ROW:
            return f"{happened} {AGAIN}."
        way = await self._terminal(tool, await self._shown(target))
        return (
            f"{happened} {AGAIN}, or take the other way. {way}" if self.consents.store.shared else f"{happened} {way}"
        )

    async def _with_code(self, tool: str, preview: Preview) -> str:
        code = await self.consents.new_code(tool, preview, needs_approval=False)
        if code is None:
            return SAID_NO
        return (
            f"This needs a person's yes. {preview.text} Show this to the person; only if they agree, make the same call "
            f'with confirmation="{code}" within {MINUTES} minutes.'
        )

    async def _terminal(self, tool: str, preview: Preview, otherwise: str = ONLY_WHERE_SEEN) -> str:
        """The way that only a person can go: approving a code in a terminal."""
        if not self.consents.store.shared:
            return f"{otherwise} {NO_TERMINAL.format(as_typed('approve'))}"
        code = await self.consents.new_code(tool, preview, needs_approval=True)
        if code is None:
            return SAID_NO
        way = approving(code)
        return (
            f"{way[0].upper()}{way[1:]} within {MINUTES} minutes; after that, make the same call with "
            f'confirmation="{code}".'
        )

    async def _redeemable(self, code: str, tool: str, target: InQuestion) -> Yes:
        """Raise unless the code was given out for exactly this; it is spent just before the act, or here if it was not."""
        found = await self._redeem(code, target, spend=False)
        if (found.tool, found.target, found.covers) != (tool, target.name, target.covers):
            await self._redeem(code, target)
            raise NotConfirmedError(
                "This confirmation code was for something else; it is spent. Make the call without it."
            )

        async def spend() -> None:
            await self._redeem(code, target)

        yes = Yes("approve" if found.approved else "code", found.seen, found, spend)
        known = await target.known()
        if known and known.seen != found.seen:
            raise await self.no_longer(yes, tool, target)
        return yes

    async def _redeem(self, code: str, target: InQuestion, *, spend: bool = True) -> Ticket:
        approved = self.way == "approve"
        found = await self.consents.redeemed(code, target.name, only_approved=approved, spend=spend)
        if isinstance(found, str):
            raise NotConfirmedError(found)
        return found

    async def _again(self, spent: Ticket, tool: str, target: InQuestion) -> str:
        """What is there now, and a new code of the same kind for it."""
        preview = await self._shown(target)
        if spent.needs_approval:
            return f"{preview.text} {await self._terminal(tool, preview)}"
        return await self._with_code(tool, preview)


def wanted_by(preview: Preview) -> Wanted:
    """What an answer to the question with this preview is compared with."""
    return Wanted(preview.seen, preview.expected, preview.collection_hash, preview.covers)
