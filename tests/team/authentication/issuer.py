"""An authorization server as small as one can be: it describes itself, publishes keys, and signs what it is told to."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from typing_extensions import override

DESCRIPTION = "/.well-known/oauth-authorization-server"


@cache
def key_pair(name: str, kind: str = "RSA") -> Any:
    """A private key that is made once: it takes longer than most tests."""
    del name
    if kind == "EC":
        return ec.generate_private_key(ec.SECP256R1())
    if kind == "OKP":
        return ed25519.Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=1024 if kind == "weak" else 2048)


def public_pem(private: Any) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return bytes(private.public_key().public_bytes(serialization.Encoding.PEM, form))


def as_jwk(private: Any, **more: Any) -> dict[str, Any]:
    kinds: dict[str, Any] = {
        "RSA": jwt.algorithms.RSAAlgorithm,
        "EC": jwt.algorithms.ECAlgorithm,
        "Ed25": jwt.algorithms.OKPAlgorithm,
    }
    algorithm = next(one for name, one in kinds.items() if name in type(private).__name__)
    return {**algorithm.to_jwk(private.public_key(), as_dict=True), **more}


@dataclass
class Issuer:
    """What it publishes, and what was asked of it."""

    address: str = ""
    keys: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    away: bool = False
    description: dict[str, Any] = field(default_factory=dict[str, Any])
    """What it says of itself beside the usual, or otherwise."""
    described_at: str = DESCRIPTION
    moved: dict[str, str] = field(default_factory=dict[str, str])
    """Where it sends who asks at a path."""
    asked: list[str] = field(default_factory=list[str])

    def publishes(self, *names: str) -> None:
        self.keys = [as_jwk(key_pair(name), kid=name, use="sig") for name in names]

    def answer(self, path: str) -> dict[str, Any] | None:
        self.asked.append(path)
        if self.away:
            return None
        if path == self.described_at:
            return {"issuer": self.address, "jwks_uri": f"{self.address}/keys", **self.description}
        return {"keys": self.keys} if path == "/keys" else None

    def claims(self, audience: str, **more: Any) -> dict[str, Any]:
        now = int(time.time())
        usual = {"iss": self.address, "aud": audience, "sub": "anna", "exp": now + 600, "iat": now}
        scopes = "flipsnack:read flipsnack:write flipsnack:delete"
        claims = {**usual, "scope": scopes, **more}
        return {name: value for name, value in claims.items() if value is not None}


def signed(claims: dict[str, Any], key: Any = None, algorithm: str = "RS256", **header: Any) -> str:
    """A token; of the first key, where nothing else is said."""
    told = {name: value for name, value in {"kid": "first", **header}.items() if value is not None}
    return jwt.encode(claims, key or key_pair("first"), algorithm, headers=told)


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    """One on a port of its own."""
    issuer = Issuer()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told = issuer.answer(self.path)
            body = json.dumps(told).encode()
            self.send_response(302 if self.path in issuer.moved else 404 if told is None else 200)
            if self.path in issuer.moved:
                self.send_header("Location", issuer.moved[self.path])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        issuer.address = f"http://127.0.0.1:{server.server_address[1]}"
        issuer.publishes("first")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
