"""How a client starts the server: from a folder with its source until it is published, then by its name and version."""

from __future__ import annotations

from dataclasses import dataclass

from flipsnack_mcp.published import PUBLISHED
from forms.project import NAME, VERSION


@dataclass(frozen=True)
class Start:
    """A command and its arguments."""

    command: str
    args: tuple[str, ...]

    def entry(self) -> dict[str, object]:
        """As most clients write it."""
        return {"command": self.command, "args": list(self.args)}


FROM_INDEX = Start("uvx", (f"{NAME}=={VERSION}",))
"""Pinned: a program that may delete is not exchanged for another one overnight."""


def from_folder(folder: str) -> Start:
    """Built from its source, which has to be in that folder."""
    return Start("uvx", ("--from", folder, NAME))


def start(folder: str, *, published: bool = PUBLISHED) -> Start:
    """How it is started today by who has that folder. Nobody is told to run a name that is not ours yet."""
    return FROM_INDEX if published else from_folder(folder)
