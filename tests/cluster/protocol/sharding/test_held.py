"""Messages that wait on a node without machines for their region: in order, in time, within bounds."""

from casty_cluster.protocol.machine import Tick
from casty_cluster.protocol.sharding.effects import Drop, DropCause
from casty_cluster.protocol.sharding.held import WHY, Held
from casty_cluster.protocol.sharding.inputs import Dispatch
from casty_cluster.protocol.sharding.sender import TELL_TIMEOUT


def message(text: str, *, size: int = 1, deadline: float | None = None) -> Dispatch[str]:
    return Dispatch(shard=0, entity="alice", message=text, size=size, deadline=deadline)


def dropped(text: str, cause: DropCause) -> Drop[str]:
    return Drop(shard=0, entity="alice", message=text, cause=cause, reason=WHY)


def test_messages_are_released_in_order_once() -> None:
    held = Held[str]()
    for text in "abc":
        assert held.handle(message(text), 0.0) == []
    assert [kept.message for kept in held.release()] == ["a", "b", "c"]
    assert held.release() == []
    assert held.handle(Tick(), TELL_TIMEOUT) == []


def test_an_ask_waits_until_its_deadline_and_a_tell_for_a_minute() -> None:
    held = Held[str]()
    held.handle(message("tell"), 0.0)
    held.handle(message("ask", deadline=5.0), 0.0)
    assert held.next_deadline() == 5.0
    assert held.handle(Tick(), 5.0) == [dropped("ask", DropCause.expired)]
    assert held.handle(Tick(), TELL_TIMEOUT) == [dropped("tell", DropCause.expired)]


def test_what_has_no_room_is_dropped_by_number_and_by_bytes() -> None:
    held = Held[str](capacity=2, max_bytes=10)
    held.handle(message("a"), 0.0)
    assert held.handle(message("large", size=10), 0.0) == [dropped("large", DropCause.overflow)]
    held.handle(message("b"), 0.0)
    assert held.handle(message("c"), 0.0) == [dropped("c", DropCause.overflow)]
    held.validate()
