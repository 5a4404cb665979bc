"""Scopes of an authorization server, and the rights that they are here."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from flipsnack_mcp.server.callers.caller import Right
from flipsnack_mcp.server.toolsets import entries, menu
from flipsnack_mcp.settings import Settings

SCOPES_BEGIN = "flipsnack:"


def scope_of(right: Right) -> str:
    """What a right is called there."""
    return f"{SCOPES_BEGIN}{right}"


def scopes_in(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """The scopes of a token: `scope` is a text by RFC 9068, `scp` a list or a text elsewhere."""
    given = [*scope_words(claims.get("scope")), *scope_words(claims.get("scp"))]
    return tuple(dict.fromkeys(given))


def scope_words(value: object) -> Iterable[str]:
    """The words of a text, or of the texts of a list."""
    texts = cast("list[object]", value) if isinstance(value, list) else [value]
    return [word for one in texts if isinstance(one, str) for word in one.split()]


def rights_of(scopes: Iterable[str]) -> frozenset[Right]:
    """The rights among scopes; those of others are none here."""
    given = set(scopes)
    return frozenset(one for one in Right if scope_of(one) in given)


def scopes_worth_asking_for(settings: Settings) -> list[str]:
    """The scopes without which some tool of this server cannot be called."""
    offered = menu(settings)
    needed = {one.right for one in entries() if one.tool.name in offered}
    return [scope_of(one) for one in Right if one in needed]
