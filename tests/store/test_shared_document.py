"""The document that several processes change in turn, and what happens when its file cannot be used.

That processes change a file one after another, are killed and stopped in it without harm, and that a file which cannot
be used is refused, is the store's and proven in `test_processes` and `test_file`.
"""

# ruff: noqa: ASYNC240 - the store itself works on the loop's thread, and here nobody else waits

import copy
import logging
import sqlite3
from collections.abc import AsyncIterator
from itertools import groupby
from pathlib import Path
from typing import TypeGuard

import anyio
import pytest

from flipsnack_mcp.store import shared_document
from flipsnack_mcp.store.shared_document import QUIET, SharedDocument
from tests.store.test_file import meddle, outsider
from tests.store.works import Tally, add_one, is_tally
from tests.virtual_clock import StandingClock

Shared = SharedDocument[Tally]


def a_document(path: Path, clock: StandingClock) -> Shared:
    return SharedDocument(path, Tally(n=0), is_tally, clock)


@pytest.fixture
async def document(path: Path, clock: StandingClock) -> AsyncIterator[Shared]:
    document = a_document(path, clock)
    yield document
    await document.close()


async def test_two_who_share_a_document_count_exactly(path: Path, document: Shared, clock: StandingClock) -> None:
    other = a_document(path, clock)
    assert [await one.change(add_one) for one in (document, other, other, document)] == [1, 2, 3, 4]
    await other.close()


async def test_only_what_another_wrote_is_read_and_checked(path: Path, clock: StandingClock) -> None:
    looked = list[object]()

    def fits(found: object) -> TypeGuard[Tally]:
        looked.append(copy.deepcopy(found))
        return is_tally(found)

    document, other = SharedDocument(path, Tally(n=0), fits, clock), a_document(path, clock)
    for one in (document, document, other, document, document):
        await one.change(add_one)
    assert [found for found, _ in groupby(looked)] == [None, {"n": 3}]  # the same again where a turn was taken twice
    await document.close()
    await other.close()


async def test_whoever_is_held_up_for_too_long_goes_on_alone(
    path: Path, clock: StandingClock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_document, "PATIENCE_WITH_DOCUMENT", 0.1)
    document, holder = a_document(path, clock), outsider(path)
    holder.execute("BEGIN EXCLUSIVE")
    with anyio.fail_after(20):
        assert await document.change(add_one) == 1
    holder.close()
    assert len(caplog.records) == 1
    assert "has held" in caplog.text


@pytest.mark.parametrize("body", ['{"n":', "\x80", "[]", '{"n":"seven"}', "null", '{"m":1}'])
async def test_a_document_edited_into_nonsense_begins_anew_for_everybody(
    path: Path, clock: StandingClock, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = a_document(path, clock), a_document(path, clock)
    await one.change(add_one)
    meddle(path, "UPDATE records SET body = CAST(? AS TEXT)", [body.encode("latin-1")])
    assert await other.change(add_one) == 1
    assert await one.change(add_one) == 2
    assert not caplog.records
    await one.close()
    await other.close()


async def test_whoever_knows_what_was_in_a_deleted_file_writes_it_again(path: Path, document: Shared) -> None:
    await document.change(add_one)
    path.unlink()
    assert await document.change(add_one) == 2
    assert path.exists()


async def test_with_a_damaged_file_work_goes_on_after_one_warning(
    path: Path, document: Shared, clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(bytes(8192))
    assert [await document.change(add_one) for _ in range(4)] == [1, 2, 3, 4]
    clock.now += QUIET + 1
    assert await document.change(add_one) == 5
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "the request budget is not shared with other processes" in caplog.text
    assert path.read_bytes() == bytes(8192)


async def test_a_file_that_breaks_in_between_is_replaced_by_what_was_last_seen(
    path: Path, document: Shared, clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    await document.change(add_one)
    path.rename(path.with_name("away"))
    path.mkdir()
    assert await document.change(add_one) == 2
    path.rmdir()
    path.with_name("away").rename(path)
    clock.now += QUIET - 1
    assert await document.change(add_one) == 3  # still alone: what it did there must be counted
    clock.now += QUIET
    assert await document.change(add_one) == 2  # what it did alone is forgotten by now
    assert len(caplog.records) == 1


async def test_a_change_fails_whole_or_is_made_once(document: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    def fail(tally: Tally, now: float) -> None:
        add_one(tally, now)
        raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await document.change(fail)
    assert await document.change(add_one) == 1
    monkeypatch.setattr("flipsnack_mcp.store.rows.RowRecords.put_text", full)
    assert await document.change(add_one) == 2
