"""One open file that worker threads read and that is closed exactly once."""

import os
from threading import Lock


class Reader:
    """Takes over a descriptor in one thread, reads in others and may be closed before, during or after.

    A cancelled task does not stop its thread: without the lock the thread could read from a descriptor number
    that was closed and given to another file, or open one that nobody closes any more.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._descriptor: int | None = None
        self._closed = False

    def take(self, descriptor: int) -> None:
        with self._lock:
            if not self._closed:
                self._descriptor = descriptor
                return
        os.close(descriptor)
        raise ValueError("closed before it was open")

    def read(self, offset: int, length: int) -> bytes:
        with self._lock:
            descriptor = self._open_descriptor()
            os.lseek(descriptor, offset, os.SEEK_SET)  # Windows has no pread; under the lock this is as good
            return os.read(descriptor, length)

    def status(self) -> os.stat_result:
        with self._lock:
            return os.fstat(self._open_descriptor())

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._descriptor is not None:
                descriptor, self._descriptor = self._descriptor, None
                os.close(descriptor)

    def _open_descriptor(self) -> int:
        if self._descriptor is None:
            raise ValueError("the document is closed")
        return self._descriptor
