"""What is known of an actor's class before there is an instance: its handlers, and what its constructor takes."""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, Final, cast, get_origin

from casty.behaviors.behavior import Behavior
from casty.errors import ArgumentError, BehaviorError
from casty.objects.actor import Actor, Context
from casty.objects.handlers import RECEIVE
from casty.objects.kinds import flattened, parameter_of
from casty.objects.refs import identity

type Method = Callable[[Any, Any, Context], Awaitable[Any]]
"""Called with an instance, a message and the instance's context."""

PLAN: Final = "__casty_plan__"
OF_ACTOR: Final = {
    "name": "the actor's own name",
    "durable": "whether the actor's state is stored",
    "scope": "where the actor runs",
    "supervision": "what happens when the actor fails",
}
"""The arguments of `system.actor` itself, which never reach a constructor by name."""


@dataclass(slots=True, eq=False)
class Plan:
    """One class, as all of its actors use it."""

    kind: type[Actor[Any]]
    routes: dict[type, str]
    """The names of methods with `@on`, by the classes of messages that they name."""
    otherwise: str | None
    """The method for all other messages."""
    functions: list[object]
    """The methods that handle messages, as the class has them."""
    accepts: tuple[str, ...]
    methods: dict[type, Method] = field(default_factory=dict[type, Method])
    """What is called for a message, by its class, for the classes that have come."""
    _dropped: bool = False

    @property
    def identity(self) -> str:
        """How the class is called on every node."""
        return identity(self.kind)

    def is_current(self) -> bool:
        """Whether the class still has the methods that it had: a test may replace them."""
        return self.functions == _functions(self.kind, self.routes)

    def is_first_dropped(self) -> bool:
        """Whether no reply has been dropped yet: it is logged once for each class."""
        first, self._dropped = not self._dropped, True
        return first

    def check_arguments(self, positional: tuple[object, ...], named: Mapping[str, object]) -> None:
        """Raises `ArgumentError` unless the constructor takes these."""
        try:
            signature = inspect.signature(self.kind)
        except (ValueError, TypeError, NameError):  # written in C, or annotated with what only a type checker knows
            return
        self._check_names(signature, {*named, *list(signature.parameters)[: len(positional)]})
        try:
            signature.bind(*positional, **named)
        except TypeError as error:
            raise ArgumentError(
                f"the constructor {self.kind.__qualname__}{signature} cannot be called: {error}; give its arguments by "
                f"name: system.actor({self.kind.__qualname__}, name=..., argument=...)"
            ) from None

    def _check_names(self, signature: inspect.Signature, given: Set[str]) -> None:
        """Also where there is a default: it would silently take the place of what was meant for the constructor."""
        for parameter in signature.parameters.values():
            by_name = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            if by_name and parameter.name in OF_ACTOR and parameter.name not in given:
                raise ArgumentError(
                    f"the constructor {self.kind.__qualname__}{signature} cannot be given {parameter.name!r}: in "
                    f"system.actor(..., {parameter.name}=...) it is {OF_ACTOR[parameter.name]}; rename the "
                    "constructor's argument"
                )

    def make(self, positional: tuple[object, ...], named: Mapping[str, object]) -> Actor[Any]:
        """A new instance."""
        instance: object = cast("Any", self.kind)(*positional, **named)
        if not isinstance(instance, self.kind):
            raise BehaviorError(
                f"calling {self.kind.__qualname__} returned {type(instance).__qualname__}; an actor's class makes an "
                "instance of itself"
            )
        return cast("Actor[Any]", instance)


def plan_of(given: object) -> Plan:
    """The plan of a class. Raises `BehaviorError` for what no actor can be an instance of."""
    kind = _checked_kind(get_origin(given) or given)
    known = vars(kind).get(PLAN)
    if known is not None and known.is_current():
        return known
    if inspect.isabstract(kind):
        missing = ", ".join(sorted(cast("Any", kind).__abstractmethods__))
        raise BehaviorError(f"{kind.__qualname__} is abstract: define {missing} in a class derived from it")
    routes = kind.__casty_routes__
    otherwise = None if cast("Any", kind).receive is cast("Any", Actor).receive else RECEIVE
    if not routes and otherwise is None:
        raise BehaviorError(
            f"{kind.__qualname__} handles no messages: define async def receive(self, msg, ctx), or methods with "
            "@on(MessageClass)"
        )
    plan = Plan(kind, routes, otherwise, _functions(kind, routes), _accepted(kind, routes))
    setattr(kind, PLAN, plan)
    return plan


def _checked_kind(given: object) -> type[Actor[Any]]:
    if isinstance(given, type) and issubclass(given, Actor):
        return cast("type[Actor[Any]]", given)
    advice = ""
    if isinstance(given, Actor):
        advice = f"; give the class itself: system.actor({type(cast('object', given)).__qualname__}, name=...)"
    elif isinstance(given, Behavior):
        advice = "; start a behavior with system.spawn(behavior, name)"
    noun = given.__qualname__ if isinstance(given, type) else repr(cast("object", given))
    raise BehaviorError(f"an actor's class derives from casty.Actor, and {noun} does not{advice}")


def _functions(kind: type, routes: Mapping[type, str]) -> list[object]:
    return [getattr(kind, name) for name in (RECEIVE, *routes.values())]


def _accepted(kind: type[Actor[Any]], routes: Mapping[type, str]) -> tuple[str, ...]:
    """The identities of the M of `Actor[M]`; where that is open, those that `@on` names."""
    try:
        stated = list(flattened(parameter_of(kind, Actor), f"M of {kind.__qualname__}"))
    except BehaviorError:  # it is open, such as Any, or a type variable
        stated = list(routes)
    return tuple(dict.fromkeys(map(identity, stated)))
