"""The wrappers around a behavior, taken off once, when the behavior becomes the current one."""

from dataclasses import dataclass, replace
from typing import Any

from casty.behaviors.clustered import DiscoverableBehavior, ServiceKey
from casty.behaviors.supervision import OneForOneStrategy, Strategy
from casty.behaviors.values import Behavior, LifecycleBehavior, SpyBehavior, SupervisedBehavior


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapping:
    """What the wrappers around a behavior ask for. A part that is empty leaves what the actor has."""

    own: tuple[OneForOneStrategy, ...] = ()
    """Strategies for the actor's own failures, innermost first."""
    of_children: Strategy | None = None
    last: OneForOneStrategy | None = None
    """For the actor's own failures, where nothing else decides."""
    hooks: tuple[LifecycleBehavior[Any], ...] = ()
    """Outermost first."""
    spies: tuple[SpyBehavior[Any], ...] = ()
    keys: tuple[ServiceKey[Any], ...] = ()
    """What the receptionist knows the actor under."""

    def within(self, outer: "Wrapping") -> "Wrapping":
        """Both, where these wrappers stand inside the outer ones."""
        return Wrapping(
            own=self.own + outer.own,
            of_children=self.of_children or outer.of_children,
            last=self.last or outer.last,
            hooks=outer.hooks + self.hooks,
            spies=outer.spies + self.spies,
            keys=outer.keys + self.keys,
        )

    def over(self, older: "Wrapping") -> "Wrapping":
        """These settings, and the older ones where these say nothing."""
        return Wrapping(
            own=self.own or older.own,
            of_children=self.of_children or older.of_children,
            last=self.last or older.last,
            hooks=self.hooks or older.hooks,
            spies=self.spies or older.spies,
            keys=self.keys or older.keys,
        )


EMPTY = Wrapping()


def unwrap(behavior: Behavior[Any]) -> tuple[Wrapping, Behavior[Any]]:
    """Take the wrappers off, whatever their order, and say what they ask for."""
    wrapping = EMPTY
    while True:
        match behavior:
            case SupervisedBehavior(inner, OneForOneStrategy() as strategy, last=True):
                wrapping = replace(wrapping, last=strategy)
            case SupervisedBehavior(inner, OneForOneStrategy() as strategy):
                wrapping = replace(wrapping, own=(strategy, *wrapping.own))
            case SupervisedBehavior(inner, strategy):
                wrapping = replace(wrapping, of_children=strategy)
            case LifecycleBehavior(behavior=inner):
                wrapping = replace(wrapping, hooks=(*wrapping.hooks, behavior))
            case SpyBehavior(behavior=inner):
                wrapping = replace(wrapping, spies=(*wrapping.spies, behavior))
            case DiscoverableBehavior(inner, key):
                wrapping = replace(wrapping, keys=(*wrapping.keys, key))
            case _:
                return wrapping, behavior
        behavior = inner
