"""The fences of the shards that run on one node: under which owner and epoch events of their entities are written.

The fence of a shard is claimed before its entities run, in the journals that are known to have events of the region:
the configured one, and those that entities of this node have named before. Each actor in the shard repeats the claim
when it starts, in whichever journal it uses. A journal that refuses has another owner of the shard.

Where a region is replicated, the primary of the copies takes the place of the fence, and of the journal.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, final, override

from casty.errors import FencedError
from casty.extension import Claim, EntityLog, Kernel, LogFactory, LogRequest, Settle, WrappedLog
from casty.spi.event_journal import EventJournal
from casty.spi.journal import JournalKind

from casty_cluster.replication.region_copies import RegionCopies
from casty_cluster.wire.sharding import ShardCopies

logger = logging.getLogger("casty.sharding")

JOURNALS: Final = 8
"""Journals of a region that are remembered: more than a program has that does not make one for each entity."""

type Journal = EventJournal | str
type Holding = tuple[Claim, Callable[[int | None], None]]
"""The claim of a shard that this node was granted, and what takes the epoch at which another node holds it."""


class FencedLog(WrappedLog):
    """Writes under the fence of a shard."""

    def __init__(self, log: EntityLog, claim: Claim, fenced: Callable[[int | None], None]) -> None:
        super().__init__(log)
        self._claim = claim
        self._fenced = fenced

    @override
    async def take_over(self, claim: Claim | None = None) -> None:
        try:
            await self.log.take_over(self._claim)
        except FencedError as refused:
            self._fenced(refused.held)
            raise

    @override
    async def confirm(self) -> None:
        try:
            await self.log.confirm()
        except FencedError as refused:
            self._fenced(refused.held)
            raise

    @override
    def append(self, first: int, events: Sequence[Any], tags: Sequence[Sequence[str]], settle: Settle) -> None:
        def settled(number: int, error: Exception | None) -> None:
            settle(number, error)
            if isinstance(error, FencedError):
                self._fenced(None)

        self.log.append(first, events, tags, settled)


@final
class Fences:
    """Those of all regions of a node."""

    def __init__(
        self,
        kernel: Kernel,
        holding: Callable[[str, int], Holding | None],
        copies: Callable[[str], RegionCopies | None],
    ) -> None:
        """`holding` finds a shard by the name of its region and its number, `copies` those of a replicated region."""
        self._kernel = kernel
        self._holding = holding
        self._copies = copies
        self._journals: dict[str, dict[int, Journal]] = {}
        """Those that have events of each region, or may, by identity: a user's own journal need not be hashable."""
        self._warned: set[str] = set()
        """Regions whose events end with this node, of which the log has a warning."""
        kernel.journals.wrap(self._wrapped)

    async def claim(self, region: str, shard: int, granted: ShardCopies | None = None) -> None:
        """Claim the fence of a shard that this node was granted, and make its copy the primary. Raises what a journal
        raises.
        """
        copies = self._copies(region)
        if granted is not None and copies is not None:
            await copies.promote(shard, granted)
        for journal in list(self._journals.get(region, {}).values()):
            log = await self._kernel.journals.log_of(
                LogRequest(
                    entity_id=f"shard/{region}/{shard}",
                    actor=f"/{region}/{shard}",
                    journal=journal,
                    wall_time=self._kernel.clock.time,  # nothing is written
                )
            )
            await log.take_over()

    def may_use(self, region: str, journal: Journal | None) -> None:
        """Note that the region may have events in that journal."""
        journals = self._journals.setdefault(region, {})
        key = hash(journal) if isinstance(journal, str) else id(journal)
        if journal is not None and (key in journals or len(journals) < JOURNALS):
            journals[key] = journal

    def uses(self, region: str, journal: Journal | None) -> None:
        """Note that the region has events in that journal, and warn where they end with this node."""
        self.may_use(region, journal)
        self.warn(region, journal)

    def warn(self, region: str, journal: Journal | None) -> None:
        """Warn, once for the region, if events in that journal end with this node."""
        if region in self._warned or self._copies(region) is not None:
            return
        if self._kernel.journals.kind_of(journal) is JournalKind.local:
            self._warned.add(region)
            logger.warning(
                "the region %s has its events in a journal of this node alone: an entity that moves to another node "
                "starts there without them, and they are lost with the node; use a journal that all nodes share, such "
                "as PostgresJournal, or replication=ReplicationConfig(...)",
                region,
            )

    def _wrapped(self, make: LogFactory) -> LogFactory:
        async def make_fenced(request: LogRequest) -> EntityLog:
            place = _place(request.actor)
            copies = None if place is None else self._copies(place.region)
            if place is not None and copies is not None and copies.keeps(request.journal):
                return await copies.log(place.shard, request)
            log = await make(request)
            holding = None if place is None else self._holding(place.region, place.shard)
            if place is None or holding is None:
                return log
            if place.is_inside:
                self.uses(place.region, request.journal)
            else:
                self.may_use(place.region, request.journal)
            return FencedLog(log, *holding)

        return make_fenced


class Place(NamedTuple):
    """Where an actor is that has a log."""

    region: str
    shard: int
    is_inside: bool
    """Whether it is an entity, or below one, and not the shard itself."""


def _place(path: str) -> Place | None:
    """Where an actor's path leads, if that looks like a shard."""
    parts = path.split("/", 3)
    return Place(parts[1], int(parts[2]), len(parts) > 3) if len(parts) > 2 and parts[2].isdecimal() else None
