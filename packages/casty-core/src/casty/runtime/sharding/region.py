"""A region without a cluster: the one owner of all shards of a sharded behavior, and the references to its entities."""

import logging
from typing import Any, cast, override

from casty.address import ActorAddress
from casty.behaviors.arguments import checked_entity_id
from casty.behaviors.clustered import RegionRef, ShardedBehavior, ShardEnvelope
from casty.behaviors.functions import noun
from casty.behaviors.values import IGNORE, Behavior, LifecycleBehavior
from casty.errors import BehaviorError
from casty.mailbox import Mailbox, checked_mailbox
from casty.ref import ActorRef
from casty.runtime.cell import Cell, LocalRef
from casty.runtime.children import spawn_cell
from casty.runtime.kernel import Kernel
from casty.runtime.logs import about
from casty.runtime.routed import RoutedRef
from casty.runtime.sharding.entities import Entities
from casty.runtime.sharding.ids import id_of, place_of, segment_of, shard_of
from casty.runtime.sharding.recency import Recency
from casty.runtime.sharding.remembering import RememberedIds, Starter, log_id

logger = logging.getLogger("casty")

ENTITY = "_entity"
"""The last part but one of every entity's path."""


class Region[M]:
    """The shards of one sharded behavior, as the children of one actor. A shard starts with its first entity, or with
    the region where entities are remembered.
    """

    def __init__(self, kernel: Kernel, behavior: ShardedBehavior[M], name: str | None, mailbox: Mailbox | None) -> None:
        self._behavior = behavior
        self._mailbox = None if mailbox is None else checked_mailbox(mailbox)
        self._shards: dict[int, Entities] = {}
        self._recency: Recency | None = None
        if behavior.passivate_after is not None or behavior.limit is not None:
            self._recency = Recency(kernel.clock, _passivate, behavior.passivate_after, behavior.limit)
        self._starter = Starter(kernel.clock)
        root = kernel.internal if name is not None and str(name).startswith("_") else kernel.root
        actor: Behavior[Any] = LifecycleBehavior(behavior=IGNORE, post_stop=self._close)
        self.cell = spawn_cell(root, actor, name, None)
        self.ref = self.cell.ref = LocalRegionRef(self)
        self._settings = kernel.settings.resolve(self.cell.name)
        self._num_shards = behavior.num_shards or self._settings.num_shards
        if behavior.replication is not None:
            logger.warning(
                "%s keeps no copies of its entities: replication is for a ClusteredActorSystem, and this is a local "
                "ActorSystem",
                self.cell.path,
                extra=about(self.cell),
            )
        if behavior.remember_entities:
            for number in range(self._num_shards):
                self._shards[number] = self._open(number)

    def shard_of(self, entity_id: str) -> Entities:
        """The shard of a valid id. Raises `ActorStoppedError` where there is none yet and the region is stopping."""
        number = shard_of(entity_id, self._num_shards)
        shard = self._shards.get(number)
        if shard is None:
            shard = self._shards[number] = self._open(number)
        return shard

    def _open(self, number: int) -> Entities:
        behavior = self._behavior
        entities = Entities(
            spawn_cell(self.cell, IGNORE, str(number), None),
            behavior.entity_factory,
            settings=self._settings,
            mailbox=self._mailbox,
            recency=self._recency,
        )
        if behavior.remember_entities:
            journal = self._settings.journal if behavior.remember_entities is True else behavior.remember_entities
            entities.memory = RememberedIds(entities, log_id(self.cell.name, number), journal, self._starter)
        return entities

    async def _close(self, ctx: object) -> None:
        self._starter.close()
        if self._recency is not None:
            self._recency.close()


class LocalRegionRef[M](RoutedRef[ShardEnvelope[M]], LocalRef[ShardEnvelope[M]], RegionRef[M]):
    """The reference of a region's actor. It delivers to the entity that an envelope names."""

    __slots__ = ("_region",)

    def __init__(self, region: Region[M]) -> None:
        self.cell = region.cell
        self._region = region

    @property
    @override
    def home(self) -> Cell:
        return self.cell

    @override
    def entity(self, entity_id: str) -> "EntityRef[M]":
        return EntityRef(self._region, checked_entity_id(entity_id))

    @override
    def route(self, message: ShardEnvelope[M]) -> tuple[Cell, Any]:
        if not isinstance(cast("object", message), ShardEnvelope):
            raise BehaviorError(
                f"{self.cell.path} takes ShardEnvelope(entity_id, message), not {noun(message)}; tell one entity by "
                "region.entity(entity_id)"
            )
        entity_id = checked_entity_id(message.entity_id)
        return self._region.shard_of(entity_id).accept(entity_id), message.message


class EntityRef[M](RoutedRef[M]):
    """A reference to one entity, whichever of its incarnations is alive."""

    __slots__ = ("_entity_id", "_region", "_shard")

    def __init__(self, region: Region[M], entity_id: str) -> None:
        self._region = region
        self._entity_id = entity_id
        self._shard: Entities | None = None

    @property
    @override
    def home(self) -> Cell:
        return self._region.cell

    @property
    @override
    def address(self) -> ActorAddress:
        path = f"{self.home.path}/{ENTITY}/{segment_of(self._entity_id)}"
        return self.home.services.address(path, place_of(self._entity_id).uid)

    @override
    def route(self, message: M) -> tuple[Cell, Any]:
        shard = self._shard
        if shard is None:
            shard = self._shard = self._region.shard_of(self._entity_id)
        return shard.accept(self._entity_id), message

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EntityRef):
            return super().__eq__(other)
        entity = cast("EntityRef[Any]", other)
        if self.home is entity.home:
            return self._entity_id == entity._entity_id
        return self.address == entity.address

    @override
    def __hash__(self) -> int:
        return hash(place_of(self._entity_id).uid)


def find_entity(kernel: Kernel, address: ActorAddress) -> ActorRef[Any] | None:
    """The entity of that address, which has travelled, if this process has its region."""
    path, _, segment = address.path.rpartition("/")
    region, _, marker = path.rpartition("/")
    ref = kernel.find(region) if marker == ENTITY else None
    return cast("LocalRegionRef[Any]", ref).entity(id_of(segment)) if isinstance(ref, LocalRegionRef) else None


def _passivate(cell: Cell) -> None:
    if cell.keeper is not None:
        cell.keeper.passivate(cell)
