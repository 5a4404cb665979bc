"""Every value of FLIPSNACK_CONFIRM: the sandbox counts exactly the destructions that it allows."""

import re
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from mcp import MCPError

from flipsnack_mcp.server.consent.codes import Consents
from tests.server.bench import CODE, Bench, Mode, Person, types
from tests.server.destructions import (
    MODES,
    REVISION,
    TITLE,
    TOOLS,
    UNCHANGED,
    Destruction,
    assert_done,
    assert_only,
    assert_refused,
    process,
    store_of,
)


@dataclass(frozen=True)
class Way:
    """A setting, what a person does about it, and how many destructions come of it."""

    name: str
    settings: dict[str, Any]
    approved: bool = False
    confirmed: int = 0


WAYS = (
    Way("approve, nobody did", {"confirm": "approve"}),
    Way("approve, a person did", {"confirm": "approve"}, approved=True, confirmed=1),
    Way("ask, a person approved the code", {"confirm": "ask"}, approved=True, confirmed=1),
    Way("block", {"confirm": "block"}),
    Way("unknown value", {"confirm": "yes"}),
    Way("allow", {"confirm": "allow"}, confirmed=1),
)
WAY_CELLS = [
    pytest.param(mode, tool, way, asking, id=f"{REVISION[mode]}-{tool.tool}-{way.name}-{'form' if asking else 'plain'}")
    for mode, tool, way, asking in product(MODES, TOOLS, WAYS, (True, False))
    if not (asking and way.settings == {"confirm": "ask"})
]


@pytest.mark.parametrize(("mode", "tool", "way", "asking"), WAY_CELLS)
async def test_each_way_destroys_only_what_it_allows(
    bench: Bench,
    mode: Mode,  # noqa: ARG001 - chooses the bench's
    tool: Destruction,
    way: Way,
    *,
    asking: bool,
) -> None:
    collection = bench.collection(TITLE)
    arguments = tool.arguments(collection)
    person = Person(types(TITLE)) if asking else None
    async with process(bench, person, **way.settings) as assistant:
        first = await assistant.call(tool.tool, arguments)
        if way.settings["confirm"] == "allow":
            assert_done(first)
        else:
            assert_refused(first)
            assert_only(bench.sandbox, tool, 0)
            found = CODE.search(first.text)
            code = found[1] if found else "AAAAAAAA"
            if way.approved:
                assert await Consents(store_of(bench), bench.settings.account).approve(code)
            second = await assistant.call(tool.tool, arguments, confirmation=code)
            (assert_done if way.confirmed else assert_refused)(second)

    assert_only(bench.sandbox, tool, way.confirmed)
    assert not (person and person.forms), "only `ask` shows a form"


HIDDEN_CELLS = [
    pytest.param(mode, tool, id=f"{REVISION[mode]}-{tool.tool}-read only") for mode, tool in product(MODES, TOOLS)
]


@pytest.mark.parametrize(("mode", "tool"), HIDDEN_CELLS)
async def test_read_only_mode_beats_every_way(bench: Bench, mode: Mode, tool: Destruction) -> None:
    collection = bench.collection(TITLE)
    async with process(bench, read_only=True, confirm="allow") as assistant:
        if mode == "legacy":
            with pytest.raises(MCPError, match=re.escape(UNCHANGED)):
                await assistant.call(tool.tool, tool.arguments(collection))
        else:
            said = await assistant.call(tool.tool, tool.arguments(collection))
            assert said.is_error
            assert UNCHANGED in said.text

    assert bench.sandbox.requests == []
