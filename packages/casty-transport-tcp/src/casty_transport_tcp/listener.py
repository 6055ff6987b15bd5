"""The listening socket: it goes on accepting whatever happens to the connections that it has accepted.

At most `MAX_PENDING` handshakes run at a time; one more, and the one that has taken longest is cancelled. A real peer
is done within milliseconds, so that only connections that merely hold a place lose it.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Final, final

from casty_transport_tcp.incidents import Incidents
from casty_transport_tcp.reasons import Reason
from casty_transport_tcp.tls import explained

MAX_PENDING: Final = 64
BACKLOG: Final = 128
FIRST_PAUSE: Final = 0.05
"""Seconds until the next attempt to accept, after one that failed for lack of file descriptors or the like."""
LONGEST_PAUSE: Final = 1.0


@final
class Listener:
    """Accepts from its making to its closing. `greet` owns the socket that it is given."""

    def __init__(
        self,
        listening: socket.socket,
        greet: Callable[[socket.socket], Coroutine[Any, Any, None]],
        incidents: Incidents,
    ) -> None:
        self._socket = listening
        self._greet = greet
        self._incidents = incidents
        self._pending: dict[asyncio.Task[None], None] = {}
        """Handshakes under way, oldest first."""
        self._accepting = asyncio.get_running_loop().create_task(self._accept_all())

    async def close(self) -> None:
        """Stop listening, and cancel the handshakes under way."""
        tasks = [self._accepting, *self._pending]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        self._socket.close()

    async def _accept_all(self) -> None:
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE
        while True:
            try:
                accepted, _ = await loop.sock_accept(self._socket)
            except OSError as error:
                self._incidents.note("accepting connections", explained(error, Reason.broken), address="")
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            pause = FIRST_PAUSE
            self._receive(loop.create_task(self._greet(accepted)))
            await asyncio.sleep(0)  # the backlog may be long: let other tasks run between two connections

    def _receive(self, task: "asyncio.Task[None]") -> None:
        while len(self._pending) >= MAX_PENDING:
            longest = next(iter(self._pending))
            del self._pending[longest]
            longest.cancel()
        self._pending[task] = None
        task.add_done_callback(self._greeted)

    def _greeted(self, task: "asyncio.Task[None]") -> None:
        self._pending.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
