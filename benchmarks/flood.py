"""Actors that never rest, to measure what the event loop still does for others."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

from casty import ActorContext, ActorSystem, Behavior, Behaviors

FLOODERS: Final = 100


@asynccontextmanager
async def flooded(system: ActorSystem) -> AsyncGenerator[None]:
    """For the duration of the block, a hundred actors keep sending themselves messages."""
    rising = True
    same = Behaviors.same()

    async def go_on(ctx: ActorContext[Any], message: object) -> Behavior[Any]:
        if rising:
            ctx.self.tell(message)
        return same

    for _ in range(FLOODERS):
        system.spawn(Behaviors.receive(go_on)).tell(None)
    try:
        yield
    finally:
        rising = False
