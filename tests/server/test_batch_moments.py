"""A batch whose process dies before any of its transactions: whoever goes on sends nothing twice and leaves nothing out."""

import shutil
from collections import Counter
from collections.abc import Callable
from typing import Any
from unittest.mock import AsyncMock

import anyio
import httpx2
import pytest
from typing_extensions import override

from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.pace import BudgetInMemory, Pacer
from flipsnack_mcp.files.lookahead import LookAhead
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.records import Records
from flipsnack_mcp.store.sqlite import SqliteStore
from flipsnack_mcp.workflows.batches import seeing
from tests.server.bench import PDF, Assistant, Bench, Tapped
from tests.server.long_bench import CREATE, named_call
from tests.server.revisions import newer

TITLES = ["First", "Second"]
MOMENTS = range(1, 40, 3)
"""Of some 40 transactions from the first call of a plan to the end of two uploads."""

# What is sent does not depend on the revision.
mode = newer


class Mortal:
    """A store whose process dies before its n-th transaction: what is on the disk then is kept aside."""

    def __init__(self, inner: SqliteStore, dies: Callable[[], None]) -> None:
        self.shared, self.close = inner.shared, inner.close
        self._inner, self._dies, self.left = inner, dies, -1

    async def transact(self, work: Callable[[Records], Any]) -> Any:
        if self.left == 0:
            self._dies()
        self.left -= 1
        return await self._inner.transact(work)


class Cut(Tapped):
    """A line over which nothing goes any more once the process is dead."""

    dead = False

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.dead:
            await anyio.sleep_forever()
        return await super().handle_async_request(request)


def connected(bench: Bench, line: Cut) -> Callable[[Settings], Flipsnack]:
    access = Access(bench.settings.api_key, bench.settings.api_secret)
    return lambda _: Flipsnack(access, Pacer(BudgetInMemory()), lambda: line)


async def until_over(assistant: Assistant, tool: str, plan: dict[str, Any]) -> dict[str, Any]:
    said = await assistant.call(tool, {**plan, "wait_seconds": 45})
    while said.data.get("state") == "running":
        said = await assistant.call(tool, {**plan, "wait_seconds": 45})
    assert said.data.get("state") == "complete", said.text
    return said.data


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_process_that_dies_before_a_transaction_sends_nothing_twice(
    bench: Bench, moment: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeing, "look_ahead", AsyncMock(return_value=LookAhead(2, ())))
    for title in TITLES:
        bench.document(f"{title}.pdf", PDF + title.encode())
    line, copy = Cut(bench.sandbox, bench.witness), bench.folder / "as it was.sqlite"

    def dies() -> None:
        line.dead = True
        shutil.copy(bench.folder / "state.sqlite", copy)

    store = Mortal(SqliteStore(bench.folder / "state.sqlite", bench.clock), dies)
    bench.connect = connected(bench, line)  # type: ignore[method-assign, assignment]
    async with bench.assistant(store=store) as first:
        tool, plan = named_call(await first.call("create_collections", folder="."))
        store.left = moment
        with anyio.move_on_after(60):
            await first.call(tool, plan)
    assert line.dead or moment == MOMENTS[-1], "there are fewer moments by now"

    bench.connect = connected(bench, Cut(bench.sandbox, bench.witness))  # type: ignore[method-assign, assignment]
    left = copy if line.dead else bench.folder / "state.sqlite"
    async with bench.assistant(store=SqliteStore(left, bench.clock)) as second:
        ended = await until_over(second, tool, plan)
    sent = Counter(one.params["title"] for one in bench.sandbox.carried_out(CREATE))
    states = {one["title"]: one["state"] for one in ended["items"]}
    assert set(sent.values()) <= {1}
    assert {title for title, state in states.items() if state in {"complete", "converting"}} == set(sent)
    assert sent.keys() | {title for title, state in states.items() if state == "unclear"} == set(TITLES)
