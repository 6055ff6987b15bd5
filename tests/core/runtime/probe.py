"""What the tests of the runtime play with: a collector of events, and actors for whatever is wanted of them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from casty import ActorContext, ActorRef, ActorSystem, Behavior, Behaviors, CastyConfig
from casty.config import SystemConfig
from casty.testing import settle

PATIENCE = 60.0
"""Seconds after which something that should have come will not come any more."""
PATIENT = CastyConfig(system=SystemConfig(stop_timeout=300.0))
"""A shutdown that waits until `stop_timeout` is over does not end within `PATIENCE`, on a machine however slow."""


async def turns(count: int) -> None:
    """Let the event loop turn: a handler that awaits this really suspends."""
    for _ in range(count):
        await asyncio.sleep(0)


class Events[E]:
    """Keeps what a system publishes of one type."""

    def __init__(self, system: ActorSystem, event_type: type[E]) -> None:
        self._inbox: asyncio.Queue[E] = asyncio.Queue()
        self.seen: list[E] = []
        system.event_stream.subscribe(event_type, self._keep)

    def _keep(self, event: E) -> None:
        self.seen.append(event)
        self._inbox.put_nowait(event)

    async def receive(self) -> E:
        async with asyncio.timeout(PATIENCE):
            return await self._inbox.get()


async def nothing(_ctx: ActorContext[Any], _message: Any) -> Behavior[Any]:
    """A handler that does nothing."""
    return Behaviors.same()


class Boom(Exception):
    """What fails on purpose here."""


@dataclass(frozen=True)
class Question:
    """A message that asks."""

    reply_to: ActorRef[str]
    text: str = ""


def questioning(text: str = "") -> Callable[[ActorRef[str]], Question]:
    """What `ask` wants: makes the question for a reply reference."""
    return lambda reply_to: Question(reply_to, text)


async def echo(_ctx: ActorContext[Question], question: Question) -> Behavior[Question]:
    """A handler that answers."""
    question.reply_to.tell(question.text)
    return Behaviors.same()


type Ctx = ActorContext[str]


def does(action: Callable[[Ctx, str], object]) -> Behavior[str]:
    """An actor that calls `action`, goes on with what that returns if it is a behavior, and stops at "stop"."""

    async def handler(ctx: Ctx, message: str) -> Behavior[str]:
        if message == "stop":
            return Behaviors.stopped()
        following = action(ctx, message)
        return cast(Behavior[str], following) if isinstance(following, Behavior) else Behaviors.same()

    return Behaviors.receive(handler)


def begins(action: Callable[[Ctx], Behavior[str]]) -> Behavior[str]:
    """`Behaviors.setup` of a function that awaits nothing."""

    async def factory(ctx: Ctx) -> Behavior[str]:
        return action(ctx)

    return Behaviors.setup(factory)


def fails(_ctx: Ctx, message: str) -> None:
    """An action that raises."""
    raise Boom(message)


class Family:
    """A parent that spawns its children when it starts, and the messages that it receives afterwards."""

    def __init__(
        self,
        system: ActorSystem,
        *children: Behavior[str],
        around: Callable[[Behavior[str]], Behavior[str]] = lambda behavior: behavior,
        action: Callable[[Ctx, str], object] = lambda ctx, message: None,
    ) -> None:
        self.children: list[ActorRef[str]] = []
        self.adapter: ActorRef[str] | None = None

        def start(ctx: Ctx) -> Behavior[str]:
            self.children = [ctx.spawn(child, f"child-{n}") for n, child in enumerate(children)]
            return does(action)

        self.parent = system.spawn(around(begins(start)), "parent")

    async def started(self) -> "Family":
        await settle()
        return self
