"""A hash ring: which routee a key belongs to, the same on every node and in every process.

Each routee has `POINTS` points on a circle of 64-bit numbers, and takes the keys between the point before and its own.
So a routee that comes takes keys from all others alike, and one that goes leaves its keys to all of them.
"""

import struct
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b, shake_128
from typing import Any, Final

from casty.behaviors.functions import noun
from casty.callables import named
from casty.errors import BehaviorError
from casty.interruption import raise_unless_failure
from casty.ref import ActorRef

POINTS: Final = 64
"""Of each routee: the busiest of ten has about a third more keys than it should."""
_LAYOUT: Final = struct.Struct(f">{POINTS}Q")


class Ring:
    """The ring of these routees."""

    def __init__(self, routees: Sequence[ActorRef[Any]] = ()) -> None:
        names = sorted((_name_of(routee), number) for number, routee in enumerate(routees))
        # Sorted by name, so that equal points are in the same order on every node.
        points = sorted(
            (point, rank)
            for rank, (name, _) in enumerate(names)
            for point in _LAYOUT.unpack(shake_128(name.encode(errors="surrogatepass")).digest(_LAYOUT.size))
        )
        self._points = [point for point, _ in points]
        self._owners = [routees[names[rank][1]] for _, rank in points]

    def beginning_at(self, place: int) -> Iterator[ActorRef[Any]]:
        """The owner of the first point from `place` on, then those of the points after it, once around."""
        first = bisect_left(self._points, place)
        for number in range(len(self._owners)):
            yield self._owners[(first + number) % len(self._owners)]


def hash_of(key: Callable[[Any], object], message: Any) -> int:
    """The place of the message on a ring. Raises `BehaviorError` if `key` raises, or returns what cannot be hashed."""
    try:
        given = key(message)
    except BaseException as error:
        raise_unless_failure(error)
        raise BehaviorError(f"the key function {named(key)} failed on {noun(message)}: {error!r}") from error
    match given:
        case str():
            data = given.encode(errors="surrogatepass")
        case bytes():
            data = given
        case int():
            data = str(given).encode()
        case _:
            raise BehaviorError(
                f"the key function {named(key)} returned {given!r} for {noun(message)}; a key is a text, a whole "
                "number or bytes, such as str(key)"
            )
    return int.from_bytes(blake2b(data, digest_size=8).digest())


def _name_of(routee: ActorRef[Any]) -> str:
    """Without the uid: an actor that is started again at its place gets the same keys."""
    address = routee.address
    return f"{address.host}:{address.port}{address.path}"
