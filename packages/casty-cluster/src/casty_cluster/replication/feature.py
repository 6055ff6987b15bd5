"""Copies of shards on one node, of all regions: carries their messages to and from other nodes.

A copy has no address: it is found by its name, on whichever node its disk is. The node that has sent a copy's last
message has it. A message to one that this node has not heard of goes to all members; only the copy's node takes it.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final, final, override

from casty.address import PeerAddress
from casty.errors import DecodeError, NodeLostError, TransferError
from casty.extension import Kernel, Throttle
from casty.member import ClusterState, NodeId
from casty.printable import printable
from casty.replication import ReplicationConfig
from casty.spi.cluster_feature import ClusterFeature, ClusterNode, ReceiveTransfer, ShutdownPhase, ShutdownTask
from casty.spi.event_journal import EventJournal

from casty_cluster.remoting.delivery import Delivery, FrameTaker, Wire
from casty_cluster.replication.region_copies import Outside, RegionCopies
from casty_cluster.wire.copies import KINDS, read_copy_frame, read_copy_message, write_copy_frame
from casty_cluster.wire.replication import CopyId

logger = logging.getLogger("casty.replication")

TRANSFER: Final = "casty.replication.Message"
"""A message that is larger than a frame."""


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
        self._transfers: dict[tuple[NodeId, CopyId], asyncio.Task[None]] = {}
        """One at a time to a copy: what is sent meanwhile counts as lost, and is sent again."""
        self._throttle = Throttle(kernel.clock)

    @override
    def transfers(self) -> Mapping[str, ReceiveTransfer]:
        return {TRANSFER: self._transferred}

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
        self, region: str, journal: EventJournal | str | None, settings: ReplicationConfig, outside: Outside
    ) -> RegionCopies:
        """Open the copies of a region that was spawned on this node."""
        local = self._node.local.node_id
        copies = self._regions[region] = RegionCopies(region, journal, settings, local, self._kernel, outside)
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
                self._transfer(receiver, to, frame)

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

    def _transfer(self, node: NodeId, to: CopyId, frame: bytes) -> None:
        if (node, to) in self._transfers:
            return
        task = asyncio.get_running_loop().create_task(self._carry(node, frame), name="casty-copies-transfer")
        self._transfers[node, to] = task
        task.add_done_callback(lambda _: self._transfers.pop((node, to)))

    async def _carry(self, node: NodeId, frame: bytes) -> None:
        try:
            await self._node.send_bulk(node, TRANSFER, frame)
        except (NodeLostError, TransferError, DecodeError) as error:
            if self._throttle.admits(node):
                logger.warning("a message to a copy on %s is lost, and sent again: %s", node, printable(error))

    async def _close(self) -> None:
        transfers = list(self._transfers.values())
        for task in transfers:
            task.cancel()
        await asyncio.gather(*transfers, return_exceptions=True)
        for region in self._regions.values():
            await region.close()
