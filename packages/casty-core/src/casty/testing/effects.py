"""The effects of a behavior that `BehaviorTestKit` records, as values to compare."""

from dataclasses import dataclass
from typing import Any

from casty.behaviors.values import Behavior
from casty.mailbox import Mailbox
from casty.ref import ActorRef


@dataclass(frozen=True, slots=True)
class Spawned:
    """`ctx.spawn`. A child without a name is called `$1`, `$2` and so on."""

    behavior: Behavior[Any]
    name: str
    mailbox: Mailbox | None = None


@dataclass(frozen=True, slots=True)
class Stopped:
    """`ctx.stop` of a child, or of the actor itself."""

    ref: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class Watched:
    """`ctx.watch`."""

    ref: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class WatchedWith:
    """`ctx.watch_with`."""

    ref: ActorRef[Any]
    message: object


@dataclass(frozen=True, slots=True)
class Unwatched:
    """`ctx.unwatch`."""

    ref: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class TimerStarted:
    """`ctx.timers.start`, in seconds."""

    key: str
    message: object
    every: float | None = None
    after: float | None = None


@dataclass(frozen=True, slots=True)
class TimerCancelled:
    """`ctx.timers.cancel`."""

    key: str


@dataclass(frozen=True, slots=True)
class Asked:
    """`ctx.ask`, with the message that was sent. A reply arrives, mapped, as a message to the actor itself."""

    ref: ActorRef[Any]
    message: object
    timeout: float = 5.0


@dataclass(frozen=True, slots=True)
class PipedToSelf:
    """`ctx.pipe_to_self`, with the resulting message to the actor itself."""

    message: object


@dataclass(frozen=True, slots=True)
class Stashed:
    """`ctx.stash`."""

    message: object


@dataclass(frozen=True, slots=True)
class Unstashed:
    """`ctx.unstash_all`, with the stashed messages, which run right after the current message."""

    messages: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Passivated:
    """`ctx.passivate`."""


@dataclass(frozen=True, slots=True)
class Unhandled:
    """The handler returned `Behaviors.unhandled()`."""

    message: object


@dataclass(frozen=True, slots=True)
class Restarted:
    """The handler returned `Behaviors.restart()`."""


@dataclass(frozen=True, slots=True)
class NoEffects:
    """For `expect_effect`: no effect is left."""


type Effect = (
    Spawned
    | Stopped
    | Watched
    | WatchedWith
    | Unwatched
    | TimerStarted
    | TimerCancelled
    | Asked
    | PipedToSelf
    | Stashed
    | Unstashed
    | Passivated
    | Unhandled
    | Restarted
    | NoEffects
)
