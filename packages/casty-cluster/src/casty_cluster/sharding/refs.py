"""References to entities of a cluster, wherever they run, and to the regions that have them."""

from typing import Any, Protocol, cast, override

from casty.address import ActorAddress
from casty.behaviors.arguments import checked_entity_id
from casty.behaviors.clustered import RegionRef, ShardEnvelope
from casty.clock import Clock
from casty.errors import ArgumentError, MailboxFullError
from casty.extension import DeadLetters, LocalRef, Outgoing, RoutedRef, addressed, entity_path, place_of
from casty.ref import ActorRef

from casty_cluster.sharding.letters import AskLetter, Letter
from casty_cluster.sharding.region import ClusterRegion


def may_name_region(name: str) -> bool:
    """Whether a region can have that name."""
    return name != "" and not name.startswith("_") and not any(character in name for character in "/\0")


def checked_region(name: str) -> str:
    """Raises `ArgumentError` for a name that no region can have."""
    if not isinstance(cast("object", name), str) or not may_name_region(name):
        raise ArgumentError(f"entity_ref takes the name of a region, such as 'accounts', not {name!r}")
    return name


class Sharing(Protocol):
    """What all references of a node to entities share."""

    clock: Clock
    dead_letters: DeadLetters
    system_name: str

    @property
    def guardian(self) -> LocalRef[Any]:
        """An actor that lives as long as the node."""
        ...


class EntityAsk(AskLetter, Outgoing):
    """An ask of an entity that is not known to run on this node."""

    __slots__ = ("_region",)

    def __init__(
        self,
        region: ClusterRegion,
        entity: str,
        message: Any,
        shard: int | None,
        target: bytes | None,
        promise: ActorRef[Any],
        reply_uid: int,
        deadline: float,
    ) -> None:
        super().__init__(entity, message, shard, target, promise, reply_uid, deadline)
        self._region = region
        region.flights.begin(self)

    @override
    def send(self) -> None:
        if self in self._region.flights:  # else it is over: it was held back for longer than its time
            self._region.dispatch(self)

    @override
    def end(self) -> None:
        self._region.flights.end(self)
        super().end()

    @override
    def waits_for(self) -> str:
        because = self._region.why_waiting(self.entity)
        return f": {because}" if because else ""


class MovingRef[M](RoutedRef[M]):
    """A reference that leads to entities. It never raises for a full mailbox, as the entity may be anywhere."""

    __slots__ = ("_region", "_sharing")

    moves = True

    def __init__(self, region: ClusterRegion, sharing: Sharing) -> None:
        self._region = region
        self._sharing = sharing

    @override
    def _send(self, message: M) -> None:
        try:
            super()._send(message)
        except MailboxFullError as full:
            self._sharing.dead_letters.publish(message, self, str(full), full)


class ClusterEntityRef[M](MovingRef[M]):
    """One entity. Its address names no node, so that it is the same on all of them."""

    __slots__ = ("_entity_id", "_shard", "_target")

    def __init__(self, region: ClusterRegion, sharing: Sharing, entity_id: str) -> None:
        super().__init__(region, sharing)
        self._entity_id = entity_id
        self._shard = region.shard(entity_id)
        self._target: bytes | None = None
        """What names this entity in every frame, once there has been one."""

    @property
    @override
    def home(self) -> LocalRef[Any]:
        return self._sharing.guardian

    @property
    @override
    def address(self) -> ActorAddress:
        path = entity_path(f"/{self._region.name}", self._entity_id)
        return ActorAddress(system=self._sharing.system_name, path=path, uid=place_of(self._entity_id).uid)

    @override
    def route(self, message: M) -> tuple[LocalRef[Any], Any] | None:
        shard = self._shard
        if shard is None:
            shard = self._shard = self._region.shard(self._entity_id)
        ref = self._region.place(self._entity_id, shard)
        return None if ref is None else (ref, message)

    @override
    def tell_elsewhere(self, message: M) -> None:
        letter = Letter(self._entity_id, message, self._shard, self._target)
        self._region.dispatch(letter)
        self._target = letter.target

    @override
    def ask_elsewhere(self, message: M, promise: ActorRef[Any], uid: int, timeout: float) -> Outgoing:
        if self._target is None:
            self._target = self._region.target(self._entity_id)
        deadline = self._sharing.clock.time() + timeout
        return EntityAsk(self._region, self._entity_id, message, self._shard, self._target, promise, uid, deadline)

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ClusterEntityRef):
            return super().__eq__(other)
        entity = cast("ClusterEntityRef[Any]", other)
        if self._region is entity._region:
            return self._entity_id == entity._entity_id
        return self.address == entity.address

    @override
    def __hash__(self) -> int:
        return hash(place_of(self._entity_id).uid)


class ClusterRegionRef[M](MovingRef[ShardEnvelope[M]], RegionRef[M]):
    """All entities of a region that is spawned on this node. Its address is that of the region's actor here."""

    __slots__ = ("_actor", "_path")

    def __init__(self, region: ClusterRegion, sharing: Sharing, actor: LocalRef[Any]) -> None:
        super().__init__(region, sharing)
        self._actor = actor
        self._path = actor.address.path

    @property
    @override
    def home(self) -> LocalRef[Any]:
        return self._actor

    @property
    @override
    def address(self) -> ActorAddress:
        return self._actor.address

    @override
    def entity(self, entity_id: str) -> ClusterEntityRef[M]:
        return ClusterEntityRef(self._region, self._sharing, checked_entity_id(entity_id))

    @override
    def route(self, message: ShardEnvelope[M]) -> tuple[LocalRef[Any], Any] | None:
        entity_id = addressed(message, self._path)
        ref = self._region.place(entity_id, self._region.shard(entity_id))
        return None if ref is None else (ref, message.message)

    @override
    def tell_elsewhere(self, message: ShardEnvelope[M]) -> None:
        self._region.dispatch(Letter(message.entity_id, message.message))

    @override
    def ask_elsewhere(self, message: ShardEnvelope[M], promise: ActorRef[Any], uid: int, timeout: float) -> Outgoing:
        entity_id = addressed(message, self._path)
        deadline = self._sharing.clock.time() + timeout
        return EntityAsk(self._region, entity_id, message.message, None, None, promise, uid, deadline)
