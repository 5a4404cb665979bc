"""What nobody expected: our own fixed text, and nothing of the exception anywhere."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import anyio
import pytest
from typing_extensions import override

from flipsnack_mcp.server.dispatch import ALTERED, UNEXPECTED
from flipsnack_mcp.server.tools.table import TOOLS
from flipsnack_mcp.store.sqlite import MemoryStore
from flipsnack_mcp.workflows.allowance import DELETION
from tests.server.bench import Assistant, Bench
from tests.server.long_bench import assert_told_in_four_parts

DETAIL = "secret detail 4711"
Run = Callable[..., Awaitable[Any]]


class OddError(Exception):
    """An exception that is hard to look at."""

    @override
    def __str__(self) -> str:
        raise RuntimeError(DETAIL)


async def value_error(*_: object) -> Any:
    raise ValueError(DETAIL)


async def chained(*_: object) -> Any:
    try:
        raise KeyError(DETAIL)  # noqa: TRY301 - two exceptions in a chain are wanted
    except KeyError as error:
        raise RuntimeError(DETAIL) from error


async def grouped(*_: object) -> Any:
    async with anyio.create_task_group() as group:
        group.start_soon(value_error)


async def odd(*_: object) -> Any:
    raise OddError


async def endless(*_: object) -> Any:
    return await endless()


@pytest.mark.parametrize("run", [value_error, chained, grouped, odd, endless])
async def test_an_unexpected_exception_gives_the_fixed_text_and_nothing_else(
    assistant: Assistant, run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(TOOLS, "get_user_stats", replace(TOOLS["get_user_stats"], run=run))
    said = await assistant.call("get_user_stats")
    after = await assistant.call("list_collections")
    assert said.is_error
    assert said.text == UNEXPECTED
    assert "Something may have been changed." in said.text
    assert not after.is_error
    everything = "\n".join(f"{one.getMessage()} {one.exc_info} {one.exc_text}" for one in caplog.records)
    assert DETAIL not in everything
    assert any(one.levelno == logging.ERROR and one.name.startswith("flipsnack_mcp") for one in caplog.records)


async def test_what_somebody_altered_in_the_store_is_told_as_such(bench: Bench) -> None:
    store = MemoryStore(bench.clock)
    await store.transact(lambda records: records.put(DELETION, "one", {"account": bench.settings.account, "at": {}}))
    async with bench.assistant(server=bench.server(store, confirm="allow")) as assistant:
        said = await assistant.call("delete_collection", collection_hash=bench.collection().hash)
    assert said.text == ALTERED
    assert bench.sandbox.carried_out("collection.deleteCollection") == []


class Tampering:
    """An application that changes a file while it is being received."""

    def __init__(self, inner: Any, meddle: Callable[[], object]) -> None:
        self._inner, self._meddle = inner, meddle

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def receiving() -> Any:
            message = await receive()
            if scope["method"] == "POST":
                self._meddle()
            return message

        await self._inner(scope, receiving, send)


@pytest.mark.usefixtures("no_look_ahead")
@pytest.mark.parametrize("tool", ["create_collection", "add_flipbook"])
async def test_a_document_that_changes_while_it_is_sent_ends_with_a_plain_error(bench: Bench, tool: str) -> None:
    path = bench.document("big.pdf", b"%PDF-1.7\n" + bytes(1_000_000))
    bench.sandbox.app = Tampering(bench.sandbox.app, lambda: bench.document("big.pdf", b"%PDF-1.7\n"))  # type: ignore[assignment]  # any ASGI application
    target = {"collection_hash": bench.collection().hash} if tool == "add_flipbook" else {"title": "Changing"}
    said = await bench.call(tool, **target, file_path=path)
    assert_told_in_four_parts(said, "document")
    assert said.text != UNEXPECTED
