"""What the tests of event-sourced actors use: a journal whose writes are released by hand, and an actor that adds."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from casty import ActorContext, ActorRef, Behavior, Behaviors, SnapshotEvery
from casty.journal import EventJournal, PersistedEvent, Snapshot

type Event = PersistedEvent[Any]


@dataclass(eq=False, slots=True)
class Write:
    """A call of `persist` that waits for its outcome."""

    events: Sequence[Event]
    outcome: "asyncio.Future[None]"

    def release(self) -> None:
        self.outcome.set_result(None)

    def fail(self, error: Exception | None = None) -> None:
        self.outcome.set_exception(error if error is not None else OSError("the disk is full"))


@dataclass(eq=False, slots=True)
class HandJournal:
    """The four methods of `EventJournal` and nothing else; it checks nothing, as a user's own may not."""

    by_hand: bool = False
    """Whether writes wait until the test releases them."""
    events: list[Event] = field(default_factory=list[Event])
    snapshots: list[Snapshot[Any]] = field(default_factory=list[Snapshot[Any]])
    writes: list[Write] = field(default_factory=list[Write])
    broken_loads: int = 0
    loads: int = 0

    async def persist(self, entity_id: str, events: Sequence[Event]) -> None:
        write = Write(list(events), asyncio.get_running_loop().create_future())
        self.writes.append(write)
        if not self.by_hand:
            write.release()
        await write.outcome
        self.events.extend(events)

    async def load(self, entity_id: str, from_sequence_nr: int = 0) -> list[Event]:
        self.loads += 1
        if self.broken_loads:
            self.broken_loads -= 1
            raise ConnectionError("the journal is away")
        return [event for event in self.events if event.sequence_nr >= from_sequence_nr]

    async def save_snapshot(self, entity_id: str, snapshot: Snapshot[Any]) -> None:
        self.snapshots.append(snapshot)

    async def load_snapshot(self, entity_id: str) -> Snapshot[Any] | None:
        return self.snapshots[-1] if self.snapshots else None

    def stored(self) -> list[Any]:
        return [event.event for event in self.events]


@dataclass(frozen=True)
class Add:
    """Add `text` to the state; the reply is the new state."""

    text: str
    reply_to: ActorRef[str]


def adding(text: str) -> Callable[[ActorRef[str]], Add]:
    """What `ask` wants: makes the command for a reply reference."""
    return lambda reply_to: Add(text, reply_to)


type Command = Callable[[ActorContext[Add], str, Add], Awaitable[Behavior[Any]]]


async def add(_ctx: ActorContext[Add], state: str, command: Add) -> Behavior[Any]:
    """Answers before it persists, as users like to write it."""
    command.reply_to.tell(state + command.text)
    return Behaviors.persisted([command.text])


def append(state: str, event: str) -> str:
    return state + event


def ledger(
    journal: EventJournal | str | None,
    on_command: Command = add,
    on_event: Callable[[str, str], str] = append,
    snapshots: SnapshotEvery | None = None,
    entity_id: str = "ledger",
) -> Behavior[Add]:
    return Behaviors.event_sourced(
        entity_id=entity_id,
        journal=journal,
        initial_state="",
        on_event=on_event,
        on_command=on_command,
        snapshot_policy=snapshots,
    )
