"""The queue of frames for one address on one lane, and the connection that sends them: the oldest living one, so that
no frame overtakes an earlier one. A link without a connection dials for as long as frames are queued.
"""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, Final, final

from casty.address import PeerAddress
from casty.spi.transport import ConnectFailure, Lane

from casty_transport_tcp.connection import Connection
from casty_transport_tcp.framing import data_frames
from casty_transport_tcp.options import TcpOptions
from casty_transport_tcp.reasons import Ending, Reason

WRITE_BYTES: Final = 256 << 10
"""Of one write: many frames, one call of the system."""
TURN_BYTES: Final = 1 << 20
"""Written in one turn of the loop, so that other tasks run in between."""

type Dial = Callable[["Link"], Coroutine[Any, Any, Ending | None]]
"""Makes a connection and attaches it to the link that it belongs to; else the result is why it failed."""


@final
class Link:
    """One lane to one address, whichever incarnation is there."""

    def __init__(
        self,
        address: PeerAddress,
        lane: Lane,
        options: TcpOptions,
        *,
        dial: Dial,
        random: Random,
        on_dropped: Callable[[PeerAddress, list[bytes], str], None],
        on_idle: Callable[["Link"], None],
    ) -> None:
        self.address: Final = address
        self.lane: Final = lane
        self._options = options
        self._most_frames, self._most_bytes = options.queue_frames, options.queue_bytes
        self._dial = dial
        self._random = random
        self._on_dropped = on_dropped
        self._on_idle = on_idle
        self._loop = asyncio.get_running_loop()
        self._queue: list[bytes] = []
        self._queued_bytes = 0
        self._connections: list[Connection] = []
        self._receives_over: Connection | None = None
        self._armed = False
        self._dialing: asyncio.Task[None] | None = None
        self._failures = 0
        self._is_resting = False
        self._empty = asyncio.Event()
        """Set when everything queued is written, or cannot be."""

    @property
    def is_idle(self) -> bool:
        return not self._queue and not self._connections and self._dialing is None

    @property
    def failures(self) -> int:
        """Failed attempts to connect since the last successful one."""
        return self._failures

    @property
    def is_connected(self) -> bool:
        return bool(self._connections)

    def send(self, frame: bytes) -> bool:
        """Queue a frame. False: the queue is full."""
        queue, size = self._queue, self._queued_bytes + len(frame)
        if size > self._most_bytes or len(queue) >= self._most_frames:
            return False
        queue.append(frame)
        self._queued_bytes = size
        if not self._armed:
            self.flush_soon()
        return True

    def attach(self, connection: Connection) -> None:
        """A connection to the address is up."""
        self._connections.append(connection)
        self._failures = 0
        if self._dialing is not None and self._is_resting:
            self._dialing.cancel()
        self.flush_soon()

    def detach(self, connection: Connection) -> None:
        """A connection has ended: the next one takes over, or a new one is made if frames are queued."""
        self._connections.remove(connection)
        if self._receives_over is connection:
            self._receives_over = None
        # After a break, wait before dialing again: the cause may still be there.
        self._failures = int(connection.ending is not None and connection.ending.reason is not Reason.closed)
        self.flush_soon()

    def receives_over(self, connection: Connection) -> None:
        """The peer sends over this connection now: it has stopped using the one before."""
        before, self._receives_over = self._receives_over, connection
        if before is not None:
            before.close(Ending(Reason.superseded))

    def flush_soon(self) -> None:
        """In the next turn of the loop, write what is queued, or start to dial."""
        if not self._armed:
            self._armed = True
            self._loop.call_soon(self._flush)

    def take_over(self, other: "Link") -> None:
        """Append the queue of another name of this address to this one."""
        self._queued_bytes += other._queued_bytes
        self._queue += other._take_all()
        other._empty.set()
        self.flush_soon()

    def drop(self, reason: str) -> None:
        """Drop everything that is queued."""
        self._empty.set()
        if self._queue:
            self._on_dropped(self.address, self._take_all(), reason)

    async def disconnect(self, reason: str) -> None:
        """Write what is queued, within `close_timeout`; then end all connections, and wait until they are closed."""
        if self._queue and not self._is_resting:
            self._empty.clear()
            self.flush_soon()
            try:
                async with asyncio.timeout(self._options.close_timeout):
                    await self._empty.wait()
            except TimeoutError:
                pass  # the rest is dropped below
        self.drop(reason)
        if self._dialing is not None:
            self._dialing.cancel()
            await asyncio.wait([self._dialing])
        ended = list(self._connections)
        for connection in ended:
            connection.close(Ending(Reason.closed))
        if ended:
            await asyncio.wait([connection.gone for connection in ended])

    def _flush(self) -> None:
        self._armed = False
        if not self._connections:
            self._start_to_dial()
            return
        connection, turn = self._connections[0], 0
        while self._queue and connection.is_writable:
            if turn >= TURN_BYTES:
                self.flush_soon()
                return
            written = data_frames(self._take_some())
            turn += len(written)
            connection.write(written)
        if not self._queue:
            self._empty.set()

    def _take_some(self) -> list[bytes]:
        """Frames from the front of the queue, `WRITE_BYTES` of them or a little more."""
        if self._queued_bytes <= WRITE_BYTES:
            return self._take_all()
        size = number = 0
        while size < WRITE_BYTES:
            size += len(self._queue[number])
            number += 1
        taken = self._queue[:number]
        del self._queue[:number]
        self._queued_bytes -= size
        return taken

    def _take_all(self) -> list[bytes]:
        taken, self._queue, self._queued_bytes = self._queue, [], 0
        return taken

    def _start_to_dial(self) -> None:
        if self.address.is_client:
            self.drop(f"the client {self.address.host} is not connected to this node")
        if self._queue and self._dialing is None:
            self._dialing = self._loop.create_task(self._dial_until_connected())
            self._dialing.add_done_callback(self._dialed)
        elif self.is_idle:
            self._on_idle(self)

    def _dialed(self, task: "asyncio.Task[None]") -> None:
        self._dialing = None
        self._is_resting = False
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
        self.flush_soon()

    async def _dial_until_connected(self) -> None:
        failed: Ending | None = None
        give_up_after = self._options.give_up_after
        try:
            async with asyncio.timeout(give_up_after):
                while self._queue and not self._connections:
                    await self._rest()
                    failed = await self._dial(self)
                    if failed is not None:
                        self._failures += 1
                        self._empty.set()
                        if failed.failure is ConnectFailure.itself:
                            self.drop(str(failed))
        except TimeoutError:
            self._failures = 0
            if not self._connections:
                why = f": {failed}" if failed is not None else ""
                self.drop(f"no connection to {self.address} in {give_up_after:g} s{why}")

    async def _rest(self) -> None:
        if self._failures:
            growing = self._options.first_retry * 2 ** min(self._failures - 1, 30)
            self._is_resting = True
            await asyncio.sleep(min(growing, self._options.longest_retry) * self._random.uniform(0.5, 1.0))
            self._is_resting = False
