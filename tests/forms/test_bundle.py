"""The bundle for Claude Desktop: what is in it, and what the server makes of a form that is empty, partly and fully filled in."""

import ast
import io
import json
import os
import runpy
import tarfile
import tomllib
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from flipsnack_mcp.parsing import given_settings, parsed
from flipsnack_mcp.settings import Settings, read_settings
from forms.bare import bare, is_text
from forms.bundle import manifest, source
from forms.project import ROOT

LARGEST = 400_000


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("bundle") / "flipsnack.mcpb"
    runpy.run_path(str(ROOT / "packaging" / "bundle.py"))["pack"](file)
    return file


def test_it_is_small_and_has_what_is_needed_to_build_the_server_and_nothing_else(packed: Path) -> None:
    with ZipFile(packed) as bundle:
        names = set(bundle.namelist())
        inside = json.loads(bundle.read("manifest.json"))
        built = tomllib.loads(bundle.read("pyproject.toml").decode())["build-system"]
        with tarfile.open(fileobj=io.BytesIO(bundle.read("source.tar.xz"))) as unpacked:
            packaged = set(unpacked.getnames())
    assert packed.stat().st_size < LARGEST
    assert inside == manifest()
    assert (built["build-backend"], built["backend-path"]) == ("unpacking", ["."])
    beside = {"manifest.json", "pyproject.toml", "README.md", "LICENSE", "source.tar.xz", "unpacking.py"}
    assert names == {*beside, inside["icon"], inside["server"]["entry_point"]}
    there = {one.relative_to(ROOT).as_posix() for one in (ROOT / "flipsnack_mcp").rglob("*") if one.is_file()}
    assert packaged == {one for one in there if "__pycache__" not in one}


def test_two_of_one_source_are_the_same_whenever_it_was_written(tmp_path: Path) -> None:
    made = []
    for when in (1_000_000_000, 2_000_000_000):
        (tmp_path / "flipsnack_mcp").mkdir(exist_ok=True)
        (tmp_path / "flipsnack_mcp" / "one.py").write_text("ONE = 1  # one\n", encoding="utf-8")
        os.utime(tmp_path / "flipsnack_mcp" / "one.py", (when, when))
        made.append(source(tmp_path))
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
    told: Any = manifest()
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
