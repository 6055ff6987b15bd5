"""The nodes of checks: endpoints whose receiver records its calls, and detects calls that must never happen."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from typing import Final, final, override

from casty.address import PeerAddress
from casty.member import NodeId
from casty.spi.transport import ConnectFailure, Endpoint, FrameReceiver, Lane, Transport
from casty.testing.conformance.expectations import expect, short
from casty.testing.conformance.transport.registry import OpenTransport

PATIENCE: Final = 15.0
"""Seconds that anything may take; of many frames, each."""
TURNS: Final = 20
"""Of the event loop, in which something that must not happen would happen."""
PLACES: Final = 5
"""Addresses that are tried, each of which another process may take before a node does."""

CLUSTER: Final = "conformance"
_uids: Final = count(1)


@final
class Inbox(FrameReceiver):
    """A receiver. It reports a wrong order of its calls as soon as a check waits for something."""

    def __init__(self) -> None:
        self.frames: list[tuple[NodeId, bytes]] = []
        self.connected: list[NodeId] = []
        self.lost: list[NodeId] = []
        self.reasons: list[str] = []
        """Why peers were lost and frames dropped."""
        self.failures: list[tuple[PeerAddress, ConnectFailure]] = []
        """Attempts to connect that came to nothing."""
        self.replaced_by: list[NodeId] = []
        """Peers that are connected with a later incarnation of this node."""
        self.dropped: list[tuple[PeerAddress, bytes]] = []
        self.refuses: bytes | None = None
        """A frame that makes it raise, which a receiver must not."""
        self.is_closed = False
        """Set once the endpoint has been closed."""
        self._present: set[NodeId] = set()
        self._faults: list[str] = []
        self._told = asyncio.Event()

    @override
    def peer_connected(self, peer: NodeId) -> None:
        self._tell(peer not in self._present, f"{peer} connected twice, without being lost in between")
        older = [known for known in self._present if known.address == peer.address and known != peer]
        self._tell(not older, f"{peer} connected before {older} was lost, which had been at its address")
        self._present.add(peer)
        self.connected.append(peer)

    @override
    def frame_received(self, peer: NodeId, frame: bytes) -> None:
        self._tell(peer in self._present, f"a frame of {peer} arrived while it was not connected")
        self._tell(type(frame) is bytes, f"a frame is {type(frame).__name__}, not bytes")
        if frame == self.refuses:
            raise LookupError("this frame is refused")
        self.frames.append((peer, frame))

    @override
    def peer_lost(self, peer: NodeId, reason: str) -> None:
        self._tell(peer in self._present, f"{peer} was lost while it was not connected")
        self._present.discard(peer)
        self.lost.append(peer)
        self.reasons.append(reason)

    @override
    def connect_failed(self, peer: PeerAddress, failure: ConnectFailure, reason: str) -> None:
        self.failures.append((peer, failure))
        self._told.set()

    @override
    def replaced(self, by: NodeId) -> None:
        self.replaced_by.append(by)
        self._told.set()

    @override
    def frames_dropped(self, peer: PeerAddress, frames: Sequence[bytes], reason: str) -> None:
        self._tell(bool(frames), "frames were dropped, but there are none")
        self.dropped.extend((peer, frame) for frame in frames)
        self.reasons.append(reason)

    def bodies(self) -> list[bytes]:
        """The frames of all senders."""
        return [frame for _, frame in self.frames]

    async def until(self, wanted: Callable[[], bool], what: str) -> None:
        """Wait until it is so."""
        while not wanted():
            received = len(self.frames)
            async with patience(lambda: f"{what}; there is {self._summary()}"):
                while len(self.frames) == received and not wanted():
                    self._told.clear()
                    await self._told.wait()
        self.expect_no_faults()

    async def until_received(self, number: int) -> None:
        await self.until(lambda: len(self.frames) >= number, f"{number} frames")

    def expect_no_faults(self) -> None:
        expect(not self._faults, f"calls that a receiver must never get: {self._faults[:3]}")

    def _tell(self, right: bool, otherwise: str) -> None:
        if not right:
            self._faults.append(otherwise)
        if self.is_closed:
            self._faults.append("it was called after its endpoint had been closed")
        self._told.set()

    def _summary(self) -> str:
        return (
            f"connected {self.connected}, lost {self.lost}, {len(self.frames)} frames, {len(self.dropped)} dropped, "
            f"reasons {self.reasons[:3]}, faults {self._faults[:3]}, last frame {short(self.frames[-1:])}"
        )


@final
class Node:
    """An open endpoint and what it has told."""

    def __init__(self, transport: Transport, inbox: Inbox, uid: int) -> None:
        self.transport = transport
        self.inbox = inbox
        self.uid = uid

    @property
    def address(self) -> PeerAddress:
        return self.transport.local

    @property
    def id(self) -> NodeId:
        return NodeId(*self.transport.local, self.uid)

    async def send(self, to: PeerAddress, frames: Iterable[bytes], lane: Lane = Lane.user) -> None:
        """Send all, each as soon as there is room for it."""
        async with patience(lambda: f"room for a frame to {to}"):
            for frame in frames:
                while not self.transport.send(to, frame, lane):  # noqa: ASYNC110 (there is no event for room in the queue)
                    await asyncio.sleep(0.001)

    async def get_through(self, to: "Node", first: int) -> None:
        """Send frames of ascending numbers until one has arrived: a connection that is closing may lose some."""
        async with patience(lambda: f"a frame that gets through to {to.id}"):
            for frame in map(numbered_frame, count(first)):
                await self.send(to.address, [frame])
                await asyncio.sleep(0.01)
                if frame in to.inbox.bodies():
                    return

    async def meet(self, other: "Node") -> None:
        """Exchange a frame on each lane, so that both are connected; both inboxes are then as if nothing had come."""
        for lane in Lane:
            await self.send(other.address, [b"how do you do"], lane)
            await other.send(self.address, [b"how do you do"], lane)
        for node in (self, other):
            await node.inbox.until_received(len(Lane))
            node.inbox.frames.clear()


@asynccontextmanager
async def node(
    open_transport: OpenTransport,
    *,
    at: PeerAddress | None = None,
    cluster: str = CLUSTER,
    cookies: tuple[bytes, ...] = (),
    advertised: PeerAddress | None = None,
    clients: Inbox | None = None,
    client: str | None = None,
    address_map: Mapping[PeerAddress, PeerAddress] | None = None,
) -> AsyncGenerator[Node]:
    """Another node, of an incarnation of its own; or a client, where a name of one is given."""
    inbox, uid = Inbox(), next(_uids)
    endpoint = Endpoint(
        cluster=cluster,
        uid=uid,
        cookies=cookies,
        advertised=advertised,
        clients=clients,
        client=client,
        address_map=address_map or {},
    )
    async with open_transport(inbox, endpoint, at) as transport:
        yield Node(transport, inbox, uid)
    inbox.is_closed = True
    await turns()
    inbox.expect_no_faults()


@asynccontextmanager
async def placed_node(
    open_transport: OpenTransport,
    *,
    advertised: PeerAddress,
    cookies: tuple[bytes, ...] = (),
    clients: Inbox | None = None,
) -> AsyncGenerator[tuple[Node, PeerAddress]]:
    """A node that advertises another address than its own, and its own address."""
    for attempt in range(1, PLACES + 1):
        place = await free_address(open_transport)
        async with AsyncExitStack() as stack:
            opening = node(open_transport, at=place, cookies=cookies, advertised=advertised, clients=clients)
            try:
                placed = await stack.enter_async_context(opening)
            except OSError:  # another process has it now
                if attempt == PLACES:
                    raise
                continue
            yield placed, place
            return


async def free_address(open_transport: OpenTransport) -> PeerAddress:
    """Where an endpoint was a moment ago."""
    async with node(open_transport) as earlier:
        return earlier.address


@asynccontextmanager
async def patience(wanted: Callable[[], str]) -> AsyncGenerator[None]:
    """Fails, and says what was wanted, if it takes too long."""
    try:
        async with asyncio.timeout(PATIENCE):
            yield
    except TimeoutError:
        raise AssertionError(f"not within {PATIENCE:g} s: {wanted()}") from None


async def turns() -> None:
    """Let the event loop turn, so that what must not happen has its chance."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


def numbered(numbers: Iterable[int], size: int = 8) -> list[bytes]:
    """Frames of that size, each of which begins with its number."""
    return [numbered_frame(number, size) for number in numbers]


def numbered_frame(number: int, size: int = 8) -> bytes:
    return number.to_bytes(8).ljust(size, b".")
