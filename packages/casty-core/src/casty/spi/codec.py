"""What a codec is: the way of one type of another library to values that a serializer can write, and back."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import NoneType
from typing import Any, Final, Protocol, runtime_checkable
from uuid import UUID

from casty.spi.serializer import Serializer

SPI: Final = 1

WRITTEN_WITHOUT: Final[frozenset[type]] = frozenset(
    {NoneType, bool, int, float, str, bytes, list, dict, tuple, set, frozenset}
    | {Decimal, date, datetime, time, timedelta, UUID}
)
"""Types that a serializer writes by itself, and never asks for a codec."""


class Codec(Protocol):
    """How the instances of a type, and of those derived from it, are written and read."""

    @property
    def names(self) -> tuple[str, ...]:
        """In bytes: values are written under the first, and read under any of them."""
        ...

    @property
    def for_type(self) -> type | str: ...

    @property
    def by_class(self) -> bool: ...

    @property
    def dump(self) -> Callable[[Any], object]: ...

    @property
    def load(self) -> Callable[..., object]: ...


class Codecs(Protocol):
    """The codecs that plugins offer. Its methods raise `PluginError` where two plugins offer the same."""

    def of(self, kind: type) -> Codec | None:
        """That of a type, or of the nearest one that it is derived from."""
        ...

    def named(self, name: str) -> Codec | None: ...


@runtime_checkable
class CodecSerializer(Serializer, Protocol):
    """A serializer that can use codecs."""

    def with_codecs(self, codecs: Codecs) -> Serializer:
        """One like it that also carries the types that have a codec."""
        ...


def is_exactly(kind: type, wanted: type | str) -> bool:
    """Whether a type is the one of a codec, which a text names without importing it."""
    return kind is wanted or f"{kind.__module__}:{kind.__qualname__}" == wanted


def is_of(kind: type, wanted: type | str) -> bool:
    """Whether a type is, or is derived from, the one of a codec."""
    return any(is_exactly(base, wanted) for base in kind.__mro__)
