"""Endpoints that record their callbacks."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, override

from casty.address import PeerAddress
from casty.member import NodeId
from casty.spi.transport import DiscardingTransport, Endpoint, FrameReceiver, Lane, Transport
from casty.testing.simulation import Simulation
from casty.testing.simulation.transport import SimulatedTransportOptions, open_simulated

PORT = 1


class Recorder(FrameReceiver):
    """One host with one endpoint; `told` is everything its transport has said, in order."""

    transport: DiscardingTransport

    def __init__(self, sim: Simulation, name: str, *, uid: int = 0, cluster: str = "c", **given: Any) -> None:
        self.host = sim.host(name)
        self.told: list[tuple[Any, ...]] = []
        self._uid = uid or len(sim.hosts)
        self._endpoint: dict[str, Any] = {"cluster": cluster}
        self._options = SimulatedTransportOptions(**given)

    def joining(self, **endpoint: Any) -> "Recorder":
        """With these settings of its `Endpoint`."""
        self._endpoint |= endpoint
        return self

    @property
    def address(self) -> PeerAddress:
        return PeerAddress(self.host.name, PORT)

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[Transport]:
        endpoint = Endpoint(uid=self._uid, **self._endpoint)
        async with open_simulated(f"sim://{self.host.name}:{PORT}", self, endpoint, self._options) as self.transport:
            yield self.transport

    async def main(self) -> None:
        async with self.listening():
            await asyncio.Event().wait()

    def start(self) -> "Recorder":
        self.host.start(self.main)
        return self

    def restart(self) -> None:
        """As another incarnation."""
        self._uid += 100
        self.host.restart()

    async def send(self, other: "Recorder", *frames: str, lane: Lane = Lane.user) -> list[bool]:
        """On its own host, as a node would."""

        async def send() -> list[bool]:
            return [self.transport.send(other.address, frame.encode(), lane) for frame in frames]

        return await self.host.run(send)

    def frames(self, *senders: str) -> list[str]:
        """The frames that have arrived, from all or from these hosts."""
        return [said[2] for said in self.told if said[0] == "frame" and (not senders or said[1] in senders)]

    def others(self) -> list[tuple[Any, ...]]:
        """Its callbacks other than frames."""
        return [said for said in self.told if said[0] != "frame"]

    @override
    def peer_connected(self, peer: NodeId) -> None:
        self.told.append(("connected", peer.host, peer.uid))

    @override
    def frame_received(self, peer: NodeId, frame: bytes) -> None:
        self.told.append(("frame", peer.host, frame.decode()))

    @override
    def peer_lost(self, peer: NodeId, reason: str) -> None:
        self.told.append(("lost", peer.host, peer.uid, reason))

    @override
    def frames_dropped(self, peer: PeerAddress, frames: Sequence[bytes], reason: str) -> None:
        self.told.append(("dropped", peer.host, [frame.decode() for frame in frames], reason))
