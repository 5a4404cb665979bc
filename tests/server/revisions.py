"""The protocol revisions where what is tested does not depend on them: one of them, or each in turn over rows or tests."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from tests.server.bench import Mode
from tests.server.destructions import MODES, REVISION


def in_turn(names: str, rows: Mapping[str, Any] | Iterable[Any]) -> pytest.MarkDecorator:
    """A cell for each row, every other one on the older revision; the row is a tuple where there are several names."""
    cells = list[Any]()
    for nth, (name, row) in enumerate(rows.items() if isinstance(rows, Mapping) else ((str(one), one) for one in rows)):
        mode = MODES[nth % len(MODES)]
        cells.append(pytest.param(mode, *(row if "," in names else (row,)), id=f"{REVISION[mode]}-{name}"))
    return pytest.mark.parametrize(f"mode, {names}", cells)


@pytest.fixture
def newer() -> Mode:
    """The newer one: a module says `mode = newer` where what it is about does not depend on the revision."""
    return "auto"


@pytest.fixture
def turn(request: pytest.FixtureRequest) -> Mode:
    """The revision of a cell where they take turns over the tests of a module, as they stand there, and over the rows of each."""
    tests = [name for name in vars(request.module) if name.startswith("test_")]
    spec = getattr(request.node, "callspec", None)
    return MODES[(tests.index(request.node.originalname) + sum(spec.indices.values() if spec else ())) % len(MODES)]
