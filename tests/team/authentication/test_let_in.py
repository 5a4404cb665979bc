"""Who was let in: what they are called, for how long they are known, and when nobody looks at their token any more."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.types import Message, Receive, Scope, Send

from flipsnack_mcp.server.callers.caller import CALLER, Caller, Right
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.team.authentication.changing import change_tokens
from flipsnack_mcp.team.authentication.door import behind_door, known_as
from flipsnack_mcp.team.authentication.knowing import Authentication, LetIn
from flipsnack_mcp.team.authentication.signed import Vouched
from flipsnack_mcp.team.authentication.tokens import TokenEntry, TokensTold, new_token, now_in_utc, token_digest
from tests.virtual_clock import VirtualLoop

ISSUED: dict[str, Any] = {"iss": "https://idp.example.com", "sub": "00u1"}


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({}, "00u1"),
        ({"preferred_username": "anna"}, "anna (00u1)"),
        ({"preferred_username": "00u1"}, "00u1"),
        ({"preferred_username": 7, "email": "anna@example.com"}, "anna@example.com (00u1)"),
        ({"preferred_username": ["anna"], "email": ""}, "00u1"),
    ],
)
def test_a_person_is_called_by_what_others_know_and_always_by_their_subject(told: dict[str, Any], name: str) -> None:
    assert Vouched({**ISSUED, **told}, ()).name == name


def test_who_was_let_in_is_known_as_long_as_their_request_lasts() -> None:
    before, anna = CALLER.get(), Caller("anna", "token 1")
    with known_as(LetIn(anna, "flipsnack-mcp", "token 1"), "fsm_secret"):
        assert CALLER.get() == anna
    assert CALLER.get() == before


@pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": VirtualLoop})])
async def test_a_stream_that_has_ended_leaves_nobody_looking_at_its_token(tmp_path: Path) -> None:
    path, token, sent = tmp_path / "tokens.json", new_token(), list[Message]()
    entry = TokenEntry(name="anna", sha256=token_digest(token), may=frozenset({Right.READ}), made=now_in_utc())
    change_tokens(path, lambda _: TokensTold(tokens=(entry,)))

    async def stream(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await anyio.sleep(3600)
        await send({"type": "http.response.body", "body": b"the end"})

    async def nothing() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/mcp",
        "headers": [(b"authorization", f"Bearer {token}".encode())],
    }
    with anyio.fail_after(4000):
        await behind_door(stream, Authentication(Settings(sandbox=True, tokens=path)))(scope, nothing, send)
    assert sent[-1]["body"] == b"the end"
