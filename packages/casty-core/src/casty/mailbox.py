"""How many messages may wait for an actor, and what happens to those beyond."""

from dataclasses import dataclass
from enum import Enum
from typing import Generic, cast

from casty.errors import ArgumentError
from casty.quantities import check_count
from casty.type_variables import M


class MailboxOverflowStrategy(Enum):
    """What a full mailbox does. Every message that it drops becomes a dead letter."""

    drop_new = "drop_new"
    """The arriving message is dropped."""
    drop_oldest = "drop_oldest"
    """The message that has waited longest is dropped."""
    backpressure = "backpressure"
    """`tell` raises `MailboxFullError`; `await ref.offer(message)` waits for room."""
    reject = "reject"
    """`tell` raises `MailboxFullError`, and so does `offer`: no caller waits."""


# Without slots: see `ShardEnvelope`.
@dataclass(frozen=True)
class Mailbox(Generic[M]):  # noqa: UP046  # its variable has a default
    """An actor's mailbox: unbounded where `capacity` is None, with a warning past the high-water mark."""

    capacity: int | None = None
    overflow: MailboxOverflowStrategy = MailboxOverflowStrategy.drop_new

    def __post_init__(self) -> None:
        if self.capacity is not None:
            check_count(self.capacity, "capacity of Mailbox")
        if not isinstance(cast("object", self.overflow), MailboxOverflowStrategy):
            names = ", ".join(f"MailboxOverflowStrategy.{strategy.name}" for strategy in MailboxOverflowStrategy)
            raise ArgumentError(f"overflow of Mailbox is one of {names}, not {self.overflow!r}")


def checked_mailbox(mailbox: Mailbox) -> Mailbox:
    """Raises `ArgumentError` for what is no mailbox."""
    if not isinstance(cast("object", mailbox), Mailbox):
        raise ArgumentError(f"mailbox is Mailbox(capacity=...), not {mailbox!r}")
    return mailbox
