"""Addresses of a quarter of an hour: drawn, kept by their hash alone, and counted to whoever asked for them."""

import hashlib
import re
import secrets
from dataclasses import dataclass

from flipsnack_mcp.api import FlipsnackError
from flipsnack_mcp.store.clock import Stamp, is_fresh
from flipsnack_mcp.store.records import Body, Records, stamp_of
from flipsnack_mcp.workflows.begun import Beginner

ADDRESS_SECONDS = 900.0
MOST_OPEN = 10
"""Upload addresses that a caller may have at once."""
MOST_FILES, MOST_KEPT = 200, 64 * 1024 * 1024
"""Files that a caller may have addresses of at once, and bytes of them in the store."""
DRAWN = re.compile(r"[A-Za-z0-9_-]{22}")
"""128 random bits as they are written; anything else was never drawn."""


class TooManyAddressesError(FlipsnackError):
    """A caller has so many open ones that there is no reason for another."""

    retry = "Try again in some minutes."


@dataclass(frozen=True)
class Drawn:
    """An address as it is given out, once, and nowhere written down."""

    secret: str
    known_by: str
    """Its hash, which is kept."""


def draw(random_bytes: int = 16) -> Drawn:
    """A new address."""
    secret = secrets.token_urlsafe(random_bytes)
    return Drawn(secret, hash_of_address(secret))


def hash_of_address(secret: str) -> str:
    """What is kept of an address. From it nobody finds the address, so a copy of the store opens nothing."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def give_out(records: Records, kind: str, drawn: Drawn, beginner: Beginner, body: Body, most: int) -> None:
    """Write an address down, unless its caller has too many already.

    Raises:
        TooManyAddressesError: There are so many.
    """
    theirs = [one for _, one in records.all(kind) if one["principal"] == beginner.principal and is_good(records, one)]
    kept = sum(one.get("size", 0) for one in (*theirs, body))
    if len(theirs) >= most or kept > MOST_KEPT:
        raise TooManyAddressesError(
            f"{len(theirs)} addresses of this kind are open for this caller, and there can be no more.",
            "Use one of them: each was told with what it is for, and ends after 15 minutes.",
        )
    times = {"made": records.now, "made_shown": records.wall}
    records.put(kind, drawn.known_by, {**body, "principal": beginner.principal, **times}, keep=ADDRESS_SECONDS)


def look_up_address(records: Records, kind: str, secret: str) -> Body | None:
    """What stands behind an address; None where it is over, used, or never was one."""
    if not DRAWN.fullmatch(secret):
        return None
    body = records.get(kind, hash_of_address(secret))
    return body if body and is_good(records, body) else None


def is_good(records: Records, body: Body) -> bool:
    """Whether its quarter of an hour is not over, by the store's time and by the clock on the wall."""
    return is_fresh(Stamp(body["made"], body["made_shown"]), stamp_of(records), ADDRESS_SECONDS)
