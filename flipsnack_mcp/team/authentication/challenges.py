"""What is answered to who is not let in: why, what would let them in, and where that is to be had (RFC 6750, RFC 9728)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from flipsnack_mcp.settings import Settings
from flipsnack_mcp.team.authentication.scopes import scopes_worth_asking_for
from flipsnack_mcp.team.heads import MCP
from flipsnack_mcp.team.refusing import TurnedAway

DESCRIBED_AT = "/.well-known/oauth-protected-resource"
UNTOLD = "This server answers only who brings a token. Whoever runs it can give you one. Nothing was done."
NO_BEARER = 'The header Authorization cannot be read: it has to be there once, as "Bearer", a space and the token. Nothing was done.'
NOT_GOOD = (
    "The token is not one of this server's, or is none any more. Ask whoever runs it for another. Nothing was done."
)
TIME_IS_OVER = "The time of this token is over. Ask whoever runs this server for another. Nothing was done."
NOT_GOOD_HERE = "The access token is not good here: expired, for another server, or not from its authorization server. Sign in again. Nothing was done."
NONE_ALLOWED = (
    "No account of this server may be used with this token. Whoever runs the server can allow one. Nothing was done."
)
NO_SCOPE = "The access token allows nothing here. Sign in again and agree to what is asked for. Nothing was done."
NOT_TO_TELL = "Whether the token is good cannot be told at the moment. Nothing was done. Try again in a minute; if it stays so, tell whoever runs this server."


class NotLetInError(Exception):
    """A request that goes no further, and what is answered to it."""

    def __init__(self, status: int, said: str, error: str = "", scopes: Sequence[str] | None = None) -> None:
        super().__init__(said)
        self.status, self.said, self.error = status, said, error
        self.scopes = scopes
        """Those to ask for; where it is None, those that are worth it."""


@dataclass(frozen=True)
class Challenges:
    """What a server says of how to be let in."""

    settings: Settings

    @property
    def resource(self) -> str:
        """What tokens of an authorization server have to be for: the address of this one, as clients know it."""
        return resource_of(self.settings)

    @property
    def metadata(self) -> str:
        """Where that is described."""
        parts = urlsplit(self.resource)
        return urlunsplit((parts.scheme, parts.netloc, DESCRIBED_AT + parts.path, "", ""))

    def answer(self, refused: NotLetInError) -> Response:
        """The answer to who is not let in."""
        headers = {"Cache-Control": "no-store"}
        if refused.status in {401, 403}:
            headers["WWW-Authenticate"] = self.challenge(refused)
        if refused.status == 503:
            headers["Retry-After"] = "30"
        body = TurnedAway(refused.status, refused.said).error
        return Response(json.dumps(body), refused.status, headers, "application/json")

    def challenge(self, refused: NotLetInError) -> str:
        """The challenge: an error only where a token came, and scopes only where somebody grants them."""
        told = {"realm": "flipsnack-mcp"}
        if refused.error:
            told |= {"error": refused.error, "error_description": refused.said}
        if self.settings.auth_issuer:
            wanted = scopes_worth_asking_for(self.settings) if refused.scopes is None else refused.scopes
            told |= {"scope": " ".join(filter(is_scope, wanted)), "resource_metadata": self.metadata}
        return "Bearer " + ", ".join(f'{name}="{value}"' for name, value in told.items())

    @property
    def routes(self) -> list[Route]:
        """Where clients find out whom to ask for a token; nowhere, where nobody grants any."""
        if not self.settings.auth_issuer:
            return []
        own = urlsplit(self.resource).path
        places = dict.fromkeys((DESCRIBED_AT + own, DESCRIBED_AT + MCP, DESCRIBED_AT))
        return [Route(one, self.describe, methods=["GET"]) for one in places]

    async def describe(self, _: Request) -> Response:
        """The description, which any page may read."""
        told = {
            "resource": self.resource,
            "authorization_servers": [self.settings.auth_issuer],
            "scopes_supported": scopes_worth_asking_for(self.settings),
            "bearer_methods_supported": ["header"],
            "resource_name": "Flipsnack",
        }
        return JSONResponse(told, headers={"Access-Control-Allow-Origin": "*", "Cache-Control": "max-age=3600"})


def resource_of(settings: Settings) -> str:
    """The address of `/mcp` as clients know it."""
    return settings.public_url.rstrip("/") + MCP


def audience_of(settings: Settings) -> str:
    """For whom tokens of an authorization server have to be."""
    return settings.auth_audience or resource_of(settings)


def is_scope(text: str) -> bool:
    """Whether it can stand in a challenge: a token may hold any text as a scope."""
    return text.isascii() and text.isprintable() and not set(text) & set('"\\ ,')
