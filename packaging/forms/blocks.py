"""What a person pastes into the file of a client, and the badges that do it with a click: entries as `setup` writes them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from urllib.parse import quote

from flipsnack_mcp.clients import CLIENTS, ENTRY, Computer, Start
from flipsnack_mcp.reading import CREDENTIALS
from flipsnack_mcp.settings import Variable
from forms.fields import ASKED, key, sentence
from forms.project import NAME, TITLE
from forms.start import FROM_INDEX, start

UPLOADS = "FLIPSNACK_UPLOAD_DIRS"
Form = dict[str, object]
WORDS = re.compile(r"\[\n +((?:\"(?:[^\"\\]|\\.)*\"(?:,\n +)?)+)\n +\]")
"""A list of texts, as JSON is written with indentation."""
LINES_APART = re.compile(r",\n +")


@dataclass(frozen=True)
class Place:
    """Folders of a person on one system."""

    system: str
    home: PurePath
    source: str
    uploads: str


MAC = Place("darwin", PurePosixPath("~"), "/path/to/flipsnack-mcp", "/Users/you/flipbooks")
LINUX = replace(MAC, system="linux")
WINDOWS = Place("win32", PureWindowsPath("%USERPROFILE%"), r"C:\path\to\flipsnack-mcp", r"C:\Users\you\flipbooks")


@dataclass(frozen=True)
class Block:
    """What is pasted for one client."""

    client: str
    """As `setup` calls it."""
    more: str
    """What a person should know of it."""
    values: Callable[[str], Mapping[str, str]]
    """The variables of its entry, for who uploads from this folder."""
    passed_on: tuple[str, ...] = ()
    """Variables that it takes from the person's own."""
    asks: bool = False
    """Whether it asks for values."""

    @property
    def title(self) -> str:
        return CLIENTS[self.client].title

    @property
    def language(self) -> str:
        return "sh" if self.in_a_terminal else "toml" if self.file(MAC).endswith(".toml") else "json"

    @property
    def in_a_terminal(self) -> bool:
        """Whether its own command is the better way: its file holds much else."""
        return self.client == "claude-code"

    def file(self, place: Place) -> str:
        """Where it keeps its configuration there."""
        return str(CLIENTS[self.client].files(Computer(place.system, place.home, {}, lambda _: ()))[0])

    def entry(self, place: Place) -> Form:
        known = CLIENTS[self.client].entry(self.begun(place))
        return known | ({"env_vars": list(self.passed_on)} if self.passed_on else {})

    def begun(self, place: Place) -> Start:
        return replace(start(place.source), environment=self.values(place.uploads))

    def text(self, place: Place) -> str:
        known = CLIENTS[self.client]
        if self.in_a_terminal and known.adding:
            return " ".join(map(quoted, known.adding(self.begun(place))))
        if self.language == "toml":
            return as_toml(f"{known.table}.{ENTRY}", self.entry(place))
        asked = {"inputs": [*map(vs_code_input, ASKED_BY_BLOCKS)]} if self.asks else {}
        return as_json_text(asked | {known.table: {ENTRY: self.entry(place)}})

    def windows_lines(self) -> list[str]:
        """The lines that are others on Windows."""
        here = self.text(MAC).splitlines()
        return [line for line in self.text(WINDOWS).splitlines() if line not in here]


def quoted(word: str) -> str:
    """As shells of all systems take it."""
    return f'"{word}"' if re.search(r"[\s\\]", word) else word


def as_json_text(form: Form) -> str:
    """With short lists on one line, as a person writes them."""
    return WORDS.sub(lambda found: f"[{re.sub(LINES_APART, ', ', found[1])}]", json.dumps(form, indent=2))


def as_toml(table: str, entry: Form) -> str:
    """Texts, lists of texts and numbers of JSON are those of TOML; tables inside come last."""
    plain = [f"{name} = {json.dumps(one)}" for name, one in entry.items() if not isinstance(one, Mapping)]
    inside = [f"\n{as_toml(f'{table}.{name}', {**one})}" for name, one in entry.items() if isinstance(one, Mapping)]
    return "\n".join([f"[{table}]", *plain, *inside])


ASKED_BY_BLOCKS = tuple(one for one in ASKED if one.name in {*CREDENTIALS, UPLOADS})
SOURCE: Form = {
    "type": "promptString",
    "id": "flipsnack-source",
    "description": f"Folder with the source of {NAME}, its whole path.",
}


def vs_code_input(variable: Variable) -> Form:
    hidden = {"password": True} if variable.secret else {}
    return {"type": "promptString", "id": input_id(variable), "description": sentence(variable.meaning), **hidden}


def input_id(variable: Variable) -> str:
    return f"{ENTRY}-{key(variable).replace('_', '-')}"


def written_out(uploads: str) -> dict[str, str]:
    return {**dict(zip(CREDENTIALS, ("your key", "your secret"), strict=True)), UPLOADS: uploads}


def asked_for(_uploads: str) -> dict[str, str]:
    return {one.name: f"${{input:{input_id(one)}}}" for one in ASKED_BY_BLOCKS}


VS_CODE = Block(
    "vscode",
    "Or `.vscode/mcp.json`, for one folder. It asks for the values once and keeps key and secret in the system's key store. "
    "Sessions that run in the Copilot harness leave out servers that ask: write the values there.",
    asked_for,
    asks=True,
)
CURSOR = Block(
    "cursor",
    "`${env:...}` takes the value from your environment.",
    lambda uploads: {**{one: f"${{env:{one}}}" for one in CREDENTIALS}, UPLOADS: uploads},
)
BLOCKS = (
    Block(
        "claude-desktop",
        "Settings, Developer, Edit Config opens it. It does not know your shell's `PATH`: if it does not find `uvx`, write the "
        "whole path, which `which uvx` prints (`where uvx` on Windows).",
        written_out,
    ),
    Block(
        "claude-code",
        "A terminal's history keeps what you type there: `setup` asks for key and secret unseen.",
        written_out,
    ),
    VS_CODE,
    CURSOR,
    Block(
        "codex",
        "Key and secret come from your environment. It gives up after ten seconds unless told otherwise, and a first start "
        "takes longer.",
        lambda uploads: {UPLOADS: uploads},
        passed_on=CREDENTIALS,
    ),
    Block(
        "gemini",
        "`$NAME` takes the value from your environment.",
        lambda uploads: {**{one: f"${one}" for one in CREDENTIALS}, UPLOADS: uploads},
    ),
)

IN_HOME = replace(MAC, source="${userHome}/flipsnack-mcp", uploads="${userHome}/flipbooks")
"""Where Cursor's badge looks: it can ask nobody."""


def vs_code_link() -> str:
    """Its page hands the configuration to VS Code, which asks for the values."""
    begun = replace(VS_CODE.begun(MAC), arguments=start(f"${{input:{SOURCE['id']}}}").arguments)
    inputs = [*map(vs_code_input, ASKED_BY_BLOCKS), *([] if begun.arguments == FROM_INDEX.arguments else [SOURCE])]
    packed = {"inputs": inputs, "config": CLIENTS[VS_CODE.client].entry(begun)}
    asked = "&".join(f"{name}={quote(json.dumps(one), safe='')}" for name, one in packed.items())
    return f"https://insiders.vscode.dev/redirect/mcp/install?name={ENTRY}&{asked}"


def cursor_link() -> str:
    packed = base64.b64encode(json.dumps(CURSOR.entry(IN_HOME)).encode()).decode()
    return f"https://cursor.com/en/install-mcp?name={ENTRY}&config={quote(packed, safe='')}"


def badges() -> str:
    """One for each client that has links; none holds a key."""
    drawn = (("VS_Code", "0098FF", vs_code_link()), ("Cursor", "000000", cursor_link()))
    return "\n".join(
        f"[![{TITLE} in {name.replace('_', ' ')}](https://img.shields.io/badge/{name}-Install-{colour})]({link})"
        for name, colour, link in drawn
    )
