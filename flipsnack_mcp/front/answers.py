"""The answers that a file has, written by `packaging/write_docs.py` from what the server itself answers.

None is put together from anything else, but for the instructions, which the server makes by the same function. The file
counts only for the versions of this package and of the SDK that it was made with, and only for settings that it knows.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, NamedTuple

from flipsnack_mcp import __version__
from flipsnack_mcp.front.asking import Enquiry
from flipsnack_mcp.server.instructions import instructions
from flipsnack_mcp.settings import ACCOUNTS, Settings

ANSWERS_FILE = Path(__file__).with_name("answers.json")
SDK = ("mcp", "mcp_types")
WAYS = ("after a greeting", "in an envelope")
"""How a request says which revision it is of."""
RECORDED = ("read_only", "sandbox", "toolsets")
"""Settings for whose values the file has answers of their own."""
WITHOUT_EFFECT = frozenset({
    "api_key", "api_secret", "confirm", "download_dir", "max_deletes_per_hour", "max_deletes_per_day", "state",
    "calls_per_second", "calls_per_minute", "api_url", "upload_url", "log_level", "name", "problems", "wrong_folders",
    "hints", "notes", "sources",
    "upload_dirs",  # stand in the instructions only
})  # fmt: skip
"""Settings that change no answer of the file. Any other one has to have its default."""


class Answers(NamedTuple):
    """What is answered for some settings."""

    parts: Sequence[str]
    """Texts of which answers are made."""
    made_of: Sequence[Sequence[int | None]]
    """For each answer its parts; None is where the instructions stand."""
    clients: Mapping[str, Any]
    """Kinds of clients, by the extensions that they have."""
    known: Mapping[str, Mapping[str, Mapping[str, Mapping[str, int]]]]
    """The number of an answer by way of asking, revision, kind of client and method."""
    instructions: str
    """As JSON."""

    def line_for(self, asked: Enquiry) -> bytes | None:
        """The whole line that answers a request, if it is known."""
        try:
            kind = next((name for name, extensions in self.clients.items() if extensions == asked.extensions), "")
            number = self.known[WAYS[asked.enveloped]][asked.version][kind][asked.method]
            result = "".join(self.instructions if one is None else self.parts[one] for one in self.made_of[number])
            return f'{{"jsonrpc":"2.0","id":{json.dumps(asked.id)},"result":{result}}}\n'.encode()
        except (LookupError, TypeError, AttributeError, ValueError):  # it is not there, or not as it was written
            return None


def answers_for(settings: Settings) -> Answers | None:
    """The answers for these settings; none where the file cannot be used, or does not know them."""
    key = key_of_settings(settings)
    if not key:
        return None
    try:
        told = json.loads(ANSWERS_FILE.read_bytes())
        found = told["settings"].get(key) if told["made_with"] == made_with() else None
        return found and Answers(
            told["parts"],
            told["answers"],
            told["clients"],
            found["known"],
            as_json(instructions(settings, frozenset(found["lacking"]))),
        )
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None


def as_json(text: str) -> str:
    """A text as the SDK writes it; one that cannot be written is a ValueError."""
    written = json.dumps(text, ensure_ascii=False)
    written.encode()
    return written


def key_of_settings(settings: Settings) -> str:
    """By what the file knows these settings; nothing where one is set that may change an answer."""
    if ACCOUNTS in settings.sources:  # also where it could not be read, and what is said of it still has to be redacted
        return ""
    others = (one for one in fields(settings) if one.name not in WITHOUT_EFFECT and one.name not in RECORDED)
    if any(getattr(settings, one.name) != one.default for one in others):
        return ""
    toolsets = ",".join(sorted(settings.toolsets))
    return f"read_only={settings.read_only:d} sandbox={settings.sandbox:d} toolsets={toolsets}"


def made_with() -> list[str]:
    """The versions on which answers depend. The SDK's as its folder is called: `importlib.metadata` takes 40 ms."""
    return [__version__, *map(installed, SDK)]


def installed(package: str) -> str:
    """How the folder of an installed package's metadata is called, beside the package that would be imported."""
    found = PathFinder.find_spec(package)
    if not found or not found.origin:
        return ""
    beside = os.listdir(Path(found.origin).parents[1])  # noqa: PTH208  # names are enough
    return " ".join(sorted(one for one in beside if one.startswith(f"{package}-") and one.endswith(".dist-info")))
