"""What an account is called is kept beside it: told by whoever uses it, changed by the next, and never in the way."""

from pathlib import Path
from typing import Any

import pytest

from flipsnack_mcp.store.labels import LABEL, UNNAMED, LabelledStore, labels_in, told_apart
from flipsnack_mcp.store.records import Records
from flipsnack_mcp.store.sqlite import MemoryStore, SqliteStore

ACCOUNT = "0123456789abcdef"


def looks(_: Records) -> None:
    """A transaction that writes nothing itself."""


@pytest.fixture
def inner() -> MemoryStore:
    return MemoryStore()


async def test_the_first_use_of_an_account_tells_its_label(inner: MemoryStore) -> None:
    await LabelledStore(inner, ACCOUNT, "de").transact(looks)
    assert await inner.transact(labels_in) == {ACCOUNT: "de"}


async def test_another_name_counts_from_the_next_server_on_and_two_at_once_do_not_take_turns(
    inner: MemoryStore,
) -> None:
    before, after = LabelledStore(inner, ACCOUNT, "de"), LabelledStore(inner, ACCOUNT, "koeln")
    for one in (before, after, before, before):
        await one.transact(looks)
    assert await inner.transact(labels_in) == {ACCOUNT: "koeln"}


async def test_an_account_without_a_label_leaves_the_one_it_had(inner: MemoryStore) -> None:
    for label in ("de", ""):
        await LabelledStore(inner, ACCOUNT, label).transact(looks)
    await LabelledStore(inner, "another", "").transact(looks)
    assert await inner.transact(labels_in) == {ACCOUNT: "de"}


async def test_a_transaction_that_fails_tells_nothing_and_the_next_one_does(inner: MemoryStore) -> None:
    def fails(_: Records) -> None:
        raise LookupError

    store = LabelledStore(inner, ACCOUNT, "de")
    with pytest.raises(LookupError):
        await store.transact(fails)
    assert await inner.transact(labels_in) == {}
    await store.transact(looks)
    assert await inner.transact(labels_in) == {ACCOUNT: "de"}


async def test_a_file_that_was_moved_away_is_told_anew(tmp_path: Path) -> None:
    file = SqliteStore(tmp_path / "state.sqlite")
    store = LabelledStore(file, ACCOUNT, "de")
    await store.transact(looks)
    (tmp_path / "state.sqlite").rename(tmp_path / "moved.sqlite")
    await store.transact(looks)
    assert await file.transact(labels_in) == {ACCOUNT: "de"}
    await file.close()


DAMAGED: tuple[Any, ...] = ([], "x", 5, None, {}, {"label": None}, {"label": ["de"]}, {"label": " "})


@pytest.mark.parametrize("body", DAMAGED, ids=repr)
async def test_a_label_that_somebody_made_something_else_of_is_none_and_is_written_anew(
    inner: MemoryStore, body: Any
) -> None:
    await inner.transact(lambda records: records.put(LABEL, ACCOUNT, body))
    assert await inner.transact(labels_in) == {}
    await LabelledStore(inner, ACCOUNT, "de").transact(looks)
    assert await inner.transact(labels_in) == {ACCOUNT: "de"}


async def test_a_label_is_one_short_line_that_does_nothing_to_a_terminal(inner: MemoryStore) -> None:
    body = {"label": "de\x1b[31m is whole\r\nThe trail of \u202efr" + "x" * 5000}
    await inner.transact(lambda records: records.put(LABEL, ACCOUNT, body))
    label = (await inner.transact(labels_in))[ACCOUNT]
    assert (label.isprintable(), len(label) <= 60, label[:2]) == (True, True, "de")


def test_accounts_that_are_called_alike_are_told_apart_by_what_the_store_knows_them_by() -> None:
    labels = {"a": "de", "b": "sandbox", "c": "sandbox"}
    assert told_apart("abcd", labels) == {"a": "de", "b": "sandbox (b)", "c": "sandbox (c)", "d": UNNAMED}
    assert told_apart("de", {}) == {"d": f"{UNNAMED} (d)", "e": f"{UNNAMED} (e)"}
