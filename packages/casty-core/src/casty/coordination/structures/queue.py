"""Items in order of priority and arrival, each of which is removed by one consumer.

A consumer may remove an item at once, or reserve it: then it is there again unless the consumer acknowledges it within
the visibility timeout. When reservations end is not stored, so that they last at least as long as was agreed; when a
delayed item is due is stored by the wall clock, which is asked once in each process; where that of the next process is
behind, the item is due after its whole delay at the latest.
"""

import heapq
from dataclasses import dataclass, field, replace
from typing import Any, Final

from casty.coordination.operations import WAITING, Answer, Change, Instant, OperationId, Refused, Steps, Withdraw
from casty.coordination.structures.paging import page_of
from casty.coordination.structures.queue_commands import (
    Acknowledge,
    Command,
    DeadLettered,
    DeadLetters,
    Delivered,
    Dequeue,
    Dequeued,
    Enqueue,
    Enqueued,
    Extend,
    Fact,
    Item,
    Peek,
    PutBack,
    Reservation,
    Reserve,
    Reserved,
    Restored,
    Return,
    Returned,
    Size,
)
from casty.coordination.waiters import Waiters
from casty.serialization import event

NUMBER_BYTES: Final = 8


@event("casty.coordination.Queue")
@dataclass(slots=True)
class Queue:
    """The state of one queue."""

    last_number: int = 0
    items: dict[int, Item] = field(default_factory=dict[int, Item])
    """By number, in order of arrival."""
    reservations: dict[int, Reservation] = field(default_factory=dict[int, Reservation])
    dead: dict[int, bytes] = field(default_factory=dict[int, bytes])
    """Items that were delivered too often."""
    _ready: list[tuple[int, int]] = field(init=False, default_factory=list[tuple[int, int]], compare=False)
    """A heap of priority, negated, and number; it may name items that are not ready any more."""
    _delayed: list[tuple[float, int]] = field(init=False, default_factory=list[tuple[float, int]], compare=False)
    """A heap of monotonic times and numbers."""
    _unplanned: list[int] = field(init=False, default_factory=list[int], compare=False)
    """Delayed items whose time by this process's clock is not known yet."""
    _ends: dict[int, float] = field(init=False, default_factory=dict[int, float], compare=False)
    """When reservations end, by the monotonic clock."""
    _waiters: Waiters = field(init=False, default_factory=Waiters, compare=False)

    def __post_init__(self) -> None:
        for number, item in self.items.items():
            if number not in self.reservations:
                self._place(number, item)

    def decide(self, command: Command | Withdraw, caller: OperationId, now: Instant) -> Steps:
        self._plan(now)
        match command:
            case Enqueue(item, priority, delay):
                due = now.wall + delay if delay > 0 else None
                return [Change(Enqueued(item, priority, due, delay), caller)]
            case Dequeue() | Reserve():
                return self._take(command, caller, now)
            case PutBack(dequeued):
                return [Change(Restored(dequeued), caller)]
            case Acknowledge(number, delivery):
                held = self._is_reserved(number, delivery)
                return [Change(Dequeued(number), caller) if held else Answer(caller, False)]
            case Return(number, delivery, delay):
                if not self._is_reserved(number, delivery):
                    return [Answer(caller, False)]
                return [Change(self._end(number, now.wall + delay if delay > 0 else None, delay), caller)]
            case Extend(number, delivery):
                held = self._is_reserved(number, delivery)
                if held:
                    self._ends[number] = now.time + self.reservations[number].visibility
                return [Answer(caller, held)]
            case Peek():
                number = self._next()
                return [Answer(caller, None if number is None else self.items[number].item)]
            case Size():
                return [Answer(caller, len(self.items))]
            case DeadLetters(after):
                keyed = ((number.to_bytes(NUMBER_BYTES), item) for number, item in self.dead.items())
                return [Answer(caller, page_of(pair for pair in keyed if pair[0] > after))]
            case Withdraw(operation):
                waited: Steps = [Answer(operation, WAITING)] if self._waiters.remove(operation) else []
                return [*waited, Answer(caller, None)]

    def _take(self, command: Dequeue | Reserve, caller: OperationId, now: Instant) -> Steps:
        number = self._next()
        if number is not None:
            return [self._given(number, command, caller)]
        if command.wait <= 0:
            return [Answer(caller, None)]
        if self._waiters.is_full and caller not in self._waiters:
            why = f"{len(self._waiters):,} consumers wait for items already; let fewer wait, or use several queues"
            return [Answer(caller, Refused(why))]
        self._waiters.ask(caller, command, now.time + command.wait)
        return []

    def _given(self, number: int, command: Dequeue | Reserve, caller: OperationId) -> Change:
        heapq.heappop(self._ready)  # it is the first one
        self._waiters.remove(caller)
        match command:
            case Dequeue():
                return Change(Dequeued(number), caller)
            case Reserve(visibility, max_deliveries):
                return Change(Reserved(number, visibility, max_deliveries), caller)

    def _next(self) -> int | None:
        """The item that is next, which is then the first of those that are ready."""
        while self._ready:
            priority, number = self._ready[0]
            item = self.items.get(number)
            if item is not None and item.priority == -priority and number not in self.reservations:
                return number
            heapq.heappop(self._ready)
        return None

    def _is_reserved(self, number: int, delivery: int) -> bool:
        reservation = self.reservations.get(number)
        return reservation is not None and reservation.delivery == delivery

    def _end(self, number: int, due: float | None, delay: float) -> Returned | DeadLettered:
        """What becomes of an item whose reservation ends without an acknowledgement."""
        reservation = self.reservations[number]
        last = reservation.max_deliveries is not None and reservation.delivery >= reservation.max_deliveries
        return DeadLettered(number) if last else Returned(number, due, delay)

    def apply(self, fact: Fact, by: OperationId | None) -> Any:
        match fact:
            case Enqueued(value, priority, due, delay):
                self.last_number += 1
                self.items[self.last_number] = Item(value, priority, due, delay=delay)
                self._place(self.last_number, self.items[self.last_number])
                return None
            case Dequeued(number):
                reserved = self._free(number)
                item = self.items.pop(number)
                return True if reserved else Delivered(number, item.deliveries, item.item, item.priority)
            case Restored(Delivered(number, deliveries, item, priority)):
                self.items[number] = Item(item, priority, None, deliveries)
                self._place(number, self.items[number])
                return None
            case Reserved(number, visibility, max_deliveries):
                item = self.items[number] = replace(self.items[number], deliveries=self.items[number].deliveries + 1)
                self.reservations[number] = Reservation(item.deliveries, visibility, max_deliveries)
                return Delivered(number, item.deliveries, item.item)
            case Returned(number, due, delay):
                self._free(number)
                self.items[number] = replace(self.items[number], due=due, delay=delay)
                self._place(number, self.items[number])
                return True
            case DeadLettered(number):
                self._free(number)
                self.dead[number] = self.items.pop(number).item
                return True

    def _free(self, number: int) -> bool:
        """End a reservation, if there is one."""
        self._ends.pop(number, None)
        return self.reservations.pop(number, None) is not None

    def _place(self, number: int, item: Item) -> None:
        if item.due is None:
            heapq.heappush(self._ready, (-item.priority, number))
        else:
            self._unplanned.append(number)

    def may_repeat(self, command: Command, result: Any, now: Instant) -> bool:
        return True

    def tick(self, now: Instant) -> Steps:
        self._plan(now)
        ended = [number for number, end in self._ends.items() if end <= now.time]
        steps: Steps = [Change(self._end(number, None, 0.0)) for number in ended]
        for waiter in list(self._waiters) if self._ready else ():
            if waiter.asks and (number := self._next()) is not None:
                steps.append(self._given(number, waiter.command, waiter.id))
        steps += [Answer(operation, WAITING) for operation in self._waiters.tick(now.time)]
        return steps

    def due(self, now: Instant) -> float | None:
        self._plan(now)
        if self._next() is not None and any(waiter.asks for waiter in self._waiters):
            return now.time
        times = [*self._ends.values()]
        if self._delayed:
            times.append(self._delayed[0][0])
        if (waiting := self._waiters.due()) is not None:
            times.append(waiting)
        return min(times, default=None)

    def _plan(self, now: Instant) -> None:
        """Learn the time of what has come since, and make delayed items ready that are due."""
        if len(self._ends) < len(self.reservations):
            for number, reservation in self.reservations.items():
                self._ends.setdefault(number, now.time + reservation.visibility)
        for number in self._unplanned:
            item = self.items.get(number)
            if item is not None and item.due is not None:
                left = min(item.due - now.wall, item.delay)
                heapq.heappush(self._delayed, (now.time + left, number))
        self._unplanned.clear()
        while self._delayed and self._delayed[0][0] <= now.time:
            _, number = heapq.heappop(self._delayed)
            item = self.items.get(number)
            if item is not None and number not in self.reservations:
                heapq.heappush(self._ready, (-item.priority, number))

    def waiting(self) -> list[OperationId]:
        return [waiter.id for waiter in self._waiters]

    def destroyed(self) -> "Queue":
        """Its numbers must not come again: a delivery of an old item would acknowledge a new one."""
        return Queue(last_number=self.last_number)
