"""A person's own key that seals questions on several hosts: which files hold one, and what it opens for whom."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from mcp.types import CallToolResult

from flipsnack_mcp.api import ConfigurationError
from flipsnack_mcp.server.callers.caller import CALLER, Caller
from flipsnack_mcp.server.consent.keys import sealing_keys_in
from tests.server.bench import Bench
from tests.server.destructions import TOOLS, assert_only
from tests.server.revisions import newer
from tests.server.test_sealing import LATE, Life, keys_of, said
from tests.virtual_clock import DAY_IN_SECONDS, Machine

OLD, NEW = bytes(range(32)), bytes(range(100, 164))
TOOL = TOOLS[0]

# Before 2026-07-28 nothing is sealed.
mode = newer


@pytest.fixture
async def life(bench: Bench) -> AsyncIterator[Life]:
    life = Life(bench, Machine())
    yield life
    await life.store.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "state.key"
    path.write_text(OLD.hex())
    return path


def rewrite(file: Path, text: str | None) -> None:
    if text is None:
        file.unlink()
    else:
        file.write_text(text, encoding="utf-8", newline="")


GOOD = {
    "hex": OLD.hex(),
    "hex in capitals": OLD.hex().upper(),
    "base64": base64.b64encode(OLD).decode(),
    "base64 without its end": base64.b64encode(OLD).decode().rstrip("="),
    "base64 for addresses": base64.urlsafe_b64encode(OLD).decode(),
    "with a new line": f"{OLD.hex()}\n",
    "as Windows writes it": f"\ufeff{OLD.hex()}\r\n",
    "twice": f"{OLD.hex()}\n{OLD.hex()}\n",
}
BAD = {
    "nothing": "",
    "a short key": OLD[:31].hex(),
    "a long word": "correct-horse-battery-staple",
    "a sentence": "the key of our team is as secret as can be",
    "zeros": "0" * 64,
    "an example": "deadbeef" * 8,
    "three keys": "\n".join(bytes(range(one, one + 32)).hex() for one in (0, 40, 80)),
    "one key and half of another": f"{OLD.hex()}\n{NEW[:20].hex()}",
    "a PEM file": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
    "without an end": "a" * 20_000,
}


@pytest.mark.parametrize("text", GOOD.values(), ids=list(GOOD))
def test_a_key_may_be_written_in_several_ways(file: Path, text: str) -> None:
    rewrite(file, text)
    assert sealing_keys_in(file) == [OLD]


def test_the_first_of_two_keys_seals(file: Path) -> None:
    file.write_text(f"{NEW.hex()}\n{base64.b64encode(OLD).decode()}\n")
    assert sealing_keys_in(file) == [NEW, OLD]


@pytest.mark.parametrize("text", [*BAD.values(), None], ids=[*BAD, "no file"])
async def test_without_a_key_in_its_file_no_question_is_put_and_a_text_says_how_to_make_one(
    life: Life, file: Path, text: str | None
) -> None:
    state = await life.asked(TOOL, state_key_file=file)
    rewrite(file, text)
    with pytest.raises(ConfigurationError):
        sealing_keys_in(file)
    for one in (None, state):
        told = said(await life.round(TOOL, one, state_key_file=file))
        assert "FLIPSNACK_STATE_KEY_FILE" in told
        assert "openssl rand -hex 32" in told
        assert not text or text not in told
    assert_only(life.bench.sandbox, TOOL, 0)


async def test_a_form_ends_on_another_replica_with_the_same_file(life: Life, file: Path, tmp_path: Path) -> None:
    copied = tmp_path / "another host"
    rewrite(copied, OLD.hex())
    state = await life.asked(TOOL, state_key_file=file)
    life.machine.run(60.0)
    answer = await life.round(TOOL, state, state_key_file=copied)
    assert isinstance(answer, CallToolResult)
    assert not answer.is_error
    assert_only(life.bench.sandbox, TOOL, 1)
    assert keys_of(life) == [], "there is none but the person's own"


async def test_a_key_is_turned_over_without_a_restart_and_what_was_taken_out_opens_nothing(
    life: Life, file: Path
) -> None:
    state = await life.asked(TOOL, state_key_file=file)
    rewrite(file, f"{NEW.hex()}\n{OLD.hex()}\n")
    life.machine.run(60.0)
    answer = await life.round(TOOLS[3], await life.asked(TOOLS[3], state_key_file=file), state_key_file=file)
    assert isinstance(answer, CallToolResult)
    rewrite(file, NEW.hex())
    assert LATE in said(await life.round(TOOL, state, state_key_file=file))
    assert_only(life.bench.sandbox, TOOL, 0)


async def test_a_key_of_a_file_does_not_get_old_by_itself(life: Life, file: Path) -> None:
    state = await life.asked(TOOL, state_key_file=file)
    life.machine.run(3 * DAY_IN_SECONDS)
    assert "minutes ago" in said(await life.round(TOOL, state, state_key_file=file))


async def test_one_file_seals_for_each_account_alone(life: Life, file: Path) -> None:
    mine = await life.asked(TOOL, state_key_file=file)
    told = said(await life.round(TOOL, mine, state_key_file=file, api_key="KEY-OF-SOMEBODY-ELSE"))
    assert LATE in told
    assert_only(life.bench.sandbox, TOOL, 0)


ANNA, BEN, NOBODY = Caller("Anna", "token 1"), Caller("Ben", "token 2"), Caller()


@pytest.mark.parametrize("own_key", [False, True], ids=["key in the store", "key in a file"])
@pytest.mark.parametrize(
    ("asked", "answers", "counts"), [(ANNA, ANNA, 1), (ANNA, BEN, 0), (ANNA, NOBODY, 0), (NOBODY, ANNA, 0)]
)
async def test_an_answer_counts_only_from_who_was_asked(
    life: Life, file: Path, asked: Caller, answers: Caller, counts: int, *, own_key: bool
) -> None:
    settings = {"state_key_file": file} if own_key else {}
    before = CALLER.set(asked)
    try:
        state = await life.asked(TOOL, **settings)
        life.machine.run(60.0)
        CALLER.set(answers)
        answer = await life.round(TOOL, state, **settings)
    finally:
        CALLER.reset(before)
    assert counts or LATE in said(answer)
    assert_only(life.bench.sandbox, TOOL, counts)
