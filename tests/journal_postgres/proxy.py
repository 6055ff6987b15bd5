"""A TCP proxy between a journal and its server that loses what the server answers."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Self
from urllib.parse import urlsplit

SSL_REQUEST_LENGTH = 8


class Proxy:
    """Forwards by default. `dsn` leads to the server through it."""

    def __init__(self, dsn: str, tls: ssl.SSLContext | None = None) -> None:
        self._target = urlsplit(dsn)
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self._port = 0
        self.connections = 0
        self.away = False
        """Connections are closed as soon as they are opened."""
        self.mute = False
        """Lose replies silently."""
        self.cut_at_answer = False
        """The next answer gets lost, and its connection with it."""

    @property
    def dsn(self) -> str:
        target = self._target
        user = f"{target.username}:{target.password}" if target.password else target.username
        return f"postgresql://{user}@localhost:{self._port}{target.path}"

    def go_away(self) -> None:
        """Break all connections, and refuse new ones."""
        self.away = True
        for task in self._tasks:
            task.cancel()

    def lead_to(self, dsn: str) -> None:
        """Connections that are made from now on lead to another server."""
        self._target = urlsplit(dsn)

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[Self]:
        server = await asyncio.start_server(self._serve, "localhost", 0)
        self._port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.go_away()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        try:
            if not self.away:
                await self._connect(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            return  # a server that is down, a client that does not like our certificate, or `go_away`
        finally:
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._tls is not None:
            await reader.readexactly(SSL_REQUEST_LENGTH)
            writer.write(b"S")
            await writer.start_tls(self._tls)
        answers, requests = await asyncio.open_connection(self._target.hostname, self._target.port)
        pumps = [
            asyncio.ensure_future(self._pump(reader, requests, lambda: True)),
            asyncio.ensure_future(self._pump(answers, writer, self._may_answer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            requests.transport.abort()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, may: Callable[[], bool]) -> None:
        while data := await reader.read(65536):
            if may():
                writer.write(data)
                await writer.drain()
            elif not self.mute:
                return

    def _may_answer(self) -> bool:
        cut, self.cut_at_answer = self.cut_at_answer, False
        return not cut and not self.mute
