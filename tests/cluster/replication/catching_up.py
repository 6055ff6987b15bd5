"""A copy of a long history that is made anew while its entity writes. As a program, it prints how long that takes:

python -m tests.cluster.replication.catching_up [events] [events between snapshots, 0 for none]
"""

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from casty import ActorContext, ActorRef, Behavior, Behaviors, CastyError, SnapshotEvery, SqliteJournal
from casty.cluster import DevelopmentCluster
from casty.replication import ReplicationConfig
from casty.spi.event_journal import EventJournal
from casty_cluster import ClusteredActorSystem
from casty_cluster.protocol.sharding import coordinator

from tests.cluster.replication.bank import FAST, Bank, all_have_three_copies, index_of_owner

ENTITY = "alice"
AT_ONCE = 1_000
"""Events of one command while the history is made."""
LATER = 10
"""Events of one command while the copy is caught up."""
REPLICATION = ReplicationConfig(replicas=2, min_acks=1, ack_timeout=30.0)


@dataclass(frozen=True)
class Add:
    """Replied to with the number of all events, once these are stored."""

    events: int
    reply_to: ActorRef[int]


async def on_command(_: ActorContext[Add], state: list[int], command: Add) -> Behavior[Add]:
    [number] = state
    events = [*range(number, number + command.events)]
    return Behaviors.persisted(events, reply=(command.reply_to, number + command.events))


def on_event(state: list[int], event: int) -> list[int]:
    assert state == [event], f"event {event} in the state {state}"
    return [event + 1]


@dataclass
class Figures:
    events: int = 0
    """All that were acknowledged."""
    filled: float = 0.0
    """Seconds in which the history was made."""
    caught_up: float = 0.0
    """Seconds until the new copy was in step, from the start of its node."""
    latencies: list[float] = field(default_factory=list[float])
    """Seconds that commands took meanwhile."""
    opened: float = 0.0
    """Seconds until an entity that has recovered from the new copies replies, from the death of its primary."""


async def catch_up(events: int, snapshots: SnapshotEvery | None, journal: Callable[[], EventJournal]) -> Figures:
    """A node dies with its disk, and another one takes its place; at last the primary dies too. Returns when the state
    is right. `journal`: makes that of a node.
    """
    figures = Figures()

    def open_region(node: ClusteredActorSystem) -> None:
        disk = journal()
        behavior = Behaviors.sharded(partial(counter, disk, snapshots), num_shards=1, replication=REPLICATION)
        bank.regions[node] = node.spawn(behavior, "accounts")

    bank = Bank(num_shards=1)
    async with DevelopmentCluster(3, **FAST) as cluster:
        for node in cluster:
            open_region(node)
        began = time.perf_counter()
        while figures.events < events:
            figures.events = await add(bank, cluster[0], min(AT_ONCE, events - figures.events), timeout=60.0)
        figures.filled = time.perf_counter() - began
        primary = await index_of_owner(cluster, bank, ENTITY)
        await cluster.kill((primary + 1) % 3)
        began = time.perf_counter()
        open_region(await cluster.add_node(**FAST))
        await write_until_complete(cluster, bank, figures)
        figures.caught_up = time.perf_counter() - began
        await cluster.kill(await index_of_owner(cluster, bank, ENTITY))
        began = time.perf_counter()
        figures.events = await insist(bank, cluster[0])
        figures.opened = time.perf_counter() - began
    return figures


def counter(journal: EventJournal, snapshots: SnapshotEvery | None, entity: str) -> Behavior[Add]:
    return Behaviors.event_sourced(
        entity_id=entity,
        journal=journal,
        initial_state=[0],
        on_event=on_event,
        on_command=on_command,
        snapshot_policy=snapshots,
    )


async def add(bank: Bank, node: ClusteredActorSystem, events: int, *, timeout: float) -> int:
    return await bank.regions[node].entity(ENTITY).ask(lambda to: Add(events, to), timeout=timeout)


async def insist(bank: Bank, node: ClusteredActorSystem) -> int:
    """The number of all events, as soon as the entity replies."""
    while True:
        try:
            return await add(bank, node, 0, timeout=5.0)
        except (CastyError, TimeoutError):
            await asyncio.sleep(0.01)


async def write_until_complete(cluster: DevelopmentCluster, bank: Bank, figures: Figures) -> None:
    complete = asyncio.create_task(all_have_three_copies(cluster))
    while not complete.done():
        began = time.perf_counter()
        try:
            figures.events = await add(bank, cluster[0], LATER, timeout=60.0)
        except (CastyError, TimeoutError):  # its shard is being started with the new copy
            figures.events = await insist(bank, cluster[0])
        figures.latencies.append(time.perf_counter() - began)
    await complete


def size_of(file: Path) -> int:
    """With what belongs to it."""
    return sum(path.stat().st_size for path in file.parent.glob(f"{file.name}*"))


async def main(events: int, between: int) -> None:
    coordinator.REBALANCE_INTERVAL = 0.2  # pyright: ignore[reportConstantRedefinition] - copies are replaced at once
    with TemporaryDirectory(prefix="casty-catching-up-") as folder:
        files: list[Path] = []

        def journal() -> SqliteJournal:
            files.append(Path(folder) / f"{len(files)}.db")
            return SqliteJournal(files[-1])

        figures = await catch_up(events, SnapshotEvery(between) if between else None, journal)
        sizes = [size_of(file) for file in files]
    took = sorted(figures.latencies)
    print(
        f"{events:,} events in {figures.filled:.1f} s; a new copy in step after {figures.caught_up:.1f} s, with "
        f"{len(took):,} commands of {LATER} events meanwhile: p50 {1_000 * median(took):.1f} ms, "
        f"p99 {1_000 * took[len(took) * 99 // 100]:.1f} ms, at most {1_000 * took[-1]:.1f} ms; after the death of the "
        f"primary a reply in {figures.opened:.1f} s; files of {', '.join(f'{size >> 10:,}' for size in sizes)} KB"
    )


if __name__ == "__main__":
    numbers: list[Any] = [int(argument) for argument in sys.argv[1:]]
    asyncio.run(main(*(numbers + [1_000_000, 10_000][len(numbers) :])))
