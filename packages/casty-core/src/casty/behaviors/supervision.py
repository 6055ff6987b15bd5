"""What to do about failures, as values: directives, strategies and back-off."""

import inspect
import sys
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from enum import Enum
from random import Random
from typing import Any, Final, Protocol, cast, override

from casty.behaviors.functions import check_not_async, checked_plain
from casty.callables import named
from casty.errors import ArgumentError, BehaviorError
from casty.quantities import check_count, checked_seconds


class Directive(Enum):
    """What supervision decides about a failure."""

    restart = "restart"
    """Restart from the initial behavior; queued messages are kept, the failed one is not retried."""
    stop = "stop"
    """Stop the actor; its watchers get the reason."""
    escalate = "escalate"
    """Let the next supervisor outwards decide; past the last one, the parent fails with this exception."""
    resume = "resume"
    """Go on with the current behavior as if the failed message had not come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait before the n-th restart in a row: `initial * multiplier ** (n - 1)` seconds up to `maximum`.

    `jitter` is the share of that by which a wait may be longer, drawn evenly, so that many actors do not restart in
    step.
    """

    initial: float = 0.1
    maximum: float = 30.0
    multiplier: float = 2.0
    jitter: float = 0.2

    def __post_init__(self) -> None:
        for name in ("initial", "maximum", "multiplier", "jitter"):
            checked_seconds(getattr(self, name), f"{name} of Backoff")
        if self.maximum < self.initial or self.multiplier < 1:
            raise ArgumentError(f"a back-off needs 0 <= initial <= maximum, multiplier >= 1 and jitter >= 0: {self}")

    def delay(self, attempt: int, random: Random) -> float:
        """Seconds to wait before restart number `attempt`, counted from 1."""
        # The exponent is bounded so that a long outage cannot overflow the float.
        wait = min(self.maximum, self.initial * self.multiplier ** min(attempt - 1, 64))
        return wait * (1 + random.random() * self.jitter)


type Decider = Callable[[BaseException], Directive]


class _DirectivesByName(type(Protocol)):
    """Gives the class `SupervisionStrategy`, and not its instances, the names that class-based actors use."""

    RESTART: Final = Directive.restart
    STOP: Final = Directive.stop
    ESCALATE: Final = Directive.escalate


class SupervisionStrategy(Protocol, metaclass=_DirectivesByName):
    """Decides about failures. Any object with this method is one, beside ours such as `OneForOneStrategy`.
    `SupervisionStrategy.RESTART`, `STOP` and `ESCALATE` are the directives for `@supervised`.

    It is called as `decide(exception)`, and as `decide(exception, child_id=path)` where it takes that: the path of the
    actor that failed. It decides about the wrapped actor's own failures, and its restarts have no limit but its own.
    """

    # To type checkers, these parameters fit those of any method.
    def decide(self, *arguments: Any, **named: Any) -> Directive: ...


@dataclass(frozen=True, slots=True)
class _Strategy:
    """`max_restarts` restarts within `within` seconds are granted; the failure after them stops the actor.

    Without a `decider` every exception restarts.
    """

    max_restarts: int = 3
    within: float = 60.0
    _: KW_ONLY
    decider: Decider | None = None
    backoff: Backoff | None = None

    def __post_init__(self) -> None:
        kind = type(self).__name__
        check_count(self.max_restarts, f"max_restarts of {kind}", 0)
        checked_seconds(self.within, f"within of {kind}", zero=False)
        if self.decider is not None:
            checked_plain(self.decider, 1, f"decider of {kind}", "decider(exception) -> Directive")
        if not isinstance(cast("object", self.backoff), Backoff | None):
            raise ArgumentError(f"backoff of {kind} is a Backoff(...), not {self.backoff!r}")

    def decide(self, exception: BaseException) -> Directive:
        return Directive.restart if self.decider is None else self.decider(exception)


@dataclass(frozen=True, slots=True)
class OneForOneStrategy(_Strategy):
    """Decides about the wrapped actor's own failures.

    `max_restarts` restarts within `within` seconds are granted; the failure after them stops the actor. Without a
    `decider` every exception restarts.
    """


@dataclass(frozen=True, slots=True)
class AllForOneStrategy(_Strategy):
    """Decides for the children of the wrapped actor: a directive about one of them is carried out on all."""


@dataclass(frozen=True, slots=True)
class RestForOneStrategy(_Strategy):
    """Decides for the children of the wrapped actor: a directive about one is carried out on it and those spawned
    after it.
    """


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CustomStrategy(OneForOneStrategy):
    """A user's own strategy, as one for the wrapped actor's failures. Its restarts have no limit but its own."""

    strategy: SupervisionStrategy

    @override
    def decide(self, exception: BaseException) -> Directive:
        return self.strategy.decide(exception)


type Strategy = OneForOneStrategy | AllForOneStrategy | RestForOneStrategy
"""What the runtime knows how to carry out."""

_WITHOUT_LIMIT: Final = sys.maxsize


def checked_strategy(strategy: SupervisionStrategy) -> Strategy:
    """The strategy as the runtime knows it. Raises `BehaviorError` for what cannot decide."""
    decide: object = getattr(strategy, "decide", None)
    if isinstance(strategy, type) or decide is None:
        raise BehaviorError(
            "a strategy of Behaviors.supervise is OneForOneStrategy(...), or any object with a method "
            f"decide(exception) that returns a Directive, not {strategy!r}{_advice(strategy)}"
        )
    example = "def decide(self, exception) -> Directive"
    check_not_async(decide, "Behaviors.supervise", example)
    if not _fits(decide, None) and not _takes_child_id(decide):
        raise BehaviorError(
            f"Behaviors.supervise calls {named(decide)} with the exception, and with child_id= where it takes "
            f"that; write it as {example}"
        )
    if isinstance(strategy, OneForOneStrategy | AllForOneStrategy | RestForOneStrategy):
        return strategy
    return CustomStrategy(max_restarts=_WITHOUT_LIMIT, strategy=strategy)


def decided(strategy: Strategy, exception: BaseException, path: str) -> Directive:
    """The strategy's directive for the failure of the actor at `path`. Raises `BehaviorError` for any other result."""
    decide: Any = (strategy.strategy if isinstance(strategy, CustomStrategy) else strategy).decide
    directive = decide(exception, child_id=path) if _takes_child_id(decide) else decide(exception)
    if type(directive) is not Directive:
        raise BehaviorError(
            f"{named(decide)} decided {directive!r} about {type(exception).__qualname__}, which is no Directive; "
            "return Directive.restart, stop, resume or escalate"
        )
    return directive


def _advice(given: object) -> str:
    if isinstance(given, type):
        return f"; make one: {given.__name__}()"
    if isinstance(given, Directive):
        return f"; write OneForOneStrategy(decider=lambda error: Directive.{given.name})"
    return "; write OneForOneStrategy(decider=...)" if callable(given) else ""


def _takes_child_id(decide: object) -> bool:
    return _fits(decide, None, child_id="")


def _fits(function: Any, *arguments: object, **named: object) -> bool:
    try:
        inspect.signature(function).bind(*arguments, **named)
    except TypeError:
        return False
    except ValueError:  # compiled: only the call can tell
        return not named
    return True
