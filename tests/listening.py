"""A socket for a server of the tests, as uvicorn would open it by itself."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

HOST = "127.0.0.1"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For whoever asks by plain HTTP: to read all authorities takes 25 ms, which is longer than most tests."""


@contextmanager
def free_listener() -> Iterator[socket.socket]:
    """At a free port. What it accepts waits for no acknowledgement between a head and its body (40 ms)."""
    with socket.create_server((HOST, 0), backlog=2048) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield listener
