"""Who listens is looked at again and again: what takes their token back ends it, what cannot tell does not."""

from dataclasses import dataclass
from typing import cast

import anyio
import pytest
from starlette.types import Message, Receive, Scope, Send

from flipsnack_mcp.server.callers.caller import EVERYBODY
from flipsnack_mcp.team.authentication.challenges import NotLetInError
from flipsnack_mcp.team.authentication.door import BETWEEN_LOOKS_AT_A_TOKEN, Door
from flipsnack_mcp.team.authentication.knowing import Authentication, LetIn
from tests.virtual_clock import on_virtual_time

LISTENING: Scope = {"type": "http", "method": "GET", "path": "/mcp", "headers": []}


anyio_backend = on_virtual_time


@dataclass
class Judged:
    """An authentication that lets in once, and then says at every look what it was told to."""

    looks: list[int]
    is_asked: bool = True
    let_in_once: bool = False

    async def let_in(self, _: Scope) -> tuple[LetIn, str]:
        if self.let_in_once and (status := self.looks.pop(0)) != 200:
            raise NotLetInError(status, "no")
        self.let_in_once = True
        return LetIn(EVERYBODY, "issuer", "subject"), "token"


async def listened(looks: list[int], lasts: float) -> tuple[float, list[Message]]:
    """For how long an answer went on that has something to tell for so long, and what came of it."""
    sent = list[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await anyio.sleep(lasts)
        await send({"type": "http.response.body", "body": b"told"})

    began = anyio.current_time()
    door = Door(cast("Authentication", Judged(looks)), app)
    await door({**LISTENING}, receive, send)
    return anyio.current_time() - began, sent


@pytest.mark.parametrize(
    ("looks", "ends_after"), [([401], 1), ([200, 401], 2), ([503, 403], 2), ([503, 503, 200, 503, 401], 5)]
)
async def test_it_ends_at_the_first_look_that_tells_that_the_token_is_gone(looks: list[int], ends_after: int) -> None:
    lasted, sent = await listened(looks, lasts=3600)
    assert lasted == pytest.approx(ends_after * BETWEEN_LOOKS_AT_A_TOKEN)
    assert sent[-1] == {"type": "http.response.body", "body": b""}


async def test_it_goes_on_while_nobody_can_tell() -> None:
    looks = [503] * 20
    lasted, sent = await listened(looks, lasts=10.5 * BETWEEN_LOOKS_AT_A_TOKEN)
    assert lasted == pytest.approx(10.5 * BETWEEN_LOOKS_AT_A_TOKEN)
    assert len(looks) == 10
    assert sent[-1]["body"] == b"told"
