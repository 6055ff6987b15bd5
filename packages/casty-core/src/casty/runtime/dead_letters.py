"""Where messages end that nobody will handle, and the warnings that are limited so that a flood harms nobody."""

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

from casty.clock import Clock
from casty.errors import MailboxFullError
from casty.event_stream import EventStream
from casty.events import DeadLetter, MailboxHighWater
from casty.ref import ActorRef
from casty.runtime.revocable import REVOKED, taken

logger = logging.getLogger("casty")


class Throttle:
    """Lets a few lines a key through in each period and counts the rest."""

    def __init__(self, clock: Clock, *, lines: int = 5, period: float = 60.0) -> None:
        self._clock = clock
        self._lines = lines
        self._period = period
        self._begun = clock.time()
        self._seen: Counter[object] = Counter()

    def admits(self, key: object) -> bool:
        now = self._clock.time()
        if now - self._begun >= self._period:
            self._begun = now
            suppressed = sum(count - self._lines for count in self._seen.values() if count > self._lines)
            self._seen.clear()
            if suppressed:
                logger.warning("%d more warnings of the same kinds were left out", suppressed)
        self._seen[key] += 1
        return self._seen[key] <= self._lines


class Internal:
    """A message among the parts of Casty itself: where nobody takes it any more, nobody misses it."""

    __slots__ = ()


type Undelivered = Callable[[object, ActorRef[Any], str, Exception | None], object]
"""Told of each undelivered message, its target, the reason and the cause, before any subscriber is."""


def _without_asks(_message: object, _ref: ActorRef[Any], _reason: str, _cause: Exception | None) -> None:
    """What `DeadLetters` does until the asks of its system are connected to it."""


class DeadLetters:
    """Publishes dead letters, and logs them by message type only: a payload may be nobody's business."""

    def __init__(self, clock: Clock, stream: EventStream) -> None:
        self._stream = stream
        self._throttle = Throttle(clock)
        self.fail_asks: Undelivered = _without_asks

    def publish(self, message: object, intended: ActorRef[Any], reason: str, cause: Exception | None = None) -> None:
        """Report that `message` will not be handled, and why; an `ask` that waits for its reply fails at once, with an
        error of the class of `cause` where that tells more than that the actor has stopped.
        """
        message = taken(message)
        if message is REVOKED or isinstance(message, Internal):
            return
        self.fail_asks(message, intended, reason, cause)
        kind = type(message).__qualname__
        if self._throttle.admits((kind, reason)):
            logger.warning("dead letter: %s for %s: %s", kind, intended.address.path, reason)
        # A dead letter that cannot be delivered to a subscriber would otherwise beget another one, for ever.
        if not isinstance(message, DeadLetter):
            self._stream.publish(DeadLetter(message=message, intended_ref=intended, reason=reason))

    def tell(self, ref: ActorRef[Any], message: Any) -> None:
        """Tell where nobody is at hand who could take the exception of a full mailbox."""
        try:
            ref.tell(message)
        except MailboxFullError as full:
            self.publish(message, ref, str(full), full)

    def warn_high_water(self, ref: ActorRef[Any], size: int) -> None:
        """Say that an unbounded mailbox has grown past the mark."""
        path = ref.address.path
        if self._throttle.admits(path):
            logger.warning(
                "the mailbox of %s holds %d messages and has no bound; "
                "slow its senders down, or spawn it with mailbox=Mailbox(capacity=…)",
                path,
                size,
            )
        self._stream.publish(MailboxHighWater(ref, size))
