"""Frames of other nodes for entities: chooses the region that takes each, or returns it.

The order of the user lane is what the protocol rests on: whatever answers a frame is sent before the next one is read.
"""

from collections.abc import Callable
from typing import Final, final, override

from casty.address import PeerAddress
from casty.errors import ActorStoppedError, BehaviorError, CastyError, DecodeError, NodeLostError, NodeUnreachableError
from casty.member import NodeId
from casty.spi.serializer import Serializer

from casty_cluster.remoting.delivery import Delivery, FrameTaker, Wire
from casty_cluster.sharding.letters import Letter
from casty_cluster.sharding.region import ClusterRegion
from casty_cluster.wire import frames
from casty_cluster.wire.entities import (
    EntityFrame,
    read_flush,
    read_message,
    read_target,
    returned,
    write_flush,
)

KEPT: Final = 16_384
"""Targets of recent messages; they are read again when they have been dropped."""


@final
class EntityLane(FrameTaker):
    """The frames for all regions of one node."""

    def __init__(
        self,
        delivery: Delivery,
        wire: Wire,
        region: Callable[[str], ClusterRegion | None],
        connected: Callable[[NodeId], None],
    ) -> None:
        """`region` finds a region, or makes it; None: this node takes no region of that name."""
        self._connected = connected
        self._delivery = delivery
        self._wire = wire
        self.local: NodeId | None = None
        """The incarnation of today, by which other nodes name this one."""
        self._region = region
        self._targets: dict[bytes, tuple[ClusterRegion, str, Serializer]] = {}

    @property
    def _uid(self) -> int | None:
        return None if self.local is None else self.local.uid

    @override
    def received(self, peer: NodeId, frame: bytes) -> None:
        match frame[0]:
            case frames.ENTITY:
                self._message(peer, frame)
            case frames.ENTITY_BOUNCED:
                self._returned(peer, frame)
            case frames.SHARD_FLUSH:
                self._flush(peer, frame)
            case _:
                reply = read_flush(frame)
                if reply.to == self._uid and (region := self._region(reply.region)) is not None:
                    region.flushed(peer, reply.shard, reply.number)

    def flush(self, to: NodeId, region: str, shard: int, number: int) -> None:
        """Ask for a reply behind all that was returned of the shard. Lost, it is repeated."""
        self._wire.send(to.address, write_flush(frames.SHARD_FLUSH, to.uid, shard, number, region))

    @override
    def dropped(self, peer: PeerAddress, frame: bytes, reason: str) -> None:
        if frame[0] not in (frames.ENTITY, frames.ENTITY_BOUNCED):
            return
        message = read_message(frame)
        if self._known(message.target) is None:
            return  # it was returned, as the region is none
        region, letter = self._letter(message)
        if frame[0] == frames.ENTITY:
            region.unsent(NodeId(peer.host, peer.port, message.to), message, letter, reason)
        else:  # its ask, if any, is not one of this node
            region.lost(letter, 0, NodeUnreachableError(f"{peer} cannot be reached: {reason}"))

    @override
    def connected(self, peer: NodeId) -> None:
        self._connected(peer)

    def _message(self, peer: NodeId, frame: bytes) -> None:
        message = read_message(frame)
        known = self._known(message.target) if message.to == self._uid else None
        if known is None or not known[0].accepts(message.shard, message.epoch):
            self._wire.send(peer.address, returned(peer.uid, frame))
            return
        region, entity, serializer = known
        try:
            ref = region.entity_here(message.shard, entity)
        except (ActorStoppedError, BehaviorError) as error:
            self._refuse(peer, message, error)
            return
        address, body = peer.address, message.body
        if message.reply_uid:
            self._delivery.deliver_ask(address, ref, serializer, body, message.reply_uid, message.seconds)
        else:
            self._delivery.deliver(ref, serializer, body)

    def _returned(self, peer: NodeId, frame: bytes) -> None:
        message = read_message(frame)
        region, letter = self._letter(message)
        if message.to == self._uid:
            region.returned(peer, message, letter)
        else:
            region.lost(letter, 0, NodeLostError(f"{peer} returned it to an earlier incarnation of this node"))

    def _flush(self, peer: NodeId, frame: bytes) -> None:
        flush = read_flush(frame)
        if flush.to == self._uid:
            # Whether this node owns the shard or not, behind all that it has returned.
            reply = write_flush(frames.SHARD_FLUSHED, peer.uid, flush.shard, flush.number, flush.region)
            self._wire.send(peer.address, reply)

    def _refuse(self, peer: NodeId, message: EntityFrame, error: CastyError) -> None:
        """The message is undeliverable, here and everywhere else."""
        if message.reply_uid:
            self._delivery.refuse(peer.address, message.reply_uid, error)
        region, letter = self._letter(message)
        region.lost(letter, 0, error)

    def _letter(self, message: EntityFrame) -> tuple[ClusterRegion, Letter]:
        known = self._known(message.target)
        if known is None:
            raise DecodeError("it is for an entity of a region that this node does not take")
        region, entity, serializer = known
        return region, Letter.of_bytes(entity, message.body, serializer.name)

    def _known(self, target: bytes) -> tuple[ClusterRegion, str, Serializer] | None:
        known = self._targets.get(target)
        if known is None:
            name, entity, serializer = read_target(target)
            region = self._region(name)
            if region is None:
                return None
            if len(self._targets) >= KEPT:
                self._targets.clear()
            known = self._targets[target] = region, entity, self._delivery.serializer(serializer)
        return known
