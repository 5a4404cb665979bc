"""Counting the pages of a PDF without ever waiting for it, and without the server noticing."""

import asyncio
import hashlib
import inspect
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import anyio
import pytest
from typing_extensions import override

from flipsnack_mcp.files import lookahead
from flipsnack_mcp.files.apart import page_counter, process
from flipsnack_mcp.files.documents import Kind, Reader
from flipsnack_mcp.files.lookahead import COUNTING_SECONDS, DAMAGED_WARNING, NOT_COUNTED, LookAhead, look_ahead
from flipsnack_mcp.files.refusal import RefusedFile
from tests.files.ground import PDF, Gate, Ground, Put, Started, turn_loop

ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
HANGS = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    pass
"""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the verdict matters and not the time: a test machine may be busy."""
    monkeypatch.setattr(lookahead, "COUNTING_SECONDS", 60.0)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Puts another program where the page counter is."""
    path = tmp_path / "program.py"
    monkeypatch.setattr(lookahead, "PROGRAM", path)
    return path.write_text


def write_pdf(file: BinaryIO, pages: int, padding: int = 10) -> None:
    """Writes a valid PDF with a hole between its header and its objects, which takes no room on the disk."""
    kids = b" ".join(b"%d 0 R" % (number + 3) for number in range(pages))
    bodies = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[" + kids + b"]/Count %d>>" % pages]
    bodies += [b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"] * pages
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


def pdf(pages: int, padding: int = 10) -> bytes:
    buffer = io.BytesIO()
    write_pdf(buffer, pages, padding)
    return buffer.getvalue()


async def looked(ground: Ground, kind: Kind = Kind.PDF) -> LookAhead:
    async with ground.open(kind) as document:
        return await look_ahead(document)


# fmt: off
VERDICTS = {
    "pages 1": {"one-page": pdf(1)},
    "pages 1000": {"as-many-as-may-be": pdf(1000)},
    "pages 1001": {"no-further-than-need-be": pdf(3000)},
    "pages 8": {"number-it-gives-itself": pdf(8).replace(b"/Count 8", b"/Count 9")},
    "damaged": {
        "end-missing": pdf(8)[:-30], "half": pdf(8)[:300], "no-pages": pdf(0), "nothing": PDF,
        "no-pdf": PDF + b"ours " * 2000, "tree-that-bites-its-tail": pdf(3).replace(b"[3 0 R 4 0 R", b"[2 0 R 2 0 R"),
    },
}
# fmt: on
@pytest.mark.parametrize(("verdict", "name"), [(verdict, name) for verdict, rows in VERDICTS.items() for name in rows])
def test_pages_of_whatever_calls_itself_a_pdf_are_counted(verdict: str, name: str) -> None:
    assert page_counter.judge_pages(io.BytesIO(VERDICTS[verdict][name])) == verdict


@pytest.mark.parametrize(
    ("error", "verdict"),
    [(MemoryError, "unknown"), (NotImplementedError, "unknown"), (RecursionError, "damaged"), (KeyError, "damaged")],
)
def test_what_ends_the_reader_is_told_from_what_is_wrong_with_the_document(
    error: type[Exception], verdict: str
) -> None:
    class Unread(io.BytesIO):
        @override
        def read(self, _: int | None = -1, /) -> bytes:
            raise error

    assert page_counter.judge_pages(Unread(pdf(1))) == verdict


async def test_many_pages_and_pages_that_are_not_counted_come_with_a_warning(ground: Ground, program: Put) -> None:
    many = "The document has {} pages: Flipsnack's present limit is 1,000 pages, but its older documentation gives 500."
    found = [("pages 500", LookAhead(500, ())), ("damaged", LookAhead(None, (DAMAGED_WARNING,)))]
    found += [(f"pages {pages}", LookAhead(pages, (many.format(pages),))) for pages in (501, 1000)]
    for verdict, expected in found:
        program(f"print({verdict!r})")
        assert await looked(ground) == expected


async def test_too_many_pages_are_refused_and_an_image_is_not_looked_into(
    ground: Ground, program: Put, started: Started
) -> None:
    ground.good.write_bytes(b"GIF89a")
    assert await looked(ground, Kind.IMAGE) == LookAhead(None, ())
    assert not started
    ground.good.write_bytes(PDF)
    program("print('pages 1001')")
    with pytest.raises(RefusedFile, match="Flipsnack takes at most 1,000 pages"):
        await looked(ground)


async def test_document_may_be_read_meanwhile_and_is_whole_afterwards(ground: Ground) -> None:
    ground.good.write_bytes(content := pdf(40, 1_000_000))
    async with ground.open() as document:
        looking = asyncio.create_task(look_ahead(document))
        while not looking.done():
            assert b"".join([piece async for piece in document.pieces()]) == content
        assert b"".join([piece async for piece in document.pieces()]) == content
        assert await document.sha256() == hashlib.sha256(content).hexdigest()
    assert await looking == LookAhead(40, ())


async def test_file_that_was_opened_is_looked_into_whatever_its_path_says_now(ground: Ground) -> None:
    ground.good.write_bytes(pdf(8))
    ground.secret.write_bytes(pdf(9))
    async with ground.open() as document:
        ground.good.unlink()
        ground.good.symlink_to(ground.secret)
        assert await look_ahead(document) == LookAhead(8, ())


async def test_document_cut_off_meanwhile_is_no_error_here(ground: Ground) -> None:
    async with ground.open() as document:
        os.truncate(ground.good, 10)
        assert await look_ahead(document) == LookAhead(None, (NOT_COUNTED,))


async def test_disk_that_does_not_answer_is_not_waited_for(ground: Ground, program: Put, started: Started) -> None:
    program("print('read 0', flush=True)\ninput()")
    async with ground.open() as document:
        gate = Gate(ground.patch, Reader, "read")
        with anyio.fail_after(10):
            async with anyio.create_task_group() as group:
                group.start_soon(look_ahead, document)
                await gate.wait_reached()
                group.cancel_scope.cancel()  # which is also what the end of its seconds does
        assert_gone(started)
        gate.go_on.set()


async def test_many_documents_at_once_are_counted_two_at_a_time(ground: Ground, program: Put) -> None:
    """Each is a process, and all at once none of them would be done in its two seconds."""
    program("print('pages 1')")
    gate = Gate(ground.patch, process.Looking, "run")
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(looked, ground)
            await gate.wait_reached()
            while (line := process.WAITING_LINE.statistics()).borrowed_tokens + line.tasks_waiting < 8:
                await anyio.lowlevel.checkpoint()
            gate.go_on.set()
    assert (line.borrowed_tokens, len(gate.calls)) == (2, 8)


def assert_gone(processes: Started) -> None:
    assert processes
    for one in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(one.pid, 0)


async def test_parser_that_hangs_is_killed_after_its_seconds(ground: Ground, program: Put, started: Started) -> None:
    assert COUNTING_SECONDS == 2.0
    ground.patch.setattr(lookahead, "COUNTING_SECONDS", 0.2)
    program(HANGS)
    with anyio.fail_after(60):
        assert await looked(ground) == LookAhead(None, (NOT_COUNTED,))
    assert all(one.returncode is not None for one in started)


async def test_loop_turns_meanwhile_and_cancelling_kills(ground: Ground, program: Put, started: Started) -> None:
    program(HANGS)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(looked, ground)
            while not started:
                await anyio.lowlevel.checkpoint()
            await turn_loop()
            group.cancel_scope.cancel()
    assert_gone(started)


async def test_parser_that_hangs_after_its_verdict_is_left(ground: Ground, program: Put, started: Started) -> None:
    program("print('pages 7', flush=True)" + HANGS)
    with anyio.fail_after(20):
        assert await looked(ground) == LookAhead(7, ())
    assert_gone(started)


SAID = (
    "read -5",
    "read 99999999999999999999",
    "read x",
    "read 0",
    "rubbish",
    "pages many",
    "give 9",
    "give -1",
    "give x",
)
MAD = ["raise SystemExit(1)", "import os; os.abort()", "import sys; sys.stdout.buffer.write(bytes(range(128, 255)))"]


@pytest.mark.parametrize("text", [*MAD, *(f"print('{said}', flush=True)" for said in SAID)])
async def test_parser_gone_mad_or_not_started_is_no_error(ground: Ground, program: Put, text: str) -> None:
    program(text)
    assert await looked(ground) == LookAhead(None, (NOT_COUNTED,))
    ground.patch.setattr(sys, "executable", "/nowhere/python")
    assert await looked(ground) == LookAhead(None, (NOT_COUNTED,))


async def test_credentials_stay_here(ground: Ground, program: Put) -> None:
    ground.patch.setenv("FLIPSNACK_API_SECRET", "secret")
    program("import os; print('pages', 7 if 'secret' not in os.environ.values() else 8)")
    assert await looked(ground) == LookAhead(7, ())


async def test_no_other_module_nearby_is_taken_for_pypdf(ground: Ground, program: Put, tmp_path: Path) -> None:
    ground.good.write_bytes(pdf(8))
    program(inspect.getsource(page_counter))
    (tmp_path / "pypdf.py").write_text("raise SystemExit")
    ground.patch.chdir(tmp_path)
    assert await looked(ground) == LookAhead(8, ())


def run(*command: str, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    whole = [sys.executable, *command]
    return subprocess.run(whole, input=given, capture_output=True, env=ENVIRONMENT, timeout=60, check=False)  # noqa: S603


def test_page_counter_ends_when_the_server_was_killed_even_when_it_hangs() -> None:
    assert run(page_counter.__file__, "20", "1000000").stdout == b"read 0\n"
    for hanging in ("while True: pass", "import re; re.match('(a*)*b', 'a' * 99)"):
        finished = run("-c", f"from flipsnack_mcp.files.apart.inside import limit; limit(0.05)\n{hanging}")
        assert finished.returncode == 1
        assert b"Timeout" in finished.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="macOS and Windows set no limit to memory")
def test_page_counter_takes_no_more_memory_than_it_may() -> None:
    finished = run("-c", "from flipsnack_mcp.files.apart.inside import limit; limit(20); bytearray(2 * 1024**3)")
    assert b"MemoryError" in finished.stderr


SERVER = """
import anyio, json, re, sys
from pathlib import Path
from flipsnack_mcp.files import lookahead
from flipsnack_mcp.files.documents import open_document

def peak():
    status = Path("/proc/self/status")
    return int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1]) if status.exists() else 0

async def main(path):
    lookahead.COUNTING_SECONDS = 60.0
    async with open_document(str(path), [path.parent]) as document:
        before = peak()
        found = await lookahead.look_ahead(document)
        print(json.dumps({"pages": found.pages, "kilobytes": peak() - before, "pypdf": "pypdf" in sys.modules,
                          "request": sys.stdin.readline()}), file=sys.stderr)

anyio.run(main, Path(sys.argv[1]))
"""


def test_server_keeps_its_streams_and_grows_with_no_document(ground: Ground) -> None:
    """As with MCP over stdio: its input is waiting, and somebody reads its output."""
    with ground.good.open("wb") as file:
        write_pdf(file, 400, 500_000_000)
    finished = run("-c", SERVER, str(ground.good), given=b"request\n")
    found = json.loads(finished.stderr)
    assert finished.stdout == b""
    assert (found["pages"], found["request"], found["pypdf"]) == (400, "request\n", False)
    assert found["kilobytes"] < 8 * 1024
