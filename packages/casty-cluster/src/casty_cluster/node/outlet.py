"""Where a node or a client hands frames to its transport."""

import logging
from typing import Final, cast, final

from casty.address import PeerAddress
from casty.clock import Clock
from casty.extension import Throttle
from casty.interruption import described, raise_unless_failure
from casty.spi.transport import DiscardingTransport, Lane, Transport

logger = logging.getLogger("casty.cluster")

NOT_TAKEN: Final = "it takes messages more slowly than they are sent, or the connection is being closed"


@final
class Outlet:
    """A transport that may raise anything: what it does not take is lost, and what has sent it goes on."""

    def __init__(self, transport: Transport, clock: Clock, *, discards: bool = False) -> None:
        """`discards`: the transport is a `DiscardingTransport`."""
        self.transport = transport
        self.discards = discards
        self._throttle = Throttle(clock, lines=1)

    def send(self, peer: PeerAddress, frame: bytes, lane: Lane) -> str | None:
        """Queue a frame. Returns why it is dropped, if so. Raises ValueError for one that is too large."""
        try:
            is_taken = self.transport.send(peer, frame, lane)
        except ValueError:
            raise
        except BaseException as error:
            raise_unless_failure(error)
            return self._failed(peer, error)
        return None if is_taken else f"the queue for {peer} is full: {NOT_TAKEN}"

    def discard(self, peer: PeerAddress, reason: str) -> None:
        """Drop what waits for a connection to the peer; only where the transport discards."""
        try:
            cast("DiscardingTransport", self.transport).discard(peer, reason)
        except BaseException as error:
            raise_unless_failure(error)
            self._failed(peer, error)

    def _failed(self, peer: PeerAddress, error: BaseException) -> str:
        kind = type(self.transport).__qualname__
        if self._throttle.admits(peer):
            logger.error(
                "the transport %s has failed for %s, whose frames are lost meanwhile: %s; it must not raise, so report "
                "it to its authors",
                kind,
                peer,
                described(error),
                exc_info=error,
            )
        return f"the transport {kind} has raised {described(error)}"
