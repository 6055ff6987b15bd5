"""What waits for one peer, and the connection over which it leaves."""

import asyncio
import struct
from asyncio import StreamReader, StreamWriter
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from casty.address import PeerAddress
from casty.spi.transport import ConnectFailure, Lane

from tests.plugins.stranger.handshake import Refused

if TYPE_CHECKING:
    from tests.plugins.stranger.transport import UnixTransport

HEADER: Final = struct.Struct(">BI")
LANES: Final = (Lane.control, Lane.user)
RETRY: Final = 0.02
"""Seconds."""


class Link:
    """The way to one peer, until it is finished."""

    def __init__(self, owner: "UnixTransport", peer: PeerAddress, before: "Link | None") -> None:
        self._owner = owner
        self._peer = peer
        self._before = before
        """The one that is ending: what it has leaves first."""
        self._queues: dict[Lane, deque[bytes]] = {lane: deque() for lane in LANES}
        self._bytes = dict.fromkeys(LANES, 0)
        self._news = asyncio.Event()
        self._is_finishing = False
        self._task = asyncio.ensure_future(self._run())

    def put(self, frame: bytes, lane: Lane) -> bool:
        options, queue = self._owner.options, self._queues[lane]
        if len(queue) >= options.queue_frames or self._bytes[lane] + len(frame) > options.queue_bytes:
            return False
        queue.append(frame)
        self._bytes[lane] += len(frame)
        self._news.set()
        return True

    def abandon(self) -> None:
        """Hang up, whatever is queued."""
        self._task.cancel()

    async def finish(self) -> None:
        """Let what is queued leave, as far as it can soon, and drop the rest."""
        self._is_finishing = True
        self._news.set()
        await asyncio.wait([self._task], timeout=self._owner.options.close_timeout)
        self._task.cancel()
        await asyncio.wait([self._task])
        self._drop("this endpoint closed the connection")

    async def _run(self) -> None:
        if self._before is not None:
            await self._before.finish()
        loop = asyncio.get_running_loop()
        failing_since: float | None = None
        while await self._wanted():
            try:
                node, reader, writer = await self._owner.dial(self._peer)
            except (OSError, EOFError, ValueError, TimeoutError, Refused) as error:
                self._failed(error)
                failing_since = failing_since or loop.time()
                if self._is_finishing or loop.time() - failing_since > self._owner.options.give_up_after:
                    self._drop(f"there is no way to {self._peer}: {error}")
                    failing_since = None
                await asyncio.sleep(RETRY)
                continue
            failing_since = None
            self._owner.arrive(node)
            try:
                with suppress(OSError):
                    await self._pump(reader, writer)
            finally:
                writer.close()
                self._owner.depart(node)

    def _failed(self, error: Exception) -> None:
        owner = self._owner
        failure = ConnectFailure.rejected if isinstance(error, Refused) else ConnectFailure.unreachable
        owner.counts[failure.value] += 1
        owner.tell(owner.receiver.connect_failed, self._peer, failure, str(error))

    async def _wanted(self) -> bool:
        """Whether there is something to send, as soon as there is, or else when the link is to end."""
        while not any(self._queues.values()):
            if self._is_finishing:
                return False
            self._news.clear()
            await self._news.wait()
        return True

    async def _pump(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Until the peer hangs up, or the link has finished."""
        gone = asyncio.ensure_future(reader.read())
        try:
            while not gone.done():
                lane = next((lane for lane in LANES if self._queues[lane]), None)
                if lane is not None:
                    frame = self._queues[lane].popleft()
                    self._bytes[lane] -= len(frame)
                    writer.write(HEADER.pack(LANES.index(lane), len(frame)) + frame)
                    await writer.drain()
                elif self._is_finishing:
                    return
                else:
                    self._news.clear()
                    news = asyncio.ensure_future(self._news.wait())
                    try:
                        await asyncio.wait([gone, news], return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        news.cancel()
        finally:
            gone.cancel()
            writer.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(self._owner.options.close_timeout):
                    await writer.wait_closed()

    def _drop(self, reason: str) -> None:
        frames = [frame for lane in LANES for frame in self._queues[lane]]
        for lane in LANES:
            self._queues[lane].clear()
            self._bytes[lane] = 0
        if frames:
            self._owner.tell(self._owner.receiver.frames_dropped, self._peer, frames, reason)
