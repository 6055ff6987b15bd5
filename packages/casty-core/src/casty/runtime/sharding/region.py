"""A region without a cluster: the one owner of all shards of a sharded behavior, and the references to its entities."""

import logging
from typing import Any, cast, override

from casty.address import ActorAddress
from casty.behaviors.arguments import checked_entity_id
from casty.behaviors.clustered import RegionRef, ShardedBehavior, ShardEnvelope
from casty.behaviors.functions import noun
from casty.behaviors.values import IGNORE, Behavior, LifecycleBehavior
from casty.errors import ArgumentError, BehaviorError
from casty.mailbox import Mailbox, checked_mailbox
from casty.ref import ActorRef
from casty.regions import RegionState, ShardState
from casty.runtime.cell import LocalRef
from casty.runtime.children import spawn_cell
from casty.runtime.kernel import Kernel
from casty.runtime.logs import about
from casty.runtime.routed import RoutedRef
from casty.runtime.sharding.entities import Entities
from casty.runtime.sharding.ids import ENTITY, entity_path, id_of, place_of, shard_of
from casty.runtime.sharding.shards import Shards

logger = logging.getLogger("casty")


class Region[M]:
    """The shards of one sharded behavior, as the children of one actor. A shard starts with its first entity, or with
    the region where entities are remembered.
    """

    def __init__(self, kernel: Kernel, behavior: ShardedBehavior[M], name: str | None, mailbox: Mailbox | None) -> None:
        if mailbox is not None:
            checked_mailbox(mailbox)
        root = kernel.internal if name is not None and str(name).startswith("_") else kernel.root
        actor: Behavior[Any] = LifecycleBehavior(behavior=IGNORE, post_stop=self._close)
        self.cell = spawn_cell(root, actor, name, None)
        self.ref = self.cell.ref = LocalRegionRef(self)
        self._shards = Shards(self.ref, behavior, mailbox)
        if behavior.replication is not None:
            logger.warning(
                "%s keeps no copies of its entities: replication is for a ClusteredActorSystem, and this is a local "
                "ActorSystem",
                self.cell.path,
                extra=about(self.cell),
            )
        if behavior.starts_by_itself:
            for number in range(self._shards.num_shards):
                self._shards.open(number)

    def shard_of(self, entity_id: str) -> Entities:
        """The shard of a valid id. Raises `ActorStoppedError` where there is none yet and the region is stopping."""
        number = shard_of(entity_id, self._shards.num_shards)
        return self._shards.get(number) or self._shards.open(number)

    def state(self) -> RegionState:
        """Its shards, all of which run here."""
        shards = ((number, self._shards.get(number)) for number in sorted(self._shards.numbers))
        return RegionState(
            name=self.cell.name,
            num_shards=self._shards.num_shards,
            shards=tuple(
                ShardState(number, owner=None, epoch=0, entities=entities.counts.active)
                for number, entities in shards
                if entities is not None
            ),
        )

    async def _close(self, ctx: object) -> None:
        self._shards.end()


class LocalRegionRef[M](RoutedRef[ShardEnvelope[M]], LocalRef[ShardEnvelope[M]], RegionRef[M]):
    """The reference of a region's actor. It delivers to the entity that an envelope names."""

    __slots__ = ("_region",)

    def __init__(self, region: Region[M]) -> None:
        self.cell = region.cell
        self._region = region

    @property
    @override
    def home(self) -> LocalRef[Any]:
        return self

    def state(self) -> RegionState:
        return self._region.state()

    @override
    def entity(self, entity_id: str) -> "EntityRef[M]":
        return EntityRef(self._region, checked_entity_id(entity_id))

    @override
    def route(self, message: ShardEnvelope[M]) -> tuple[LocalRef[Any], Any]:
        entity_id = addressed(message, self.cell.path)
        return self._region.shard_of(entity_id).accept(entity_id).ref, message.message


class EntityRef[M](RoutedRef[M]):
    """A reference to one entity, whichever of its incarnations is alive."""

    __slots__ = ("_entity_id", "_region", "_shard")

    def __init__(self, region: Region[M], entity_id: str) -> None:
        self._region = region
        self._entity_id = entity_id
        self._shard: Entities | None = None

    @property
    @override
    def home(self) -> LocalRef[Any]:
        return self._region.ref

    @property
    @override
    def address(self) -> ActorAddress:
        cell = self._region.cell
        return cell.services.address(entity_path(cell.path, self._entity_id), place_of(self._entity_id).uid)

    @override
    def route(self, message: M) -> tuple[LocalRef[Any], Any]:
        shard = self._shard
        if shard is None:
            shard = self._shard = self._region.shard_of(self._entity_id)
        return shard.accept(self._entity_id).ref, message

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


def addressed(message: object, path: str) -> str:
    """The id in a message for the region at `path`. Raises `BehaviorError` for anything but a proper envelope."""
    if not isinstance(message, ShardEnvelope):
        raise BehaviorError(
            f"{path} takes ShardEnvelope(entity_id, message), not {noun(message)}; tell one entity by "
            "region.entity(entity_id)"
        )
    return checked_entity_id(cast("ShardEnvelope[Any]", message).entity_id)


def region_state(kernel: Kernel, region: object) -> RegionState:
    """The shards of a region of this process, given by its name or its reference. Raises `ArgumentError`."""
    ref = kernel.find(f"/{region_name(region)}")
    if not isinstance(ref, LocalRegionRef):
        raise ArgumentError(
            f"there is no region {region_name(region)!r}: spawn(Behaviors.sharded(...), name) makes one"
        )
    return cast("LocalRegionRef[Any]", ref).state()


def region_name(region: object) -> str:
    """The name in an argument that is a name or a reference. Raises `ArgumentError` for anything else."""
    if isinstance(region, RegionRef):
        return cast("RegionRef[Any]", region).address.path.removeprefix("/")
    if not isinstance(region, str) or not region or "/" in region or region.startswith("_"):
        raise ArgumentError(f"a region is given by its name, such as 'accounts', or its reference, not {region!r}")
    return region


def find_entity(kernel: Kernel, address: ActorAddress) -> ActorRef[Any] | None:
    """The entity of that address, which has travelled, if this process can reach its region."""
    path, _, segment = address.path.rpartition("/")
    region, _, marker = path.rpartition("/")
    if marker != ENTITY:
        return None
    ref = kernel.find(region)
    if isinstance(ref, LocalRegionRef):
        return cast("LocalRegionRef[Any]", ref).entity(id_of(segment))
    return None if kernel.remote is None else kernel.remote.entity(region.removeprefix("/"), id_of(segment))
