"""A client that lost its stream asks for what it missed: nothing of it is kept, and the stream begins anew."""

import httpx2
import pytest

from tests.listening import NO_TLS
from tests.team.over_http import ACCEPTED, HELLO, HOST, OLDER, served, whole_application


@pytest.mark.parametrize("sticky", [True, False])
async def test_a_stream_that_is_taken_up_again_begins_anew(*, sticky: bool) -> None:
    app = whole_application(team=True, sticky=sticky)
    async with served(app) as port, httpx2.AsyncClient(verify=NO_TLS) as http:
        address = f"http://{HOST}:{port}/mcp"
        opened = (await http.post(address, json=HELLO, headers=ACCEPTED)).headers
        session = {"mcp-session-id": opened["mcp-session-id"]} if sticky else {}
        headers = {**ACCEPTED, **session, "mcp-protocol-version": OLDER, "last-event-id": "5"}
        async with http.stream("GET", address, headers=headers) as stream:
            assert (stream.status_code, stream.headers["content-type"]) == (200, "text/event-stream")
