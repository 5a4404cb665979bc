"""A person's terminal: whatever was written down, by whomever, in any encoding and into a closed pipe."""

# ruff: noqa: RUF001  # look-alikes are what it is about

import io
import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from typing_extensions import override

from flipsnack_mcp.__main__ import main
from flipsnack_mcp.server.consent.codes import CODE, Ticket
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import Records
from flipsnack_mcp.store.sqlite import SqliteStore
from flipsnack_mcp.workflows.history import History
from tests.commands.processes import KEY, PROGRAM, SECRET, Ended, Run

ACCOUNT = Settings(api_key=KEY, api_secret=SECRET).account
Here = Callable[..., Ended]
HOSTILE = {
    "erases a line": "\x1b[1A\x1b[2K", "fills the clipboard": "\x1b]52;c;Y3VybCB4LmNvfHNo\x07", "forges a line": "\r    1  nothing",
    "new line": "x\n    2  2026-01-01  forged", "C1": "\x9b2J\x9d52;c;x\x9c", "title of the window": "\x1b]0;x\x07",
    "backspaces": "safe\b\b\b\bevil", "direction": "\u202eevil\u202c", "isolates": "\u2066x\u2069", "zero width": "a\u200bb",
    "tags": "x\U000e0041\U000e0042", "bell": "\x07", "form feed": "a\x0cb", "vertical tab": "a\x0bb", "next line": "a\x85b",
    "line separator": "a\u2028b", "delete": "a\x7fb", "nul": "a\x00b", "half a character": "a\udc9bb", "device control": "\x90q\x9c",
}  # fmt: skip


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


def settings(state: Path) -> dict[str, str]:
    return {"FLIPSNACK_STATE": f"sqlite:{state}", "FLIPSNACK_API_KEY": KEY, "FLIPSNACK_API_SECRET": SECRET}


async def write(state: Path, text: str, title: str, code: str) -> None:
    """An entry of the history and a code, with this text wherever one stands that was not made here."""
    store = SqliteStore(state)
    trail = History(store, ACCOUNT)
    facts = dict.fromkeys(("tool", "target", "decision", "confirmed", "said"), text)
    await trail.add(**facts, before={"title": title, text: [text]})

    def work(records: Records) -> None:
        ticket = Ticket(text=f"Delete {text} {title}", expected=text, target=text, seen="", account=ACCOUNT, tool=text,
                        made=records.now, needs_approval=True)  # fmt: skip
        records.put(CODE, code, ticket.model_dump(mode="json"), keep=600)

    await store.transact(work)
    await store.close()


def written(state: Path, text: str = "", title: str = "", code: str = "ABCD2345") -> None:
    # JSON in the store holds no half characters; whatever holds one comes from elsewhere.
    anyio.run(write, state, text.encode(errors="replace").decode(), title.encode(errors="replace").decode(), code)


def odd_in(text: str) -> list[str]:
    return [ascii(one) for one in text if one != "\n" and unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


def test_nothing_that_was_written_down_acts_on_a_terminal(run_here: Here, state: Path) -> None:
    for number, text in enumerate(HOSTILE.values()):
        written(state, text, text, f"ABCD23{number:02}")
    for command in ("history", "approve"):
        done = run_here(command, **settings(state))
        assert done.status == 0
        assert odd_in(done.out) == []
        assert len(done.out.splitlines()) == 1 + len(HOSTILE), done.out


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_nothing_in_a_question_acts_on_a_terminal(
    run_here: Here, state: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    written(state, text, text)
    prompts: list[str] = []

    def asked(prompt: str) -> str:
        prompts.append(prompt)
        return "something else"

    monkeypatch.setattr("builtins.input", asked)
    monkeypatch.setattr(sys, "stdin", Terminal())
    done = run_here("approve", "abcd2345", **settings(state))
    assert done.status == 1
    assert odd_in(done.out + "".join(prompts)) == []
    assert len(prompts) == 1
    assert "\n" not in prompts[0]


class Terminal(io.StringIO):
    @override
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    "text", [one for one in HOSTILE.values() if "\x00" not in one], ids=[one for one in HOSTILE if one != "nul"]
)
def test_neither_a_code_nor_a_setting_acts_on_a_terminal(run_here: Here, state: Path, text: str) -> None:
    refused = run_here("approve", text, **settings(state))
    looked = run_here("doctor", FLIPSNACK_UPLOAD_DIRS=f"/no/{text}", FLIPSNACK_SANDBOX="1")
    assert refused.status == looked.status == 1
    assert odd_in(refused.out) == odd_in(looked.out) == []
    assert len(refused.out.splitlines()) == 1
    assert "Traceback" not in refused.err + looked.err


TITLE = "Été 🎉 目录 – “x” 👨\u200d👩\u200d👧 کتاب\u200cها 5\u00a0€"
ENCODINGS = (
    "cp1252",
    "ascii",
    "latin-1",
    "cp437",
    "cp932",
    "gbk",
    "koi8-r",
    "shift_jis",
    "utf-8",
    "utf-16",
    "cp850",
    "big5",
)
SHOWING = (["history"], ["approve"], ["history", "--json"], ["doctor"], ["history", "--verify"])


@pytest.mark.parametrize(
    ("encoding", "command"),
    [(one, SHOWING[(place + turn) % len(SHOWING)]) for place, one in enumerate(ENCODINGS) for turn in (0, 2)],
    ids=lambda one: one if isinstance(one, str) else " ".join(one),
)
def test_everything_is_printed_in_any_encoding(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, command: list[str]
) -> None:
    written(state, "x", TITLE)
    raw = io.BytesIO()
    for name, value in {
        **settings(state),
        "FLIPSNACK_SANDBOX": "1",
        "FLIPSNACK_DOWNLOAD_DIR": f"{tmp_path}/{TITLE}",
    }.items():
        if not (name == "FLIPSNACK_SANDBOX" and command[0] != "doctor"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    status = main(command)
    sys.stdout.flush()
    shown = raw.getvalue().decode(encoding)
    assert (status, shown.count("\n") > 0) == (0, True)
    if command in (["history"], ["approve"], ["doctor"]):
        assert re.search(r"(目|\\u76ee)(录|\\u5f55)", shown)


class Closed(io.StringIO):
    """A pipe whose reader has gone, after so many writes."""

    def __init__(self, error: OSError, after: int = 0) -> None:
        super().__init__()
        self._error, self._left = error, after

    @override
    def write(self, text: str, /) -> int:
        self._left -= 1
        if self._left < 0:
            raise self._error
        return super().write(text)


ERRORS = {"closed": BrokenPipeError(32, "Broken pipe"), "closed on Windows": OSError(22, "Invalid argument")}


@pytest.mark.parametrize(("after", "error"), [*enumerate(ERRORS.values())], ids=["closed", "after a line on Windows"])
@pytest.mark.parametrize("command", [*SHOWING, ["--help"], ["--version"], ["serve", "--help"]], ids=" ".join)
def test_into_a_closed_pipe_a_command_ends_quietly(
    run_here: Here, state: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], error: OSError, after: int
) -> None:
    written(state, "x", TITLE)
    monkeypatch.setattr(sys, "stdout", Closed(error, after))
    own = {"FLIPSNACK_SANDBOX": "1"} if command == ["doctor"] else settings(state)
    done = run_here(*command, **own)
    assert done.err == ""


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
@pytest.mark.parametrize("command", ["leads export >&-", "token add anna 2>&-"])
def test_what_nobody_reads_does_not_make_a_failure_of_what_was_done(run: Run, state: Path, command: str) -> None:
    """With status 1 a script would do it once more."""
    own = {"FLIPSNACK_TOKENS": str(state.with_name("tokens.json")), **settings(state)}
    typed = ["sh", "-c", f'exec "$@" {command}', "sh", *PROGRAM]
    done = subprocess.run(typed, env={**run.environment, **own}, capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("fsm_") == command.startswith("token")


def test_a_disk_that_is_full_is_said(run_here: Here, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Closed(OSError(28, "No space left on device")))
    done = run_here("history", **settings(state))
    assert done.status == 1
    assert "No space left on device" in done.err
    assert "Traceback" not in done.err


def test_what_was_not_shown_cannot_be_approved(run_here: Here, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(state, "x", TITLE)
    asked: list[str] = []
    monkeypatch.setattr("builtins.input", asked.append)
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(sys, "stdout", Closed(BrokenPipeError(32, "Broken pipe")))
    assert run_here("approve", "ABCD2345", **settings(state)).status != 0
    assert asked == []


@pytest.mark.parametrize("command", [["history"], ["--help"]], ids=" ".join)
def test_a_real_closed_pipe_leaves_no_traceback(run: Run, state: Path, command: list[str]) -> None:
    written(state, "x", TITLE)
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*PROGRAM, *command], env={**run.environment, **settings(state)}, **pipes) as process:  # noqa: S603 - our own program
        assert process.stdout
        assert process.stderr
        process.stdout.close()  # long before the program has started
        assert process.stderr.read() == b""
        process.wait(60)


def test_a_real_process_prints_a_title_that_its_encoding_does_not_have(run: Run, state: Path) -> None:
    written(state, "x", TITLE)
    done = run("history", PYTHONIOENCODING="ascii", PYTHONUTF8="0", **settings(state))
    assert (done.status, done.err) == (0, "")
    assert r"\U0001f389 \u76ee\u5f55" in done.out


LIGHT = "import sys; from flipsnack_mcp.commands import approve, history, move, token; sys.exit('mcp' in sys.modules)"


def test_who_looks_at_a_terminal_waits_for_no_sdk() -> None:
    subprocess.run([sys.executable, "-c", LIGHT], check=True)  # noqa: S603 - our own modules


def test_as_json_the_trail_is_whole_and_safe(run_here: Here, state: Path) -> None:
    for text in HOSTILE.values():
        written(state, text, TITLE)
    done = run_here("history", "--json", **settings(state))
    assert odd_in(done.out) == []
    assert json.loads(done.out)[0]["target"] == HOSTILE["erases a line"]
