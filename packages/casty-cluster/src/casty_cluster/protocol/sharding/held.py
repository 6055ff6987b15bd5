"""Messages of one region that wait on a node which has no sender for them.

Theory of operation. A node cannot tell the shard of an entity before it knows how many shards the region has: it may
hold a reference to an entity before any node has contacted it about the region. And a node that was downed has no
senders until it rejoins. Meanwhile messages wait here, all in one queue, within the bounds and deadlines of a sender's
buffer; then they are dispatched in order.

Invariants: those of the buffer.
"""

from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.sharding.buffer import Buffer, Buffered
from casty_cluster.protocol.sharding.effects import Drop, DropCause
from casty_cluster.protocol.sharding.inputs import Dispatch
from casty_cluster.protocol.sharding.sender import CAPACITY, MAX_BYTES, TELL_TIMEOUT

type Input[M] = Dispatch[M]
type Effect[M] = Drop[M]

WHY = (
    "this node is no member of a cluster now, or no node has contacted it about the region; spawn it on a node, or "
    "check the name"
)


class Held[M]:
    """The machine of one region. The shards of the messages do not matter."""

    def __init__(self, *, capacity: int = CAPACITY, max_bytes: int = MAX_BYTES) -> None:
        self._buffer = Buffer[M](capacity, max_bytes)

    def __len__(self) -> int:
        return len(self._buffer)

    def handle(self, given: Input[M] | Tick, now: float) -> list[Effect[M]]:
        match given:
            case Dispatch():
                deadline = now + TELL_TIMEOUT if given.deadline is None else given.deadline
                kept = Buffered(shard=0, entity=given.entity, message=given.message, size=given.size, deadline=deadline)
                return [dropped.drop(DropCause.overflow, WHY) for dropped in self._buffer.wait(kept)]
            case Tick():
                return [kept.drop(DropCause.expired, WHY) for kept in self._buffer.expire(now)]

    def release(self) -> list[Buffered[M]]:
        """Remove and return all messages, in order."""
        return self._buffer.take(0)

    def next_deadline(self) -> float | None:
        return self._buffer.earliest_deadline()

    def validate(self) -> None:
        self._buffer.validate()
