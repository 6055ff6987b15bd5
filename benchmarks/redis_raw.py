"""A Redis server and the smallest client of it: commands of many callers are pipelined on one connection."""

import asyncio
import shutil
import socket
import tempfile
from asyncio.subprocess import DEVNULL
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Final, override

PROGRAM: Final = shutil.which("redis-server")
"""Debian's package `redis-server`; None where there is none."""
IN_MEMORY: Final = ("--appendonly", "no")
ON_DISK: Final = ("--appendonly", "yes", "--appendfsync", "always")

type Reply = bytes | int | None


class Redis(asyncio.Protocol):
    """Commands, and their replies in the same order."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport
        self._awaited: deque[asyncio.Future[Reply]] = deque()
        self._received = bytearray()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def do(self, *words: bytes) -> asyncio.Future[Reply]:
        parts = (b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
        self._transport.write(b"*%d\r\n%b" % (len(words), b"".join(parts)))
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._awaited.append(reply)
        return reply

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n")) >= 0:
            kind, text = bytes(self._received[:1]), bytes(self._received[1:end])
            if kind == b"$" and text != b"-1":
                start, end = end + 2, end + 2 + int(text)
                if len(self._received) < end + 2:
                    return
                text = bytes(self._received[start:end])
            del self._received[: end + 2]
            self._answer(kind, text)

    def _answer(self, kind: bytes, text: bytes) -> None:
        reply = self._awaited.popleft()
        if kind == b"-":
            reply.set_exception(RuntimeError(text.decode()))
        elif kind == b":":
            reply.set_result(int(text))
        else:
            reply.set_result(None if text == b"-1" else text)

    def close(self) -> None:
        self._transport.close()


@asynccontextmanager
async def redis(settings: Sequence[str]) -> AsyncGenerator[Redis]:
    """A client of a new server with these settings."""
    assert PROGRAM is not None
    with socket.socket() as looking:
        looking.bind(("127.0.0.1", 0))
        port: int = looking.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="casty-redis-") as folder:
        command = [PROGRAM, "--port", f"{port}", "--bind", "127.0.0.1", "--save", "", "--dir", folder, *settings]
        server = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL, stderr=DEVNULL)
        try:
            client = await _connected(port)
            yield client
            client.close()
        finally:
            server.kill()
            await server.wait()


async def _connected(port: int) -> Redis:
    loop = asyncio.get_running_loop()
    while True:
        try:
            _, client = await loop.create_connection(Redis, "127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.02)
        else:
            return client
