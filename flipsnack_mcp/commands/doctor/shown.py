"""How a doctor shows what is configured and what it found, to a person and to a program."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from flipsnack_mcp import __version__
from flipsnack_mcp.api import one_line
from flipsnack_mcp.commands.doctor.finding import Finding, verdict
from flipsnack_mcp.redis_address import without_password
from flipsnack_mcp.settings import ACCOUNTS, VARIABLES, Settings, Variable

NOTHING_TO_MEND = "Nothing was found that can be set right without you."


def report(settings: Settings, findings: list[Finding], done: list[str] | None = None) -> str:
    """Write the findings for a person."""
    given = [one_line(f"  {name} = {value}  ({source})") for name, value, source in shown_settings(settings)]
    accounts = ["", "Accounts:", *map(account_line, settings.accounts)] if settings.accounts else []
    head = [f"flipsnack-mcp {__version__}, {mode(settings)}", "", "Settings:"]
    return "\n".join([*head, *(given or ["  none given, all defaults"]), *accounts, *checks_told(findings, done)])


def checks_told(findings: list[Finding], done: list[str] | None = None) -> list[str]:
    """Write what was set right, what was found, and what it comes to."""
    before = ["", *map(one_line, done or [NOTHING_TO_MEND])] if done is not None else []
    return [*before, "", *(one.line for one in findings), "", verdict(findings)]


def report_of(_: str, what: str, findings: list[Finding], done: list[str] | None = None) -> str:
    """Write the findings about something else than this terminal's settings, for a person."""
    return "\n".join([one_line(f"flipsnack-mcp {__version__}, looking at {what}"), *checks_told(findings, done)])


def json_of(kind: str, what: str, findings: list[Finding], done: list[str] | None = None, **more: object) -> str:
    """Write them for a program."""
    facts = {"version": __version__, kind: what, "ok": all(one.ok for one in findings), **more}
    fixed = {"fixed": done} if done is not None else {}
    return json.dumps({**facts, **fixed, "checks": [one.facts for one in findings]}, indent=2)


def account_line(account: Settings) -> str:
    """Say of an account what tells it from the others."""
    facts = [mode(account), *([f"key ending {account.key_end}"] if account.key_end else [])]
    return f"  {', '.join((account.name, *account.aliases))}: {', '.join(facts)}"


def report_json(settings: Settings, findings: list[Finding], done: list[str] | None = None) -> str:
    """Write the findings for a program."""
    given = [{"name": name, "value": value, "source": source} for name, value, source in shown_settings(settings)]
    accounts = {"accounts": [account_facts(one) for one in settings.accounts]} if settings.accounts else {}
    return json_of("mode", mode(settings), findings, done, settings=given, **accounts)


def account_facts(account: Settings) -> dict[str, object]:
    """Say the same for a program."""
    facts = {"name": account.name, "aliases": account.aliases, "label": account.label}
    return {**facts, "mode": mode(account), "key_end": account.key_end}


def mode(settings: Settings) -> str:
    """Say which Flipsnack is asked."""
    return "sandbox" if all(one.sandbox for one in settings.every) else "live"


def shown_settings(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """List what was given and where it came from."""
    for variable in VARIABLES:
        if source := settings.sources.get(variable.name):
            yield variable.name, shown_value(variable, settings), source


def shown_value(variable: Variable, settings: Settings) -> str:
    """Write a value as it may be shown; of a secret only that it is there."""
    if variable.secret:
        return "set"
    if variable.name == ACCOUNTS:
        return str(settings.accounts_file or "set")
    if variable.name == "FLIPSNACK_STATE":
        return without_password(settings.state)
    value = getattr(settings, variable.name.removeprefix("FLIPSNACK_").lower(), "set")
    if isinstance(value, tuple | frozenset):
        return os.pathsep.join(sorted(str(one) for one in value)) if value else "none"
    return str(value) if isinstance(value, str | int | Path) else "set"
