"""The facade: makes handles of structures, and starts the region of their entities."""

import logging
from typing import Any, Final

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
from casty.errors import ArgumentError, ScopeError
from casty.quantities import check_count
from casty.replication import ReplicationConfig
from casty.spi.event_journal import EventJournal

logger = logging.getLogger("casty")

IN_MEMORY: Final = "casty-distributed"
PERSISTENT: Final = "casty-distributed-persistent"
"""Names of regions, the same on every node."""


class Regions:
    """The regions of one running system, with their journals: each is started when it is first used."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._started: dict[str, tuple[EventJournal | str | None, RegionRef[Message]]] = {}

    def find(self, journal: EventJournal | str | None, *, on_cluster: bool) -> RegionRef[Message]:
        name = IN_MEMORY if journal is None else PERSISTENT
        if name not in self._started:
            checked_journal(journal)
            if journal is None and on_cluster:
                logger.warning(
                    "distributed structures without a journal are in the memory of one node each: they are lost when "
                    "that node ends, and when their shard moves to another node; to keep them, give distributed() a "
                    "journal that all nodes share"
                )
            sharded = Behaviors.sharded(lambda entity_id: entity(entity_id, journal), num_shards=SHARDS)
            self._started[name] = journal, self._system.spawn(sharded, name)
        used, region = self._started[name]
        if used is not journal and used != journal:
            raise ArgumentError(
                f"the distributed structures of this system are kept in {used!r}, and not in {journal!r}: make one "
                "journal, and give it to every call of distributed(journal=...)"
            )
        return region


class Distributed:
    """Structures that are shared by all nodes of a system: `system.distributed()`.

    A structure is found by its kind and name; making a handle does nothing yet. Operations are linearizable: each
    happens once, at one moment between its call and its return. `TimeoutError` means that it may have happened, or may
    still happen; `ArgumentError` that it has not.

    With a journal, structures outlive their node and all nodes. Without one they are in the memory of one node, and end
    with it. `shards` is the number of entities over which the keys of a map are spread, and has to be the same
    everywhere; every other structure is one entity. `timeout` is the time that each operation has.
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
        timeout: float = 5.0,
        ttl: float = 15.0,
        on_lost: OnLost | None = None,
        cancel_on_lost: bool = False,
    ) -> Election:
        """One leader among the candidates; else as `lock`. `candidate` is the name that `leader()` returns."""
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
    if replication is not None:
        raise ScopeError(
            "distributed structures cannot be replicated yet; to have them outlive a node, use a journal that all "
            "nodes share: distributed(journal='postgresql://…')"
        )
    region = regions.find(journal, on_cluster=node_id is not None)
    return Distributed(Client(system.clock, system.serializer, region.entity), node_id)
