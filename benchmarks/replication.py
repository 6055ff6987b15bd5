"""Commands to replicated entities beside the same entities with one journal: what copies cost.

    uv run benchmarks/replication.py [--json] [--rounds 5] [--only NAME] [--scale 1.0]

Three nodes of one process, without a network between them, with a SQLite file each: the processor time of all three
counts, and none of them waits for another machine. The entity runs on the node that asks. The floor of the last row
is an entity on another node that its journal alone stores: what a message there and back and a commit take.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

from casty import ActorContext, ActorRef, Behavior, Behaviors, Request, SqliteJournal
from casty.cluster import DevelopmentCluster
from casty.extension import shard_of
from casty.replication import ReplicationConfig
from table import Measurement, run_program

ENTITIES: Final = 100
"""Among which the commands are spread."""
IN_FLIGHT: Final = 100
SHARDS: Final = 6


@dataclass(frozen=True)
class Add(Request[int]):
    """Replied to once its event is stored."""


async def on_command(_: ActorContext[Add], total: int, command: Add) -> Behavior[Add]:
    return Behaviors.persisted([1], reply=(command.reply_to, total + 1))


def on_event(total: int, event: int) -> int:
    return total + event


def entity(journal: SqliteJournal, name: str) -> Behavior[Add]:
    return Behaviors.event_sourced(
        entity_id=name, journal=journal, initial_state=0, on_event=on_event, on_command=on_command
    )


@asynccontextmanager
async def entities(replicas: int, min_acks: int, *, elsewhere: bool = False) -> AsyncGenerator[Sequence[ActorRef[Any]]]:
    """References to entities that run on the node of the references, or elsewhere."""
    replication = ReplicationConfig(replicas=replicas, min_acks=min_acks) if replicas else None
    with TemporaryDirectory(prefix="casty-replication-") as folder:
        async with DevelopmentCluster(3) as cluster:
            regions = [
                node.spawn(
                    Behaviors.sharded(
                        partial(entity, SqliteJournal(Path(folder) / f"{node.self_node.node_id}.db")),
                        num_shards=SHARDS,
                        replication=replication,
                    ),
                    "accounts",
                )
                for node in cluster
            ]
            names = [f"account-{number}" for number in range(20 * ENTITIES)]
            refs = [regions[0].entity(name) for name in names]
            await asyncio.gather(*(ref.ask(Add(), timeout=60.0) for ref in refs[:ENTITIES]))
            here = cluster[0].self_node.node
            state = await cluster[0].shard_state("accounts")
            local = {shard.shard for shard in state.on(here)}
            chosen = [
                ref for name, ref in zip(names, refs, strict=True) if (shard_of(name, SHARDS) in local) is not elsewhere
            ]
            await asyncio.gather(*(ref.ask(Add(), timeout=60.0) for ref in chosen[:ENTITIES]))
            yield chosen[:ENTITIES]


async def throughput(commands: int, replicas: int, min_acks: int) -> float:
    async with entities(replicas, min_acks) as refs:

        async def ask(first: int) -> None:
            for number in range(commands // IN_FLIGHT):
                await refs[(first + number) % len(refs)].ask(Add(), timeout=60.0)

        start = time.perf_counter()
        await asyncio.gather(*map(ask, range(IN_FLIGHT)))
        return commands / (time.perf_counter() - start)


async def latency(commands: int, replicas: int, min_acks: int, *, elsewhere: bool = False) -> float:
    """The median of commands one after the other, in milliseconds."""
    async with entities(replicas, min_acks, elsewhere=elsewhere) as refs:
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
            Measurement(name=f"{name} (p50)", unit="ms", run=partial(of_one, *given), floor=partial(of_one, 0, 0)),
        ]
    once = partial(latency, few, 0, 0, elsewhere=True)
    measured.append(
        Measurement(
            name="beside a remote one (p50)", unit="ms", run=partial(latency, few, 2, 1), floor=once, target=2.0
        )
    )
    return measured


if __name__ == "__main__":
    run_program("Replicated entities, beside entities on one journal", measurements)
