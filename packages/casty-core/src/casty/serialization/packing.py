"""The seam to msgpack: trees of its own types to bytes and back, within the bounds and with our errors."""

from collections.abc import Callable
from typing import Any, Final, cast

import msgpack

from casty.errors import DecodeError, EncodeError
from casty.serialization.limits import Limits

Tree = Any
"""What msgpack knows by itself: None, bool, int, float, str, bytes, extensions, lists and dicts of trees."""

Extension = Any
"""A code and its bytes."""

_msgpack = cast(Any, msgpack)  # it has no types of its own

Timestamp: Final[type] = _msgpack.Timestamp
"""What msgpack makes of its own extension -1, without asking; we never write it."""

BIG_INT: Final = 1
"""Integers beyond msgpack's 64 bits: two's complement, big-endian, as short as it goes."""


_BUFFER: Final = 4096
_idle: Final[list[Any]] = []


def extension(code: int, data: bytes) -> Extension:
    return _msgpack.ExtType(code, data)


def pack(tree: Tree) -> bytes:
    """Raises `EncodeError` for text that is not Unicode."""
    # One packer serves one call at a time, in whatever thread; making one would cost more than most packing.
    try:
        packer = _idle.pop()
    except IndexError:
        packer = _msgpack.Packer(default=_big_int, strict_types=True, buf_size=_BUFFER)
    try:
        payload = packer.pack(tree)
    except UnicodeEncodeError as error:
        raise EncodeError(f"a text that is not Unicode ({error.reason}); send it as bytes") from None
    if len(payload) <= _BUFFER:  # a buffer that has grown never shrinks
        _idle.append(packer)
    return payload


def unpack(payload: bytes, limits: Limits, ext_hook: Callable[[int, bytes], object] = extension) -> Tree:
    """Raises `DecodeError` for anything but one whole value within the bounds, whatever the bytes are."""
    if len(payload) > limits.max_payload:
        raise DecodeError(f"{len(payload)} bytes are more than max_payload allows: {limits.max_payload}")
    try:
        # msgpack refuses a container that announces more elements than there are bytes: only a payload of
        # more than max_items bytes can hold more values.
        if len(payload) <= limits.max_items:
            return _msgpack.unpackb(payload, ext_hook=ext_hook)
        count = _Count(limits.max_items)
        return _msgpack.unpackb(
            payload,
            ext_hook=ext_hook,
            list_hook=count,
            object_hook=count,
            max_array_len=limits.max_items,
            max_map_len=limits.max_items,
        )
    except DecodeError:
        raise
    except Exception as error:  # the bytes are a stranger's: whatever goes wrong, they are what is wrong
        raise DecodeError(f"not one msgpack value within the bounds: {type(error).__name__}: {error}") from error


def _big_int(value: int) -> Extension:
    return extension(BIG_INT, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


class _Count:
    """Sees every container once it is complete, and stops the reading when they hold too much together."""

    __slots__ = ("_allowed", "_left")

    def __init__(self, allowed: int) -> None:
        self._allowed = allowed
        self._left = allowed

    def __call__(self, container: list[Tree] | dict[Tree, Tree]) -> Tree:
        self._left -= len(container) if type(container) is list else 2 * len(container)
        if self._left < 0:
            raise DecodeError(f"it holds more values than max_items allows: {self._allowed}")
        return container
