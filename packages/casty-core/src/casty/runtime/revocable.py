"""Messages of the runtime's own that can be revoked as long as they wait in a mailbox: of timers, watches and piped
work.

Such a message waits as a `Revocable`, which is asked for the message when its turn has come. Ordinary messages pay
nothing for that: only a queue that holds a revocable is a `MixedQueue`, and iterates in its own way.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from typing import Any, Final, override


class Revoked:
    """Stands for a message that was revoked."""


REVOKED: Final = Revoked()


class Revocable(ABC):
    """A message that waits, and may be revoked until it is taken."""

    __slots__ = ()

    @abstractmethod
    def take(self) -> Any:
        """The message, whose turn has come; or `REVOKED`. To be called once."""


class Reading(Iterator[Any]):
    """Reads a mailbox that may hold revocables, and leaves out those that were revoked by the time of their turn."""

    __slots__ = ("items",)

    def __init__(self, items: deque[Any]) -> None:
        self.items = items

    def __length_hint__(self) -> int:
        return len(self.items)

    @override
    def __next__(self) -> Any:
        items = self.items
        while items:
            message = taken(items.popleft())
            if message is not REVOKED:
                return message
        raise StopIteration


class MixedQueue(list[Any]):
    """A queue that holds a revocable."""

    @override
    def __iter__(self) -> Reading:
        return Reading(deque(super().__iter__()))


def taken(entry: Any) -> Any:
    """What an entry of a mailbox is when its turn has come."""
    return entry.take() if isinstance(entry, Revocable) else entry
