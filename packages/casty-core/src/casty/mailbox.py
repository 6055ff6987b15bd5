"""How many messages may wait for an actor, and what happens to those beyond."""

from dataclasses import dataclass
from enum import Enum


class MailboxOverflowStrategy(Enum):
    """What a full mailbox does. Every message that it drops becomes a dead letter."""

    drop_new = "drop_new"
    """The arriving message is dropped."""
    drop_oldest = "drop_oldest"
    """The message that has waited longest is dropped."""
    backpressure = "backpressure"
    """`tell` raises `MailboxFullError`; `await ref.offer(message)` waits for room."""
    reject = "reject"
    """`tell` raises `MailboxFullError`, and so does `offer`: nobody waits."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An actor's mailbox: unbounded where `capacity` is None, with a warning past the high-water mark."""

    capacity: int | None = None
    overflow: MailboxOverflowStrategy = MailboxOverflowStrategy.drop_new

    def __post_init__(self) -> None:
        if self.capacity is not None and self.capacity < 1:
            raise ValueError(f"a mailbox's capacity must be at least 1, or None for no bound; it is {self.capacity}")
