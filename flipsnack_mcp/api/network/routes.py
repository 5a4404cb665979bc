"""The ways out of this machine: each request goes straight or through a proxy, by the environment, and says why it cannot."""

import ssl
from functools import cached_property

import httpx2
from typing_extensions import override

from flipsnack_mcp.api.errors import FlipsnackError
from flipsnack_mcp.api.links import PORTS
from flipsnack_mcp.api.network.certificates import trusted
from flipsnack_mcp.api.network.failures import Departure, Route, failure_of
from flipsnack_mcp.api.network.proxies import Proxies, Proxy, proxies_of


class Roads(httpx2.AsyncBaseTransport):
    """Opened one by one, as they are needed: what is wrong with one of them stops nothing that goes another way."""

    def __init__(self) -> None:
        self._roads: dict[tuple[Proxy | None, bool], httpx2.AsyncHTTPTransport] = {}

    @cached_property
    def _proxies(self) -> Proxies:
        return proxies_of()

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        return trusted()

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        known = request.extensions.get("trace")
        departure = known if isinstance(known, Departure) else Departure()
        request.extensions = {**request.extensions, "trace": departure}
        route = self.route(request.url)
        departure.set_out(route)
        try:
            return await self._road(route, request.url.scheme).handle_async_request(request)
        except FlipsnackError:
            raise
        except Exception as error:
            # Whatever library it came from: what goes wrong before the request has left is a matter of the way.
            if departure.left:
                raise
            # `from None`: these errors can hold a proxy's password.
            raise failure_of(error, departure) from None
        finally:
            if not departure.left:
                await departure.close()

    def route(self, url: httpx2.URL) -> Route:
        """The way to an address."""
        port = url.port or PORTS.get(url.scheme, 443)
        return Route(url.host, port, self._proxies.between(url.scheme, url.host, port))

    def _road(self, route: Route, scheme: str) -> httpx2.AsyncHTTPTransport:
        """A pool of connections for each proxy, and for going straight."""
        secure = scheme == "https" or route.proxy is not None
        name = (route.proxy, secure)
        if name not in self._roads:
            self._roads[name] = self._opened(route.proxy, secure=secure)
        return self._roads[name]

    def _opened(self, proxy: Proxy | None, *, secure: bool) -> httpx2.AsyncHTTPTransport:
        # Without authorities nothing would be trusted: right for what is never encrypted, and made in no time.
        trust = self._trusted if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if proxy is None:
            return httpx2.AsyncHTTPTransport(verify=trust, trust_env=False)
        proxy.check()
        between = httpx2.Proxy(proxy.address, ssl_context=trust if proxy.address.lower().startswith("https:") else None)
        return httpx2.AsyncHTTPTransport(verify=trust, trust_env=False, proxy=between)

    @override
    async def aclose(self) -> None:
        for road in self._roads.values():
            await road.aclose()


def described(address: str) -> str:
    """How a host is reached, for a person.

    Raises:
        ConfigurationError: A proxy or certificate setting on the way is wrong.
    """
    url = httpx2.URL(address)
    route = Roads().route(url)
    if route.proxy:
        route.proxy.check()
    if url.scheme == "https":
        trusted()
    return f"{route.place} {f'through {route.proxy.shown}' if route.proxy else 'without a proxy'}"
