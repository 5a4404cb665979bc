"""An assistant on a command line: started with what a person says, and told of one server; what it said, and its tokens."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from evaluations import between
from evaluations.record import Called

SERVER = "flipsnack"
SAID, MUTTERED, DESK = "said.txt", "stderr.txt", "desk"
OUT_OF_TIME = 124
COUNTED = frozenset({"input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"})
"""Codex counts what it had cached among its input tokens, Claude Code does not."""


@dataclass(frozen=True)
class Ended:
    """What an assistant left behind."""

    said: str
    status: int
    used: int | None
    """Tokens of its model, where it tells."""
    calls: list[Called]
    forms: int


def set_the_table(folder: Path, environment: Mapping[str, str], person: str) -> None:
    """Write down how clients are told of the server, and make the empty folder in which the assistant is started."""
    server = {"command": [sys.executable, "-m", "flipsnack_mcp"], "environment": dict(environment), "person": person}
    (folder / "between.json").write_text(json.dumps(server), encoding="utf-8")
    told = json.dumps({"mcpServers": {SERVER: {"command": sys.executable, "args": arguments_of(folder)}}})
    (folder / "mcp.json").write_text(told, encoding="utf-8")
    gemini = folder / DESK / ".gemini" / "settings.json"  # which takes no file by option
    gemini.parent.mkdir(parents=True)
    gemini.write_text(told, encoding="utf-8")


def arguments_of(folder: Path) -> list[str]:
    return [between.__file__, str(folder)]


def command_line(template: str, folder: Path, prompt: str, job: str) -> list[str]:
    """The command with its gaps filled in; those for the server are JSON, which TOML reads as well."""
    gaps = {
        "{prompt}": prompt,
        "{job}": job,
        "{mcp_config}": str(folder / "mcp.json"),
        "{command}": json.dumps(sys.executable),
        "{arguments}": json.dumps(arguments_of(folder)),
    }
    return [filled_once(part, gaps) for part in shlex.split(template)]


def filled_once(part: str, gaps: Mapping[str, str]) -> str:
    """What is filled in is not looked through: a person may say `{job}`."""
    name = next((one for one in gaps if one in part), None)
    if name is None:
        return part
    before, _, after = part.partition(name)
    return filled_once(before, gaps) + gaps[name] + filled_once(after, gaps)


async def let(command: list[str], folder: Path, seconds: float) -> Ended:
    """Start it, wait for its end, and read what it left behind."""
    status = await ended_with(command, folder, seconds)
    out = (folder / SAID).read_text(encoding="utf-8", errors="replace")
    calls = [Called(**one) for one in rows(folder / between.CALLS)]
    return Ended(words(out), status, used(out), calls, len(rows(folder / between.FORMS)))


async def ended_with(command: list[str], folder: Path, seconds: float) -> int:
    """The status of a command, which is ended with all that it started where it takes too long."""
    with (folder / SAID).open("wb") as said, (folder / MUTTERED).open("wb") as muttered:
        started = await anyio.open_process(
            command, cwd=folder / DESK, env=without_settings(), stdin=subprocess.DEVNULL, stdout=said, stderr=muttered,
            start_new_session=True,
        )  # fmt: skip
        async with started as process:
            with anyio.move_on_after(seconds):
                return await process.wait()
            end_all(process.pid)
    return OUT_OF_TIME


def without_settings() -> dict[str, str]:
    """This environment; what is set for real use plays no part here."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FLIPSNACK_")}


def end_all(pid: int) -> None:
    """The process and those in its group, which it leads where there are groups."""
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(pid)], check=False, capture_output=True)
    else:
        os.killpg(pid, signal.SIGKILL)


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def words(out: str) -> str:
    """What the person reads: the text itself, or the last words in what Claude Code, Gemini CLI and Codex write as JSON."""
    last = [text for told in told_in(out) if (text := last_words(told))]
    return last[-1] if last else out


def last_words(told: Mapping[str, Any]) -> str:
    item = told.get("item") or {}
    spoken = item.get("text") if isinstance(item, dict) and item.get("type") == "agent_message" else None
    return str(told.get("result") or told.get("response") or spoken or "")


def used(out: str) -> int | None:
    """Tokens that went into and came out of the model, where the assistant writes how many."""
    usage = [one["usage"] for one in told_in(out) if isinstance(one.get("usage"), dict)]
    counts = [value for one in usage for name, value in one.items() if name in COUNTED]
    return sum(value for value in counts if isinstance(value, int)) if counts else None


def told_in(out: str) -> Iterator[dict[str, Any]]:
    """The JSON objects of an output: it is one itself, or each of its lines is."""
    for text in (out, *out.splitlines()):
        try:
            told = json.loads(text)
        except ValueError:
            continue
        if isinstance(told, dict):
            yield told
            if text is out:
                return
