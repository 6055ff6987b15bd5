"""What `@message`, `@event` and `@upcast` fill: the types with a wire name of their own, and the ways to them."""

from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

from casty.errors import SerializationError
from casty.serialization.kinds import may_have_codec, may_travel
from casty.serialization.names import MAX_NAME, WireName, check_version, full_name
from casty.serialization.upcasts import Upcast, Upcaster, Upcasts


class Registry:
    """Types with a wire name of their own. A name has one type; a reloaded module replaces its own."""

    def __init__(self) -> None:
        self._types: dict[str, type] = {}
        self._names: WeakKeyDictionary[type, WireName] = WeakKeyDictionary()
        self._upcasts = Upcasts()

    def register(self, kind: type, name: str, version: int = 1) -> None:
        """Raises `SerializationError` for a name that is illegal or taken, a version that an upcaster starts
        from, or a type that cannot travel.
        """
        if not name or len(name) > MAX_NAME or ":" in name:
            raise SerializationError(
                f"{name!r} cannot be the wire name of {full_name(kind)}: it takes "
                f"1 to {MAX_NAME} characters without ':', for example 'bank.Deposit'"
            )
        check_version(name, version)
        if not may_travel(kind) and not may_have_codec(kind):
            raise SerializationError(
                f"{full_name(kind)} cannot be the message {name!r}: it is no dataclass, NamedTuple or enum; "
                "put @message above @dataclass"
            )
        taken = self._types.get(name)
        if taken is not None and full_name(taken) != full_name(kind):
            raise SerializationError(
                f"{full_name(kind)} cannot have the wire name {name!r}: it is that of {full_name(taken)}"
            )
        _check_is_behind(self._upcasts.newest(name), kind, version)
        self._types[name] = kind
        self._names[kind] = WireName(name, version)

    def register_upcast(self, step: Upcast) -> None:
        """Raises `SerializationError` for a step that cannot be, has been given already, leads back, or starts
        from the version that the program itself writes.
        """
        kind = self._types.get(step.source.name)
        if kind is not None:
            _check_is_behind(step, kind, self._names[kind].version)
        self._upcasts.add(step)

    def find(self, name: str) -> type | None:
        return self._types.get(name)

    def name_of(self, kind: type) -> WireName | None:
        return self._names.get(kind)

    def upcasts(self, stored: WireName) -> list[Upcast]:
        """The steps from a stored version on, as far as they lead."""
        return self._upcasts.path(stored)


REGISTRY: Final = Registry()
"""What the decorators fill."""


def message[T: type](name: str, *, version: int = 1) -> Callable[[T], T]:
    """Name a dataclass, NamedTuple or enum for good: `@message("bank.Deposit")`, above `@dataclass`.

    Without it a type is called by its module and class name, and what was stored before one of the two
    changed cannot be read any more. Raise `version` when the fields change so that defaults do not help.
    Raises `SerializationError` for a name that is illegal or that another type has.
    """

    def named(kind: T) -> T:
        REGISTRY.register(kind, name, version)
        return kind

    return named


def event[T: type](name: str, *, version: int = 1) -> Callable[[T], T]:
    """Name a type whose values are stored, such as an event or a state: `@event("bank.Deposited", version=2)`.

    It does what `@message` does. The other word is for people: what only travels is gone tomorrow, what is stored
    must be readable for ever, so a change of this type needs the care that `docs/schema-evolution.md` describes.
    """
    return message(name, version=version)


def upcast[F: Upcaster](name: str, version: int, *, to: tuple[str, int] | None = None) -> Callable[[F], F]:
    """Lead what was stored as `version` of a type to the next version: `@upcast("bank.Deposited", 1)`.

    The function gets the stored fields by name and returns those of the next version; it may change the dict that it
    gets. Nested values are read already. For an enum it gets and returns the name of a member, for flags their
    number. Functions are chained until the type's own version is reached. `to=("bank.MoneyReceived", 1)` leads to
    another type, for one that has been renamed; a type that never had a name is called `module:QualName`.

    A function must be pure: the same fields give the same result, for ever. One that raises, or returns something
    else, is a `DecodeError`. Raises `SerializationError` for a second function from the same version, one that leads
    back to where it starts, or one from the version that the type has now.
    """

    def registered(function: F) -> F:
        target = WireName(name, version + 1) if to is None else WireName(*to)
        REGISTRY.register_upcast(Upcast(WireName(name, version), target, function))
        return function

    return registered


def _check_is_behind(step: Upcast | None, kind: type, version: int) -> None:
    """What is written today must not be taken for something old."""
    if step is not None and step.source.version >= version:
        raise SerializationError(
            f"{full_name(kind)} is version {version} of {step.source.name!r}, and {step.label} must start from an "
            f"older one; give the type version={step.source.version + 1}, or correct the upcaster"
        )
