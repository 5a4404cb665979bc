"""Counting the pages of a PDF without ever waiting for it, and without the server noticing."""

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import anyio
import pytest
from pypdf import PdfWriter

from flipsnack_mcp.files import lookahead, page_counter
from flipsnack_mcp.files.documents import Kind, open_document
from flipsnack_mcp.files.lookahead import NOT_COUNTED, LookAhead, look_ahead
from flipsnack_mcp.files.reading import Reader
from flipsnack_mcp.files.refusal import RefusedFile

ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
AMPLE = 60.0  # seconds, where the verdict matters and not the time: a test machine may be busy
HANGS = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    pass
"""


class Ground(Protocol):
    @property
    def allowed(self) -> Path: ...
    @property
    def good(self) -> Path: ...
    @property
    def secret(self) -> Path: ...


def written(pages: int) -> PdfWriter:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(100, 100)
    return writer


def pdf(pages: int) -> bytes:
    buffer = io.BytesIO()
    written(pages).write(buffer)
    return buffer.getvalue()


def write_padded_pdf(path: Path, pages: int, padding: int) -> None:
    """Writes a valid PDF with a hole between its header and its objects, which takes no room on the disk."""
    kids = b" ".join(b"%d 0 R" % (number + 3) for number in range(pages))
    bodies = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[" + kids + b"]/Count %d>>" % pages]
    bodies += [b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"] * pages
    with path.open("wb") as file:
        file.write(b"%PDF-1.7\n%")
        file.seek(padding)
        file.write(b"\n")
        places = list[int]()
        for number, body in enumerate(bodies, start=1):
            places.append(file.tell())
            file.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
        table = file.tell()
        file.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1))
        file.writelines(b"%010d 00000 n \n" % place for place in places)
        file.write(b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(bodies) + 1, table))


async def looked(ground: Ground, seconds: float = AMPLE, kind: Kind = Kind.PDF) -> LookAhead:
    async with open_document(str(ground.good), [ground.allowed], kind) as document:
        return await look_ahead(document, seconds)


@pytest.mark.parametrize("pages", [1, 8, 500])
async def test_pages_are_counted(ground: Ground, pages: int) -> None:
    ground.good.write_bytes(pdf(pages))

    assert await looked(ground) == LookAhead(pages, ())


@pytest.mark.parametrize("pages", [501, 1000])
async def test_many_pages_come_with_a_warning(ground: Ground, pages: int) -> None:
    ground.good.write_bytes(pdf(pages))

    found = await looked(ground)

    assert found.pages == pages
    assert "older documentation gives 500" in found.warnings[0]


@pytest.mark.parametrize("pages", [1001, 3000])
async def test_too_many_pages_are_refused(ground: Ground, pages: int) -> None:
    ground.good.write_bytes(pdf(pages))

    with pytest.raises(RefusedFile, match="Flipsnack takes at most 1,000 pages"):
        await looked(ground)


async def test_number_a_pdf_gives_itself_is_not_believed(ground: Ground) -> None:
    ground.good.write_bytes(pdf(8).replace(b"/Count 8", b"/Count 9"))

    assert await looked(ground) == LookAhead(8, ())


@pytest.mark.parametrize(
    "content",
    [pdf(8)[:-30], pdf(8)[:600], pdf(0), b"%PDF-1.7\n", b"%PDF-1.7\n" + b"ours " * 2000],
    ids=["end-missing", "half", "no-pages", "nothing", "no-pdf"],
)
async def test_damaged_pdf_comes_with_a_warning(ground: Ground, content: bytes) -> None:
    ground.good.write_bytes(content)

    found = await looked(ground)

    assert found.pages is None
    assert "damaged" in found.warnings[0]


@pytest.mark.parametrize("password", ["", "secret"])
async def test_encrypted_pdf_is_not_counted(ground: Ground, password: str) -> None:
    writer = written(8)
    writer.encrypt(password, "owner", algorithm="RC4-128")
    writer.write(ground.good)

    assert await looked(ground) == LookAhead(None, (NOT_COUNTED,))


async def test_image_is_not_looked_into(ground: Ground, started: list[subprocess.Popen[bytes]]) -> None:
    ground.good.write_bytes(b"GIF89a")

    assert await looked(ground, kind=Kind.IMAGE) == LookAhead(None, ())
    assert not started


async def test_tree_that_bites_its_tail_ends(ground: Ground) -> None:
    write_padded_pdf(ground.good, 3, 100)
    ground.good.write_bytes(ground.good.read_bytes().replace(b"[3 0 R 4 0 R", b"[2 0 R 2 0 R"))

    assert "damaged" in (await looked(ground)).warnings[0]


# The document itself


async def test_document_is_whole_afterwards(ground: Ground) -> None:
    ground.good.write_bytes(content := pdf(300) + b"%" + os.urandom(300_000).hex().encode() + b"\n%%EOF\n")

    async with open_document(str(ground.good), [ground.allowed]) as document:
        await look_ahead(document, AMPLE)
        assert b"".join([piece async for piece in document.pieces()]) == content
        assert await document.sha256() == hashlib.sha256(content).hexdigest()


async def test_document_may_be_read_meanwhile(ground: Ground) -> None:
    write_padded_pdf(ground.good, 400, 3_000_000)
    content, found = ground.good.read_bytes(), list[LookAhead]()

    async with open_document(str(ground.good), [ground.allowed]) as document, anyio.create_task_group() as group:

        async def look() -> None:
            found.append(await look_ahead(document, AMPLE))

        group.start_soon(look)
        while not found:
            assert b"".join([piece async for piece in document.pieces()]) == content

    assert found == [LookAhead(400, ())]


async def test_file_that_was_opened_is_looked_into_whatever_its_path_says_now(ground: Ground) -> None:
    ground.good.write_bytes(pdf(8))
    ground.secret.write_bytes(pdf(9))

    async with open_document(str(ground.good), [ground.allowed]) as document:
        ground.good.unlink()
        ground.good.symlink_to(ground.secret)
        assert await look_ahead(document, AMPLE) == LookAhead(8, ())


async def test_document_cut_off_meanwhile_is_no_error_here(ground: Ground) -> None:
    ground.good.write_bytes(pdf(8))

    async with open_document(str(ground.good), [ground.allowed]) as document:
        os.truncate(ground.good, 10)
        assert await look_ahead(document, AMPLE) == LookAhead(None, (NOT_COUNTED,))


async def test_disk_that_does_not_answer_is_not_waited_for(
    ground: Ground, monkeypatch: pytest.MonkeyPatch, started: list[subprocess.Popen[bytes]]
) -> None:
    answer = threading.Event()

    def slow(*_: object) -> bytes:
        assert answer.wait(20)
        return b""

    with anyio.fail_after(10):
        async with open_document(str(ground.good), [ground.allowed]) as document:
            monkeypatch.setattr(Reader, "read", slow)
            assert await look_ahead(document, 0.3) == LookAhead(None, (NOT_COUNTED,))
            assert_gone(started)
            answer.set()


# The other process


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that were started to count pages."""
    processes = list[subprocess.Popen[bytes]]()

    def watched(*args: Any, **kwargs: Any) -> subprocess.Popen[bytes]:
        processes.append(subprocess.Popen(*args, **kwargs))  # noqa: S603
        return processes[-1]

    monkeypatch.setattr(lookahead, "Popen", watched)
    return processes


async def test_many_documents_at_once_are_counted_two_at_a_time(
    ground: Ground, started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is a process, and all at once none of them would be done in its two seconds."""
    ground.good.write_bytes(pdf(8))
    at_once, original = list[int](), lookahead.PageCounting.stop

    def stop(counting: lookahead.PageCounting) -> None:
        at_once.append(sum(process.returncode is None for process in started))
        original(counting)

    monkeypatch.setattr(lookahead.PageCounting, "stop", stop)
    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(looked, ground)

    assert len(started) == len(at_once) == 8
    assert max(at_once) <= 2


Put = Callable[[str], object]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Puts another program where the page counter is."""
    path = tmp_path / "program.py"
    monkeypatch.setattr(lookahead, "PROGRAM", path)
    return path.write_text


def assert_gone(processes: list[subprocess.Popen[bytes]]) -> None:
    assert processes
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process.pid, 0)


async def test_parser_that_hangs_is_killed(
    ground: Ground, program: Put, started: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lookahead.PATIENCE == 2.0
    monkeypatch.setattr(lookahead, "PATIENCE", 0.3)
    program(HANGS)
    before = time.monotonic()

    async with open_document(str(ground.good), [ground.allowed]) as document:
        assert await look_ahead(document) == LookAhead(None, (NOT_COUNTED,))

    assert time.monotonic() - before < 5
    assert_gone(started)


async def test_loop_turns_meanwhile_and_cancelling_kills(
    ground: Ground, program: Put, started: list[subprocess.Popen[bytes]]
) -> None:
    program(HANGS)

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(looked, ground)
            while not started:
                await anyio.lowlevel.checkpoint()
            for _ in range(100):
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()

    assert_gone(started)


async def test_parser_that_hangs_after_its_verdict_is_not_waited_for(
    ground: Ground, program: Put, started: list[subprocess.Popen[bytes]]
) -> None:
    program("print('pages 7', flush=True)" + HANGS)

    with anyio.fail_after(20):
        assert await looked(ground) == LookAhead(7, ())

    assert_gone(started)


async def test_process_is_gone_when_all_is_well(ground: Ground, started: list[subprocess.Popen[bytes]]) -> None:
    ground.good.write_bytes(pdf(8))

    await looked(ground)

    assert_gone(started)


@pytest.mark.parametrize(
    "text",
    [
        "raise SystemExit(1)",
        "import os; os.abort()",
        "print('read -5')",
        "print('read 99999999999999999999')",
        "print('read x')",
        "print('rubbish')",
        "print('pages many')",
        "import sys; sys.stdout.buffer.write(bytes(range(128, 255)))",
        "print('read 0', flush=True)",
    ],
)
async def test_parser_gone_mad_is_no_error(ground: Ground, program: Put, text: str) -> None:
    program(text)

    assert await looked(ground) == LookAhead(None, (NOT_COUNTED,))


async def test_process_that_cannot_be_started_is_no_error(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    assert await looked(ground) == LookAhead(None, (NOT_COUNTED,))


async def test_credentials_stay_here(ground: Ground, program: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLIPSNACK_API_SECRET", "secret")
    program("import os; print('pages', 7 if 'secret' not in os.environ.values() else 8)")

    assert await looked(ground) == LookAhead(7, ())


async def test_module_in_the_current_folder_is_not_taken_for_pypdf(
    ground: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground.good.write_bytes(pdf(8))
    (tmp_path / "pypdf.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)

    assert await looked(ground) == LookAhead(8, ())


def run(*command: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(  # noqa: S603
        [sys.executable, *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=ENVIRONMENT,
        timeout=30,
        check=False,
    )


def test_page_counter_ends_when_the_server_was_killed() -> None:
    finished = run(page_counter.__file__, "20", "1000000")

    assert finished.stdout == b"read 0\n"


@pytest.mark.parametrize("hanging", ["while True: pass", "import re; re.match('(a*)*b', 'a' * 99)"])
def test_page_counter_ends_even_when_it_hangs_and_the_server_was_killed(hanging: str) -> None:
    finished = run("-c", f"from flipsnack_mcp.files.page_counter import limit; limit(0.2)\n{hanging}")

    assert finished.returncode == 1
    assert b"Timeout" in finished.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="macOS and Windows set no limit to memory")
def test_page_counter_takes_no_more_memory_than_it_may() -> None:
    finished = run("-c", "from flipsnack_mcp.files.page_counter import limit; limit(20); bytearray(2 * 1024**3)")

    assert b"MemoryError" in finished.stderr


# The server that looks

SERVER = """
import anyio, json, re, sys
from pathlib import Path
from flipsnack_mcp.files.documents import open_document
from flipsnack_mcp.files.lookahead import look_ahead

def peak():
    status = Path("/proc/self/status")
    return int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1]) if status.exists() else 0

async def main(path):
    async with open_document(str(path), [path.parent]) as document:
        before = peak()
        found = await look_ahead(document, 60)
        print(json.dumps({"pages": found.pages, "kilobytes": peak() - before, "pypdf": "pypdf" in sys.modules,
                          "request": sys.stdin.readline()}), file=sys.stderr)

anyio.run(main, Path(sys.argv[1]))
"""


def served(path: Path) -> Any:
    """Looks ahead in a process whose input is waiting and whose output somebody reads, as with MCP over stdio."""
    finished = subprocess.run(  # noqa: S603
        [sys.executable, "-c", SERVER, str(path)],
        input=b"request\n",
        capture_output=True,
        env=ENVIRONMENT,
        timeout=60,
        check=True,
    )
    assert finished.stdout == b""
    return json.loads(finished.stderr)


def test_streams_of_the_server_are_not_touched(ground: Ground) -> None:
    ground.good.write_bytes(pdf(8))

    found = served(ground.good)

    assert (found["pages"], found["request"]) == (8, "request\n")
    assert not found["pypdf"]


@pytest.mark.skipif(sys.platform != "linux", reason="measured by /proc")
@pytest.mark.parametrize("padding", [100_000_000, 500_000_000])
def test_memory_of_the_server_does_not_grow_with_the_document(ground: Ground, padding: int) -> None:
    write_padded_pdf(ground.good, 400, padding)

    found = served(ground.good)

    assert found["pages"] == 400
    assert found["kilobytes"] < 8 * 1024
