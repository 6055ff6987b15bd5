"""Waits until everything that can happen now has happened, for tests that would otherwise sleep."""

import asyncio
from collections import Counter
from collections.abc import Sized
from typing import Final

PATIENCE: Final = 10.0
"""Seconds of real time after which busy actors are assumed never to settle."""

BLIND_TURNS: Final = 100
"""Iterations granted to an event loop that does not expose its ready queue."""

_settling: Final[Counter[asyncio.AbstractEventLoop]] = Counter()
"""Number of waiting callers per event loop: they would keep each other awake."""


async def settle() -> None:
    """Return when the event loop has had nothing to run for a whole iteration.

    Then every actor has handled its messages, and unfinished work waits for time to pass, for a
    socket, for a thread (the SQLite journal writes in one), or for this test. Raises AssertionError if that is not
    reached within 10 seconds of real time, for example because two actors message each other forever. An event loop
    other than asyncio's own gets a hundred iterations instead.
    """
    loop = asyncio.get_running_loop()
    ready: Sized | None = getattr(loop, "_ready", None)
    if ready is None:
        for _ in range(BLIND_TURNS):
            await asyncio.sleep(0)
        return
    deadline = loop.time() + PATIENCE
    _settling[loop] += 1
    try:
        quiet = 0
        # Two checks: the loop polls its sockets only between them.
        while quiet < 2:
            await asyncio.sleep(0)
            quiet = quiet + 1 if len(ready) < _settling[loop] else 0
            if loop.time() > deadline:
                raise AssertionError(
                    f"the actors have not settled within {PATIENCE} s: something never stops sending, "
                    "such as two actors that answer each other"
                )
    finally:
        _settling[loop] -= 1
        if not _settling[loop]:
            del _settling[loop]
