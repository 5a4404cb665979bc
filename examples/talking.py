"""What the conversations of this folder share: a server on the sandbox, a person, and calls that are shown.

A conversation is a function: it makes the calls that an assistant makes, and asserts what becomes of the account. In the
project's folder `python -m examples.NAME` plays one with a server of its own over stdio; nothing else has to be set up.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult, ElicitResult, TextContent

DOCUMENT = "autumn.pdf"
TO_READ = 1.0
"""Seconds a person needs for a form at the least: a faster answer counts as nobody's."""


@dataclass
class Person:
    """Whoever the forms are for: types this into each of them, or closes it where that is nothing."""

    types: str = ""
    forms: list[str] = field(default_factory=list[str])

    async def __call__(self, context: Any, params: Any) -> ElicitResult:  # noqa: ARG002  # the SDK's signature
        """Read a form and answer it."""
        self.forms.append(params.message)
        print(f"  form: {params.message}\n  the person {f'types {self.types!r}' if self.types else 'closes it'}")
        await anyio.sleep(TO_READ)
        typed = {"title": self.types}
        return ElicitResult(action="accept", content=typed) if self.types else ElicitResult(action="cancel")


class Assistant:
    """An MCP client, and the person who sits before it."""

    def __init__(self, client: Client, person: Person | None = None) -> None:
        self.client, self.person = client, person or Person()

    async def call(self, tool: str, /, **arguments: Any) -> dict[str, Any]:
        """A call that has to succeed, and its data."""
        result = await self._called(tool, arguments)
        assert not result.is_error, text_of(result)
        return dict(result.structured_content or {})

    async def refused(self, tool: str, /, **arguments: Any) -> str:
        """A call that has to be refused, and why it is."""
        result = await self._called(tool, arguments)
        assert result.is_error, text_of(result)
        return text_of(result)

    async def until_done(self, tool: str, /, **arguments: Any) -> dict[str, Any]:
        """The same call again and again, until long work is over."""
        while (told := await self.call(tool, **arguments))["state"] == "running":
            pass  # each call waits for a while
        return told

    async def _called(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        print(f"  {tool}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})")
        result = await self.client.call_tool(tool, arguments)
        print("\n".join(f"    {line}" for line in text_of(result).splitlines()[:12]))
        return result


Conversation = Callable[[Assistant], Awaitable[None]]


def text_of(result: CallToolResult) -> str:
    """What a model reads."""
    return "\n".join(one.text for one in result.content if isinstance(one, TextContent))


def says(sentence: str) -> None:
    """What the person wants."""
    print(f"\nYou: {sentence}")


def settings_in(folder: Path) -> dict[str, str]:
    """The settings of a server that may upload one PDF, which lies in this folder, and may save into it."""
    uploads = folder / "uploads"
    uploads.mkdir()
    with as_file(files("flipsnack_mcp.commands") / "catalogue.pdf") as catalogue:
        shutil.copy(catalogue, uploads / DOCUMENT)
    folders = {"FLIPSNACK_UPLOAD_DIRS": str(uploads), "FLIPSNACK_DOWNLOAD_DIR": str(folder / "downloads")}
    return {"FLIPSNACK_SANDBOX": "1", **folders}


def play(conversation: Conversation) -> None:
    """Play it with a real server, and leave nothing behind."""
    with tempfile.TemporaryDirectory() as folder:
        anyio.run(play_over_stdio, conversation, settings_in(Path(folder)))


async def play_over_stdio(conversation: Conversation, settings: dict[str, str]) -> None:
    """Start the server as clients start it."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("FLIPSNACK_")}
    server = StdioServerParameters(command=sys.executable, args=["-m", "flipsnack_mcp"], env={**own, **settings})
    person = Person()
    async with Client(server, elicitation_callback=person) as client:
        await conversation(Assistant(client, person))
