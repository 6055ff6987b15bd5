"""What a serializer implements: values to bytes and back, by name, never importing and never executing what bytes
name.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

from casty.address import ActorAddress
from casty.ref import ActorRef

SPI: Final = 1

type RefResolver = Callable[[ActorAddress], ActorRef[Any]]
"""Turns an address that was read from bytes into a reference; never raises."""


class Encoded(NamedTuple):
    """A value as it is stored: its type's wire name and schema version beside the bytes."""

    manifest: str
    """The wire name of a dataclass, enum or NamedTuple type; "" for a plain value, whose payload describes itself."""
    version: int
    payload: bytes


class Serializer(Protocol):
    """Turns values into bytes and back. Safe to call from any task; holds no state of a single value."""

    @property
    def name(self) -> str:
        """The name that configuration, frames and stored records use. What it has written is read by it for ever."""
        ...

    def encode(self, value: object) -> Encoded:
        """Raises `EncodeError` for a value outside the wire types or beyond the bounds, naming the value's path and
        type.
        """
        ...

    def decode(self, manifest: str, version: int, payload: bytes) -> object:
        """Raises `UnknownManifestError` for a type that is not known here, `DecodeError` for anything else that is
        wrong.
        """
        ...

    def dumps(self, value: object) -> bytes:
        """Like `encode`, in one self-describing piece."""
        ...

    def loads(self, data: bytes) -> object:
        """The value that `dumps` was given. Raises like `decode`."""
        ...


@runtime_checkable
class NamingSerializer(Serializer, Protocol):
    """A serializer that names a type by where it is defined, unless the type has a name of its own."""

    def for_storing(self) -> Serializer:
        """One like it for values that outlive this program: it warns of a name that other programs would not know."""
        ...
