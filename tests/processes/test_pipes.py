"""Odd lines over real pipes, and pipes that a client closes: an answer in words, and an end without a traceback."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import flipsnack_mcp
from flipsnack_mcp.server.arriving.inlet import INCOMPLETE
from tests.commands.processes import PROGRAM, Run, messages
from tests.commands.test_serving import HELLO, READY, asked

SANDBOX = {"FLIPSNACK_SANDBOX": "1"}
SEARCH = asked(5, "tools/call", name="list_collections", arguments={"query": "QUERY"})
ODD: dict[int | None, str] = {
    5: SEARCH.replace("QUERY", "half \\ud83d"),
    6: json.dumps([json.loads(asked(6, "tools/list"))]),
    7: "\ufeff" + asked(7, "tools/list"),
    8: asked(8, "tools/list").replace('"params": {}', '"params": []'),
    9: json.dumps({**json.loads(asked(9, "tools/call")), "params": {"name": "get_user_stats", "arguments": "{}"}}),
    None: asked(1, "tools/list").replace('"id": 1', '"id": 1.5'),
}


def test_odd_lines_are_answered_over_real_pipes(run: Run) -> None:
    ended = run.talk(HELLO, READY, *ODD.values(), ids={5, 6, 7, 8, 9, None}, **SANDBOX)
    answers = {one["id"]: one for one in messages(ended.out)}
    assert "half a character" in answers[5]["result"]["content"][0]["text"]
    assert answers[6]["error"]["code"] == answers[None]["error"]["code"] == -32600
    assert all("result" in answers[number] for number in (7, 8, 9))
    assert "Traceback" not in ended.err


def test_bytes_that_are_no_utf8_are_read_as_far_as_they_are(run: Run) -> None:
    said = b""
    lines = f"{HELLO}\n{READY}\n{SEARCH}\n".encode().replace(b"QUERY", b"caf\xe9 \xff")
    with run.kept(**SANDBOX) as process:
        assert process.stdin
        assert process.stdout
        os.write(process.stdin.fileno(), lines)
        while b"total: 0" not in said:
            said = os.read(process.stdout.fileno(), 65_536)
            assert said, "the server ended"


@pytest.mark.parametrize(
    "lines", [(), (HELLO,), (HELLO, READY, SEARCH), ("{",)], ids=["at once", "greeted", "calling", "garbled"]
)
def test_a_client_that_closes_what_it_writes_to_ends_the_server_without_a_word(
    run: Run, lines: tuple[str, ...]
) -> None:
    ended = run(given="".join(f"{line}\n" for line in lines), FLIPSNACK_LOG_LEVEL="DEBUG", **SANDBOX)
    assert ended.status == 0
    assert "Traceback" not in ended.err
    assert "Error" not in ended.err
    messages(ended.out)


def test_who_writes_calls_into_a_pipe_that_ends_gets_their_answers(run: Run) -> None:
    """Also more of them than a pipe holds, of which the last are still being written when nothing is under way any more."""
    calls = {number: asked(number, "tools/call", name="list_collections", arguments={}) for number in range(10, 60)}
    ended = run(given="".join(f"{line}\n" for line in (HELLO, READY, *calls.values())), **SANDBOX)
    answers = {one["id"]: one for one in messages(ended.out)}
    assert {number for number in calls if "result" in answers.get(number, {})} == {*calls}


@pytest.mark.parametrize("first", [(), (HELLO, READY)], ids=["at once", "after a greeting"])
def test_a_client_that_closes_what_it_reads_from_ends_the_server_without_a_traceback(
    run: Run, first: tuple[str, ...]
) -> None:
    with run.kept(**SANDBOX) as process:
        assert process.stdin
        assert process.stdout
        for line in first:
            process.stdin.write(line + "\n")
            process.stdin.flush()
        if first:
            assert process.stdout.readline()
        process.stdout.close()
        process.stdin.write(f"{HELLO}\n{asked(2, 'tools/list')}\n{SEARCH}\n")
        process.stdin.flush()
        assert process.wait(timeout=60) == 0  # stdin is still open
        assert process.stderr
        assert process.stderr.read() == ""


def test_a_server_whose_parts_were_taken_away_says_so_and_nothing_of_them(run: Run, tmp_path: Path) -> None:
    """As by an update while it waits for its first call."""
    package = Path(shutil.copytree(Path(flipsnack_mcp.__file__).parent, tmp_path / "flipsnack_mcp"))
    path = os.pathsep.join([str(tmp_path), *sys.path])
    with run.kept(PYTHONPATH=path, PYTHONSAFEPATH="1", **SANDBOX) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{HELLO}\n{READY}\n{asked(2, 'ping')}\n")
        process.stdin.flush()
        while json.loads(process.stdout.readline())["id"] != 2:
            pass
        (package / "server" / "dispatch.py").unlink()
        process.stdin.write(f"{SEARCH}\n{asked(6, 'resources/read', uri='flipsnack://account')}\n")
        process.stdin.flush()
        said = [json.loads(process.stdout.readline())["error"]["message"] for _ in range(2)]
        _, logged = process.communicate(timeout=60)
    assert said == [INCOMPLETE] * 2
    assert "Traceback" not in logged


def test_a_server_that_is_removed_before_its_first_call_answers_it_in_words(run: Run, tmp_path: Path) -> None:
    """Its lists were there before most of it was loaded, so a client may have waited for days."""
    package = Path(shutil.copytree(Path(flipsnack_mcp.__file__).parent, tmp_path / "flipsnack_mcp"))
    path = os.pathsep.join([str(tmp_path), *sys.path])
    with run.kept(PYTHONPATH=path, PYTHONSAFEPATH="1", **SANDBOX) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{HELLO}\n{READY}\n")
        process.stdin.flush()
        assert "result" in json.loads(process.stdout.readline())
        shutil.rmtree(package)
        process.stdin.write(f"{SEARCH}\n")
        process.stdin.flush()
        told, logged = process.communicate(timeout=60)
    (answer,) = messages(told)
    assert (answer["id"], answer["error"]["message"]) == (5, INCOMPLETE)
    assert "Traceback" not in logged
    assert INCOMPLETE in logged


@pytest.mark.parametrize("closed", ["<&-", ">&-", ">/dev/full"])
def test_pipes_that_are_closed_or_broken_from_the_start_are_named_in_a_line(run: Run, closed: str) -> None:
    command = f"{shlex.join(PROGRAM)} {closed}"
    ended = subprocess.run(  # noqa: S602  # our own program
        command,
        shell=True,
        input=HELLO + "\n",
        capture_output=True,
        env=run.environment | SANDBOX,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stderr.startswith("stdin or stdout ")
    assert len(ended.stderr.splitlines()) == 1


IN_ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
by_locale = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are in UTF-8 whatever is set")


@by_locale
def test_where_a_locale_leaves_no_letters_for_names_of_files_it_is_said_what_gives_them(
    run: Run, tmp_path: Path
) -> None:
    for name in ("offers.pdf", "Ernte \u00fc.pdf"):
        (tmp_path / name).write_bytes(b"%PDF-1.7\n<< /Type /Page >>\n%%EOF\n")
    there = asked(5, "tools/call", name="list_documents", arguments={})
    one = asked(6, "tools/call", name="create_collection", arguments={"file_path": "Ernte \u00fc.pdf"})
    several = asked(7, "tools/call", name="create_collections", arguments={"documents": ["Ernte \u00fc.pdf"]})
    told = {**SANDBOX, **IN_ASCII, "FLIPSNACK_UPLOAD_DIRS": str(tmp_path)}
    ended = run.talk(HELLO, READY, there, one, several, ids={5, 6, 7}, **told)
    said = {one["id"]: one["result"]["content"][0]["text"] for one in messages(ended.out) if one.get("id") in {5, 6, 7}}
    assert "offers.pdf" in said[5]
    assert "a name that is not in ASCII" in said[5]
    for text in (said[6], said[7]):
        assert "letters that are not in ASCII" in text
        assert "PYTHONUTF8=1" in text


@by_locale
def test_where_a_locale_leaves_no_letters_a_title_becomes_a_name_without_them(run: Run) -> None:
    ask = "from flipsnack_mcp.files.names import safe_name; print(safe_name('\\u00dcber Obst', ''), safe_name('\\u65e5', 'fxh4k89'))"
    said = subprocess.check_output([sys.executable, "-c", ask], env={**run.environment, **IN_ASCII}, text=True)  # noqa: S603
    assert said == "ber Obst fxh4k89\n"
