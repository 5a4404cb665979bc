"""A real Redis server for a test: a process of its own on a socket, which can be stopped, killed and started again."""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PROMISED = ("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction")
"""What the journals need; an option of the test's own that says otherwise counts."""
PATIENCE = 60.0
NAMES = ("redis-server", "valkey-server")


class RedisServer:
    """One server with its disk in a folder. Its address stays the same whatever becomes of the process."""

    def __init__(self, folder: Path, socket_path: Path, options: tuple[str, ...]) -> None:
        self.url = f"unix://{socket_path}?db=0"
        self.socket_path = socket_path
        self._folder = folder
        self._command = [program(), "--port", "0", "--unixsocket", str(socket_path), "--dir", str(folder)]
        self._command += ["--save", "", "--daemonize", "no", *PROMISED, *options]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def start(self) -> None:
        """Returns once it answers, with all that is on its disk."""
        self.socket_path.unlink(missing_ok=True)
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)  # noqa: S603
        latest = time.monotonic() + PATIENCE
        while not self._answers():
            gave_up = self._process.poll() is not None or time.monotonic() > latest
            assert not gave_up, (self._folder / "redis.log").read_text(errors="replace")[-2000:]
            time.sleep(0.005)

    def stop(self) -> None:
        """As an operator stops it."""
        self._end(subprocess.Popen.terminate)

    def kill(self) -> None:
        """Without a chance to write anything."""
        self._end(subprocess.Popen.kill)

    def cli(self, *command: str) -> bytes:
        """What it answers to one command, as it goes over the wire."""
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(PATIENCE)
            one.connect(str(self.socket_path))
            parts = [word.encode() for word in command]
            one.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
            return one.recv(1 << 16)

    def _answers(self) -> bool:
        try:
            return self.cli("PING").startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def _end(self, how: Callable[["subprocess.Popen[bytes]"], None]) -> None:
        if self._process:
            how(self._process)
            self._process.wait(PATIENCE)


@contextmanager
def running_redis(folder: Path, *options: str) -> Iterator[RedisServer]:
    """Run a server that keeps what it has in `folder`; options as on its command line."""
    # The path of a socket may have a hundred characters, and folders of tests are longer.
    with tempfile.TemporaryDirectory(prefix="redis-", dir="/tmp") as short:
        server = RedisServer(folder, Path(short) / "s", options)
        server.start()
        try:
            yield server
        finally:
            server.kill()


def program() -> str:
    """Find a server: on the path, or beside this Python, where a package of the extra `test` puts one."""
    beside = (str(Path(sys.executable).parent / name) for name in NAMES)
    found = next((one for name in (*NAMES, *beside) if (one := shutil.which(name))), None)
    assert found, "no redis-server: install one, or the package's extra `test`, which brings it"
    return found
