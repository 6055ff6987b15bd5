"""What the tests of the runtime watch with: an actor that collects, a collector of events, and a clock of their own."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from casty import ActorContext, ActorRef, ActorSystem, Behavior, Behaviors
from casty.runtime.timers import KeyedTimers

PATIENCE = 5.0
"""Seconds after which something that should have come will not come any more."""


async def turns(at_most: int = 50, until: Callable[[], bool] = lambda: False) -> None:
    """Let the event loop turn, until something is so, or so often that whatever was on its way has arrived."""
    for _ in range(at_most):
        if until():
            return
        await asyncio.sleep(0)


class Probe[M]:
    """An actor that keeps what it is told."""

    def __init__(self, system: ActorSystem, name: str | None = None) -> None:
        self._inbox: asyncio.Queue[M] = asyncio.Queue()
        self.ref: ActorRef[M] = system.spawn(Behaviors.receive(self._take), name)

    async def _take(self, _ctx: ActorContext[M], message: M) -> Behavior[M]:
        self._inbox.put_nowait(message)
        return Behaviors.same()

    async def next(self) -> M:
        async with asyncio.timeout(PATIENCE):
            return await self._inbox.get()

    async def take(self, count: int) -> list[M]:
        return [await self.next() for _ in range(count)]

    async def rest(self) -> list[M]:
        """What has come, and what is on its way."""
        await turns()
        return [self._inbox.get_nowait() for _ in range(self._inbox.qsize())]


class Events[E]:
    """Keeps what a system publishes of one type."""

    def __init__(self, system: ActorSystem, event_type: type[E]) -> None:
        self._inbox: asyncio.Queue[E] = asyncio.Queue()
        self.seen: list[E] = []
        system.event_stream.subscribe(event_type, self._keep)

    def _keep(self, event: E) -> None:
        self.seen.append(event)
        self._inbox.put_nowait(event)

    async def next(self) -> E:
        async with asyncio.timeout(PATIENCE):
            return await self._inbox.get()

    async def where(self, wanted: Callable[[E], bool]) -> E:
        while not wanted(event := await self.next()):
            pass
        return event


@dataclass(slots=True, eq=False)
class Call:
    """A call that a manual clock has planned."""

    due: float
    run: Callable[[], object]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass(slots=True)
class ManualClock:
    """Time that passes when a test says so."""

    now: float = 0.0
    calls: list[Call] = field(default_factory=list[Call])

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: Any, *args: Any) -> Call:
        call = Call(self.now + delay, lambda: callback(*args))
        self.calls.append(call)
        return call

    def waits(self) -> list[float]:
        """Seconds until each planned call."""
        return sorted(call.due - self.now for call in self.calls if not call.cancelled)

    def advance(self, seconds: float) -> None:
        """Let time pass, and run on the way what falls due."""
        end = self.now + seconds
        while due := [call for call in self.calls if not call.cancelled and call.due <= end]:
            first = min(due, key=lambda call: call.due)
            self.calls.remove(first)
            self.now = max(self.now, first.due)
            first.run()
        self.now = end


def own_time(system: ActorSystem) -> ManualClock:
    """Give a system that has just started a clock that stands still."""
    clock = ManualClock()
    system.kernel.clock = clock
    system.kernel.timers = KeyedTimers(clock)
    return clock


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
    """A parent that starts its children when it starts, and what it is told afterwards."""

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
        await turns(until=lambda: bool(self.children))
        await turns(5)
        return self
