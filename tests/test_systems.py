"""What is otherwise on Windows and macOS stands in one table, which a document repeats; nothing else asks for the system."""

import ast
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from sse_starlette.sse import AppStatus

from flipsnack_mcp.api.network import proxies
from flipsnack_mcp.commands.approve import ask_person
from flipsnack_mcp.files.apart import process
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.started import quoted_for_shell
from flipsnack_mcp.store import clock
from flipsnack_mcp.store.database import address_of_file
from flipsnack_mcp.store.permissions import is_open_to_others
from flipsnack_mcp.systems import EVERY_SYSTEM, LINUX, MACOS, WINDOWS, System, system_of
from flipsnack_mcp.team.ending import Ending
from flipsnack_mcp.team.serving import DrainingServer

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "flipsnack_mcp"
ASKS = {
    "systems.py": "the table",
    "clients.py": "a table of its own, of where clients keep their files, that takes the system as an argument",
    "team/serving.py": "a module that is not there on Windows, which the type checker has to see",
}


def test_the_document_has_the_lines_of_the_table_in_its_order() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "platforms.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [one.name for one in fields(System)]


def test_nothing_but_the_table_asks_which_system_it_is() -> None:
    asking = {str(file.relative_to(PACKAGE)) for file in PACKAGE.rglob("*.py") if asks_for_system(file)}
    assert asking <= ASKS.keys()


def asks_for_system(file: Path) -> bool:
    text = file.read_text(encoding="utf-8")
    if not re.search(r"\bplatform\b|\bgetwindowsversion\b|\bos\s*\.\s*name\b", text):
        return False  # most modules need not be parsed
    nodes = [one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Attribute)]
    named = {f"{one.value.id}.{one.attr}" for one in nodes if isinstance(one.value, ast.Name)}
    return bool(named & {"sys.platform", "os.name", "platform.system", "sys.getwindowsversion"})


# What POSIX has and Windows has not, as far as anything of it was ever used here.
POSIX_ALONE = {
    "modules": ["fcntl", "grp", "pwd", "pty", "resource", "syslog", "termios", "tty"],
    "os": [
        "O_NOFOLLOW",
        "O_NONBLOCK",
        "O_NOCTTY",
        "O_DIRECTORY",
        "O_CLOEXEC",
        "fchmod",
        "fork",
        "geteuid",
        "getuid",
        "killpg",
        "sysconf",
    ],
    "select": ["PIPE_BUF", "poll"],
    "signal": ["SIGHUP", "SIGKILL", "SIGUSR1"],
    "socket": ["AF_UNIX"],
    "time": ["clock_gettime", "CLOCK_BOOTTIME"],
    "errno": ["EDQUOT"],
}
IMPORTS_ALL = f"""
import gc, importlib, os, pkgutil, sys
gc.disable()
import flipsnack_mcp
names = [one.name for one in pkgutil.walk_packages(flipsnack_mcp.__path__, "flipsnack_mcp.")]
for name in names:
    importlib.import_module(name)  # and with them the libraries, which know of this system
for name in [one for one in sys.modules if one.partition(".")[0] == "flipsnack_mcp"]:
    del sys.modules[name]
for module, gone in {POSIX_ALONE!r}.items():
    if module == "modules":
        sys.modules.update(dict.fromkeys(gone))
        continue
    for one in gone:
        sys.modules[module].__dict__.pop(one, None)
sys.platform = "win32"
for name in names:
    importlib.import_module(name)
from flipsnack_mcp import systems
print(len(names), systems.HERE is systems.WINDOWS, flush=True)
os._exit(0)
"""


def test_every_module_is_imported_without_what_windows_has_not() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTS_ALL], capture_output=True, text=True, cwd=ROOT, check=False)  # noqa: S603  # ours
    assert done.stderr == ""
    count, windows = done.stdout.split()
    assert (int(count) > 200, windows) == (True, "True")


@pytest.mark.parametrize(("platform", "system"), [*EVERY_SYSTEM.items(), ("freebsd14", System())])
def test_a_system_is_known_by_the_name_that_python_has_for_it(platform: str, system: System) -> None:
    assert system_of(platform) == system


@pytest.mark.parametrize(("path", "address"), [
    (r"C:\Users\me\state.sqlite", "file:///C:/Users/me/state.sqlite?mode=rw"),
    (r"C:\Users\Märit\a b?.sqlite", "file:///C:/Users/M%C3%A4rit/a%20b%3F.sqlite?mode=rw"),
    (r"\\server\share\state.sqlite", "file:////server/share/state.sqlite?mode=rw"),
])  # fmt: skip
def test_sqlite_is_told_of_a_file_on_a_share_without_a_machine_before_its_path(path: str, address: str) -> None:
    assert address_of_file(PureWindowsPath(path)) == address


@pytest.mark.parametrize(("system", "told"), [(LINUX, "'/a b/it'"), (MACOS, "'/a b/it'"), (WINDOWS, '"/a b/it"')])
def test_a_path_is_one_word_of_a_command_line(system: System, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flipsnack_mcp.systems.HERE", system)
    assert quoted_for_shell("/a b/it") == told


ALL = pytest.mark.parametrize("system", EVERY_SYSTEM.values(), ids=EVERY_SYSTEM)


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch) -> Callable[[System], None]:
    """Be another system, as far as this program can tell."""
    return lambda system: monkeypatch.setattr("flipsnack_mcp.systems.HERE", system)


@ALL
def test_a_mode_counts_where_the_system_has_one(
    become: Callable[[System], None], tmp_path: Path, system: System
) -> None:
    (tmp_path / "key").touch()
    (tmp_path / "key").chmod(0o644)
    become(system)
    assert is_open_to_others(tmp_path / "key") is (system is not WINDOWS)


@ALL
def test_proxies_of_the_system_count_where_it_has_some_and_the_environment_has_none(
    become: Callable[[System], None], monkeypatch: pytest.MonkeyPatch, system: System
) -> None:
    monkeypatch.setattr(proxies, "getproxies", lambda: {"https": "http://proxy.example.com:3128"})
    become(system)
    assert bool(proxies.proxies_of({}).between("https", "api.flipsnack.com", 443)) is (system is not LINUX)
    assert proxies.proxies_of({"https_proxy": ""}).between("https", "api.flipsnack.com", 443) is None


@pytest.mark.parametrize(("system", "asked"), [(LINUX, "boot time"), (MACOS, "monotonic"), (WINDOWS, "Python's own")])
def test_the_clock_that_goes_on_in_sleep_is_asked(
    become: Callable[[System], None], monkeypatch: pytest.MonkeyPatch, system: System, asked: str
) -> None:
    named = {"CLOCK_BOOTTIME": "boot time", "CLOCK_MONOTONIC": "monotonic"}  # numbers, which no system has all of
    told_by = SimpleNamespace(**named, clock_gettime=lambda which: which, monotonic=lambda: "Python's own")
    monkeypatch.setattr(clock, "time", told_by)
    become(system)
    told: object = clock.steady()
    assert told == asked


@ALL
def test_a_process_of_our_own_opens_no_console(
    become: Callable[[System], None], monkeypatch: pytest.MonkeyPatch, system: System
) -> None:
    flags = list[int]()

    def started(*_: object, creationflags: int, **__: object) -> None:
        flags.append(creationflags)
        raise OSError

    monkeypatch.setattr(process, "Popen", started)
    become(system)
    process.Looking(Path("program"), process.Blocks(0, lambda *_: b""), 1).run()
    assert flags == [0x08000000 if system is WINDOWS else 0]


@ALL
async def test_a_servers_calls_are_ended_first_by_the_signals_of_its_system(
    become: Callable[[System], None], monkeypatch: pytest.MonkeyPatch, system: System
) -> None:
    become(system)
    monkeypatch.setattr(AppStatus, "should_exit", False)  # a signal ends the streams of all servers of this process
    begun = list[bool]()
    for number in (signal.SIGTERM, 21, signal.SIGINT):  # the second is Ctrl-Break
        server = DrainingServer(uvicorn.Config(lambda: None), Ending(5))
        server.handle_exit(number, None)
        begun.append(server.ending.begun)
    assert begun == [True, system is WINDOWS, False]


@ALL
def test_who_is_at_no_terminal_is_told_what_may_help(
    become: Callable[[System], None], capsys: pytest.CaptureFixture[str], system: System
) -> None:
    become(system)
    waiting: Any = None  # what it is about is not asked before
    assert ask_person(Settings(), "ABCD2345", waiting) == 1
    assert ("winpty" in capsys.readouterr().out) is (system is WINDOWS)
