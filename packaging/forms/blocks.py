"""What a person pastes into the file of a client, and the badges that do it with a click."""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from flipsnack_mcp.reading import CREDENTIALS
from flipsnack_mcp.settings import Variable
from forms.fields import ASKED, key, sentence
from forms.plugins import STARTS_WITHIN
from forms.project import NAME, SERVER, TITLE
from forms.start import FROM_INDEX, Start, start

UPLOADS = "FLIPSNACK_UPLOAD_DIRS"
Form = dict[str, object]


WORDS = re.compile(r"\[\n +((?:\"(?:[^\"\\]|\\.)*\"(?:,\n +)?)+)\n +\]")
"""A list of texts, as JSON is written with indentation."""
LINES_APART = re.compile(r",\n +")


@dataclass(frozen=True)
class Place:
    """Folders of a person on one system."""

    source: str
    uploads: str


POSIX = Place("/path/to/flipsnack-mcp", "/Users/you/flipbooks")
WINDOWS = Place(r"C:\path\to\flipsnack-mcp", r"C:\Users\you\flipbooks")


@dataclass(frozen=True)
class Client:
    """A client that is told by a file or a command."""

    name: str
    where: str
    language: str
    write: Callable[[Start, str], str]
    on_windows: str = ""
    """Where its file lies there, if it is somewhere else."""

    def block(self, place: Place) -> str:
        return self.write(start(place.source), place.uploads)

    def windows_lines(self) -> list[str]:
        """The lines that are others on Windows."""
        here = self.block(POSIX).splitlines()
        return [line for line in self.block(WINDOWS).splitlines() if line not in here]


def as_text(form: Form) -> str:
    """With short lists on one line, as a person writes them."""
    return WORDS.sub(lambda found: f"[{re.sub(LINES_APART, ', ', found[1])}]", json.dumps(form, indent=2))


def with_values(begun: Start, uploads: str) -> str:
    of_key, of_secret = CREDENTIALS
    entry = begun.entry() | {"env": {of_key: "your key", of_secret: "your secret", UPLOADS: uploads}}
    return as_text({"mcpServers": {SERVER: entry}})


def claude_code(begun: Start, uploads: str) -> str:
    """The name comes first: `-e` takes every word that follows it up to the next option."""
    given = "".join(
        f' -e {name}="{value}"' for name, value in zip(CREDENTIALS, ("your key", "your secret"), strict=True)
    )
    words = " ".join(f'"{one}"' if "\\" in one else shlex.quote(one) for one in (begun.command, *begun.args))
    return f'claude mcp add {SERVER} --scope user{given} -e {UPLOADS}="{uploads}" -- {words}'


ASKED_IN_VS_CODE = tuple(one for one in ASKED if one.name in {*CREDENTIALS, UPLOADS})
SOURCE: Form = {
    "type": "promptString",
    "id": "flipsnack-source",
    "description": f"Folder with the source of {NAME}, its whole path.",
}


def vs_code_input(variable: Variable) -> Form:
    hidden = {"password": True} if variable.secret else {}
    return {"type": "promptString", "id": input_id(variable), "description": sentence(variable.meaning), **hidden}


def input_id(variable: Variable) -> str:
    return f"{SERVER}-{key(variable).replace('_', '-')}"


def vs_code_server(begun: Start) -> Form:
    env = {one.name: f"${{input:{input_id(one)}}}" for one in ASKED_IN_VS_CODE}
    return {"type": "stdio", **begun.entry(), "env": env}


def vs_code(begun: Start, _uploads: str) -> str:
    return as_text({"inputs": [*map(vs_code_input, ASKED_IN_VS_CODE)], "servers": {SERVER: vs_code_server(begun)}})


def cursor_server(begun: Start, uploads: str) -> Form:
    return begun.entry() | {"env": {**{one: f"${{env:{one}}}" for one in CREDENTIALS}, UPLOADS: uploads}}


def cursor(begun: Start, uploads: str) -> str:
    return as_text({"mcpServers": {SERVER: cursor_server(begun, uploads)}})


def codex(begun: Start, uploads: str) -> str:
    """Texts of JSON are texts of TOML."""
    return "\n".join((
        f"[mcp_servers.{SERVER}]",
        f"command = {json.dumps(begun.command)}",
        f"args = {json.dumps(list(begun.args))}",
        f"env_vars = {json.dumps(list(CREDENTIALS))}",
        f"startup_timeout_sec = {STARTS_WITHIN}",
        "",
        f"[mcp_servers.{SERVER}.env]",
        f"{UPLOADS} = {json.dumps(uploads)}",
    ))  # fmt: skip


def gemini(begun: Start, uploads: str) -> str:
    entry = begun.entry() | {"env": {**{one: f"${one}" for one in CREDENTIALS}, UPLOADS: uploads}}
    return as_text({"mcpServers": {SERVER: entry}})


CLIENTS = (
    Client(
        "Claude Desktop",
        "Settings, Developer, Edit Config opens `~/Library/Application Support/Claude/claude_desktop_config.json`. It does "
        "not know your shell's `PATH`: if it does not find `uvx`, write the whole path, which `which uvx` prints (`where "
        "uvx` on Windows).",
        "json",
        with_values,
        r"%APPDATA%\Claude\claude_desktop_config.json",
    ),
    Client("Claude Code", "In a terminal.", "sh", claude_code),
    Client(
        "VS Code",
        "`.vscode/mcp.json`, or the command *MCP: Open User Configuration*. It asks for the values once and keeps key and "
        "secret in the system's key store. Sessions that run in the Copilot harness leave out servers that ask: write the "
        "values there.",
        "json",
        vs_code,
    ),
    Client(
        "Cursor",
        "`~/.cursor/mcp.json`; `${env:...}` takes the value from your environment.",
        "json",
        cursor,
        r"%USERPROFILE%\.cursor\mcp.json",
    ),
    Client(
        "Codex",
        "`~/.codex/config.toml`; key and secret come from your environment. It gives up after ten seconds unless told "
        "otherwise, and a first start takes longer.",
        "toml",
        codex,
        r"%USERPROFILE%\.codex\config.toml",
    ),
    Client(
        "Gemini CLI",
        "`~/.gemini/settings.json`; `$NAME` takes the value from your environment.",
        "json",
        gemini,
        r"%USERPROFILE%\.gemini\settings.json",
    ),
)

IN_HOME = "${userHome}/flipsnack-mcp"
"""Where Cursor's badge looks for the source: it can ask nobody."""
FLIPBOOKS = "${userHome}/flipbooks"


def vs_code_link() -> str:
    """Its page hands the configuration to VS Code, which asks for the values."""
    begun = start(f"${{input:{SOURCE['id']}}}")
    inputs = [*map(vs_code_input, ASKED_IN_VS_CODE), *([] if begun == FROM_INDEX else [SOURCE])]
    packed = {"inputs": inputs, "config": vs_code_server(begun)}
    asked = "&".join(f"{name}={quote(json.dumps(one), safe='')}" for name, one in packed.items())
    return f"https://insiders.vscode.dev/redirect/mcp/install?name={SERVER}&{asked}"


def cursor_link() -> str:
    packed = base64.b64encode(json.dumps(cursor_server(start(IN_HOME), FLIPBOOKS)).encode()).decode()
    return f"https://cursor.com/en/install-mcp?name={SERVER}&config={quote(packed, safe='')}"


def badges() -> str:
    """One for each client that has links; none holds a key."""
    drawn = (("VS_Code", "0098FF", vs_code_link()), ("Cursor", "000000", cursor_link()))
    return "\n".join(
        f"[![{TITLE} in {name.replace('_', ' ')}](https://img.shields.io/badge/{name}-Install-{colour})]({link})"
        for name, colour, link in drawn
    )
