"""The transport within one process with one fault each, of the kinds that transports really have."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import override

from casty.address import PeerAddress
from casty.member import NodeId
from casty.spi.transport import Endpoint, FrameReceiver, Lane, Transport
from casty.testing.conformance.transport.nodes import Inbox
from casty.transports.inproc import InprocOptions, InprocTransport, open_inproc


class Mutant:
    """What stands between an endpoint and its user; here, nothing is changed. One serves all endpoints of a check."""

    options = InprocOptions()

    def __call__(
        self, receiver: FrameReceiver, endpoint: Endpoint, at: PeerAddress | None
    ) -> AbstractAsyncContextManager[Transport]:
        return self.opened(Ear(self, receiver), endpoint, f"inproc://{at or 'node:0'}")

    @asynccontextmanager
    async def opened(self, ear: "Ear", endpoint: Endpoint, url: str) -> AsyncGenerator[Transport]:
        async with open_inproc(url, ear, self.introduced(endpoint), self.options) as transport:
            yield Mouth(self, transport)

    def introduced(self, endpoint: Endpoint) -> Endpoint:
        return endpoint

    def connected(self, receiver: FrameReceiver, peer: NodeId) -> None:
        receiver.peer_connected(peer)

    def received(self, receiver: FrameReceiver, peer: NodeId, frame: bytes) -> None:
        receiver.frame_received(peer, frame)

    def lost(self, receiver: FrameReceiver, peer: NodeId, reason: str) -> None:
        receiver.peer_lost(peer, reason)

    def dropped(self, receiver: FrameReceiver, peer: PeerAddress, frames: Sequence[bytes], reason: str) -> None:
        receiver.frames_dropped(peer, frames, reason)

    def send(self, transport: InprocTransport, peer: PeerAddress, frame: bytes, lane: Lane) -> bool:
        return transport.send(peer, frame, lane)

    async def disconnect(self, transport: InprocTransport, peer: PeerAddress) -> None:
        await transport.disconnect(peer)

    def discard(self, transport: InprocTransport, peer: PeerAddress, reason: str) -> None:
        link = transport.links.get(peer)
        if link is not None and link._far is None:
            link.close(reason)

    def counters(self, transport: InprocTransport) -> Mapping[str, int]:
        return transport.counters


class Ear(FrameReceiver):
    """A receiver that asks the mutant."""

    def __init__(self, mutant: Mutant, receiver: FrameReceiver) -> None:
        self.mutant, self.receiver = mutant, receiver

    def peer_connected(self, peer: NodeId) -> None:
        self.mutant.connected(self.receiver, peer)

    def frame_received(self, peer: NodeId, frame: bytes) -> None:
        self.mutant.received(self.receiver, peer, frame)

    def peer_lost(self, peer: NodeId, reason: str) -> None:
        self.mutant.lost(self.receiver, peer, reason)

    def frames_dropped(self, peer: PeerAddress, frames: Sequence[bytes], reason: str) -> None:
        self.mutant.dropped(self.receiver, peer, frames, reason)


class Mouth:
    """A transport that asks the mutant."""

    def __init__(self, mutant: Mutant, transport: InprocTransport) -> None:
        self.mutant, self.transport = mutant, transport

    @property
    def local(self) -> PeerAddress:
        return self.transport.local

    @property
    def counters(self) -> Mapping[str, int]:
        return self.mutant.counters(self.transport)

    def send(self, peer: PeerAddress, frame: bytes, lane: Lane = Lane.user) -> bool:
        return self.mutant.send(self.transport, peer, frame, lane)

    async def disconnect(self, peer: PeerAddress) -> None:
        await self.mutant.disconnect(self.transport, peer)

    def discard(self, peer: PeerAddress, reason: str) -> None:
        self.mutant.discard(self.transport, peer, reason)


class LosesTheThousandth(Mutant):
    count = 0

    @override
    def received(self, receiver: FrameReceiver, peer: NodeId, frame: bytes) -> None:
        self.count += 1
        if self.count % 1_000:
            receiver.frame_received(peer, frame)


class SwapsNeighbours(Mutant):
    held: bytes | None = None

    @override
    def received(self, receiver: FrameReceiver, peer: NodeId, frame: bytes) -> None:
        if self.held is None:
            self.held = frame
        else:
            receiver.frame_received(peer, frame)
            receiver.frame_received(peer, self.held)
            self.held = None


class CutsLargeFrames(Mutant):
    @override
    def received(self, receiver: FrameReceiver, peer: NodeId, frame: bytes) -> None:
        receiver.frame_received(peer, frame[: 256 << 10])


class CallsBackAtOnce(Mutant):
    @override
    def send(self, transport: InprocTransport, peer: PeerAddress, frame: bytes, lane: Lane) -> bool:
        sent = transport.send(peer, frame, lane)
        transport.links[peer]._turn()
        return sent


class AnnouncesNoPeer(Mutant):
    @override
    def connected(self, receiver: FrameReceiver, peer: NodeId) -> None:
        pass


class AnnouncesWithEachFrame(Mutant):
    @override
    def received(self, receiver: FrameReceiver, peer: NodeId, frame: bytes) -> None:
        receiver.peer_connected(peer)
        receiver.frame_received(peer, frame)


class KnowsAddressesOnly(Mutant):
    @override
    def introduced(self, endpoint: Endpoint) -> Endpoint:
        return replace(endpoint, uid=1)


class HidesWhatReceiversRaise(Mutant):
    @override
    def received(self, receiver: FrameReceiver, peer: NodeId, frame: bytes) -> None:
        try:
            receiver.frame_received(peer, frame)
        except LookupError:
            return


class TakesEmptyFrames(Mutant):
    @override
    def send(self, transport: InprocTransport, peer: PeerAddress, frame: bytes, lane: Lane) -> bool:
        return transport.send(peer, frame or b"\0", lane)


class RefusesWithoutAWord(Mutant):
    @override
    def send(self, transport: InprocTransport, peer: PeerAddress, frame: bytes, lane: Lane) -> bool:
        try:
            return transport.send(peer, frame, lane)
        except ValueError:
            return False


class HasNoBounds(Mutant):
    options = InprocOptions(queue_frames=1 << 40, queue_bytes=1 << 60)


class CountsFramesOnly(Mutant):
    options = InprocOptions(queue_bytes=1 << 60)


class TakesAndDropsWhatIsTooMuch(Mutant):
    @override
    def send(self, transport: InprocTransport, peer: PeerAddress, frame: bytes, lane: Lane) -> bool:
        transport.send(peer, frame, lane)
        return True


class RefusesAllOnceOneIsFull(Mutant):
    full = False

    @override
    def send(self, transport: InprocTransport, peer: PeerAddress, frame: bytes, lane: Lane) -> bool:
        self.full = self.full or not transport.send(peer, frame, lane)
        return not self.full


class HasOneLane(Mutant):
    @override
    def send(self, transport: InprocTransport, peer: PeerAddress, frame: bytes, lane: Lane) -> bool:
        return transport.send(peer, frame)


class HangsUpAtOnce(Mutant):
    @override
    async def disconnect(self, transport: InprocTransport, peer: PeerAddress) -> None:
        if peer in transport.links:
            transport.links[peer].close("the receiver was put down")


class TellsOfLossTwice(Mutant):
    @override
    def lost(self, receiver: FrameReceiver, peer: NodeId, reason: str) -> None:
        receiver.peer_lost(peer, reason)
        receiver.peer_lost(peer, reason)


class NeverTellsOfLoss(Mutant):
    @override
    def lost(self, receiver: FrameReceiver, peer: NodeId, reason: str) -> None:
        pass


class DeliversLateFrames(Mutant):
    """The last frame of an old connection, after the first of a new one."""

    late: bytes | None = None
    last = b""

    @override
    def lost(self, receiver: FrameReceiver, peer: NodeId, reason: str) -> None:
        self.late = self.last
        receiver.peer_lost(peer, reason)

    @override
    def received(self, receiver: FrameReceiver, peer: NodeId, frame: bytes) -> None:
        self.last = frame
        receiver.frame_received(peer, frame)
        if self.late:
            receiver.frame_received(peer, self.late)
            self.late = None


class DropsInSilence(Mutant):
    @override
    def dropped(self, receiver: FrameReceiver, peer: PeerAddress, frames: Sequence[bytes], reason: str) -> None:
        pass


class DropsWhatItDelivers(Mutant):
    @override
    async def disconnect(self, transport: InprocTransport, peer: PeerAddress) -> None:
        await transport.disconnect(peer)
        transport.receiver.frames_dropped(peer, [(0).to_bytes(8).ljust(500, b".")], "just in case")


class DiscardsNothing(Mutant):
    @override
    def discard(self, transport: InprocTransport, peer: PeerAddress, reason: str) -> None:
        pass


class DiscardsInSilence(Mutant):
    @override
    def discard(self, transport: InprocTransport, peer: PeerAddress, reason: str) -> None:
        transport.links.pop(peer, None)


class HangsUpToDiscard(Mutant):
    @override
    def discard(self, transport: InprocTransport, peer: PeerAddress, reason: str) -> None:
        if peer in transport.links:
            transport.links[peer].close(reason)


class SpeaksAfterItsEnd(Mutant):
    @override
    @asynccontextmanager
    async def opened(self, ear: Ear, endpoint: Endpoint, url: str) -> AsyncGenerator[Transport]:
        async with super().opened(ear, endpoint, url) as transport:
            yield transport
        asyncio.get_running_loop().call_soon(ear.peer_lost, NodeId(*transport.local, endpoint.uid), "by the way")


class LeavesATask(Mutant):
    left: "asyncio.Task[None] | None" = None

    @override
    @asynccontextmanager
    async def opened(self, ear: Ear, endpoint: Endpoint, url: str) -> AsyncGenerator[Transport]:
        async with super().opened(ear, endpoint, url) as transport:
            yield transport
        self.left = self.left or asyncio.create_task(asyncio.sleep(3_600))


class LetsAnyClusterIn(Mutant):
    @override
    def introduced(self, endpoint: Endpoint) -> Endpoint:
        return replace(endpoint, cluster="")


class LetsAnyCookieIn(Mutant):
    @override
    def introduced(self, endpoint: Endpoint) -> Endpoint:
        return replace(endpoint, cookies=())


class AcceptsOneCookie(Mutant):
    @override
    def introduced(self, endpoint: Endpoint) -> Endpoint:
        return replace(endpoint, cookies=endpoint.cookies[:1])


class LetsAnyClientIn(Mutant):
    @override
    def introduced(self, endpoint: Endpoint) -> Endpoint:
        return replace(endpoint, clients=endpoint.clients or Inbox())


class TakesClientsForNodes(Mutant):
    @override
    @asynccontextmanager
    async def opened(self, ear: Ear, endpoint: Endpoint, url: str) -> AsyncGenerator[Transport]:
        async with super().opened(ear, replace(endpoint, clients=endpoint.clients and ear), url) as transport:
            yield transport


class CountsNothing(Mutant):
    @override
    def counters(self, transport: InprocTransport) -> Mapping[str, int]:
        return {}
