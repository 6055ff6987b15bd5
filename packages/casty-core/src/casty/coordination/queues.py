"""The handle of a queue, and its deliveries."""

from collections.abc import AsyncGenerator
from functools import partial
from typing import Any, Final, cast

from casty.coordination.client import Client
from casty.coordination.handles import Handle, finite_seconds, whole
from casty.coordination.operations import Waiting
from casty.coordination.structures import queue_commands as commands
from casty.coordination.values import Values
from casty.errors import ArgumentError
from casty.quantities import check_count, checked_seconds

POLL: Final = 2.0


class DistributedQueue[V](Handle):
    """Items, each of which one consumer gets: those of higher priority first, and of one priority in order of arrival.

    `dequeue` removes an item at once; it is lost if the consumer fails. `reserve` keeps it until the consumer
    acknowledges it, and delivers it again if that does not happen in time.
    """

    def __init__(
        self,
        client: Client,
        kind: str,
        name: str,
        timeout: float,
        annotation: Any = Any,
        *,
        max_deliveries: int | None = None,
    ) -> None:
        super().__init__(client, kind, name, timeout)
        if max_deliveries is not None:
            check_count(max_deliveries, f"max_deliveries of {self._what}")
        self._max_deliveries = max_deliveries
        self._values = Values[V](annotation, client.serializer, self._what)

    async def enqueue(self, item: V, *, priority: int = 0, delay: float = 0.0) -> None:
        """Add an item, which is there in `delay` seconds."""
        if item is None:
            raise ArgumentError(f"{self._what} cannot hold None, which stands for an empty queue")
        whole(priority, f"priority of an item of {self._what}")
        if delay != 0:
            finite_seconds(delay, f"delay of an item of {self._what}")
        await self._call("enqueue", commands.Enqueue(self._values.dumps(item), priority, delay))

    async def dequeue(self, *, wait: float = 0.0) -> V | None:
        """Remove the next item; None if there is none for `wait` seconds.

        One that this program cannot read, such as one of another type, is put back in its place: see `Values.loads`.
        """
        dequeued: commands.Delivered | None = await self._take("dequeue", commands.Dequeue, wait)
        if dequeued is None:
            return None
        try:
            return self._values.loads(dequeued.item)
        except Exception:
            # If this fails, its `TimeoutError` is raised: what became of the item is not known then.
            await self._call("put back after a failed dequeue", commands.PutBack(dequeued))
            raise

    async def reserve(self, *, visibility: float = 30.0, wait: float = 0.0) -> "Delivery[V] | None":
        """Reserve the next item for `visibility` seconds; None if there is none for `wait` seconds.

        One that this program cannot read, such as one of another type, is given back. That counts as a delivery: with
        `max_deliveries`, an item that no consumer can read becomes a dead letter.
        """
        finite_seconds(visibility, f"visibility of {self._what}")
        make = partial(commands.Reserve, visibility, self._max_deliveries)
        delivered: commands.Delivered | None = await self._take("reserve", make, wait)
        if delivered is None:
            return None
        try:
            return Delivery(self, delivered, self._values.loads(delivered.item))
        except Exception:
            await self.settle("nack", commands.Return(delivered.number, delivered.delivery))
            raise

    async def _take(self, method: str, make: Any, wait: float) -> Any:
        at_most = checked_seconds(wait, f"wait of {method} of {self._what}")
        what = f"{method} of {self._what}"
        if at_most == 0:
            return await self._call(method, make(0.0))
        with self._client.operation() as operation:
            reply = await operation.wait(self._entity, make, what, self.timeout, each=POLL, at_most=at_most)
        return None if isinstance(reply, Waiting) else reply

    async def peek(self) -> V | None:
        """The item that is next, which stays; None if there is none."""
        return self._values.read(await self._call("peek", commands.Peek()))

    async def size(self) -> int:
        """The number of items, reserved and delayed ones included."""
        return cast("int", await self._call("size", commands.Size()))

    async def dead_letters(self) -> AsyncGenerator[V]:
        """The items that were delivered `max_deliveries` times in vain, oldest first."""
        after = b""
        while page := await self._call("dead_letters", commands.DeadLetters(after)):
            for _, item in page:
                yield self._values.loads(item)
            after = page[-1][0]

    async def settle(self, method: str, command: Any) -> bool:
        """Send what a delivery says of its item."""
        return cast("bool", await self._call(method, command))


class Delivery[V]:
    """An item that is reserved for a consumer."""

    def __init__(self, queue: DistributedQueue[V], delivered: commands.Delivered, value: V) -> None:
        self.value = value
        self.attempt = delivered.delivery
        """1 for the first delivery of the item."""
        self._queue = queue
        self._number = delivered.number

    async def ack(self) -> bool:
        """Remove the item: it has been dealt with. Returns False if the reservation has ended before."""
        return await self._queue.settle("ack", commands.Acknowledge(self._number, self.attempt))

    async def nack(self, *, delay: float = 0.0) -> bool:
        """Give the item back, to be delivered again after `delay` seconds. Returns as `ack` does."""
        if delay != 0:
            finite_seconds(delay, "delay of nack")
        return await self._queue.settle("nack", commands.Return(self._number, self.attempt, delay))

    async def extend(self) -> bool:
        """Start the visibility timeout again. Returns False if the reservation has ended before."""
        return await self._queue.settle("extend", commands.Extend(self._number, self.attempt))
