"""When everything that can happen now has happened: what a test waits for instead of sleeping."""

import asyncio
from collections import Counter
from collections.abc import Sized
from typing import Final

PATIENCE: Final = 10.0
"""Seconds of real time after which actors that are still busy will not settle any more."""

BLIND_TURNS: Final = 100
"""Turns of an event loop that does not show what it has yet to run."""

_settling: Final[Counter[asyncio.AbstractEventLoop]] = Counter()
"""How many wait on each event loop: they would keep each other awake."""


async def settle() -> None:
    """Return when the event loop has had nothing to run for a whole turn.

    Then every actor has handled whatever reached it, and what is still unfinished waits for time to pass, for a
    socket, for a thread (the SQLite journal writes in one), or for this test. Raises AssertionError where that is not
    so within 10 seconds of real time, for example because two actors answer each other for ever. An event loop other
    than asyncio's own gets a hundred turns instead.
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
        # Two looks: only between them the loop asks the sockets.
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
