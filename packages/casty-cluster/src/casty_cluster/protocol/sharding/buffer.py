"""Messages of one region that wait for homes of their shards, within bounds that all shards share.

Theory of operation. A shard has three queues: messages that were on their way and came back, messages that the
transport could not send, and messages that are newer than both; they go in this order. A returned or unsent message is
older than each waiting one of its sender, so where there is no room for it, the newest waiting messages make room. Each
message has a deadline. To drop a message never changes the order of those that stay.

Invariants: no more messages and bytes than the bounds; each shard in `shards` has a message.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import chain, count

from casty_cluster.protocol.sharding.effects import Drop, DropCause

_SLACK = 64
"""Deadlines of messages that are gone which the heap may hold beside those of messages that are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffered[M]:
    """A message for an entity."""

    shard: int
    entity: str
    message: M
    size: int
    """Bytes."""
    deadline: float

    def drop(self, cause: DropCause, reason: str) -> Drop[M]:
        return Drop(shard=self.shard, entity=self.entity, message=self.message, cause=cause, reason=reason)


class Buffer[M]:
    """See the module. Methods that make room return the messages that were dropped for it."""

    def __init__(self, capacity: int, max_bytes: int) -> None:
        self.capacity = capacity
        self.max_bytes = max_bytes
        self.size = 0
        """Bytes of all messages."""
        self._returned: dict[int, dict[int, Buffered[M]]] = {}
        self._unsent: dict[int, dict[int, Buffered[M]]] = {}
        self._waiting: dict[int, dict[int, Buffered[M]]] = {}
        """By shard, then by number: in order of arrival."""
        self._queues = (self._returned, self._unsent, self._waiting)
        self._newest: dict[int, Buffered[M]] = {}
        """All waiting messages, by number."""
        self._deadlines: list[tuple[float, int, int]] = []
        """A heap of deadlines, with number and shard. Entries of messages that are gone leave it late."""
        self._numbers = count(1)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def shards(self) -> Iterator[int]:
        """The shards with messages, each once."""
        return iter(dict.fromkeys(chain(*self._queues)))

    @property
    def why_full(self) -> str:
        return (
            f"{len(self)} messages of {self.size} bytes wait already for homes of their shards; at most "
            f"{self.capacity} messages of {self.max_bytes} bytes may"
        )

    def __contains__(self, shard: int) -> bool:
        return any(shard in queues for queues in self._queues)

    def wait(self, message: Buffered[M]) -> list[Buffered[M]]:
        """Keep the message behind all others of its shard. Returns the message itself where there is no room."""
        if not self._has_room(message.size):
            return [message]
        number = self._add(self._waiting, message)
        self._newest[number] = message
        return []

    def put_back(self, message: Buffered[M], *, unsent: bool = False) -> list[Buffered[M]]:
        """Keep a returned message, or an unsent one, behind the others of its kind and shard."""
        if message.size > self.max_bytes:
            return [message]
        dropped: list[Buffered[M]] = []
        while not self._has_room(message.size):
            if not self._newest:
                return [*dropped, message]
            number = next(reversed(self._newest))
            dropped.append(self._newest[number])
            self._remove(self._newest[number].shard, number)
        self._add(self._unsent if unsent else self._returned, message)
        return dropped

    def take(self, shard: int) -> list[Buffered[M]]:
        """Remove and return the messages of the shard, in the order in which they are to be sent."""
        for number in self._waiting.get(shard, ()):
            del self._newest[number]
        taken = [message for queues in self._queues for message in queues.pop(shard, {}).values()]
        self._count -= len(taken)
        self.size -= sum(message.size for message in taken)
        self._compact()
        return taken

    def expire(self, now: float) -> list[Buffered[M]]:
        """Remove and return the messages whose deadline has come."""
        expired: list[Buffered[M]] = []
        while self._deadlines and self._deadlines[0][0] <= now:
            _, number, shard = heappop(self._deadlines)
            message = self._remove(shard, number)
            if message is not None:
                expired.append(message)
        return expired

    def earliest_deadline(self) -> float | None:
        """Perhaps too early: the message may be gone."""
        return self._deadlines[0][0] if self._deadlines else None

    def validate(self) -> None:
        """Raise AssertionError where an invariant is broken."""
        queues = [queue for queues in self._queues for queue in queues.values()]
        messages = [message for queue in queues for message in queue.values()]
        assert all(queues), "a shard without a message is listed"
        assert len(messages) == self._count <= self.capacity, "the number of messages is wrong or beyond the bound"
        assert sum(message.size for message in messages) == self.size <= self.max_bytes, "bytes wrong or beyond bounds"
        assert len(self._deadlines) >= len(messages), "a message has no deadline"

    def _has_room(self, size: int) -> bool:
        return self._count < self.capacity and self.size + size <= self.max_bytes

    def _add(self, queues: dict[int, dict[int, Buffered[M]]], message: Buffered[M]) -> int:
        number = next(self._numbers)
        queues.setdefault(message.shard, {})[number] = message
        self._count += 1
        self.size += message.size
        heappush(self._deadlines, (message.deadline, number, message.shard))
        return number

    def _remove(self, shard: int, number: int) -> Buffered[M] | None:
        for queues in self._queues:
            queue = queues.get(shard, {})
            message = queue.pop(number, None)
            if message is not None:
                if not queue:
                    del queues[shard]
                self._newest.pop(number, None)
                self._count -= 1
                self.size -= message.size
                return message
        return None

    def _compact(self) -> None:
        """Keep deadlines of messages that are gone from piling up where shards move often."""
        if len(self._deadlines) > 2 * self._count + _SLACK:
            self._deadlines = [
                (message.deadline, number, shard)
                for queues in self._queues
                for shard, queue in queues.items()
                for number, message in queue.items()
            ]
            heapify(self._deadlines)
