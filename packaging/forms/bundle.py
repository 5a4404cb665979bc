"""The bundle that Claude Desktop installs with a double click: its manifest, and which files are in it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

from flipsnack_mcp.server.toolsets import menu
from flipsnack_mcp.settings import VARIABLES, Settings
from forms.bare import bare
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

FOLDER, START = "packaging/mcpb", "start.py"
MANIFEST = f"{FOLDER}/manifest.json"
BUILT = 'build-backend = "hatchling.build"'
BUILT_HERE = 'build-backend = "unpacking"\nbackend-path = ["."]'
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
        "server": {"type": "uv", "entry_point": START, "mcp_config": started()},
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


def files(root: Path = ROOT) -> Iterator[tuple[str, bytes]]:
    """What is in it: names and contents, in one order, so that two bundles of one source are the same."""
    yield "manifest.json", (root / MANIFEST).read_bytes()
    yield "pyproject.toml", built_by_unpacking((root / "pyproject.toml").read_text(encoding="utf-8")).encode()
    yield "source.tar.xz", source(root)
    for file in (ICON, "README.md", "LICENSE", f"{FOLDER}/{START}", f"{FOLDER}/unpacking.py"):
        yield Path(file).name, (root / file).read_bytes()


def built_by_unpacking(pyproject: str) -> str:
    """The project's own file, but for who builds it."""
    return pyproject.replace(BUILT, BUILT_HERE)


def source(root: Path) -> bytes:
    """The package in one archive, modules without comments: each file packed alone would take twice as much."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz", preset=9, format=tarfile.USTAR_FORMAT) as archive:
        for file in modules(root):
            content = bare(file.read_text(encoding="utf-8")).encode() if file.suffix == ".py" else file.read_bytes()
            told = tarfile.TarInfo(file.relative_to(root).as_posix())
            told.size = len(content)
            archive.addfile(told, io.BytesIO(content))
    return packed.getvalue()


def modules(root: Path) -> list[Path]:
    """The files of the package."""
    every = sorted((root / "flipsnack_mcp").rglob("*"))
    return [one for one in every if one.is_file() and "__pycache__" not in one.parts]
