"""The sandbox as its users hold it: credentials, application, state, transcript and faults in one object."""

import time
from collections.abc import Callable
from hashlib import sha256

from flipsnack_mcp.sandbox.account import Account
from flipsnack_mcp.sandbox.actions import HANDLERS, UPLOADS
from flipsnack_mcp.sandbox.app import build
from flipsnack_mcp.sandbox.faults import Fault, Faults
from flipsnack_mcp.sandbox.pace import Pace
from flipsnack_mcp.sandbox.packages import Packages
from flipsnack_mcp.sandbox.requests.api import Api
from flipsnack_mcp.sandbox.requests.gate import Gate, Windows
from flipsnack_mcp.sandbox.seeds import seed
from flipsnack_mcp.sandbox.transcript import Arrived, Transcript
from flipsnack_mcp.sandbox.webhook.address import Hook
from flipsnack_mcp.sandbox.webhook.webhook import Webhook

DEFAULT_KEY = "SANDBOX-DEMO-KEY"
_DEFAULT_PACE = Pace()


class Sandbox:
    """An imitation of the Flipsnack HTTP API v1 with one account.

    `app` is an ASGI application. Reach it in-process under the real host names, or serve it at one port, where
    /v1/ is the api host and /upload/v1/ the upload host. `clock` is the only source of time, also of dates. `account` is
    what it begins with: small, large or empty. What readers send in goes to `hook`, where there is one.
    """

    def __init__(
        self,
        *,
        api_key: str = DEFAULT_KEY,
        api_secret: str = "SANDBOX-DEMO-SECRET",  # noqa: S107 - opens nothing but this sandbox
        clock: Callable[[], float] = time.time,
        pace: Pace = _DEFAULT_PACE,
        account: str = "small",
        inclusive_to: bool = False,
        hook: Hook | None = None,
    ) -> None:
        self.api_key = api_key
        self.api_secret = api_secret
        self.pace = pace
        self.account = Account(clock, pace, account_number(api_key))
        seed(self.account, account, clock())
        self._faults = Faults()
        self._transcript = Transcript()
        self.webhook = Webhook(hook, self.account, clock, pace) if hook else None
        self.app = build(
            Api(
                clock=clock,
                pace=pace,
                gate=Gate(api_key, api_secret, HANDLERS.keys(), UPLOADS),
                windows=Windows(pace),
                account=self.account,
                faults=self._faults,
                packages=Packages(api_secret),
                transcript=self._transcript,
                inclusive_to=inclusive_to,
            ),
            self.webhook,
        )

    @property
    def requests(self) -> list[Arrived]:
        """What arrived at the API, the newest last; package downloads and control calls are not in it."""
        return self._transcript.requests

    def carried_out(self, action: str) -> list[Arrived]:
        """Give the requests of this action that were executed, also those whose answer was lost on the way."""
        return [one for one in self.requests if one.action == action and one.executed]

    def add_fault(self, fault: Fault) -> None:
        self._faults.add(fault)

    def clear_faults(self) -> None:
        self._faults.clear()


def account_number(api_key: str) -> str:
    """Give the number of a key's account. Sandbox's own choice: made of the key, so that imitations can be told apart."""
    return "5AB0C5E7D1F" if api_key == DEFAULT_KEY else sha256(api_key.encode()).hexdigest()[:11].upper()
