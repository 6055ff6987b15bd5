"""Many entries in as few messages as can hold them."""

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

MAX_BYTES: Final = 32 * 1024
"""Of the entries in one message, which has to fit into a frame of the control lane."""


class Measured(Protocol):
    """An entry of a message."""

    @property
    def size(self) -> int:
        """Bytes that it takes in a message."""
        ...


def portions[E: Measured](entries: Iterable[E]) -> Iterator[tuple[E, ...]]:
    """As many at a time as fit into a message."""
    portion, size = list[E](), 0
    for entry in entries:
        if size + entry.size > MAX_BYTES:
            yield tuple(portion)
            portion, size = [], 0
        portion.append(entry)
        size += entry.size
    if portion:
        yield tuple(portion)
