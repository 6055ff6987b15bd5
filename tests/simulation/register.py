"""A register with a primary and a backup, for a simulation to break: small enough to be read in a minute.

The client writes one number after the other to the primary, which hands each to the backup. Once the primary is lost,
the client reads from the backup. A careful primary acknowledges a number when the backup has it, a hasty one at once.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import override

from casty import entropy
from casty.address import PeerAddress
from casty.member import NodeId
from casty.spi.transport import Endpoint, FrameReceiver, Transport
from casty.testing.simulation import Host, Simulation, plugin

PORT = 1


class Node(FrameReceiver):
    """What all three have in common: an endpoint, and words as frames."""

    transport: Transport

    def tell(self, host: str, *words: object) -> None:
        self.transport.send(PeerAddress(host, PORT), " ".join(map(str, words)).encode())

    def told(self, sender: str, words: list[str]) -> None: ...

    @override
    def peer_connected(self, peer: NodeId) -> None: ...

    @override
    def frame_received(self, peer: NodeId, frame: bytes) -> None:
        self.told(peer.host, frame.decode().split())

    @override
    def peer_lost(self, peer: NodeId, reason: str) -> None: ...

    @override
    def frames_dropped(self, peer: PeerAddress, frames: Sequence[bytes], reason: str) -> None: ...


class Primary(Node):
    def __init__(self, *, careful: bool) -> None:
        self._careful = careful

    @override
    def told(self, sender: str, words: list[str]) -> None:
        match words:
            case "write", number:
                self.tell("backup", "store", number)
                if not self._careful:
                    self.tell("client", "written", number)
            case "stored", number:
                if self._careful:
                    self.tell("client", "written", number)
            case _:
                raise AssertionError(words)


class Backup(Node):
    def __init__(self) -> None:
        self._value = 0

    @override
    def told(self, sender: str, words: list[str]) -> None:
        match words:
            case "store", number:
                self._value = max(self._value, int(number))
                self.tell(sender, "stored", number)
            case ["read"]:
                self.tell(sender, "value", self._value)
            case _:
                raise AssertionError(words)


@dataclass
class Client(Node):
    written: int = 0
    """The last number that was acknowledged."""
    value: "asyncio.Future[int]" = field(default_factory=asyncio.Future[int])
    """What the backup has, once the primary is lost."""

    @override
    def told(self, sender: str, words: list[str]) -> None:
        match words:
            case "written", number:
                self.written = int(number)
                self.tell("primary", "write", self.written + 1)
            case "value", number:
                self.value.set_result(int(number))
            case _:
                raise AssertionError(words)

    @override
    def peer_lost(self, peer: NodeId, reason: str) -> None:
        self.tell("backup", "read")

    @override
    def frames_dropped(self, peer: PeerAddress, frames: Sequence[bytes], reason: str) -> None:
        self.tell("backup", "read")


@asynccontextmanager
async def listening(node: Node) -> AsyncGenerator[None]:
    """Has the node talk through an endpoint of the host on which this runs."""
    (provider,) = plugin.casty_transports()
    endpoint = Endpoint(cluster="register", uid=int.from_bytes(entropy.source().token(8)) | 1)
    url = f"sim://{type(node).__name__.lower()}:{PORT}"
    async with provider.open(url, node, endpoint, provider.options()) as node.transport:
        yield


def start(host: Host, node: Node) -> None:
    async def main() -> None:
        async with listening(node):
            await asyncio.Event().wait()

    host.start(main)


async def scenario(sim: Simulation, *, careful: bool) -> int:
    """Kill the primary at any time: what was acknowledged has to be read. Returns what was written."""
    start(sim.host("backup"), Backup())
    start(sim.host("primary"), Primary(careful=careful))
    client = sim.host("client")

    async def main() -> tuple[int, int]:
        node = Client()
        async with listening(node):
            node.tell("primary", "write", 1)
            return await node.value, node.written

    crash = asyncio.get_running_loop().call_later(sim.random.uniform(0.0, 1.0), sim.host("primary").crash)
    value, written = await client.run(main)
    crash.cancel()
    assert value >= written, f"{written} was acknowledged, and {value} is what there is"
    return written


async def careful(sim: Simulation) -> int:
    return await scenario(sim, careful=True)


async def hasty(sim: Simulation) -> int:
    return await scenario(sim, careful=False)
