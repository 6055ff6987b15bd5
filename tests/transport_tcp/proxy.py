"""A network cable between an endpoint and the peers that dial it; a test can cut it without a notice to either."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Self

from casty.address import PeerAddress


class Proxy:
    """Passes bytes on, both ways. Once it is silent, its connections stay open and pass nothing on any more."""

    def __init__(self, target: PeerAddress) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_silent = False
        self._dead: set[asyncio.StreamWriter] = set()

    @classmethod
    @asynccontextmanager
    async def to(cls, target: PeerAddress) -> AsyncGenerator[Self]:
        proxy = cls(target)
        proxy._server = await asyncio.start_server(proxy._connected, "127.0.0.1", 0)
        try:
            yield proxy
        finally:
            proxy._server.close()
            for writer in proxy._writers:
                writer.transport.abort()
            if proxy._tasks:
                await asyncio.wait(proxy._tasks)

    @property
    def address(self) -> PeerAddress:
        assert self._server is not None
        return PeerAddress(*self._server.sockets[0].getsockname())

    def silence(self) -> None:
        self._is_silent = True
        self._dead.update(self._writers)

    def cut(self) -> None:
        """End all connections that there are."""
        for writer in self._writers:
            writer.transport.abort()

    def heal(self) -> None:
        """New connections are passed on again; those that fell silent stay so, as if their packets took minutes."""
        self._is_silent = False

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        self._writers += [writer, there_writer]
        if self._is_silent:
            self._dead |= {writer, there_writer}
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pass_on(reader, there_writer))
            group.create_task(self._pass_on(there_reader, writer))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while octets := await reader.read(1 << 16):
                if writer not in self._dead:
                    writer.write(octets)
        except ConnectionError:
            pass
        if writer not in self._dead:
            writer.close()
