"""What a handler can do besides returning a behavior: the context that it gets with every message."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Protocol, overload

from casty.behaviors.behavior import Behavior
from casty.behaviors.routing import RouterBehavior, RouterRef
from casty.behaviors.system import System
from casty.mailbox import Mailbox
from casty.ref import ActorRef


class Timers[M](Protocol):
    """An actor's own timers: keyed, and cancelled when it stops or restarts."""

    def start(self, key: str, message: M, *, every: float | None = None, after: float | None = None) -> None:
        """Tell the actor itself `message` every `every` seconds, or once after `after` seconds.

        Exactly one of the two is given, else ValueError. A timer of the same key is replaced.
        """
        ...

    def cancel(self, key: str) -> None:
        """Cancel a timer; nothing happens if there is none of that key."""
        ...


class ActorContext[M](Protocol):
    """One actor's view of the system. Use it only inside that actor's handlers and hooks."""

    @property
    def self(self) -> ActorRef[M]: ...

    @property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger that names the actor's path."""
        ...

    @property
    def system(self) -> System: ...

    @property
    def parent(self) -> ActorRef[Any] | None:
        """None for an actor that was spawned by the system itself."""
        ...

    @property
    def children(self) -> Sequence[ActorRef[Any]]:
        """The living children in the order in which they were spawned."""
        ...

    def now(self) -> datetime:
        """The time of day, in UTC: for people, and for plans by the calendar. It may jump; on manual time it moves with
        the test's clock.
        """
        ...

    def time(self) -> float:
        """Monotonic seconds, by which `timers` go: only differences mean anything."""
        ...

    @property
    def timers(self) -> Timers[M]: ...

    @overload
    def spawn[N](
        self, behavior: RouterBehavior[N], name: str | None = None, *, mailbox: Mailbox | None = None
    ) -> RouterRef[N]: ...
    @overload
    def spawn[N](
        self, behavior: Behavior[N], name: str | None = None, *, mailbox: Mailbox | None = None
    ) -> ActorRef[N]: ...
    def spawn[N](
        self, behavior: Behavior[N], name: str | None = None, *, mailbox: Mailbox | None = None
    ) -> ActorRef[N]:
        """Start a child. Raises `ActorNameError` for an illegal name or one that a living child has."""
        ...

    def stop(self, ref: ActorRef[Any]) -> None:
        """Stop a child, or the actor itself, after the message it is handling. Raises ValueError for another actor."""
        ...

    def passivate(self) -> None:
        """Stop this entity after the message it is handling, and start it again with the next one.

        Messages that wait or are stashed are handled after that start. Raises `BehaviorError` for an actor that is no
        entity of `Behaviors.sharded`.
        """
        ...

    def watch(self, ref: ActorRef[Any]) -> None:
        """Ask for a `Terminated` when that actor stops; at once if it has stopped already."""
        ...

    def watch_with(self, ref: ActorRef[Any], message: M) -> None:
        """Like `watch`, with a message of one's own in place of `Terminated`."""
        ...

    def unwatch(self, ref: ActorRef[Any]) -> None: ...

    def pipe_to_self[T](
        self,
        awaitable: Awaitable[T],
        mapper: Callable[[T], M] | None = None,
        on_failure: Callable[[Exception], M] | None = None,
    ) -> None:
        """Await beside the actor and tell it the (mapped) result. Cancelled when the actor stops or restarts.

        `on_failure` maps a failure to the message to tell; without it, the failure fails the actor. Signals of other
        libraries that are no `Exception` are failures too.
        """
        ...

    def ask[N, R](
        self,
        ref: ActorRef[N],
        factory: Callable[[ActorRef[R]], N],
        mapper: Callable[[R], M],
        timeout: float = 5.0,
        on_failure: Callable[[Exception], M] | None = None,
    ) -> None:
        """Ask without blocking this actor: the mapped reply arrives as a message. Failures are those of
        `pipe_to_self`.
        """
        ...

    def message_adapter[U](self, adapt: Callable[[U], M]) -> ActorRef[U]:
        """A reference that tells this actor `adapt(message)`; an exception of `adapt` fails this actor.

        It costs little, and the same function gives the same one: a handler may ask for it with each message. It works
        until the actor stops or restarts, also on other nodes.
        """
        ...

    def stash(self, message: M) -> None:
        """Put a message aside. Raises `StashOverflowError` beyond the stash's capacity (1,000)."""
        ...

    def unstash_all(self) -> None:
        """Handle what was put aside, oldest first, before anything that waits in the mailbox."""
        ...
