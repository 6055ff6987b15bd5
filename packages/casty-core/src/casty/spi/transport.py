"""What a transport implements: frames of bytes between peers. It knows nothing of actors."""

from typing import Final, NamedTuple, Protocol

SPI: Final = 1


class PeerAddress(NamedTuple):
    """Where a peer listens."""

    host: str
    port: int


class FrameReceiver(Protocol):
    """Who a transport hands its frames to. Both methods are called on the event loop and must not block."""

    def frame_received(self, peer: PeerAddress, frame: bytes) -> None:
        """A whole frame arrived; frames of one connection arrive in the order in which they were sent."""
        ...

    def peer_lost(self, peer: PeerAddress, reason: str) -> None:
        """The connection is gone, said once for each connection; what was on its way may be lost."""
        ...


class Transport(Protocol):
    """One node's endpoint. Opening and closing it is the business of its provider's async context manager."""

    @property
    def local(self) -> PeerAddress:
        """The address that peers reach this endpoint under, with the real port where 0 was asked for."""
        ...

    def send(self, peer: PeerAddress, frame: bytes) -> bool:
        """Queue a frame for a peer, connecting first where needed. Never blocks and never raises for a peer's sake.

        Delivery is at most once and in order. False means that the frame was dropped because the peer's bounded queue
        is full. Raises ValueError for a frame above the transport's maximum size.
        """
        ...

    async def disconnect(self, peer: PeerAddress) -> None:
        """Send what is queued for the peer, then close its connection."""
        ...
