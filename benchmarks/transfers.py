"""A large upload and a large package: the server's peak memory, and its time beside curl's on the same bytes.

python benchmarks/transfers.py [--size MB] [--runs N]   exits 1 when a limit is broken.

Times are taken at the receiver (`receiver.py`): an upload from the first byte of its body to the answer, a package from
the request for it until the other side has it all. Hashing and the zip check are timed apart.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import anyio
from mcp import Client, StdioServerParameters

from flipsnack_mcp.files.limits import PackageLimits
from flipsnack_mcp.files.zips.check import check_zip
from flipsnack_mcp.sandbox.requests.gate import signature

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.survival.documents import MEGABYTE, write_document, write_noise

MEMORY_LIMIT, TIME_LIMIT = 24.0, 1.25
PIECE = 256 * 1024


def write_package(path: Path, size: int) -> None:
    """A zip of about that size: pictures of 50 MB, stored."""
    with ZipFile(path, "w", ZIP_STORED) as archive:
        archive.writestr("index.html", "<!doctype html>\n")
        for number, start in enumerate(range(0, size, 50 * MEGABYTE)):
            with archive.open(f"pages/{number}.jpg", "w") as entry:
                write_noise(entry, min(50 * MEGABYTE, size - start), str(number))


@dataclass
class Place:
    """What one run of the benchmark works with."""

    folder: Path
    document: Path
    package: Path
    key: str = ""
    secret: str = ""


@dataclass
class Figures:
    """What was measured with one receiver."""

    ours: dict[str, list[float]] = field(default_factory=lambda: {"upload": [], "download": []})
    curl: dict[str, list[float]] = field(default_factory=lambda: {"upload": [], "download": []})
    calls: dict[str, list[float]] = field(default_factory=lambda: {"upload": [], "download": []})
    memory: dict[str, list[float]] = field(default_factory=lambda: {"upload": [], "download": []})
    idle: float = 0.0
    child: float = 0.0


class Server:
    """The server as a process, with its memory."""

    def __init__(self, pid: int) -> None:
        self._process = Path(f"/proc/{pid}")
        self.child = 0.0

    def memory(self, name: str, process: Path | None = None) -> float:
        """VmRSS or VmHWM in MB."""
        lines = ((process or self._process) / "status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))

    def forget_peak(self) -> None:
        (self._process / "clear_refs").write_text("5")

    async def watch_children(self) -> None:
        """Note the peak of any process the server starts."""
        while True:
            for number in children(self._process):
                try:
                    self.child = max(self.child, self.memory("VmHWM", Path(f"/proc/{number}")))
                except (OSError, StopIteration):  # it ended just now
                    continue
            await anyio.sleep(0.02)


def children(process: Path) -> list[int]:
    """The processes that any thread of this one started."""
    found: list[int] = []
    for task in (process / "task").iterdir():
        try:
            found += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return found


@contextmanager
def receiver(package: Path) -> Iterator[dict[str, str]]:
    """The sandbox as a process; gives its first line."""
    command = [sys.executable, str(Path(__file__).with_name("receiver.py")), str(package)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


@asynccontextmanager
async def server(place: Place, base: str) -> AsyncIterator[tuple[Client, Server]]:
    """The real server over stdio, and its process."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("FLIPSNACK_")},
        "FLIPSNACK_API_KEY": place.key,
        "FLIPSNACK_API_SECRET": place.secret,
        "FLIPSNACK_API_URL": f"{base}/v1/",
        "FLIPSNACK_UPLOAD_URL": f"{base}/upload/v1/",
        "FLIPSNACK_UPLOAD_DIRS": str(place.folder),
        "FLIPSNACK_DOWNLOAD_DIR": str(place.folder / "downloads"),
        "FLIPSNACK_STATE": f"sqlite:{place.folder / 'state.sqlite'}",
        "FLIPSNACK_CALLS_PER_SECOND": "1000",
        "FLIPSNACK_CALLS_PER_MINUTE": "1000",
    }
    before = children(Path("/proc/self"))
    parameters = StdioServerParameters(command=sys.executable, args=["-m", "flipsnack_mcp"], env=environment)
    async with Client(parameters) as client:
        (pid,) = set(children(Path("/proc/self"))) - set(before)
        yield client, Server(pid)


async def answered(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """The structured answer of a call that has to succeed."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return dict(result.structured_content or {})


def times(base: str) -> list[float]:
    """What the receiver measured since it was last asked."""
    with urllib.request.urlopen(f"{base}/_benchmark/times") as answer:  # noqa: S310 - our own program
        return list(json.load(answer))


async def our_upload(client: Client, place: Place, title: str) -> str:
    """Upload the document as a user does; gives the collection."""
    asked = {"file_path": str(place.document), "title": title, "wait_seconds": 45}
    state = await answered(client, "create_collection", **asked)
    while state["state"] in {"uploading", "converting"}:
        state = await answered(client, "get_upload", upload_id=state["upload_id"], wait_seconds=45)
    assert state["state"] == "complete", state
    return str(state["collection_hash"])


def remove_package(saved: Path, place: Place) -> None:
    """Make room for the next one, if this one is whole."""
    assert saved.stat().st_size == place.package.stat().st_size
    saved.unlink()


async def our_download(client: Client, place: Place, collection: str) -> None:
    """Download the package as a user does, and remove it."""
    state = await answered(client, "download_collection_html", collection_hash=collection, wait_seconds=45)
    while state["state"] == "processing":
        state = await answered(client, "download_collection_html", collection_hash=collection, wait_seconds=45)
    remove_package(Path(state["path"]), place)


def signed(place: Place, **values: str) -> dict[str, str]:
    given = {**values, "apiKey": place.key}
    return {**given, "signature": signature(place.secret, given)}


async def curl_upload(place: Place, base: str, title: str) -> None:
    """`curl -F` with the same fields."""
    fields = signed(place, action="collection.create", title=title, collectionStatus="editable")
    given = [part for name, value in fields.items() for part in ("-F", f"{name}={value}")]
    file = ["-F", f"file=@{place.document};type=application/pdf"]
    done = await anyio.run_process(["curl", "-sS", *given, *file, f"{base}/upload/v1/"])
    assert json.loads(done.stdout)["code"] == 20, done.stdout


async def curl_download(place: Place, base: str, collection: str) -> None:
    """`curl -o` with a fresh link."""
    values = signed(place, action="collection.downloadHTML", collectionHash=collection)
    given = [part for name, value in values.items() for part in ("--data-urlencode", f"{name}={value}")]
    done = await anyio.run_process(["curl", "-sS", "-G", *given, f"{base}/v1/"])
    target = place.folder / "by-curl.zip"
    await anyio.run_process(["curl", "-sS", "-o", str(target), json.loads(done.stdout)["data"]["resourceUrl"]])
    remove_package(target, place)


async def measured(place: Place, base: str, runs: int) -> Figures:
    """All runs with one receiver, ours and curl's in turn."""
    found = Figures()
    async with server(place, base) as (client, process), anyio.create_task_group() as beside:
        await answered(client, "list_collections", limit=1)
        found.idle = process.memory("VmRSS")
        beside.start_soon(process.watch_children)
        for number in range(runs):
            name, collection = f"{base} {number}", ""
            process.forget_peak()
            began = time.perf_counter()
            collection = await our_upload(client, place, name)
            noted(found, "upload", base, time.perf_counter() - began, process)
            await curl_upload(place, base, f"{name} by curl")
            found.curl["upload"] += times(base)

            process.forget_peak()
            began = time.perf_counter()
            await our_download(client, place, collection)
            noted(found, "download", base, time.perf_counter() - began, process)
            await curl_download(place, base, collection)
            found.curl["download"] += times(base)
        found.child = process.child
        beside.cancel_scope.cancel()
    return found


def noted(found: Figures, what: str, base: str, call: float, process: Server) -> None:
    found.memory[what].append(process.memory("VmHWM") - found.idle)
    found.calls[what].append(call)
    found.ours[what] += times(base)


def hashing(path: Path) -> float:
    """Seconds to hash what is in memory: what any program would spend on it."""
    digest, spent = hashlib.sha256(), 0.0
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            began = time.perf_counter()
            digest.update(piece)
            spent += time.perf_counter() - began
    return spent


def zip_check(path: Path) -> float:
    """Seconds for our own check."""
    began = time.perf_counter()
    with path.open("rb") as file:
        check_zip(file, path.stat().st_size, PackageLimits(), lambda: None)
    return time.perf_counter() - began


def line(what: str, value: str, limit: float | None = None, figure: float = 0.0) -> bool:
    """One figure beside its limit; whether it keeps it."""
    kept = limit is None or figure <= limit
    beside = "" if limit is None else f"   limit {limit:g}   {'ok' if kept else 'BROKEN'}"
    print(f"{what:34} {value}{beside}", flush=True)
    return kept


def told(receiving: str, found: Figures, hashed: float) -> bool:
    """All figures of one receiver."""
    print(f"\nreceiver: {receiving}")
    kept = line("idle memory of the server", f"{found.idle:.1f} MB")
    for what in ("upload", "download"):
        peak = max(found.memory[what])
        kept &= line(f"{what}: peak memory over idle", f"{peak:.1f} MB", MEMORY_LIMIT, peak)
    line("page counter, a process of its own", f"{found.child:.1f} MB at its peak")
    for what, beside in (("upload", "curl -F"), ("download", "curl -o")):
        ours, curl = median(found.ours[what]), median(found.curl[what])
        apart = hashed if what == "download" else 0.0  # an upload is hashed before it begins, a package as it comes
        ratio = (ours - apart) / curl
        less = f" (of which hashing {apart:.2f})" if apart else ""
        text = f"{ours:.2f} s{less}, {beside} {curl:.2f} s: {ratio:.2f} times"
        kept &= line(f"{what}: transfer", text, TIME_LIMIT, ratio)
        line(f"{what}: the whole call", f"{median(found.calls[what]):.2f} s")
    return kept


def main(size: int, runs: int) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        place = Place(folder, folder / "large.pdf", folder / "package.zip")
        write_document(place.document, size * MEGABYTE)
        write_package(place.package, size * MEGABYTE)
        print(f"{size} MB, median of {runs} in turn")
        hashed = hashing(place.package)
        line("hashing, apart", f"{hashed:.2f} s")
        line("zip check, apart", f"{zip_check(place.package):.2f} s")
        kept = True
        with receiver(place.package) as where:
            place.key, place.secret = where["key"], where["secret"]
            for kind, described in RECEIVERS.items():
                kept &= told(described, anyio.run(measured, place, where[kind], runs), hashed)
    print("\nall limits kept" if kept else "\na limit is broken")
    return 0 if kept else 1


RECEIVERS = {
    "bare": "a socket that throws the bytes away and sends by sendfile, before the sandbox",
    "sandbox": "the sandbox itself (uvicorn, multipart parser), throwing the files away",
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A large upload and a large package beside curl.")
    parser.add_argument("--size", type=int, default=500, metavar="MB")
    parser.add_argument("--runs", type=int, default=5, metavar="N")
    options = parser.parse_args()
    sys.exit(main(options.size, options.runs))
