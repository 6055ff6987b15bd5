"""The consumer's half of reliable delivery, as a pure machine.

Theory of operation. A producer asks for a channel, and the consumer offers one. The offer counts from the first message
on that channel: so an offer that answers an old request, and that the producer does not know, changes nothing. From
then on the producer's older channel, and what has arrived on it, is forgotten: it comes again on the new one. The
numbers of a channel are taken in order; what comes twice is dropped, and a gap is reported once. Of each producer, one
message at a time is handled; it is confirmed when its handling has succeeded, and handled again, after a while, when it
has failed.

Invariants: what waits is received and not confirmed; a window is never exceeded; a producer whose messages wait has one
that is being handled, or is to be handled again.
"""

from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

FIRST_PAUSE: Final = 0.1
"""Seconds until a message whose handling failed is handled again; twice as long after each further failure."""
LAST_PAUSE: Final = 10.0


@dataclass(frozen=True, slots=True)
class Opening[S: Hashable]:
    """A producer asks for a channel. `sender` is where it takes replies."""

    producer: str
    attempt: str
    sender: S


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message has arrived."""

    producer: str
    channel: str
    number: int
    position: int
    message: Any


@dataclass(frozen=True, slots=True)
class Probed[S: Hashable]:
    """The producer asks how far a channel is."""

    producer: str
    channel: str
    sender: S


@dataclass(frozen=True, slots=True)
class Handled:
    """The handling of this message has ended: it succeeded, or has to be repeated."""

    producer: str
    channel: str
    number: int
    succeeded: bool


@dataclass(frozen=True, slots=True)
class Gone[S: Hashable]:
    """The producer that takes replies there has stopped."""

    sender: S


@dataclass(frozen=True, slots=True)
class Tick:
    """The machine's deadline has come."""


type Input[S: Hashable] = Opening[S] | Arrived | Probed[S] | Handled | Gone[S] | Tick


@dataclass(frozen=True, slots=True)
class Offer[S: Hashable]:
    """Offer the producer a channel."""

    sender: S
    attempt: str
    channel: str
    granted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge[S: Hashable]:
    """Tell the producer how far the channel is; see `Acknowledged`."""

    sender: S
    channel: str
    received: int
    confirmed: int
    granted: int
    behind: bool


@dataclass(frozen=True, slots=True)
class Refuse[S: Hashable]:
    """Tell the producer that there is no such channel."""

    sender: S
    channel: str


@dataclass(frozen=True, slots=True)
class Handle:
    """Have the message handled."""

    producer: str
    channel: str
    number: int
    position: int
    message: Any


type Effect[S: Hashable] = Offer[S] | Acknowledge[S] | Refuse[S] | Handle


@dataclass(slots=True, eq=False)
class Channel[S: Hashable]:
    """A channel that a producer uses, or may use."""

    name: str
    attempt: str
    sender: S
    received: int = 0
    confirmed: int = 0
    gap_reported: bool = False
    waiting: deque[Arrived] = field(default_factory=deque[Arrived])
    """Received and not confirmed: the first is being handled."""


@dataclass(slots=True, eq=False)
class Line[S: Hashable]:
    """One producer."""

    current: Channel[S] | None = None
    offered: Channel[S] | None = None
    handling: tuple[str, int] | None = None
    """The channel and the number of the message that is being handled."""
    again_at: float | None = None
    """When the first message is handled again."""
    pause: float = FIRST_PAUSE


class Inbound[S: Hashable]:
    """The machine. `incarnation` is a text that no other incarnation of a consumer has; `window` is how many messages
    of one producer may be unconfirmed.
    """

    def __init__(self, incarnation: str, *, window: int) -> None:
        self._incarnation = incarnation
        self._window = window
        self._offers = 0
        self._lines: dict[str, Line[S]] = {}

    def handle(self, given: Input[S], now: float) -> list[Effect[S]]:
        return list(self._handle(given, now))

    def next_deadline(self) -> float | None:
        return min((line.again_at for line in self._lines.values() if line.again_at is not None), default=None)

    def validate(self) -> None:
        """Raises AssertionError where an invariant is broken."""
        for line in self._lines.values():
            if (channel := line.current) is not None:
                numbers = [arrived.number for arrived in channel.waiting]
                assert numbers == list(range(channel.confirmed + 1, channel.received + 1)), "what waits is not in order"
                assert len(numbers) <= self._window, "the window is exceeded"
                stands = bool(numbers) and line.handling is None and line.again_at is None
                assert not stands, "a message waits and is not handled"

    def _handle(self, given: Input[S], now: float) -> Iterator[Effect[S]]:
        match given:
            case Opening():
                yield self._open(given)
            case Arrived():
                yield from self._arrived(given)
            case Probed(producer, name, sender):
                channel = self._find(producer, name)
                yield Refuse(sender, name) if channel is None else self._acknowledge(channel, behind=True)
            case Handled():
                yield from self._handled(given, now)
            case Gone(sender):
                self._forget(sender)
            case Tick():
                yield from self._repeat(now)

    def _open(self, opening: Opening[S]) -> Offer[S]:
        line = self._lines.setdefault(opening.producer, Line())
        offer = line.offered
        if offer is None or offer.attempt != opening.attempt:
            self._offers += 1
            offer = Channel(f"{self._incarnation}.{self._offers}", opening.attempt, opening.sender)
            line.offered = offer
        return Offer(offer.sender, offer.attempt, offer.name, self._window)

    def _arrived(self, arrived: Arrived) -> Iterator[Effect[S]]:
        channel = self._find(arrived.producer, arrived.channel)
        if channel is None:
            return  # the producer finds out by its next probe
        line = self._lines[arrived.producer]
        if channel is line.offered:
            line.current, line.offered = channel, None
            line.again_at, line.pause = None, FIRST_PAUSE
        if arrived.number <= channel.received:
            yield self._acknowledge(channel, behind=False)
        elif arrived.number > channel.received + 1:
            if not channel.gap_reported:
                channel.gap_reported = True
                yield self._acknowledge(channel, behind=True)
        elif arrived.number <= channel.confirmed + self._window:
            channel.received = arrived.number
            channel.gap_reported = False
            channel.waiting.append(arrived)
            yield from self._next(line)

    def _handled(self, handled: Handled, now: float) -> Iterator[Effect[S]]:
        line = self._lines.get(handled.producer)
        if line is None or line.handling != (handled.channel, handled.number):
            return
        line.handling = None
        channel = line.current
        if channel is not None and channel.name == handled.channel:
            if not handled.succeeded:
                line.again_at = now + line.pause
                line.pause = min(LAST_PAUSE, 2 * line.pause)
                return
            line.pause = FIRST_PAUSE
            channel.waiting.popleft()
            channel.confirmed += 1
            yield self._acknowledge(channel, behind=False)
        yield from self._next(line)
        self._drop_if_over(handled.producer)

    def _repeat(self, now: float) -> Iterator[Effect[S]]:
        for line in self._lines.values():
            if line.again_at is not None and line.again_at <= now:
                line.again_at = None
                yield from self._next(line)

    def _next(self, line: Line[S]) -> Iterator[Handle]:
        """Have the first message handled, unless one is: also one of a channel that is forgotten."""
        channel = line.current
        if channel is None or not channel.waiting or line.handling is not None or line.again_at is not None:
            return
        first = channel.waiting[0]
        line.handling = first.channel, first.number
        yield Handle(first.producer, first.channel, first.number, first.position, first.message)

    def _forget(self, sender: S) -> None:
        """Forget a producer, unless another incarnation of it has taken over."""
        for producer, line in list(self._lines.items()):
            if line.offered is not None and line.offered.sender == sender:
                line.offered = None
            if line.current is not None and line.current.sender == sender:
                line.current = None
                line.again_at = None
            self._drop_if_over(producer)

    def _drop_if_over(self, producer: str) -> None:
        line = self._lines[producer]
        if line.current is None and line.offered is None and line.handling is None:
            del self._lines[producer]

    def _find(self, producer: str, name: str) -> Channel[S] | None:
        line = self._lines.get(producer)
        channels = () if line is None else (line.current, line.offered)
        return next((channel for channel in channels if channel is not None and channel.name == name), None)

    def _acknowledge(self, channel: Channel[S], *, behind: bool) -> Acknowledge[S]:
        return Acknowledge(
            sender=channel.sender,
            channel=channel.name,
            received=channel.received,
            confirmed=channel.confirmed,
            granted=channel.confirmed + self._window,
            behind=behind,
        )
