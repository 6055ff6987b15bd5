"""Queues beyond the simple one: reservations, delays, priorities, dead letters, consumers that wait."""

import time
from typing import Any

from casty.coordination.operations import WAITING, Answer, Change, Instant, OperationId, Steps, Withdraw
from casty.coordination.structures import Queue
from casty.coordination.structures.queue_commands import (
    Acknowledge,
    DeadLetters,
    Delivered,
    Dequeue,
    Enqueue,
    Extend,
    Peek,
    PutBack,
    Reserve,
    Return,
    Size,
)

from tests.core.coordination.world import SERIALIZER, WALL


class Depot:
    """A queue on a clock that the test moves."""

    def __init__(self) -> None:
        self.queue = Queue()
        self.time = 0.0
        self.wall = WALL

    def now(self) -> Instant:
        return Instant(self.time, self.wall + self.time)

    def do(self, command: Any, caller: int = 0) -> Any:
        """The reply to the command, `...` if there is none yet."""
        reply = self._done(self.queue.decide(command, OperationId("c", caller), self.now())).get(caller, ...)
        return reply.item if isinstance(command, Dequeue) and isinstance(reply, Delivered) else reply

    def taken(self) -> Delivered:
        """The item that is next, which is removed."""
        [step] = self.queue.decide(Dequeue(), OperationId("c", 0), self.now())
        taken = self._done([step])[0]
        assert isinstance(taken, Delivered)
        return taken

    def at(self, time: float) -> dict[int, Any]:
        replies: dict[int, Any] = {}
        while (due := self.queue.due(self.now())) is not None and due <= time:
            self.time = max(self.time, due)
            replies |= self._done(self.queue.tick(self.now()))
        self.time = time
        return replies

    def restart(self) -> None:
        """In another process, whose monotonic clock starts anew."""
        queue = SERIALIZER.loads(SERIALIZER.dumps(self.queue))
        assert isinstance(queue, Queue)
        self.queue, self.wall, self.time = queue, self.wall + self.time, 0.0

    def _done(self, steps: Steps) -> dict[int, Any]:
        replies: dict[int, Any] = {}
        for step in steps:
            match step:
                case Answer(to, value):
                    replies[to.number] = value
                case Change(fact, by):
                    result = self.queue.apply(fact, by)
                    if by is not None:
                        replies[by.number] = result
        self.queue.due(self.now())
        return replies


def test_items_come_by_priority_and_then_by_arrival() -> None:
    depot = Depot()
    for item, priority in ((b"a", 0), (b"b", 5), (b"c", 0), (b"d", 5), (b"e", -1)):
        depot.do(Enqueue(item, priority))
    assert depot.do(Peek()) == b"b"
    assert [depot.do(Dequeue()) for _ in range(6)] == [b"b", b"d", b"a", b"c", b"e", None]


def test_an_acknowledged_item_is_gone() -> None:
    depot = Depot()
    depot.do(Enqueue(b"a"))
    assert depot.do(Reserve(30.0, None)) == Delivered(1, 1, b"a")
    assert depot.do(Dequeue()) is None
    assert depot.do(Size()) == 1
    assert depot.do(Acknowledge(1, 1)) is True
    assert depot.do(Acknowledge(1, 1)) is False
    assert depot.do(Size()) == 0


def test_an_item_that_is_not_acknowledged_is_delivered_again() -> None:
    depot = Depot()
    depot.do(Enqueue(b"a"))
    depot.do(Reserve(30.0, None))
    depot.at(29.0)
    assert depot.do(Reserve(30.0, None)) is None
    depot.at(30.0)
    assert depot.do(Reserve(30.0, None)) == Delivered(1, 2, b"a")
    assert depot.do(Acknowledge(1, 1)) is False  # it is that of the first delivery, which has ended
    assert depot.do(Acknowledge(1, 2)) is True


def test_a_delivery_of_a_queue_that_was_destroyed_acknowledges_no_later_item() -> None:
    depot = Depot()
    depot.do(Enqueue(b"a"))
    old = depot.do(Reserve(30.0, None))
    depot.queue = depot.queue.destroyed()
    depot.do(Enqueue(b"b"))
    depot.do(Reserve(30.0, None))
    for command in (Acknowledge(old.number, 1), Return(old.number, 1), Extend(old.number, 1)):
        assert depot.do(command) is False
    assert depot.do(Size()) == 1


def test_a_reservation_is_extended() -> None:
    depot = Depot()
    depot.do(Enqueue(b"a"))
    depot.do(Reserve(30.0, None))
    depot.at(20.0)
    assert depot.do(Extend(1, 1)) is True
    depot.at(49.0)
    assert depot.do(Reserve(30.0, None)) is None
    depot.at(50.0)
    assert depot.do(Extend(1, 1)) is False


def test_an_item_that_is_given_back_comes_after_its_delay() -> None:
    depot = Depot()
    depot.do(Enqueue(b"a"))
    depot.do(Reserve(30.0, None))
    assert depot.do(Return(1, 1, delay=10.0)) is True
    depot.at(9.0)
    assert depot.do(Reserve(30.0, None)) is None
    depot.at(10.0)
    assert depot.do(Reserve(30.0, None)) == Delivered(1, 2, b"a")
    assert depot.do(Return(1, 2)) is True
    assert depot.do(Reserve(30.0, None)) == Delivered(1, 3, b"a")


def test_an_item_that_was_delivered_too_often_is_a_dead_letter() -> None:
    depot = Depot()
    depot.do(Enqueue(b"bad"))
    depot.do(Enqueue(b"good"))
    depot.do(Reserve(5.0, 2))
    depot.at(5.0)
    assert depot.do(Reserve(5.0, 2)) == Delivered(1, 2, b"bad")
    assert depot.do(Return(1, 2)) is True
    assert depot.do(Reserve(5.0, 2)) == Delivered(2, 1, b"good")
    assert [item for _, item in depot.do(DeadLetters(b""))] == [b"bad"]
    assert depot.do(Size()) == 1


def test_reservations_and_delays_survive_a_restart() -> None:
    depot = Depot()
    depot.do(Enqueue(b"reserved"))
    depot.do(Enqueue(b"delayed", delay=60.0))
    depot.do(Reserve(30.0, None))
    depot.at(20.0)
    depot.restart()
    depot.at(29.0)
    assert depot.do(Reserve(30.0, None)) is None
    depot.at(30.0)  # the new process counts a reservation from its start: it lasts at least as long as was agreed
    assert depot.do(Reserve(30.0, None)) == Delivered(1, 2, b"reserved")
    depot.at(39.0)
    assert depot.do(Dequeue()) is None
    depot.at(40.0)
    assert depot.do(Dequeue()) == b"delayed"


def test_a_wall_clock_that_jumps_moves_no_item() -> None:
    depot = Depot()
    depot.do(Enqueue(b"a", delay=60.0))
    depot.wall += 86_400.0
    depot.at(59.0)
    assert depot.do(Dequeue()) is None
    depot.at(60.0)
    assert depot.do(Dequeue()) == b"a"


def test_an_item_that_is_put_back_has_its_old_place() -> None:
    depot = Depot()
    for item, priority in ((b"a", 5), (b"b", 5), (b"c", 9)):
        depot.do(Enqueue(item, priority))
    depot.do(Reserve(30.0, None))
    depot.do(Return(3, 1))
    dequeued = [depot.taken(), depot.taken()]
    assert dequeued == [Delivered(3, 1, b"c", 9), Delivered(1, 0, b"a", 5)]
    for one in dequeued:
        assert depot.do(PutBack(one)) is None
    depot.restart()
    assert depot.do(Size()) == 3
    assert depot.do(Reserve(30.0, None)) == Delivered(3, 2, b"c")
    assert [depot.do(Dequeue()) for _ in range(3)] == [b"a", b"b", None]


def test_an_item_comes_after_its_whole_delay_at_the_latest_where_the_next_clock_is_behind() -> None:
    depot = Depot()
    for item in (b"reserved", b"delayed"):
        depot.do(Enqueue(item, delay=60.0 if item == b"delayed" else 0.0))
    depot.do(Reserve(30.0, None))
    depot.do(Return(1, 1, delay=90.0))
    depot.at(20.0)
    depot.restart()
    depot.wall -= 86_400.0
    depot.at(59.9)
    assert depot.do(Dequeue()) is None
    depot.at(60.0)
    assert depot.do(Dequeue()) == b"delayed"
    depot.at(89.9)
    assert depot.do(Dequeue()) is None
    depot.at(90.0)
    assert depot.do(Dequeue()) == b"reserved"


def test_an_item_comes_at_once_where_the_next_clock_is_ahead() -> None:
    depot = Depot()
    depot.do(Enqueue(b"a", delay=60.0))
    depot.restart()
    depot.wall += 86_400.0
    assert depot.do(Dequeue()) == b"a"


def test_a_consumer_that_waits_gets_what_is_put_back() -> None:
    depot = Depot()
    depot.do(Enqueue(b"a"))
    dequeued = depot.taken()
    depot.do(Dequeue(wait=2.0), caller=1)
    depot.do(PutBack(dequeued), caller=2)
    assert depot.at(0.0) == {1: Delivered(1, 0, b"a")}


def test_a_consumer_that_waits_gets_the_next_item() -> None:
    depot = Depot()
    assert depot.do(Dequeue(wait=2.0), caller=1) is ...
    assert depot.do(Reserve(30.0, None, wait=2.0), caller=2) is ...
    depot.do(Enqueue(b"a"))
    depot.do(Enqueue(b"b"))
    assert depot.at(0.0) == {1: Delivered(1, 0, b"a"), 2: Delivered(2, 1, b"b")}


def test_a_consumer_that_has_waited_in_vain_learns_it() -> None:
    depot = Depot()
    depot.do(Dequeue(wait=2.0), caller=1)
    assert depot.at(2.0) == {1: WAITING}
    depot.do(Enqueue(b"a"))
    assert depot.at(2.5) == {}
    assert depot.do(Dequeue(wait=2.0), caller=1) == b"a"


def test_a_consumer_that_withdraws_gets_nothing() -> None:
    depot = Depot()
    depot.do(Dequeue(wait=2.0), caller=1)
    depot.do(Withdraw(OperationId("c", 1)), caller=9)
    depot.do(Enqueue(b"a"))
    assert depot.at(10.0) == {}
    assert depot.do(Size()) == 1


def test_ten_thousand_items_that_are_due_at_once() -> None:
    depot = Depot()
    for number in range(10_000):
        depot.do(Enqueue(b"%d" % number, delay=5.0))
    depot.at(5.0)
    began = time.process_time()
    assert [depot.do(Dequeue()) for _ in range(10_000)] == [b"%d" % number for number in range(10_000)]
    assert time.process_time() - began < 10.0  # it is linear: 0.2 s on an idle machine
