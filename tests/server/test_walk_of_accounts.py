"""A random walk over three accounts: whatever is called, begun, confirmed and killed, only the account that is meant knows of it.

Their hashes are the same, and each title says whose it is: an answer of one that holds another's title has crossed.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import AsyncMock

import anyio
import pytest
from mcp.types import ElicitResult

from flipsnack_mcp.files.lookahead import LookAhead
from flipsnack_mcp.store.sqlite import SqliteStore
from flipsnack_mcp.workflows.batches import carrying_out, seeing
from tests.server.bench import CODE, Assistant, Person, Said, types_what_is_asked
from tests.server.revisions import newer
from tests.server.several import NAMES, SeveralBench

STEPS = 60
FAR = 120.0
"""Seconds in which whatever was begun has come to its end."""
LEARNING, COUNTING = {"collection.getList", "collection.getEmbed"}, {"collection.getList", "collection.getStats"}
READING = (
    "list_collections",
    "get_collection",
    "get_embed_code",
    "get_collection_stats",
    "get_user_stats",
    "get_upload",
    "list_documents",
)

mode = newer


@dataclass
class Walk:
    """One way through all of it, always the same for one number."""

    several: SeveralBench
    chance: random.Random
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    clients: list[Assistant] = field(default_factory=list[Assistant])
    """One with forms and one without, on two servers with one state file."""
    entries: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    """Accounts and entries of their history that can be undone."""
    begun: list[tuple[str, str, dict[str, str]]] = field(default_factory=list[tuple[str, str, dict[str, str]]])
    """Tool, account and what names what was begun there."""
    busy: set[str] = field(default_factory=set[str])
    """The accounts in which a report may still be going on by itself."""
    seen: Counter[str] = field(default_factory=Counter[str])

    def answer(self, message: str) -> ElicitResult:
        self.seen["forms"] += 1
        return types_what_is_asked(message) if self.chance.random() < 0.6 else ElicitResult(action="decline")

    async def start(self) -> None:
        """Another process, on the same state file."""
        await self.stack.aclose()
        store = SqliteStore(self.several.folder / "state.sqlite", self.several.clock)
        self.clients = [
            await self.stack.enter_async_context(self.several.assistant(person, self.several.server(store)))
            for person in (Person(self.answer), None)
        ]

    def hash_there(self, name: str) -> str:
        return self.chance.choice(sorted(self.several.sandboxes[name].account.collections))

    def state(self) -> dict[str, str]:
        return {name: repr(one.account.collections) for name, one in self.several.sandboxes.items()}

    async def call(self, tool: str, meant: str, **given: Any) -> Said:
        """One call, after which no other account than the one that is meant is changed, or was asked."""
        linked = given.pop("linked", False)
        self.several.forget()
        before = self.state()
        said = await self.chance.choice(self.clients).call(tool, given)
        asked, after = self.several.asked, self.state()
        foreign = {name: actions for name, actions in asked.items() if name != meant}
        assert {name for name in NAMES if before[name] != after[name]} <= {meant}, (tool, given, said.text)
        expected = {
            name: (COUNTING if name in self.busy else set()) | (LEARNING if linked else set()) for name in foreign
        }
        assert all(set(actions) <= expected[name] for name, actions in foreign.items()), (tool, given, asked)
        assert not [name for name in NAMES if name != meant and f"- {name}" in said.text], said.text
        self.seen["refused" if said.is_error else tool] += 1
        return said

    async def step(self) -> None:
        kinds = (
            self.read,
            self.read,
            self.read,
            self.by_link,
            self.change,
            self.delete,
            self.begin,
            self.begin,
            self.go_on,
            self.go_on,
            self.stop,
            self.kill,
        )
        await self.chance.choice(kinds)()

    async def read(self) -> None:
        tool, name = self.chance.choice(READING), self.chance.choice([*NAMES, ""])
        meant = name or "de"
        given = {"collection_hash": self.hash_there(meant)} if tool.startswith(("get_coll", "get_emb")) else {}
        said = await self.call(tool, meant, **given, **({"account": name.upper()} if name else {}))
        unread = tool == "get_embed_code" and said.text.startswith(f"[account {meant}")  # a draft, or failed
        assert said.data.get("account") == meant or unread, said.text

    async def by_link(self) -> None:
        owner, name = self.chance.choice(NAMES), self.chance.choice([*NAMES, ""])
        title = next(iter(self.several.sandboxes[owner].account.collections.values())).title
        given = {"collection_hash": self.several.player(owner, title), **({"account": name} if name else {})}
        if self.chance.random() < 0.6:
            said = await self.call("get_collection", owner, linked=True, wait_seconds=0, **given)
            assert said.data["title"] == title
            return
        said = await self.call("update_collection", owner, linked=True, title=f"New - {owner}", **given)
        assert said.is_error is (name != owner), said.text

    async def change(self) -> None:
        name = self.chance.choice([*NAMES, ""])
        title = f"Title {self.chance.random()} - {name}"
        given = {
            "collection_hash": self.hash_there(name or "de"),
            "title": title,
            **({"account": name} if name else {}),
        }
        said = await self.call("update_collection", name, **given)
        assert said.is_error is (not name)
        self.entries += [(name, said.data["history_id"])] if name else []

    async def delete(self) -> None:
        name, other = self.chance.sample(NAMES, 2)
        given = {"collection_hash": self.hash_there(name)}
        said = await self.call("delete_collection", name, account=name, **given)
        for code in CODE.findall(said.text)[:1]:
            if self.chance.random() < 0.5:
                crossed = await self.call("delete_collection", other, account=other, confirmation=code, **given)
                assert crossed.is_error
            else:
                await self.call("delete_collection", name, account=name, confirmation=code, **given)

    async def begin(self) -> None:
        """What goes on in the background at once, or is planned first."""
        name = self.chance.choice(NAMES)
        asked: dict[str, dict[str, Any]] = {
            "report_stats": {"query": "catalogue", "wait_seconds": 0},
            "audit_account": {"wait_seconds": 0},
            "update_collections": {"query": "offers", "find": "offers", "replace": f"Offers {self.chance.random()}"},
            "delete_collections": {"collections": [self.hash_there(name) for _ in range(2)]},
            "create_collections": {"folder": ".", "title": f"{{name}} {self.chance.random()} - {name}"},
        }
        tool = self.chance.choice([*asked])
        known = [number for of, number in self.entries if of == name]
        if known and self.chance.random() < 0.4:
            tool, asked["undo_change"] = "undo_change", {"history_id": self.chance.choice(known)}
        said = await self.call(tool, name, account=name, **asked[tool])
        if "report_id" in said.data:
            self.busy.add(name)
        self.begun += [
            (tool, name, {handle: said.data[handle]}) for handle in ("report_id", "plan_id") if handle in said.data
        ]

    async def stop(self) -> None:
        """Go on with something and stop it; elsewhere it is not known."""
        if self.begun:
            (tool, owner, handle), name = self.chance.choice(self.begun), self.chance.choice(NAMES)
            if name == owner:
                await self.call(tool, owner, account=owner, wait_seconds=0, **handle)
            said = await self.call("stop_work", name, account=name, work_id=next(iter(handle.values())))
            assert name == owner or said.is_error, said.text
            await self.rest()

    async def go_on(self) -> None:
        """Go on with something, where it was begun or elsewhere; then let it end."""
        if not self.begun:
            return
        (tool, owner, handle), name = self.chance.choice(self.begun), self.chance.choice(NAMES)
        said = await self.call(tool, name, account=name, wait_seconds=45, **handle)
        if name != owner:
            assert said.is_error, said.text
        await self.rest()

    async def rest(self) -> None:
        await anyio.sleep(FAR)
        self.busy.clear()

    async def kill(self) -> None:
        await self.start()
        await self.call("get_upload", "de")  # the first use of the store
        await self.rest()


@asynccontextmanager
async def walking(several: SeveralBench, number: int) -> AsyncIterator[Walk]:
    several.own = {name: {"max_deletes_per_hour": 1000, "max_deletes_per_day": 1000} for name in NAMES}
    for name, sandbox in several.sandboxes.items():
        for one in sandbox.account.collections.values():
            one.title = f"{one.title} - {name}"
    walk = Walk(several, random.Random(number))  # noqa: S311 - the same walk each time, no secrets
    await walk.start()
    yield walk
    await walk.stack.aclose()


@pytest.mark.parametrize("number", [37, 38])
async def test_whatever_is_called_only_the_account_that_is_meant_knows_of_it(
    several: SeveralBench, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (seeing, carrying_out):  # a process that counts pages, which a batch does not need
        monkeypatch.setattr(module, "look_ahead", AsyncMock(return_value=LookAhead(2, ())))
    several.document()
    async with walking(several, number) as walk:
        for _ in range(STEPS):
            await walk.step()
    rare = {"forms", "refused", "delete_collection", "delete_collections", "update_collection", "update_collections"}
    rare |= {"report_stats", "audit_account", "create_collections", "undo_change", "stop_work"}
    assert rare <= walk.seen.keys(), walk.seen
