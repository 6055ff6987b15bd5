"""Several attempts of which one is enough, each with a head start before the next one: RFC 8305, "Happy Eyeballs"."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

HEAD_START: Final = 0.25
"""Seconds, as the RFC recommends. After one that fails the next one starts at once."""


async def race[F](
    attempts: Sequence[Callable[[], Coroutine[Any, Any, F | None]]], head_start: float = HEAD_START
) -> list[F]:
    """How all attempts have failed; nothing if one of them has succeeded, which is to return None. Then, and when this
    is cancelled, the others are cancelled.
    """
    failures: list[F] = []
    waiting = list(reversed(attempts))
    running: set[asyncio.Task[F | None]] = set()
    try:
        while waiting or running:
            if waiting:
                running.add(asyncio.create_task(waiting.pop()()))
            timeout = head_start if waiting else None
            done, running = await asyncio.wait(running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            outcomes = [task.result() for task in done]
            if None in outcomes:
                return []
            failures += [failed for failed in outcomes if failed is not None]
        return failures
    finally:
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
