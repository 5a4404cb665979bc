"""From a request to its answer: read it, write it down, let it through or refuse it, carry it out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp

from flipsnack_mcp.sandbox.account import Account
from flipsnack_mcp.sandbox.actions import HANDLERS
from flipsnack_mcp.sandbox.actions.call import Call
from flipsnack_mcp.sandbox.faults import BROKEN, INSTEAD, Fault, Faults
from flipsnack_mcp.sandbox.pace import Pace
from flipsnack_mcp.sandbox.packages import Packages
from flipsnack_mcp.sandbox.requests.answers import dropped, instead, spoiled, whole
from flipsnack_mcp.sandbox.requests.arriving import Received, receive
from flipsnack_mcp.sandbox.requests.envelope import OK, Refusal, accepted, refused
from flipsnack_mcp.sandbox.requests.gate import Gate, Windows
from flipsnack_mcp.sandbox.transcript import Transcript


@dataclass(frozen=True)
class Api:
    """The API of one sandbox."""

    clock: Callable[[], float]
    pace: Pace
    gate: Gate
    windows: Windows
    account: Account
    faults: Faults
    packages: Packages
    transcript: Transcript
    inclusive_to: bool

    async def answer(self, request: Request) -> ASGIApp:
        """Answer one request at either host."""
        at = self.clock()
        try:
            received = await receive(request, keep_uploads=self.pace.keep_uploads)
        except ClientDisconnect:
            self.transcript.note(at=at, host="upload", verb=request.method, params={}, file=None)
            return Response(status_code=400)  # nobody is there to read it
        number = self._note(received, at)
        crowded = self._crowded(received)
        slow = self.faults.take(("slow",), received.action)
        fault = self.faults.take(INSTEAD | BROKEN, received.action)
        await _sleep(slow, "before")
        if fault is not None and fault.kind in INSTEAD:
            code, response = instead(fault)
        elif fault is not None and fault.kind in {"hang", "reset"} and fault.phase == "before":
            code, response = 0, await _silence(fault, request)
        else:
            envelope = self._carry_out(request, received, number=number, crowded=crowded)
            await _sleep(slow, "after")
            code, response = await _delivered(envelope, fault, request)
        self.transcript.answered(number, code)
        return response

    def _note(self, received: Received, at: float) -> int:
        return self.transcript.note(
            at=at, host=received.host, verb=received.verb, params=received.params, file=received.file_seen()
        )

    def _crowded(self, received: Received) -> int:
        """Count the call. Sandbox's own choice: only calls with the account's key are counted."""
        if received.params.get("apiKey") != self.gate.api_key:
            return 0
        # An upload counts when it is in, not when it begins: so the windows stay in order of time.
        return self.windows.arrive(self.clock())

    def _carry_out(self, request: Request, received: Received, *, number: int, crowded: int) -> dict[str, Any]:
        try:
            self.gate.check(received, crowded)
            data = HANDLERS[received.action](self._call(request, received))
        except Refusal as refusal:
            return refused(refusal)
        self.transcript.executed(number)
        return accepted(data)

    def _call(self, request: Request, received: Received) -> Call:
        return Call(
            action=received.action,
            params=received.params,
            files=received.files,
            now=self.clock(),
            base=f"{request.url.scheme}://{request.url.netloc}",
            account=self.account,
            pace=self.pace,
            faults=self.faults,
            packages=self.packages,
            inclusive_to=self.inclusive_to,
        )


async def _sleep(slow: Fault | None, phase: str) -> None:
    if slow is not None and slow.phase == phase:
        await anyio.sleep(slow.seconds)


async def _delivered(envelope: dict[str, Any], fault: Fault | None, request: Request) -> tuple[int, ASGIApp]:
    if fault is None:
        return int(envelope["code"]), whole(envelope)
    # A refused request keeps its refusal: only the answers of actions that were executed are spoiled.
    if envelope["code"] != OK and fault.kind not in {"hang", "reset"}:
        return int(envelope["code"]), whole(envelope)
    if fault.kind == "hang":
        return 0, await _silence(fault, request)
    return spoiled(fault, envelope)


async def _silence(fault: Fault, request: Request) -> ASGIApp:
    """Never answer: drop the connection, or hold it until the other side gives up."""
    if fault.kind == "hang":
        while (await request.receive())["type"] != "http.disconnect":
            pass
    return dropped
