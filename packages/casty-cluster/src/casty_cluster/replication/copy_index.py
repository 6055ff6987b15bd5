"""Which copies a node has in its journal, by shard, and which shards exist at all: for one region.

The index is an entity of the journal, of one event for each copy. A copy is in the index before it does anything, so
that a node that starts again finds all that it has promised. A wiped disk has no index, and gets copies with new names.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any, final

from casty.errors import JournalError
from casty.spi.event_journal import EventJournal, PersistedEvent

from casty_cluster.wire.replication import CopyId


@final
class CopyIndex:
    """The copies of one region on one node. Its methods are called one at a time."""

    def __init__(
        self,
        journal: EventJournal,
        region: str,
        num_shards: int,
        node: str,
        name: Callable[[], CopyId],
        wall_time: Callable[[], float],
    ) -> None:
        """`num_shards`: of the region; which entities a copy has depends on it. `node`: what this node is called from
        start to start; another node may use the same journal object. `name` draws the name of a copy that is created.
        """
        self._journal = journal
        self._id = f"copies/{region}/{node}"
        self._num_shards = num_shards
        self._name = name
        self._wall_time = wall_time
        self._copies: dict[int, CopyId] = {}
        self._known: set[int] = set()
        self._entries = 0

    @property
    def copies(self) -> Mapping[int, CopyId]:
        """The name of the copy of each shard that has one here."""
        return self._copies

    @property
    def known(self) -> Set[int]:
        """The shards that are known to exist, with copies here or elsewhere."""
        return self._known

    async def open(self) -> None:
        """Read the index. Raises what the journal raises, and `JournalError` for an entry that cannot be read, or where
        the region had another number of shards.
        """
        events = await self._journal.load(self._id)
        self._copies.clear()
        self._known.clear()
        for number, event in enumerate(events, 1):
            match event.event:
                case ["copy", int(shard), str(name)] if event.sequence_nr == number:
                    self._copies[shard] = name
                case ["shards", [*shards]] if event.sequence_nr == number:
                    self._known.update(shards)
                case ["region", int(num_shards)] if num_shards == self._num_shards:
                    pass
                case ["region", int(num_shards)]:
                    raise JournalError(
                        f"{self._id!r} lists copies of a region with num_shards={num_shards}, and the region has "
                        f"num_shards={self._num_shards} now: its entities would be looked for in other shards, and not "
                        f"found; spawn it with num_shards={num_shards}"
                    )
                case other:
                    raise JournalError(
                        f"entry {number} of {self._id!r}, which lists the copies of shards in this journal, cannot be "
                        f"read: {other!r:.100}; restore the journal, or wipe it: other nodes catch its copies up"
                    )
        self._entries = len(events)

    async def create(self, shards: Iterable[int]) -> None:
        """Have an empty copy of each of these shards, in place of one that is there. Where this raises, any number of
        them may be there: `open` finds out.
        """
        names = {shard: self._name() for shard in shards}
        await self._add(*(["copy", shard, name] for shard, name in names.items()))
        self._copies |= names

    async def know(self, shards: Iterable[int]) -> None:
        """Add that these shards exist. Raises as `create` does."""
        added = sorted({*shards} - self._known)
        if added:
            await self._add(["shards", added])
            self._known.update(added)

    async def _add(self, *entries: list[Any]) -> None:
        now = self._wall_time()
        added = entries if self._entries else (["region", self._num_shards], *entries)
        events = [PersistedEvent(number, entry, now) for number, entry in enumerate(added, self._entries + 1)]
        await self._journal.persist(self._id, events)
        self._entries += len(events)
