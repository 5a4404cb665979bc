"""What the tests of files stand on: an allowed folder and what lies around it, and ways to hold a thread."""

import asyncio
import io
import subprocess
import threading
import zipfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import pytest

from flipsnack_mcp.files.documents import Kind, OpenDocument, open_document

PDF = b"%PDF-1.7\n"
Started = list[subprocess.Popen[bytes]]
Put = Callable[[str], object]
"""Puts another program where one of ours is."""


@dataclass(frozen=True)
class Ground:
    """Two folders whose names begin alike, each with a PDF in it; and what may be patched meanwhile."""

    allowed: Path
    outside: Path
    good: Path
    secret: Path
    patch: pytest.MonkeyPatch

    def open(self, kind: Kind = Kind.PDF) -> AbstractAsyncContextManager[OpenDocument]:
        """The document in the allowed folder."""
        return open_document(str(self.good), [self.allowed], kind)


class Gate:
    """Holds every call of a method, from the one after the first few free ones, until told to go on."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, owner: type | ModuleType, method: str, *, free: int = 0
    ) -> None:
        self.reached, self.go_on, self.left = threading.Event(), threading.Event(), threading.Event()
        self.calls = list[tuple[Any, ...]]()
        original: Callable[..., Any] = getattr(owner, method)

        def held(*args: Any, **named: Any) -> Any:
            self.calls.append(args)
            if len(self.calls) > free:
                self.reached.set()
                assert self.go_on.wait(10)
            try:
                return original(*args, **named)
            finally:
                self.left.set()

        monkeypatch.setattr(owner, method, held)

    async def wait_reached(self) -> None:
        """Lets the event loop turn until a thread is held."""
        assert await anyio.to_thread.run_sync(self.reached.wait, 20, abandon_on_cancel=True)


async def cancelled_in_a_group(gate: Gate, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Cancels work that is held at a gate, then lets its thread go on."""
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(work)
            await gate.wait_reached()
            group.cancel_scope.cancel()
            gate.go_on.set()


async def cancelled_the_asyncio_way(gate: Gate, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Such a cancellation goes through every shield: the thread goes on while the task is already cleaning up."""
    with anyio.fail_after(10):
        task = asyncio.create_task(work())
        await gate.wait_reached()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gate.go_on.set()
        await anyio.to_thread.run_sync(gate.left.wait)


Cancelling = Callable[[Gate, Callable[[], Coroutine[Any, Any, object]]], Coroutine[Any, Any, None]]


async def turn_loop() -> None:
    """Gives everything in the event loop that could go on a hundred chances to do so."""
    for _ in range(100):
        await anyio.lowlevel.checkpoint()


def open_descriptors() -> list[str]:
    """What this process has open; looking itself opens and closes one."""
    return names_in(Path("/dev/fd"))


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


async def sent(content: bytes, size: int = 10_000) -> AsyncIterator[bytes]:
    """A package as it comes in."""
    for start in range(0, len(content), size):
        yield content[start : start + size]
