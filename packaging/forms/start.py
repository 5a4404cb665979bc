"""How a client starts the server: from a folder with its source until it is published, then by its name and version."""

from __future__ import annotations

from flipsnack_mcp.clients import Start
from flipsnack_mcp.commands.setup.starting import from_the_index
from flipsnack_mcp.published import PUBLISHED
from forms.project import NAME

FROM_INDEX = Start("uvx", from_the_index(""))


def from_folder(folder: str) -> Start:
    """Built from its source, which has to be in that folder."""
    return Start("uvx", ("--from", folder, NAME))


def start(folder: str, *, published: bool = PUBLISHED) -> Start:
    """How it is started today by who has that folder. Nobody is told to run a name that is not ours yet."""
    return FROM_INDEX if published else from_folder(folder)


def entry(begun: Start) -> dict[str, object]:
    """As most clients write it."""
    return {"command": begun.command, "args": list(begun.arguments)}
