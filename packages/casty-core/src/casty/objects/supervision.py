"""Supervision of class-based actors: `@supervised`, and what it means as wrappers around a behavior."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, cast

from casty.behaviors.behavior import Behavior
from casty.behaviors.supervision import (
    AllForOneStrategy,
    Backoff,
    Directive,
    OneForOneStrategy,
    RestForOneStrategy,
)
from casty.behaviors.values import SupervisedBehavior
from casty.errors import ArgumentError

DECLARED: Final = "__casty_supervision__"
"""The attribute of a class that `@supervised` sets."""


class MultiChildStrategy(Enum):
    """Which children of an actor a failure of one of them concerns."""

    ONE_FOR_ONE = "one for one"
    """The one that has failed."""
    ONE_FOR_ALL = "one for all"
    """All of them."""
    REST_FOR_ONE = "rest for one"
    """The one that has failed, and those that were created after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorConfig:
    """What happens to an actor that fails; `multi_child` is about the failures of its children.

    `max_restarts` restarts within `within_seconds` are granted; the failure after them stops the actor. With one of the
    backoffs, restart number n waits `backoff_initial * backoff_multiplier ** (n - 1)` seconds, at most `backoff_max`,
    and up to a fifth longer.
    """

    strategy: Directive = Directive.restart
    max_restarts: int = 3
    within_seconds: float = 60.0
    backoff_initial: float | None = None
    backoff_max: float | None = None
    backoff_multiplier: float | None = None
    multi_child: MultiChildStrategy = MultiChildStrategy.ONE_FOR_ONE

    def __post_init__(self) -> None:
        if not isinstance(cast("object", self.strategy), Directive):
            raise ArgumentError(
                f"strategy of a supervisor is SupervisionStrategy.RESTART, STOP or ESCALATE, not {self.strategy!r}"
            )
        if not isinstance(cast("object", self.multi_child), MultiChildStrategy):
            raise ArgumentError(
                "multi_child of a supervisor is MultiChildStrategy.ONE_FOR_ONE, ONE_FOR_ALL or REST_FOR_ONE, not "
                f"{self.multi_child!r}"
            )
        self.own()  # checks the numbers

    def own(self) -> OneForOneStrategy:
        """For the actor's own failures."""
        decider = None if self.strategy is Directive.restart else _Always(self.strategy)
        return OneForOneStrategy(self.max_restarts, self.within_seconds, decider=decider, backoff=self._backoff())

    def of_children(self) -> AllForOneStrategy | RestForOneStrategy | None:
        """For failures of children, where they concern siblings."""
        match self.multi_child:
            case MultiChildStrategy.ONE_FOR_ONE:
                return None
            case MultiChildStrategy.ONE_FOR_ALL:
                kind = AllForOneStrategy
            case MultiChildStrategy.REST_FOR_ONE:
                kind = RestForOneStrategy
        return kind(self.max_restarts, self.within_seconds, backoff=self._backoff())

    def _backoff(self) -> Backoff | None:
        initial, maximum, multiplier = self.backoff_initial, self.backoff_max, self.backoff_multiplier
        if initial is None and maximum is None and multiplier is None:
            return None
        usual = Backoff()
        initial = usual.initial if initial is None else initial
        return Backoff(
            initial=initial,
            maximum=max(usual.maximum, initial) if maximum is None else maximum,
            multiplier=usual.multiplier if multiplier is None else multiplier,
        )


DEFAULT: Final = SupervisorConfig()
"""Of an actor whose class says nothing: it is restarted, unless its parent or the configuration decides otherwise."""


def supervised(
    *,
    strategy: Directive = Directive.restart,
    max_restarts: int = 3,
    within_seconds: float = 60.0,
    backoff_initial: float | None = None,
    backoff_max: float | None = None,
    backoff_multiplier: float | None = None,
    multi_child: MultiChildStrategy = MultiChildStrategy.ONE_FOR_ONE,
) -> Callable[[type], Any]:
    """Say what happens to the actors of a class when they fail; see `SupervisorConfig`. Derived classes inherit it."""
    config = SupervisorConfig(
        strategy=strategy,
        max_restarts=max_restarts,
        within_seconds=within_seconds,
        backoff_initial=backoff_initial,
        backoff_max=backoff_max,
        backoff_multiplier=backoff_multiplier,
        multi_child=multi_child,
    )

    def declare[T: type](cls: T) -> T:
        setattr(cls, DECLARED, config)
        return cls

    return declare


@dataclass(frozen=True, slots=True)
class Supervision:
    """Everything that is said about the supervision of one actor."""

    given: SupervisorConfig | None
    """By the call that creates it, or by its class."""
    shared: bool
    """Whether its parent restarts children together: then the parent's strategy decides about restarts."""

    @property
    def config(self) -> SupervisorConfig:
        return self.given or DEFAULT

    def around(self, behavior: Behavior[Any]) -> Behavior[Any]:
        of_children = self.config.of_children()
        if of_children is not None:
            behavior = SupervisedBehavior(behavior, of_children)
        if self.shared and self.config.strategy is Directive.restart:
            return behavior
        return SupervisedBehavior(behavior, self.config.own(), last=self.given is None)


def supervision_of(kind: type, argument: SupervisorConfig | None, *, shared: bool = False) -> Supervision:
    """That of an actor: the `supervision` argument of the call that creates it, else what its class declares."""
    if not isinstance(cast("object", argument), SupervisorConfig | None):
        raise ArgumentError(f"supervision of {kind.__qualname__} is SupervisorConfig(...), not {argument!r}")
    return Supervision(argument or getattr(kind, DECLARED, None), shared)


@dataclass(frozen=True, slots=True)
class _Always:
    """Decides the same about every failure."""

    directive: Directive

    def __call__(self, _exception: BaseException) -> Directive:
        return self.directive
