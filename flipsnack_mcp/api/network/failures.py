"""Why there is no connection: one place that tells by the exception, and says it with its cure.

Everything here happened before a byte of the request itself left, so nothing was changed.
"""

import errno
import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import anyio
import httpx2

from flipsnack_mcp.api.errors import ConfigurationError, FlipsnackError, UnreachableError
from flipsnack_mcp.api.network import certificates
from flipsnack_mcp.api.network.proxies import Proxy
from flipsnack_mcp.text import quoted

UNTIL_THEN = "Trying again will not help before that."
# OpenSSL's: https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/
NOT_YET_VALID, EXPIRED, WRONG_HOST, WRONG_ADDRESS = 9, 10, 62, 64
NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.ENETDOWN, errno.EAFNOSUPPORT})
FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})


@dataclass(frozen=True)
class Route:
    """A host and the proxy before it."""

    host: str
    port: int
    proxy: Proxy | None = None

    @property
    def place(self) -> str:
        """The host, for a person."""
        return quoted(f"{self.host}:{self.port}", 200)


@dataclass
class Departure:
    """Follows one request: whether it has left, and how far the way to its host is open. A `trace` of the HTTP client's."""

    left: bool = True
    """As long as nothing is known, it may have."""
    route: Route | None = None
    through: bool = False
    """Whether the proxy has opened the way."""
    stream: Any = field(default=None, repr=False)
    """The connection, as soon as there is one."""

    def set_out(self, route: Route) -> None:
        """It goes this way, and has not left yet."""
        self.left, self.route, self.through = False, route, route.proxy is None

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Hear of an event of the connection."""
        if event.endswith("send_request_headers.started"):
            self.leaves()
            if info["request"].method != b"CONNECT":
                self.left = True
                # The eight events that follow are each two calls, and say nothing.
                info["request"].extensions.pop("trace", None)
        elif event.endswith("connect_tcp.complete"):
            self.stream = info.get("return_value")
        elif event.endswith(("proxy.start_tls.started", "setup_socks5_connection.complete")):
            self.through = True

    def leaves(self) -> None:
        """It is about to leave, or a proxy is about to be asked for the way. Whoever objects raises."""

    async def close(self) -> None:
        """Close what the HTTP client leaves open when a proxy's hand-shake fails or is given up."""
        if self.stream is not None:
            with anyio.move_on_after(1, shield=True):
                await self.stream.aclose()

    @property
    def at(self) -> str:
        """Who was spoken to last: the proxy until it has opened the way."""
        if self.route is None:
            return "Flipsnack"
        proxy = self.route.proxy
        return self.route.place if proxy is None or self.through else proxy.shown


def failure_of(error: BaseException, departure: Departure) -> FlipsnackError:
    """The error for a request that did not leave."""
    at_proxy = departure.route is not None and departure.route.proxy is not None and not departure.through
    where, failure = explained_failure(error, departure, at_proxy=at_proxy)
    failure.at = "proxy" if at_proxy and where != "certificate" else where
    return failure


def explained_failure(error: BaseException, departure: Departure, *, at_proxy: bool) -> tuple[str, FlipsnackError]:
    """The same, and where on the way it was by its kind alone."""
    causes = tuple(causes_of(error))
    for kind, where, explain in EXPLANATIONS:
        if found := next((one for one in causes if isinstance(one, kind)), None):
            return where, explain(found, departure)
    if at_proxy:
        return "proxy", unreachable(f"{departure.at} broke off, or is no proxy of that kind", departure)
    said = f"no connection with {departure.at} could be opened ({type(error).__name__})"
    return "connection", unreachable(said, departure)


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """An error and what led to it, the deepest first: the HTTP client wraps each a few times."""
    behind = error.__cause__ or error.__context__
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for one in (*inner, *((behind,) if behind else ())):
        yield from causes_of(one)
    yield error


Explain: TypeAlias = Callable[[BaseException, Departure], FlipsnackError]


def unreachable(why: str, departure: Departure, cure: str = "") -> UnreachableError:
    """There is no way now, but there may be one in a minute."""
    route = departure.route
    if route and route.proxy and not departure.through:
        cure = f"Check the address in {route.proxy.variable}, and whether that proxy runs."
    settings = "Check the internet connection, and FLIPSNACK_API_URL and FLIPSNACK_UPLOAD_URL where they are set."
    return UnreachableError(f"Flipsnack could not be reached: {why}.", cure or settings)


def of_a_proxy(error: BaseException, departure: Departure) -> FlipsnackError:
    """A proxy that says no. Its own words are not repeated."""
    status = (re.match(r"[45]\d\d\b", str(error)) or [""])[0]
    name = departure.route.proxy.variable if departure.route and departure.route.proxy else "the proxy's setting"
    # The HTTP client's words for a SOCKS proxy: it has no number for them.
    if status == "407" or str(error).startswith(("Requested", "Invalid username")):
        return ConfigurationError(
            f"{capital(departure.at)} wants a name and password, or other ones.",
            f"Ask the person to write them into {name}: http://NAME:PASSWORD@HOST:PORT.",
            retry=UNTIL_THEN,
        )
    host = f" to {departure.route.place}" if departure.route else ""
    with_status = f" (HTTP {status})" if status else ""
    happened = f"{departure.at} refused the connection{host}{with_status}"
    cure = f"Ask whoever runs the proxy to allow it, or name the host in NO_PROXY if it can be reached without {name}."
    return UnreachableError(f"Flipsnack could not be reached: {happened}.", cure)


def of_a_certificate(error: BaseException, departure: Departure) -> FlipsnackError:
    """A certificate that does not prove who answers."""
    code = getattr(error, "verify_code", 0)
    whose = f"The certificate of {departure.at}"
    if code in {EXPIRED, NOT_YET_VALID}:
        valid = "has expired" if code == EXPIRED else "is not valid yet"
        cure = "Check the clock of this computer; if it is right, tell the person, and whoever runs the proxy where there is one."
        return ConfigurationError(f"{whose} {valid}.", cure, retry=UNTIL_THEN)
    if code in {WRONG_HOST, WRONG_ADDRESS}:
        cure = "Check FLIPSNACK_API_URL and FLIPSNACK_UPLOAD_URL where they are set; a network's sign-in page may also stand in between."
        return ConfigurationError(f"{whose} is that of another host.", cure, retry=UNTIL_THEN)
    return ConfigurationError(
        f"{whose} is not trusted: nobody that this computer knows vouches for it.",
        certificates.cure(),
        retry="Try again once that is set.",
    )


def of_tls(_: BaseException, departure: Departure) -> FlipsnackError:
    """Something else than an encrypted connection."""
    cure = "Check FLIPSNACK_API_URL and FLIPSNACK_UPLOAD_URL where they are set; a proxy or a network's sign-in page may also stand in between."
    return unreachable(f"no encrypted connection (TLS) could be agreed on with {departure.at}", departure, cure)


def simply(happened: str) -> Explain:
    """What explains itself by its kind alone."""
    return lambda _, departure: unreachable(happened.format(departure.at), departure)


def of_the_system(error: BaseException, departure: Departure) -> FlipsnackError:
    """By the system's number of the error; that of several tries is the first one's."""
    number = getattr(error, "errno", None)
    if number in NO_ROUTE:
        return unreachable(f"there is no route to {departure.at} from this network", departure)
    if number in FORBIDDEN:
        cure = "Check the firewall of this computer."
        return unreachable(f"this computer does not allow connections to {departure.at}", departure, cure)
    return unreachable(f"no connection with {departure.at} could be opened", departure)


def of_a_missing_part(_: BaseException, departure: Departure) -> FlipsnackError:
    """An installation without the library for SOCKS."""
    name = departure.route.proxy.variable if departure.route and departure.route.proxy else "A setting"
    return ConfigurationError(
        f"{name} names a SOCKS proxy, for which this installation lacks the package socksio.",
        "Ask the person to install this server once more, with all that it needs.",
    )


def capital(text: str) -> str:
    """The text as the beginning of a sentence."""
    return text[:1].upper() + text[1:]


CUT_OFF = simply("{} broke off the connection before anything was asked")
EXPLANATIONS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str, Explain], ...] = (
    (ImportError, "proxy", of_a_missing_part),
    (httpx2.ProxyError, "proxy", of_a_proxy),
    (ssl.SSLCertVerificationError, "certificate", of_a_certificate),
    (ConnectionRefusedError, "connection", simply("nothing answers at {}")),
    (socket.gaierror, "name", simply("the name of {} cannot be found")),
    ((httpx2.TimeoutException, TimeoutError), "connection", simply("{} did not answer in time")),
    ((ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError), "connection", CUT_OFF),
    (ssl.SSLError, "encryption", of_tls),
    (OSError, "connection", of_the_system),
    (httpx2.NetworkError, "connection", CUT_OFF),
)
