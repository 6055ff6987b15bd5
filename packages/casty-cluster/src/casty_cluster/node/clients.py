"""The receiver of frames from clients: hands on what they may send, see `wire.permissions`, and drops the rest."""

import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol, final, override

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


class ServesClients(Protocol):
    """What serves the clients of a node: the feature in `casty_cluster.client`."""

    def frame_received(self, client: NodeId, frame: bytes) -> None:
        """Take a frame without headers, of a kind that clients may send. Raises `DecodeError` for a bad one."""
        ...

    def client_lost(self, client: NodeId) -> None:
        """No connection to the client is left."""
        ...


@final
class Clients(FrameReceiver):
    """The clients of one transport. While this node takes no frames of other nodes, it takes none of clients."""

    def __init__(self, reception: Reception, delivery: Delivery, service: Callable[[], ServesClients | None]) -> None:
        self._reception = reception
        self._delivery = delivery
        self._service = service
        self._reported: dict[NodeId, None] = {}

    @override
    def peer_connected(self, peer: NodeId) -> None:
        logger.debug("the client %s has connected", peer)

    @override
    def peer_lost(self, peer: NodeId, reason: str) -> None:
        logger.debug("no connection to the client %s: %s", peer, reason)
        service = self._service()
        if service is not None:
            service.client_lost(peer)

    @override
    def frame_received(self, peer: NodeId, frame: bytes) -> None:
        service = self._service()
        if service is None or self._reception.incarnation is None:
            return
        try:
            bare = kinds.bare(frame)
            check_frame(bare[0])
            service.frame_received(peer, bare)
        except DecodeError as error:
            self._report(peer, error)

    @override
    def frames_dropped(self, peer: PeerAddress, frames: Sequence[bytes], reason: str) -> None:
        bare = map(kinds.bare, frames)
        self._delivery.dropped(peer, [frame for frame in bare if frame[0] >= kinds.TELL], reason)

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
