"""The keys of an authorization server: asked for rarely, turned over with it, and gone on with for a while without it."""

from typing import Any

import anyio
import anyio.lowlevel
import httpx2
import pytest

from flipsnack_mcp.team.authentication import issuer as published
from flipsnack_mcp.team.authentication.issuer import (
    BETWEEN_TRIES,
    KEYS_COUNT,
    KEYS_FRESH,
    LOOKS_APART,
    IssuerUnusableError,
    PublishedKeys,
    described_at,
    document_at,
)
from flipsnack_mcp.team.authentication.keys import keys_in
from flipsnack_mcp.team.authentication.signed import SignedTokens, named_in_header
from tests.team.authentication.guarded import AUDIENCE, Guarded
from tests.team.authentication.issuer import DESCRIPTION, Issuer, as_jwk, key_pair, running_issuer, signed
from tests.virtual_clock import StandingClock


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> StandingClock:
    clock = StandingClock(1000.0)

    async def passes(seconds: float) -> None:
        clock.now += seconds
        await anyio.lowlevel.checkpoint()

    monkeypatch.setattr(anyio, "current_time", clock)
    monkeypatch.setattr(anyio, "sleep", passes)
    return clock


@pytest.fixture
def one() -> Any:
    with running_issuer() as running:
        yield running


def of(issuer: Issuer) -> SignedTokens:
    return SignedTokens(PublishedKeys(issuer.address), AUDIENCE)


async def is_good(tokens: SignedTokens, issuer: Issuer, key: str = "first") -> bool:
    return await tokens.vouched(signed(issuer.claims(AUDIENCE), key_pair(key), kid=key)) is not None


async def test_they_are_fetched_once_and_again_when_they_are_old(one: Issuer, later: StandingClock) -> None:
    tokens = of(one)
    assert one.asked == []
    assert [await is_good(tokens, one) for _ in range(5)] == [True] * 5
    assert one.asked == [DESCRIPTION, "/keys"]
    later.now += KEYS_FRESH
    assert await is_good(tokens, one)
    assert one.asked == [DESCRIPTION, "/keys"] * 2


@pytest.mark.usefixtures("later")
async def test_a_new_key_counts_though_another_unknown_one_was_looked_for_a_moment_ago(one: Issuer) -> None:
    """Who signed in with it was called a stranger for half a minute, because somebody else had come with an old token."""
    tokens = of(one)
    assert await is_good(tokens, one)
    assert not await is_good(tokens, one, "unknown")
    one.publishes("first", "second")
    assert await is_good(tokens, one, "second")


async def test_all_who_come_with_unknown_keys_at_once_share_a_look_and_the_next_is_a_second_later(
    one: Issuer, later: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "LOOKS_APART", LOOKS_APART)
    tokens, good = of(one), list[bool]()

    async def look(name: str) -> None:
        good.append(await is_good(tokens, one, name))

    assert await is_good(tokens, one)
    for _ in range(2):
        one.asked.clear()
        before = later.now
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(look, "unknown")
                group.start_soon(look, "second")
        assert one.asked == [DESCRIPTION, "/keys"]
        assert later.now == before + LOOKS_APART
    assert good == [False] * 40


@pytest.mark.usefixtures("later")
async def test_a_key_that_is_gone_counts_no_more(one: Issuer) -> None:
    tokens = of(one)
    assert await is_good(tokens, one)
    one.publishes("second")
    assert await is_good(tokens, one, "second")
    assert not await is_good(tokens, one)


async def test_a_key_that_is_exchanged_under_its_name_counts_no_more(one: Issuer, later: StandingClock) -> None:
    tokens = of(one)
    assert await is_good(tokens, one)
    one.keys = [as_jwk(key_pair("second"), kid="first")]
    later.now += KEYS_FRESH
    assert not await is_good(tokens, one)


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("kid", ["first", None])
async def test_a_key_that_was_exchanged_under_its_name_or_has_none_counts_at_once(one: Issuer, kid: str | None) -> None:
    """Who signed in with the new one was told for minutes to sign in again."""

    async def good(key: str) -> bool:
        return await tokens.vouched(signed(one.claims(AUDIENCE), key_pair(key), kid=kid)) is not None

    def published_is(key: str) -> None:
        one.keys = [as_jwk(key_pair(key), **({"kid": kid} if kid else {}))]

    tokens = of(one)
    published_is("first")
    assert await good("first")
    published_is("second")
    assert await good("second")
    assert not await good("first")
    published_is("third")
    assert await good("third")


NOT_FOR_HERE: dict[str, dict[str, Any]] = {
    f"it is for another audience than {AUDIENCE}; set FLIPSNACK_AUTH_AUDIENCE": {"aud": "canary"},
    "it names another issuer; FLIPSNACK_AUTH_ISSUER has to be written exactly as there": {"iss": "https://canary"},
    "it lacks `sub`": {"sub": None},
}


@pytest.mark.parametrize(("why", "told"), NOT_FOR_HERE.items(), ids=NOT_FOR_HERE)
async def test_why_a_token_with_a_good_signature_is_not_taken_stands_in_the_log(
    one: Issuer, caplog: pytest.LogCaptureFixture, why: str, told: dict[str, Any]
) -> None:
    """Its holder learns nothing of that, and whoever runs the server had nothing to go by."""
    assert await of(one).vouched(signed(one.claims(AUDIENCE, **told))) is None
    assert f"a token that {one.address} has signed is not taken: {why}" in caplog.text
    assert "canary" not in caplog.text
    caplog.clear()
    for strangers in (signed(one.claims(AUDIENCE, **told), key_pair("second")), signed(one.claims(AUDIENCE, exp=1))):
        assert await of(one).vouched(strangers) is None
    assert caplog.text == ""


async def test_what_a_known_key_has_signed_asks_for_no_other_though_it_is_over(
    one: Issuer, later: StandingClock
) -> None:
    tokens = of(one)
    assert await is_good(tokens, one)
    one.asked.clear()
    later.now += BETWEEN_TRIES
    assert await tokens.vouched(signed(one.claims(AUDIENCE, exp=1))) is None
    assert one.asked == []


async def test_without_its_server_known_keys_go_on_for_an_hour(one: Issuer, later: StandingClock) -> None:
    tokens = of(one)
    assert await is_good(tokens, one)
    one.away = True
    one.asked.clear()
    for _ in range(int(KEYS_COUNT / KEYS_FRESH) - 1):
        later.now += KEYS_FRESH
        assert await is_good(tokens, one)
        assert await is_good(tokens, one)
    assert one.asked.count(DESCRIPTION) == KEYS_COUNT / KEYS_FRESH - 1
    later.now += KEYS_FRESH
    with pytest.raises(IssuerUnusableError):
        await is_good(tokens, one)
    one.away = False
    later.now += BETWEEN_TRIES
    assert await is_good(tokens, one)


async def test_without_its_server_it_cannot_be_told_whose_an_unknown_key_is(one: Issuer, later: StandingClock) -> None:
    """It may have been turned over a moment ago: who is called a stranger would be sent to sign in where nobody answers."""
    tokens = of(one)
    assert await is_good(tokens, one)
    one.away = True
    for _ in range(2):
        with pytest.raises(IssuerUnusableError, match="status 404"):
            await is_good(tokens, one, "second")
    assert await is_good(tokens, one)
    one.away = False
    later.now += BETWEEN_TRIES
    assert not await is_good(tokens, one, "second")
    one.publishes("first", "second")
    later.now += BETWEEN_TRIES
    assert await is_good(tokens, one, "second")


async def test_nobody_is_let_in_before_any_key_is_known(one: Issuer, later: StandingClock) -> None:
    one.away, tokens = True, of(one)
    for _ in range(3):
        with pytest.raises(IssuerUnusableError, match="status 404"):
            await is_good(tokens, one)
    assert one.asked.count(DESCRIPTION) == 1
    one.away = False
    later.now += BETWEEN_TRIES
    assert await is_good(tokens, one)


async def test_many_at_once_ask_once(one: Issuer) -> None:
    tokens, good = of(one), list[bool]()

    async def look() -> None:
        good.append(await is_good(tokens, one))

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(look)
    assert good == [True] * 50
    assert one.asked == [DESCRIPTION, "/keys"]


@pytest.mark.parametrize("key", ["first", "second"], ids=["at the start", "after a key was turned over"])
async def test_who_comes_while_keys_are_fetched_waits_for_them(
    one: Issuer, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, begun, go_on = of(one), anyio.Event(), anyio.Event()
    if key == "second":
        assert await is_good(tokens, one)
        one.publishes("second")
    real, good = published.published_by, list[bool]()

    async def slowly(issuer: str) -> Any:
        begun.set()
        await go_on.wait()
        return await real(issuer)

    async def look() -> None:
        good.append(await is_good(tokens, one, key))

    monkeypatch.setattr(published, "published_by", slowly)
    async with anyio.create_task_group() as group:
        group.start_soon(look)
        await begun.wait()
        for _ in range(5):
            group.start_soon(look)
            await anyio.lowlevel.checkpoint()
        go_on.set()
    assert good == [True] * 6


@pytest.mark.parametrize("key", ["first", "second"], ids=["at the start", "after a key was turned over"])
async def test_who_goes_away_while_keys_are_fetched_keeps_nobody_out(
    one: Issuer, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, begun = of(one), anyio.Event()
    if key == "second":
        assert await is_good(tokens, one)
        one.publishes("second")

    async def never(_: str) -> Any:
        begun.set()
        await anyio.sleep_forever()

    with monkeypatch.context() as patch:
        patch.setattr(published, "published_by", never)
        async with anyio.create_task_group() as group:
            group.start_soon(is_good, tokens, one, key)
            await begun.wait()
            group.cancel_scope.cancel()
    assert await is_good(tokens, one, key)


WRONG: dict[str, dict[str, Any]] = {
    "of another issuer": {"issuer": "https://evil.example.com"},
    "of the issuer with a slash": {"issuer": "ADDRESS/"},
    "of nobody": {"issuer": None},
    "keys over http elsewhere": {"jwks_uri": "http://keys.example.com/keys"},
    "keys in a file": {"jwks_uri": "file:///etc/passwd"},
    "keys with a password": {"jwks_uri": "https://anna:secret@keys.example.com/"},
    "no keys": {"jwks_uri": None},
    "keys at no address": {"jwks_uri": "https://[::1"},
}


@pytest.mark.parametrize("told", WRONG.values(), ids=WRONG)
async def test_a_description_that_is_not_of_exactly_this_issuer_is_none(one: Issuer, told: dict[str, Any]) -> None:
    one.description = {
        name: text.replace("ADDRESS", one.address) if isinstance(text, str) else text for name, text in told.items()
    }
    with pytest.raises(IssuerUnusableError, match="its description"):
        await is_good(of(one), one)
    assert "/keys" not in one.asked


@pytest.mark.parametrize("path", [DESCRIPTION, "/moved"])
async def test_a_redirect_is_not_followed(one: Issuer, path: str) -> None:
    one.description = {"jwks_uri": f"{one.address}/moved"}
    one.moved = {path: f"{one.address}{'/keys' if path == '/moved' else '/elsewhere'}"}
    with pytest.raises(IssuerUnusableError, match="status"):
        await is_good(of(one), one)
    assert not {"/keys", "/elsewhere"} & {*one.asked}


UNREADABLE = {
    "is too long": b'{"keys": "' + b"k" * 300_000 + b'"}',
    "is no JSON": b"<html>",
    "is no JSON, nor UTF-8": b"\xff",
    "is no JSON, but deep": b"[" * 100_000,
    "is no JSON object": b"[]",
}


@pytest.mark.parametrize(("why", "content"), UNREADABLE.items(), ids=UNREADABLE)
async def test_a_document_that_cannot_be_used_is_told_as_what_it_is(why: str, content: bytes) -> None:
    answering = httpx2.MockTransport(lambda _: httpx2.Response(200, content=content))
    async with httpx2.AsyncClient(transport=answering) as http:
        with pytest.raises(IssuerUnusableError, match=f"what it answers {why.partition(',')[0]}$"):
            await document_at(http, "https://issuer.example/keys")


def test_only_keys_that_can_have_signed_are_known() -> None:
    good, weak = as_jwk(key_pair("first"), kid="first"), as_jwk(key_pair("weak", "weak"), kid="weak")
    odd: list[Any] = [None, 1, "key", [], {}, {"kty": "RSA"}, {"kty": "RSA", "n": "!", "e": "AQAB"}, {**good, "kid": 1}]
    private = {**good, "d": good["n"]}
    found = keys_in({"keys": [*odd, weak, private, {**good, "use": "enc"}, good]})
    assert [one.kid for one in found] == [None, "first"]
    assert found[1].algorithms == {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
    assert keys_in({"keys": "none"}) == keys_in({}) == ()


SAYS_NOTHING: list[dict[str, Any]] = [
    {"use": None, "alg": None, "key_ops": None, "d": None},
    {"use": "", "key_ops": [], "x5c": []},
]
NOT_A_KEY_OF_OURS: list[dict[str, Any]] = [
    {"key_ops": 5},
    {"key_ops": "verify"},
    {"kty": ["RSA"]},
    {"use": {}},
    {"use": ["sig"]},
]


@pytest.mark.parametrize("more", SAYS_NOTHING, ids=str)
async def test_a_member_of_a_key_that_is_null_or_empty_says_nothing(one: Issuer, more: dict[str, Any]) -> None:
    """Servers that write out all members they know of have them so, and nobody could sign in there."""
    one.keys = [as_jwk(key_pair("first"), kid="first", **more)]
    assert await is_good(of(one), one)


@pytest.mark.parametrize("odd", NOT_A_KEY_OF_OURS, ids=str)
async def test_an_odd_key_beside_the_others_is_left_out(one: Issuer, odd: dict[str, Any]) -> None:
    """One of them ended every request in status 500, whoever made it."""
    good = as_jwk(key_pair("first"), kid="first")
    one.keys = [{**as_jwk(key_pair("second"), kid="second"), **odd}, good]
    tokens = of(one)
    assert await is_good(tokens, one)
    assert not await is_good(tokens, one, "second")


def test_a_head_that_asks_to_be_understood_is_not() -> None:
    plain, asking = signed({"sub": "anna"}), signed({"sub": "anna"}, crit=["exp"])
    assert named_in_header(plain) == ("RS256", "first")
    assert named_in_header(asking) is None


async def test_the_description_of_openid_is_understood_too(one: Issuer) -> None:
    one.described_at = "/.well-known/openid-configuration"
    assert await is_good(of(one), one)


def test_an_issuer_with_a_path_describes_itself_in_three_places() -> None:
    assert [*described_at("https://idp.example.com/one/")] == [
        "https://idp.example.com/.well-known/oauth-authorization-server/one",
        "https://idp.example.com/.well-known/openid-configuration/one",
        "https://idp.example.com/one/.well-known/openid-configuration",
    ]


async def test_a_token_without_the_name_of_a_key_has_to_leave_no_choice(one: Issuer) -> None:
    tokens, token = of(one), signed(one.claims(AUDIENCE), kid=None)
    assert await tokens.vouched(token)
    one.publishes("first", "second")
    assert await of(one).vouched(token) is None


def test_callers_are_told_that_it_cannot_be_told(own: Guarded) -> None:
    own.issuer.away = True
    answer = own.knock(f"Bearer {signed(own.issuer.claims(AUDIENCE))}")
    assert answer.status_code == 503
    assert own.issuer.address not in answer.text
    assert own.asked == {}
