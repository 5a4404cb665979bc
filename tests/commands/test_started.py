"""Commands are named the way this program was started, so that what a person copies into a terminal runs there."""

import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from flipsnack_mcp import __version__
from flipsnack_mcp.parsing import WrongUsage, parsed
from flipsnack_mcp.started import as_typed, start_of
from tests.commands.processes import Run

VENV = Path("/home/me/flipsnack/.venv")
CACHED = "/home/me/.cache/uv/archive-v0/oG0oDNyCGUaI_hHU"
PLAIN = {"flipsnack-mcp": "/home/me/.local/bin/flipsnack-mcp", "python3": "/usr/bin/python3"}
ACTIVE = {"flipsnack-mcp": f"{VENV}/bin/flipsnack-mcp", "python3": f"{VENV}/bin/python3"}
MODULE = "/lib/site-packages/flipsnack_mcp/__main__.py"


@pytest.mark.parametrize(
    ("called", "own_folder", "on_path", "from_index", "start"),
    [
        (f"{CACHED}/bin/flipsnack-mcp", CACHED, {}, True, f"uvx flipsnack-mcp=={__version__}"),
        (f"{CACHED}/bin/flipsnack-mcp", CACHED, {}, False, f"{CACHED}/bin/flipsnack-mcp"),
        ("/home/me/.local/bin/flipsnack-mcp", "/home/me/.local/share/uv/tools/flipsnack-mcp", PLAIN, True, "flipsnack-mcp"),
        (f"{VENV}/bin/flipsnack-mcp", VENV, {}, True, f"{VENV}/bin/flipsnack-mcp"),
        (f"{VENV}/bin/flipsnack-mcp", VENV, ACTIVE, True, f"{VENV}/bin/flipsnack-mcp"),
        (f"{VENV}/bin/flipsnack-mcp", VENV, PLAIN, False, f"{VENV}/bin/flipsnack-mcp"),
        ("/opt/my tools/bin/flipsnack-mcp", None, {}, True, "'/opt/my tools/bin/flipsnack-mcp'"),
        (f"{VENV}/Scripts/flipsnack-mcp-script.py", VENV, {}, True, f"{VENV}/Scripts/flipsnack-mcp-script.py"),
        (MODULE, None, PLAIN, True, "python3 -m flipsnack_mcp"),
        (MODULE, None, {}, True, "/usr/bin/python3 -m flipsnack_mcp"),
        (MODULE, VENV, PLAIN, True, "/usr/bin/python3 -m flipsnack_mcp"),
        ("/home/me/report.py", None, PLAIN, True, "flipsnack-mcp"),
        ("/usr/lib/pytest/__main__.py", None, PLAIN, True, "flipsnack-mcp"),
        ("-c", None, PLAIN, True, "flipsnack-mcp"),
        ("", None, PLAIN, True, "flipsnack-mcp"),
    ],
)  # fmt: skip
def test_a_command_begins_as_the_program_was_started(
    called: str, own_folder: str | None, on_path: Mapping[str, str], from_index: object, start: str
) -> None:
    folder = Path(own_folder) if own_folder else None
    assert start_of(called, "/usr/bin/python3", folder, on_path.get, from_index=bool(from_index)) == start


def test_a_relative_path_is_named_so_that_it_runs_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["./bin/flipsnack-mcp", "serve"])
    assert as_typed("approve ABCD2345") == f"{shlex.quote(str(tmp_path / 'bin' / 'flipsnack-mcp'))} approve ABCD2345"


def test_who_mistypes_is_sent_to_a_help_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [f"{CACHED}/bin/flipsnack-mcp", "history", "--x"])
    monkeypatch.setattr("flipsnack_mcp.started.is_from_index", lambda: True)
    with pytest.raises(WrongUsage, match=rf"see uvx flipsnack-mcp=={re.escape(__version__)} history --help$"):
        parsed(["history", "--no-such-option-at-all"])


def test_a_real_process_names_the_command_that_started_it(run: Run) -> None:
    refused = run("history", "--no-such-option-at-all")
    assert f"see {shlex.quote(sys.executable)} -m flipsnack_mcp history --help" in refused.err
