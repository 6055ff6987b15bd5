"""Where messages end that no actor will handle, and warnings that are limited so that a flood does no harm."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from casty.clock import Clock
from casty.errors import MailboxFullError
from casty.event_stream import EventStream
from casty.events import DeadLetter
from casty.messages import kind_of
from casty.ref import ActorRef
from casty.runtime.revocable import REVOKED, taken

logger = logging.getLogger("casty")

STOPPED: Final = "the actor has stopped"
UNREAD: Final = "the actor stopped before its turn came"
UNKNOWN: Final = "no living actor has this address"

ADVICE: Final[Mapping[str, str]] = {
    STOPPED: "watch it to learn when it stops, and tell its successor",
    UNREAD: "ask it to finish before it is stopped, if its messages matter",
    UNKNOWN: "it has stopped, or its process has restarted; look it up again before telling it anything",
}
"""What to do about a dead letter, by its reason. Other reasons include the advice."""
OTHERWISE: Final = "subscribe to casty.DeadLetter to see such messages"
TARGETS: Final = 1_000
"""Actors whose dead letters are counted one by one at a shutdown."""


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
    """A message between parts of Casty itself: undelivered, it is dropped and not reported."""

    __slots__ = ()


type LogFields = Callable[[str], dict[str, str | None]]
"""The `extra` of a log record about the actor at a path."""

type Undelivered = Callable[[object, ActorRef[Any], str, Exception | None], object]
"""Called with each undelivered message, its target, the reason and the cause, before any subscriber."""


def _without_asks(_message: object, _ref: ActorRef[Any], _reason: str, _cause: Exception | None) -> None:
    """What `DeadLetters` does until the asks of its system are connected to it."""


class DeadLetters:
    """Publishes dead letters, and logs them by message type only: a payload may be confidential."""

    def __init__(self, system: str, stream: EventStream, clock: Clock, log_fields: LogFields) -> None:
        self._system = system
        self._stream = stream
        self._throttle = Throttle(clock)
        self._log_fields = log_fields
        self._summary: _Summary | None = None
        self.fail_asks: Undelivered = _without_asks

    def publish(self, message: object, intended: ActorRef[Any], reason: str, cause: Exception | None = None) -> None:
        """Report that `message` will not be handled, and why; an `ask` that waits for its reply fails at once, with an
        error of the class of `cause` where that tells more than that the actor has stopped.
        """
        message = taken(message)
        if message is REVOKED or isinstance(message, Internal):
            return
        self.fail_asks(message, intended, reason, cause)
        kind = kind_of(message).__qualname__
        if self._summary is not None:
            self._summary.count(kind, intended)
        elif self._throttle.admits((kind, reason)):
            path = intended.address.path
            advice = ADVICE.get(reason, OTHERWISE)
            logger.warning("dead letter: %s for %s: %s; %s", kind, path, reason, advice, extra=self._log_fields(path))
        # A dead letter that cannot be delivered to a subscriber would otherwise cause another one, for ever.
        if not isinstance(message, DeadLetter):
            self._stream.publish(DeadLetter(message=message, intended_ref=intended, reason=reason))

    def tell(self, ref: ActorRef[Any], message: Any) -> None:
        """Tell on behalf of no caller that could take the exception of a full mailbox."""
        try:
            ref.tell(message)
        except MailboxFullError as full:
            self.publish(message, ref, str(full), full)

    def begin_shutdown(self) -> None:
        """From here on dead letters are logged together: a system that stops leaves many, for one reason."""
        self._summary = _Summary()

    def end_shutdown(self) -> None:
        """Log those of the shutdown in one line."""
        summary, self._summary = self._summary, None
        if summary is not None and summary.kinds:
            logger.warning(
                "the actor system %s stopped with %d messages that no actor had handled; they are dead letters: %s; "
                "most of them for %s; stop what sends them first, or wait for its work to be done",
                self._system,
                summary.kinds.total(),
                _most(summary.kinds),
                _most(summary.targets),
                extra={**self._log_fields(""), "actor": None},
            )


class _Summary:
    """The dead letters of a shutdown."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.targets: Counter[str] = Counter()
        self._last: ActorRef[Any] | None = None
        self._path = ""

    def count(self, kind: str, intended: ActorRef[Any]) -> None:
        self.kinds[kind] += 1
        if intended is not self._last:  # a mailbox with a million messages has one path
            self._last = intended
            path = intended.address.path
            self._path = path if len(self.targets) < TARGETS or path in self.targets else "others"
        self.targets[self._path] += 1


def _most(counts: Counter[str]) -> str:
    """The largest figures, and how many others there are."""
    shown = [f"{count} {name}" for name, count in counts.most_common(5)]
    left = len(counts) - len(shown)
    return ", ".join(shown) + (f" and {left} more" if left else "")
