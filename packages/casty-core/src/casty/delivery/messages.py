"""What users exchange with producers and consumers, and what these two send each other."""

from dataclasses import dataclass
from typing import Any

from casty.extension import Internal
from casty.ref import ActorRef
from casty.request import Request
from casty.serialization import event, message


# Without slots: see `ShardEnvelope`.
@message("casty.delivery.Send")
@dataclass(frozen=True)
class Send[M](Request[None]):
    """Have a producer deliver a message. The reply comes when the producer has taken it over: when it is stored where
    the producer has a journal, else when it is on its way and the window has room; or when a consumer has confirmed it,
    with `confirmed`.
    """

    message: M
    confirmed: bool = False


@message("casty.delivery.Delivery")
@dataclass(frozen=True)
class Delivery[M](Request[None]):
    """A message that a consumer handles, and confirms when it has been handled. Unconfirmed, it comes again."""

    message: M
    producer: str
    """The id of its producer."""
    position: int
    """Its number among the messages of that producer: the same whenever it comes again."""

    def confirm(self) -> None:
        """The message has been handled. A handler that stores events confirms it together with these."""
        self.reply_to.tell(None)


class Transfer[M](Internal):
    """What a producer sends to a consumer of messages of type M: the type parameter of a consumer's reference."""

    __slots__ = ()


@message("casty.delivery.Open")
@dataclass(frozen=True)
class Open(Transfer[Any]):
    """Ask for a channel. `attempt` is repeated in the reply."""

    producer: str
    attempt: str
    reply_to: ActorRef["FromConsumer"]


@message("casty.delivery.Sequenced")
@dataclass(frozen=True)
class Sequenced(Transfer[Any]):
    """Message number `number` of a channel, counted from 1."""

    producer: str
    channel: str
    number: int
    position: int
    message: Any


@message("casty.delivery.Probe")
@dataclass(frozen=True)
class Probe(Transfer[Any]):
    """Ask how far a channel is."""

    producer: str
    channel: str
    reply_to: ActorRef["FromConsumer"]


@message("casty.delivery.Opened")
@dataclass(frozen=True)
class Opened(Internal):
    """The consumer has a new channel, and takes the numbers up to `granted`."""

    attempt: str
    channel: str
    granted: int


@message("casty.delivery.Acknowledged")
@dataclass(frozen=True)
class Acknowledged(Internal):
    """All up to `received` has arrived and all up to `confirmed` is confirmed; the numbers up to `granted` may be sent.

    `behind`: what was sent after `received` has to be sent again.
    """

    channel: str
    received: int
    confirmed: int
    granted: int
    behind: bool


@message("casty.delivery.Closed")
@dataclass(frozen=True)
class Closed(Internal):
    """The consumer does not know the channel."""

    channel: str


type FromConsumer = Opened | Acknowledged | Closed


@event("casty.delivery.Queued")
@dataclass(frozen=True, slots=True)
class Queued:
    """A durable producer has taken over a message."""

    message: Any


@event("casty.delivery.Confirmed")
@dataclass(frozen=True, slots=True)
class Confirmed:
    """Consumers of a durable producer have confirmed the messages at these positions."""

    positions: tuple[int, ...]


@event("casty.delivery.Backlog")
@dataclass(frozen=True, slots=True)
class Backlog:
    """The state of a durable producer: what is not confirmed yet."""

    last: int = 0
    """The position of the last message that was taken over."""
    unconfirmed: tuple[tuple[int, Any], ...] = ()
    """Positions and messages, in order."""

    def after(self, happened: Queued | Confirmed) -> "Backlog":
        match happened:
            case Queued(queued):
                return Backlog(self.last + 1, (*self.unconfirmed, (self.last + 1, queued)))
            case Confirmed(positions):
                gone = set(positions)
                return Backlog(self.last, tuple(entry for entry in self.unconfirmed if entry[0] not in gone))
