"""A client's own command that adds an entry: believed only as far as its file then says what was wanted, and nothing less."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flipsnack_mcp.clients import ENTRY, Client, Start
from flipsnack_mcp.commands.setup.editing.change import Configuration, beside_the_entry
from flipsnack_mcp.commands.setup.editing.jsonc import NotUnderstood

PATIENCE_WITH_COMMAND = 60
READ_BY_A_SHELL = frozenset({".cmd", ".bat"})
"""On Windows such a file hands its words to a shell, which reads them anew: nothing of a person's is given to it."""


def own_command(configuration: Configuration, start: Start) -> list[str]:
    """The client's command that adds the entry; none where it is not here, or might lose or misread something.

    Clients that write JSON anew drop comments: https://github.com/microsoft/vscode/issues/281583. VS Code's command has
    no counterpart that takes an entry out and writes later, in another process; Codex' own cannot say how long to wait.
    """
    client = configuration.client
    if client.adding is None or not configuration.is_plain or configuration.entry is not None:
        return []
    words = [*client.adding(start)]
    found = shutil.which(words[0])
    if not found or not os.path.isabs(found) or Path(found).suffix.lower() in READ_BY_A_SHELL:  # noqa: PTH117  # a text
        return []
    misread = "--" not in words and any(one.startswith("-") for one in start.arguments)
    return [] if misread else [found, *words[1:]]


def has_added(words: list[str], configuration: Configuration, path: Path, start: Start) -> bool:
    """Let the client add the entry; whether its file says so now, and still says all else."""
    before = configuration.told
    try:
        subprocess.run(  # noqa: S603  # words of ours, without a shell
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_WITH_COMMAND, check=False
        )
        text = path.read_bytes().decode()
        told = configuration.syntax.read(text)
    except (OSError, ValueError, subprocess.SubprocessError, NotUnderstood):
        return False
    return says_entry(told, configuration.client, start) and keeps_the_rest(before, told, configuration.client.table)


def says_entry(told: Mapping[str, Any], client: Client, start: Start) -> bool:
    """Whether the entry starts what was wanted, whatever else the client wrote beside that."""
    servers = told.get(client.table)
    entry = servers.get(ENTRY) if isinstance(servers, dict) else None
    # What a client adds of its own, or leaves out where it is empty, is its own affair.
    return isinstance(entry, dict) and all(entry.get(name, []) == one for name, one in client.entry(start).items())


def keeps_the_rest(before: Mapping[str, Any], after: Mapping[str, Any], table: str) -> bool:
    """Whether all other servers stand there as they did, and no other name is gone."""
    old, new = beside_the_entry(before, table), beside_the_entry(after, table)
    return old.get(table) == new.get(table) and old.keys() <= new.keys()
