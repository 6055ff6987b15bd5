"""Events that are not stored by enough copies yet, of all entities of a shard."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from casty_cluster.protocol.replication.effects import Committed, Overdue
from casty_cluster.protocol.timeouts import Timeouts


@dataclass(slots=True)
class Open:
    """What of an entity is not committed."""

    writes: deque[int] = field(default_factory=deque[int])
    """The last event of each."""
    local: int = 0
    """The last event that the primary's own disk has."""
    committed: int = 0


class Commits:
    """Events are committed when the primary's disk has them, and those of `min_acks` other copies."""

    def __init__(self, min_acks: int, timeout: float) -> None:
        self._min_acks = min_acks
        self._open: dict[str, Open] = {}
        self._late = Timeouts[tuple[str, int]](timeout)

    @property
    def is_empty(self) -> bool:
        return not self._open

    def __contains__(self, entity: str) -> bool:
        return entity in self._open

    def committed(self, entity: str, last: int) -> int:
        """The last event of an entity that is committed. `last`: the last one that there is."""
        entry = self._open.get(entity)
        return last if entry is None else entry.committed

    def add(self, entity: str, after: int, last: int, now: float) -> None:
        """Events behind `after` and up to that one are on their way to the disks."""
        self._open.setdefault(entity, Open(committed=after)).writes.append(last)
        self._late.start((entity, last), now)

    def stored(self, entity: str, last: int) -> None:
        """The primary's own disk has all events up to that one."""
        self._open[entity].local = max(last, self._open[entity].local)

    def count(self, entity: str, others: Sequence[int]) -> list[Committed]:
        """The other copies, each of them once, have all events up to these: what this commits."""
        entry = self._open[entity]
        counted = sorted(others, reverse=True)[: self._min_acks]
        stored = min([entry.local, *counted]) if len(counted) == self._min_acks else 0
        committed = 0
        while entry.writes and entry.writes[0] <= stored:
            committed = entry.committed = entry.writes.popleft()
            self._late.stop((entity, committed))
        if not entry.writes:
            del self._open[entity]
        return [Committed(entity, committed)] if committed else []

    def expire(self, now: float) -> Iterator[Overdue]:
        """Writes that take too long; each is named once."""
        return (Overdue(*write) for write in self._late.expire(now))

    def next_deadline(self) -> float | None:
        return self._late.next()

    def validate(self) -> None:
        for entity, entry in self._open.items():
            assert entry.writes, f"{entity} is listed without a write"
            assert entry.committed < entry.writes[0], f"{entity} is committed up to {entry.committed}: {entry.writes}"
            assert list(entry.writes) == sorted(set(entry.writes)), f"writes of {entity} out of order: {entry.writes}"
        for entity, last in self._late:
            assert entity in self._open, f"{entity} is committed, and event {last} is late"
