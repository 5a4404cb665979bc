"""One source, many forms: each file says what the code says, in words, and runs no name that is not ours."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flipsnack_mcp.published import PUBLISHED
from flipsnack_mcp.settings import VARIABLES
from forms.fields import ASKED, key
from forms.project import HOME, LISTED_AS, NAME, PROJECT, ROOT, VERSION
from forms.start import FROM_INDEX, from_folder, start
from forms.written import FORMS

DOCUMENTS = [path for path in FORMS if path.endswith(".json")]


def form(path: str) -> Any:
    return json.loads((ROOT / path).read_text(encoding="utf-8"))


def nodes(value: Any) -> Iterator[Any]:
    """A value and everything in it."""
    yield value
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inside:
        yield from nodes(one)


@pytest.mark.parametrize("path", FORMS)
def test_each_form_is_what_the_code_would_write(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == FORMS[path](), "run packaging/write_docs.py"


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_form_that_tells_a_version_tells_that_of_the_package(path: str) -> None:
    versions = {one["version"] for one in nodes(form(path)) if isinstance(one, dict) and "version" in one}
    assert versions <= {VERSION}


def test_no_form_runs_a_name_that_is_not_ours_yet_nor_a_version_that_may_change() -> None:
    commands = {
        path: (one["command"], *one["args"])
        for path in DOCUMENTS
        for one in nodes(form(path))
        if isinstance(one, dict) and "command" in one
    }
    assert len(commands) >= 6
    pinned = (FROM_INDEX.command, *FROM_INDEX.arguments)
    assert FROM_INDEX.arguments == (f"{NAME}=={VERSION}",)
    for path, command in commands.items():
        of_the_folder = command[:2] in {("uvx", "--from"), ("uv", "run")}
        assert command == pinned if PUBLISHED and not of_the_folder else of_the_folder, path


def test_one_place_says_whether_it_is_published() -> None:
    assert start("/here", published=True) == FROM_INDEX
    assert start("/here", published=False) == from_folder("/here")


def test_server_json_keeps_the_rules_of_the_registry() -> None:
    listed = form("server.json")
    (package,) = listed["packages"]
    assert len(listed["description"]) <= 100
    assert listed["version"] == package["version"] == VERSION
    assert (listed["name"], package["identifier"]) == (LISTED_AS, NAME)
    assert "registryBaseUrl" not in package
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"mcp-name: {re.escape(listed['name'])} -->", readme)
    named = [one for one in package["environmentVariables"] if re.search("KEY|TOKEN|SECRET|PASSWORD", one["name"])]
    assert named
    assert all(one.get("isSecret") for one in named)


def test_each_text_of_a_form_is_a_sentence_without_marks() -> None:
    asked = [*form("server.json")["packages"][0]["environmentVariables"], *form("gemini-extension.json")["settings"]]
    asked += form("packaging/mcpb/manifest.json")["user_config"].values()
    said = [one["description"] for one in asked]
    assert len(said) > 25
    assert [one for one in said if not re.fullmatch(r"[A-Z][^`]+\.", one) or len(one) < 15] == []


def test_choices_and_kinds_are_those_of_the_settings() -> None:
    listed = {one["name"]: one for one in form("server.json")["packages"][0]["environmentVariables"]}
    assert listed["FLIPSNACK_CONFIRM"]["choices"] == ["ask", "approve", "block", "allow"]
    assert listed["FLIPSNACK_LOG_LEVEL"]["choices"] == ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
    for one in VARIABLES:
        if one.name in listed:
            assert listed[one.name]["format"] == one.kind
            assert listed[one.name].get("default", "true") in listed[one.name].get("choices", [one.default, "true"])
    kinds = {one["format"] for one in listed.values()}
    assert kinds == {"string", "number", "boolean", "filepath"}


@pytest.mark.parametrize("path", ["packaging/mcpb/manifest.json", ".claude-plugin/plugin.json"])
def test_a_form_asks_for_what_it_passes_on_and_hides_secrets(path: str) -> None:
    told = form(path)
    asked = told.get("user_config", told.get("userConfig"))
    passed_on = re.findall(r"\$\{user_config\.([^}]+)\}", json.dumps(told))
    assert sorted(passed_on) == sorted(asked) == sorted(key(one) for one in ASKED)
    assert {name for name, one in asked.items() if one.get("sensitive")} == {"api_key", "api_secret"}
    assert not any(one["required"] for one in asked.values())


def test_forms_that_cannot_ask_pass_on_what_is_asked_for() -> None:
    names = [one.name for one in ASKED]
    (codex,), (cursor,) = (
        form(f"{one}/plugin.json")["mcpServers"].values() for one in (".codex-plugin", ".cursor-plugin")
    )
    assert codex["env_vars"] == names
    assert cursor["env"] == {name: f"${{env:{name}}}" for name in names}
    settings = form("gemini-extension.json")["settings"]
    assert {one["envVar"]: one.get("sensitive", False) for one in settings} == {one.name: one.secret for one in ASKED}


def test_every_file_that_a_form_names_is_there() -> None:
    named = [one for path in DOCUMENTS for one in nodes(form(path)) if isinstance(one, str)]
    ours = [one.removeprefix(f"{HOME}/blob/main/") for one in named if one.startswith(f"{HOME}/blob/main/")]
    beside = [one for one in named if one.startswith(("./", "packaging/"))]
    assert ours
    assert beside
    assert [one for one in ours + beside if not (ROOT / one).exists()] == []


def test_a_plugin_has_its_own_file_alone_beside_the_one_of_its_host() -> None:
    """A server that two files name would be started twice; `.mcp.json` would be read by whoever opens this folder."""
    assert not (ROOT / ".mcp.json").exists()
    assert not (ROOT / ".cursor" / "mcp.json").exists()
    assert {one.name for one in (ROOT / ".codex-plugin").iterdir()} == {"plugin.json"}


def test_the_versions_of_python_are_told_as_they_are_tried() -> None:
    told = [one.rpartition(" ")[2] for one in PROJECT["classifiers"] if "Python :: 3." in one]
    assert told == ["3.11", "3.12", "3.13", "3.14"]
    assert PROJECT["requires-python"] == f">={told[0]}"
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert tools["ruff"]["target-version"] == "py" + told[0].replace(".", "")


def test_the_icon_is_small_and_square() -> None:
    drawn = Path(ROOT / "packaging" / "icon.png").read_bytes()
    assert drawn.startswith(b"\x89PNG")
    assert int.from_bytes(drawn[16:20]) == int.from_bytes(drawn[20:24]) == 512
    assert len(drawn) < 20_000
