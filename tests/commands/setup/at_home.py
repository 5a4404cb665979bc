"""A person's home folder, in which a client is set up, and what lies in it afterwards."""

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flipsnack_mcp.clients import CLIENTS, ENTRY, Computer, in_folder
from tests.commands.at_a_terminal import Terminal
from tests.commands.processes import KEY, SECRET, Ended


@dataclass(frozen=True)
class Home:
    """The folder, and the program run in it."""

    folder: Path
    here: Callable[..., Ended]
    patch: pytest.MonkeyPatch

    def run(self, *words: str, stdin: io.StringIO | None = None, **environment: str) -> Ended:
        """Run a command; nothing comes on stdin unless it is given."""
        self.patch.setattr(sys, "stdin", stdin or io.StringIO())
        return self.here(*words, **{**self.environment, **environment})

    def typed(self, *lines: str) -> Terminal:
        """A terminal at which these lines are typed, also where they are not shown."""
        terminal = Terminal("".join(f"{one}\n" for one in lines))
        self.patch.setattr("getpass.getpass", lambda _: terminal.readline().rstrip("\n"))
        return terminal

    @property
    def environment(self) -> dict[str, str]:
        """The variables that name the folder, and a path without any client's command."""
        places = {"XDG_STATE_HOME": "state", "XDG_CONFIG_HOME": ".config", "PATH": "bin"}
        none = {"FLIPSNACK_DOWNLOAD_DIR": ""}  # which all commands here have otherwise
        return {"HOME": str(self.folder), **none, **{name: str(self.folder / one) for name, one in places.items()}}

    def file(self, client: str) -> Path:
        """Where a client keeps its configuration."""
        computer = Computer("linux", self.folder, self.environment, in_folder)
        return self.folder / CLIENTS[client].files(computer)[0]

    def write(self, client: str, content: bytes) -> Path:
        """Give a client a configuration."""
        path = self.file(client)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def entry(self, client: str) -> Any:
        """What it says of this server, in JSON."""
        return json.loads(self.file(client).read_bytes())[CLIENTS[client].table][ENTRY]

    def key_files(self) -> dict[str, str]:
        """Key and secret in files for their owner, by the options that name them."""
        named = dict[str, str]()
        for option, text in (("--api-key-file", KEY), ("--api-secret-file", SECRET)):
            path = self.folder / option.removeprefix("--api-")
            path.write_text(text)
            path.chmod(0o600)
            named[option] = str(path)
        return named

    @property
    def everything(self) -> dict[str, bytes]:
        """All files below it."""
        return {
            str(one.relative_to(self.folder)): one.read_bytes()
            for one in sorted(self.folder.rglob("*"))
            if one.is_file() and not one.is_symlink()
        }
