"""A client's own command that adds an entry: believed only as far as its file then says what was wanted, and nothing less."""

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

from flipsnack_mcp.clients import Start
from flipsnack_mcp.commands.setup.editing.change import Configuration
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
    if client.adding is None or not configuration.is_plain or configuration.has_entry:
        return []
    words = [*client.adding(start)]
    found = shutil.which(words[0])
    if not found or not os.path.isabs(found) or Path(found).suffix.lower() in READ_BY_A_SHELL:  # noqa: PTH117  # a text
        return []
    misread = "--" not in words and any(one.startswith("-") for one in start.arguments)
    return [] if misread else [found, *words[1:]]


def has_added(words: list[str], before: Configuration, path: Path, start: Start) -> bool:
    """Let the client add the entry; whether its file says so now, and all else stands there as it did."""
    try:
        subprocess.run(  # noqa: S603  # words of ours, without a shell
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_WITH_COMMAND, check=False
        )
        after = replace(before, text=path.read_bytes().decode())
        return says_entry(after, start) and keeps_the_rest(before, after)
    except (OSError, ValueError, subprocess.SubprocessError, NotUnderstood):
        return False


def says_entry(after: Configuration, start: Start) -> bool:
    """Whether the entry starts what was wanted, whatever else the client wrote beside that."""
    entry, wanted = after.entry, after.client.entry(start)
    # What a client adds of its own, or leaves out where it is empty, is its own affair.
    return isinstance(entry, dict) and all(entry.get(name, []) == one for name, one in wanted.items())


def keeps_the_rest(before: Configuration, after: Configuration) -> bool:
    """Whether every other byte is as it was; of a client's own memory, whether it lost no name and no other server."""
    if not before.client.keeps_memory_there:
        return after.without_entry([before.client.table], None) == before.text
    old, new, table = before.rest, after.rest, before.client.table
    return old.get(table) == new.get(table) and old.keys() <= new.keys()
