"""What every form says of the project, from where it is declared: pyproject.toml, and the package for its version."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from flipsnack_mcp import __version__

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NAME: str = PROJECT["name"]
VERSION = __version__
HOME: str = PROJECT["urls"]["Homepage"]
AUTHOR: str = PROJECT["authors"][0]["name"]
LICENSE: str = PROJECT["license"]
KEYWORDS: list[str] = PROJECT["keywords"]
PYTHON: str = PROJECT["requires-python"]
LISTED_AS = "io.github." + HOME.removeprefix("https://github.com/")
"""Its name in the official registry, which only the owner of that address may use."""
TITLE = "Flipsnack"
"""What people call the server; what clients call it, `clients` says."""
SUMMARY = "Find, publish, measure, export and remove Flipsnack flipbooks; deletions need your yes."
"""At most 100 characters, which is what the registry takes."""
MORE = (
    "Run a Flipsnack account by talking: publish a PDF, look up links and embed codes, report statistics, export "
    "packages, clean up. Nothing is deleted on a model's first word. Needs the API key and secret that come with "
    "Enterprise plans; the sandbox needs none. An independent project, not made by Flipsnack."
)
ICON = "packaging/icon.png"


def document(path: str) -> str:
    """The address of a file of the project."""
    return f"{HOME}/blob/main/{path}"


def as_json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
