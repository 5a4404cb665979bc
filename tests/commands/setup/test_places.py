"""Where each client keeps its configuration on three systems, and what an entry looks like there."""

from collections.abc import Mapping
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import pytest

from flipsnack_mcp.clients import CLIENTS, Computer, Start, in_folder, this_computer

MAC, LINUX = PurePosixPath("/Users/anna"), PurePosixPath("/home/anna")
WINDOWS = PureWindowsPath(r"C:\Users\anna")
SUPPORT = "/Users/anna/Library/Application Support"
ROAMING = r"C:\Users\anna\AppData\Roaming"
PACKAGED = r"C:\Users\anna\AppData\Local\Packages\Claude_pzs8sxrjxfjjc"
USUAL = {
    ("claude-desktop", "darwin"): f"{SUPPORT}/Claude/claude_desktop_config.json",
    ("claude-desktop", "win32"): rf"{ROAMING}\Claude\claude_desktop_config.json",
    ("claude-desktop", "linux"): "/home/anna/.config/Claude/claude_desktop_config.json",
    ("claude-code", "darwin"): "/Users/anna/.claude.json",
    ("claude-code", "win32"): r"C:\Users\anna\.claude.json",
    ("claude-code", "linux"): "/home/anna/.claude.json",
    ("vscode", "darwin"): f"{SUPPORT}/Code/User/mcp.json",
    ("vscode", "win32"): rf"{ROAMING}\Code\User\mcp.json",
    ("vscode", "linux"): "/home/anna/.config/Code/User/mcp.json",
    ("cursor", "darwin"): "/Users/anna/.cursor/mcp.json",
    ("cursor", "win32"): r"C:\Users\anna\.cursor\mcp.json",
    ("cursor", "linux"): "/home/anna/.cursor/mcp.json",
    ("codex", "darwin"): "/Users/anna/.codex/config.toml",
    ("codex", "win32"): r"C:\Users\anna\.codex\config.toml",
    ("codex", "linux"): "/home/anna/.codex/config.toml",
    ("gemini", "darwin"): "/Users/anna/.gemini/settings.json",
    ("gemini", "win32"): r"C:\Users\anna\.gemini\settings.json",
    ("gemini", "linux"): "/home/anna/.gemini/settings.json",
}
MOVED = [
    ("claude-desktop", "linux", {"XDG_CONFIG_HOME": "/conf"}, "/conf/Claude/claude_desktop_config.json"),
    ("claude-desktop", "linux", {"XDG_CONFIG_HOME": "conf"}, "/home/anna/.config/Claude/claude_desktop_config.json"),
    ("claude-desktop", "darwin", {"XDG_CONFIG_HOME": "/conf"}, f"{SUPPORT}/Claude/claude_desktop_config.json"),
    ("claude-desktop", "win32", {"APPDATA": r"D:\Roaming"}, r"D:\Roaming\Claude\claude_desktop_config.json"),
    ("vscode", "win32", {"APPDATA": r"D:\Roaming"}, r"D:\Roaming\Code\User\mcp.json"),
    ("vscode", "linux", {"XDG_CONFIG_HOME": "/conf"}, "/conf/Code/User/mcp.json"),
    ("claude-code", "linux", {"CLAUDE_CONFIG_DIR": "/claude"}, "/claude/.claude.json"),
    ("claude-code", "win32", {"CLAUDE_CONFIG_DIR": r"D:\claude"}, r"D:\claude\.claude.json"),
    ("codex", "darwin", {"CODEX_HOME": "/codex"}, "/codex/config.toml"),
    ("codex", "linux", {"CODEX_HOME": ""}, "/home/anna/.codex/config.toml"),
]


def computer(system: str, environment: Mapping[str, str] | None = None, *folders: PurePath) -> Computer:
    home = {"darwin": MAC, "linux": LINUX, "win32": WINDOWS}[system]
    return Computer(system, home, environment or {}, lambda folder: [one for one in folders if one.parent == folder])


@pytest.mark.parametrize(("client", "system"), USUAL)
def test_each_client_has_its_place_on_each_system(client: str, system: str) -> None:
    assert [str(one) for one in CLIENTS[client].files(computer(system))] == [USUAL[client, system]]


def test_the_table_of_places_leaves_out_no_client() -> None:
    assert {client for client, _ in USUAL} == CLIENTS.keys()


@pytest.mark.parametrize(("client", "system", "environment", "file"), MOVED)
def test_a_folder_that_was_moved_is_found(client: str, system: str, environment: Mapping[str, str], file: str) -> None:
    assert [str(one) for one in CLIENTS[client].files(computer(system, environment))] == [file]


def test_a_packaged_client_on_windows_reads_in_its_own_folder_alone() -> None:
    packages = (PureWindowsPath(PACKAGED), PureWindowsPath(PACKAGED).with_name("Claudette_1"))
    files = CLIENTS["claude-desktop"].files(computer("win32", {}, *packages))
    assert [str(one) for one in files] == [rf"{PACKAGED}\LocalCache\Roaming\Claude\claude_desktop_config.json"]
    assert "Packages" not in str(CLIENTS["claude-desktop"].files(computer("linux", {}, *packages)))


def test_this_computer_is_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert this_computer().home == tmp_path
    assert in_folder(tmp_path / "none") == []


START = Start("/opt/flipsnack-mcp", ("-x",), {"A": "b"})
STDIO = {"command": "/opt/flipsnack-mcp", "args": ["-x"], "env": {"A": "b"}}


@pytest.mark.parametrize(
    ("client", "table", "more"),
    [
        ("claude-desktop", "mcpServers", {}),
        ("claude-code", "mcpServers", {"type": "stdio"}),
        ("vscode", "servers", {"type": "stdio"}),
        ("cursor", "mcpServers", {"type": "stdio"}),
        ("codex", "mcp_servers", {"startup_timeout_sec": 60}),
        ("gemini", "mcpServers", {}),
    ],
)
def test_an_entry_has_what_its_client_wants(client: str, table: str, more: Mapping[str, object]) -> None:
    assert CLIENTS[client].table == table
    assert CLIENTS[client].entry(START) == {**STDIO, **more}
    assert "env" not in CLIENTS[client].entry(Start("x"))
