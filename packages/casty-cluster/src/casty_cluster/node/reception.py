"""What a transport reports, handed to the part of the node that takes it."""

import logging
from collections.abc import Iterable, Sequence
from typing import Final, final, get_args, override

from casty.address import PeerAddress
from casty.clock import Clock
from casty.errors import DecodeError
from casty.extension import Throttle
from casty.member import NodeId
from casty.printable import printable
from casty.spi.transport import ConnectFailure, FrameReceiver, Lane

from casty_cluster.node.bulk_transfers import BulkTransfers
from casty_cluster.node.departures import Departures
from casty_cluster.node.incarnation import Incarnation
from casty_cluster.node.outlet import Outlet
from casty_cluster.node.system_links import SystemLinks
from casty_cluster.protocol.membership.inputs import ConnectFailed, Replaced
from casty_cluster.remoting.delivery import Delivery
from casty_cluster.wire import codec, entities
from casty_cluster.wire import frames as kinds
from casty_cluster.wire.membership import Message

logger = logging.getLogger("casty.cluster")

_MESSAGES: Final = get_args(Message.__value__)


@final
class Reception(FrameReceiver):
    """The receiver of one transport. Until an incarnation is attached, and after it has ended, frames are dropped."""

    def __init__(
        self, clock: Clock, *, links: SystemLinks, bulk: BulkTransfers, delivery: Delivery, departures: Departures
    ) -> None:
        self.incarnation: Incarnation | None = None
        self._links = links
        self._bulk = bulk
        self._delivery = delivery
        self._departures = departures
        self._throttle = Throttle(clock, lines=1)
        self.outlet: Outlet | None = None
        """That of the transport, once it is open."""
        self._taken_back: list[bytes] | None = None
        """What the transport drops while something is taken back."""

    @override
    def peer_connected(self, peer: NodeId) -> None:
        if self.incarnation is not None:
            self._departures.connected(peer)
            self._links.met(peer)
            self._bulk.met(peer)
            self._delivery.connected(peer)
            if self._departures.replaces(peer):
                self.take_back(peer.address, f"the node at {peer.address} has been started again")

    @override
    def peer_lost(self, peer: NodeId, reason: str) -> None:
        logger.debug("no connection to %s: %s", peer, reason)
        if self.incarnation is not None:
            self._departures.lost(peer)

    @override
    def connect_failed(self, peer: PeerAddress, failure: ConnectFailure, reason: str) -> None:
        if self.incarnation is not None:
            self.incarnation.connect_failed(ConnectFailed(peer, failure, reason))

    @override
    def replaced(self, by: NodeId) -> None:
        if self.incarnation is not None:
            self.incarnation.handle(Replaced(by))

    @override
    def frames_dropped(self, peer: PeerAddress, frames: Sequence[bytes], reason: str) -> None:
        if self._taken_back is not None:
            self._taken_back += frames
        else:
            self._drop(peer, map(kinds.bare, frames), reason)

    def take_back(self, peer: PeerAddress, reason: str) -> None:
        """Drop what waits for a connection to an incarnation that has ended. What names none is for the one that has
        been started there meanwhile, and goes on waiting.
        """
        if self.outlet is None or not self.outlet.discards:
            return
        self._taken_back = taken = list[bytes]()
        try:
            self.outlet.discard(peer, reason)
        finally:
            self._taken_back = None
            self._sort_out(self.outlet, peer, taken, reason)

    def _sort_out(self, outlet: Outlet, peer: PeerAddress, taken: Sequence[bytes], reason: str) -> None:
        is_gone = self._departures.is_gone(peer)
        for frame in taken:
            bare = kinds.bare(frame)
            lane = Lane.user if bare[0] >= kinds.TELL else Lane.control
            if is_gone or bare[0] in entities.KINDS or outlet.send(peer, frame, lane) is not None:
                self._drop(peer, (bare,), reason)

    def _drop(self, peer: PeerAddress, bare: Iterable[bytes], reason: str) -> None:
        self._delivery.dropped(peer, [frame for frame in bare if frame[0] >= kinds.TELL], reason)

    @override
    def frame_received(self, peer: NodeId, frame: bytes) -> None:
        incarnation = self.incarnation
        if incarnation is None:
            return
        if frame[0] >= kinds.TELL:
            incarnation.noted[peer] = None
            if not incarnation.is_removed(peer):
                self._delivery.received(peer, frame)
            return
        try:
            self._control(incarnation, peer, frame)
        except DecodeError as error:
            if self._throttle.admits((peer.address, frame[0])):
                logger.warning(
                    "a control message of %s cannot be read and is dropped: %s", printable(peer), printable(error)
                )

    def _control(self, incarnation: Incarnation, peer: NodeId, frame: bytes) -> None:
        if frame[0] == kinds.HEADERS:
            # No part of this node reads headers yet. Frames without any never come here to be asked for them.
            self.frame_received(peer, kinds.bare(frame))
            return
        waited = incarnation.heard(peer)
        match frame[0]:
            case kinds.MEMBERSHIP:
                incarnation.received(peer, codec.decode(frame, *_MESSAGES), waited)
            case kinds.DETECTOR:
                incarnation.probed(peer, frame[1:])
            case kinds.SYSTEM:
                if not incarnation.is_removed(peer):
                    self._links.received(peer, frame)
            case kinds.BULK:
                if not incarnation.is_removed(peer):
                    self._bulk.received(peer, frame)
            case kind:
                raise kinds.unknown(kind)
