"""Whether a running server can be reached: its name, its certificate, its own word on how it is, and its clock."""

import ssl
import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import anyio
from anyio.streams.tls import TLSAttribute

from flipsnack_mcp.api import cleaned, quoted
from flipsnack_mcp.api.network import proxies_of
from flipsnack_mcp.commands.doctor.finding import Finding
from flipsnack_mcp.commands.doctor.visit import Visit

CHECK_OF_NAME = "name"
A_DAY = 86_400
SOON = 14
"""Days before the end of a certificate at which it should have been renewed by itself."""
CLOCKS_APART = 30
"""Seconds by which clocks may differ: tokens of an authorization server end by the server's own."""
READY_LOOKS = 8
"""Requests by which replicas are counted, each over a connection of its own."""


async def reached(visit: Visit) -> AsyncIterator[Finding]:
    """Look at the way to it; a proxy looks the name up itself, and certificates are looked at behind it by each request."""
    place = visit.place
    if proxy := proxies_of().between(urlsplit(place.url).scheme, place.host, place.port):
        yield Finding("proxy", ok=True, said=f"reached through the proxy of {proxy.variable}")
        return
    for look in (named, encrypted):
        async for one in look(visit):
            yield one


async def named(visit: Visit) -> AsyncIterator[Finding]:
    """Look its name up."""
    place = visit.place
    try:
        found = await anyio.getaddrinfo(place.host, place.port)
    except OSError:
        cure = "Look at its entry in DNS, and whether the name is spelled right."
        yield Finding(CHECK_OF_NAME, ok=False, said=f"{place.host} has no address that can be found from here. {cure}")
        return
    addresses = dict.fromkeys(str(one[4][0]) for one in found)
    yield Finding(CHECK_OF_NAME, ok=True, said=f"{place.host} is {', '.join(addresses)}")


async def encrypted(visit: Visit) -> AsyncIterator[Finding]:
    """Look at its certificate."""
    place = visit.place
    if not place.encrypted:
        said = "not encrypted, which is fit for this machine only"
        cure = (
            "" if place.here else ": tokens can be read on the way. Let a balancer with a certificate stand before it."
        )
        yield Finding("encryption", ok=place.here, said=said + cure)
        return
    try:
        with anyio.fail_after(10):
            stream = await anyio.connect_tcp(place.host, place.port, tls=True, tls_standard_compatible=False)
            async with stream:
                certificate: Any = stream.extra(TLSAttribute.peer_certificate)  # noqa: S610  # not Django's
    except ssl.SSLCertVerificationError as error:
        yield Finding("encryption", ok=False, said=f"{error.verify_message}. {cure_of_certificate(error.verify_code)}")
    except (ssl.SSLError, OSError) as error:
        yield Finding("encryption", ok=False, said=f"no encrypted connection could be made ({type(error).__name__}).")
    else:
        yield lasting(ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time())


def lasting(seconds: float) -> Finding:
    """Say for how long a certificate is good."""
    days = int(seconds // A_DAY)
    cure = f". It ends within {SOON} days: look why it was not renewed." if days < SOON else ""
    return Finding("encryption", ok=not cure, said=f"the certificate is good for {days} more days{cure}")


def cure_of_certificate(code: int) -> str:
    """Say what helps against a certificate that is not taken. The numbers are those of OpenSSL."""
    if code == 10:
        return "Renew it, and look why that was not done by itself."
    if code == 62:
        return "It is for other names: get one for this name."
    return "Clients take certificates of authorities that they know, with all between them and the server's own."


async def well(visit: Visit) -> AsyncIterator[Finding]:
    """Ask it whether it lives, and whether it is ready; and see by that what time it is there, and who answers."""
    replicas, clocks, unready = set[str](), list[float](), dict[str, str]()
    for path in ("/health", *("/ready",) * READY_LOOKS):
        answer = await visit.http.get(visit.place.beside(path), headers={"Connection": "close"})
        told = members(answer)
        replicas |= {cleaned(str(told["replica"]), 40)} if "replica" in told else set()
        clocks += clock_of(answer.headers.get("date", ""))
        if answer.status_code != 200:
            unready.setdefault(path, unwell(answer.status_code, told))
    for path in ("/health", "/ready"):
        why = unready.get(path, "")
        yield Finding(path.removeprefix("/"), ok=not why, said=why or "yes")
    yield replicas_seen(replicas)
    if clocks:
        yield clock(max(clocks, key=abs))


def members(answer: Any) -> dict[str, Any]:
    """Read an answer as a JSON object; as an empty one where it is none."""
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def unwell(status: int, told: dict[str, Any]) -> str:
    """Say why it is not well, in its own words where it has some."""
    because = told.get("because")
    reasons = [quoted(str(one), 200) for one in because] if isinstance(because, list) else []
    cure = (
        "Its log says more."
        if told
        else "What stands before it may not let this path through, or another server answers."
    )
    return f"no, status {status}{': ' if reasons else ''}{', '.join(reasons)}. {cure}"


def replicas_seen(replicas: set[str]) -> Finding:
    """Say how many servers answered."""
    if not replicas:
        return Finding("replicas", ok=True, said="it does not say which replica answers")
    several = f"{len(replicas)} replicas answer, by turns: {', '.join(sorted(replicas))}"
    return Finding(
        "replicas", ok=True, said=several if len(replicas) > 1 else f"one answered all of {READY_LOOKS + 1} requests"
    )


def clock_of(date: str) -> list[float]:
    """By how many seconds its clock is ahead, where it says the time."""
    try:
        return [parsedate_to_datetime(date).timestamp() - time.time()]
    except (ValueError, TypeError):
        return []


def clock(ahead: float) -> Finding:
    """Say by how much clocks differ."""
    said = f"its clock and that of this computer differ by {abs(ahead):.0f} s"
    cure = ". Set both by a time server: tokens end by the server's clock." if abs(ahead) > CLOCKS_APART else ""
    return Finding("clock", ok=not cure, said=said + cure)
