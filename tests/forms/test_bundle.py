"""The bundle for Claude Desktop: what is in it, and what the server makes of a form that is empty, partly and fully filled in."""

import json
import runpy
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from flipsnack_mcp.parsing import given_settings, parsed
from flipsnack_mcp.settings import Settings, read_settings
from forms.bundle import manifest
from forms.project import ROOT

LARGEST = 400_000


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("bundle") / "flipsnack.mcpb"
    runpy.run_path(str(ROOT / "packaging" / "bundle.py"))["pack"](file)
    return file


def test_it_is_small_and_has_what_is_needed_to_build_the_server(packed: Path) -> None:
    with ZipFile(packed) as bundle:
        names = bundle.namelist()
        inside = json.loads(bundle.read("manifest.json"))
    assert packed.stat().st_size < LARGEST
    assert inside == manifest()
    assert {"pyproject.toml", "README.md", "LICENSE", inside["icon"], inside["server"]["entry_point"]} <= set(names)
    assert {"flipsnack_mcp/server/menu.json", "flipsnack_mcp/server/skill.md"} <= set(names)
    assert [one for one in names if "pycache" in one or one.startswith((".", "tests/", "/"))] == []


def test_two_of_one_source_are_the_same(packed: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.mcpb"
    runpy.run_path(str(ROOT / "packaging" / "bundle.py"))["pack"](again)
    assert again.read_bytes() == packed.read_bytes()


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
