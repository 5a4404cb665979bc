"""Through which proxy a host is asked: the environment's variables, read as curl reads them.

Our own and not the HTTP client's, which makes every proxy of the environment with the client itself: one wrong variable,
also one that is for other hosts, would end each call with an exception of its own.
"""

import os
import re
import socket
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from flipsnack_mcp import systems
from flipsnack_mcp.api.errors import ConfigurationError
from flipsnack_mcp.text import quoted

SCHEMES = ("http", "https", "socks5", "socks5h")
LONG = 12
"""A shorter password may be a word that answers need, such as `unlisted`: it is taken out only beside its name."""
OF_THE_SYSTEM = "the system's network settings"
ASK_THE_PERSON = "Ask the person to set it right, or take it out, where this MCP server is configured."


@dataclass(frozen=True)
class Proxy:
    """A proxy, and who named it."""

    variable: str
    address: str = field(repr=False)
    """It may hold a password."""

    @property
    def shown(self) -> str:
        """How it is named to a person: by its variable, host and port alone."""
        parts = urlsplit(self.address)
        return f"the proxy that {self.variable} names ({quoted(parts.netloc.rpartition('@')[2], 100)})"

    @property
    def is_whole(self) -> bool:
        """Whether all of it was read: "/", "?" or "#" in a password end the host, and what is before them is then shown."""
        behind = self.address.partition(urlsplit(self.address).netloc)[2]
        return self.address.isprintable() and " " not in self.address and not {"@", ":"} & set(behind)

    def check(self) -> None:
        """Raise where it is none that can be used; what it was is not repeated, it may hold a password.

        Raises:
            ConfigurationError: It names the variable.
        """
        try:
            parts = urlsplit(self.address)
            host, kind, _ = parts.hostname, parts.scheme.lower(), parts.port
        except ValueError:
            host, kind = None, ""
        if kind.startswith("socks") and kind not in SCHEMES:
            happened = f"{self.variable} names a SOCKS proxy of a kind that cannot be used: write socks5://HOST:PORT."
        elif not host or kind not in SCHEMES or not self.is_whole:
            happened = f"{self.variable} names no proxy that can be used: write http://HOST:PORT or socks5://HOST:PORT."
        else:
            return
        raise ConfigurationError(happened, ASK_THE_PERSON)


@dataclass(frozen=True)
class Proxies:
    """Which proxies there are, by the scheme they are for, and which hosts are asked without."""

    by_scheme: Mapping[str, Proxy] = field(default_factory=dict[str, Proxy])
    excepted: Callable[[str, int], bool] = lambda _host, _port: False

    def between(self, scheme: str, host: str, port: int) -> Proxy | None:
        """The proxy for a host; never one for this machine itself: http stays here, and so does what is signed."""
        proxy = self.by_scheme.get(scheme) or self.by_scheme.get("all")
        return None if proxy is None or is_loopback(host) or self.excepted(host, port) else proxy


def proxies_of(environment: Mapping[str, str] = os.environ) -> Proxies:
    """What the environment says; where it says nothing, on Windows and macOS what the system does."""
    given = variables(environment)
    named = {scheme: given[f"{scheme}_proxy"] for scheme in ("https", "http", "all") if f"{scheme}_proxy" in given}
    if not named and systems.HERE.network_settings:
        told = {scheme: Proxy(OF_THE_SYSTEM, with_scheme(value)) for scheme, value in getproxies().items()}
        return Proxies(told, lambda host, _port: bool(proxy_bypass(host)))
    exceptions = re.split(r"[,\s]+", given["no_proxy"][1]) if "no_proxy" in given else []
    return Proxies(
        {scheme: Proxy(name, with_scheme(value)) for scheme, (name, value) in named.items() if value},
        lambda host, port: any(covers(one, host, port) for one in exceptions),
    )


def variables(environment: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The variables about proxies by their names in small letters; spelled so they win, also when they are empty."""
    ours = [name for name in environment if name.lower().endswith("_proxy")]
    ordered = sorted(ours, key=lambda name: name == name.lower())
    return {name.lower(): (name, environment[name].strip()) for name in ordered}


def with_scheme(value: str) -> str:
    """An address without a scheme is that of an HTTP proxy."""
    return value if not value or "://" in value else f"http://{value}"


def covers(entry: str, host: str, port: int) -> bool:
    """Whether an entry of NO_PROXY is about a host: `*`, a domain with all below it, an address, a network, with a port or not."""
    entry, host = entry.strip().lower().rpartition("://")[2], plain(host)
    if entry == "*":
        return True
    name, _, number = entry.rpartition(":")
    if number.isdecimal() and (":" not in name or name.endswith("]")):
        if int(number) != port:
            return False
        entry = name
    entry = entry.strip("[]")
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:
        domain = entry.removeprefix("*").strip(".")
        return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, however it is spelled."""
    name = plain(host)
    try:
        # `127.1` and the like are numbers to the system.
        address = ip_address(name if ":" in name else socket.inet_aton(name))
    except (ValueError, OSError):
        return name == "localhost" or name.endswith(".localhost")
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback or address.is_unspecified


def plain(host: str) -> str:
    """A host in small letters, without brackets and without the dot that ends a full name."""
    return host.lower().strip("[]").rstrip(".")


def proxy_secrets(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """What nobody may read of the proxies: name with password, as written, as meant and as sent, and a password that is no common word."""
    written = [login_in(address) for _, address in variables(environment).values()]
    known = [way for one in written if one for way in (one, unquote(one), b64encode(unquote(one).encode()).decode())]
    passwords = [one.partition(":")[2] for one in known]
    return tuple(dict.fromkeys((*known, *(one for one in passwords if len(one) >= LONG))))


def login_in(address: str) -> str:
    """Name and password in an address, whatever else is wrong with it."""
    login, at, _ = address.rpartition("://")[2].rpartition("@")
    return login if at and login.partition(":")[2] else ""
