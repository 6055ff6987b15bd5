"""A user's values as the bytes that structures hold, checked against the type that the structure was asked for."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import fields, is_dataclass
from typing import Any, Final, cast

from casty.errors import ArgumentError, EncodeError
from casty.serialization.checks import check_of
from casty.spi.serializer import Serializer

ROOM: Final = 1_024
"""Bytes that messages and events have beside the values in them, at most: 330 where names have their full length, and
twice the longest name of a host.
"""
SMALL: Final = 8 * 1_024
"""Values of so many bytes fit into a message under any bounds that are of use."""


class Values[V]:
    """Values of one type, in one structure."""

    def __init__(self, annotation: Any, serializer: Serializer, what: str) -> None:
        self._annotation = annotation
        self._fits: Callable[[object], bool] = check_of(annotation).test
        self._serializer = serializer
        self._what = what
        """The structure, for errors."""

    def dumps(self, value: V, *beside: bytes) -> bytes:
        """The value as bytes, which fit into one message together with those `beside` it.

        Raises `ArgumentError` for a value of another type, `EncodeError` for one that cannot be encoded, or is too
        large to travel: whether it has to depends on the node that hosts the structure.
        """
        if not self._fits(value):
            raise ArgumentError(f"{self._what} holds {_name(self._annotation)}, and not {value!r}")
        data = self._serializer.dumps(value)
        self._check_size(sum(map(len, beside), len(data)))
        return data

    def _check_size(self, size: int) -> None:
        if size <= SMALL:
            return
        try:
            self._serializer.dumps(bytes(size + ROOM))
        except EncodeError as error:
            raise EncodeError(
                f"{self._what} cannot take {size:,} bytes in one operation: they travel in one message, with up to "
                f"{ROOM:,} bytes beside them, and {error}; keep large values elsewhere, and references to them here"
            ) from None

    def loads(self, data: bytes) -> V:
        """Raises `ArgumentError` for a stored value of another type, `DecodeError` for what cannot be read."""
        value = self._serializer.loads(data)
        if not self._fits(value):
            raise ArgumentError(
                f"{self._what} holds {type(value).__qualname__} where this program expects {_name(self._annotation)}: "
                "give each type a name of its own"
            )
        return cast("V", value)

    def read(self, data: bytes | None) -> V | None:
        return None if data is None else self.loads(data)


class Keys[K](Values[K]):
    """Values that are found by their bytes: keys of a map, members of a set."""

    def dumps(self, value: K, *beside: bytes) -> bytes:
        """As for all values. Raises `ArgumentError` for what cannot be hashed, or holds a set, too."""
        _check_hashable(value, self._what)
        if any(isinstance(part, set | frozenset) for part in _parts(value)):
            raise ArgumentError(
                f"{self._what} finds values by their bytes, and those of a set have no fixed order: {value!r}; use a "
                "sorted tuple"
            )
        return super().dumps(value, *beside)


def _check_hashable(value: object, what: str) -> None:
    try:
        hash(value)
    except TypeError as error:
        raise ArgumentError(f"{what} finds values by their hash, and {value!r} has none: {error}") from None


def _parts(value: object) -> Iterable[object]:
    """A value and all that it consists of."""
    yield value
    if isinstance(value, tuple | frozenset):
        for part in cast("Iterable[Hashable]", value):
            yield from _parts(part)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _parts(getattr(value, field.name))


def _name(annotation: Any) -> str:
    return annotation.__qualname__ if isinstance(annotation, type) else str(annotation)
