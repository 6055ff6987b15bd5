"""The longest time that the event loop is blocked during huge operations, in milliseconds.

    uv run benchmarks/holding.py [--json] [--rounds 5] [--only NAME] [--scale 1.0]

A callback runs in every iteration of the loop; the figure is the longest processor time of this thread between two
callbacks, so that other load on the machine does not count. Garbage collection is switched off, because it is the
interpreter's: one of the middle generation takes 90 ms with 100,000 new actors.
"""

import asyncio
import gc
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from casty import ActorContext, ActorRef, ActorStopped, ActorSystem, Behavior, Behaviors, InMemoryJournal
from table import Measurement, run_program

type Ctx = ActorContext[Any]
type Next = Behavior[Any]

BOUND_MS = 20.0
"""Limit for all operations of ours."""


@dataclass(frozen=True, slots=True)
class Question:
    reply_to: ActorRef[int]


class Beat:
    """Runs in every iteration of the loop and records the longest one."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._last = time.thread_time()
        self._over = False
        self.longest_ms = 0.0
        self._beat()

    def _beat(self) -> None:
        now = time.thread_time()
        self.longest_ms = max(self.longest_ms, 1e3 * (now - self._last))
        self._last = now
        if not self._over:
            self._loop.call_soon(self._beat)

    def stop(self) -> None:
        self._over = True
        self._beat()


@contextmanager
def beating() -> Generator[Beat]:
    gc.disable()
    beat = Beat()
    try:
        yield beat
    finally:
        beat.stop()
        gc.enable()


def end_of(system: ActorSystem, path: str) -> asyncio.Event:
    """Set when the actor has stopped."""
    stopped = asyncio.Event()

    def look(event: ActorStopped) -> None:
        if event.ref.address.path == path:
            stopped.set()

    system.event_stream.subscribe(ActorStopped, look)
    return stopped


async def ignore(ctx: Ctx, message: object) -> Next:
    return Behaviors.same()


async def stop_all(actors: int) -> float:
    """Stop actors at the top of the tree, by a shutdown."""
    system = await ActorSystem().__aenter__()
    behavior = Behaviors.receive(ignore)
    for _ in range(actors):
        system.spawn(behavior)
    with beating() as beat:
        await system.shutdown()
    return beat.longest_ms


async def stop_family(actors: int, *, started: bool) -> float:
    """Stop the children of one parent, which have run a setup if `started`."""

    async def begin(ctx: Ctx) -> Next:
        return Behaviors.receive(ignore)

    child = Behaviors.setup(begin) if started else Behaviors.receive(ignore)

    spawned = asyncio.Event()

    async def parent(ctx: Ctx, message: str) -> Next:
        if message == "stop":
            return Behaviors.stopped()
        for number in range(actors):
            ctx.spawn(child)
            if number % 1_000 == 0:
                await asyncio.sleep(0)
        spawned.set()
        return Behaviors.same()

    async with ActorSystem() as system:
        stopped = end_of(system, "/parent")
        ref = system.spawn(Behaviors.receive(parent), "parent")
        ref.tell("spawn")
        await spawned.wait()
        await asyncio.sleep(0.1)
        with beating() as beat:
            ref.tell("stop")
            await stopped.wait()
        return beat.longest_ms


async def stop_region(entities: int) -> float:
    """Stop a region by a shutdown, all of whose entities are active."""
    system = await ActorSystem().__aenter__()
    await fill_region(system, entities)
    with beating() as beat:
        await system.shutdown()
    return beat.longest_ms


async def passivate(entities: int) -> float:
    """Send messages to entities of which a hundredth may be active."""
    async with ActorSystem() as system:
        with beating() as beat:
            await fill_region(system, entities, limit=max(1, entities // 100))
        return beat.longest_ms


async def fill_region(system: ActorSystem, entities: int, limit: int | None = None) -> None:
    behavior = Behaviors.receive(ignore)
    region = system.spawn(Behaviors.sharded(lambda entity_id: behavior, limit=limit), "region")
    for number in range(entities):
        region.entity(f"entity-{number}").tell("hello")
        if number % 1_000 == 999:
            await asyncio.sleep(0)
    await asyncio.sleep(0.1)


async def time_out(asks: int) -> float:
    async with ActorSystem() as system:
        ref = system.spawn(Behaviors.receive(ignore))
        waiting = [asyncio.ensure_future(system.ask_or_none(ref, Question, 3.0)) for _ in range(asks)]
        await asyncio.sleep(0)
        with beating() as beat:
            for ask in waiting:
                await ask
        return beat.longest_ms


async def die_asked(asks: int) -> float:
    """Ask an actor that stops."""

    async def handle(ctx: Ctx, message: object) -> Next:
        return Behaviors.stopped() if message == "stop" else Behaviors.same()

    async with ActorSystem() as system:
        ref: ActorRef[Any] = system.spawn(Behaviors.receive(handle))
        waiting = [asyncio.ensure_future(system.ask_or_none(ref, Question, 60.0)) for _ in range(asks)]
        await asyncio.sleep(0.01)
        with beating() as beat:
            ref.tell("stop")
            for ask in waiting:
                await ask
        return beat.longest_ms


async def handle_queued(messages: int) -> float:
    """Handle messages queued for an actor that was blocked."""
    gate, done = asyncio.Event(), asyncio.Event()

    async def handle(ctx: Ctx, message: tuple[int]) -> Next:
        await gate.wait()
        if message[0] == messages - 1:
            done.set()
        return Behaviors.same()

    async with ActorSystem() as system:
        await fill(system.spawn(Behaviors.receive(handle)), messages)
        with beating() as beat:
            gate.set()
            await done.wait()
            await asyncio.sleep(0)
        return beat.longest_ms


async def die_queued(messages: int) -> float:
    """Turn messages into dead letters, by stopping their actor."""
    gate = asyncio.Event()

    async def handle(ctx: Ctx, message: object) -> Next:
        await gate.wait()
        return Behaviors.stopped()

    async with ActorSystem() as system:
        stopped = end_of(system, "/full")
        await fill(system.spawn(Behaviors.receive(handle), "full"), messages)
        with beating() as beat:
            gate.set()
            await stopped.wait()
        return beat.longest_ms


async def fill(ref: ActorRef[Any], messages: int) -> None:
    ref.tell((0,))
    await asyncio.sleep(0.01)
    for number in range(1, messages):
        ref.tell((number,))


async def cancel_timers(timers: int) -> float:
    async def begin(ctx: Ctx) -> Next:
        for number in range(timers):
            ctx.timers.start(str(number), number, after=3_600)
        return Behaviors.receive(ignore)

    system = await ActorSystem().__aenter__()
    system.spawn(Behaviors.setup(begin))
    await asyncio.sleep(0.01)
    with beating() as beat:
        await system.shutdown()
    return beat.longest_ms


async def list_children(actors: int) -> float:
    took: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def begin(ctx: Ctx) -> Next:
        child = Behaviors.receive(ignore)
        for _ in range(actors):
            ctx.spawn(child)
        start = time.thread_time()
        assert len(ctx.children) == actors
        took.set_result(1e3 * (time.thread_time() - start))
        return Behaviors.receive(ignore)

    async with ActorSystem() as system:
        system.spawn(Behaviors.setup(begin))
        return await took


async def replay(events: int) -> float:
    def entity(journal: InMemoryJournal) -> Next:
        async def add(ctx: Ctx, state: int, command: Any) -> Next:
            if isinstance(command, Question):
                return Behaviors.persisted([], reply=(command.reply_to, state))
            return Behaviors.persisted([1] * command)

        def count(state: int, event: int) -> int:
            return state + event

        return Behaviors.event_sourced(
            entity_id="long", initial_state=0, on_event=count, on_command=add, journal=journal
        )

    journal = InMemoryJournal()
    async with journal:
        async with ActorSystem() as system:
            ref = system.spawn(entity(journal))
            for _ in range(events // 500):
                ref.tell(500)
                await asyncio.sleep(0)
            await system.ask(ref, Question, 60.0)
        async with ActorSystem() as system:
            with beating() as beat:
                assert await system.ask(system.spawn(entity(journal)), Question, 60.0)
            return beat.longest_ms


def measurements(scale: float) -> Sequence[Measurement]:
    def times(number: int) -> int:
        return max(int(number * scale), 1_000)

    def row(name: str, run: Callable[[], Any]) -> Measurement:
        return Measurement(name=name, run=run, unit="ms", target=BOUND_MS)

    million, many = times(1_000_000), times(100_000)
    return [
        row("1,000,000 actors stop at shutdown", partial(stop_all, million)),
        row("1,000,000 children stop", partial(stop_family, million, started=False)),
        row("100,000 started children stop", partial(stop_family, many, started=True)),
        row("1,000,000 children are listed", partial(list_children, million)),
        row("100,000 entities of a region stop", partial(stop_region, many)),
        row("100,000 entities within a limit of 1,000", partial(passivate, many)),
        row("100,000 asks time out", partial(time_out, many)),
        row("100,000 asks of an actor that stops", partial(die_asked, many)),
        row("1,000,000 queued messages are handled", partial(handle_queued, million)),
        row("1,000,000 queued messages die", partial(die_queued, million)),
        row("100,000 timers are cancelled", partial(cancel_timers, many)),
        row("100,000 events are replayed", partial(replay, many)),
    ]


if __name__ == "__main__":
    run_program("Longest time that the event loop is blocked", measurements)
