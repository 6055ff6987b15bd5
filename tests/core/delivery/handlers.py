"""Consumers that keep a record of what they handle, and fail, stop or stay silent as a test wants."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from casty import ActorContext, Behavior, Behaviors
from casty.delivery import Delivery


class Boom(Exception):
    """A failure that a test wants."""


class Recorder:
    """A consumer's behavior. `fails` says how often the handling of a message fails before it succeeds."""

    def __init__(self, **fails: int) -> None:
        self.seen: list[str] = []
        """Each handling, also one that failed."""
        self.positions: list[int] = []
        self.starts = 0
        self.silent = False
        """Whether messages are not confirmed."""
        self.gate = asyncio.Event()
        """Handlers wait for it."""
        self.gate.set()
        self._fails = Counter(fails)

    def behavior(self, wrap: Callable[[Behavior[Any]], Behavior[Any]] = lambda inner: inner) -> Behavior[Delivery[str]]:
        async def setup(_: ActorContext[Any]) -> Behavior[Any]:
            self.starts += 1
            return Behaviors.receive(self._receive)

        return wrap(Behaviors.setup(setup))

    async def _receive(self, ctx: ActorContext[Delivery[str]], delivery: Delivery[str]) -> Behavior[Delivery[str]]:
        self.seen.append(delivery.message)
        self.positions.append(delivery.position)
        await self.gate.wait()
        if self._fails[delivery.message] > 0:
            self._fails[delivery.message] -= 1
            raise Boom
        if delivery.message == "stop":
            delivery.confirm()
            return Behaviors.stopped()
        if not self.silent:
            delivery.confirm()
        return Behaviors.same()


TEXTS = [f"text {number}" for number in range(200)]
