"""The facade: makes handles of structures, and starts the region of their entities."""

import logging
from dataclasses import dataclass
from typing import Any, Final, cast

from casty.behaviors.arguments import checked_journal
from casty.behaviors.clustered import RegionRef
from casty.behaviors.factory import Behaviors
from casty.behaviors.system import System
from casty.coordination.barriers import DistributedBarrier
from casty.coordination.client import Client
from casty.coordination.entity import Message, entity
from casty.coordination.handles import SHARDS, DistributedCounter, checked_shards
from casty.coordination.leases import DistributedLock, DistributedSemaphore, Election, OnLost
from casty.coordination.makers import MapMaker, QueueMaker, RegisterMaker, SetMaker
from casty.errors import ArgumentError
from casty.output_commit import outside
from casty.quantities import check_count
from casty.replication import ReplicationConfig
from casty.spi.event_journal import EventJournal

logger = logging.getLogger("casty")

IN_MEMORY: Final = "casty-distributed"
PERSISTENT: Final = "casty-distributed-persistent"
"""Names of regions, the same on every node: of structures that end with their node, and of those that are stored."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """How the structures of one facade are kept."""

    journal: EventJournal | str | None
    replication: ReplicationConfig | None

    @property
    def stores(self) -> bool:
        """Whether their changes are events. Those with copies are, in memory where no journal is configured."""
        return self.journal is not None or (self.replication is not None and self.replication.replicas > 0)


class Regions:
    """The regions of one running system, with their journals: each is started when it is first used."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._started: dict[str, tuple[Keeping, RegionRef[Message]]] = {}

    def find(self, keeping: Keeping, *, on_cluster: bool) -> RegionRef[Message]:
        name = PERSISTENT if keeping.stores else IN_MEMORY
        if name not in self._started:
            self._started[name] = keeping, self._start(name, keeping, on_cluster)
        used, region = self._started[name]
        if used is not keeping and used != keeping and keeping.stores:
            raise ArgumentError(
                f"the distributed structures of this system are kept with journal={used.journal!r}, "
                f"replication={used.replication}, and not with journal={keeping.journal!r}, "
                f"replication={keeping.replication}: give the same to every call of distributed()"
            )
        return region

    def _start(self, name: str, keeping: Keeping, on_cluster: bool) -> RegionRef[Message]:
        journal, stores = checked_journal(keeping.journal), keeping.stores
        if not stores and on_cluster:
            logger.warning(
                "distributed structures without a journal are in the memory of one node each: they are lost when that "
                "node ends, and when their shard moves to another node; to keep them, give distributed() a journal "
                "that all nodes share, or replication=ReplicationConfig(replicas=2, min_acks=1)"
            )
        sharded = Behaviors.sharded(
            lambda entity_id: entity(entity_id, journal, stores=stores),
            num_shards=SHARDS,
            replication=keeping.replication,
        )
        return outside(self._system.spawn, sharded, name)


class Distributed:
    """Structures that are shared by all nodes of a system: `system.distributed()`.

    A structure is found by its kind and name; making a handle does nothing yet. Operations are linearizable: each
    happens once, at one moment between its call and its return. `TimeoutError` means that it may have happened, or may
    still happen; `ArgumentError` that it has not.

    With a journal that all nodes share, structures outlive all nodes; with `replication`, they are in copies on several
    nodes, and outlive each. Without either they are in the memory of one node, and end with it. `shards` is the number
    of entities over which the keys of a map are spread, and has to be the same everywhere; every other structure is one
    entity. `timeout` is the time that each operation has.
    """

    def __init__(self, client: Client, node_id: str | None = None) -> None:
        self._client = client
        self._node_id = node_id
        """The default of parties at barriers."""

    def counter(self, name: str, *, shards: int = SHARDS, timeout: float = 5.0) -> DistributedCounter:
        """A whole number, 0 at first."""
        checked_shards(shards, name)
        return DistributedCounter(self._client, "counter", name, timeout)

    @property
    def register(self) -> RegisterMaker[Any]:
        """`d.register[User]("admin")`: one value."""
        return RegisterMaker(self._client)

    @property
    def map(self) -> MapMaker[Any, Any]:
        """`d.map[str, User]("users")`: values by key. `d.map("users")` takes every type."""
        return MapMaker(self._client)

    @property
    def set(self) -> SetMaker[Any]:
        """`d.set[str]("tags")`: members, each once."""
        return SetMaker(self._client)

    @property
    def queue(self) -> QueueMaker[Any]:
        """`d.queue[str]("jobs")`: items, each for one consumer."""
        return QueueMaker(self._client)

    def lock(
        self,
        name: str,
        *,
        shards: int = SHARDS,
        timeout: float = 5.0,
        ttl: float = 15.0,
        on_lost: OnLost | None = None,
        cancel_on_lost: bool = False,
    ) -> DistributedLock:
        """Mutual exclusion: `async with d.lock("deploy") as grant:`. The handle is one owner.

        The lock is a lease of `ttl` seconds, renewed in the background. When it is lost, `on_lost(grant)` is called;
        with `cancel_on_lost`, the task inside of `async with` is cancelled too, and the block raises `LockLostError`.
        """
        checked_shards(shards, name)
        return DistributedLock(
            self._client,
            "lock",
            name,
            timeout,
            permits=1,
            ttl=ttl,
            owner=None,
            on_lost=on_lost,
            cancel_on_lost=cancel_on_lost,
        )

    def semaphore(  # long: the lock's options, and one more
        self,
        name: str,
        permits: int,
        *,
        shards: int = SHARDS,
        timeout: float = 5.0,
        ttl: float = 15.0,
        on_lost: OnLost | None = None,
        cancel_on_lost: bool = False,
    ) -> DistributedSemaphore:
        """At most `permits` holders at a time; else as `lock`."""
        checked_shards(shards, name)
        check_count(permits, f"permits of the semaphore {name!r}")
        return DistributedSemaphore(
            self._client,
            "semaphore",
            name,
            timeout,
            permits=permits,
            ttl=ttl,
            owner=None,
            on_lost=on_lost,
            cancel_on_lost=cancel_on_lost,
        )

    def election(
        self,
        name: str,
        *,
        candidate: str | None = None,
        shards: int = SHARDS,
        timeout: float = 5.0,
        ttl: float = 15.0,
        on_lost: OnLost | None = None,
        cancel_on_lost: bool = False,
    ) -> Election:
        """One leader among the candidates; else as `lock`. `candidate` is the name that `leader()` returns."""
        checked_shards(shards, name)
        return Election(
            self._client,
            "election",
            name,
            timeout,
            permits=1,
            ttl=ttl,
            owner=candidate or self._node_id,
            on_lost=on_lost,
            cancel_on_lost=cancel_on_lost,
        )

    def barrier(
        self, name: str, node_id: str | None = None, timeout: float = 60.0, *, shards: int = SHARDS
    ) -> DistributedBarrier:
        """A meeting point. `node_id` names the party: without one it is the node of a cluster, else the handle."""
        checked_shards(shards, name)
        return DistributedBarrier(self._client, "barrier", name, timeout, self._node_id if node_id is None else node_id)


def open_distributed(
    system: System,
    regions: Regions,
    journal: EventJournal | str | None,
    replication: ReplicationConfig | None,
    node_id: str | None,
) -> Distributed:
    """The facade of a running system."""
    if not isinstance(cast("object", replication), ReplicationConfig | None):
        raise ArgumentError(f"replication of distributed() is ReplicationConfig(...), not {replication!r}")
    region = regions.find(Keeping(journal, replication), on_cluster=node_id is not None)
    return Distributed(Client(system.clock, system.serializer, region.entity), node_id)
