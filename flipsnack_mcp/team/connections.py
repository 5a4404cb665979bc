"""One connection of a server on HTTP: nobody is waited for without end, whether they send slowly, read slowly or do nothing."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import h11
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

SLOWEST = 10_000
"""Bytes a second that a large body has to come with, and a large answer to be taken with, on the average."""

MOST_AT_ONCE = 10
"""So many times as many connections as may wait may come in one moment."""


@dataclass(frozen=True)
class Patience:
    """What clients are given."""

    request: float
    """Seconds for a request to arrive, from the connection or its first byte to the last; a large body has more."""
    keep_alive: int
    """Seconds between two requests."""
    unfinished: int
    """Connections on which no whole head of a request has arrived yet, or whose body nobody wants; with one more the
    oldest of them makes room. As many bodies are waited for."""
    answer: float = 30.0
    """Seconds for an answer to be taken; a large one has more."""
    idle: int = 500
    """Connections that are kept between two requests."""
    settling: float = 0.5
    """Seconds in which a connection makes room for nobody: hundreds may come at once, each with its request right behind."""


USUAL_PATIENCE = Patience(request=20.0, keep_alive=5, unfinished=200)
WITH_A_BALANCER = Patience(request=20.0, keep_alive=75, unfinished=1000, idle=1000)
"""A balancer keeps connections for a minute: were they ended here before, it would send requests into closed ones. And
many people's clients may connect in one second, and be slow to speak."""


@dataclass(frozen=True)
class Rooms:
    """The connections of a server that wait for something, the longest first."""

    heads: "Room" = field(default_factory=dict)
    """For the head of a request, or for nothing that anybody wants."""
    bodies: "Room" = field(default_factory=dict)
    idle: "Room" = field(default_factory=dict)
    """For whether there is another request."""


Room: TypeAlias = dict["BoundedProtocol", None]


class BoundedProtocol(H11Protocol):
    """One connection. Uvicorn itself gives a time only to a connection that is silent after an answer."""

    def __init__(self, *usual: Any, patience: Patience, rooms: Rooms, **named: Any) -> None:
        super().__init__(*usual, **named)
        self.patience, self.rooms = patience, rooms
        self.room: Room | None = None
        self.answered: object = self
        """The request that was answered last; none so far."""
        self.arrived, self.since = 0, 0.0
        """How much of the request that is waited for has come, and since when it is."""
        self.sent_until: asyncio.TimerHandle | None = None
        self.taken_until: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # what is not taken at once is noticed, and waited for
        self._look()

    @override
    def data_received(self, data: bytes) -> None:
        self.arrived += len(data)
        super().data_received(data)
        self._look()

    @override
    def on_response_complete(self) -> None:
        self.answered = self.cycle
        super().on_response_complete()
        self._look()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._move(None)
        self._is_taken()
        super().connection_lost(exc)

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait_until_taken()

    @override
    def resume_writing(self) -> None:
        self._is_taken()
        super().resume_writing()

    def hang_up(self) -> None:
        """End it at once."""
        self._move(None)
        self.transport.abort()  # what is still to be sent may never be taken

    def _look(self) -> None:
        """See what is waited for now. A connection in no room waits for us."""
        self._move(None if self.transport.is_closing() else self._waits_in())

    def _waits_in(self) -> Room | None:
        state = self.conn.their_state
        answered = self.cycle is self.answered
        if state is h11.SEND_BODY:
            return self.rooms.heads if answered else self.rooms.bodies
        if state is not h11.IDLE:
            return None
        return self.rooms.idle if answered and not self.conn.trailing_data[0] else self.rooms.heads

    def _move(self, room: Room | None) -> None:
        if room is self.room:
            return
        before = self.room
        waited = before is self.rooms.heads or before is self.rooms.bodies
        waits = room is self.rooms.heads or room is self.rooms.bodies
        if before is not None:
            before.pop(self, None)
        self.room = room
        answered = before is self.rooms.bodies and room is self.rooms.heads
        if answered or not (waits and waited):
            self._wait_anew()
        if room is not None:
            room[self] = None
            self._make_room(room, self.patience.idle if room is self.rooms.idle else self.patience.unfinished)

    def _wait_anew(self) -> None:
        self.arrived, self.since = 0, self.loop.time()
        if self.sent_until:
            self.sent_until.cancel()
        waits = self.room is self.rooms.heads or self.room is self.rooms.bodies
        self.sent_until = self.loop.call_later(self.patience.request, self._is_it_sent) if waits else None

    def _make_room(self, room: Room, most: int) -> None:
        """End those who have waited longest, but for a moment in which nobody can have said anything."""
        settled = self.loop.time() - self.patience.settling
        while len(room) > most:
            oldest = next(iter(room))
            if oldest.since > settled and len(room) <= MOST_AT_ONCE * most:
                break
            oldest.hang_up()

    def _is_it_sent(self) -> None:
        """Give a body that is wanted and comes fast enough more time, and end anything else."""
        more = self.arrived / SLOWEST if self.room is self.rooms.bodies else 0.0
        left = self.since + self.patience.request + more - self.loop.time()
        if left > 0:
            self.sent_until = self.loop.call_later(left, self._is_it_sent)
        else:
            self.hang_up()

    def _wait_until_taken(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        self.taken_until = self.loop.call_later(self.patience.answer, self._is_it_taken, unsent)

    def _is_it_taken(self, before: int) -> None:
        """Give who reads an answer fast enough more time, and end any other."""
        if before - self.transport.get_write_buffer_size() >= SLOWEST * self.patience.answer:
            self._wait_until_taken()
        else:
            self.hang_up()

    def _is_taken(self) -> None:
        if self.taken_until:
            self.taken_until.cancel()
            self.taken_until = None
