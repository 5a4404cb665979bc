"""Key, secret and signature are in no log, no repr, no error and no traceback."""

import logging
import traceback
from dataclasses import replace

import httpx2
import pytest

from flipsnack_mcp.api.actions.collections import DeleteCollection, GetCollection, ListCollections
from flipsnack_mcp.api.actions.publishing import CreateCollection
from flipsnack_mcp.api.client import Access
from flipsnack_mcp.api.errors import FlipsnackError, NotFoundError
from flipsnack_mcp.api.wire import encode
from flipsnack_mcp.sandbox import Fault
from flipsnack_mcp.settings import Settings
from tests.api.asking import KEY, SECRET, Failure, Paper, Unplugged, asking, bad_tls, error_of, over, unlimited

LIST = ListCollections()
SIGNATURE = encode(LIST, KEY, SECRET)["signature"]


def shown(text: str) -> list[str]:
    return [secret for secret in (KEY, SECRET, SIGNATURE, "signature=") if secret in text]


async def test_a_level_set_once_the_client_is_open_shows_nothing_either(caplog: pytest.LogCaptureFixture) -> None:
    sandbox = unlimited()
    async with asking(sandbox.app) as flipsnack:
        await flipsnack.send(LIST)
        for name in ("", "httpx2", "httpcore2"):
            caplog.set_level(logging.DEBUG, name)
        await flipsnack.send(LIST)
        await error_of(flipsnack.send(GetCollection(collection_hash="nothere")), NotFoundError)
    assert shown(caplog.text) == []


async def test_no_repr_holds_a_secret() -> None:
    access, settings = Access(KEY, SECRET), Settings(api_key=KEY, api_secret=SECRET)
    async with asking(unlimited().app, access) as flipsnack:
        await flipsnack.send(LIST)
        texts = [repr(flipsnack), str(flipsnack), repr(access), repr(settings), repr(flipsnack.http), str(access)]
    assert shown(" ".join(texts)) == []


@pytest.mark.parametrize("error", [httpx2.ConnectError, httpx2.ReadTimeout, httpx2.RemoteProtocolError, bad_tls])
async def test_no_traceback_of_an_error_holds_the_signed_address(error: Failure) -> None:
    async with over(lambda: Unplugged(unlimited().app, error, 9)) as flipsnack:
        caught = await error_of(flipsnack.send(DeleteCollection(collection_hash="fxh4k89")), FlipsnackError)
    assert shown("".join(traceback.format_exception(caught))) == []


ADDRESS = f"/v1/?apiKey={KEY}&signature={SIGNATURE}"
FAULTS = [Fault(kind) for kind in ("cut", "garbled", "reset", "huge", "maintenance", "per_minute", "quota")]
REPEATED = (f"Invalid: {KEY}", f"expected md5({SECRET}...)", f"Bad {ADDRESS}")
FAULTS += [Fault("http", body=f"https://x{ADDRESS}"), *(Fault("code", code=40, message=text) for text in REPEATED)]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.message or fault.kind)
async def test_no_error_holds_a_secret(fault: Fault) -> None:
    sandbox = unlimited()
    sandbox.add_fault(replace(fault, times=0))
    async with asking(sandbox.app) as flipsnack:
        for action, document in ((CreateCollection(title="T"), Paper()), (LIST, None)):
            error = await error_of(flipsnack.send(action, document), FlipsnackError)
            assert shown("".join(traceback.format_exception(error))) == []


@pytest.mark.parametrize("told", [SIGNATURE, SIGNATURE.upper(), "6604b887e00b3d025585d8aa22f3b414"])
@pytest.mark.parametrize("code", [40, 44])
async def test_a_signature_that_flipsnack_says_it_expected_is_not_passed_on(code: int, told: str) -> None:
    sandbox = unlimited()
    sandbox.add_fault(Fault("code", code=code, message=f"Invalid signature: expected {told}, got another"))
    async with asking(sandbox.app) as flipsnack:
        error = await error_of(flipsnack.send(LIST), FlipsnackError)
    assert told not in str(error)
    assert "Invalid signature: expected" in str(error)
