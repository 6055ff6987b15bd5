"""A connection between two endpoints, as over TCP: it delivers frames in order, or breaks.

While the way is closed, by a cut, a paused host or one without power, neither end is notified and nothing is lost:
frames arrive when it opens again. After `SILENCE`, both ends close the connection.
"""

from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final
from zlib import crc32

from casty.member import NodeId
from casty.spi.transport import Lane

if TYPE_CHECKING:
    from casty.testing.simulation.transport import SimulatedTransport

SILENCE: Final = 5.0
"""Seconds without a sign of life after which a connection counts as lost."""


@dataclass(slots=True)
class Load:
    """Frames of one lane that are queued or in flight."""

    frames: int = 0
    size: int = 0
    """In bytes."""

    def add(self, frame: bytes) -> None:
        self.frames += 1
        self.size += len(frame)

    def remove(self, frame: bytes) -> None:
        self.frames -= 1
        self.size -= len(frame)


class End:
    """One endpoint's side of a connection."""

    def __init__(self, connection: "Connection", transport: "SimulatedTransport") -> None:
        self.connection = connection
        self.transport = transport
        self.is_open = False
        """Whether this side knows that the connection exists; nothing is delivered to it before."""
        self.is_broken = False
        self.load = {lane: Load() for lane in Lane}
        """Load in flight to the other side, by lane."""
        self._streams: dict[Lane, deque[bytes]] = {lane: deque() for lane in Lane}
        """Frames in flight, in order: whenever one arrives, it is the first of these."""
        self._held: list[Lane] = []
        """One entry per arrival that waits for the way to open again."""
        self._last = dict.fromkeys(Lane, 0.0)
        """Arrival time of the last frame of a lane."""
        self._free = dict.fromkeys(Lane, 0.0)
        """Time at which a link of limited bandwidth has sent its frames; each lane has the whole bandwidth."""

    @property
    def node(self) -> NodeId:
        return self.transport.node

    @property
    def other(self) -> "End":
        first, second = self.connection.ends
        return second if self is first else first

    @property
    def way(self) -> tuple[str, str]:
        return self.transport.host, self.other.transport.host

    def send(self, lane: Lane, frame: bytes) -> bool:
        """Send a frame; it is always accepted, but may be lost."""
        network, loop = self.transport.network, self.transport.loop
        link = network.link_of(*self.way)
        now = loop.seconds()
        sent = self._free[lane] = max(now, self._free[lane]) + (len(frame) / link.bandwidth if link.bandwidth else 0.0)
        delays = link.delays(network.random)
        if not delays:
            self._note(lane, frame, "lost")
        for delay in delays:
            self.load[lane].add(frame)
            if link.lossy:
                loop.carry(sent + delay - now, self._arrive_or_vanish, lane, frame)
            else:
                self._last[lane] = max(sent + delay, self._last[lane])
                self._streams[lane].append(frame)
                loop.carry(self._last[lane] - now, self._arrive, lane)
        return True

    def resend(self) -> None:
        """Retry deferred arrivals: the way may be open again."""
        held, self._held = self._held, []
        network = self.transport.network
        for lane in held:
            late = min(network.delays(*self.way), default=SILENCE)
            self.transport.loop.carry(late, self._arrive, lane)

    def _gets_through(self) -> bool:
        other = self.other
        return other.is_open and not other.transport.process.dead and self.transport.network.is_open(*self.way)

    def _arrive(self, lane: Lane) -> None:
        if self.connection.is_broken:
            return
        if self._gets_through():
            self.other.transport.arrive(self._taken, lane, self._streams[lane].popleft())
        else:
            self._held.append(lane)

    def _arrive_or_vanish(self, lane: Lane, frame: bytes) -> None:
        if self.connection.is_broken:
            return
        if self._gets_through():
            self.other.transport.arrive(self._taken, lane, frame)
        else:
            self.load[lane].remove(frame)
            self._note(lane, frame, "lost")

    def _taken(self, lane: Lane, frame: bytes) -> None:
        if not self.connection.is_broken:
            self.load[lane].remove(frame)
            self._note(lane, frame, "delivered")
            self.other.transport.receive(self.node, frame)

    def broken(self, reason: str, *, replaced: bool = False) -> None:
        """Notify this side, unless it knows already."""
        if not self.is_broken:
            self.is_broken = True
            self.transport.arrive(self.transport.lost, self, reason)
            if replaced:
                self.transport.arrive(self.transport.replaced, self.other.node)

    def _note(self, lane: Lane, frame: bytes, what: str) -> None:
        text = f"{lane.value} frame to {self.other.node.address}, {len(frame)} bytes {crc32(frame):08x}: {what}"
        self.transport.loop.record(text, str(self.node.address))


class Connection:
    """Two ends, between two endpoints."""

    def __init__(self, first: "SimulatedTransport", second: "SimulatedTransport") -> None:
        self.ends = (End(self, first), End(self, second))
        self._network = first.network
        self._loop = first.loop
        self._silence: object = None
        """A distinct mark per silence; None while signs of life get through."""
        self._network.changed.append(self.look)
        self.look()

    @property
    def is_broken(self) -> bool:
        return any(end.is_broken for end in self.ends)

    def break_(self, reason: str) -> None:
        """Break the connection, and notify both sides."""
        self._forget()
        for end in self.ends:
            end.broken(reason)

    def close(self, end: End, *, replaced: bool = False) -> None:
        """Close the connection from one side. The other side is notified if the way is open, and else detects it later.
        `replaced`: because a later incarnation of the other side has connected.
        """
        self._forget()
        end.is_broken = True
        delay = min(self._network.delays(*end.way), default=SILENCE) if self._network.is_open(*end.way) else SILENCE
        reason = "a newer incarnation of this node has connected" if replaced else "the peer closed the connection"
        self._loop.carry(delay, partial(end.other.broken, reason, replaced=replaced))

    def look(self) -> None:
        """React to a possible change in the network or in one of the hosts."""
        ways = [end.way for end in self.ends]
        processes = [end.transport.process for end in self.ends]
        if any(self._network.resets(*way) for way in ways):
            self.break_("the network reset the connection")
        elif any(process.halted for process in processes) or not all(self._network.is_open(*way) for way in ways):
            self._fall_silent()
            if any(process.dead and process.refuses for process in processes):
                delay = min(self._network.delays(*ways[0]), default=SILENCE)
                self._loop.carry(delay, self.break_, "the process at the other end is gone")
        else:
            self._silence = None
        for end in self.ends:
            if not end.is_broken and self._network.is_open(*end.way):
                end.resend()

    def _fall_silent(self) -> None:
        if self._silence is None:
            self._silence = object()
            self._loop.carry(SILENCE, self._give_up, self._silence)

    def _give_up(self, silence: object) -> None:
        if silence is self._silence and not self.is_broken:
            self.break_(f"nothing was received for {SILENCE:g} s")

    def _forget(self) -> None:
        if self.look in self._network.changed:
            self._network.changed.remove(self.look)
