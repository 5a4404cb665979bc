"""What a running server says to a client of the official kind, on both revisions; and what it should say to nobody."""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Literal

from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from flipsnack_mcp.api import cleaned
from flipsnack_mcp.commands.doctor.finding import Finding
from flipsnack_mcp.commands.doctor.visit import Visit

REVISIONS: dict[Literal["auto", "legacy"], str] = {"auto": "current clients", "legacy": "older clients"}
TIME_TO_ANSWER = 30.0
WANTS_ONE = "not tried, it wants a token: give one with --token-file FILE, or - to type it"
WITHHELD = "not tried: the token was not sent, since it could be read on the way"
CLIENTS_NOT_TRIED = "refused (401), so clients were not tried: it was taken back, is over, or is for another server. `flipsnack-mcp token list` there says whose count"
SIGNS_OF_INSIDE = {
    "a key or a signature of Flipsnack": r"apikey=\w|signature=[0-9a-f]{32}",
    "a login in an address": r"\w{2,10}://[^\s:/@\"']*:[^\s/@\"']+@",
    "where its state is kept": r"\brediss?://|\bsqlite:/|\bRedis at \S",
    "addresses of its own network": r"\b(?:10(?:\.\d{1,3}){3}|192\.168(?:\.\d{1,3}){2}|172\.(?:1[6-9]|2\d|3[01])(?:\.\d{1,3}){2})\b",
    "the inside of a program": r"Traceback \(most recent call last\)|site-packages/",
    "the version of what stands before it": r"^server: .*/\d",
}
"""What nobody outside needs to know, by how it looks."""


async def talked(visit: Visit) -> AsyncIterator[Finding]:
    """Greet it and read its menu, as clients do."""
    if not visit.shows_token and (await visit.hello()).status_code == 401:
        yield Finding("clients", ok=True, said=WITHHELD if visit.withholds_token else WANTS_ONE)
        return
    if visit.shows_token and (await visit.hello(**visit.shows_token)).status_code == 401:
        yield Finding("the token", ok=False, said=CLIENTS_NOT_TRIED)
        return
    visit.http.headers.update(visit.shows_token)
    for mode, check in REVISIONS.items():
        yield await served_to(visit, mode, check)


async def served_to(visit: Visit, mode: Literal["auto", "legacy"], check: str) -> Finding:
    """Do so as one kind of client."""
    try:
        async with Client(
            streamable_http_client(visit.place.url, http_client=visit.http),
            mode=mode,
            read_timeout_seconds=TIME_TO_ANSWER,
        ) as client:
            tools = (await client.list_tools()).tools
            known = client.server_info
            name = cleaned(f"{known.name} {known.version}", 60) if known else "it"
            said = f"{name} offers {len(tools)} tools on {client.protocol_version}"
            cure = (
                "" if tools else ": this token allows none of them. Look at its rights with `flipsnack-mcp token list`."
            )
    except Exception as error:  # noqa: BLE001  # a doctor that breaks down helps nobody; the text can hold anything
        said = f"a client could not begin ({first_of(error)}). The server's log says why."
        return Finding(check, ok=False, said=said)
    return Finding(check, bool(tools), said + cure)


def first_of(error: BaseException) -> str:
    """What went wrong first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__


def told_too_much(visit: Visit) -> Iterator[Finding]:
    """Look through all that came back for what should stay inside."""
    seen = "\n".join(visit.seen).replace(visit.place.host, "")
    shown = [what for what, looks in SIGNS_OF_INSIDE.items() if re.search(looks, seen, re.IGNORECASE | re.MULTILINE)]
    shown += ["the token" for _ in visit.seen[:1] if visit.token and visit.token in seen]
    for what in shown:
        yield Finding(
            "what it shows",
            ok=False,
            said=f"answers show {what}. Look at what stands before the server, and at its log.",
        )
    if not shown:
        yield Finding("what it shows", ok=True, said=f"nothing of its inside in {len(visit.seen)} headers and bodies")
