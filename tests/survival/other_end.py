"""The slow sandbox as the tests start and ask it: what it has to download, and what it saw."""

import json
import random
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

PACKAGE_BYTES = 1_500_000
JsonObject = dict[str, Any]


@dataclass(frozen=True)
class Sandbox:
    """The other end."""

    api_url: str
    upload_url: str
    api_key: str
    api_secret: str

    def seen(self) -> dict[str, JsonObject]:
        """How far each document and package came."""
        return dict(self._told("/_survival/seen"))

    def carried_out(self, title: str) -> list[JsonObject]:
        """The uploads of this title that were carried out."""
        return [one for one in self.executed("collection.create") if one["params"]["title"] == title]

    def executed(self, action: str) -> list[JsonObject]:
        """The requests of this action that were carried out."""
        arrived: list[JsonObject] = self._told("/_sandbox/requests")["requests"]
        return [one for one in arrived if one["action"] == action and one["executed"]]

    def _told(self, path: str) -> Any:
        with urllib.request.urlopen(self.api_url.removesuffix("/v1/") + path) as answer:  # noqa: S310 - our own program
            return json.load(answer)


@cache
def package() -> bytes:
    """What is downloaded. Its check takes a while: 70 MB of nothing, and some noise to transfer."""
    with BytesIO() as made:
        with ZipFile(made, "w", ZIP_DEFLATED) as archive:
            archive.writestr("pages/1.jpg", random.Random(1).randbytes(PACKAGE_BYTES))  # noqa: S311 - no secret
            for number in range(8):
                archive.writestr(f"empty/{number}", bytes(9_000_000))
        return made.getvalue()


@contextmanager
def slow_sandbox(packages: int, folder: Path) -> Iterator[Sandbox]:
    """The sandbox as a process, with so many packages to download."""
    saved = folder / "package.zip"
    saved.write_bytes(package())
    command = [sys.executable, str(Path(__file__).with_name("slow_sandbox.py")), str(packages), str(saved)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own program
        assert process.stdout
        try:
            yield Sandbox(**json.loads(process.stdout.readline()))
        finally:
            process.terminate()
