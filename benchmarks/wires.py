"""The two ways to send frames here: Casty's TCP transport, and its floor, an `asyncio.Protocol` that only
prefixes lengths and writes once per iteration of the loop.

Run as a program, it is the other process: it counts frames, and returns those that request it.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from struct import Struct
from typing import Any, Final, Protocol, cast, override

from casty.address import PeerAddress
from casty.member import NodeId
from casty.spi.transport import ConnectFailure, Endpoint
from casty_transport_tcp.options import TcpOptions
from casty_transport_tcp.transport import TcpTransport, open_endpoint

COUNTED, ANSWERED = b"c", b"a"
"""The first bytes of a frame that is only counted, and of one that is returned."""

_LENGTH: Final = Struct("!I")


class Wire(Protocol):
    """One end."""

    on_frame: Callable[[bytes], None]

    def send(self, frame: bytes) -> bool:
        """Returns False if there is no room now."""
        ...


class RawWire(asyncio.Protocol):
    """The floor."""

    def __init__(self) -> None:
        self.on_frame: Callable[[bytes], None] = echo(self)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._out: list[bytes] = []
        self._rest = b""
        self._is_paused = False

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    @override
    def data_received(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        at, end, unpack, take = 0, len(data), _LENGTH.unpack_from, self.on_frame
        while at + 4 <= end:
            stop = at + 4 + unpack(data, at)[0]
            if stop > end:
                break
            take(data[at + 4 : stop])
            at = stop
        self._rest = data[at:]

    @override
    def pause_writing(self) -> None:
        self._is_paused = True

    @override
    def resume_writing(self) -> None:
        self._is_paused = False

    def send(self, frame: bytes) -> bool:
        if self._is_paused:
            return False
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out += (_LENGTH.pack(len(frame)), frame)
        return True

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _flush(self) -> None:
        if self._transport is not None:
            self._transport.write(b"".join(self._out))
        self._out = []


class TcpWire:
    """Casty's transport, as the receiver of its own endpoint."""

    def __init__(self) -> None:
        self.on_frame: Callable[[bytes], None] = echo(self)
        self.transport: TcpTransport | None = None
        self.peer = PeerAddress("", 0)

    def send(self, frame: bytes) -> bool:
        assert self.transport is not None
        return self.transport.send(self.peer, frame)

    def peer_connected(self, peer: NodeId) -> None:
        self.peer = peer.address

    def frame_received(self, peer: NodeId, frame: bytes) -> None:
        self.on_frame(frame)

    def peer_lost(self, peer: NodeId, reason: str) -> None:
        pass

    def connect_failed(self, peer: PeerAddress, failure: ConnectFailure, reason: str) -> None:
        raise AssertionError(f"the two ends of a measurement did not connect: {reason}")

    def replaced(self, by: NodeId) -> None:
        raise AssertionError(f"another process uses the address of a measurement: {by}")

    def frames_dropped(self, peer: PeerAddress, frames: Sequence[bytes], reason: str) -> None:
        raise AssertionError(f"frames of a measurement were dropped: {reason}")


def echo(wire: Wire) -> Callable[[bytes], None]:
    def take(frame: bytes) -> None:
        if frame[:1] == ANSWERED:
            wire.send(frame)

    return take


@asynccontextmanager
async def raw() -> AsyncGenerator[Wire]:
    """The floor, connected to its other process."""
    async with other_process("raw") as address:
        _, wire = await asyncio.get_running_loop().create_connection(RawWire, *address)
        yield wire
        wire.close()


@asynccontextmanager
async def tcp() -> AsyncGenerator[Wire]:
    """The transport, connected to its other process."""
    async with other_process("tcp") as address, endpoint() as wire:
        wire.peer = address
        yield wire


@asynccontextmanager
async def endpoint() -> AsyncGenerator[TcpWire]:
    wire = TcpWire()
    uid = id(wire)
    async with open_endpoint("tcp://127.0.0.1:0", wire, Endpoint(cluster="wire", uid=uid), TcpOptions()) as transport:
        wire.transport = transport
        yield wire


@asynccontextmanager
async def other_process(kind: str) -> AsyncGenerator[PeerAddress]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, __file__, kind, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield PeerAddress("127.0.0.1", int(await process.stdout.readline()))
    finally:
        process.stdin.close()
        await process.wait()


async def serve(kind: str) -> None:
    """Until standard input ends."""
    servers: dict[str, Callable[[], AbstractAsyncContextManager[int]]] = {"raw": _serve_raw, "tcp": _serve_tcp}
    async with servers[kind]() as port:
        print(port, flush=True)
        await asyncio.to_thread(sys.stdin.read)


@asynccontextmanager
async def _serve_raw() -> AsyncGenerator[int]:
    server = await asyncio.get_running_loop().create_server(RawWire, "127.0.0.1", 0)
    name: tuple[Any, ...] = server.sockets[0].getsockname()
    yield name[1]
    server.close()


@asynccontextmanager
async def _serve_tcp() -> AsyncGenerator[int]:
    async with endpoint() as wire:
        assert wire.transport is not None
        yield wire.transport.local.port


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
