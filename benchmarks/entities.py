"""What entities of a local region cost, beside the same actors without a region.

    uv run benchmarks/entities.py [--json] [--rounds 5] [--only NAME] [--scale 1.0]

The floor of each row does the same with plain actors of the same names.
"""

import asyncio
import gc
import time
import tracemalloc
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from casty import ActorRef, ActorSystem, Behaviors, ShardEnvelope
from local import Counter, Ctx, Next, Question
from table import Measurement, run_program

ENTITIES = 1_000
"""Entities among which the messages are spread."""

type Refs = Callable[[ActorSystem, Next], Sequence[ActorRef[Any]]]


def names(number: int) -> list[str]:
    return [f"entity-0000000-{each:05}" for each in range(number)]


def actors(system: ActorSystem, behavior: Next) -> Sequence[ActorRef[Any]]:
    return [system.spawn(behavior, name) for name in names(ENTITIES)]


def entities(system: ActorSystem, behavior: Next, **arguments: Any) -> Sequence[ActorRef[Any]]:
    region = system.spawn(Behaviors.sharded(lambda entity_id: behavior, **arguments), "region")
    return [region.entity(name) for name in names(ENTITIES)]


async def tell(messages: int, refs_of: Refs) -> float:
    """Each message to another actor, and the event loop's turn once all of them have one."""
    async with ActorSystem() as system:
        messages -= messages % ENTITIES
        counter = Counter(messages)
        refs = refs_of(system, counter.behavior())
        await asyncio.sleep(0)
        message = object()
        start = time.perf_counter()
        for _ in range(messages // ENTITIES):
            for ref in refs:
                ref.tell(message)
            await asyncio.sleep(0)
        await counter.all_handled
        return messages / (time.perf_counter() - start)


async def tell_enveloped(messages: int) -> float:
    async with ActorSystem() as system:
        messages -= messages % ENTITIES
        counter = Counter(messages)
        behavior = counter.behavior()
        region = system.spawn(Behaviors.sharded(lambda entity_id: behavior), "region")
        message = object()
        ids = names(ENTITIES)
        start = time.perf_counter()
        for _ in range(messages // ENTITIES):
            for entity_id in ids:
                region.tell(ShardEnvelope(entity_id, message))
            await asyncio.sleep(0)
        await counter.all_handled
        return messages / (time.perf_counter() - start)


async def ask(questions: int, refs_of: Refs) -> float:
    same = Behaviors.same()

    async def answer(ctx: Ctx, question: Question) -> Next:
        question.reply_to.tell(1)
        return same

    async with ActorSystem() as system:
        refs = refs_of(system, Behaviors.receive(answer))
        await asyncio.sleep(0)
        start = time.perf_counter()
        for number in range(questions):
            await system.ask(refs[number % ENTITIES], Question)
        return questions / (time.perf_counter() - start)


async def idle_bytes(number: int, *, sharded: bool) -> float:
    """What one takes that has handled a message, without the references that the sender may keep."""
    message = object()
    async with ActorSystem() as system:
        counter = Counter(number)
        behavior = counter.behavior()
        region = system.spawn(Behaviors.sharded(lambda entity_id: behavior), "region")
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        for each in range(number):
            name = f"entity-0000000-{each:05}"
            if sharded:
                region.entity(name).tell(message)
            else:
                system.spawn(behavior, name).tell(message)
        await counter.all_handled
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return (after - before) / number


def measurements(scale: float) -> Sequence[Measurement]:
    def times(number: int) -> int:
        return max(int(number * scale), ENTITIES)

    many, some, number = times(300_000), times(50_000), times(100_000)
    told = partial(tell, many, actors)
    counted = partial(entities, passivate_after=3600.0, limit=2 * ENTITIES)
    return [
        Measurement(name="tell by reference", run=partial(tell, many, entities), floor=told, target=0.5),
        Measurement(name="tell by envelope", run=partial(tell_enveloped, many), floor=told, target=0.25),
        Measurement(name="tell, with passivation", run=partial(tell, many, counted), floor=told, target=0.3),
        Measurement(
            name="ask by reference", run=partial(ask, some, entities), floor=partial(ask, some, actors), target=0.7
        ),
        Measurement(name="idle entity", run=partial(idle_bytes, number, sharded=True), unit="bytes", target=800),
        Measurement(name="idle actor", run=partial(idle_bytes, number, sharded=False), unit="bytes"),
    ]


if __name__ == "__main__":
    run_program("Entities beside plain actors", measurements)
