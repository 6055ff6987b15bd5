"""Copies of shards on one node, of all regions: carries their messages to and from other nodes.

A copy has no address: it is found by its name, on whichever node its disk is. The node that has sent a copy's last
message has it. A message to one that this node has not heard of goes to all members; only the copy's node takes it.
"""

from collections.abc import Mapping
from typing import Any, final, override

from casty.address import PeerAddress
from casty.extension import Kernel, Throttle
from casty.member import ClusterState, NodeId
from casty.replication import ReplicationConfig
from casty.spi.cluster_feature import ClusterFeature, ClusterNode, ReceiveTransfer, ShutdownPhase, ShutdownTask
from casty.spi.event_journal import EventJournal

from casty_cluster.remoting.delivery import Delivery, FrameTaker, Wire
from casty_cluster.replication import transfers
from casty_cluster.replication.region_copies import Outside, RegionCopies
from casty_cluster.replication.transfers import Transfers
from casty_cluster.wire.copies import KINDS, read_copy_frame, read_copy_message, write_copy_frame
from casty_cluster.wire.replication import CopyId


@final
class Copies(ClusterFeature, FrameTaker):
    """Those of a node."""

    def __init__(self, node: ClusterNode, kernel: Kernel, delivery: Delivery, wire: Wire) -> None:
        self._node = node
        self._kernel = kernel
        self._delivery = delivery
        self._wire = wire
        self._regions: dict[str, RegionCopies] = {}
        self._locations: dict[CopyId, NodeId] = {}
        self._others: tuple[NodeId, ...] = ()
        self._transfers = Transfers(node, Throttle(kernel.clock))

    @override
    def transfers(self) -> Mapping[str, ReceiveTransfer]:
        return {transfers.KIND: self._transferred}

    @override
    def shutdown(self) -> Mapping[ShutdownPhase, ShutdownTask]:
        return {ShutdownPhase.close: ShutdownTask(self._close)}

    @override
    async def start(self) -> None:
        self._delivery.take(KINDS, self)

    @override
    def view_changed(self, view: ClusterState | None) -> None:
        self._others = () if view is None else tuple(view.others)
        self._locations = {copy: node for copy, node in self._locations.items() if node in self._others}

    def host(
        self,
        region: str,
        num_shards: int,
        journal: EventJournal | str | None,
        settings: ReplicationConfig,
        outside: Outside,
    ) -> RegionCopies:
        """Open the copies of a region that was spawned on this node."""
        local = self._node.local.node_id
        copies = self._regions[region] = RegionCopies(
            region, num_shards, journal, settings, local, self._kernel, outside
        )
        return copies

    def of(self, region: str) -> RegionCopies | None:
        """Those of a region that is replicated and was spawned here."""
        return self._regions.get(region)

    def send(self, region: str, shard: int, sender: CopyId, to: CopyId, message: Any) -> None:
        """Send a message to a copy on another node. It may be lost."""
        frame = write_copy_frame(region, shard, sender, to, message)
        node = self._locations.get(to)
        for receiver in self._others if node is None else (node,):
            try:
                self._wire.send(receiver.address, frame)
            except ValueError:  # the transport takes no frames of this size
                self._transfers.send(receiver, to, frame)

    @override
    def received(self, peer: NodeId, frame: bytes) -> None:
        message = read_copy_frame(frame)
        region = self._regions.get(message.region)
        copy = None if region is None else region.get(message.shard)
        if copy is not None and copy.name == message.to:
            self._locations[message.sender] = peer
            copy.receive(message.sender, read_copy_message(message))

    @override
    def dropped(self, peer: PeerAddress, frame: bytes, reason: str) -> None:
        """Nothing: it is sent again as long as it is needed."""

    @override
    def connected(self, peer: NodeId) -> None:
        """Nothing: see `dropped`."""

    def _transferred(self, node: NodeId, data: bytearray) -> None:
        self.received(node, bytes(data))

    async def _close(self) -> None:
        await self._transfers.close()
        for region in self._regions.values():
            await region.close()
