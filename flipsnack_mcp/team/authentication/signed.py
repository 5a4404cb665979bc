"""A token that an authorization server has signed: whether it is one for this server, and what it says of its holder."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

from flipsnack_mcp.server.callers.caller import Caller
from flipsnack_mcp.team.authentication.issuer import PublishedKeys
from flipsnack_mcp.team.authentication.keys import PublishedKey
from flipsnack_mcp.team.authentication.scopes import rights_of, scopes_in
from flipsnack_mcp.text import cleaned

log = logging.getLogger(__name__)

LEEWAY = 60
"""Seconds by which clocks may disagree."""
LONGEST_SIGNED = 16_000
"""Characters."""
LONGEST_KID = 300
LONGEST_SUBJECT = 500
LONGEST_NAME_TOLD = 120
HAS_TO_SAY = ("exp", "iss", "aud", "sub")
CALLED = ("preferred_username", "email")
"""By what people know each other, where the issuer says it; the subject is often a row of digits."""


@dataclass(frozen=True)
class Vouched:
    """What a token says that was found good."""

    claims: Mapping[str, Any]
    scopes: tuple[str, ...]

    @property
    def principal(self) -> str:
        """Who it is: a subject means nothing without its issuer."""
        return f"{self.claims['iss']} {self.claims['sub']}"

    @property
    def name(self) -> str:
        """What the history calls them."""
        subject, known = str(self.claims["sub"]), [self.claims.get(name) for name in CALLED]
        spoken = next((one for one in known if one and isinstance(one, str) and one != subject), "")
        return cleaned(f"{spoken} ({subject})" if spoken else subject, LONGEST_NAME_TOLD)

    def as_caller(self, accounts: frozenset[str]) -> Caller:
        """Who comes with it."""
        return Caller(self.name, self.principal, rights_of(self.scopes), accounts)


@dataclass(frozen=True)
class SignedTokens:
    """What counts for tokens of one issuer."""

    keys: PublishedKeys
    audience: str

    async def vouched(self, token: str) -> Vouched | None:
        """What a token says, if it is good; None where anything about it is not.

        Raises:
            IssuerUnusableError: It cannot be told, for want of keys.
        """
        if (header := named_in_header(token)) is None:
            return None
        algorithm, kid = header
        keys = await self.keys.matching(kid, algorithm)
        vouched = self._vouched_by(keys, token, algorithm)
        if vouched or not keys or any(has_signed(one, token, algorithm) for one in keys):
            return vouched
        return self._vouched_by(await self.keys.newer(kid, algorithm, keys), token, algorithm)

    def _vouched_by(self, keys: Sequence[PublishedKey], token: str, algorithm: str) -> Vouched | None:
        for key in keys:
            if (claims := self._claims(token, key, algorithm)) is not None:
                return Vouched(claims, scopes_in(claims))
        return None

    def _claims(self, token: str, key: PublishedKey, algorithm: str) -> Mapping[str, Any] | None:
        try:
            claims = jwt.decode(
                token,
                key.key,
                algorithms=[algorithm],
                audience=self.audience,
                issuer=self.keys.issuer,
                leeway=LEEWAY,
                options={"require": [*HAS_TO_SAY]},
            )
        except (jwt.InvalidAudienceError, jwt.InvalidIssuerError, jwt.MissingRequiredClaimError) as error:
            # Its signature is good, so this is no stranger's doing: somebody has to set something right.
            log.warning("a token that %s has signed is not taken: %s", self.keys.issuer, self._wrong_with(error))
            return None
        except Exception:  # noqa: BLE001  # it reads anybody's text: whatever goes wrong with that, nobody is let in
            return None
        subject: object = claims["sub"]
        return claims if isinstance(subject, str) and 0 < len(subject) <= LONGEST_SUBJECT else None

    def _wrong_with(self, error: jwt.InvalidTokenError) -> str:
        """What whoever runs the server reads of it; nothing of what the token says."""
        if isinstance(error, jwt.MissingRequiredClaimError):
            return f"it lacks `{error.claim}`"
        if isinstance(error, jwt.InvalidIssuerError):
            return "it names another issuer; FLIPSNACK_AUTH_ISSUER has to be written exactly as there"
        return f"it is for another audience than {self.audience}; set FLIPSNACK_AUTH_AUDIENCE, or have tokens made for this one"


def has_signed(key: PublishedKey, token: str, algorithm: str) -> bool:
    """Whether a token is signed with a key, whatever it says."""
    try:
        jwt.PyJWS().decode(token, key.key, algorithms=[algorithm])
    except Exception:  # noqa: BLE001  # as above
        return False
    return True


def named_in_header(token: str) -> tuple[str, str | None] | None:
    """Algorithm and name of the key that a token names. Keys and addresses of keys that it brings along are not looked at."""
    if len(token) > LONGEST_SIGNED or token.count(".") != 2:
        return None
    try:
        header = jwt.get_unverified_header(token)
    except Exception:  # noqa: BLE001  # as above
        return None
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or "crit" in header:  # at which older versions of the library do not look
        return None
    if kid is not None and (not isinstance(kid, str) or len(kid) > LONGEST_KID):
        return None
    return algorithm, kid
