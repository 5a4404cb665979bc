"""Numbers as Flipsnack sends them: now as numbers, now as text."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BeforeValidator


def whole(value: object) -> int | None:
    """A whole number out of a number or its text; None where there is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        number = float(str(value).strip().replace(",", ""))
    except ValueError:
        return None
    return round(number) if math.isfinite(number) else None


Whole = Annotated[int, BeforeValidator(whole)]
MaybeWhole = Annotated[int | None, BeforeValidator(whole)]
