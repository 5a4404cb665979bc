"""The conversation that the README shows is what the demo prints: `UPDATE_SNAPSHOTS=1` writes it anew.

The same test plays the whole demo, on a virtual clock; with a process over stdio `.ci/run` plays it.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from flipsnack_mcp.commands import demo
from tests.server.in_this_process import ON_A_VIRTUAL_CLOCK, client_here

README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"(<!-- transcript: [^>]*-->\n).*?(<!-- end of transcript -->)", re.DOTALL)
SHOWN = ("Put autumn.pdf online", "Publish it", "Give me the code", "Delete it again")
"""How the parts begin that the README shows."""
DRAWN = re.compile(r"(?<=upload_id: )\w+")


def test_the_conversation_in_the_readme_is_the_demos(quick_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    anyio.run(demo_played, quick_folder, backend_options=ON_A_VIRTUAL_CLOCK)
    told = "\n>\n".join(as_quoted(capsys.readouterr().out))
    text = README.read_text(encoding="utf-8")
    fresh = BLOCK.sub(lambda found: f"{found[1]}{told}\n{found[2]}", text)
    if os.environ.get("UPDATE_SNAPSHOTS"):
        README.write_text(fresh, encoding="utf-8")
    assert told
    assert README.read_text(encoding="utf-8") == fresh


async def demo_played(folder: Path) -> None:
    """All steps of the demo, each of which checks itself."""
    uploads, person = folder / "uploads", demo.Person()
    uploads.mkdir()
    await anyio.Path(uploads / "autumn.pdf").write_bytes(demo.example_catalogue())
    async with client_here(demo.environment(uploads, folder / "downloads"), folder, person.asked) as (client, _):
        await demo.Session(client, person).play("autumn.pdf")


def as_quoted(printed: str) -> Iterator[str]:
    """The parts that are shown, each a quotation: what the person says, then calls and answers as they were printed."""
    for part in printed.split("\n== You: ")[1:]:
        said, *lines = DRAWN.sub("wzxglara", part.strip("\n")).splitlines()
        if said.startswith(SHOWN):
            plain = [line.removeprefix("   ") for line in lines]
            yield "\n".join(["> **You:** " + said, ">", "> ```", *(f"> {line}" for line in plain), "> ```"])
