"""Control endpoints under /_sandbox/: faults in, transcript out. No signature, and no call is counted."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flipsnack_mcp.sandbox.faults import Fault, Faults, fault_from_json
from flipsnack_mcp.sandbox.transcript import Transcript


@dataclass(frozen=True)
class Control:
    """What a test in another process or language uses in place of the Python interface."""

    faults: Faults
    transcript: Transcript

    async def set_faults(self, request: Request) -> Response:
        """Add the faults of the body, or clear; all of them or, when one cannot be read, none."""
        try:
            given = await posted(request)
            wanted = [_step(one) for one in (given if isinstance(given, list) else [given])]
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)
        self._follow(wanted)
        return JSONResponse({"waiting": [asdict(one) for one in self.faults.waiting]})

    async def show_requests(self, _request: Request) -> Response:
        return JSONResponse({"requests": [asdict(one) for one in self.transcript.requests]})

    def _follow(self, steps: Sequence[Fault | None]) -> None:
        for fault in steps:
            if fault is None:
                self.faults.clear()
            else:
                self.faults.add(fault)


async def posted(request: Request) -> Any:
    """Read the JSON of a body; none at all is an object of nothing. Raise ValueError with a clear text for what is no JSON."""
    try:
        return json.loads(await request.body() or b"{}")
    except (ValueError, RecursionError):
        raise ValueError("the body must be JSON") from None


def _step(given: Any) -> Fault | None:
    """Read one object: a fault, or None for the wish to clear."""
    return None if given == {"clear": True} else fault_from_json(given)
