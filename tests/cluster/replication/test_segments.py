"""What readers find in a segment, and which segments stay in memory."""

from casty_cluster.protocol.replication.stored import StoreEntries, StorePromise, StoreSnapshot
from casty_cluster.replication.segments import RECORD, Segment, SegmentCache

from tests.cluster.replication.changes import E1, E2, entries

STATE = ((E1.counter, E1.coordinator, 2),)


def of_size(size: int) -> Segment:
    return Segment([StoreEntries("", 0, entries(b"e" * (size - RECORD)))])


def test_the_last_change_of_an_event_and_of_a_state_counts() -> None:
    segment = Segment([StorePromise(E1), StoreEntries("x", 0, entries(b"a", b"b")), StoreSnapshot("x", STATE, b"old")])
    segment.add(StoreEntries("x", 1, entries(b"c", epoch=E2)))
    segment.add(StoreEntries("y", 4, entries(b"y")))
    segment.add(StoreSnapshot("x", STATE, b"new"))
    [first], [second], [other] = entries(b"a"), entries(b"c", epoch=E2), entries(b"y")
    assert segment.events == {"x": {1: first, 2: second}, "y": {5: other}}
    assert segment.states == {"x": StoreSnapshot("x", STATE, b"new")}
    assert segment.size == 6 * RECORD + 5 + 4 + 6


def test_segments_that_were_not_used_for_longest_make_room() -> None:
    cache = SegmentCache(limit=1_000)
    first, second, third = of_size(400), of_size(400), of_size(400)
    cache.put("first", first)
    cache.put("second", second)
    assert cache.get("first") is first
    cache.put("third", third)
    assert [cache.get(key) for key in ("first", "second", "third")] == [first, None, third]


def test_a_segment_that_grows_makes_room_too() -> None:
    cache = SegmentCache(limit=1_000)
    cache.put("first", of_size(400))
    cache.put("second", of_size(400))
    cache.add("second", StoreEntries("", 1, entries(b"e" * 200)))
    assert cache.get("first") is None
    second = cache.get("second")
    assert second is not None
    assert second.size == 400 + RECORD + 200
    cache.add("first", StorePromise(E1))
    assert cache.get("first") is None


def test_a_segment_that_is_larger_than_all_room_is_not_kept() -> None:
    cache = SegmentCache(limit=1_000)
    cache.put("small", of_size(400))
    cache.put("large", of_size(1_001))
    assert cache.get("large") is None
    cache.put("small again", of_size(600))
    assert cache.get("small again") is not None
