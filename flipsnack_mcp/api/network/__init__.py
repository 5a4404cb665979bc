"""The network between here and a host: proxies, certificates, why there is no way, and transfers that come to an end."""

from flipsnack_mcp.api.network.failures import Departure
from flipsnack_mcp.api.network.floor import Floor
from flipsnack_mcp.api.network.proxies import is_loopback, proxies_of, proxy_secrets
from flipsnack_mcp.api.network.public import NotPublicError, PublicRoads, is_inside
from flipsnack_mcp.api.network.routes import Roads, described

__all__ = [
    "Departure",
    "Floor",
    "NotPublicError",
    "PublicRoads",
    "Roads",
    "described",
    "is_inside",
    "is_loopback",
    "proxies_of",
    "proxy_secrets",
]
