"""A client of a server in this process, on the sandbox and a virtual clock: for whatever plays a whole conversation."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp import Client

from flipsnack_mcp.sandbox import Sandbox
from flipsnack_mcp.settings import read_settings
from tests.server.bench import KEY, SECRET, Bench, Given, LoopClock, Witness
from tests.virtual_clock import VirtualLoop

ON_A_VIRTUAL_CLOCK = {"loop_factory": VirtualLoop}
"""For `anyio.run`."""


@asynccontextmanager
async def client_here(environment: Mapping[str, str], folder: Path, person: Any) -> AsyncIterator[tuple[Client, Bench]]:
    """The client, and what the server of these folders stands on."""
    clock, given = LoopClock(), read_settings(environment)
    bench = Bench(Sandbox(api_key=KEY, api_secret=SECRET, clock=clock), clock, Witness(), "auto", folder)
    folders: Given = {"upload_dirs": given.upload_dirs, "download_dir": given.download_dir}
    server = bench.server(sandbox=given.sandbox, toolsets=given.toolsets, **folders)
    async with Client(server, elicitation_callback=person) as client:
        yield client, bench
