"""The cost of local actors, compared with the bare loops of `floors.py`.

    uv run benchmarks/local.py [--json] [--rounds 5] [--only NAME] [--scale 1.0]

A floor awaits the same handler in a loop: no actor in CPython can be faster.
"""

import asyncio
import gc
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import floors
from casty import Actor, ActorContext, ActorRef, ActorSystem, Behavior, Behaviors, Context, InMemoryJournal
from flood import flooded
from table import Measurement, run_program

type Ctx = ActorContext[Any]
type Next = Behavior[Any]  # named, because an annotation is evaluated each time that its function is made

RECEIVERS = 1_000
"""Number of actors of the fan-out."""
AT_A_TIME = 100
"""Number of asks or event-sourced commands sent before the event loop runs."""


@dataclass(frozen=True, slots=True)
class Question:
    reply_to: ActorRef[int]


@dataclass(frozen=True, slots=True)
class Deposited:
    amount: int


class Counter:
    """Counts messages down until all have been handled."""

    def __init__(self, messages: int) -> None:
        self.left = messages
        self.all_handled = asyncio.get_running_loop().create_future()

    def behavior(self) -> Next:
        same = Behaviors.same()

        async def handle(ctx: Ctx, message: object) -> Next:
            self.left -= 1
            if not self.left:
                self.all_handled.set_result(None)
            return same

        return Behaviors.receive(handle)


async def tell_same(messages: int) -> float:
    async with ActorSystem() as system:
        counter = Counter(messages)
        ref = system.spawn(counter.behavior())
        await asyncio.sleep(0)
        message = object()
        start = time.perf_counter()
        for _ in range(messages):
            ref.tell(message)
        await counter.all_handled
        return messages / (time.perf_counter() - start)


class CountingActor(Actor[Any]):
    """A `Counter` by class."""

    def __init__(self, messages: int, all_handled: asyncio.Future[None]) -> None:
        self.left = messages
        self.all_handled = all_handled

    async def receive(self, msg: object, ctx: Context) -> None:
        self.left -= 1
        if not self.left:
            self.all_handled.set_result(None)


async def send_to_class(messages: int) -> float:
    all_handled = asyncio.get_running_loop().create_future()
    async with ActorSystem() as system:
        ref = await system.actor(CountingActor, messages=messages, all_handled=all_handled)
        message = object()
        start = time.perf_counter()
        for _ in range(messages):
            await ref.send(message)
        await all_handled
        return messages / (time.perf_counter() - start)


async def tell_new(messages: int) -> float:
    all_handled = asyncio.get_running_loop().create_future()

    def after(handled: int) -> Next:
        async def handle(ctx: Ctx, message: object) -> Next:
            if handled + 1 == messages:
                all_handled.set_result(None)
            return after(handled + 1)

        return Behaviors.receive(handle)

    async with ActorSystem() as system:
        ref = system.spawn(after(0))
        await asyncio.sleep(0)
        message = object()
        start = time.perf_counter()
        for _ in range(messages):
            ref.tell(message)
        await all_handled
        return messages / (time.perf_counter() - start)


async def fan_out(messages: int, receivers: int) -> float:
    """Send each message to another actor, and let the event loop run once every actor has one."""
    async with ActorSystem() as system:
        messages -= messages % receivers
        counter = Counter(messages)
        refs = [system.spawn(counter.behavior(), f"receiver-{number}") for number in range(receivers)]
        await asyncio.sleep(0)
        message = object()
        start = time.perf_counter()
        for _ in range(messages // receivers):
            for ref in refs:
                ref.tell(message)
            await asyncio.sleep(0)
        await counter.all_handled
        return messages / (time.perf_counter() - start)


async def ping_pong(round_trips: int) -> float:
    done = asyncio.get_running_loop().create_future()
    same = Behaviors.same()
    count = 0

    async def pong(ctx: Ctx, sender: ActorRef[Any]) -> Next:
        sender.tell(ctx.self)
        return same

    async def ping(ctx: Ctx, sender: ActorRef[Any]) -> Next:
        nonlocal count
        count += 1
        if count == round_trips:
            done.set_result(None)
        else:
            sender.tell(ctx.self)
        return same

    async with ActorSystem() as system:
        ponging, pinging = system.spawn(Behaviors.receive(pong)), system.spawn(Behaviors.receive(ping))
        await asyncio.sleep(0)
        start = time.perf_counter()
        ponging.tell(pinging)
        await done
        return round_trips / (time.perf_counter() - start)


async def ask(questions: int, at_a_time: int) -> float:
    same = Behaviors.same()

    async def answer(ctx: Ctx, question: Question) -> Next:
        question.reply_to.tell(1)
        return same

    async with ActorSystem() as system:
        ref = system.spawn(Behaviors.receive(answer))
        await asyncio.sleep(0)

        async def ask_in_a_row() -> None:
            for _ in range(questions // at_a_time):
                await system.ask(ref, Question)

        start = time.perf_counter()
        await asyncio.gather(*(ask_in_a_row() for _ in range(at_a_time)))
        return questions / (time.perf_counter() - start)


async def spawn(actors: int) -> float:
    names = [f"entity-0000000-{number:05}" for number in range(actors)]
    async with ActorSystem() as system:
        behavior = Counter(0).behavior()
        start = time.perf_counter()
        for name in names:
            system.spawn(behavior, name)
        return actors / (time.perf_counter() - start)


async def stop(actors: int) -> float:
    async with ActorSystem() as system:
        behavior = Counter(0).behavior()
        for _ in range(actors):
            system.spawn(behavior)
        start = time.perf_counter()
    return actors / (time.perf_counter() - start)


async def idle_bytes(actors: int) -> float:
    """Bytes of an actor that has handled a message, with a name of 20 characters."""
    message = object()
    async with ActorSystem() as system:
        counter = Counter(actors)
        behavior = counter.behavior()
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        for number in range(actors):
            system.spawn(behavior, f"entity-0000000-{number:05}").tell(message)
        await counter.all_handled
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return (after - before) / actors


async def event_sourced(commands: int) -> float:
    """Events per second of one entity, with a journal in memory."""
    done = asyncio.get_running_loop().create_future()

    def deposited(balance: int, event: Deposited) -> int:
        return balance + event.amount

    async def deposit(ctx: Ctx, balance: int, command: object) -> Next:
        return Behaviors.persisted([Deposited(1)], then=done.set_result if balance + 1 == commands else None)

    account: Next = Behaviors.event_sourced(
        entity_id="account", initial_state=0, on_event=deposited, on_command=deposit, journal=InMemoryJournal()
    )
    async with ActorSystem() as system:
        ref = system.spawn(account)
        await asyncio.sleep(0.01)  # it recovers
        command = object()
        start = time.perf_counter()
        for number in range(commands):
            ref.tell(command)
            if number % 1_000 == 999:
                await asyncio.sleep(0)  # a journal refuses more than 10,000 writes at once
        await done
        return commands / (time.perf_counter() - start)


async def timer_lateness(timers: int) -> float:
    """Milliseconds by which the worst timer in a hundred is late while actors never rest."""
    loop = asyncio.get_running_loop()
    late: list[float] = []
    async with ActorSystem() as system, flooded(system):
        for _ in range(timers):
            due = loop.time() + 0.002
            fired = loop.create_future()
            loop.call_at(due, fired.set_result, None)
            await fired
            late.append(loop.time() - due)
    return 1e3 * sorted(late)[len(late) * 99 // 100]


def measurements(scale: float) -> Sequence[Measurement]:
    def times(number: int) -> int:
        return max(int(number * scale), AT_A_TIME)

    many, some, actors = times(300_000), times(50_000), times(100_000)
    floor = partial(floors.tell_same, many)
    return [
        Measurement(name="tell, same behavior", run=partial(tell_same, many), floor=floor, target=0.60),
        Measurement(
            name="send to a class actor, beside tell",
            run=partial(send_to_class, many),
            floor=partial(tell_same, many),
            target=1 / 1.5,
        ),
        Measurement(
            name="tell, new behavior", run=partial(tell_new, many), floor=partial(floors.tell_new, many), target=0.75
        ),
        Measurement(
            name="fan-out to 1,000", run=partial(fan_out, many, min(RECEIVERS, many)), floor=floor, target=0.22
        ),
        Measurement(name="ping-pong", run=partial(ping_pong, some), floor=partial(floors.ping_pong, some), target=0.20),
        Measurement(
            name="ask, one after the other", run=partial(ask, some, 1), floor=partial(floors.ask, some), target=0.20
        ),
        Measurement(name="ask, 100 at a time", run=partial(ask, some, AT_A_TIME), floor=partial(floors.ask, some)),
        Measurement(name="spawn", run=partial(spawn, actors), target=500_000),
        Measurement(
            name="stop of 100,000, beside that of 10,000",
            run=partial(stop, actors),
            floor=partial(stop, actors // 10),
            target=0.5,
        ),
        Measurement(name="idle actor", run=partial(idle_bytes, actors), unit="bytes", target=500),
        Measurement(name="event-sourced in memory", run=partial(event_sourced, some), floor=floor, target=0.05),
        Measurement(
            name="timer under a flood, late (p99)", run=partial(timer_lateness, times(500)), unit="ms", target=2.5
        ),
    ]


if __name__ == "__main__":
    run_program("Local actors beside bare loops", measurements)
