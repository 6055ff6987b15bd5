"""Wire names: what a type is called in bytes. `@message` gives one that outlives renaming the class."""

from collections.abc import Callable
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from casty.errors import SerializationError
from casty.serialization.kinds import may_travel

MAX_NAME: Final = 255


class WireName(NamedTuple):
    """What a type is called in bytes, and which version of its fields this process has."""

    name: str
    version: int


class Registry:
    """Types with a wire name of their own. A name has one type; a reloaded module replaces its own."""

    def __init__(self) -> None:
        self._types: dict[str, type] = {}
        self._names: WeakKeyDictionary[type, WireName] = WeakKeyDictionary()

    def register(self, kind: type, name: str, version: int = 1) -> None:
        """Raises `SerializationError` for a name that is illegal or taken, or a type that cannot travel."""
        if not name or len(name) > MAX_NAME or ":" in name:
            raise SerializationError(
                f"{name!r} cannot be the wire name of {_full_name(kind)}: it takes "
                f"1 to {MAX_NAME} characters without ':', for example 'bank.Deposit'"
            )
        if type(version) is not int or version < 1:
            raise SerializationError(f"the version of {name!r} is a whole number from 1 on, not {version!r}")
        if not may_travel(kind):
            raise SerializationError(
                f"{_full_name(kind)} cannot be the message {name!r}: it is no dataclass, NamedTuple or enum; "
                "put @message above @dataclass"
            )
        taken = self._types.get(name)
        if taken is not None and _full_name(taken) != _full_name(kind):
            raise SerializationError(
                f"{_full_name(kind)} cannot have the wire name {name!r}: it is that of {_full_name(taken)}"
            )
        self._types[name] = kind
        self._names[kind] = WireName(name, version)

    def find(self, name: str) -> type | None:
        return self._types.get(name)

    def name_of(self, kind: type) -> WireName | None:
        return self._names.get(kind)


REGISTRY: Final = Registry()
"""What `@message` fills."""


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


def _full_name(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"
