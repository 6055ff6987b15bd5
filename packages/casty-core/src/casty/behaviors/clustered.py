"""Behaviors of a whole cluster, as values. Its features run them (`casty.spi.cluster_feature`); a local `ActorSystem`
runs sharded ones, as the one owner of all shards.
"""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from casty.behaviors.behavior import Behavior
from casty.errors import ArgumentError
from casty.ref import ActorRef
from casty.replication import ReplicationConfig
from casty.spi.allocation import AllocationStrategy
from casty.spi.event_journal import EventJournal

MOST_SHARDS: Final = 100_000
"""Shards of one region: a coordinator looks at all of them where all have to run."""


# Without slots: Python 3.12 cannot make a slotted, frozen dataclass by its subscripted name, such as
# ShardEnvelope[int](...).
@dataclass(frozen=True)
class ShardEnvelope[M]:
    """A message for the entity `entity_id` of a sharded behavior."""

    entity_id: str
    message: M


class RegionRef[M](ActorRef[ShardEnvelope[M]]):
    """The entities of a sharded behavior: the reference that `spawn` returns for `Behaviors.sharded`."""

    __slots__ = ()

    @abstractmethod
    def entity(self, entity_id: str) -> ActorRef[M]:
        """Return a reference to one entity, which starts with its first message.

        It outlives passivation and restarts of the entity, may be sent in messages, and equals every other reference to
        that entity. Raises `BehaviorError` for an id that no entity can have.
        """
        ...


@dataclass(frozen=True)
class ServiceKey[M]:
    """A name under which actors that take messages of type M can be found."""

    name: str

    def __post_init__(self) -> None:
        if not isinstance(cast("object", self.name), str) or not self.name:
            raise ArgumentError(f"a ServiceKey has a name, a text that is not empty, and not {self.name!r}")


class ClusteredBehavior[M](Behavior[M]):
    """A behavior that belongs to a whole cluster: a feature of its nodes runs it (`casty.spi.cluster_feature`).

    It is spawned by `system.spawn`, under the same name on every node, and cannot be the behavior of a child.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardedBehavior[M](ClusteredBehavior[ShardEnvelope[M]]):
    """Entities addressed by id, in shards; see `Behaviors.sharded`."""

    entity_factory: Callable[[str], Behavior[M]]
    num_shards: int | None = None
    replication: ReplicationConfig | None = None
    passivate_after: float | None = None
    limit: int | None = None
    remember_entities: bool | EventJournal | str = False
    role: str | None = None
    allocation: AllocationStrategy | str | None = None

    @property
    def starts_by_itself(self) -> bool:
        """Whether there are entities that start without a message."""
        return isinstance(self, DaemonsBehavior) or self.remember_entities is not False


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonsBehavior[M](ShardedBehavior[M]):
    """Numbered actors, each in a shard of its own, which are always running; see `Behaviors.daemons`."""


@dataclass(frozen=True, slots=True)
class BroadcastedBehavior[M](ClusteredBehavior[M]):
    """One actor on every member, reached by one reference; see `Behaviors.broadcasted`."""

    behavior: Behavior[M]


@dataclass(frozen=True, slots=True)
class SingletonBehavior[M](ClusteredBehavior[M]):
    """One actor in the whole cluster; see `Behaviors.singleton`."""

    factory: Callable[[], Behavior[M]]


@dataclass(frozen=True, slots=True)
class DiscoverableBehavior[M](Behavior[M]):
    """An actor that the receptionist knows under a key; see `Behaviors.discoverable`."""

    behavior: Behavior[M]
    key: ServiceKey[M]
