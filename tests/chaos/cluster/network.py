"""The network between the nodes: each is dialed through a relay, and every way from one node to another can be stopped,
slowed or broken, whichever node has dialed.

A stopped way loses nothing and closes nothing, as where packets are lost and resent later: bytes in flight
arrive when it heals, unless one side has closed the connection by then. The end of a peer is not forwarded
over it either. Unlike in a real network a new connection is accepted, but gets no reply.
"""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple, Self

from tests.ports import free_ports

HOST: Final = "127.0.0.1"
LOOKS: Final = 10
"""How often the table of connections is read for one of them: a reading may miss some while it changes."""
CLOSED: Final = "0"
"""The inode of a connection that its process has closed."""


class Way(NamedTuple):
    """The dialing and the dialed node."""

    sender: str
    receiver: str


class Network:
    """Relays, by the name of the node behind each, whose ports are in the order of the names: nodes that start together
    have the first one begin the cluster.
    """

    def __init__(self) -> None:
        self.pids: dict[str, int] = {}
        """The processes of the nodes, entered by the code that starts them."""
        self._relays: dict[str, asyncio.Server] = {}
        self._behind: dict[str, int] = {}
        self._stopped: frozenset[Way] = frozenset()
        self._delays: dict[Way, float] = {}
        self._changed = asyncio.Condition()
        self._writers: dict[asyncio.StreamWriter, Way] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def between(cls, names: Collection[str]) -> AsyncGenerator[Self]:
        network = cls()
        try:
            for name, port in zip(names, free_ports(len(names)), strict=True):
                network._relays[name] = await asyncio.start_server(network._accepting(name), HOST, port)
            network._behind = dict(zip(names, free_ports(len(names)), strict=True))
            yield network
        finally:
            await network._close()

    def port(self, name: str) -> int:
        """Where the others reach that node."""
        return self._relays[name].sockets[0].getsockname()[1]

    def port_behind(self, name: str) -> int:
        """Where it is to listen."""
        return self._behind[name]

    async def divide(self, *sides: Collection[str]) -> None:
        """Stop all ways between the sides."""
        await self.stop(
            *(Way(one, two) for side in sides for one in side for other in sides if other is not side for two in other)
        )

    async def stop(self, *ways: Way) -> None:
        """These ways and no others."""
        async with self._changed:
            self._stopped = frozenset(ways)
            self._changed.notify_all()

    async def heal(self) -> None:
        await self.stop()

    def delay(self, way: Way, seconds: float) -> None:
        """What goes that way takes so much longer."""
        self._delays[way] = seconds

    def cut(self, *ways: Way) -> None:
        """Break the connections over which something can go that way; new ones may be made at once."""
        for writer, way in self._writers.items():
            if way in ways:
                writer.transport.abort()

    def _accepting(self, name: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._relay(name, reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return accept

    async def _relay(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            dialer = owner_of(writer.get_extra_info("peername"), writer.get_extra_info("sockname"), self.pids)
            there_reader, there_writer = await asyncio.open_connection(HOST, self._behind[name])
        except OSError:  # the dialer is gone, or no process listens, so that the dialer's connection ends too
            writer.transport.abort()
            return
        there, back = Way(dialer, name), Way(name, dialer)
        self._writers[writer] = back
        self._writers[there_writer] = there
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._carry(reader, there_writer, there))
                group.create_task(self._carry(there_reader, writer, back))
        except* OSError:
            pass  # one of the two is gone, and so it is for the other
        finally:
            self._end(writer)
            self._end(there_writer)

    def _end(self, writer: asyncio.StreamWriter) -> None:
        del self._writers[writer]
        writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way) -> None:
        try:
            while octets := await reader.read(1 << 16):
                await asyncio.sleep(self._delays.get(way, 0.0))
                await self._until_passable(way)
                writer.write(octets)
                await writer.drain()
        finally:
            await self._until_passable(way)
        writer.write_eof()

    async def _until_passable(self, way: Way) -> None:
        if way in self._stopped:
            async with self._changed:
                await self._changed.wait_for(lambda: way not in self._stopped)

    async def _close(self) -> None:
        await self.heal()
        for relay in self._relays.values():
            relay.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def owner_of(dialing: tuple[str, int], dialed: tuple[str, int], pids: Mapping[str, int]) -> str:
    """The name of the process that has made this connection on this machine; empty if it is none of these.

    Raises ConnectionError if it has closed it.
    """
    inode = _inode_of(dialing, dialed)
    for name, pid in pids.items():
        with suppress(OSError):
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    if os.readlink(descriptor) == f"socket:[{inode}]":
                        return name
    return ""


def _inode_of(dialing: tuple[str, int], dialed: tuple[str, int]) -> str:
    # Both ends: connections that have ended may have had the same port of the dialing one.
    ends = [f"{socket.inet_aton(host)[::-1].hex().upper()}:{port:04X}" for host, port in (dialing, dialed)]
    for _ in range(LOOKS):
        for row in map(str.split, Path("/proc/net/tcp").read_text().splitlines()):
            if row[1:3] == ends and row[9] != CLOSED:
                return row[9]
    raise ConnectionError(f"the connection from port {dialing[1]} is gone")
