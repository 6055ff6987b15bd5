"""One copy of a shard in a journal: all of its changes, one behind the other, under the copy's own name.

Any journal will do, also one with only the four methods of `EventJournal`. Changes are only ever added. When more than
half of what has been added is superseded, a new generation is written that has the contents alone, in parts between the
changes. One record at the end of the old generation has the new one follow it. Then the old one is deleted, where the
journal can. A crash leaves either generation in charge, and both have all that was stored.

Copies have different names, so those of several nodes may be in one journal object or file and never mix.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Final, final

from casty.errors import JournalError
from casty.interruption import described, interrupts
from casty.spi.event_journal import EventJournal

from casty_cluster.protocol.replication.stored import Change, Contents
from casty_cluster.replication.clearing import Clearing
from casty_cluster.replication.compaction import Compaction
from casty_cluster.replication.generation import Generation
from casty_cluster.replication.generations import Generations
from casty_cluster.replication.records import Continued
from casty_cluster.replication.segments import SegmentCache, size_of
from casty_cluster.wire.replication import Fetch, Fetched, FetchedSnapshot

logger = logging.getLogger("casty.replication")

SLACK: Final = 256 * 1024
"""Bytes that may be superseded whatever the contents are: about a thousand changes with small events."""
PACE: Final = 2
"""How many bytes a compaction looks at for each byte that is stored meanwhile: so it comes to an end."""


@final
class CopyStore:
    """See the module. Its methods are called one at a time; once `append` or `tidy` has raised, only `open` may be."""

    def __init__(self, journal: EventJournal, name: str, wall_time: Callable[[], float], cache: SegmentCache) -> None:
        """`name`: that of the copy, with its region and shard: unique for ever. `cache` may serve many copies."""
        self._name = name
        self._generations = Generations(journal, name, wall_time, cache)
        self._current = self._generations.at(0)
        self._compaction: Compaction | None = None
        self._clearing: Clearing | None = None
        self._replaced: Generation | None = None
        """The generation before, where this life has written the current one."""
        self._is_followed = False
        """Whether the generation to start reading at is not the current one."""
        self._is_alone = False
        """Whether what an earlier life has under way can change nothing any more."""
        self._owed = 0
        """Bytes that the compaction has to look at, to keep its pace."""
        self._due_above = SLACK
        """The size from which the next compaction may be due."""

    async def open(self) -> Contents:
        """Read all that is stored. Raises what the journal raises, and `JournalError` where changes are missing."""
        generations = self._generations
        self._compaction = self._clearing = self._replaced = None
        self._is_alone, self._due_above = False, SLACK
        await generations.open()
        self._current = await self._opened(generations.current)
        while self._current.following is not None:
            self._current = await self._opened(self._current.following)
        self._is_followed = self._current.number != generations.current
        if not self._is_followed and generations.useless:
            self._clearing = Clearing(generations)
        return self._current.contents.copy()

    async def _opened(self, number: int) -> Generation:
        generation = self._generations.at(number)
        await generation.open()
        if generation.is_empty and not self._generations.is_first:
            raise JournalError(
                f"copy {self._name!r} is incomplete: its journal has no changes of generation {number}; restore the "
                "journal, or wipe the copy: others catch it up"
            )
        return generation

    async def append(self, changes: Sequence[Change]) -> None:
        """Store changes behind those that are there. Where it raises, any number of the first ones may be stored."""
        await self._current.append(changes)
        self._is_alone = True  # what another life has under way has the number of one of these
        if self._compaction is not None:
            self._owed += PACE * sum(map(size_of, changes))

    async def read(self, fetch: Fetch) -> Fetched | FetchedSnapshot:
        """Return the next events of an entity, as many as are at hand and a chunk may hold, or their state."""
        return await self._current.read(fetch)

    async def read_events(self, fetch: Fetch) -> Fetched:
        """As `read`, but for events that a snapshot has replaced too. Raises `JournalError` where they are gone."""
        return await self._current.read_events(fetch)

    # Tidying

    @property
    def is_untidy(self) -> bool:
        """Whether there is anything for `tidy` to do."""
        return self._is_alone and (
            self._compaction is not None or self._clearing is not None or self._is_followed or self._is_due
        )

    @property
    def _is_due(self) -> bool:
        return self._current.size > max(2 * self._current.live + SLACK, self._due_above)

    async def tidy(self) -> None:
        """Remove a part of what is superseded, between two changes. Nothing is lost where that fails: it is logged, and
        tried again when as much is superseded once more. Raises what the journal raises where it is not known whether
        the next generation has followed.
        """
        try:
            await self._tidy()
        except BaseException as error:
            if interrupts(error):
                raise
            logger.warning(
                "what is superseded in copy %s cannot be removed from its journal for now: %s",
                self._name,
                described(error),
            )
            self._compaction = self._clearing = None
            self._is_followed = False
            self._due_above = self._current.size + SLACK
            return
        if self._compaction is not None and self._compaction.is_in_step:
            await self._switch(self._compaction)

    async def _tidy(self) -> None:
        if self._compaction is not None:
            await self._compact(self._compaction)
        elif self._is_followed:
            await self._start_clearing()
        elif self._clearing is not None:
            await self._clearing.step()
            self._clearing = None if self._clearing.is_over else self._clearing
        elif self._is_due:
            self._compaction = Compaction(self._current, await self._generations.begin())
            self._owed = 0

    async def _compact(self, compaction: Compaction) -> None:
        while not compaction.is_in_step:
            self._owed = max(0, self._owed - await compaction.step())
            if not self._owed:
                break

    async def _switch(self, compaction: Compaction) -> None:
        """Have the next generation follow. Its journal refuses what a writer that does not know of it adds later."""
        await self._current.append([Continued(compaction.new.number)])
        self._replaced, self._current, self._compaction = self._current, compaction.new, None
        self._is_followed, self._due_above = True, SLACK

    async def _start_clearing(self) -> None:
        await self._generations.set_current(self._current.number)
        self._is_followed = False
        self._clearing = Clearing(self._generations, self._replaced) if self._generations.useless else None
