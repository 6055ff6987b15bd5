"""What an actor is: a closed vocabulary of frozen values. The runtime interprets them; nothing here runs anything."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any, cast

from casty.behaviors.behavior import Behavior as Behavior
from casty.behaviors.context import ActorContext
from casty.behaviors.functions import checked_async
from casty.behaviors.supervision import Strategy
from casty.ref import ActorRef

type Handler[M] = Callable[[ActorContext[M], M], Awaitable[Behavior[M]]]
type Hook[M] = Callable[[ActorContext[M]], Awaitable[None]]
type FailureHook[M] = Callable[[ActorContext[M], BaseException], Awaitable[None]]


_latest_code: CodeType | None = None
"""That of the handler which was found to be a coroutine function of two parameters last."""


def _judged[M](handler: Handler[M]) -> Handler[M]:
    global _latest_code  # read once for each behavior that is made
    handler = checked_async(handler, 2, "Behaviors.receive", "handler(ctx, message)")
    if type(handler) is FunctionType:
        _latest_code = handler.__code__
    return handler


@dataclass(frozen=True, slots=True, init=False)
class ReceiveBehavior[M](Behavior[M]):
    """Handle each message with `handler(ctx, message)`, which returns the behavior for the next one."""

    handler: Handler[M]

    def __init__(self, handler: Handler[M]) -> None:
        # One of these may be made for every message, mostly by the function that made the one before.
        try:
            if handler.__code__ is not _latest_code:  # pyright: ignore[reportFunctionMemberAccess]  # else see below
                handler = _judged(handler)
        except AttributeError:
            handler = _judged(handler)
        _set_handler(self, handler)


# Set this way, it takes 70 % of the time of a frozen dataclass's own `__init__`.
_set_handler = cast("Any", ReceiveBehavior).handler.__set__


@dataclass(frozen=True, slots=True)
class ActBehavior(Behavior[Any]):
    """Handle each message with what `act(ctx, message)` returns to be awaited; its result means nothing unless it is a
    behavior. For front ends whose handlers change the actor by themselves.
    """

    act: Callable[[ActorContext[Any], Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class SetupBehavior[M](Behavior[M]):
    """Run `factory(ctx)` when the actor starts and continue with the behavior that it returns."""

    factory: Callable[[ActorContext[M]], Awaitable[Behavior[M]]]


@dataclass(frozen=True, slots=True)
class SameBehavior(Behavior[Any]):
    """Keep the current behavior."""


@dataclass(frozen=True, slots=True)
class StoppedBehavior(Behavior[Any]):
    """Stop the actor."""


@dataclass(frozen=True, slots=True)
class UnhandledBehavior(Behavior[Any]):
    """Keep the current behavior and publish the message as unhandled."""


@dataclass(frozen=True, slots=True)
class IgnoreBehavior(Behavior[Any]):
    """Swallow every message."""


@dataclass(frozen=True, slots=True)
class RestartBehavior(Behavior[Any]):
    """Restart from the initial behavior, without counting as a failure."""


SAME = SameBehavior()
STOPPED = StoppedBehavior()
UNHANDLED = UnhandledBehavior()
IGNORE = IgnoreBehavior()
RESTART = RestartBehavior()


@dataclass(frozen=True, slots=True)
class SupervisedBehavior[M](Behavior[M]):
    """A behavior with a supervision strategy around it. Of nested ones the innermost decides first."""

    behavior: Behavior[M]
    strategy: Strategy
    last: bool = False
    """It decides only where nothing else does, neither the parent's strategy nor the configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleBehavior[M](Behavior[M]):
    """A behavior with hooks around its life."""

    behavior: Behavior[M]
    pre_start: Hook[M] | None = None
    post_stop: Hook[M] | None = None
    pre_restart: FailureHook[M] | None = None
    post_restart: Hook[M] | None = None
    restarting: Callable[[ActorContext[M], BaseException, M | None], Awaitable[None]] | None = None
    """Like `pre_restart`, and gets the message whose handler failed, None where another failure is the cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpyBehavior[M](Behavior[M]):
    """A behavior whose every message is reported to an observer."""

    behavior: Behavior[M]
    observer: ActorRef[Any]
    spy_children: bool = False
