"""How this program was started, and so how a person starts another of its commands: the one place that names them."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from flipsnack_mcp import __version__, systems

SCRIPT = "flipsnack-mcp"
PACKAGE = Path(__file__).parent
UVX = f"uvx {SCRIPT}=={__version__}"
UVX_CACHE = "archive-v0"
"""The folder of uv's cache in which `uvx` makes what it runs; nobody types a path in there."""


def as_typed(words: str) -> str:
    """A command of this program as a person types it in a terminal of this machine."""
    own_folder = Path(sys.prefix) if sys.prefix != sys.base_prefix else None
    return f"{start_of(sys.argv[0], sys.executable, own_folder, shutil.which, from_index=is_from_index())} {words}"


def start_of(
    called: str, python: str, own_folder: Path | None, found: Callable[[str], str | None], *, from_index: bool = True
) -> str:
    """How to start it, from what started this process: by its name only where any terminal finds it by that.

    `own_folder` is that of a virtual environment, which a person's terminal need not know though this process does.
    """
    file = Path(os.path.abspath(called))  # noqa: PTH100  # as it was called, and not where a link leads
    name = file.stem.removesuffix("-script")
    if file.name == "__main__.py" and file.parent.name == PACKAGE.name:
        plain = next((one for one in ("python3", "python") if not own_folder and found(one) == python), "")
        return f"{plain or quoted_for_shell(python or 'python')} -m {PACKAGE.name}"
    if name != SCRIPT:
        return SCRIPT  # another program that uses this one as a library
    if UVX_CACHE in file.parts and from_index:
        return UVX
    inside = own_folder is not None and file.is_relative_to(own_folder)
    return SCRIPT if not inside and found(SCRIPT) == str(file) else quoted_for_shell(str(file))


def is_from_index() -> bool:
    """Whether it was installed by its name: what came from a folder or a repository has a note of that (PEP 610)."""
    return next(PACKAGE.parent.glob(f"{PACKAGE.name}-*.dist-info/direct_url.json"), None) is None


def is_installed() -> bool:
    """Whether Python finds this program from any folder: in that of its source it does so without."""
    from importlib.metadata import PackageNotFoundError, distribution  # noqa: PLC0415  # 40 ms, only to set it up

    try:
        distribution(SCRIPT)
    except PackageNotFoundError:
        return False
    return True


def quoted_for_shell(path: str) -> str:
    """A path as one word of a command line."""
    return systems.HERE.quoted_word(path)
