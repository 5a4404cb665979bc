"""Which accounts a caller may use: those that their token of the file names, or those that name whom an issuer vouches for."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flipsnack_mcp.server.callers.accounts import account_named
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.team.authentication.tokens import ALL_ACCOUNTS, TokenEntry

BY_CLAIM = "claim:"


def accounts_of(entry: TokenEntry, settings: Settings) -> frozenset[str] | None:
    """By what the store knows the accounts that a token names; None where it is for all there are."""
    if ALL_ACCOUNTS in entry.accounts:
        return None
    if not entry.accounts and not settings.accounts_file:
        return None  # made where there is one account, which has no name
    found = (account_named(settings.every, name) for name in entry.accounts)
    return frozenset(one.account for one in found if one)


def is_for_others(entry: TokenEntry, settings: Settings) -> bool:
    """Whether a token is for an account that is not there: one has another name by now, or its name is a new one."""
    if not entry.accounts:
        return bool(settings.accounts_file)
    return any(one != ALL_ACCOUNTS and not account_named(settings.every, one) for one in entry.accounts)


def accounts_for(every: Sequence[Settings], claims: Mapping[str, Any]) -> frozenset[str]:
    """The accounts that may be used by whom these claims are about; nobody may use one that names nobody."""
    return frozenset(one.account for one in every if any(is_meant(written, claims) for written in one.callers))


def is_meant(written: str, claims: Mapping[str, Any]) -> bool:
    """Whether `ISSUER SUBJECT` or `claim:NAME=VALUE` is about whom these claims are about.

    Of an e-mail address that its issuer has not verified anybody may have said that it is theirs.
    https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims
    """
    if not written.startswith(BY_CLAIM):
        issuer, _, subject = written.partition(" ")
        return (issuer, subject) == (claims["iss"], claims["sub"])
    name, _, value = written.removeprefix(BY_CLAIM).partition("=")
    if claim_in_text(claims.get(f"{name}_verified")) == "false":
        return False
    held = claims.get(name)
    return value in map(claim_in_text, held if isinstance(held, list) else [held])


def claim_in_text(held: object) -> str | None:
    """What a claim holds as it is written in the accounts file, where all is text; None where it cannot stand there."""
    if isinstance(held, bool | int):
        return json.dumps(held)
    return held if isinstance(held, str) else None
