"""The receiver of frames from clients: delivers what they may send, see `wire.permissions`, and drops the rest."""

import logging
from collections.abc import Sequence
from typing import Final, final, override

from casty.address import PeerAddress
from casty.errors import DecodeError
from casty.member import NodeId
from casty.printable import printable
from casty.spi.transport import ConnectFailure, FrameReceiver

from casty_cluster.node.reception import Reception
from casty_cluster.remoting.delivery import Delivery
from casty_cluster.wire import frames as kinds
from casty_cluster.wire.permissions import check_frame

logger = logging.getLogger("casty.cluster")

REMEMBERED: Final = 1_024
"""Clients whose frames have been dropped, so that each has one line in the log, also if it connects again."""


@final
class Clients(FrameReceiver):
    """The clients of one transport. While this node takes no frames of other nodes, it takes none of clients."""

    def __init__(self, reception: Reception, delivery: Delivery) -> None:
        self._reception = reception
        self._delivery = delivery
        self._reported: dict[NodeId, None] = {}

    @override
    def peer_connected(self, peer: NodeId) -> None:
        logger.debug("the client %s has connected", peer)

    @override
    def peer_lost(self, peer: NodeId, reason: str) -> None:
        logger.debug("no connection to the client %s: %s", peer, reason)

    @override
    def frame_received(self, peer: NodeId, frame: bytes) -> None:
        if self._reception.incarnation is None:
            return
        try:
            bare = kinds.bare(frame)
            check_frame(bare[0])
            self._delivery.received_from_client(peer, bare)
        except DecodeError as error:
            self._report(peer, error)

    @override
    def frames_dropped(self, peer: PeerAddress, frames: Sequence[bytes], reason: str) -> None:
        self._delivery.dropped(peer, list(map(kinds.bare, frames)), reason)

    @override
    def connect_failed(self, peer: PeerAddress, failure: ConnectFailure, reason: str) -> None:
        """Never called: clients are not dialed."""

    @override
    def replaced(self, by: NodeId) -> None:
        """Never called: a client takes no connections."""

    def _report(self, client: NodeId, error: DecodeError) -> None:
        if client in self._reported:
            return
        while len(self._reported) >= REMEMBERED:
            del self._reported[next(iter(self._reported))]
        self._reported[client] = None
        logger.warning(
            "a frame of the client %s is dropped, and further ones will be without a word: %s",
            printable(client),
            printable(error),
        )
