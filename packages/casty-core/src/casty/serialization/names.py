"""Wire names: what a type is called in bytes, and which version of its fields those bytes hold."""

from typing import Final, NamedTuple

from casty.errors import SerializationError

MAX_NAME: Final = 255


class WireName(NamedTuple):
    """What a type is called in bytes, and which version of its fields is meant."""

    name: str
    version: int


def check_version(name: str, version: object) -> None:
    """Raises `SerializationError` for what is no version."""
    if type(version) is not int or version < 1:
        raise SerializationError(f"the version of {name!r} is a whole number from 1 on, not {version!r}")


def full_name(thing: object) -> str:
    """Where a class or function is defined, for people and to tell a reloaded one from another."""
    kind = type(thing)
    return f"{getattr(thing, '__module__', kind.__module__)}:{getattr(thing, '__qualname__', kind.__qualname__)}"
