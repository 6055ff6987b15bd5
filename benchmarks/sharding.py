"""Entities of a cluster: asks of entities on another process beside asks of an actor there, memory, and hand-offs.

uv run benchmarks/sharding.py [--json] [--rounds 5] [--only NAME] [--scale 1.0]
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import cycle, islice
from statistics import quantiles
from typing import Any, Final

from casty import ActorRef
from casty.cluster import ClusteredActorSystem
from remote import asks as remote_asks
from remote import latency as remote_latency
from remote import other_process
from remote_node import Question
from table import Measurement, run_program

ENTITIES: Final = 1_000
"""Entities among which the messages are spread."""


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


async def asks(count: int, together: int) -> float:
    """Asks per second, with `together` in flight."""
    async with far_entities() as (system, refs):
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


def measurements_at(scale: float) -> Sequence[Measurement]:
    asked = max(int(5_000 * scale), 100)
    return [
        Measurement(
            name="sharded ask, 100 at a time",
            run=partial(asks, 10 * asked, 100),
            floor=partial(remote_asks, 10 * asked, 100),
            target=0.75,
        ),
        Measurement(
            name="sharded ask (p50)",
            run=partial(latency, asked, 50),
            floor=partial(remote_latency, asked, 50),
            unit="us",
            target=1.33,
        ),
    ]


if __name__ == "__main__":
    run_program("Entities of a cluster, beside actors of another process", measurements_at)
