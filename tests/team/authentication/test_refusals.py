"""Whoever is not let in over HTTP is told so, in the way that clients understand, and nothing of it reaches Flipsnack."""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import jwt
import pytest

from flipsnack_mcp.team.authentication.allowed import is_meant
from flipsnack_mcp.team.authentication.tokens import TokensFile
from tests.team.authentication.guarded import AUDIENCE, REVISIONS, Guarded, revoke, token_for
from tests.team.authentication.issuer import as_jwk, key_pair, public_pem, signed

Shown = Callable[[Guarded], str | list[str]]
"""What a request shows as its authorization."""


def claims(place: Guarded, **more: Any) -> dict[str, Any]:
    return place.issuer.claims(AUDIENCE, **more)


def bearer(token: str) -> str:
    return f"Bearer {token}"


def unsigned(place: Guarded, algorithm: str) -> str:
    head, body = ({"alg": algorithm, "typ": "JWT"}, claims(place))
    parts = [base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode() for one in (head, body)]
    return ".".join([*parts, ""])


def by_confusion(place: Guarded) -> str:
    """Signed with the public key as if it were a secret."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=")
        for one in ({"alg": "HS256", "kid": "first", "typ": "JWT"}, claims(place))
    ]
    mark = hmac.digest(public_pem(key_pair("first")), b".".join(parts), hashlib.sha256)
    return b".".join([*parts, base64.urlsafe_b64encode(mark).rstrip(b"=")]).decode()


def taken_back(place: Guarded) -> str:
    token = token_for(place, "carl", "de")
    revoke(place, "carl")
    return token


def over(place: Guarded) -> str:
    return token_for(place, "dora", "de", expires=datetime.now(UTC) - timedelta(seconds=1))


def kept_of(place: Guarded) -> str:
    token_for(place, "anna", "de")
    return TokensFile(place.tokens).read().tokens[0].sha256


NOW = time.time()
MINUTE = 60

# Who shows what of the file, and is not known by it.
OF_THE_FILE: dict[str, Shown] = {
    "a token of nobody": lambda place: (token_for(place, "anna", "de"), bearer("fsm_" + "A" * 43))[1],
    "a token that was taken back": lambda place: bearer(taken_back(place)),
    "a token whose time is over": lambda place: bearer(over(place)),
    "a token with a letter more": lambda place: bearer(token_for(place, "anna", "de") + "A"),
    "a token with a letter less": lambda place: bearer(token_for(place, "anna", "de")[:-1]),
    "a token in capitals": lambda place: bearer(token_for(place, "anna", "de").upper()),
    "a very long token": lambda place: (token_for(place, "anna", "de"), bearer("fsm_" + "A" * 9000))[1],
    "the prefix alone": lambda place: (token_for(place, "anna", "de"), bearer("fsm_"))[1],
    "what the file keeps of a token": lambda place: bearer("fsm_" + kept_of(place)),
}

# Who shows nothing, or shows it in another way.
IN_ANOTHER_WAY: dict[str, Shown] = {
    "nothing": lambda _: [],
    "an empty text": lambda _: "",
    "a kind without a token": lambda _: "Bearer",
    "a kind and another": lambda _: "Bearer Bearer",
    "a token without its kind": lambda place: token_for(place, "anna", "de"),
    "a token as a password": lambda place: (
        "Basic " + base64.b64encode(f"anna:{token_for(place, 'anna', 'de')}".encode()).decode()
    ),
    "a good token twice": lambda place: [bearer(token_for(place, "anna", "de"))] * 2,
    "a good token beside a wrong one": lambda place: [bearer(token_for(place, "anna", "de")), bearer("fsm_wrong")],
}

# Tokens that look as if the authorization server had signed them.
OF_THE_ISSUER: dict[str, Callable[[Guarded], str]] = {
    "another audience": lambda place: signed(claims(place, aud="https://other.example.com/mcp")),
    "the audience without its path": lambda place: signed(claims(place, aud="https://flipsnack.example.com")),
    "the audience with a slash more": lambda place: signed(claims(place, aud=f"{AUDIENCE}/")),
    "the audience in capitals": lambda place: signed(claims(place, aud=AUDIENCE.upper())),
    "a list of other audiences": lambda place: signed(claims(place, aud=["https://one.example.com", "two"])),
    "no audience": lambda place: signed(claims(place, aud=None)),
    "another issuer": lambda place: signed(claims(place, iss="https://evil.example.com")),
    "the issuer with a slash more": lambda place: signed(claims(place, iss=f"{place.issuer.address}/")),
    "no issuer": lambda place: signed(claims(place, iss=None)),
    "no end": lambda place: signed(claims(place, exp=None)),
    "an end long ago": lambda place: signed(claims(place, exp=int(NOW) - 10 * MINUTE)),
    "an end two minutes ago": lambda place: signed(claims(place, exp=int(time.time()) - 2 * MINUTE)),
    "an end that is no number": lambda place: signed(claims(place, exp="soon")),
    "an end that is no time": lambda place: signed(claims(place, exp=float("inf"))),
    "a beginning to come": lambda place: signed(claims(place, nbf=int(time.time()) + 5 * MINUTE)),
    "made tomorrow": lambda place: signed(claims(place, iat=int(time.time()) + 5 * MINUTE)),
    "no subject": lambda place: signed(claims(place, sub=None)),
    "an empty subject": lambda place: signed(claims(place, sub="")),
    "no signature, none": lambda place: unsigned(place, "none"),
    "no signature, None": lambda place: unsigned(place, "None"),
    "no signature, RS256": lambda place: unsigned(place, "RS256"),
    "the public key as a secret": by_confusion,
    "a secret": lambda place: jwt.encode(claims(place), "s" * 64, "HS256", headers={"kid": "first"}),
    "a key of somebody else": lambda place: signed(claims(place), key_pair("attacker")),
    "a key of somebody else under no name": lambda place: jwt.encode(claims(place), key_pair("attacker"), "RS256"),
    "a name of a key that is none": lambda place: signed(claims(place), key_pair("attacker"), kid="attacker"),
    "the name of a key as a path": lambda place: signed(claims(place), key_pair("attacker"), kid="../../first"),
    "the key inside": lambda place: signed(
        claims(place), key_pair("attacker"), jwk=as_jwk(key_pair("attacker")), kid="attacker"
    ),
    "the certificate inside": lambda place: signed(claims(place), key_pair("attacker"), x5c=["AAAA"]),
    "another algorithm than the key's": lambda place: signed(claims(place), key_pair("curve", "EC"), "ES256"),
    "what has to be understood": lambda place: signed(claims(place), crit=["exp"]),
    "changed after it was signed": lambda place: changed(signed(claims(place, sub="nobody"))),
    "two parts": lambda place: signed(claims(place)).rpartition(".")[0],
    "five parts": lambda place: signed(claims(place)) + ".a.b",
    "a very long one": lambda place: signed(claims(place, more="x" * 20_000)),
    "no token at all": lambda _: "abc",
    "not even JSON": lambda _: "e30.e30.e30",
    "a list for a header": lambda _: base64.urlsafe_b64encode(b"[]").decode() + ".e30.e30",
}


def as_bearer(made: Callable[[Guarded], str]) -> Shown:
    return lambda place: bearer(made(place))


def changed(token: str) -> str:
    """The claims of another token under the signature of this one."""
    head, body, mark = token.split(".")
    told = json.loads(base64.urlsafe_b64decode(body + "=="))
    other = base64.urlsafe_b64encode(json.dumps({**told, "sub": "anna"}).encode()).rstrip(b"=").decode()
    return f"{head}.{other}.{mark}"


EVERY: dict[str, Shown] = {
    **OF_THE_FILE,
    **IN_ANOTHER_WAY,
    **{name: as_bearer(made) for name, made in OF_THE_ISSUER.items()},
}


def knocked(place: Guarded, shown: str | list[str], **more: Any) -> Any:
    return place.knock(*([shown] if isinstance(shown, str) else shown), **more)


@pytest.mark.parametrize("shown", EVERY.values(), ids=EVERY.keys())
def test_whoever_is_not_known_is_refused_before_anything_is_done(place: Guarded, shown: Shown) -> None:
    answer = knocked(place, shown(place))
    assert answer.status_code == 401
    assert "Nothing was done." in answer.json()["error"]["message"]
    assert place.asked == {}


UNREADABLE = [name for name in IN_ANOTHER_WAY if name not in {"nothing", "a kind and another"}]


@pytest.mark.parametrize("name", UNREADABLE)
def test_who_writes_a_token_in_another_way_is_told_how_it_is_written(place: Guarded, name: str) -> None:
    answer = knocked(place, IN_ANOTHER_WAY[name](place))
    assert 'it has to be there once, as "Bearer", a space and the token.' in answer.json()["error"]["message"]
    assert "error=" not in answer.headers["WWW-Authenticate"]


def test_who_is_refused_learns_where_and_for_which_scopes_to_ask(place: Guarded) -> None:
    wrong, none = place.knock("Bearer abc"), place.knock()
    for answer in (wrong, none):
        told = dict(re.findall(r'(\w+)="([^"]*)"', answer.headers["WWW-Authenticate"]))
        assert told["scope"] == "flipsnack:read flipsnack:write flipsnack:delete"
        assert told["resource_metadata"] == ("https://flipsnack.example.com/.well-known/oauth-protected-resource/mcp")
    assert 'error="invalid_token"' in wrong.headers["WWW-Authenticate"]
    assert "error=" not in none.headers["WWW-Authenticate"]


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize(
    "claimed", [{}, {"aud": ["https://other.example.com", AUDIENCE]}, {"exp": int(NOW) + 86_400}, {"scope": None, "scp": ["flipsnack:read"]}],
    ids=["as usual", "for several", "for a day", "scopes as a list"],
)  # fmt: skip
def test_whoever_the_issuer_vouches_for_is_let_in(place: Guarded, claimed: dict[str, Any], revision: str) -> None:
    told = place.by(signed(claims(place, **claimed)), revision).call("list_collections", limit=1)
    assert not told.is_error, told.text
    assert told.data["account"] == "de"


@pytest.mark.parametrize("late", [{"exp": -30}, {"nbf": 30}, {"iat": 30}], ids=str)
def test_clocks_may_disagree_by_half_a_minute(place: Guarded, late: dict[str, int]) -> None:
    moved = {name: int(time.time()) + seconds for name, seconds in late.items()}
    assert knocked(place, bearer(signed(claims(place, **moved)))).status_code == 200


@pytest.mark.parametrize("kind", ["EC", "OKP", "PS256"])
def test_keys_of_other_kinds_sign_by_their_own_algorithms(own: Guarded, kind: str) -> None:
    key = key_pair(f"of {kind}", "RSA" if kind == "PS256" else kind)
    own.issuer.keys = [as_jwk(key, kid="other")]
    algorithm = {"EC": "ES256", "OKP": "EdDSA"}.get(kind, kind)
    assert knocked(own, bearer(signed(claims(own), key, algorithm, kid="other"))).status_code == 200


@pytest.mark.parametrize(
    "more", [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"alg": "RS512"}, {"alg": "RSA-OAEP"}], ids=str
)
def test_a_key_that_is_for_something_else_signs_nothing(own: Guarded, more: dict[str, Any]) -> None:
    own.issuer.keys = [as_jwk(key_pair("first"), kid="first", **more)]
    assert knocked(own, bearer(signed(claims(own)))).status_code == 401


def test_a_weak_key_signs_nothing(own: Guarded) -> None:
    own.issuer.keys = [as_jwk(key_pair("weak", "weak"), kid="first")]
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = signed(claims(own), key_pair("weak", "weak"))
    assert knocked(own, bearer(token)).status_code == 401


def test_a_secret_that_is_published_by_mistake_signs_nothing(own: Guarded) -> None:
    secret = base64.urlsafe_b64encode(b"s" * 64).decode()
    own.issuer.keys = [{"kty": "oct", "k": secret, "kid": "first", "alg": "HS256"}]
    token = jwt.encode(claims(own), "s" * 64, "HS256", headers={"kid": "first"})
    assert knocked(own, bearer(token)).status_code == 401


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """An address of an attacker that publishes keys, and what was asked there."""
    asked = list[str]()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = json.dumps({"keys": [as_jwk(key_pair("attacker"), kid="attacker")]}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/keys", asked
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("header", ["jku", "x5u"])
def test_no_key_is_fetched_from_where_a_token_says(
    place: Guarded, elsewhere: tuple[str, list[str]], header: str
) -> None:
    address, asked = elsewhere
    token = signed(claims(place), key_pair("attacker"), **{header: address, "kid": "attacker"})
    assert knocked(place, bearer(token)).status_code == 401
    assert (asked, place.asked) == ([], {})


def test_a_token_in_the_address_is_none(place: Guarded) -> None:
    token = token_for(place, "anna", "de")
    place.url += f"?access_token={token}"
    try:
        assert place.knock().status_code == 401
    finally:
        place.url = place.url.partition("?")[0]


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "OPTIONS"])
def test_no_other_way_leads_past_the_door(place: Guarded, method: str) -> None:
    assert place.knock(method=method).status_code == 401


NOBODY_NAMED = {
    "a subject that no account names": {"sub": "eve"},
    "a subject that only begins so": {"sub": "anna "},
    "a subject in other letters": {"sub": "Anna"},
    "a claim with another value": {"sub": "eve", "groups": ["sales"]},
    "a claim whose value only begins so": {"sub": "eve", "groups": ["marketing2"]},
    "a claim of another name": {"sub": "eve", "group": ["marketing"]},
    "a claim that is no text": {"sub": "eve", "groups": {"marketing": True}},
}


@pytest.mark.parametrize("told", NOBODY_NAMED.values(), ids=NOBODY_NAMED.keys())
def test_nobody_whom_no_account_names_may_call(place: Guarded, told: dict[str, Any]) -> None:
    answer = knocked(place, bearer(signed(claims(place, **told))))
    assert answer.status_code == 403
    assert "No account" in answer.json()["error"]["message"]
    assert place.asked == {}


@pytest.mark.parametrize("groups", ["marketing", ["sales", "marketing"]], ids=str)
def test_a_claim_lets_in_whom_the_account_describes(place: Guarded, groups: object) -> None:
    told = place.by(signed(claims(place, sub="eve", groups=groups))).call("list_collections", limit=1)
    assert told.data["account"] == "fr"


AS_WRITTEN: list[tuple[str, object, bool]] = [
    ("true", True, True), ("true", "true", True), ("true", 1, False), ("1", True, False), ("false", None, False),
    ("42", 42, True), ("42", [7, 42], True), ("42", 421, False), ("null", None, False), ("{}", {}, False),
]  # fmt: skip


@pytest.mark.parametrize(("written", "held", "lets_in"), AS_WRITTEN, ids=str)
def test_a_claim_that_is_yes_or_a_number_is_compared_as_it_is_written(
    written: str,
    held: object,
    lets_in: bool,  # noqa: FBT001 - pytest passes it by name
) -> None:
    assert is_meant(f"claim:flipsnack={written}", {"flipsnack": held}) == lets_in


@pytest.mark.parametrize(
    ("verified", "lets_in"), [(None, True), (True, True), (False, False), ("false", False)], ids=str
)
def test_an_address_that_its_issuer_has_not_verified_lets_in_nobody(
    verified: object,
    lets_in: bool,  # noqa: FBT001 - pytest passes it by name
) -> None:
    told = {"email": "anna@example.com", "email_verified": verified}
    assert is_meant("claim:email=anna@example.com", told) == lets_in


@pytest.mark.parametrize("scope", [None, "", "openid profile", "flipsnack read", "FLIPSNACK:READ"])
def test_a_token_without_a_scope_of_ours_is_told_all_that_are_worth_it(place: Guarded, scope: str | None) -> None:
    answer = knocked(place, bearer(signed(claims(place, scope=scope))))
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert "flipsnack:read flipsnack:write flipsnack:delete" in answer.headers["WWW-Authenticate"]


def test_a_scope_cannot_break_out_of_the_challenge(place: Guarded) -> None:
    token = signed(claims(place, scp=['a", realm="evil', "fine\\", "plain"], scope=None))
    challenge = knocked(place, bearer(token)).headers["WWW-Authenticate"]
    assert "evil" not in challenge
    assert 'scope="plain flipsnack:read' in challenge
