"""Which method of a class-based actor handles which message: `@on`, and what is checked when a class is made."""

from collections.abc import Callable, Coroutine
from types import UnionType
from typing import Any, Final, cast, overload

from casty.behaviors.functions import checked_async
from casty.errors import BehaviorError
from casty.objects.kinds import flattened

type Method[A, M] = Callable[[A, M, Any], Coroutine[Any, Any, None]]

MARK: Final = "__casty_on__"
"""The attribute of a handler that `@on` sets: the classes of its messages."""
RECEIVE: Final = "receive"
HOOKS: Final = {
    RECEIVE: (3, "receive(self, msg, ctx)"),
    "on_start": (1, "on_start(self)"),
    "on_stop": (1, "on_stop(self)"),
    "pre_restart": (3, "pre_restart(self, exc, msg)"),
    "post_restart": (2, "post_restart(self, exc)"),
}
"""The methods that an actor's class may define, with the arguments that they are called with."""


@overload
def on[A, M](kind: type[M], /) -> Callable[[Method[A, M]], Method[A, M]]: ...
@overload
def on[F](*kinds: type[Any] | UnionType) -> Callable[[F], F]: ...
def on(*kinds: Any) -> Any:
    """Have a method `async def name(self, msg, ctx)` handle messages of these classes, and of those derived from them.

    Of several handlers the one for the nearest base of the message's class counts. `receive` handles the rest. A method
    that overrides a handler handles its messages, unless it has an `@on` of its own.
    """
    where = f"@on({', '.join(getattr(kind, '__name__', repr(kind)) for kind in kinds)})"
    named = tuple(found for kind in kinds for found in flattened(kind, where))
    if not named:
        raise BehaviorError("@on names the classes of messages that the method handles: write @on(AddItem)")

    def mark(function: Any) -> Any:
        checked_async(function, 3, where, "handle(self, msg, ctx)")
        setattr(function, MARK, (*_marks(function), *named))
        return function

    return mark


def routes_of(cls: type) -> dict[type, str]:
    """The names of the handlers by the class of their messages. Raises `BehaviorError` where one class has two."""
    routes: dict[type, str] = {}
    for base in reversed(cls.__mro__):
        own: dict[type, str] = {}
        for name, value in vars(base).items():
            marks = _marks(value)
            if marks or not callable(value):  # it takes the place of an inherited handler, with its messages
                routes = {kind: route for kind, route in routes.items() if route != name}
            for kind in marks:
                if own.setdefault(kind, name) != name:
                    raise BehaviorError(
                        f"{base.__qualname__} handles {kind.__qualname__} twice, with @on above {own[kind]} and above "
                        f"{name}; remove one of them"
                    )
        routes |= own
    return routes


def checked_routes(cls: type) -> dict[type, str]:
    """Those of `routes_of`. Raises `BehaviorError` for methods that an actor could not call."""
    for name, (count, shape) in HOOKS.items():
        checked_async(getattr(cls, name), count, f"{name} of {cls.__qualname__}", shape)
    routes = routes_of(cls)
    for kind, name in routes.items():
        where = f"the handler of {kind.__qualname__} in {cls.__qualname__}"
        checked_async(getattr(cls, name), 3, where, f"{name}(self, msg, ctx)")
    return routes


def nearest(kind: type, routes: dict[type, str], otherwise: str | None) -> str | None:
    """The handler for messages of a class: that of its nearest base, else that of an abstract class that counts it as
    its own.
    """
    for base in kind.__mro__:
        if base in routes:
            return routes[base]
    return next((name for wanted, name in routes.items() if _covers(wanted, kind)), otherwise)


def _covers(wanted: type, kind: type) -> bool:
    """As for an abstract class with registered ones. Protocols that cannot be asked at run time cover nothing."""
    try:
        return issubclass(kind, wanted)
    except TypeError:
        return False


def _marks(value: object) -> tuple[type, ...]:
    marks = getattr(value, "__dict__", {}).get(MARK, ())
    return cast("tuple[type, ...]", marks) if isinstance(marks, tuple) else ()
