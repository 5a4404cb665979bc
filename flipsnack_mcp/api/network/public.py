"""Ways to hosts that somebody else names: never into this network, whatever their names resolve to."""

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import anyio
import httpx2
from typing_extensions import override

from flipsnack_mcp.api.errors import FlipsnackError, UnreachableError
from flipsnack_mcp.api.network.failures import Departure, Route, failure_of
from flipsnack_mcp.api.network.routes import Roads

UNICAST_6 = ip_network("2000::/3")
TRANSLATED = ip_network("64:ff9b::/96")
"""IPv4 addresses as networks with IPv6 alone write them."""


class NotPublicError(FlipsnackError):
    """A host is not in the internet, but on this machine or in its network."""


class PublicRoads(httpx2.AsyncBaseTransport):
    """Ways to public addresses. The address that was judged is the one that is connected to: the name is resolved once.

    Through a proxy the name goes as it is: there it is the proxy that resolves it and knows its network.
    """

    def __init__(self, roads: Roads, excepted: Callable[[httpx2.URL], bool]) -> None:
        self._roads, self._excepted = roads, excepted

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        route = self._roads.route(request.url)
        if self._excepted(request.url) or route.proxy is not None:
            return await self._roads.handle_async_request(request)
        *others, last = await public_addresses(route)
        for address in others:
            try:
                return await self._roads.handle_async_request(to_address(request, address))
            except UnreachableError:
                continue
        return await self._roads.handle_async_request(to_address(request, last))

    @override
    async def aclose(self) -> None:
        await self._roads.aclose()


def to_address(request: httpx2.Request, address: str) -> httpx2.Request:
    """The request to this very address; name and certificate stay those of its host."""
    extensions = {**request.extensions, "sni_hostname": request.url.host}
    headers = request.headers.copy()  # `Host` among them, from the name
    headers["Connection"] = "close"  # at this address another name may be asked for next, under another certificate
    there = request.url.copy_with(host=address)
    return httpx2.Request(request.method, there, headers=headers, stream=request.stream, extensions=extensions)


async def is_inside(address: str) -> bool:
    """Whether the host of an address is in this network: an imitation, a gateway, or any host where names get numbers of its own."""
    try:
        await public_addresses(Roads().route(httpx2.URL(address)))
    except NotPublicError:
        return True
    except UnreachableError:  # a proxy may know the name
        return False
    return False


async def public_addresses(route: Route) -> list[str]:
    """What a host's name resolves to, where all of it is in the internet.

    Raises:
        NotPublicError: It is not.
        UnreachableError: Nobody knows the name.
    """
    try:
        found = await anyio.getaddrinfo(route.host, route.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise failure_of(error, Departure(route=route, through=True)) from None
    addresses = list(dict.fromkeys(str(where[0]) for *_, where in found))
    if not addresses or not all(map(is_in_the_internet, addresses)):
        raise NotPublicError("A host is not in the internet, but in this network.", "")
    return addresses


def is_in_the_internet(text: str) -> bool:
    """Whether an address is one of a machine in the internet, also by the address that it wraps."""
    address = ip_address(text)
    inner = wrapped_in(address)
    if inner is not None:
        return is_in_the_internet(str(inner))
    if address.is_multicast or not address.is_global:
        return False
    return isinstance(address, IPv4Address) or address in UNICAST_6


def wrapped_in(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The older address that a newer one stands for."""
    if isinstance(address, IPv4Address):
        return None
    if address in TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
