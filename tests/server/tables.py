"""Tables of hostile and of odd values, which lie as JSON beside the tests: a long value is written short in it."""

import json
import re
from pathlib import Path
from typing import Any

REPEATED = re.compile(r"⟦(.+?)\*(\d+)⟧", re.DOTALL)


def table(name: str) -> Any:
    """What a file of this name holds."""
    return unfolded(json.loads(Path(__file__).with_name(f"{name}.json").read_text(encoding="utf-8")))


def unfolded(value: Any) -> Any:
    """`⟦a*1000⟧` stands for a thousand of `a`."""
    if isinstance(value, dict):
        return {unfolded(name): unfolded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [unfolded(one) for one in value]
    return REPEATED.sub(lambda found: found[1] * int(found[2]), value) if isinstance(value, str) else value
