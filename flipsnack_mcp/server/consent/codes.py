"""What was promised and answered, remembered for all processes of the account: codes, used answers, closed targets."""

import base64
import secrets
from dataclasses import dataclass

from pydantic import ValidationError

from flipsnack_mcp.server.callers.caller import CALLER
from flipsnack_mcp.server.consent.form import Preview
from flipsnack_mcp.started import as_typed
from flipsnack_mcp.store.clock import Stamp, is_fresh
from flipsnack_mcp.store.records import Body, Records, Store, stamp_of

CODE, NONCE, CLOSED = "confirmation-code", "confirmation-answer", "confirmation-closed"
UNANSWERED, MISTYPED = "confirmation-unanswered", "confirmation-mistyped"
MINUTES = 10
LIFETIME = MINUTES * 60.0


class Ticket(Preview):
    """What a code stands for. Its name in the store is the code."""

    account: str
    tool: str
    made: float
    shown: float | None = None
    """What the clock on the wall showed then; version 0.1.0 did not write it down."""
    needs_approval: bool
    approved: bool = False
    principal: str = ""
    """Whose code it is: for every other caller there is none of that name."""
    caller: str = ""
    """Who that is, for the person who is to approve it."""


@dataclass(frozen=True)
class Consents:
    """The memory of confirmations of one account."""

    store: Store
    account: str
    called: str = ""
    """What a refusal calls the account, where a server has several."""

    async def new_code(self, tool: str, preview: Preview, *, needs_approval: bool) -> str | None:
        """A code for exactly this; None while the target is closed by a person's no."""

        def work(records: Records) -> str | None:
            if self._any_closed(records, preview.target, *preview.parts):
                return None
            code = base64.b32encode(secrets.token_bytes(5)).decode()
            times = {"made": records.now, "shown": records.wall}
            caller = CALLER.get()
            whose = {"account": self.account, "principal": caller.principal, "caller": caller.name}
            facts = {**whose, "tool": tool, "needs_approval": needs_approval, **times}
            ticket = Ticket.model_validate(preview.model_dump() | facts)
            records.put(CODE, code, ticket.model_dump(mode="json"), keep=LIFETIME)
            return code

        return await self.store.transact(work)

    async def redeemed(self, code: str, target: str, *, only_approved: bool, spend: bool = True) -> Ticket | str:
        """The ticket of a code, which is spent by that unless it is only looked at; or why there is none.

        It is spent as well on what a person said no to, whatever it was given out for.
        One that still waits for its approval in a terminal is not spent: the person may be on the way.
        """
        name, here = code.strip().upper(), f' for the account "{self.called}"' if self.called else ""

        def work(records: Records) -> Ticket | str:
            ticket = self._ticket(records, name)
            if ticket is None or ticket.principal != CALLER.get().principal:
                return f"This confirmation code is unknown, used or expired{here}. Make the call without it to get a new one."
            if (only_approved or ticket.needs_approval) and not ticket.approved:
                return f"Nobody has approved it yet: {approving(name)}."
            closed = self._any_closed(records, target, *ticket.parts)
            if spend or closed:
                records.delete(CODE, name)
            if closed:
                return f"A person said no to this less than {MINUTES} minutes ago."
            return ticket

        return await self.store.transact(work)

    async def first_use(self, nonce: str) -> bool:
        """Whether an answer is used for the first time, by whichever process."""

        def work(records: Records) -> bool:
            known = records.get(NONCE, nonce) is not None
            records.put(NONCE, nonce, {}, keep=6 * LIFETIME)
            return not known

        return await self.store.transact(work)

    async def close(self, target: str, parts: tuple[str, ...] = ()) -> None:
        """A person said no: no code helps for a while."""

        def work(records: Records) -> None:
            for one in (target, *parts):
                records.put(CLOSED, self._named(one), {}, keep=LIFETIME)
            self._forget_counts(records, target)

        await self.store.transact(work)

    async def answered(self, target: str) -> None:
        """A person answered as asked: what came before is no longer in a row."""
        await self.store.transact(lambda records: self._forget_counts(records, target))

    async def unanswered(self, target: str) -> int:
        """Count a question that no person answers; how many they are in a row, of whichever process."""
        return await self.store.transact(lambda records: self._count(records, UNANSWERED, target))

    async def mistyped(self, target: str) -> int:
        """Count an answer that was something else than asked for; how many they are in a row."""

        def work(records: Records) -> int:
            records.delete(UNANSWERED, self._named(target))
            return self._count(records, MISTYPED, target)

        return await self.store.transact(work)

    async def approve(self, code: str) -> bool:
        """Write down that a person approved it in a terminal; False where it is not waiting any more."""

        def work(records: Records) -> bool:
            ticket = self._ticket(records, code)
            if ticket is None:
                return False
            left = ticket.made + LIFETIME - records.now
            records.put(CODE, code, ticket.model_copy(update={"approved": True}).model_dump(mode="json"), keep=left)
            return True

        return await self.store.transact(work)

    def _ticket(self, records: Records, code: str) -> Ticket | None:
        """A code of this account that counts."""
        known = ticket_of(records.get(CODE, code))
        return ticket_in(records, code) if known and known.account == self.account else None

    async def stamp(self) -> Stamp:
        """What a question is stamped with."""
        return await self.store.transact(stamp_of)

    def _any_closed(self, records: Records, *targets: str) -> bool:
        """Whether a person said no to any of these just now."""
        return any(body is not None for body in records.several(CLOSED, map(self._named, targets)))

    def _forget_counts(self, records: Records, target: str) -> None:
        for what in (UNANSWERED, MISTYPED):
            records.delete(what, self._named(target))

    def _count(self, records: Records, what: str, target: str) -> int:
        count = int((records.get(what, self._named(target)) or {}).get("count", 0)) + 1
        records.put(what, self._named(target), {"count": count}, keep=LIFETIME)
        return count

    def _named(self, target: str) -> str:
        return f"{self.account}/{target}"


def approving(code: str) -> str:
    """Who has to run which command, and where: people who are told apart have no terminal of the server's machine."""
    command = as_typed(f"approve {code}")
    if not CALLER.get().principal:
        return f"a person has to run `{command}` in a terminal"
    return f"whoever runs this server has to run `{command}` in a terminal there, with the same FLIPSNACK_STATE"


def ticket_in(records: Records, code: str) -> Ticket | None:
    """A code that counts, of whichever account. One that is seen while the clock says something else is dead from then on."""
    ticket = ticket_of(records.get(CODE, code))
    if ticket is None or is_fresh(Stamp(ticket.made, ticket.shown), stamp_of(records), LIFETIME):
        return ticket
    records.delete(CODE, code)
    return None


def ticket_of(body: Body | None) -> Ticket | None:
    """What a code stands for, unless somebody made something else of it."""
    try:
        return Ticket.model_validate(body)
    except ValidationError:
        return None


def waiting_in(records: Records) -> dict[str, Ticket]:
    """The codes of all accounts that a person can approve."""
    found = {name: ticket_in(records, name) for name, _ in records.all(CODE)}
    return {name: one for name, one in found.items() if one and not one.approved}
