"""The parts of `docs/install.md` that are written from the code: what works today, and what is said of the other way."""

from __future__ import annotations

import json

from flipsnack_mcp.published import PUBLISHED
from forms.blocks import CLIENTS, POSIX, WINDOWS, Client, Place, badges
from forms.project import NAME, VERSION
from forms.start import FROM_INDEX, Start, from_folder

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
    return "\n\n".join(map(section, CLIENTS))


def section(client: Client) -> str:
    """A client with its block, and the lines that are others on Windows."""
    return f"### {client.name}\n\n{client.where}\n\n{fenced(client.language, client.block(POSIX))}\n\n{windows(client)}"


def windows(client: Client) -> str:
    where = f" the file is `{client.on_windows}`" if client.on_windows else ""
    if not (lines := client.windows_lines()):
        return f"On Windows{where or ' it is the same'}."
    differ = "this line is" if len(lines) == 1 else "these lines are"
    return f"On Windows{where}{', and' if where else ''} {differ}:\n\n{fenced('text', chr(10).join(lines))}"


def fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def other_way(*, published: bool = PUBLISHED) -> str:
    """How each block differs for who starts it the other way."""
    begun = from_folder(POSIX.source) if published else FROM_INDEX
    return "\n".join((
        "| where | instead |",
        "|---|---|",
        f'| JSON | `"args": {json.dumps(list(begun.args))}` |',
        f"| TOML | `args = {json.dumps(list(begun.args))}` |",
        f"| a terminal | `{begun.command} {' '.join(begun.args)}` |",
    ))  # fmt: skip


def without_uv() -> str:
    """The command of the environment that the README makes; it takes no arguments."""
    return "\n".join((
        "| system | command |",
        "|---|---|",
        f"| macOS, Linux | `{installed(POSIX).command}` |",
        f"| Windows | `{installed(WINDOWS).command}` |",
    ))  # fmt: skip


def installed(place: Place) -> Start:
    """In the environment that lies in the folder of the source."""
    inside = r"\.venv\Scripts\flipsnack-mcp.exe" if place is WINDOWS else "/.venv/bin/flipsnack-mcp"
    return Start(place.source + inside, ())


def parts() -> dict[str, str]:
    """By the names of their places in the page."""
    return {
        "published": status(),
        "blocks": blocks(),
        "other way": other_way(),
        "without uv": without_uv(),
        "badges": badges(),
    }
