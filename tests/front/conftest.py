"""Virtual time: a conversation waits only until everybody else waits too."""

from tests.virtual_clock import on_virtual_time

anyio_backend = on_virtual_time
