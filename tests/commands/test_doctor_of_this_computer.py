"""What `doctor` finds of the way to Flipsnack, of clock and quota, of folders and files; and what `--fix` sets right of it."""

import errno
import json
import os
import re
import socket
import sqlite3
import ssl
import sys
import time
from collections.abc import Callable
from contextlib import closing
from email.utils import formatdate
from pathlib import Path, PureWindowsPath
from typing import Any

import httpx2
import pytest

from flipsnack_mcp.api import Access, Flipsnack, FlipsnackError, Pacer
from flipsnack_mcp.api.actions.statistics import GetUserStats, UserStats
from flipsnack_mcp.api.errors import OutOfTimeError, refusal
from flipsnack_mcp.api.exchange import no_answer
from flipsnack_mcp.api.network.failures import EXPLANATIONS, Departure, Route, failure_of
from flipsnack_mcp.api.network.proxies import Proxy
from flipsnack_mcp.api.wire import unreadable
from flipsnack_mcp.commands.connecting import budget, connect, rules_of
from flipsnack_mcp.commands.doctor.asking import (
    cause_in_a_word,
    clock_here,
    sharing,
    told_by_answer,
    upload_host,
    what_helps,
)
from flipsnack_mcp.commands.doctor.finding import Finding, all_set_right
from flipsnack_mcp.commands.doctor.folders import is_on_share, packages_folder
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.systems import LINUX, MACOS, System
from tests.commands.processes import KEY, SECRET, Ended, nobody_answers_at

Here = Callable[..., Ended]
EXPIRED = ssl.SSLCertVerificationError(1, "certificate has expired")
EXPIRED.verify_code = 10  # that of OpenSSL
UNTRUSTED = ssl.SSLCertVerificationError(1, "self-signed certificate")
CAUSES: dict[str, tuple[Exception, str]] = {
    "name": (socket.gaierror(socket.EAI_NONAME, "unknown"), "name"),
    "nobody": (ConnectionRefusedError(), "connection"),
    "silence": (httpx2.ConnectTimeout("late"), "connection"),
    "no route": (OSError(101, "unreachable"), "connection"),
    "expired": (EXPIRED, "certificate"),
    "not trusted": (UNTRUSTED, "certificate"),
    "no TLS": (ssl.SSLError(1, "wrong version number"), "encryption"),
    "a proxy that refuses": (httpx2.ProxyError("403 Forbidden"), "proxy"),
    "anything": (RuntimeError(), "connection"),
}


@pytest.mark.parametrize(("error", "cause"), CAUSES.values(), ids=CAUSES)
@pytest.mark.parametrize("proxied", [False, True])
def test_what_keeps_flipsnack_from_being_reached_is_told_apart(error: Exception, cause: str, *, proxied: bool) -> None:
    departure = Departure()
    departure.set_out(Route("api.flipsnack.com", 443, Proxy("HTTPS_PROXY", "http://proxy:3128") if proxied else None))
    failed = failure_of(error, departure)
    assert cause_in_a_word(failed) == ("proxy" if proxied and cause != "certificate" else cause)
    assert "the person" not in what_helps(failed)


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (41, "key"),
        (44, "secret"),
        (31, "shared key"),
        (32, "shared key"),
        (22, "maintenance"),
        (33, "quota"),
        (30, "answer"),
    ],
)
def test_what_flipsnack_refuses_is_told_apart(code: int, cause: str) -> None:
    assert cause_in_a_word(refusal(code, "said")) == cause


@pytest.mark.parametrize(
    "error",
    [*(refusal(code, "said") for code in (22, 30, 31, 33, 41, 42, 99)), OutOfTimeError(7), unreadable(GetUserStats(), "x", 429), no_answer(GetUserStats(), never_left=False)],
    ids=repr,
)  # fmt: skip
def test_what_helps_is_said_to_the_person_who_reads_it(error: FlipsnackError) -> None:
    said = what_helps(error)
    assert said
    assert not re.search("the person|same call|get_user_stats|that long|the arguments", said)


@pytest.mark.parametrize(("left", "ok"), [(0, False), (1, True), (None, True)])
def test_a_quota_that_is_used_up_is_a_fault(left: int | None, *, ok: bool) -> None:
    found = told_by_answer(UserStats(api_uploads_left=left))
    assert (found.ok, found.cause) == (ok, "" if ok else "quota")
    assert "None" not in found.said
    assert ok or "code 33" in found.said


@pytest.mark.parametrize(
    ("ahead", "ok", "said"),
    [
        (0, True, "the same as"),
        (-60, True, "s ahead of Flipsnack's"),
        (90, True, "s behind Flipsnack's"),
        (-3600, False, "s ahead of"),
        (86_400, False, "s behind"),
    ],
)
def test_a_clock_is_compared_with_that_of_the_answer(ahead: float, said: str, *, ok: bool) -> None:
    (found,) = clock_here(formatdate(time.time() + ahead))
    assert (found.ok, said in found.said) == (ok, True), found.said
    assert list(clock_here("")) == []


async def test_who_else_uses_the_key_is_counted(tmp_path: Path) -> None:
    settings = Settings(api_key=KEY, api_secret=SECRET, state=f"sqlite:{tmp_path / 'state.sqlite'}")
    for already in (0, 1, 2):
        (told,) = await sharing(settings) or (Finding("shared key", ok=True, said=""),)
        assert told.said[:3] == ("", "", "one")[already]
        pacer = Pacer(budget(settings), rules_of(settings))
        async with pacer.slot():
            pass
        await pacer.close()


async def test_the_host_for_documents_is_looked_at_without_key_and_signature() -> None:
    asked = list[httpx2.Request]()

    def answers(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(404)

    async with Flipsnack(
        Access(KEY, SECRET), Pacer(budget(Settings())), lambda: httpx2.MockTransport(answers)
    ) as flipsnack:
        assert await upload_host(flipsnack, "https://upload.flipsnack.com/v1/") == []
    (one,) = asked
    assert (one.method, str(one.url)) == ("HEAD", "https://upload.flipsnack.com/v1/")
    assert KEY not in str(one.headers)


async def test_a_host_for_documents_that_cannot_be_reached_is_a_fault() -> None:
    with nobody_answers_at() as port:
        async with connect(Settings(api_key=KEY, api_secret=SECRET, state="memory:")) as flipsnack:
            (found,) = await upload_host(flipsnack, f"http://127.0.0.1:{port}/v1/")
    assert (found.check, found.ok, found.cause) == ("upload host", False, "connection")


def test_every_cause_stands_in_the_document() -> None:
    text = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `([a-z ]+)` \|", text, re.MULTILINE)
    of_the_way = {where for _, where, _ in EXPLANATIONS}
    refused = {cause_in_a_word(refusal(code, "")) for code in (22, 30, 31, 41, 44)}
    assert sorted(documented) == sorted({*of_the_way, *refused, "setting", "quota", "unexpected"})


# --- what can be set right
def told(ended: Ended) -> Any:
    return json.loads(ended.out)


@pytest.fixture
def untidy(tmp_path: Path) -> dict[str, str]:
    """A key that others may read, a folder that is missing, and one in which a run that was killed left something."""
    key = tmp_path / "state.key"
    key.write_text(bytes(range(32)).hex())
    key.chmod(0o644)
    return {
        "FLIPSNACK_SANDBOX": "1",
        "FLIPSNACK_STATE_KEY_FILE": str(key),
        "FLIPSNACK_DOWNLOAD_DIR": str(tmp_path / "a" / "b"),
    }


def test_what_can_be_set_right_is_only_named_without_being_asked_for(
    run_here: Here, untidy: dict[str, str], tmp_path: Path
) -> None:
    checks = told(run_here("doctor", "--json", **untidy))["checks"]
    assert [one["check"] for one in checks if one.get("fixable")] == ["keys", "downloads"]
    assert "`doctor --fix` does it." in run_here("doctor", **untidy).out
    assert (tmp_path / "state.key").stat().st_mode & 0o077
    assert not (tmp_path / "a").exists()


def test_what_can_be_set_right_is_set_right_and_said_and_nothing_else_is_touched(
    run_here: Here, untidy: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "a" / "b"
    first = told(run_here("doctor", "--json", "--fix", **untidy))
    assert first["fixed"] == [
        f'Closed "{tmp_path / "state.key"}" to other users of this machine.',
        f'Made the folder "{folder}".',
    ]
    assert (first["ok"], [one for one in first["checks"] if one.get("fixable")]) == (True, [])
    assert (tmp_path / "state.key").stat().st_mode & 0o777 == 0o600
    for name in (".flipsnack-0123456789abcdef.part", "notes.part", "catalogue.zip"):
        (folder / name).touch()
    assert told(run_here("doctor", "--json", "--fix", **untidy))["fixed"] == [
        f'Removed 1 unfinished file of ended programs from "{folder}".'
    ]
    assert sorted(one.name for one in folder.iterdir()) == ["catalogue.zip", "notes.part"]
    assert "Nothing was found that can be set right without you." in run_here("doctor", "--fix", **untidy).out


def test_what_cannot_be_set_right_is_said_with_its_reason() -> None:
    def refused() -> str:
        raise PermissionError(1, "Operation not permitted", "/run/secrets/key")

    assert all_set_right([Finding("keys", ok=True, said="", mend=refused)]) == [
        "Not set right (/run/secrets/key): Operation not permitted."
    ]


def test_a_state_file_that_was_open_to_others_is_closed_by_the_look_at_it(run_here: Here, tmp_path: Path) -> None:
    own = {"FLIPSNACK_SANDBOX": "1", "FLIPSNACK_STATE": f"sqlite:{tmp_path / 'state.sqlite'}"}
    (tmp_path / "state.sqlite").touch(mode=0o644)
    (tmp_path / "state.sqlite").chmod(0o644)
    assert "was open to other users of this machine, and was closed just now" in run_here("doctor", **own).out
    assert not (tmp_path / "state.sqlite").stat().st_mode & 0o077


@pytest.mark.skipif(os.name == "nt", reason="an access list protects it there")
@pytest.mark.parametrize(("login", "is_told"), [(":s3cret@", True), ("", False)])
def test_a_file_with_the_password_of_redis_that_others_may_read_is_told_and_closed(
    run_here: Here, tmp_path: Path, login: str, *, is_told: bool
) -> None:
    file = tmp_path / "address"
    file.write_text(f"redis://{login}127.0.0.1:1/0")
    file.chmod(0o644)
    own = {"FLIPSNACK_SANDBOX": "1", "FLIPSNACK_STATE_FILE": str(file)}
    assert (f"{file} holds keys and is open to other users" in run_here("doctor", **own).out) is is_told
    run_here("doctor", "--fix", **own)
    assert file.stat().st_mode & 0o777 == (0o600 if is_told else 0o644)


def test_a_state_file_that_can_be_read_and_not_written_is_not_well(run_here: Here, tmp_path: Path) -> None:
    file = tmp_path / "state.sqlite"
    own = {"FLIPSNACK_SANDBOX": "1", "FLIPSNACK_STATE": f"sqlite:{file}"}
    file.touch(mode=0o600)
    assert run_here("doctor", **own).status == 0
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("SELECT count(*) FROM records").fetchone() == (0,)
        db.execute("CREATE TRIGGER shut BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'it is shut'); END")
    ended = run_here("doctor", **own)
    assert (ended.status, f"FAIL state: The state file {file} cannot be opened or written" in ended.out) == (1, True)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_a_folder_for_downloads_that_is_a_link_to_nowhere_is_not_well(run_here: Here, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    ended = run_here("doctor", FLIPSNACK_SANDBOX="1", FLIPSNACK_DOWNLOAD_DIR=str(tmp_path / "link"))
    assert (ended.status, f"FAIL downloads: {tmp_path / 'link'} cannot be written" in ended.out) == (1, True)


@pytest.mark.parametrize("place", ["", "offers.pdf/state.sqlite"], ids=["a folder", "below a file"])
def test_a_state_file_that_cannot_be_made_is_not_well_and_is_not_made(
    run_here: Here, tmp_path: Path, place: str
) -> None:
    (tmp_path / "offers.pdf").touch()
    ended = run_here("doctor", FLIPSNACK_SANDBOX="1", FLIPSNACK_STATE=f"sqlite:{tmp_path / place}")
    assert (ended.status, f"FAIL state: The state file {tmp_path / place} cannot be opened" in ended.out) == (1, True)
    well = run_here("doctor", FLIPSNACK_SANDBOX="1", FLIPSNACK_STATE=f"sqlite:{tmp_path / 'new' / 'state.sqlite'}")
    assert (well.status, (tmp_path / "new" / "state.sqlite").exists()) == (0, False)


@pytest.mark.parametrize(
    ("path", "share"), [(r"\\server\share\x", True), ("//server/share", True), (r"C:\x", False), ("x", False)]
)
def test_a_path_on_a_share_is_known_by_its_drive(path: str, *, share: bool) -> None:
    assert is_on_share(PureWindowsPath(path)) is share


def test_an_approval_that_no_terminal_could_give_is_a_fault(run_here: Here, tmp_path: Path) -> None:
    approve = {"FLIPSNACK_SANDBOX": "1", "FLIPSNACK_CONFIRM": "approve"}
    ended = run_here("doctor", **approve)
    assert ended.status == 1
    assert "FLIPSNACK_CONFIRM=approve lets nothing be deleted while FLIPSNACK_STATE is memory:" in ended.out
    assert run_here("doctor", **approve, FLIPSNACK_STATE=f"sqlite:{tmp_path / 'state.sqlite'}").status == 0
    assert run_here("doctor", **approve, FLIPSNACK_READ_ONLY="1").status == 0


@pytest.mark.parametrize(("system", "well"), [(MACOS, False), (LINUX, True)])
def test_a_folder_for_downloads_that_macos_guards_is_told_with_its_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: System, *, well: bool
) -> None:
    def guarded(_: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("flipsnack_mcp.systems.HERE", system)
    monkeypatch.setattr(os, "scandir", guarded)
    found = next(packages_folder(tmp_path, named=True))
    assert (found.ok, "Privacy & Security > Files and Folders" in found.said) == (well, not well)
