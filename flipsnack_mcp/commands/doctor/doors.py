"""Whom a running server lets in: nobody without a token, no other name, no web page, and no made-up address."""

import re
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx2

from flipsnack_mcp.api import cleaned, same_origin
from flipsnack_mcp.commands.doctor.finding import Finding
from flipsnack_mcp.commands.doctor.reaching import members
from flipsnack_mcp.commands.doctor.visit import UNREACHED, Visit

PARAMETER = re.compile(r'(\w+)="([^"]*)"')
ASKS_NOBODY = "it asks nobody who they are"
STRANGERS = {
    "a foreign Host": {"Host": "attacker.example"},
    "a foreign Origin": {"Origin": "https://attacker.example"},
    "the Origin null": {"Origin": "null"},
}
NOT_MEANT = frozenset({400, 403, 404, 421})
"""How a request that is not meant for this server is refused, by itself or by what stands before it."""
SAFE = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


async def asked_for_token(visit: Visit) -> AsyncIterator[Finding]:
    """Come without a token, and with a wrong one."""
    first = await visit.hello()
    if first.status_code == 200:
        cure = ". Whoever reaches it uses the account: set FLIPSNACK_TOKENS or FLIPSNACK_AUTH_ISSUER."
        yield Finding("without a token", visit.place.here, ASKS_NOBODY + ("" if visit.place.here else cure))
        return
    for check, answer in (
        ("without a token", first),
        ("a wrong token", await visit.hello(Authorization=f"Bearer {secrets.token_hex(32)}")),
    ):
        refused = answer.status_code == 401
        said = (
            "refused (401)" if refused else f"answered with status {answer.status_code} instead of 401. {LOOK_BEFORE}"
        )
        yield Finding(check, refused, said)
    if first.status_code == 401:
        yield await challenged(visit, first.headers.get("www-authenticate", ""))


LOOK_BEFORE = "Look at what stands before the server."


async def challenged(visit: Visit, challenge: str) -> Finding:
    """Look whether a client is told where tokens come from."""
    if not challenge.lower().startswith("bearer"):
        said = f"the refusal names no way in (WWW-Authenticate). {LOOK_BEFORE}"
        return Finding("the way in", ok=False, said=said)
    told = dict(PARAMETER.findall(challenge))
    if "resource_metadata" not in told:
        return Finding(
            "the way in", ok=True, said="a token that its operator gives out; no authorization server is named"
        )
    return await described_by(visit, told["resource_metadata"], told.get("scope", ""))


async def described_by(visit: Visit, where: str, scopes: str) -> Finding:
    """Look at the metadata of the resource, as a client reads it."""
    if not same_origin(where, visit.place.url):
        said = f"clients are sent to another host for the metadata. {LOOK_BEFORE}"
        return Finding("the way in", ok=False, said=said)
    told, why = await metadata_at(visit, where)
    issuers = told.get("authorization_servers")
    if not issuers or not isinstance(issuers, list):
        said = f"the metadata that clients are sent to cannot be had ({why}). Let /.well-known/ through to the server."
        return Finding("the way in", ok=False, said=said)
    if told.get("resource") != visit.place.url:
        said = (
            "the metadata is for another address than this one, and clients refuse it. "
            "Set FLIPSNACK_PUBLIC_URL to the address that they use."
        )
        return Finding("the way in", ok=False, said=said)
    if not scopes:
        said = f"the refusal names no scopes, so clients ask for too many or too few. {LOOK_BEFORE}"
        return Finding("the way in", ok=False, said=said)
    return Finding("the way in", ok=True, said=f"{len(issuers)} authorization server, scopes {cleaned(scopes, 200)}")


async def metadata_at(visit: Visit, where: str) -> tuple[dict[str, Any], str]:
    """What stands there, and what came instead if that is nothing."""
    try:
        answer = await visit.http.get(where)
    except UNREACHED as error:
        return {}, type(error).__name__
    return members(answer) if answer.status_code == 200 else {}, f"status {answer.status_code}"


async def meant_for_others(visit: Visit) -> AsyncIterator[Finding]:
    """Come by another name, and from a web page."""
    for check, headers in STRANGERS.items():
        status = await status_of(visit, headers)
        if status == 401 and not visit.shows_token:
            more = "" if visit.withholds_token else "; with --token-file more can be told"
            yield Finding(check, ok=True, said=f"refused for want of a token{more}")
            continue
        cure = f". {LOOK_BEFORE} It has to hand Host and Origin on as they came."
        refused = status in NOT_MEANT or not status
        yield Finding(check, refused, "refused" if refused else f"answered with status {status}{cure}")


async def status_of(visit: Visit, headers: dict[str, str]) -> int:
    """How it answers these headers; 0 where it hangs up."""
    try:
        return (await visit.hello(**visit.shows_token, **headers)).status_code
    except httpx2.TransportError:
        return 0


async def one_time_addresses(visit: Visit) -> AsyncIterator[Finding]:
    """Try addresses for documents and files that nobody gave out."""
    for path in ("/uploads", "/files"):
        answer = await visit.http.get(visit.place.beside(f"{path}/{secrets.token_urlsafe(16)}"))
        lacking = [name for name, value in SAFE.items() if value not in answer.headers.get(name, "")]
        check = f"a made-up address of {path}"
        if answer.status_code == 503:  # what a server answers that is not ready, which was told already
            yield Finding(check, ok=False, said="not answered (503): look again once the server is ready")
        elif answer.status_code not in {404, 410}:
            said = f"answered with status {answer.status_code} instead of 404. {LOOK_BEFORE}"
            yield Finding(check, answer.status_code == 401, said if answer.status_code != 401 else "refused (401)")
        elif lacking and not visit.place.here:
            said = f"refused, but without {', '.join(lacking)}. {LOOK_BEFORE}"
            yield Finding(check, ok=False, said=said)
        else:
            yield Finding(check, ok=True, said="refused")
