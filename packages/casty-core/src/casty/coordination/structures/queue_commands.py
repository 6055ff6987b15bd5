"""What clients ask of a queue, and what is stored of it. Items are bytes here: only clients know their types."""

from dataclasses import dataclass
from typing import Final

from casty.coordination.operations import Query
from casty.serialization import event, message

LONGEST_DELAY: Final = float("inf")
"""Of items that were stored without their delay."""


@message("casty.coordination.queue.Enqueue")
@dataclass(frozen=True, slots=True)
class Enqueue:
    item: bytes
    priority: int = 0
    delay: float = 0.0


@message("casty.coordination.queue.Dequeue")
@dataclass(frozen=True, slots=True)
class Dequeue:
    """Replies with the `Delivered` of an item that is removed; else with `WAITING` after `wait` seconds, with None if
    they are 0.
    """

    wait: float = 0.0


@message("casty.coordination.queue.PutBack")
@dataclass(frozen=True, slots=True)
class PutBack:
    """An item that was dequeued and cannot be read by its consumer is in its old place again."""

    dequeued: "Delivered"


@message("casty.coordination.queue.Reserve")
@dataclass(frozen=True, slots=True)
class Reserve:
    """Replies with a `Delivered`, and otherwise as `Dequeue` does."""

    visibility: float
    max_deliveries: int | None
    wait: float = 0.0


@message("casty.coordination.queue.Acknowledge")
@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Replies with whether the item was still reserved by that delivery; then it is removed."""

    number: int
    delivery: int


@message("casty.coordination.queue.Return")
@dataclass(frozen=True, slots=True)
class Return:
    """Replies with whether the item was still reserved by that delivery; then it is there again after the delay."""

    number: int
    delivery: int
    delay: float = 0.0


@message("casty.coordination.queue.Extend")
@dataclass(frozen=True, slots=True)
class Extend(Query):
    """Replies with whether the item is reserved by that delivery: then it is for its whole time from now on."""

    number: int
    delivery: int


@message("casty.coordination.queue.Peek")
@dataclass(frozen=True, slots=True)
class Peek(Query):
    """Replies with the item that is next, None if there is none."""


@message("casty.coordination.queue.Size")
@dataclass(frozen=True, slots=True)
class Size(Query):
    """Replies with the number of items, reserved and delayed ones included."""


@message("casty.coordination.queue.DeadLetters")
@dataclass(frozen=True, slots=True)
class DeadLetters(Query):
    """Replies with the next page of items that were delivered too often: pairs of a key and an item."""

    after: bytes


@message("casty.coordination.queue.Delivered")
@dataclass(frozen=True, slots=True)
class Delivered:
    number: int
    delivery: int
    item: bytes
    priority: int = 0


@event("casty.coordination.queue.Enqueued")
@dataclass(frozen=True, slots=True)
class Enqueued:
    item: bytes
    priority: int
    due: float | None
    """By the wall clock, None for at once."""
    delay: float = LONGEST_DELAY
    """Seconds from the command on."""


@event("casty.coordination.queue.Dequeued")
@dataclass(frozen=True, slots=True)
class Dequeued:
    number: int


@event("casty.coordination.queue.Restored")
@dataclass(frozen=True, slots=True)
class Restored:
    """An item has been put back."""

    dequeued: Delivered


@event("casty.coordination.queue.Reserved")
@dataclass(frozen=True, slots=True)
class Reserved:
    number: int
    visibility: float
    max_deliveries: int | None


@event("casty.coordination.queue.Returned")
@dataclass(frozen=True, slots=True)
class Returned:
    """The delivery has failed, or its time is over."""

    number: int
    due: float | None
    delay: float = LONGEST_DELAY


@event("casty.coordination.queue.DeadLettered")
@dataclass(frozen=True, slots=True)
class DeadLettered:
    """The last permitted delivery has failed, or its time is over."""

    number: int


@event("casty.coordination.queue.Item")
@dataclass(frozen=True, slots=True)
class Item:
    item: bytes
    priority: int
    due: float | None
    deliveries: int = 0
    delay: float = LONGEST_DELAY
    """Seconds from the command on: it lasts no longer, however wrong a clock is."""


@event("casty.coordination.queue.Reservation")
@dataclass(frozen=True, slots=True)
class Reservation:
    """The latest delivery of an item, while it lasts."""

    delivery: int
    visibility: float
    max_deliveries: int | None


type Command = Enqueue | Dequeue | PutBack | Reserve | Acknowledge | Return | Extend | Peek | Size | DeadLetters
type Fact = Enqueued | Dequeued | Restored | Reserved | Returned | DeadLettered
