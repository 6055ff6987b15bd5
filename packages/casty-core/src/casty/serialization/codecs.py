"""How values of types that have a codec are written and read."""

from typing import Any, Final

from casty.errors import DecodeError, EncodeError
from casty.serialization.explain import short
from casty.serialization.limits import TooDeepError
from casty.serialization.names import WireName
from casty.serialization.packing import Tree
from casty.serialization.plans import Read, Write
from casty.spi.codec import Codec, is_of

MARK: Final = ":"
"""What a codec's name begins with in bytes; no type's name does."""


class CodecPlan:
    """A plan by way of a codec, which may raise anything and return nonsense."""

    __slots__ = ("_codec", "_label", "_wanted", "wire")

    def __init__(self, codec: Codec, wire: WireName, kind: type | str) -> None:
        self.wire = wire
        self._codec = codec
        self._label = f"the codec {codec.names[0]!r}"
        self._wanted = kind
        """What it reads has to be of."""

    def write(self, value: Any, depth: int, write: Write) -> Tree:
        try:
            plain = self._codec.dump(value)
        except Exception as error:
            raise EncodeError(f"{self._label} raised {type(error).__name__}: {error}") from error
        try:
            return write(plain, depth + 1)
        except TooDeepError:
            raise
        except EncodeError as error:
            raise EncodeError(f"{self._label} returned {short(plain)}, which cannot be written: {error}") from error

    def read(self, tree: Tree, depth: int, read: Read) -> Any:
        plain = read(tree, depth + 1)
        try:
            value = self._codec.load(self._wanted, plain) if self._codec.by_class else self._codec.load(plain)
        except Exception as error:
            raise DecodeError(f"{self._label} raised {type(error).__name__}: {error}") from error
        # By its class, a value must be of the very one; else the codec chooses which of those derived from its type.
        fits = type(value) is self._wanted if self._codec.by_class else is_of(type(value), self._wanted)
        if not fits:
            wanted = self._wanted if isinstance(self._wanted, str) else self._wanted.__qualname__
            raise DecodeError(f"{self._label} returned {short(value)}, and not a value of type {wanted}")
        return value
