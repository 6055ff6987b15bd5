"""The entities of `replication.py`, and one of its other processes: a node that runs them."""

import asyncio
import logging
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from casty import ActorContext, Behavior, Behaviors, RegionRef, Request, SqliteJournal, System, message
from casty.cluster import ClusteredActorSystem
from casty.replication import ReplicationConfig

NAME: Final = "replication"
SHARDS: Final = 6


@message("benchmarks.Add")
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


def region(system: System, file: Path, replicas: int, min_acks: int) -> RegionRef[Any]:
    """The entities as a node runs them, whose events and copies are in that file. No replicas: no copies."""
    replication = ReplicationConfig(replicas=replicas, min_acks=min_acks) if replicas else None
    entities = Behaviors.sharded(partial(entity, SqliteJournal(file)), num_shards=SHARDS, replication=replication)
    return system.spawn(entities, "accounts")


async def main(file: str, seed: int, replicas: int, min_acks: int) -> None:
    """Until standard input ends."""
    logging.disable(logging.WARNING)
    async with ClusteredActorSystem(
        name=NAME, host="127.0.0.1", port=0, seed_nodes=[("127.0.0.1", seed)], required_quorum=2
    ) as system:
        region(system, Path(file), replicas, min_acks)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
