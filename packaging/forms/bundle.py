"""The bundle that Claude Desktop installs with a double click: its manifest, and which files are in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from flipsnack_mcp.server.menu import menu
from flipsnack_mcp.settings import VARIABLES, Settings
from forms.fields import ASKED, environment, filled, user_config
from forms.project import (
    AUTHOR,
    HOME,
    ICON,
    KEYWORDS,
    LICENSE,
    MORE,
    NAME,
    PYTHON,
    ROOT,
    SUMMARY,
    TITLE,
    VERSION,
    document,
)

MANIFEST = "packaging/mcpb/manifest.json"
BESIDE = ("pyproject.toml", "README.md", "LICENSE")
"""What its build needs beside the package."""
FOLDERS = next(one for one in VARIABLES if one.name == "FLIPSNACK_UPLOAD_DIRS")


def manifest() -> dict[str, object]:
    """Type `uv`: the source alone, for all systems; the host brings uv, and uv the libraries at the first start."""
    return {
        "manifest_version": "0.4",
        "name": NAME,
        "display_name": TITLE,
        "version": VERSION,
        "description": SUMMARY,
        "long_description": MORE,
        "author": {"name": AUTHOR, "url": HOME},
        "repository": {"type": "git", "url": HOME},
        "homepage": HOME,
        "documentation": document("docs/install.md"),
        "support": f"{HOME}/issues",
        "icon": Path(ICON).name,
        "server": {"type": "uv", "entry_point": "flipsnack_mcp/__main__.py", "mcp_config": started()},
        "tools": [
            {"name": one.name, "description": first_sentence(one.description)} for one in menu(Settings()).values()
        ],
        "prompts_generated": True,
        "keywords": KEYWORDS,
        "license": LICENSE,
        "privacy_policies": [document("SECURITY.md")],
        "compatibility": {"platforms": ["darwin", "win32", "linux"], "runtimes": {"python": PYTHON}},
        "user_config": user_config(several_folders=True),
    }


def started() -> dict[str, object]:
    """How it is started. Several folders can only be arguments: in a variable, hosts leave a list as its placeholder."""
    args = ["run", "--directory", "${__dirname}", NAME, "serve", FOLDERS.option, filled(FOLDERS)]
    return {"command": "uv", "args": args, "env": environment(one for one in ASKED if one is not FOLDERS)}


def first_sentence(description: str | None) -> str:
    """Of what a model reads."""
    return f"{str(description).split('. ')[0].rstrip('.')}."


def files(root: Path = ROOT) -> Iterator[tuple[str, Path]]:
    """What is in it: the name inside, and the file; in one order, so that two bundles of one source are the same."""
    yield "manifest.json", root / MANIFEST
    yield Path(ICON).name, root / ICON
    for name in BESIDE:
        yield name, root / name
    for file in sorted((root / "flipsnack_mcp").rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc":
            yield file.relative_to(root).as_posix(), file
