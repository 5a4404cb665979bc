"""The check of Host and Origin: by which names a server on HTTP answers. Rules that need no socket."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from flipsnack_mcp.settings import LOOPBACK

LOOPBACK_NAMES = r"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?"
USUAL_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Names:
    """By which names a server may be addressed, and which web pages may speak to it."""

    host: re.Pattern[str]
    origin: re.Pattern[str]
    path: str = ""
    """What stands before the paths of this server in its public address."""

    def refuse(self, hosts: list[str], origins: list[str]) -> int:
        """The status with which a request with these headers is refused; 0 for one that is meant for this server."""
        if len(hosts) != 1 or not self.host.fullmatch(hosts[0]):
            return 421
        return 0 if all(map(self.origin.fullmatch, origins)) else 403


def names_bound_to(host: str, public_url: str) -> Names:
    """The names of a server that is bound to a host: those of its public address, and those of its own machine there only."""
    hosts = [LOOPBACK_NAMES] if host in LOOPBACK else []
    origins = [f"http://{LOOPBACK_NAMES}"] if host in LOOPBACK else []
    parts = urlsplit(public_url)
    if parts.hostname:
        name = re.escape(f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname)
        usual = USUAL_PORTS[parts.scheme]
        port = f"(?::{usual})?" if parts.port in {None, usual} else f":{parts.port}"
        hosts.append(name + port)
        origins.append(f"{parts.scheme}://{name}{port}")
    return Names(any_of(hosts), any_of(origins), unquote(parts.path).rstrip("/"))


def any_of(patterns: list[str]) -> re.Pattern[str]:
    """What fits one of them, in whatever case; nothing where there is none."""
    return re.compile("|".join(patterns) or r"(?!)", re.IGNORECASE)
