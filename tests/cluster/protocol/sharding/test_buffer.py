"""Messages that wait: in order, within bounds that all shards share, and no longer than they may."""

import pytest
from casty_cluster.protocol.sharding.buffer import Buffer, Buffered


def message(number: int, *, shard: int = 1, size: int = 1, deadline: float = 60.0) -> Buffered[int]:
    return Buffered(shard=shard, entity="e", message=number, size=size, deadline=deadline)


def numbers(messages: list[Buffered[int]]) -> list[int]:
    return [kept.message for kept in messages]


def test_returned_messages_go_before_those_that_were_sent_since() -> None:
    buffer = Buffer[int](10, 100)
    for kept, put in ((3, buffer.wait), (1, buffer.put_back), (4, buffer.wait), (2, buffer.put_back)):
        assert put(message(kept)) == []
    assert numbers(buffer.take(1)) == [1, 2, 3, 4]
    assert not buffer
    assert list(buffer.shards) == []


@pytest.mark.parametrize(("capacity", "max_bytes"), [(2, 100), (10, 2)])
def test_a_new_message_beyond_a_bound_of_all_shards_is_dropped(capacity: int, max_bytes: int) -> None:
    buffer = Buffer[int](capacity, max_bytes)
    assert buffer.wait(message(1)) == buffer.wait(message(2, shard=2)) == []
    assert buffer.wait(message(3, shard=3)) == [message(3, shard=3)]
    assert 3 not in buffer
    buffer.validate()


@pytest.mark.parametrize(("capacity", "max_bytes", "size"), [(2, 100, 1), (10, 2, 1), (10, 3, 2)])
def test_a_returned_message_displaces_the_newest_ones_that_wait(capacity: int, max_bytes: int, size: int) -> None:
    buffer = Buffer[int](capacity, max_bytes)
    buffer.wait(message(3, size=size - 1 or 1))
    buffer.wait(message(4, shard=2))
    assert numbers(buffer.put_back(message(1, size=size))) == [4]
    assert numbers(buffer.take(1)) == [1, 3]
    buffer.validate()


def test_a_returned_message_does_not_displace_other_returned_ones() -> None:
    buffer = Buffer[int](2, 100)
    buffer.put_back(message(1))
    buffer.put_back(message(2))
    assert numbers(buffer.put_back(message(3))) == [3]
    assert numbers(buffer.take(1)) == [1, 2]


def test_a_message_beyond_the_bound_by_itself_displaces_no_other() -> None:
    buffer = Buffer[int](10, 10)
    buffer.wait(message(2))
    assert numbers(buffer.put_back(message(1, size=11))) == [1]
    assert numbers(buffer.take(1)) == [2]


def test_messages_expire_at_their_own_deadlines_and_the_others_stay_in_order() -> None:
    buffer = Buffer[int](10, 100)
    for number, deadline in ((1, 9.0), (2, 3.0), (3, 9.0), (4, 5.0)):
        buffer.wait(message(number, deadline=deadline))
    assert buffer.earliest_deadline() == 3.0
    assert numbers(buffer.expire(2.9)) == []
    assert numbers(buffer.expire(6.0)) == [2, 4]
    assert numbers(buffer.take(1)) == [1, 3]


def test_what_was_taken_does_not_expire() -> None:
    buffer = Buffer[int](10, 100)
    buffer.wait(message(1, deadline=3.0))
    buffer.wait(message(2, shard=2, deadline=8.0))
    buffer.take(1)
    assert numbers(buffer.expire(5.0)) == []
    assert buffer.earliest_deadline() == 8.0


def test_deadlines_of_messages_that_are_gone_do_not_pile_up() -> None:
    buffer = Buffer[int](10, 100)
    for number in range(10_000):
        buffer.wait(message(number))
        buffer.take(1)
    assert len(buffer._deadlines) < 200


def test_ten_thousand_messages_come_and_go() -> None:
    buffer = Buffer[int](10_000, 10_000)
    for number in range(10_000):
        assert buffer.wait(message(number, shard=number % 100, deadline=60.0 + number % 7)) == []
    assert numbers(buffer.wait(message(-1))) == [-1]
    assert len(buffer.expire(63.0)) == sum(number % 7 <= 3 for number in range(10_000))
    buffer.validate()
    rest = [numbers(buffer.take(shard)) for shard in range(100)]
    assert all(queue == sorted(queue) for queue in rest)
    assert not buffer
