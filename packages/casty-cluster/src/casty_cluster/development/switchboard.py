"""The transport of `DevelopmentCluster`: `inproc://` with connections that a program can cut and heal."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final, override

from casty.address import PeerAddress
from casty.member import NodeId
from casty.plugins import TransportProvider, hookimpl
from casty.spi.transport import ConnectFailure, Endpoint, FrameReceiver, Lane, Transport
from casty.transports.inproc import PROVIDER as INPROC
from casty.transports.inproc import InprocOptions

SCHEME: Final = "switchboard"


class Switchboard:
    """A plugin for each cluster, which knows the sides of its network. Frames between two sides are lost silently, as
    in a network that drops packets.
    """

    def __init__(self) -> None:
        self._sides: dict[PeerAddress, int] = {}

    def divide(self, sides: Sequence[Sequence[PeerAddress]]) -> None:
        """From now on only nodes on the same side reach each other."""
        self._sides = {address: number for number, side in enumerate(sides) for address in side}

    def connects(self, one: PeerAddress, other: PeerAddress) -> bool:
        """Whether frames pass between the two. All nodes on no side are on one side; clients are on all sides."""
        return one.is_client or other.is_client or self._sides.get(one) == self._sides.get(other)

    @hookimpl
    def casty_transports(self) -> list[TransportProvider[InprocOptions]]:
        return [replace(INPROC, names=(SCHEME,), open=self._open)]

    @asynccontextmanager
    async def _open(
        self, url: str, receiver: FrameReceiver, endpoint: Endpoint, options: InprocOptions
    ) -> AsyncGenerator[Transport]:
        wire = _Wire(self, receiver)
        async with INPROC.open(url.replace(SCHEME, INPROC.names[0], 1), wire, endpoint, options) as inner:
            wire.inner = inner
            yield wire


class _Wire(Transport, FrameReceiver):
    """Stands between one node and its real transport."""

    inner: Transport

    def __init__(self, board: Switchboard, receiver: FrameReceiver) -> None:
        self._board = board
        self._receiver = receiver

    @property
    @override
    def local(self) -> PeerAddress:
        return self.inner.local

    @override
    def send(self, peer: PeerAddress, frame: bytes, lane: Lane = Lane.user) -> bool:
        return not self._board.connects(self.local, peer) or self.inner.send(peer, frame, lane)

    @property
    @override
    def counters(self) -> Mapping[str, int]:
        return self.inner.counters

    @override
    async def disconnect(self, peer: PeerAddress) -> None:
        await self.inner.disconnect(peer)

    @override
    def peer_connected(self, peer: NodeId) -> None:
        self._receiver.peer_connected(peer)

    @override
    def frame_received(self, peer: NodeId, frame: bytes) -> None:
        if self._board.connects(self.local, peer.address):
            self._receiver.frame_received(peer, frame)

    @override
    def peer_lost(self, peer: NodeId, reason: str) -> None:
        self._receiver.peer_lost(peer, reason)

    @override
    def connect_failed(self, peer: PeerAddress, failure: ConnectFailure, reason: str) -> None:
        self._receiver.connect_failed(peer, failure, reason)

    @override
    def replaced(self, by: NodeId) -> None:
        self._receiver.replaced(by)

    @override
    def frames_dropped(self, peer: PeerAddress, frames: Sequence[bytes], reason: str) -> None:
        self._receiver.frames_dropped(peer, frames, reason)
