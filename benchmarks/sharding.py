"""Entities of a cluster: asks of entities on another process beside asks of an actor there, memory, and hand-offs.

uv run benchmarks/sharding.py [--json] [--rounds 5] [--only NAME] [--scale 1.0]
"""

import asyncio
import gc
import time
import tracemalloc
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial
from itertools import cycle, islice
from statistics import quantiles
from typing import Any, Final

from casty import ActorRef, Behavior, Behaviors
from casty.cluster import ClusteredActorSystem, DevelopmentCluster
from casty.extension import shard_of
from local import Counter
from remote import asks as remote_asks
from remote import far_actor, other_process
from remote import latency as remote_latency
from remote_node import Question
from remote_node import counter as counting
from table import Measurement, run_program

ENTITIES: Final = 1_000
"""Entities among which the messages are spread."""
BURST: Final = 256
"""Messages sent before other tasks run."""
SHARDS: Final = 60
"""Shards of three nodes, of which one hands its third to the others."""


type Far = Callable[[], AbstractAsyncContextManager[tuple[ClusteredActorSystem, Sequence[ActorRef[Any]]]]]


@asynccontextmanager
async def far_entities() -> AsyncGenerator[tuple[ClusteredActorSystem, Sequence[ActorRef[Any]]]]:
    """References to entities, all of which run on the other node."""
    async with (
        other_process("node") as address,
        ClusteredActorSystem(
            name="remote", host="127.0.0.1", port=0, required_quorum=2, seed_nodes=[address]
        ) as system,
    ):
        refs = [system.entity_ref("counters", f"entity-0000000-{number:05}") for number in range(ENTITIES)]
        await asyncio.gather(*(ref.ask(partial(Question, 1), timeout=60.0) for ref in refs))
        yield system, refs


@asynccontextmanager
async def far_actors() -> AsyncGenerator[tuple[ClusteredActorSystem, Sequence[ActorRef[Any]]]]:
    """As many actors of the other node."""
    async with far_actor() as (system, ref):
        paths = [f"/counter-{number:05}" for number in range(ENTITIES)]
        refs = [system.resolve(replace(ref.address, path=path, uid=0)) for path in paths]
        await asyncio.gather(*(ref.ask(partial(Question, 1), timeout=60.0) for ref in refs))
        yield system, refs


async def asks(count: int, together: int, far: Far) -> float:
    """Asks per second, with `together` in flight."""
    async with far() as (system, refs):
        targets = cycle(refs)

        async def asker() -> None:
            for ref in islice(targets, count // together):
                await system.ask(ref, partial(Question, 1))

        start = time.perf_counter()
        await asyncio.gather(*(asker() for _ in range(together)))
        return count // together * together / (time.perf_counter() - start)


async def latency(count: int, percentile: int) -> float:
    """Microseconds of an ask, one after the other."""
    async with far_entities() as (system, refs):
        took: list[float] = []
        for ref in islice(cycle(refs), max(count, 2)):
            start = time.perf_counter()
            await system.ask(ref, partial(Question, 1))
            took.append(time.perf_counter() - start)
        return quantiles(took, n=100)[percentile - 1] * 1e6


@asynccontextmanager
async def three_nodes(behavior: Behavior[Any], num_shards: int) -> AsyncGenerator[Sequence[ClusteredActorSystem]]:
    """Nodes that run entities of one behavior."""
    async with DevelopmentCluster(3) as cluster:
        nodes = list(cluster)
        for node in nodes:
            node.spawn(Behaviors.sharded(lambda _: behavior, num_shards=num_shards), "counters")
        yield nodes


async def idle_bytes(number: int) -> float:
    """What one entity takes that has handled a message, over three nodes, without references that senders may keep."""
    counter = Counter(number)
    async with three_nodes(counter.behavior(), 100) as nodes:
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        for each in range(number):
            nodes[each % 3].entity_ref("counters", f"entity-0000000-{each:05}").tell(1)
            if each % BURST == 0:
                await asyncio.sleep(0)
        await counter.all_handled
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return (after - before) / number


async def pauses(entities: int, percentile: int) -> float:
    """Milliseconds for which the entities of a shard do not answer while the shard moves, as a node drains."""
    waits: list[float] = []
    async with three_nodes(counting(), SHARDS) as (first, second, third):
        refs = [third.entity_ref("counters", f"entity-0000000-{each:05}") for each in range(max(entities, SHARDS))]
        for ref in refs:
            await ref.ask(partial(Question, 1), timeout=60.0)
        places = await first.shard_state("counters")
        moving = {state.shard for state in places.on(second.self_node.node)}
        probes = {shard_of(f"entity-0000000-{each:05}", SHARDS): ref for each, ref in enumerate(refs)}

        async def longest_wait(ref: ActorRef[Any], ended: asyncio.Event) -> None:
            longest = 0.0
            while not ended.is_set():
                start = time.perf_counter()
                await ref.ask(partial(Question, 1), timeout=60.0)
                longest = max(longest, time.perf_counter() - start)
            waits.append(longest)

        ended = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for shard in moving & probes.keys():
                tasks.create_task(longest_wait(probes[shard], ended))
            await second.drain()
            ended.set()
    return quantiles(waits, n=100)[percentile - 1] * 1e3


def measurements_at(scale: float) -> Sequence[Measurement]:
    asked, idle, held = max(int(5_000 * scale), 100), max(int(100_000 * scale), 100), int(10_000 * scale)
    return [
        Measurement(
            name="sharded ask, 100 at a time",
            run=partial(asks, 10 * asked, 100, far_entities),
            floor=partial(remote_asks, 10 * asked, 100),
            target=0.75,
        ),
        Measurement(
            name="the same, beside as many actors",
            run=partial(asks, 10 * asked, 100, far_entities),
            floor=partial(asks, 10 * asked, 100, far_actors),
            target=0.75,
        ),
        Measurement(
            name="sharded ask (p50)",
            run=partial(latency, asked, 50),
            floor=partial(remote_latency, asked, 50),
            unit="us",
            target=1.33,
        ),
        Measurement(name="idle entity, over three nodes", run=partial(idle_bytes, idle), unit="bytes", target=1_000),
        Measurement(name="hand-off of a shard (p50)", run=partial(pauses, held, 50), unit="ms"),
        Measurement(name="hand-off of a shard (p99)", run=partial(pauses, held, 99), unit="ms", target=500),
    ]


if __name__ == "__main__":
    run_program("Entities of a cluster, beside actors of another process", measurements_at)
