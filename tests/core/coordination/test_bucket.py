"""Maps beyond single keys: time to live, watching, pages, and the number of buckets."""

from typing import Any

from casty.coordination.operations import WAITING, Answer, Change, Instant, OperationId, Refused, Steps, Withdraw
from casty.coordination.structures import Bucket
from casty.coordination.structures.map_commands import (
    CompareAndSet,
    Delete,
    Divide,
    Division,
    Get,
    Page,
    Put,
    PutIfAbsent,
    Seen,
    Watch,
)
from casty.coordination.structures.paging import PAGE, PAGE_BYTES

from tests.core.coordination.world import SERIALIZER, WALL


class Shelf:
    """A bucket on a clock that the test moves."""

    def __init__(self) -> None:
        self.bucket = Bucket()
        self.time = 0.0
        self.wall = WALL

    def now(self) -> Instant:
        return Instant(self.time, self.wall + self.time)

    def do(self, command: Any, caller: int = 0) -> Any:
        """The reply to the command, `...` if there is none yet."""
        return self._done(self.bucket.decide(command, OperationId("c", caller), self.now())).get(caller, ...)

    def at(self, time: float) -> dict[int, Any]:
        replies: dict[int, Any] = {}
        while (due := self.bucket.due(self.now())) is not None and due <= time:
            self.time = max(self.time, due)
            replies |= self._done(self.bucket.tick(self.now()))
        self.time = time
        return replies

    def restart(self) -> None:
        bucket = SERIALIZER.loads(SERIALIZER.dumps(self.bucket))
        assert isinstance(bucket, Bucket)
        self.bucket, self.wall, self.time = bucket, self.wall + self.time, 0.0

    def _done(self, steps: Steps) -> dict[int, Any]:
        replies: dict[int, Any] = {}
        for step in steps:
            match step:
                case Answer(to, value):
                    replies[to.number] = value
                case Change(fact, by):
                    result = self.bucket.apply(fact, by)
                    if by is not None:
                        replies[by.number] = result
        return replies


def test_a_key_ends_with_its_time_to_live() -> None:
    shelf = Shelf()
    shelf.do(Put(7, b"k", b"v", ttl=10.0))
    shelf.at(9.0)
    assert shelf.do(Get(7, b"k")) == b"v"
    shelf.at(10.0)
    assert shelf.do(Get(7, b"k")) is None
    assert shelf.bucket.entries == {}


def test_a_key_that_has_ended_is_not_seen_though_no_tick_came() -> None:
    shelf = Shelf()
    for key in (b"a", b"b", b"c", b"d"):
        shelf.do(Put(7, key, b"v", ttl=10.0))
        shelf.do(Get(7, key))
    shelf.time = 10.0
    assert shelf.do(Get(7, b"a")) is None
    assert shelf.do(Page(7, b"")) == ()
    assert shelf.do(Put(7, b"a", b"w")) is None
    assert shelf.do(PutIfAbsent(7, b"b", b"w")) is True
    assert shelf.do(CompareAndSet(7, b"c", b"v", b"w")) is False
    assert shelf.do(Delete(7, b"d")) is False
    assert shelf.do(Page(7, b"")) == ((b"a", b"w"), (b"b", b"w"))


def test_a_write_without_a_time_to_live_ends_that_of_before() -> None:
    shelf = Shelf()
    shelf.do(Put(7, b"k", b"v", ttl=10.0))
    shelf.do(Put(7, b"k", b"w"))
    shelf.at(100.0)
    assert shelf.do(Get(7, b"k")) == b"w"


def test_a_comparison_keeps_the_time_to_live() -> None:
    shelf = Shelf()
    shelf.do(Put(7, b"k", b"v", ttl=10.0))
    shelf.at(5.0)
    assert shelf.do(CompareAndSet(7, b"k", b"v", b"w")) is True
    shelf.at(9.0)
    assert shelf.do(Get(7, b"k")) == b"w"
    shelf.at(10.0)
    assert shelf.do(Get(7, b"k")) is None


def test_a_time_to_live_goes_on_in_another_process() -> None:
    shelf = Shelf()
    shelf.do(Put(7, b"k", b"v", ttl=10.0))
    shelf.at(4.0)
    shelf.restart()
    shelf.at(5.0)
    assert shelf.do(Get(7, b"k")) == b"v"
    shelf.at(6.0)
    assert shelf.do(Get(7, b"k")) is None


def test_a_wall_clock_that_jumps_ends_no_key() -> None:
    shelf = Shelf()
    shelf.do(Put(7, b"k", b"v", ttl=10.0))
    shelf.at(1.0)
    shelf.wall += 86_400.0
    shelf.at(9.0)
    assert shelf.do(Get(7, b"k")) == b"v"


def test_a_key_lives_for_its_whole_time_once_more_where_the_next_clock_is_behind() -> None:
    shelf = Shelf()
    shelf.do(Put(7, b"k", b"v", ttl=10.0))
    shelf.do(PutIfAbsent(7, b"l", b"v", ttl=10.0))
    shelf.do(CompareAndSet(7, b"l", b"v", b"w"))
    shelf.at(4.0)
    shelf.restart()
    shelf.wall -= 86_400.0
    shelf.at(9.9)
    assert shelf.do(Page(7, b"")) == ((b"k", b"v"), (b"l", b"w"))
    shelf.at(10.0)
    assert shelf.do(Page(7, b"")) == ()


def test_a_key_ends_at_once_where_the_next_clock_is_ahead() -> None:
    shelf = Shelf()
    shelf.do(Put(7, b"k", b"v", ttl=10.0))
    shelf.restart()
    shelf.wall += 86_400.0
    assert shelf.do(Get(7, b"k")) is None


def test_a_watcher_sees_the_value_and_each_change() -> None:
    shelf = Shelf()
    shelf.do(Put(7, b"k", b"v"))
    assert shelf.do(Watch(7, b"k", -1, 10.0), caller=1) == Seen(b"v", 1)
    assert shelf.do(Watch(7, b"k", 1, 10.0), caller=2) is ...
    shelf.do(Put(7, b"other", b"x"))
    assert shelf.at(1.0) == {}
    shelf.do(Delete(7, b"k"))
    assert shelf.at(2.0) == {2: Seen(None, 0)}


def test_a_watcher_sees_the_end_of_a_time_to_live() -> None:
    shelf = Shelf()
    shelf.do(Put(7, b"k", b"v", ttl=5.0))
    assert shelf.do(Watch(7, b"k", 1, 10.0), caller=1) is ...
    assert shelf.at(5.0) == {1: Seen(None, 0)}


def test_a_watcher_asks_again_and_may_withdraw() -> None:
    shelf = Shelf()
    assert shelf.do(Watch(7, b"k", 0, 10.0), caller=1) is ...
    assert shelf.at(10.0) == {1: WAITING}
    shelf.do(Watch(7, b"k", 0, 10.0), caller=1)
    shelf.do(Withdraw(OperationId("c", 1)), caller=9)
    shelf.do(Put(7, b"k", b"v"))
    assert shelf.at(100.0) == {}


def test_a_watcher_sees_what_comes_after_the_map_is_destroyed() -> None:
    shelf = Shelf()
    shelf.do(Put(7, b"k", b"v"))
    seen = shelf.do(Watch(7, b"k", -1, 10.0))
    shelf.bucket = shelf.bucket.destroyed()
    shelf.do(Put(7, b"k", b"w"))
    assert shelf.do(Watch(7, b"k", seen.revision, 10.0)) == Seen(b"w", 2)


def test_another_number_of_buckets_is_refused() -> None:
    shelf = Shelf()
    assert shelf.do(Get(9, b"k")) is None
    shelf.do(Put(7, b"k", b"v"))
    refused = shelf.do(Get(9, b"k"))
    assert isinstance(refused, Refused)
    assert "shards=7, and was used with shards=9" in refused.reason


def test_the_first_bucket_knows_their_number_before_it_has_a_key() -> None:
    shelf = Shelf()
    assert shelf.do(Division(7)) is False
    assert shelf.do(Division(9)) is False
    assert shelf.do(Divide(7)) is True
    shelf.restart()
    for command in (Division(9), Divide(9), Get(9, b"k"), Put(9, b"k", b"v")):
        assert isinstance(shelf.do(command), Refused)
    assert [shelf.do(Division(7)), shelf.do(Divide(7))] == [True, True]
    shelf.bucket = shelf.bucket.destroyed()
    assert shelf.do(Divide(9)) is True


def test_pages_are_small_and_lose_nothing() -> None:
    shelf = Shelf()
    keys = [b"%06d" % number for number in range(2 * PAGE + 5)]
    for key in reversed(keys):
        shelf.do(Put(7, key, b"v"))
    found: list[bytes] = []
    while page := shelf.do(Page(7, found[-1] if found else b"")):
        assert len(page) <= PAGE
        found += [key for key, _ in page]
    assert found == keys


def test_pages_are_bounded_by_their_bytes() -> None:
    shelf = Shelf()
    for key in (b"a", b"b", b"c"):
        shelf.do(Put(7, key, b"x" * (PAGE_BYTES // 2)))
    assert len(shelf.do(Page(7, b""))) == 1
    shelf.do(Put(7, b"a", b"x" * (2 * PAGE_BYTES)))
    assert len(shelf.do(Page(7, b""))) == 1  # one item comes, however large it is
