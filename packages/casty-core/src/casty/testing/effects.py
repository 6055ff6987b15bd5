"""What a behavior did besides answering, as values to compare: the effects that `BehaviorTestKit` records."""

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
    """`ctx.ask`, with the message that was told. An answer comes, mapped, as a message to the actor itself."""

    ref: ActorRef[Any]
    message: object
    timeout: float = 5.0


@dataclass(frozen=True, slots=True)
class PipedToSelf:
    """`ctx.pipe_to_self`, with the message that came of it, which was told to the actor itself."""

    message: object


@dataclass(frozen=True, slots=True)
class Stashed:
    """`ctx.stash`."""

    message: object


@dataclass(frozen=True, slots=True)
class Unstashed:
    """`ctx.unstash_all`, with what was put aside: it is run right after the current message."""

    messages: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Unhandled:
    """The handler answered `Behaviors.unhandled()`."""

    message: object


@dataclass(frozen=True, slots=True)
class Restarted:
    """The handler answered `Behaviors.restart()`."""


@dataclass(frozen=True, slots=True)
class NoEffects:
    """For `expect_effect`: there is none left."""


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
    | Unhandled
    | Restarted
    | NoEffects
)
