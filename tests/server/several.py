"""Three accounts in one server, each on a sandbox of its own that has the same hashes and titles as the others."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from typing_extensions import override

from flipsnack_mcp.api.action import Effect
from flipsnack_mcp.api.actions import ACTIONS
from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.pace import BudgetInMemory, Pacer
from flipsnack_mcp.sandbox import Pace, Sandbox
from flipsnack_mcp.settings import Settings
from tests.server.bench import Bench, Given, Said, Tapped

NAMES = ("de", "fr", "uk")
"""The first is read where none is named."""
NUMBERS = {"de": "5AB0C5E7DE1", "fr": "5AB0C5E7F2A", "uk": "5AB0C5E7B3C"}
"""By which Flipsnack's links know them."""
CHANGING = frozenset(one.api_name for one in ACTIONS if one.effect is not Effect.READS)
FIRST = "[account de: the first, none was named] "
ACCOUNTS_FILE = Path("/home/anna/accounts.toml")


def key_of(name: str) -> str:
    return f"KEY-CANARY-{name}-7832"


def secret_of(name: str) -> str:
    return f"SECRET-CANARY-{name}-4711"


@dataclass
class SeveralBench(Bench):
    """A bench with three sandboxes, the first of which is that of a test that knows only one."""

    sandboxes: dict[str, Sandbox] = field(default_factory=dict[str, Sandbox])
    own: dict[str, Given] = field(default_factory=dict[str, Given])
    """What is set otherwise for an account."""

    @property
    @override
    def settings(self) -> Settings:
        process = replace(super().settings, api_key="", api_secret="", accounts_file=ACCOUNTS_FILE)
        return replace(process, accounts=tuple(self.account(process, name) for name in self.sandboxes))

    def account(self, process: Settings, name: str) -> Settings:
        known: Given = {"api_key": key_of(name), "api_secret": secret_of(name), "name": name, "accounts": ()}
        return replace(process, **{**known, **self.own.get(name, {})})

    @override
    def connect(self, settings: Settings) -> Flipsnack:
        """A key leads to its own account, whatever that is called."""
        of_key = {key_of(name): sandbox for name, sandbox in self.sandboxes.items()}
        access, sandbox = Access(settings.api_key, settings.api_secret), of_key.get(settings.api_key)
        sandbox = sandbox or self.sandboxes[settings.name]
        return Flipsnack(access, Pacer(BudgetInMemory()), lambda: Tapped(sandbox, self.witness))

    @property
    def asked(self) -> dict[str, list[str]]:
        """What arrived at each sandbox that anything arrived at."""
        every = {name: [one.action for one in sandbox.requests] for name, sandbox in self.sandboxes.items()}
        return {name: actions for name, actions in every.items() if actions}

    @property
    def changed(self) -> dict[str, list[str]]:
        """What was carried out at each of them that changes something."""
        return {
            name: done
            for name, sandbox in self.sandboxes.items()
            if (done := [one.action for one in sandbox.requests if one.executed and one.action in CHANGING])
        }

    def forget(self) -> None:
        """Count anew what arrives."""
        for sandbox in self.sandboxes.values():
            sandbox.requests.clear()

    def player(self, name: str, title: str = "Weekly offers, Week 38", number: str = "") -> str:
        """What stands behind `hash=` in a player's link of this account."""
        found = next(one for one in self.sandboxes[name].account.collections.values() if one.title == title)
        return b64encode(f"{number or self.sandboxes[name].account.account_id}+{found.hash}".encode()).decode()


def with_accounts(bench: Bench, names: tuple[str, ...] = NAMES, own: Mapping[str, Given] | None = None) -> SeveralBench:
    """The bench of a server with these accounts."""
    pace = Pace(calls_per_second=0, calls_per_minute=0)
    made = {
        name: Sandbox(api_key=key_of(name), api_secret=secret_of(name), clock=bench.clock, pace=pace) for name in names
    }
    for name, sandbox in made.items():
        sandbox.account.account_id = NUMBERS.get(name, "")
    bench.witness.signatures.update(text for name in names for text in (key_of(name), secret_of(name)))
    facts = {**vars(bench), "sandbox": made[names[0]]}
    return SeveralBench(**facts, sandboxes=made, own=dict(own or {}))


def whose(said: Said) -> Any:
    """Which account an answer says it is of."""
    return said.data.get("account")
