"""The file of tokens: read again when it is another, trusted only where nobody else could write it, changed whole or not at all."""

import hmac
import json
import os
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flipsnack_mcp.server.callers.caller import Right
from flipsnack_mcp.team.authentication import tokens
from flipsnack_mcp.team.authentication.changing import change_tokens
from flipsnack_mcp.team.authentication.tokens import (
    TokenEntry,
    TokensFile,
    TokensTold,
    TokensUnusableError,
    new_token,
    now_in_utc,
    token_digest,
)
from tests.team.authentication.guarded import Guarded, token_for


def entry(name: str, token: str, **more: Any) -> TokenEntry:
    facts = {"name": name, "sha256": token_digest(token), "may": {Right.READ}, "made": now_in_utc()}
    return TokenEntry.model_validate({**facts, **more})


def written(path: Path, *entries: TokenEntry) -> TokensFile:
    change_tokens(path, lambda _: TokensTold(tokens=entries))
    return TokensFile(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tokens.json"


def test_a_token_is_random_and_only_its_digest_is_kept(path: Path) -> None:
    made = new_token()
    known = written(path, entry("anna", made))
    assert len({new_token() for _ in range(1000)}) == 1000
    assert len(made.removeprefix("fsm_")) == 43  # 256 bits
    assert made not in path.read_text()
    assert known.holder_of(made) is not None
    assert known.holder_of(new_token()) is None


def test_all_tokens_are_compared_whichever_fits(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [new_token() for _ in range(5)]
    known = written(path, *(entry(f"n{number}", one) for number, one in enumerate(made)))
    compared = list[str]()
    real = hmac.compare_digest

    def compare(one: str, other: str) -> bool:
        compared.append(one)
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for token in (made[0], made[-1], "fsm_none"):
        compared.clear()
        known.holder_of(token)
        assert len(compared) == 5


def test_a_file_is_its_owners_alone_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        written(path / "deep" / "tokens.json", entry("anna", "a"))
    finally:
        os.umask(before)
    assert {one.stat().st_mode & 0o777 for one in (path / "deep").iterdir()} == {0o600}
    assert (path / "deep").stat().st_mode & 0o777 == 0o700


def at_the_same_time(path: Path) -> None:
    """With as many bytes, and the time of change put back."""
    before, length = path.stat(), len(path.read_text())
    path.write_text('{"version": 1, "tokens": []}'.ljust(length))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "another one in its place": lambda path: change_tokens(path, lambda _: TokensTold()),
    "written over": lambda path: path.write_text('{"version": 1, "tokens": []}'),
    "written over at the same time": at_the_same_time,
    "emptied": lambda path: path.write_text(""),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_counts_from_the_next_look_on(path: Path, change: Callable[[Path], object]) -> None:
    made = new_token()
    known = written(path, entry("anna", made))
    assert known.holder_of(made)
    change(path)
    assert known.holder_of(made) is None


def test_what_has_not_changed_is_not_read_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = new_token()
    known = written(path, entry("anna", made))
    known.holder_of(made)
    monkeypatch.setattr(tokens, "sighting_of", None)
    assert known.holder_of(made)


def into_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


ANNA = {"name": "anna", "sha256": "0" * 64, "accounts": ["de"], "may": ["read"], "made": "2026-11-29T12:00:00Z"}


def telling(**more: Any) -> str:
    return json.dumps({"version": 1, "tokens": [{**ANNA, **more}]})


# What nobody is let in by.
BROKEN: dict[str, Callable[[Path], object]] = {
    "gone": lambda path: path.unlink(),
    "a folder": into_a_folder,
    "open to the group": lambda path: path.chmod(0o640),
    "open to all": lambda path: path.chmod(0o604),
    "writable for all": lambda path: path.chmod(0o602),
    "no JSON": lambda path: path.write_text("tokens = []"),
    "half of it": lambda path: path.write_text(path.read_text()[:40]),
    "no text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "too long": lambda path: path.write_text(telling() + " " * 1_000_001),
    "a later version": lambda path: path.write_text('{"version": 2, "tokens": []}'),
    "a list": lambda path: path.write_text("[]"),
    "an unknown right": lambda path: path.write_text(telling(may=["everything"])),
    "no rights": lambda path: path.write_text(telling(may=None)),
    "an unknown field": lambda path: path.write_text(telling(admin=True)),
    "a digest that is none": lambda path: path.write_text(telling(sha256="0" * 63)),
    "a digest and a line": lambda path: path.write_text(telling(sha256="0" * 64 + "\n")),
    "no name": lambda path: path.write_text(telling(name="")),
    "an end without a zone": lambda path: path.write_text(telling(expires="2026-11-29T12:00:00")),
    "a name twice": lambda path: path.write_text(
        json.dumps({"version": 1, "tokens": [ANNA, {**ANNA, "name": "Anna", "sha256": "1" * 64}]})
    ),
    "a token twice": lambda path: path.write_text(
        json.dumps({"version": 1, "tokens": [ANNA, {**ANNA, "name": "ben"}]})
    ),
}


@pytest.mark.parametrize("breaking", BROKEN.values(), ids=BROKEN)
def test_a_file_that_cannot_be_trusted_lets_nobody_in_and_is_not_repaired(
    path: Path, breaking: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    made = new_token()
    known = written(path, entry("anna", made))
    assert known.holder_of(made)
    breaking(path)
    before = path.read_bytes() if path.is_file() else None
    for _ in range(2):
        with pytest.raises(TokensUnusableError, match=r"nobody is let in by it(: |\. )[A-Zp]"):
            known.holder_of(made)
    assert len(caplog.records) <= 1
    if path.exists():
        with pytest.raises(TokensUnusableError):
            change_tokens(path, lambda told: told)
        assert (path.read_bytes() if path.is_file() else None) == before


def test_where_no_file_was_ever_there_nobody_has_a_token_yet(path: Path) -> None:
    known, made = TokensFile(path), new_token()
    assert known.holder_of(made) is None
    change_tokens(path, lambda _: TokensTold(tokens=(entry("anna", made),)))
    assert known.holder_of(made)


def test_a_file_of_another_user_lets_nobody_in(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = new_token()
    known = written(path, entry("anna", made))
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    if os.getuid():
        with pytest.raises(TokensUnusableError, match="belongs to another user"):
            known.holder_of(made)
    os.chown(path, 4711, -1)
    with pytest.raises(TokensUnusableError, match=r"belongs to another user.*Run this as that user"):
        TokensFile(path).holder_of(made)


def test_a_file_that_was_put_right_lets_them_in_again(path: Path) -> None:
    made = new_token()
    known = written(path, entry("anna", made))
    path.chmod(0o644)
    with pytest.raises(TokensUnusableError):
        known.holder_of(made)
    path.chmod(0o600)
    assert known.holder_of(made)


def test_two_who_change_it_at_once_lose_nothing(path: Path) -> None:
    def add(number: int) -> None:
        change_tokens(path, lambda told: TokensTold(tokens=(*told.tokens, entry(f"n{number}", f"t{number}"))))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(20)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(TokensFile(path).read().tokens) == 20


def test_a_change_that_breaks_off_leaves_all_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(path, entry("anna", "a"))
    before = path.read_bytes()
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("no")))
    with pytest.raises(TokensUnusableError, match=r"cannot be written \(OSError\)\. Nothing was changed"):
        change_tokens(path, lambda _: TokensTold())
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert {one.name for one in path.parent.iterdir()} <= {"tokens.json", "tokens.json.lock"}


def test_a_link_stays_one(path: Path) -> None:
    real = path.with_name("real.json")
    written(real, entry("anna", "a"))
    path.symlink_to(real)
    change_tokens(path, lambda _: TokensTold())
    assert path.is_symlink()
    assert TokensFile(path).read().tokens == ()


def test_its_time_is_over_to_the_second(path: Path) -> None:
    made, now = new_token(), now_in_utc()
    known = written(path, entry("anna", made, expires=now + timedelta(seconds=10)))
    known._now = lambda: now.timestamp() + 9.9
    found = known.holder_of(made)
    assert found
    assert not known.is_over(found)
    known._now = lambda: now.timestamp() + 10
    assert known.is_over(found)
    assert known.of_principal(found.principal) is None


@pytest.mark.parametrize("breaking", ["gone", "open to all", "no JSON"])
def test_callers_are_told_that_it_cannot_be_told_and_not_why(own: Guarded, breaking: str) -> None:
    token = token_for(own, "anna", "de")
    assert own.knock(f"Bearer {token}").status_code == 200
    own.forget()
    assert own.authentication.trouble() == ""
    BROKEN[breaking](own.tokens)
    answer = own.knock(f"Bearer {token}")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert str(own.tokens) not in answer.text
    assert own.asked == {}
    assert "nobody is let in by it" in own.authentication.trouble()
