"""Delivery: each lead in up to six attempts, until the webhook is switched off."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import anyio

from flipsnack_mcp.sandbox.account import Account
from flipsnack_mcp.sandbox.pace import Pace
from flipsnack_mcp.sandbox.webhook.address import Hook, NoAnswer
from flipsnack_mcp.sandbox.webhook.forms import lead

PATIENCE: Final = 10.0
RETRIES: Final = 5
FAILURES: Final = 5
"""Documented: ten seconds for an answer, up to five retries with exponential back-off, off after five failures."""


@dataclass(frozen=True)
class Attempt:
    """One POST. `answer` is the status, 0 where none came; then `error` says why."""

    at: float
    seconds: float
    answer: int = 0
    error: str = ""

    @property
    def arrived(self) -> bool:
        return 200 <= self.answer < 300


@dataclass
class Delivery:
    """One lead on its way. `outcome` is waiting, delivered, failed, or off where the webhook was off before it came to that."""

    number: int
    body: dict[str, Any]
    attempts: list[Attempt] = field(default_factory=list)
    outcome: str = "waiting"


class Webhook:
    """The webhook of one account: what was sent, and whether it is still on."""

    def __init__(self, hook: Hook, account: Account, clock: Callable[[], float], pace: Pace) -> None:
        self.deliveries: list[Delivery] = []
        """The newest last. Tests may clear it at any time."""
        self.on = True
        self._hook = hook
        self._account = account
        self._clock = clock
        # Sandbox's own choice: one second before the first retry, and each time twice as long.
        self._waits = [0.0, *(pace.retry_seconds * 2**times for times in range(RETRIES))]
        self._leads = 0
        self._failures = 0

    def submit(self, number: int, kinds: Sequence[str], copies: int) -> list[Delivery]:
        """Have so many readers send something in; the first arrives once, the second twice, and so on up to `copies`."""
        made = list[Delivery]()
        for turn in range(number):
            self._leads += 1
            body = lead(kinds[turn % len(kinds)], self._leads, self._account, self._clock())
            made += [Delivery(self._leads, body) for _ in range(1 + turn % copies)]
        self.deliveries += made
        return made

    async def send(self, deliveries: Sequence[Delivery], senders: int) -> None:
        """Deliver; so many are under way at once, and a sender that waits for a retry does nothing else."""
        left = iter(deliveries)
        async with anyio.create_task_group() as group:
            for _ in range(min(senders, len(deliveries))):
                group.start_soon(self._send_each, left)

    def switch_on(self) -> None:
        """As a person does in the app, once the receiver is well."""
        self.on, self._failures = True, 0

    async def _send_each(self, deliveries: Iterator[Delivery]) -> None:
        for one in deliveries:
            one.outcome = await self._delivered(one)

    async def _delivered(self, delivery: Delivery) -> str:
        # Sandbox's own choice: a retry is the same bytes again.
        body = json.dumps(delivery.body, ensure_ascii=False).encode()
        for wait in self._waits:
            await anyio.sleep(wait)
            if not self.on:
                return "off"
            delivery.attempts.append(await self._attempt(body))
            if delivery.attempts[-1].arrived:
                self._failures = 0
                return "delivered"
        # Sandbox's own choice: a failure is a lead whose attempts were all in vain, and five in a row switch it off. Were
        # each attempt one, a single lead would switch it off before its fifth retry.
        self._failures += 1
        self.on = self._failures < FAILURES
        return "failed"

    async def _attempt(self, body: bytes) -> Attempt:
        at, began = self._clock(), anyio.current_time()
        answer, error = 0, "timeout"
        with anyio.move_on_after(PATIENCE):
            try:
                answer, error = await self._hook.post(self._hook.url, body), ""
            except NoAnswer as reason:
                error = str(reason)
        return Attempt(at, round(anyio.current_time() - began, 3), answer, error)
