"""A bench for long work: a line that takes its time, stores that outlive a server, and calls that are given up."""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
from typing_extensions import override

from flipsnack_mcp.api.client import Access, Flipsnack
from flipsnack_mcp.api.pace import BudgetInMemory, Pacer
from flipsnack_mcp.settings import Settings
from flipsnack_mcp.store.sqlite import MemoryStore, SqliteStore
from tests.server.bench import PDF, Assistant, Bench, Said, Tapped
from tests.workflows.running import PIECE, Road, Travelled

CREATE, LIST, GET = "collection.create", "collection.getList", "collection.getCollection"
FAR = 40
"""Calls in which everything has to have come to its end."""


@dataclass
class LongBench(Bench):
    """A bench whose line is as slow as its road."""

    road: Road = field(default_factory=Road)
    client: Assistant = field(init=False)
    """One without forms, where a fixture opens it."""

    @override
    def connect(self, settings: Settings) -> Flipsnack:
        access = Access(settings.api_key, settings.api_secret)
        return Flipsnack(
            access, Pacer(BudgetInMemory()), lambda: Travelled(Tapped(self.sandbox, self.witness), self.road)
        )

    def memory(self) -> MemoryStore:
        return MemoryStore(self.clock)

    def file(self, name: str = "state.sqlite") -> SqliteStore:
        return SqliteStore(self.folder / "state" / name, self.clock)

    def large(self, name: str = "offers.pdf", pieces: int = 4) -> str:
        """A document of so many pieces, unlike any other."""
        content, path = PDF + name.encode() + bytes((pieces - 1) * PIECE), self.folder / "uploads" / name
        if path.exists() and path.read_bytes() == content:  # written anew it would count as changed
            return str(path)
        return self.document(name, content)

    @property
    def created(self) -> int:
        return len(self.sandbox.carried_out(CREATE))

    @property
    def attempts(self) -> int:
        return self.requests.count(CREATE)


def named_call(said: Said) -> tuple[str, dict[str, Any]]:
    """The call that an answer says goes on from it, as a program reads it."""
    found = re.search(r"Call (\w+)\(([^)]*)\)", said.data["next_step"])
    assert found, said.text
    assert said.data["next_step"] in said.text
    tree = ast.parse(f"f({found[2].replace('=false', '=False').replace('=true', '=True')})", mode="eval").body
    assert isinstance(tree, ast.Call)
    return found[1], {str(one.arg): ast.literal_eval(one.value) for one in tree.keywords}


def assert_polls_are_told(said: Said, what: str) -> None:
    """Each with its number and the seconds so far, in order and none twice."""
    numbers = [number for number, _ in said.progress]
    polls = [message for _, message in said.progress if message.startswith(what)]
    assert numbers == sorted(set(numbers))
    assert polls
    assert all(re.fullmatch(rf"{what}: processing, \d+ s, poll \d+", one) for one in polls)


async def to_its_end(assistant: Assistant, said: Said) -> Said:
    """What comes of following the next steps."""
    for _ in range(FAR):
        assert not said.is_error, said.text
        if "next_step" not in said.data or said.data.get("state") == "failed":
            return said
        tool, arguments = named_call(said)
        said = await assistant.call(tool, arguments)
    raise AssertionError(said.text)


async def given_up(assistant: Assistant, tool: str, arguments: Mapping[str, Any], after: float = 10) -> None:
    """A call that its client stops waiting for."""
    with anyio.move_on_after(after) as scope:
        await assistant.call(tool, arguments)
    assert scope.cancelled_caught


def has_four_parts(text: str) -> bool:
    """Whether an error says what happened, what was changed, whether to try again, and what to do next."""
    changed = len(re.findall(r"(?:Nothing was|Something may have been) changed\.", text))
    again = re.search(r"[Tt]ry(?:ing)? again|Do not|Correct the arguments|A turn comes|again once", text)
    return changed == 1 and again is not None and not text.split("changed.", 1)[0].startswith(("Nothing", "Something"))


def assert_told_in_four_parts(said: Said, *parts: str) -> None:
    assert said.is_error, said.text
    assert has_four_parts(said.text), said.text
    assert [one for one in parts if one not in said.text] == [], said.text
