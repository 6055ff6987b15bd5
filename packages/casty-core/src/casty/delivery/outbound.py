"""The producer's half of reliable delivery, as a pure machine.

Theory of operation. The producer has messages, known here by their positions, and consumers. It opens a channel to a
consumer, which names the channel and grants how many messages may be sent on it. The messages of a channel are numbered
from 1. The consumer acknowledges what it has received, in order, and what has been confirmed; confirmed messages are
done. A message that is lost leaves a gap, which the consumer reports; if nothing is reported, a probe finds out. A
consumer that does not know the channel, because it has restarted, closes it: then everything unconfirmed is sent on a
new one. It is also sent anew, to another consumer, when the consumer is gone.

Point to point, only the first consumer has a channel, so that all messages arrive in order. Otherwise each message goes
to the consumer with the fewest unconfirmed ones among those that grant more.

Invariants: each position is either waiting or in one channel; a channel has sent no more than was granted; positions
in a channel of the only consumer are in order, and before all that wait.
"""

import heapq
from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

FIRST_INTERVAL: Final = 1.0
"""Seconds without progress until the consumer is asked; each further time it is twice as long."""
LAST_INTERVAL: Final = 10.0


@dataclass(frozen=True, slots=True)
class Present[C: Hashable]:
    """These are the consumers now."""

    consumers: Sequence[C]


@dataclass(frozen=True, slots=True)
class Add:
    """There is a message at this position, the highest so far."""

    position: int


@dataclass(frozen=True, slots=True)
class ChannelOpened:
    """The consumer has opened a channel at this attempt."""

    attempt: str
    channel: str
    granted: int


@dataclass(frozen=True, slots=True)
class Progress:
    """The consumer has acknowledged; see `Acknowledged`."""

    channel: str
    received: int
    confirmed: int
    granted: int
    behind: bool


@dataclass(frozen=True, slots=True)
class ChannelClosed:
    """The consumer does not know the channel."""

    channel: str


@dataclass(frozen=True, slots=True)
class Tick:
    """The machine's deadline has come."""


type Input[C: Hashable] = Present[C] | Add | ChannelOpened | Progress | ChannelClosed | Tick


@dataclass(frozen=True, slots=True)
class OpenChannel[C: Hashable]:
    """Ask the consumer for a channel."""

    consumer: C
    attempt: str


@dataclass(frozen=True, slots=True)
class Transmit[C: Hashable]:
    """Send the message at this position as this number of the channel."""

    consumer: C
    channel: str
    number: int
    position: int


@dataclass(frozen=True, slots=True)
class ProbeChannel[C: Hashable]:
    """Ask the consumer how far the channel is."""

    consumer: C
    channel: str


@dataclass(frozen=True, slots=True)
class Done:
    """The messages at these positions are confirmed."""

    positions: tuple[int, ...]


type Effect[C: Hashable] = OpenChannel[C] | Transmit[C] | ProbeChannel[C] | Done


@dataclass(slots=True, eq=False)
class Channel:
    """The channel to one consumer, or the attempt to open one."""

    attempt: str
    deadline: float
    interval: float = FIRST_INTERVAL
    channel: str | None = None
    """None until it is open."""
    confirmed: int = 0
    received: int = 0
    sent: int = 0
    granted: int = 0
    positions: deque[int] = field(default_factory=deque[int])
    """Of the messages after the last confirmed one."""

    @property
    def numbered(self) -> int:
        """The last number that stands for a message."""
        return self.confirmed + len(self.positions)

    def progressed(self, now: float) -> None:
        self.interval = FIRST_INTERVAL
        self.deadline = now + self.interval

    def wait_longer(self, now: float) -> None:
        self.deadline = now + self.interval
        self.interval = min(LAST_INTERVAL, 2 * self.interval)


class Outbound[C: Hashable]:
    """The machine. `incarnation` is a text that no other incarnation of the producer has. `shares`: among all consumers
    that are present; otherwise it is the first of them that gets all messages.
    """

    def __init__(self, incarnation: str, *, shares: bool) -> None:
        self._incarnation = incarnation
        self._shares = shares
        self._attempts = 0
        self._present: tuple[C, ...] = ()
        self._channels: dict[C, Channel] = {}
        self._named: dict[str, C] = {}
        """The consumers by the names of their channels, and by the attempts to open one: the references by which they
        are reached say nothing about what they call themselves.
        """
        self._waiting: list[int] = []
        """A heap: what has been sent already comes before what has not."""

    def handle(self, given: Input[C], now: float) -> list[Effect[C]]:
        return [*self._handle(given, now), *self._send(now)]

    def next_deadline(self) -> float | None:
        return min((channel.deadline for _, channel in self._due()), default=None)

    @property
    def unconfirmed(self) -> int:
        return len(self._waiting) + sum(len(channel.positions) for channel in self._channels.values())

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        placed = [position for channel in self._channels.values() for position in channel.positions]
        assert len({*placed, *self._waiting}) == len(placed) + len(self._waiting), "a position is in two places"
        names = {name for c in self._channels.values() for name in (c.attempt, c.channel) if name is not None}
        assert names == self._named.keys(), "the index of names differs"
        for channel in self._channels.values():
            assert channel.confirmed <= channel.received <= channel.numbered, "more is received than was sent"
            assert channel.sent <= channel.granted, "more is sent than was granted"
            assert channel.numbered <= channel.granted or channel.channel is None, "more is numbered than was granted"
        if not self._shares:
            assert len(self._channels) <= 1, "two consumers have channels"
            assert sorted(placed) == placed, "a message is out of order"
            assert not placed or not self._waiting or placed[-1] < min(self._waiting), "a later message is in front"

    def _handle(self, given: Input[C], now: float) -> Iterator[Effect[C]]:
        match given:
            case Present(consumers):
                self._present = tuple(dict.fromkeys(consumers))
                yield from self._follow(now)
            case Add(position):
                heapq.heappush(self._waiting, position)
            case ChannelOpened():
                self._opened(given, now)
            case Progress():
                yield from self._progressed(given, now)
            case ChannelClosed(name):
                consumer = self._named.get(name)
                if consumer is not None and self._channels[consumer].channel == name:
                    yield self._open(consumer, now)
            case Tick():
                yield from self._ask(now)

    def _follow(self, now: float) -> Iterator[Effect[C]]:
        """Open channels to the consumers that should have one, and take back the messages of the others.

        The only consumer stays the same as long as it is present, wherever it stands in the list.
        """
        wanted = self._present
        if not self._shares:
            wanted = tuple(consumer for consumer in self._channels if consumer in self._present) or wanted[:1]
        for consumer in self._channels.keys() - set(wanted):
            self._take_back(consumer)
        for consumer in wanted:
            if consumer not in self._channels:
                yield self._open(consumer, now)

    def _open(self, consumer: C, now: float) -> OpenChannel[C]:
        self._take_back(consumer)
        self._attempts += 1
        channel = Channel(f"{self._incarnation}.{self._attempts}", now + FIRST_INTERVAL)
        self._channels[consumer] = channel
        self._named[channel.attempt] = consumer
        return OpenChannel(consumer, channel.attempt)

    def _take_back(self, consumer: C) -> None:
        channel = self._channels.pop(consumer, None)
        if channel is None:
            return
        del self._named[channel.attempt]
        if channel.channel is not None:
            del self._named[channel.channel]
        for position in channel.positions:
            heapq.heappush(self._waiting, position)

    def _opened(self, opened: ChannelOpened, now: float) -> None:
        consumer = self._named.get(opened.attempt)
        channel = None if consumer is None else self._channels[consumer]
        if consumer is not None and channel is not None and channel.channel is None:
            channel.channel = opened.channel
            self._named[opened.channel] = consumer
            channel.granted = max(0, opened.granted)
            channel.progressed(now)

    def _progressed(self, progress: Progress, now: float) -> Iterator[Effect[C]]:
        consumer = self._named.get(progress.channel)
        channel = None if consumer is None else self._channels[consumer]
        if channel is None or channel.channel is None:
            return
        # What a late acknowledgement says is known already, and what cannot be is not believed.
        received = min(progress.received, channel.numbered)
        confirmed = min(progress.confirmed, received)
        if received > channel.received or confirmed > channel.confirmed:
            channel.progressed(now)
        channel.received = max(channel.received, received)
        channel.granted = max(channel.granted, progress.granted)
        if confirmed > channel.confirmed:
            count = confirmed - channel.confirmed
            channel.confirmed = confirmed
            yield Done(tuple(channel.positions.popleft() for _ in range(count)))
        if progress.behind:
            channel.sent = channel.received

    def _ask(self, now: float) -> Iterator[Effect[C]]:
        for consumer, channel in self._due():
            if channel.deadline <= now:
                channel.wait_longer(now)
                if channel.channel is None:
                    yield OpenChannel(consumer, channel.attempt)
                else:
                    yield ProbeChannel(consumer, channel.channel)

    def _due(self) -> Iterator[tuple[C, Channel]]:
        """The channels that wait for an answer."""
        return ((c, channel) for c, channel in self._channels.items() if channel.channel is None or channel.positions)

    def _send(self, now: float) -> Iterator[Effect[C]]:
        while self._waiting and (channel := self._next()) is not None:
            if not channel.positions:
                channel.progressed(now)
            channel.positions.append(heapq.heappop(self._waiting))
        for consumer, channel in self._channels.items():
            while channel.channel is not None and channel.sent < channel.numbered:
                channel.sent += 1
                position = channel.positions[channel.sent - channel.confirmed - 1]
                yield Transmit(consumer, channel.channel, channel.sent, position)

    def _next(self) -> Channel | None:
        """The channel for the next message: that with the fewest unconfirmed ones of those with room."""
        open_channels = (channel for channel in self._channels.values() if channel.numbered < channel.granted)
        return min(open_channels, key=lambda channel: len(channel.positions), default=None)
