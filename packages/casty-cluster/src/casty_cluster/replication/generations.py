"""Which generations of a copy's stream there are, and at which one to start reading: a stream of its own.

The number of a generation is that of its entry here, so no two attempts to write one share any segment. An entry says
that a generation may have records by now, or that all others are of no use any more. Where the journal can delete,
their segments are deleted, and then the entries before that one.
"""

from collections.abc import Callable
from typing import Any, Final, final

from casty.errors import JournalError
from casty.extension import deletion_in
from casty.spi.event_journal import EventJournal, PersistedEvent

from casty_cluster.replication.generation import Generation
from casty_cluster.replication.segments import SegmentCache

ALL: Final = 1 << 32
"""More records than any version has put into a segment."""


@final
class Generations:
    """Those of one copy. Its methods are called one at a time, and raise what the journal raises."""

    def __init__(self, journal: EventJournal, name: str, wall_time: Callable[[], float], cache: SegmentCache) -> None:
        self._journal = journal
        self._name = name
        self._id = f"{name}/generations"
        self._wall_time = wall_time
        self._cache = cache
        self._delete = deletion_in(journal)
        self._known: list[int] = []
        """Generations that may have records."""
        self._last = self._current_entry = 0
        self.current = 0
        """The one to start reading at: others may follow it, and none before it matters."""

    async def open(self) -> None:
        """Read all entries. Raises `JournalError` for one that this version cannot read."""
        self._known, self.current = [], 0
        self._last = self._current_entry = 0
        for event in await self._journal.load(self._id):
            self._enter(event)

    def _enter(self, event: PersistedEvent[Any]) -> None:
        number = self._last = event.sequence_nr
        if number == 1:
            self._known.append(0)
        match event.event:
            case ["generation"]:
                self._known.append(number)
            case ["current", int(current)]:
                self.current, self._current_entry = current, number
                if current not in self._known:  # its own entry is deleted
                    self._known.append(current)
            case other:
                raise JournalError(
                    f"entry {number} of {self._id!r} cannot be read: {other!r:.100}; if a newer version of casty has "
                    "written it, run that one here; if it is damaged, wipe the copy: others catch it up"
                )

    @property
    def is_first(self) -> bool:
        """Whether the first generation is the only one that there has ever been."""
        return not self._last

    @property
    def useless(self) -> list[Generation]:
        """Those before the current one, and attempts to follow it that have come to nothing; none where the journal
        cannot delete them.
        """
        return [] if self._delete is None else [self.at(number) for number in self._known if number != self.current]

    def at(self, number: int) -> Generation:
        """The generation of that number, which is not open."""
        return Generation(self._journal, self._name, number, self._wall_time, self._cache)

    async def begin(self) -> Generation:
        """A new generation, without any record."""
        await self.open()  # an earlier attempt may have failed with its entry stored
        await self._add(["generation"])
        return self.at(self._last)

    async def set_current(self, number: int) -> None:
        """Have no generation before that one be of any use."""
        if self.current != number:
            await self._add(["current", number])

    async def delete_segment(self, generation: Generation, segment: int) -> None:
        """Delete a segment of a useless generation: the last one that there is, so the others are found again."""
        assert self._delete is not None, "nothing is useless where nothing can be deleted"
        await self._delete(generation.segment_id(segment), ALL)

    async def forget_useless(self) -> None:
        """Delete the entries of those before the current one: they have no segments any more."""
        assert self._delete is not None, "nothing is useless where nothing can be deleted"
        await self._delete(self._id, self._current_entry - 1)

    async def _add(self, entry: list[object]) -> None:
        event = PersistedEvent(self._last + 1, entry, self._wall_time())
        await self._journal.persist(self._id, [event])
        self._enter(event)
