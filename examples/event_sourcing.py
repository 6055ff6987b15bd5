"""A durable actor: its state is the fold of stored events, so the next process continues where the last one ended."""

import asyncio
import tempfile
from dataclasses import dataclass

from casty import ActorContext, ActorSystem, Behavior, Behaviors, Request, SnapshotEvery
from casty.journal import SqliteJournal
from casty.serialization import message


@message("garden.Watered")
@dataclass(frozen=True, slots=True)
class Watered:
    litres: int


@message("garden.Garden")
@dataclass(frozen=True, slots=True)
class Garden:
    litres: int = 0
    times: int = 0


@dataclass(frozen=True)
class Water(Request[Garden]):
    litres: int


def on_event(garden: Garden, event: Watered) -> Garden:
    return Garden(garden.litres + event.litres, garden.times + 1)


async def on_command(ctx: ActorContext[Water], garden: Garden, command: Water) -> Behavior[Water]:
    event = Watered(command.litres)
    # Sent before it is stored? No: all messages of a command are held back until its events are durable.
    command.reply_to.tell(on_event(garden, event))
    return Behaviors.persisted([event])


async def run(path: str, litres: list[int]) -> None:
    garden: Behavior[Water] = Behaviors.event_sourced(
        entity_id="roses",
        journal=SqliteJournal(path),
        initial_state=Garden(),
        on_event=on_event,
        on_command=on_command,
        snapshot_policy=SnapshotEvery(n_events=2),  # the next start reads the newest snapshot and later events
    )
    async with ActorSystem() as system:
        roses = system.spawn(garden, "roses")
        for amount in litres:
            print(await roses.ask(Water(amount)))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(f"{folder}/garden.db", [3, 5, 4]))
        asyncio.run(run(f"{folder}/garden.db", [1]))
