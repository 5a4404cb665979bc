"""Whether a running server can be reached: its name, its certificate, its own word on how it is, and its clock."""

import ssl
import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
from anyio.streams.tls import TLSAttribute

from flipsnack_mcp.api import cleaned, quoted
from flipsnack_mcp.api.network import proxies_of
from flipsnack_mcp.commands.doctor.finding import Finding
from flipsnack_mcp.commands.doctor.visit import UNREACHED, Endpoint, Visit

CHECK_OF_NAME = "name"
LOOK_WHETHER = "Look whether the server runs, and whether the way to it is open."
NOT_SPOKEN = (OSError, anyio.EndOfStream, anyio.BrokenResourceError)
"""How a hand-shake ends with something that does not speak TLS; an `SSLError` is an `OSError`."""
ENCRYPTED_THERE = frozenset({0, 400})
"""How what speaks TLS answers an unencrypted question: it hangs up, or says 400."""
IN_OUR_WORD = frozenset({"status", "replica", "because"})
"""What stands in this server's own word on how it is."""
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
    for look in (named, spoken, encrypted):
        async for one in look(visit):
            yield one
            if one.ends:
                return


async def named(visit: Visit) -> AsyncIterator[Finding]:
    """Look its name up."""
    place = visit.place
    try:
        found = await anyio.getaddrinfo(place.host, place.port)
    except OSError:
        cure = "Look at its entry in DNS, and whether the name is spelled right."
        yield Finding(
            CHECK_OF_NAME, ok=False, said=f"{place.host} has no address that can be found from here. {cure}", ends=True
        )
        return
    addresses = dict.fromkeys(str(one[4][0]) for one in found)
    yield Finding(CHECK_OF_NAME, ok=True, said=f"{place.host} is {', '.join(addresses)}")


async def spoken(visit: Visit) -> AsyncIterator[Finding]:
    """Look whether an address that asks for no encryption is one that has it: all else would fail for that alone."""
    place = visit.place
    if place.encrypted or await plain_status(visit, place.beside("/health")) not in ENCRYPTED_THERE:
        return
    if await speaks_tls(place):
        said = "what answers there is encrypted: write https:// before the address. Nothing else was looked at"
        yield Finding("encryption", ok=False, said=said, cause="address", ends=True)


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
        said = f"{error.verify_message}. {cure_of_certificate(error.verify_code)}"
        yield Finding("encryption", ok=False, said=said, cause="certificate", ends=True)
    except NOT_SPOKEN as error:
        yield await unencrypted(visit, error)
    else:
        yield lasting(ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time())


async def unencrypted(visit: Visit, error: Exception) -> Finding:
    """Say what answers instead of an encrypted connection."""
    plain = f"http:{visit.place.beside('/health').removeprefix('https:')}"
    if isinstance(error, ssl.SSLError | anyio.EndOfStream) and await plain_status(visit, plain) not in {
        None,
        *ENCRYPTED_THERE,
    }:
        said = "what answers there is not encrypted: write http://, or the address of what stands before it with a certificate"
        return Finding("encryption", ok=False, said=said, cause="address", ends=True)
    said = f"no encrypted connection could be made ({type(error).__name__}). {LOOK_WHETHER}"
    return Finding("encryption", ok=False, said=said, cause="connection", ends=True)


async def plain_status(visit: Visit, address: str) -> int | None:
    """How an unencrypted question is answered there: 0 where it is hung up on, nothing where nobody is reached."""
    try:
        return (await visit.http.get(address, headers={"Connection": "close"})).status_code
    except (httpx2.ConnectError, httpx2.ConnectTimeout):
        return None
    except UNREACHED:
        return 0


async def speaks_tls(place: Endpoint) -> bool:
    """Tell whether an encrypted connection can be had there, whatever its certificate is."""
    try:
        with anyio.fail_after(10):
            await (await anyio.connect_tcp(place.host, place.port, tls=True, tls_standard_compatible=False)).aclose()
    except ssl.SSLCertVerificationError:
        return True
    except NOT_SPOKEN:
        return False
    return True


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
    replicas, clocks, unready, ours = set[str](), list[float](), dict[str, str](), False
    for path in ("/health", *("/ready",) * READY_LOOKS):
        answer = await visit.http.get(visit.place.beside(path), headers={"Connection": "close"})
        told = members(answer)
        in_our_words = bool(IN_OUR_WORD & told.keys())
        ours = ours or in_our_words
        replicas |= {cleaned(str(told["replica"]), 40)} if "replica" in told else set()
        clocks += clock_of(answer.headers.get("date", ""))
        if answer.status_code != 200 or not in_our_words:
            unready.setdefault(path, unwell(answer.status_code, told))
    if not ours and not is_of_mcp(answer := await visit.hello(**visit.shows_token)):
        said = f"something else than this server answers at {visit.place.url} (status {answer.status_code} there, and nothing of ours at /health): look at the address, its path, and what stands before the server"
        yield Finding("server", ok=False, said=said, cause="address", ends=True)
        return
    for path in ("/health", "/ready"):
        why = unready.get(path, "")
        yield Finding(path.removeprefix("/"), ok=not why, said=why or "yes")
    yield replicas_seen(replicas)
    if clocks:
        yield clock(max(clocks, key=abs))


def is_of_mcp(answer: Any) -> bool:
    """Tell whether a server of this protocol may have answered: many a web page answers any address with status 200."""
    return answer.status_code == 401 or (answer.status_code == 200 and '"jsonrpc"' in answer.text)


def members(answer: Any) -> dict[str, Any]:
    """Read an answer as a JSON object; as an empty one where it is none."""
    try:
        told = answer.json()
    except (ValueError, RecursionError):
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
