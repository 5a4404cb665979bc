"""What this program does otherwise on Windows and macOS: a line for each, and the one place that asks which system it is.

docs/platforms.md says the same to a person, in the same order. Whatever follows from a line takes the system as an argument,
so that all of them are tried on any.
"""

import ntpath
import shlex
import signal
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath, PureWindowsPath


def as_on_macos(name: str) -> str:
    """One name, however Finder, a terminal or a settings file spells it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def quoted_for_windows(word: str) -> str:
    """One word of a command line there."""
    from subprocess import list2cmdline  # noqa: PLC0415  # only for who is told a command

    return list2cmdline([word])


@dataclass(frozen=True)
class System:
    """One operating system. As it stands here: Linux, and what is like it."""

    paths: type[PurePath] = PurePosixPath
    """How a path is read: on Windows with drives, shares of other machines, and either slash."""
    same_name: Callable[[str], str] = str
    """What is the same of two spellings of one name."""
    streams: bool = False
    """Whether a colon in a name leads to another stream of a file."""
    asks_for_folders: bool = False
    """Whether a person has to allow a program some folders, which are forbidden (EPERM) until then."""
    opens_below_folders: bool = True
    """Whether a file can be opened name by name from its open folder, so that nothing on the way can be a link."""
    moves_open_files: bool = True
    """Whether an open file can be renamed. Else it gets its name closed, and its lock lies beside it."""
    modes: bool = True
    """Whether a file says by a mode and an owner who may read it. On Windows the access list of its folder protects it."""
    network_settings: bool = False
    """Whether the system knows proxies where the environment names none."""
    clock: str = ""
    """Which clock goes on while the machine sleeps; on Windows `time.monotonic` does."""
    new_process: int = 0
    """Flags for a process of our own: on Windows without them a console flashes up."""
    drained_at: frozenset[int] = frozenset({signal.SIGTERM})
    """By which signals a server beside others is told to end; Windows has Ctrl-Break as well."""
    quoted_word: Callable[[str], str] = shlex.quote
    """How a path is written so that a shell takes it for one word."""
    script_ending: str = ""
    """How the file of a command ends."""
    no_terminal: str = ""
    """What may help where no terminal is seen though somebody sits before one."""


LINUX = System(clock="CLOCK_BOOTTIME")
MACOS = System(
    same_name=as_on_macos,
    asks_for_folders=True,
    network_settings=True,
    clock="CLOCK_MONOTONIC",
)
WINDOWS = System(
    paths=PureWindowsPath,
    same_name=ntpath.normcase,
    streams=True,
    opens_below_folders=False,
    moves_open_files=False,
    modes=False,
    network_settings=True,
    new_process=0x08000000,
    drained_at=frozenset({signal.SIGTERM, 21}),
    quoted_word=quoted_for_windows,
    script_ending=".exe",
    no_terminal=" In Git Bash begin the command with `winpty`, or use PowerShell.",
)
EVERY_SYSTEM = {"linux": LINUX, "darwin": MACOS, "win32": WINDOWS}


def system_of(platform: str) -> System:
    """The line of a system, by Python's name for it."""
    return EVERY_SYSTEM.get(platform, System())


HERE = system_of(sys.platform)
