"""Two people of a team over HTTP: Anna publishes, Ben reads, and each sees only what they may.

`python -m examples.work_as_a_team` plays it.

Starts a team's server on this machine, with a token for each of the two. docs/team.md has the real set-up.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.resources import files
from pathlib import Path

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from examples.talking import Assistant, says

TITLE = "Garden & Table, autumn"
RIGHTS = {"anna": "read,write", "ben": "read"}
PROGRAM = [sys.executable, "-m", "flipsnack_mcp"]


async def conversation(anna: Assistant, ben: Assistant) -> None:
    """The server reads nobody's disk: a document goes to an address that is good for it alone."""
    says("(Anna) I want to put our new catalogue online.")
    asked = await anna.call("create_collection", title=TITLE)
    await send_document(asked["upload_address"])
    draft = await anna.call("get_upload", upload_id=asked["upload_id"], wait_seconds=45)
    assert (draft["state"], draft["status"]) == ("complete", "editable")
    final = await anna.call("update_collection", collection_hash=draft["collection_hash"], status="unlisted")

    says("(Ben) Is it there? Take it down, please.")
    seen = await ben.call("get_collection", collection_hash=final["collection_hash"], wait_seconds=0)
    assert (seen["title"], seen["status"]) == (TITLE, "unlisted")
    tools = {one.name for one in (await ben.client.list_tools()).tools}
    assert "get_collection_stats" in tools
    assert not {"update_collection", "create_collection", "delete_collection"} & tools


async def send_document(address: str) -> None:
    """What `curl -T` does, or a browser that is shown the address."""
    document = (files("flipsnack_mcp.commands") / "catalogue.pdf").read_bytes()
    async with httpx2.AsyncClient() as http:
        (await http.put(address, content=document)).raise_for_status()


@asynccontextmanager
async def assistant_of(server: str, token: str) -> AsyncIterator[Assistant]:
    """A client that says who it is by a token, as VS Code, Claude Code and Codex do."""
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60) as http,
        Client(streamable_http_client(f"{server}/mcp", http_client=http)) as client,
    ):
        yield Assistant(client)


async def play_over_http(server: str, tokens: dict[str, str]) -> None:
    """Both of them at one server."""
    async with assistant_of(server, tokens["anna"]) as anna, assistant_of(server, tokens["ben"]) as ben:
        await conversation(anna, ben)


def new_token(name: str, file: Path) -> str:
    """Make one, as whoever runs the server does: it is printed once."""
    command = [*PROGRAM, "token", "add", name, "--may", RIGHTS[name]]
    made = subprocess.run(command, env=settings_for(file), check=True, capture_output=True, text=True)
    return made.stdout.strip()


def settings_for(file: Path) -> dict[str, str]:
    """The settings of whoever runs the server."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("FLIPSNACK_")}
    return {**own, "FLIPSNACK_SANDBOX": "1", "FLIPSNACK_TOKENS": str(file), "FLIPSNACK_DRAIN_SECONDS": "0"}


@contextmanager
def running_server(file: Path) -> Iterator[str]:
    """A team's server on a port that is free."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host, port = free.getsockname()
    command = [*PROGRAM, "serve", "--http", f"{host}:{port}"]
    with subprocess.Popen(command, env=settings_for(file), stderr=subprocess.DEVNULL) as process:
        try:
            wait_until_ready(f"http://{host}:{port}")
            yield f"http://{host}:{port}"
        finally:
            process.terminate()


def wait_until_ready(server: str) -> None:
    """Ask as a balancer does."""
    with httpx2.Client() as http:
        while True:
            try:
                if http.get(f"{server}/ready").is_success:
                    return
            except httpx2.ConnectError:  # it has not begun to listen
                time.sleep(0.1)


def main() -> None:
    """Make the tokens, start the server, let the two work."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tokens.json"
        tokens = {name: new_token(name, file) for name in RIGHTS}
        with running_server(file) as server:
            anyio.run(play_over_http, server, tokens)


if __name__ == "__main__":
    main()
