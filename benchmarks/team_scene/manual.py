"""The commands of `docs/team.md`, run as they stand: only names, addresses, ports and folders are others."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from benchmarks.team_scene.balancer import Balancer, balancing, unbound_port
from benchmarks.team_scene.imitations import ROOT, Account, Wanted, imitated
from benchmarks.team_scene.replicas import own_environment

MANUAL = ROOT / "docs" / "team.md"
BLOCK = re.compile(r"^```sh\n(.+?)^```$", re.MULTILINE | re.DOTALL)
PROGRAM = '#!/bin/sh\nexec "{python}" -m flipsnack_mcp "$@"\n'


def script(text: str, here: Mapping[str, str]) -> str:
    """All blocks that are to be run, one after the other."""
    whole = "\n".join(["set -euo pipefail", *BLOCK.findall(text)])
    for written, meant in here.items():
        assert written in whole, f"docs/team.md says nothing of {written}"
        whole = whole.replace(written, meant)
    return whole


def places(folder: Path, accounts: Mapping[str, Account], balancer: Balancer, ports: list[int]) -> dict[str, str]:
    """What stands in the manual, and what it is here."""
    return {
        "/etc/flipsnack": str(folder / "etc"),
        "/var/lib/flipsnack": str(folder / "redis"),
        "https://flipsnack.example.com": balancer.url,
        '[accounts.germany]\nkey = "your key"\nsecret = "your secret"\n': accounts["germany"].table,
        '[accounts.france]\nkey = "their key"\nsecret = "their secret"\n': accounts["france"].table,
        "8001": str(ports[0]),
        "8002": str(ports[1]),
        "6380": str(ports[2]),
    }


def manual_followed(folder: Path) -> Iterator[str]:
    """Do what it says.

    Raises:
        AssertionError: Something of it does not work.
    """
    for name in ("bin", "redis", "nginx"):
        (folder / name).mkdir(parents=True)
    program = folder / "bin" / "flipsnack-mcp"
    program.write_text(PROGRAM.format(python=sys.executable), encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    balancer, ports = Balancer(folder / "nginx"), [unbound_port() for _ in range(3)]
    with imitated(Wanted()) as accounts, balancing(balancer, ports[:2]):
        text = script(MANUAL.read_text(encoding="utf-8"), places(folder, accounts, balancer, ports))
        said = followed(folder, text, balancer, ports[2])
    yield f"docs/team.md: {len(BLOCK.findall(MANUAL.read_text(encoding='utf-8')))} blocks run, {len(said.splitlines())} lines said"


def followed(folder: Path, text: str, balancer: Balancer, redis: int) -> str:
    """Run it in a session of its own, all of which is ended afterwards."""
    environment = {**own_environment(), "SSL_CERT_FILE": str(balancer.authority)}
    environment["PATH"] = f"{folder / 'bin'}{os.pathsep}{environment['PATH']}"
    with (folder / "said").open("w+", encoding="utf-8") as said:
        shell = subprocess.Popen(
            ["bash", "-c", text], cwd=folder, env=environment, stdout=said, stderr=said, start_new_session=True
        )
        try:
            status = shell.wait(180)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)  # the replicas go on in the background
            subprocess.run(["redis-cli", "-p", str(redis), "shutdown", "nosave"], check=False, capture_output=True)
        said.seek(0)
        told = said.read()
    assert status == 0, f"docs/team.md ended with {status}: {told[-3000:]}"
    return told
