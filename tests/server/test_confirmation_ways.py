"""Every value of FLIPSNACK_CONFIRM: the sandbox counts exactly the destructions that it allows."""

import re
from dataclasses import dataclass, replace

import pytest
from mcp import MCPError

from flipsnack_mcp.server.consent.codes import Consents
from tests.server.bench import CODE, Bench, Mode, Person, types
from tests.server.destructions import (
    TITLE,
    UNCHANGED,
    Destruction,
    assert_done,
    assert_only,
    assert_refused,
    cells,
    process,
    store_of,
)


@dataclass(frozen=True)
class Way:
    """A setting, what a person does about it, and how many destructions come of it."""

    confirm: str
    approved: bool = False
    confirmed: int = 0
    asking: bool = False
    """Whether the client can show a form."""


PLAIN = {
    "approve, nobody did": Way("approve"),
    "approve, a person did": Way("approve", approved=True, confirmed=1),
    "block": Way("block"),
    "unknown value": Way("yes"),
    "allow": Way("allow", confirmed=1),
}
WAYS = {
    **PLAIN,
    **{f"{name}, form": replace(way, asking=True) for name, way in PLAIN.items()},
    "ask, a person approved the code": Way("ask", approved=True, confirmed=1),
}


@pytest.mark.parametrize(
    ("mode", "tool", "way"), cells(WAYS, ["approve, nobody did", "approve, a person did", "allow"])
)
async def test_each_way_destroys_only_what_it_allows(bench: Bench, tool: Destruction, way: Way) -> None:
    collection = bench.collection(TITLE)
    arguments = tool.arguments(collection)
    person = Person(types(TITLE)) if way.asking else None
    async with process(bench, person, confirm=way.confirm) as assistant:
        first = await assistant.call(tool.tool, arguments)
        if way.confirm == "allow":
            assert_done(first)
            assert bench.requests[0] == "collection.getCollection", "it looks before it destroys"
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


@pytest.mark.parametrize(("mode", "tool", "confirm"), cells({"read only": "allow"}, ["read only"]))
async def test_read_only_mode_beats_every_way(bench: Bench, mode: Mode, tool: Destruction, confirm: str) -> None:
    collection = bench.collection(TITLE)
    async with process(bench, read_only=True, confirm=confirm) as assistant:
        if mode == "legacy":
            with pytest.raises(MCPError, match=re.escape(UNCHANGED)):
                await assistant.call(tool.tool, tool.arguments(collection))
        else:
            said = await assistant.call(tool.tool, tool.arguments(collection))
            assert said.is_error
            assert UNCHANGED in said.text

    assert bench.sandbox.requests == []
