"""A process that looks at a file: it is given the blocks that are there, and what it says counts only where all was well."""

import io
from pathlib import Path

import pytest

from flipsnack_mcp.files.apart.inside import BLOCK, AskedFile
from flipsnack_mcp.files.apart.process import MOST_GIVEN, UNKNOWN_VERDICT, Blocks, Judgement, look_apart

SECONDS = 60.0
CONTENT = b"0123456789"
PROGRAMS = {
    "says at once": ("say('fine')", Judgement("fine")),
    "reads a block": ("ask(0, 10); say('fine')", Judgement("fine")),
    "is given what there is": ("say(ask(0, 10).decode())", Judgement("0123456789")),
    "makes something": ("give(3, b'abc'); say('fine')", Judgement("fine", b"abc")),
    "makes as much as it may": (f"give({MOST_GIVEN}, bytes({MOST_GIVEN})); say('fine')", Judgement("fine", bytes(MOST_GIVEN))),
    "makes too much": (f"give({MOST_GIVEN + 1}, bytes({MOST_GIVEN + 1})); say('fine')", Judgement()),
    "makes less than it says": ("give(3, b'ab')", Judgement()),
    "asks for what is not there": ("ask(1, 1); say('fine')", Judgement()),
    "asks for what is before the file": ("ask(-1, 1); say('fine')", Judgement()),
    "says nothing": ("pass", Judgement()),
    "asks and goes": ("ask(0, 10)", Judgement()),
    "fails": ("raise SystemExit(1)", Judgement()),
    "is told no secret": ("say(str(sorted(one for one in os.environ if 's3cret' in os.environ[one])))", Judgement("[]")),
    "has the modules of this one": ("import flipsnack_mcp; say('fine')", Judgement("fine")),
    "is told its time and the size": ("say(' '.join(sys.argv[1:]))", Judgement("60.0 10")),
}  # fmt: skip
HOLDING_SECRETS = {
    "FLIPSNACK_API_SECRET": "s3cret",
    "https_proxy": "http://anna:s3cret@proxy.example:3128",
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer s3cret",
    "GITHUB_TOKEN": "s3cret",
}
SAYING = """
import os, sys
def out(data): sys.stdout.buffer.write(data); sys.stdout.buffer.flush()
def say(text): out(text.encode() + b"\\n")
def ask(number, count): out(b"read %d\\n" % number); return sys.stdin.buffer.read(count)
def give(count, made): out(b"give %d\\n" % count + made)
"""


def program(folder: Path, does: str) -> Path:
    path = folder / "program.py"
    path.write_text(f"{SAYING}{does}\n")
    return path


@pytest.mark.parametrize(("does", "judged"), PROGRAMS.values(), ids=PROGRAMS)
async def test_what_a_process_says_counts_where_it_kept_to_what_is_agreed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str, judged: Judgement
) -> None:
    for name, value in HOLDING_SECRETS.items():
        monkeypatch.setenv(name, value)
    blocks = Blocks(len(CONTENT), lambda offset, length: CONTENT[offset : offset + length])
    assert await look_apart(program(tmp_path, does), blocks, SECONDS) == judged


async def test_of_a_file_that_becomes_shorter_nothing_is_given(tmp_path: Path) -> None:
    shorter = Blocks(len(CONTENT), lambda _offset, _length: CONTENT[:-1])
    assert (await look_apart(program(tmp_path, "ask(0, 1); say('fine')"), shorter, SECONDS)).verdict == UNKNOWN_VERDICT


async def test_a_file_that_cannot_be_read_is_no_verdict(tmp_path: Path) -> None:
    def gone(_offset: int, _length: int) -> bytes:
        raise OSError("The disk is gone.")

    blocks = Blocks(len(CONTENT), gone)
    assert await look_apart(program(tmp_path, "ask(0, 1); say('fine')"), blocks, SECONDS) == Judgement()


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK])
def test_a_file_that_is_asked_for_in_blocks_reads_like_any_other(size: int) -> None:
    content, questions = (bytes(range(251)) * (size // 251 + 1))[:size], io.BytesIO()
    file = io.BufferedReader(AskedFile(size, questions, io.BytesIO(content)))
    assert file.read() == content
    assert (file.seek(0, io.SEEK_END), file.read(1)) == (size, b"")
    assert questions.getvalue() == b"".join(b"read %d\n" % number for number in range(-(-size // BLOCK)))
    with pytest.raises(ValueError, match="before the beginning"):
        file.raw.seek(-1)
