"""Published keys, and by which algorithms each may sign: by what the key itself is, never by what a token says of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

OF_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
OF_A_CURVE = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
FEWEST_BITS = 2048
MOST_KEYS = 100


@dataclass(frozen=True)
class PublishedKey:
    """One that may have signed a token."""

    kid: str | None
    key: Any
    """The public key, as `cryptography` has it."""
    algorithms: frozenset[str]


def keys_in(document: Mapping[str, Any]) -> tuple[PublishedKey, ...]:
    """The keys of a published set that sign; what is no such key is left out."""
    listed = document.get("keys")
    every = cast("list[object]", listed)[:MOST_KEYS] if isinstance(listed, list) else []
    found = (published_key(cast("dict[str, Any]", one)) for one in every if isinstance(one, dict))
    return tuple(one for one in found if one is not None)


def published_key(written: Mapping[str, Any]) -> PublishedKey | None:
    """A key that verifies signatures; None for any other: secret ones, those for encryption, and what nobody can read.

    A member that is null or empty says nothing: some servers write out all that they know of.
    """
    told = {name: value for name, value in written.items() if value not in (None, "", [])}
    use, operations = told.get("use", "sig"), told.get("key_ops", ["verify"])
    if "d" in told or use != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return None
    try:
        key = jwt.PyJWK(told).key
    except Exception:  # noqa: BLE001  # it reads what anybody may have written, and raises of several kinds
        return None
    possible, named = algorithms_of(key), told.get("alg")
    allowed = possible if named is None else possible & {named} if isinstance(named, str) else frozenset[str]()
    kid = written.get("kid")
    return PublishedKey(kid if isinstance(kid, str) else None, key, allowed) if allowed else None


def algorithms_of(key: object) -> frozenset[str]:
    """By which algorithms a key can sign. None of them works with a secret that two parties share."""
    if isinstance(key, RSAPublicKey):
        return OF_RSA if key.key_size >= FEWEST_BITS else frozenset()
    if isinstance(key, EllipticCurvePublicKey):
        return frozenset(filter(None, [OF_A_CURVE.get(key.curve.name)]))
    return frozenset({"EdDSA"}) if isinstance(key, Ed25519PublicKey) else frozenset()
