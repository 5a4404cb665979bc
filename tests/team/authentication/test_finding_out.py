"""What anybody may find out: where tokens are granted. And what nobody may: the token of another, or of themselves later."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from flipsnack_mcp.server.callers.caller import Right
from flipsnack_mcp.server.safety.redaction import OF_THE_REQUEST, Redactor
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.team.authentication.challenges import NotLetInError
from flipsnack_mcp.team.authentication.changing import change_tokens
from flipsnack_mcp.team.authentication.door import behind_door
from flipsnack_mcp.team.authentication.knowing import Authentication
from flipsnack_mcp.team.authentication.tokens import TokenEntry, TokensTold, new_token, now_in_utc, token_digest
from tests.listening import NO_TLS
from tests.team.authentication.guarded import AUDIENCE, REVISIONS, Guarded, listening, token_for
from tests.team.authentication.issuer import signed

PLACES = {
    "https://flipsnack.example.com": "/.well-known/oauth-protected-resource/mcp",
    "https://example.com/flipsnack/": "/.well-known/oauth-protected-resource/flipsnack/mcp",
    "https://example.com:8443": "/.well-known/oauth-protected-resource/mcp",
}


@pytest.mark.parametrize(("public", "path"), PLACES.items(), ids=PLACES)
async def test_it_is_told_whom_to_ask_for_a_token(public: str, path: str) -> None:
    settings = Settings(auth_issuer="https://idp.example.com", public_url=public, sandbox=True)
    known = Authentication(settings)
    origin = "/".join(public.split("/")[:3])
    assert known.challenges.metadata == origin + path
    with listening(Starlette(routes=known.routes)) as port:
        async with httpx2.AsyncClient(verify=NO_TLS) as http:
            answers = [
                await http.get(f"http://127.0.0.1:{port}{one}")
                for one in (path, "/.well-known/oauth-protected-resource")
            ]
    for answer in answers:
        assert answer.json() == {
            "resource": public.rstrip("/") + "/mcp",
            "authorization_servers": ["https://idp.example.com"],
            "scopes_supported": ["flipsnack:read", "flipsnack:write", "flipsnack:delete"],
            "bearer_methods_supported": ["header"],
            "resource_name": "Flipsnack",
        }
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_any_page_may_read_whom_to_ask_for_a_token_and_nothing_else(place: Guarded) -> None:
    """Inspectors look for it from their page: it was given to any, and every page was refused that said which it is."""
    page, root = {"Origin": "https://inspector.example.org"}, place.url.removesuffix("/mcp")
    with httpx2.Client(verify=NO_TLS) as http:
        described = http.get(f"{root}/.well-known/oauth-protected-resource/mcp", headers=page)
        others = [
            http.get(f"{root}{path}", headers=page)
            for path in ("/mcp", "/.well-known/openid-configuration", "/files/x")
        ]
    assert (described.status_code, described.headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert described.json()["authorization_servers"] == [place.issuer.address]
    assert [one.status_code for one in others] == [403] * 3


def test_scopes_that_no_tool_needs_are_not_asked_for() -> None:
    settings = Settings(auth_issuer="https://idp.example.com", public_url="https://x.example.com", read_only=True)
    assert 'scope="flipsnack:read"' in Authentication(settings).challenges.challenge(NotLetInError(401, "no"))


def test_where_nobody_grants_tokens_nothing_leads_to_one(tmp_path: Path) -> None:
    known = Authentication(Settings(tokens=tmp_path / "tokens.json", sandbox=True))
    refused = NotLetInError(401, "no", "invalid_token")
    assert known.routes == []
    assert known.challenges.challenge(refused) == (
        'Bearer realm="flipsnack-mcp", error="invalid_token", error_description="no"'
    )


async def test_where_nothing_says_who_may_call_everybody_may() -> None:
    reached = list[Any]()

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        reached.append(scope.get("flipsnack_mcp.caller"))

    await behind_door(app, Authentication(Settings(sandbox=True)))({"type": "http", "headers": []}, None, None)  # type: ignore[arg-type]
    assert [one.name for one in reached] == [""]


async def test_the_application_behind_the_door_gets_no_token(tmp_path: Path) -> None:
    token, seen = new_token(), list[Any]()
    entry = TokenEntry(name="anna", sha256=token_digest(token), may=frozenset({Right.READ}), made=now_in_utc())
    change_tokens(tmp_path / "tokens.json", lambda _: TokensTold(tokens=(entry,)))

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        seen.append(scope)

    headers = [(b"authorization", f"Bearer {token}".encode()), (b"accept", b"*/*")]
    request = {"type": "http", "method": "POST", "path": "/mcp", "headers": headers}
    known = Authentication(Settings(tokens=tmp_path / "tokens.json", sandbox=True))
    await behind_door(app, known)(request, None, None)  # type: ignore[arg-type]
    (inside,) = seen
    assert inside["headers"] == [(b"accept", b"*/*")]
    assert token not in repr({**inside, "user": vars(inside["user"])})


async def test_what_is_no_request_goes_through() -> None:
    """The application begins and ends by it."""
    reached = list[str]()

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        reached.append(scope["type"])

    settings = Settings(tokens=Path("/nowhere/tokens.json"), sandbox=True)
    await behind_door(app, Authentication(settings))({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    assert reached == ["lifespan"]


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("kind", ["of the file", "of the issuer"])
def test_a_token_goes_nowhere_else(own: Guarded, kind: str, revision: str, caplog: pytest.LogCaptureFixture) -> None:
    """Not into answers, the history, the store, the log or to Flipsnack: also where the assistant repeats it."""
    caplog.set_level(0)
    token = token_for(own, "anna", "de") if kind == "of the file" else signed(own.issuer.claims(AUDIENCE))
    anna = own.by(token, revision)
    said = [
        anna.call("update_collection", collection_hash=own.hash_in("de"), title=f"Offers {token}"),
        anna.call("create_collection", file_url=f"https://example.com/a.pdf?{token}", title="A", wait_seconds=0),
        anna.call("list_collections", query=token),
        anna.call(f"no_such_tool_{token}"),
    ]
    assert all("repeats the token" in one.text for one in said)
    assert own.asked == {}
    said.append(anna.call("update_collection", collection_hash=own.hash_in("de"), title="New"))
    assert not said[-1].is_error
    whole = "\n".join([
        json.dumps([one.raw for one in said]),
        *(record.getMessage() for record in caplog.records),
        *(one.model_dump_json() for one in own.history),
        own.state.read_bytes().decode("latin-1"),
    ])  # fmt: skip
    assert token not in whole
    assert token not in str(own.sandboxes["de"].requests)


def test_the_last_net_masks_the_token_of_the_request() -> None:
    redactor = Redactor(())
    before = OF_THE_REQUEST.set(("fsm_secret",))
    try:
        assert redactor.data({"a": ["it was fsm_secret"]}) == {"a": ["it was ***"]}
    finally:
        OF_THE_REQUEST.reset(before)
    assert redactor.text("it was fsm_secret") == "it was fsm_secret"
