"""A part of a map: those of its keys that hash to it."""

import heapq
from dataclasses import dataclass, field
from typing import Any

from casty.coordination.operations import WAITING, Answer, Change, Instant, OperationId, Refused, Steps, Withdraw
from casty.coordination.structures.map_commands import (
    MISSING,
    Command,
    CompareAndSet,
    Delete,
    Divide,
    Divided,
    Division,
    Entry,
    Fact,
    Get,
    OfMap,
    Page,
    Put,
    PutIfAbsent,
    Removed,
    Seen,
    Stored,
    Watch,
)
from casty.coordination.structures.paging import page_of
from casty.coordination.waiters import Waiters
from casty.serialization import event


@event("casty.coordination.Bucket")
@dataclass(slots=True)
class Bucket:
    """The state of one bucket."""

    buckets: int = 0
    """Into how many the map is divided, since the first write here, or anywhere for the first bucket; 0 before."""
    entries: dict[bytes, Entry] = field(default_factory=dict[bytes, Entry])
    revision: int = MISSING
    """Of the last change."""
    _watchers: Waiters = field(init=False, default_factory=Waiters, compare=False)
    _touched: set[bytes] = field(init=False, default_factory=set[bytes], compare=False)
    """Keys that have changed since their watchers were looked at."""
    _unplanned: list[bytes] = field(init=False, default_factory=list[bytes], compare=False)
    """Keys with a time to live whose end by this process's clock is not known yet."""
    _ends: dict[bytes, float] = field(init=False, default_factory=dict[bytes, float], compare=False)
    """The monotonic times at which keys expire."""
    _queue: list[tuple[float, bytes]] = field(init=False, default_factory=list[tuple[float, bytes]], compare=False)
    """A heap of these times, and of earlier ones that do not count any more."""

    def __post_init__(self) -> None:
        self._unplanned += [key for key, entry in self.entries.items() if entry.expires is not None]

    def decide(self, command: Command | Withdraw, caller: OperationId, now: Instant) -> Steps:
        if isinstance(command, OfMap) and self.buckets not in (0, command.buckets):
            why = f"it is divided into shards={self.buckets}, and was used with shards={command.buckets}"
            return [Answer(caller, Refused(f"{why}; use the same number everywhere"))]
        self._plan(now)
        match command:
            case Divide(buckets) if self.buckets == 0:
                return [Change(Divided(buckets), caller)]
            case Divide() | Division():
                return [Answer(caller, self.buckets != 0)]
            case Page(_, after):
                living = ((key, entry.value) for key, entry in self.entries.items() if key > after)
                return [Answer(caller, page_of(item for item in living if self._entry(item[0], now)))]
            case Withdraw(operation):
                waited: Steps = [Answer(operation, WAITING)] if self._watchers.remove(operation) else []
                return [*waited, Answer(caller, None)]
            case Watch():
                return self._watch(command, caller, now)
            case Get(_, key):
                entry = self._entry(key, now)
                return [Answer(caller, None if entry is None else entry.value)]
            case Put() | PutIfAbsent() | CompareAndSet() | Delete():
                return self._write(command, caller, now)

    def _write(self, command: Put | PutIfAbsent | CompareAndSet | Delete, caller: OperationId, now: Instant) -> Steps:
        key = command.key
        entry = self._entry(key, now)
        # One that has expired is removed first, so that the write does not see it.
        steps: Steps = [Change(Removed(key))] if entry is None and key in self.entries else []
        match command:
            case Put(buckets, _, value, ttl):
                change = Stored(buckets, key, value, _expiry(ttl, now), replies_previous=True, ttl=ttl)
            case PutIfAbsent(buckets, _, value, ttl) if entry is None:
                change = Stored(buckets, key, value, _expiry(ttl, now), replies_previous=False, ttl=ttl)
            case CompareAndSet(buckets, _, expected, value) if entry is not None and entry.value == expected:
                change = Stored(buckets, key, value, entry.expires, replies_previous=False, ttl=entry.ttl)
            case Delete() if entry is not None:
                change = Removed(key)
            case _:
                return [*steps, Answer(caller, False)]
        return [*steps, Change(change, caller)]

    def _watch(self, command: Watch, caller: OperationId, now: Instant) -> Steps:
        seen = self._seen(command.key, now)
        if seen.revision != command.seen:
            return [Answer(caller, seen)]
        if self._watchers.is_full and caller not in self._watchers:
            why = f"{len(self._watchers):,} callers watch keys of this bucket already"
            return [Answer(caller, Refused(f"{why}; watch once in each process, or divide the map into more shards"))]
        self._watchers.ask(caller, command, now.time + command.wait)
        return []

    def _entry(self, key: bytes, now: Instant) -> Entry | None:
        """The entry of a key, unless its time to live is over."""
        end = self._ends.get(key)
        return None if end is not None and end <= now.time else self.entries.get(key)

    def _seen(self, key: bytes, now: Instant) -> Seen:
        entry = self._entry(key, now)
        return Seen(None, MISSING) if entry is None else Seen(entry.value, entry.revision)

    def apply(self, fact: Fact, by: OperationId | None) -> Any:
        if isinstance(fact, Divided):
            self.buckets = fact.buckets
            return True
        before = self.entries.get(fact.key)
        self.revision += 1
        self._touched.add(fact.key)
        self._ends.pop(fact.key, None)
        match fact:
            case Stored(buckets, key, value, expires, replies_previous, ttl):
                self.buckets = buckets
                self.entries[key] = Entry(value, self.revision, expires, ttl)
                if expires is not None:
                    self._unplanned.append(key)
                if replies_previous:
                    return None if before is None else before.value
            case Removed(key):
                self.entries.pop(key, None)
        return True

    def may_repeat(self, command: Command, result: Any, now: Instant) -> bool:
        return True

    def tick(self, now: Instant) -> Steps:
        self._plan(now)
        steps: Steps = []
        while self._queue and self._queue[0][0] <= now.time:
            end, key = heapq.heappop(self._queue)
            if self._ends.get(key) == end:
                steps.append(Change(Removed(key)))
        touched, self._touched = self._touched, set()
        for watcher in list(self._watchers) if touched else ():
            seen = self._seen(watcher.command.key, now)
            if watcher.command.key in touched and watcher.asks and seen.revision != watcher.command.seen:
                self._watchers.remove(watcher.id)
                steps.append(Answer(watcher.id, seen))
        for operation in self._watchers.tick(now.time):
            self._watchers.remove(operation)  # its next ask names what it has seen: it has no place to keep
            steps.append(Answer(operation, WAITING))
        return steps

    def due(self, now: Instant) -> float | None:
        self._plan(now)
        if not len(self._watchers):
            self._touched.clear()
        elif self._touched:
            return now.time
        times = [self._watchers.due(), self._queue[0][0] if self._queue else None]
        return min((time for time in times if time is not None), default=None)

    def _plan(self, now: Instant) -> None:
        """Find out when keys expire. From here on the monotonic clock counts: that of the wall may jump, and where it
        is behind that of an earlier process, a key lives for its whole time to live once more, and no longer.
        """
        for key in self._unplanned:
            entry = self.entries.get(key)
            if entry is not None and entry.expires is not None:
                left = entry.expires - now.wall
                self._ends[key] = now.time + (left if entry.ttl is None else min(left, entry.ttl))
                heapq.heappush(self._queue, (self._ends[key], key))
        self._unplanned.clear()

    def waiting(self) -> list[OperationId]:
        return [waiter.id for waiter in self._watchers]

    def destroyed(self) -> "Bucket":
        """Its revisions must not come again: a watcher would take a new value for the one that it has seen."""
        return Bucket(revision=self.revision)


def _expiry(ttl: float | None, now: Instant) -> float | None:
    return None if ttl is None else now.wall + ttl
