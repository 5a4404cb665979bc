"""What is written about the project agrees with the code."""

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from flipsnack_mcp import __version__
from flipsnack_mcp.settings import VARIABLES, Settings
from flipsnack_mcp.workflows.history import KEPT

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def generated() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "packaging" / "write_docs.py"))


def test_tables_of_the_readme_are_what_the_code_would_write(generated: dict[str, Any]) -> None:
    assert generated["readme"](README) == README


def test_server_json_is_what_the_code_would_write(generated: dict[str, Any]) -> None:
    assert (ROOT / "server.json").read_text(encoding="utf-8") == generated["server_json"]()


def test_menu_lists_every_tool_as_the_table_has_it_in_its_order_and_under_its_rule(generated: dict[str, Any]) -> None:
    assert generated["menu"].MENU_FILE.read_text(encoding="utf-8") == generated["menu_json"]()


def test_server_json_keeps_the_rules_of_the_registry() -> None:
    listed = json.loads((ROOT / "server.json").read_text(encoding="utf-8"))
    package = listed["packages"][0]

    assert len(listed["description"]) <= 100
    assert listed["version"] == package["version"] == __version__
    assert "registryBaseUrl" not in package
    assert re.search(rf"mcp-name: {re.escape(listed['name'])} -->", README)
    secrets = {one["name"] for one in package["environmentVariables"] if one.get("isSecret")}
    assert {one.name for one in VARIABLES if one.secret} <= secrets


@pytest.mark.parametrize(
    "command",
    [
        "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/flipsnack-mcp demo",
        "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest",
    ],
)
def test_readme_has_the_commands_that_do_all_the_set_up(command: str) -> None:
    assert command in README.splitlines()


def test_the_documents_say_how_long_the_history_is_kept_and_how_much_may_be_deleted() -> None:
    days, allowed = f"{KEPT / 86_400:.0f} days", Settings()

    assert f"for {days}" in README
    assert f"after {days}" in (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert f"{allowed.max_deletes_per_hour} deletions an hour and {allowed.max_deletes_per_day} a day" in " ".join(
        README.split()
    )


def test_every_configuration_in_the_readme_is_valid_json() -> None:
    blocks = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    servers = [json.loads(block) for block in blocks]

    assert len(servers) >= 3
    for config in servers:
        entry = config.get("mcpServers", config.get("servers"))["flipsnack"]
        assert entry["command"] == "uvx"
        assert {name for name in entry["env"] if name.startswith("FLIPSNACK_")} <= {one.name for one in VARIABLES}


def test_every_file_the_documents_link_to_is_there() -> None:
    for document in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"):
        text = (ROOT / document).read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
            assert (ROOT / target).exists(), f"{document} links to {target}"
