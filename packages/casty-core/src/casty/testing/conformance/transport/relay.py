"""A relay between two endpoints that keeps what one of them says, and can add to it."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import final

from casty.address import PeerAddress
from casty.testing.conformance.transport.registry import Wire


@final
class Relay:
    """Carries each connection to its `address` on to the endpoint at `target`."""

    target: PeerAddress

    def __init__(self, wire: Wire, address: PeerAddress) -> None:
        """`target` is to be set before anything connects."""
        self.address = address
        self.said: list[bytes] = []
        """What the dialing sides have said, one piece for each connection."""
        self.onward: list[StreamWriter] = []
        """The connections to the endpoint."""
        self._wire = wire

    async def carry(self, reader: StreamReader, writer: StreamWriter) -> None:
        far_reader, far_writer = await self._wire.dial(self.target)
        self.onward.append(far_writer)
        self.said.append(b"")
        place = len(self.said) - 1
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, far_writer, place))
                group.create_task(self._pump(far_reader, writer, None))
        finally:
            writer.close()
            far_writer.close()

    async def _pump(self, source: StreamReader, sink: StreamWriter, place: int | None) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                if place is not None:
                    self.said[place] += data
                sink.write(data)
                await sink.drain()
        sink.close()


@asynccontextmanager
async def relay(wire: Wire) -> AsyncGenerator[Relay]:
    carrying: set[asyncio.Task[None]] = set()
    made: list[Relay] = []

    async def accept(reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.ensure_future(made[0].carry(reader, writer))
        carrying.add(task)

    async with wire.listen(accept) as address:
        made.append(Relay(wire, address))
        try:
            yield made[0]
        finally:
            for task in carrying:
                task.cancel()
            await asyncio.gather(*carrying, return_exceptions=True)


async def swallowed(writer: StreamWriter, piece: bytes, most: int, patience: float) -> int:
    """How many bytes, of `most`, the other side takes before it closes the connection or reads no more."""
    taken = 0
    with suppress(OSError, TimeoutError):
        while taken < most:
            writer.write(piece)
            async with asyncio.timeout(patience):
                await writer.drain()
            taken += len(piece)
    return taken
