"""A context that records all effects and executes none."""

import itertools
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, override

from casty.behaviors.context import ActorContext, Timers
from casty.behaviors.system import System
from casty.behaviors.values import Behavior
from casty.errors import ActorNameError, StashOverflowError
from casty.mailbox import Mailbox
from casty.ref import ActorRef
from casty.runtime.children import NAME, check_spawnable
from casty.runtime.context import STASH_CAPACITY
from casty.testing.clock import ManualClock
from casty.testing.effects import (
    Asked,
    Effect,
    Passivated,
    PipedToSelf,
    Spawned,
    Stashed,
    Stopped,
    TimerCancelled,
    TimerStarted,
    Unstashed,
    Unwatched,
    Watched,
    WatchedWith,
)
from casty.testing.inbox import InboxRef, TestInbox
from casty.testing.stepping import step_through


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line that a behavior wrote to `ctx.log`."""

    level: int
    """As in `logging`, for example `logging.WARNING`."""
    message: str
    exception: BaseException | None = None


class _Log(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.entries: list[LogEntry] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        exception = record.exc_info[1] if record.exc_info else None
        self.entries.append(LogEntry(record.levelno, record.getMessage(), exception))


class RecordingContext(ActorContext[Any]):
    """The `ActorContext` of `BehaviorTestKit`: it records effects."""

    def __init__(self, path: str, parent: ActorRef[Any] | None, clock: ManualClock) -> None:
        self._clock = clock
        self.inbox: TestInbox[Any] = TestInbox(path)
        self.effects: list[Effect] = []
        self.inboxes: dict[str, TestInbox[Any]] = {}
        """The inbox of the newest child by its name, stopped ones included."""
        self.living: dict[str, ActorRef[Any]] = {}
        self.put_aside: list[Any] = []
        self.due: list[Any] = []
        """Unstashed messages to handle now."""
        self.stopping = False
        self._path = path
        self._parent = parent
        self._numbers = itertools.count(1)
        recorder = _Log()
        self.entries = recorder.entries
        logger = logging.Logger("casty.actor")
        logger.addHandler(recorder)
        self._log = logging.LoggerAdapter(logger, {"actor": path})

    @property
    @override
    def self(self) -> ActorRef[Any]:
        return self.inbox.ref

    @property
    @override
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        return self._log

    @property
    @override
    def system(self) -> System:
        raise AssertionError("BehaviorTestKit has no actor system: test what uses ctx.system in one, with TestProbe")

    @property
    @override
    def parent(self) -> ActorRef[Any] | None:
        return self._parent

    @property
    @override
    def children(self) -> Sequence[ActorRef[Any]]:
        return list(self.living.values())

    @override
    def now(self) -> datetime:
        return self._clock.now()

    @override
    def time(self) -> float:
        return self._clock.time()

    @property
    @override
    def timers(self) -> Timers[Any]:
        return _RecordingTimers(self.effects)

    # Also for a router: all that this context returns is an inbox.
    @override
    def spawn[N](self, behavior: Behavior[N], name: str | None = None, *, mailbox: Mailbox | None = None) -> Any:
        check_spawnable(behavior)
        if name is None:
            name = f"${next(self._numbers)}"
        elif name in self.living or not NAME.fullmatch(name):
            raise ActorNameError(f"{self._path} cannot have a child named {name!r}; it has {list(self.living)}")
        inbox: TestInbox[N] = TestInbox(f"{self._path}/{name}")
        self.inboxes[name] = inbox
        self.living[name] = inbox.ref
        self.effects.append(Spawned(behavior, name, mailbox))
        return inbox.ref

    @override
    def stop(self, ref: ActorRef[Any]) -> None:
        if ref == self.self:
            self.stopping = True
        elif ref in self.living.values():
            self.living = {name: child for name, child in self.living.items() if child != ref}
        else:
            raise ValueError(f"{self._path} may stop its children and itself, but not {ref.address.path}")
        self.effects.append(Stopped(ref))

    @override
    def passivate(self) -> None:
        self.stopping = True
        self.effects.append(Passivated())

    @override
    def watch(self, ref: ActorRef[Any]) -> None:
        self.effects.append(Watched(ref))

    @override
    def watch_with(self, ref: ActorRef[Any], message: Any) -> None:
        self.effects.append(WatchedWith(ref, message))

    @override
    def unwatch(self, ref: ActorRef[Any]) -> None:
        self.effects.append(Unwatched(ref))

    @override
    def pipe_to_self[T](
        self,
        awaitable: Awaitable[T],
        mapper: Callable[[T], Any] | None = None,
        on_failure: Callable[[Exception], Any] | None = None,
    ) -> None:
        try:
            result = step_through(awaitable, "what is piped to the actor itself")
        except Exception as error:
            if on_failure is None:
                raise
            message = on_failure(error)
        else:
            message = result if mapper is None else mapper(result)
        self.effects.append(PipedToSelf(message))
        self.inbox.ref.tell(message)

    @override
    def ask[N, R](
        self,
        ref: ActorRef[N],
        factory: Callable[[ActorRef[R]], N],
        mapper: Callable[[R], Any],
        timeout: float = 5.0,
        on_failure: Callable[[Exception], Any] | None = None,
    ) -> None:
        message = factory(self.message_adapter(mapper))
        self.effects.append(Asked(ref, message, timeout))
        ref.tell(message)

    @override
    def message_adapter[U](self, adapt: Callable[[U], Any]) -> ActorRef[U]:
        return InboxRef(f"{self._path}/_adapter", lambda message: self.inbox.ref.tell(adapt(message)))

    @override
    def stash(self, message: Any) -> None:
        if len(self.put_aside) >= STASH_CAPACITY:
            raise StashOverflowError(f"{self._path} has stashed {STASH_CAPACITY} messages, which is the most it may")
        self.put_aside.append(message)
        self.effects.append(Stashed(message))

    @override
    def unstash_all(self) -> None:
        if self.put_aside:
            self.effects.append(Unstashed(tuple(self.put_aside)))
            self.due += self.put_aside
            self.put_aside = []


class _RecordingTimers(Timers[Any]):
    def __init__(self, effects: list[Effect]) -> None:
        self._effects = effects

    @override
    def start(self, key: str, message: Any, *, every: float | None = None, after: float | None = None) -> None:
        if (every is None) == (after is None):
            raise ValueError(f"a timer needs either every= or after=: {key!r}")
        self._effects.append(TimerStarted(key, message, every, after))

    @override
    def cancel(self, key: str) -> None:
        self._effects.append(TimerCancelled(key))
