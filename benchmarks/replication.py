"""Commands to replicated entities beside the same entities with one journal: what copies cost.

    uv run benchmarks/replication.py [--json] [--rounds 5] [--only NAME] [--scale 1.0]

Three nodes with a SQLite file each. Most rows have all of them in one process, without a network between them: the
processor time of all three counts, and none of them waits for another machine. The entity runs on the node that asks.
The floor of the last two rows is an entity on another node that its journal alone stores: what a message there and
back and a commit take. The last row has each node in a process of its own, as users have, on one machine.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

from casty import ActorRef, RegionRef
from casty.cluster import ClusteredActorSystem, DevelopmentCluster
from casty.extension import shard_of
from processes import other_process
from replication_node import NAME, SHARDS, Add, region
from table import Measurement, run_program

ENTITIES: Final = 100
"""Among which the commands are spread."""
IN_FLIGHT: Final = 100

type Opened = AbstractAsyncContextManager[Sequence[ActorRef[Any]]]


@asynccontextmanager
async def entities(replicas: int, min_acks: int, *, elsewhere: bool = False) -> AsyncGenerator[Sequence[ActorRef[Any]]]:
    """References to entities that run on the node of the references, or elsewhere. All nodes are in this process."""
    with TemporaryDirectory(prefix="casty-replication-") as folder:
        async with DevelopmentCluster(3) as cluster:
            files = [Path(folder) / f"{number}.db" for number in range(3)]
            regions = [region(node, file, replicas, min_acks) for node, file in zip(cluster, files, strict=True)]
            yield await _chosen(cluster[0], regions[0], elsewhere=elsewhere)


@asynccontextmanager
async def over_processes(
    replicas: int, min_acks: int, *, elsewhere: bool = False
) -> AsyncGenerator[Sequence[ActorRef[Any]]]:
    """The same, with the two other nodes in processes of their own."""
    with TemporaryDirectory(prefix="casty-replication-") as folder:
        async with (
            ClusteredActorSystem(name=NAME, host="127.0.0.1", port=0) as system,
            AsyncExitStack() as stack,
        ):
            own = region(system, Path(folder) / "0.db", replicas, min_acks)
            for number in (1, 2):
                arguments = (f"{folder}/{number}.db", system.self_node.address.port, replicas, min_acks)
                await stack.enter_async_context(other_process("replication_node.py", *arguments))
            yield await _chosen(system, own, elsewhere=elsewhere)


async def _chosen(
    system: ClusteredActorSystem, accounts: RegionRef[Any], *, elsewhere: bool
) -> Sequence[ActorRef[Any]]:
    """The references, of entities that have started."""
    names = [f"account-{number}" for number in range(20 * ENTITIES)]
    refs = [accounts.entity(name) for name in names]
    await asyncio.gather(*(ref.ask(Add(), timeout=60.0) for ref in refs[:ENTITIES]))
    state = await system.shard_state("accounts")
    local = {shard.shard for shard in state.on(system.self_node.node)}
    chosen = [ref for name, ref in zip(names, refs, strict=True) if (shard_of(name, SHARDS) in local) is not elsewhere]
    await asyncio.gather(*(ref.ask(Add(), timeout=60.0) for ref in chosen[:ENTITIES]))
    return chosen[:ENTITIES]


async def throughput(commands: int, replicas: int, min_acks: int) -> float:
    async with entities(replicas, min_acks) as refs:

        async def ask(first: int) -> None:
            for number in range(commands // IN_FLIGHT):
                await refs[(first + number) % len(refs)].ask(Add(), timeout=60.0)

        start = time.perf_counter()
        await asyncio.gather(*map(ask, range(IN_FLIGHT)))
        return commands / (time.perf_counter() - start)


async def latency(commands: int, opened: Callable[[], Opened]) -> float:
    """The median of commands one after the other, in milliseconds."""
    async with opened() as refs:
        took = list[float]()
        for number in range(commands):
            start = time.perf_counter()
            await refs[number % len(refs)].ask(Add(), timeout=60.0)
            took.append(time.perf_counter() - start)
        return 1_000 * median(took)


def measurements(scale: float) -> list[Measurement]:
    many, few = max(IN_FLIGHT, int(4_000 * scale)), max(1, int(400 * scale))
    measured: list[Measurement] = []
    for name, given in {"replicas=2, min_acks=1": (2, 1), "replicas=2, min_acks=0": (2, 0)}.items():
        of_many, of_one = partial(throughput, many), partial(latency, few)
        measured += [
            Measurement(name=f"{name}, 100 at a time", run=partial(of_many, *given), floor=partial(of_many, 0, 0)),
            Measurement(
                name=f"{name} (p50)",
                unit="ms",
                run=partial(of_one, partial(entities, *given)),
                floor=partial(of_one, partial(entities, 0, 0)),
            ),
        ]
    for name, opened in {"beside a remote one": entities, "the same, in three processes": over_processes}.items():
        copied, remote = partial(opened, 2, 1), partial(opened, 0, 0, elsewhere=True)
        measured.append(
            Measurement(
                name=f"{name} (p50)",
                unit="ms",
                run=partial(latency, few, copied),
                floor=partial(latency, few, remote),
                target=2.0,
            )
        )
    return measured


if __name__ == "__main__":
    run_program("Replicated entities, beside entities on one journal", measurements)
