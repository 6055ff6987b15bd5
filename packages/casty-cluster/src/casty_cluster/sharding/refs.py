"""References to entities of a cluster, wherever they run, and to the regions that have them."""

from typing import Any, Protocol, cast, override

from casty.address import ActorAddress
from casty.behaviors.arguments import checked_entity_id
from casty.behaviors.clustered import RegionRef, ShardEnvelope
from casty.clock import Clock
from casty.errors import MailboxFullError
from casty.extension import DeadLetters, LocalRef, Outgoing, RoutedRef, addressed, entity_path, place_of
from casty.ref import ActorRef

from casty_cluster.sharding.letters import AskLetter
from casty_cluster.sharding.region import ClusterRegion


class Sharing(Protocol):
    """What all references of a node to entities share."""

    clock: Clock
    dead_letters: DeadLetters
    system_name: str

    @property
    def guardian(self) -> LocalRef[Any]:
        """An actor that lives as long as the node."""
        ...


class EntityAsk(Outgoing):
    """An ask of an entity that is not known to run on this node."""

    __slots__ = ("_letter", "_region")

    def __init__(self, region: ClusterRegion, letter: AskLetter) -> None:
        self._region = region
        self._letter = letter
        region.flights[letter.reply_uid] = letter

    @override
    def send(self) -> None:
        self._region.ask(self._letter)

    @override
    def end(self) -> None:
        del self._region.flights[self._letter.reply_uid]
        self._letter.end()

    @override
    def waits_for(self) -> str:
        because = self._region.why_waiting(self._letter.entity)
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

    def _ask(self, entity_id: str, message: Any, promise: ActorRef[Any], uid: int, timeout: float) -> Outgoing:
        deadline = self._sharing.clock.time() + timeout
        return EntityAsk(self._region, AskLetter(entity_id, message, promise, uid, deadline))


class ClusterEntityRef[M](MovingRef[M]):
    """One entity. Its address names no node, so that it is the same on all of them."""

    __slots__ = ("_entity_id",)

    def __init__(self, region: ClusterRegion, sharing: Sharing, entity_id: str) -> None:
        super().__init__(region, sharing)
        self._entity_id = entity_id

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
        ref = self._region.place(self._entity_id)
        return None if ref is None else (ref, message)

    @override
    def tell_elsewhere(self, message: M) -> None:
        self._region.tell(self._entity_id, message)

    @override
    def ask_elsewhere(self, message: M, promise: ActorRef[Any], uid: int, timeout: float) -> Outgoing:
        return self._ask(self._entity_id, message, promise, uid, timeout)

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
        ref = self._region.place(addressed(message, self._path))
        return None if ref is None else (ref, message.message)

    @override
    def tell_elsewhere(self, message: ShardEnvelope[M]) -> None:
        self._region.tell(message.entity_id, message.message)

    @override
    def ask_elsewhere(self, message: ShardEnvelope[M], promise: ActorRef[Any], uid: int, timeout: float) -> Outgoing:
        return self._ask(addressed(message, self._path), message.message, promise, uid, timeout)
