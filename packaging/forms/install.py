"""The parts of `docs/install.md` that are written from the code: what works today, and what is said of the other way."""

from __future__ import annotations

import json

from flipsnack_mcp.clients import Start
from flipsnack_mcp.published import PUBLISHED
from forms.blocks import BLOCKS, LINUX, MAC, WINDOWS, Block, Place, badges
from forms.project import NAME, VERSION
from forms.start import FROM_INDEX, from_folder, start

PAGE = "docs/install.md"
YET = (
    f"**It is not published yet.** The name `{NAME}` is not ours on the package index, so whatever may be found under it was "
    "made by others: start it from a checkout, as below. What is written for the package counts from its release on."
)
PUBLISHED_AS = (
    f"It is published as `{NAME}` {VERSION}, and pinned: a program that may delete is updated when you say so."
)


def status(*, published: bool = PUBLISHED) -> str:
    return PUBLISHED_AS if published else YET


def blocks() -> str:
    return "\n\n".join(map(section, BLOCKS))


def section(block: Block) -> str:
    """A client with its block, and the lines that are others on Windows."""
    said = f"{where(block)} {block.more}"
    return f"### {block.title}\n\n{said}\n\n{fenced(block.language, block.text(MAC))}\n\n{windows(block)}"


def where(block: Block) -> str:
    """Where the block goes on macOS and Linux."""
    if block.in_a_terminal:
        return "In a terminal."
    here, there = block.file(MAC), block.file(LINUX)
    return f"`{here}`{'' if here == there else f', on Linux `{there}`'}."


def windows(block: Block) -> str:
    file = "" if block.in_a_terminal else f" the file is `{block.file(WINDOWS)}`"
    if not (lines := block.windows_lines()):
        return f"On Windows{file or ' it is the same'}."
    differ = "this line is" if len(lines) == 1 else "these lines are"
    return f"On Windows{file}{', and' if file else ''} {differ}:\n\n{fenced('text', chr(10).join(lines))}"


def fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def other_way(*, published: bool = PUBLISHED) -> str:
    """How each block differs for who starts it the other way."""
    begun = from_folder(MAC.source) if published else FROM_INDEX
    return "\n".join((
        "| where | instead |",
        "|---|---|",
        f'| JSON | `"args": {json.dumps(list(begun.arguments))}` |',
        f"| TOML | `args = {json.dumps(list(begun.arguments))}` |",
        f"| a terminal | `{begun.command} {' '.join(begun.arguments)}` |",
    ))  # fmt: skip


def first_start() -> str:
    """What lets uv get the libraries."""
    here, there = (start(place.source) for place in (MAC, WINDOWS))
    return on_two_systems(
        "in a terminal", *(" ".join((one.command, *one.arguments, "--version")) for one in (here, there))
    )


def without_uv() -> str:
    """The command of the environment that the README makes; it takes no arguments."""
    return on_two_systems("command", *(installed(place).command for place in (MAC, WINDOWS)))


def on_two_systems(heading: str, here: str, there: str) -> str:
    return f"| system | {heading} |\n|---|---|\n| macOS, Linux | `{here}` |\n| Windows | `{there}` |"


def installed(place: Place) -> Start:
    """In the environment that lies in the folder of the source."""
    inside = r"\.venv\Scripts\flipsnack-mcp.exe" if place is WINDOWS else "/.venv/bin/flipsnack-mcp"
    return Start(place.source + inside, ())


def parts() -> dict[str, str]:
    """By the names of their places in the page."""
    return {
        "published": status(),
        "first start": first_start(),
        "blocks": blocks(),
        "other way": other_way(),
        "without uv": without_uv(),
        "badges": badges(),
    }
