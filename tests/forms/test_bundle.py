"""The bundle for Claude Desktop: what is in it, and what the server makes of a form that is empty, partly and fully filled in."""

import ast
import io
import json
import os
import runpy
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from typing import Any

import pytest

from flipsnack_mcp.parsing import given_settings, parsed
from flipsnack_mcp.settings import Settings, read_settings
from forms import bundle
from forms.bare import bare, is_text
from forms.project import ICON, ROOT

HELPERS = ("packaging/mcpb/start.py", "packaging/mcpb/unpacking.py")


def a_source(folder: Path) -> Path:
    """All that a bundle is made of, with a package of one module; that of the whole is packed by `.ci/bundle/run`."""
    for one in (bundle.MANIFEST, ICON, "pyproject.toml", "README.md", "LICENSE", *HELPERS):
        (folder / one).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / one, folder / one)
    (folder / "flipsnack_mcp" / "__pycache__").mkdir(parents=True)
    (folder / "flipsnack_mcp" / "one.py").write_text("ONE = 1  # one\n", encoding="utf-8")
    (folder / "flipsnack_mcp" / "__pycache__" / "one.pyc").write_bytes(b"?")
    return folder


def test_it_has_what_is_needed_to_build_the_server_and_nothing_else(tmp_path: Path) -> None:
    packed = dict(bundle.files(a_source(tmp_path)))
    inside, built = (
        json.loads(packed["manifest.json"]),
        tomllib.loads(packed["pyproject.toml"].decode())["build-system"],
    )
    with tarfile.open(fileobj=io.BytesIO(packed["source.tar.xz"])) as unpacked:
        assert unpacked.getnames() == ["flipsnack_mcp/one.py"]
    assert inside == bundle.manifest()
    assert (built["build-backend"], built["backend-path"]) == ("unpacking", ["."])
    beside = {"manifest.json", "pyproject.toml", "README.md", "LICENSE", "source.tar.xz", "unpacking.py"}
    assert packed.keys() == {*beside, inside["icon"], inside["server"]["entry_point"]}


def test_the_whole_package_is_in_it() -> None:
    names = {one.relative_to(ROOT).as_posix() for one in bundle.modules(ROOT)}
    assert {"flipsnack_mcp/__main__.py", "flipsnack_mcp/server/menu.json", "flipsnack_mcp/server/skill.md"} <= names
    assert [one for one in names if "pycache" in one or "." not in one] == []


@pytest.mark.parametrize("given", [[], ["gone/x.mcpb"]], ids=["nothing", "a folder that is not there"])
def test_who_names_no_file_for_it_is_told_what_to_type(given: list[str], tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "packaging" / "bundle.py"), *given]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603  # our own
    assert (said.returncode, len(said.stderr.splitlines()), said.stdout) == (1, 1, "")
    assert (
        "cannot be written: No such file or directory." in said.stderr
        or "packaging/bundle.py flipsnack.mcpb" in said.stderr
    )


def test_two_of_one_source_are_the_same_whenever_it_was_written(tmp_path: Path) -> None:
    source, made = a_source(tmp_path), []
    pack = runpy.run_path(str(ROOT / "packaging" / "bundle.py"))["packed"]
    for when in (1_000_000_000, 2_000_000_000):
        for one in source.rglob("*"):
            os.utime(one, (when, when))
        made.append(pack(bundle.files(source)))
    assert made[0] == made[1]


PLAIN = '''"""What it is."""

import os  # why


class One(Exception):
    """Only this."""


class Two:
    size: int = 1
    """How much."""

    def told(self) -> str:
        """In two
        lines."""
        # a reason
        return "# no comment"  # but this
'''
BARE = """

import os


class One(Exception):
    pass


class Two:
    size: int = 1


    def told(self) -> str:



        return "# no comment"
"""


def test_its_modules_do_the_same_on_the_same_lines() -> None:
    made = bare(PLAIN).splitlines()
    assert [one.strip() for one in made] == [one.strip() for one in BARE.splitlines()]
    files = sorted((ROOT / "flipsnack_mcp").rglob("*.py"))[::10]
    for one in files:
        text = one.read_text(encoding="utf-8")
        assert statements(ast.parse(bare(text))) == statements(ast.parse(text)), one


def statements(module: ast.Module) -> list[tuple[int, str]]:
    """What it does, and on which line."""
    return [
        (one.lineno, ast.dump(one))
        for one in ast.walk(module)
        if isinstance(one, ast.stmt) and not hasattr(one, "body") and not isinstance(one, ast.Pass) and not is_text(one)
    ]


def started(filled: dict[str, Any], *, defaults: bool = True) -> Settings:
    """The settings of a server that a host starts so: a list becomes words, what is unknown stays as it is."""
    told: Any = bundle.manifest()
    known = {name: one["default"] for name, one in told["user_config"].items() if defaults and "default" in one}
    values = {f"${{user_config.{name}}}": one for name, one in (known | filled).items()}
    config = told["server"]["mcp_config"]
    environment = {name: as_written(values.get(one, one)) for name, one in config["env"].items()}
    words = [word for one in config["args"] for word in several(values.get(one, one))]
    options = parsed(words[words.index("serve") :])
    return read_settings(environment, given_settings(options))


def as_written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def several(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [as_written(value)]


@pytest.mark.parametrize("defaults", [True, False], ids=["with its defaults", "by a host that leaves placeholders"])
@pytest.mark.parametrize("folders", [{}, {"upload_dirs": []}], ids=["no folder", "an empty list"])
def test_an_empty_form_says_what_is_missing_and_lets_the_sandbox_be_tried(
    folders: dict[str, Any], *, defaults: bool
) -> None:
    settings = started(folders, defaults=defaults)
    assert settings.upload_dirs == ()
    assert settings.wrong_folders == {}
    assert "FLIPSNACK_API_KEY" in settings.missing
    assert started({**folders, "sandbox": True}, defaults=defaults).missing == ""


def test_a_full_form_arrives_whole_with_all_its_folders(tmp_path: Path) -> None:
    folders = [str(tmp_path / name) for name in ("a b", "c", "ü")]
    filled = {
        "api_key": "FORMS-1-KEYFORBUNDLE",
        "api_secret": "FORMS-1-SECRETFORBUNDLE-2",
        "read_only": True,
        "confirm": "approve",
        "upload_dirs": folders,
        "download_dir": str(tmp_path),
    }
    settings = started(filled)
    assert settings.problems == ()
    assert [str(one) for one in settings.upload_dirs] == folders
    assert (settings.read_only, settings.sandbox, settings.confirm) == (True, False, "approve")
    assert (settings.api_key, settings.download_dir) == (filled["api_key"], tmp_path)
