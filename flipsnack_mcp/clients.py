"""The clients that this server can be set up in: where each keeps its configuration on three systems, and how an entry looks there.

Pure rules over what they are told of a computer. Sources: the clients' own documentation, and for the packaged Claude
Desktop on Windows https://github.com/anthropics/claude-code/issues/26073.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

ENTRY = "flipsnack"
"""What the entry is called in every client, also by which people's settings name our tools."""
CODEX_PATIENCE = 60
"""Seconds that Codex waits for a server to start. Its own ten are too few for a first start."""


@dataclass(frozen=True)
class Computer:
    """What decides where a client looks."""

    system: str
    """As `sys.platform` names it."""
    home: PurePath
    environment: Mapping[str, str]
    listed: Callable[[PurePath], Sequence[PurePath]]
    """What lies in a folder, in order; nothing where there is none."""

    def folder(self, variable: str, *otherwise: str) -> PurePath:
        """The folder that a variable names by its whole path, else one below the home folder."""
        named = type(self.home)(self.environment.get(variable, ""))
        return named if named.is_absolute() else self.home.joinpath(*otherwise)

    @property
    def applications(self) -> PurePath:
        """Where programs with windows keep what they were told."""
        if self.system == "darwin":
            return self.home / "Library" / "Application Support"
        if self.system == "win32":
            return self.folder("APPDATA", "AppData", "Roaming")
        return self.folder("XDG_CONFIG_HOME", ".config")


@dataclass(frozen=True)
class Start:
    """How a client starts this server."""

    command: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Client:
    """A client, and what is particular about it."""

    title: str
    files: Callable[[Computer], Sequence[PurePath]]
    """Where it may keep its configuration, the likeliest first."""
    table: str
    """What its servers stand under."""
    restart: str
    """What the person does then."""
    first: Mapping[str, object] = field(default_factory=dict[str, object])
    """What stands at the beginning of an entry."""
    last: Mapping[str, object] = field(default_factory=dict[str, object])
    """What stands at its end."""
    takes_comments: bool = False
    """Whether it reads JSON with comments and trailing commas."""
    adding: Callable[[Start], Sequence[str]] | None = None
    """Its own command that adds an entry, where it has one that can say all of it."""
    keeps_memory_there: bool = False
    """Whether it writes what it remembers into the same file, at each start, in its own manner."""

    def entry(self, start: Start) -> dict[str, object]:
        """What stands in its configuration."""
        said = {"command": start.command, "args": [*start.arguments]}
        told = {"env": {**start.environment}} if start.environment else {}
        return {**self.first, **said, **told, **self.last}


def files_of_claude_desktop(computer: Computer) -> list[PurePath]:
    """Windows keeps what a packaged program writes in a folder of that package, and nobody else's file is read."""
    usual = computer.applications / "Claude"
    packages = computer.folder("LOCALAPPDATA", "AppData", "Local") / "Packages"
    listed = computer.listed(packages) if computer.system == "win32" else ()
    packaged = [one / "LocalCache" / "Roaming" / "Claude" for one in listed if one.name.startswith("Claude_")]
    return [one / "claude_desktop_config.json" for one in packaged or [usual]]


def in_the_home(*parts: str, variable: str = "", below: str = "") -> Callable[[Computer], list[PurePath]]:
    """A file below the home folder, or where a variable says."""
    return lambda computer: [computer.folder(variable, *([below] if below else ())).joinpath(*parts)]


def add_to_claude_code(start: Start) -> list[str]:
    """The name comes first: its option for the environment takes all words that follow."""
    given = [word for name, value in start.environment.items() for word in ("-e", f"{name}={value}")]
    return ["claude", "mcp", "add", ENTRY, "--scope", "user", *given, "--", start.command, *start.arguments]


def add_to_gemini(start: Start) -> list[str]:
    """Its option for the environment takes one word each."""
    given = [word for name, value in start.environment.items() for word in ("-e", f"{name}={value}")]
    return ["gemini", "mcp", "add", "--scope", "user", *given, ENTRY, start.command, *start.arguments]


CLIENTS: Mapping[str, Client] = {
    "claude-desktop": Client("Claude Desktop", files_of_claude_desktop, "mcpServers", "Quit Claude Desktop and open it again"),
    "claude-code": Client(
        "Claude Code",
        in_the_home(".claude.json", variable="CLAUDE_CONFIG_DIR"),
        "mcpServers",
        "Begin a new session of Claude Code; `claude mcp list` shows whether it is connected",
        first={"type": "stdio"},
        adding=add_to_claude_code,
        keeps_memory_there=True,
    ),
    "vscode": Client(
        "VS Code",
        lambda computer: [computer.applications / "Code" / "User" / "mcp.json"],
        "servers",
        "In VS Code run `MCP: List Servers`, choose flipsnack, and start it. Named profiles have files of their own",
        first={"type": "stdio"},
        takes_comments=True,
    ),
    "cursor": Client(
        "Cursor",
        in_the_home("mcp.json", below=".cursor"),
        "mcpServers",
        "Start Cursor again; its settings show the server under MCP",
        first={"type": "stdio"},
        takes_comments=True,
    ),
    "codex": Client(
        "Codex",
        in_the_home("config.toml", variable="CODEX_HOME", below=".codex"),
        "mcp_servers",
        "Begin a new session of Codex; `codex mcp list` shows it",
        last={"startup_timeout_sec": CODEX_PATIENCE},
    ),
    "gemini": Client(
        "Gemini CLI",
        in_the_home("settings.json", below=".gemini"),
        "mcpServers",
        "Start Gemini CLI again, in a folder that it trusts; `/mcp` shows whether it is connected",
        takes_comments=True,
        adding=add_to_gemini,
    ),
}  # fmt: skip


def this_computer() -> Computer:
    """The one this runs on."""
    return Computer(sys.platform, Path(os.path.expanduser("~")), os.environ, in_folder)  # noqa: PTH111  # that of Path can raise


def in_folder(folder: PurePath) -> list[PurePath]:
    """What lies in a folder, in order; nothing where it cannot be read."""
    try:
        return sorted(Path(folder).iterdir())
    except OSError:
        return []
