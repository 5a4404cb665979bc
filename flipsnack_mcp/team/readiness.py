"""Whether a server lives and whether it can be given work, for balancers: /health and /ready.

Both answer whoever asks, under whatever name, so they tell nothing that is anybody's; and asking costs nothing, for an
answer is given again for a second.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from flipsnack_mcp.observed import REPLICA
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import Store, StoreUnusable

SEEN_FOR = 1.0
"""Seconds for which what was found is told again."""
PATIENCE_WITH_A_CHECK = 3.0
ENDS = "This server is ending."
UNCACHED = {"Cache-Control": "no-store"}
Check = Callable[[], Awaitable[Iterable[str]]]
"""What is not as it should be, in words without a name, an address or a secret."""


@dataclass(frozen=True)
class Condition:
    """What a look at everything came to."""

    at: float
    faults: tuple[str, ...]
    """For which it should be given no work."""
    remarks: tuple[str, ...] = ()
    """With which it can work."""


class Readiness:
    """What is looked at before a server counts as ready."""

    def __init__(
        self,
        faults: Sequence[Check],
        remarks: Sequence[Check] = (),
        *,
        ends: Callable[[], bool],
        replica: str = REPLICA,
    ) -> None:
        self._faults, self._remarks, self._ends, self._replica = faults, remarks, ends, replica
        self._found: Condition | None = None
        self._one_looks = anyio.Lock()

    @property
    def routes(self) -> list[Route]:
        """Where both are told."""
        return [Route("/health", self.health), Route("/ready", self.ready)]

    async def health(self, _: Request) -> JSONResponse:
        """It lives: its event loop turns."""
        return JSONResponse({"status": "alive", "replica": self._replica}, headers=UNCACHED)

    async def ready(self, _: Request) -> JSONResponse:
        """Whether it can be given work, and what stands against it."""
        found = Condition(0, (ENDS,)) if self._ends() else await self._looked()
        body = {
            "status": "not ready" if found.faults else "ready",
            "replica": self._replica,
            **({"because": found.faults} if found.faults else {}),
            **({"remarks": found.remarks} if found.remarks else {}),
        }
        return JSONResponse(body, 503 if found.faults else 200, headers=UNCACHED)

    async def _looked(self) -> Condition:
        async with self._one_looks:
            found = self._found
            if found is None or anyio.current_time() - found.at >= SEEN_FOR:
                faults, remarks = await said_by_checks(self._faults), await said_by_checks(self._remarks)
                found = self._found = Condition(anyio.current_time(), faults, remarks)
        return found


async def said_by_checks(checks: Sequence[Check]) -> tuple[str, ...]:
    """What these checks have to say. One that breaks or hangs says so."""
    said = list[str]()
    for check in checks:
        try:
            with anyio.fail_after(PATIENCE_WITH_A_CHECK):
                said += await check()
        except Exception as error:  # noqa: BLE001  # whatever it is: its own text may hold an address
            said.append(f"A check could not be made{in_short(error)}.")
    return tuple(dict.fromkeys(said))


def in_short(error: Exception) -> str:
    """What an error is, as the end of a sentence: its cause, where one can be told to anybody."""
    cause = error.cause if isinstance(error, StoreUnusable) else ""
    return f": {cause}" if cause else f" ({type(error).__name__})"


def store_answers(store: Store, refusing: Callable[[], Awaitable[str]] | None = None) -> Check:
    """Look whether what outlives a call can be used; `refusing` tells why it takes no changes, where it takes none."""

    async def look() -> Iterable[str]:
        try:
            with anyio.fail_after(PATIENCE_WITH_A_CHECK - 1):
                await store.transact(lambda records: records.get("nothing", "of this name"))
                why = await refusing() if refusing else ""
        except Exception as error:  # noqa: BLE001  # each kind of store has its own
            return [f"The store does not answer{in_short(error)}."]
        return [f"The store takes no changes: {why}."] if why else []

    return look


def accounts_can_be_asked(settings: Settings) -> Check:
    """Look whether there is an account that can be asked. What is missing, the log says by its name."""
    asked = sum(not one.missing for one in settings.every)

    async def look() -> Iterable[str]:
        return (
            [] if asked else ["No account can be asked: keys are missing, or settings are wrong. The log says which."]
        )

    return look
