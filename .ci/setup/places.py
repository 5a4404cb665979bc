"""Where each client keeps its configuration on three systems, as JSON: for `schemas.mjs`."""

import json
from pathlib import PurePosixPath, PureWindowsPath

from flipsnack_mcp.clients import CLIENTS, Computer

ROAMING = r"C:\Roaming"
WINDOWS = Computer("win32", PureWindowsPath(r"C:\Home"), {"APPDATA": ROAMING}, lambda _: ())
COMPUTERS = (*(Computer(one, PurePosixPath("/HOME"), {}, lambda _: ()) for one in ("darwin", "linux")), WINDOWS)
NAMED = {"/HOME": "$HOME", ROAMING: "%APPDATA%", r"C:\Home": "%USERPROFILE%"}


def place(client: str, computer: Computer) -> str:
    """Its first place, with variables for the folders of a person."""
    text = str(CLIENTS[client].files(computer)[0])
    folder = next(one for one in NAMED if text.startswith(one))
    return NAMED[folder] + text.removeprefix(folder)


print(json.dumps({client: {one.system: place(client, one) for one in COMPUTERS} for client in CLIENTS}))
