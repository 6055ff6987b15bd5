"""What event-sourced actors cost on SQLite, beside the driver alone with the same rows (`journal_raw.py`).

    uv run benchmarks/journal.py [--json] [--rounds 5] [--only NAME] [--scale 1.0]

Every event is on the disk before its command is answered. The last rows are taken while a hundred other actors never
rest, which starves SQLite's thread unless the dispatcher takes a breath; without it, a write waits for the flood's end.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from casty import ActorContext, ActorRef, ActorSystem, Behavior, Behaviors, PersistedEvent
from casty.journal import SqliteJournal
from casty.serialization import MsgpackSerializer, message
from flood import flooded
from journal_raw import raw_group_commit, raw_recovery
from table import Measurement, run_program

type Next = Behavior[Any]

NOTE = "n" * 84
"""Makes an event's payload 100 bytes long, as in `journal_raw.py`."""
IN_FLIGHT = 100


@message("benchmark.Deposited")
@dataclass(frozen=True, slots=True)
class Deposited:
    amount: int
    note: str


@dataclass(frozen=True, slots=True)
class Deposit:
    reply_to: ActorRef[int]


def deposited(balance: int, event: Deposited) -> int:
    return balance + event.amount


async def deposit(ctx: ActorContext[Deposit], balance: int, command: Deposit) -> Next:
    return Behaviors.persisted([Deposited(1, NOTE)], reply=(command.reply_to, balance + 1))


def account(number: int, journal: SqliteJournal) -> Behavior[Deposit]:
    return Behaviors.event_sourced(
        entity_id=f"account-{number:06}", initial_state=0, on_event=deposited, on_command=deposit, journal=journal
    )


async def to_disk(events: int, entities: int, in_flight: int) -> float:
    """Events per second of entities that have so many commands in flight together."""
    with TemporaryDirectory() as folder:
        journal = SqliteJournal(Path(folder) / "events.db")
        async with ActorSystem() as system:
            refs = [system.spawn(account(number, journal)) for number in range(entities)]
            await asyncio.gather(*(system.ask(ref, Deposit, 60) for ref in refs))

            async def ask_in_a_row(ref: ActorRef[Deposit]) -> None:
                for _ in range(events // in_flight):
                    await system.ask(ref, Deposit, 60)

            start = time.perf_counter()
            await asyncio.gather(*(ask_in_a_row(refs[number % entities]) for number in range(in_flight)))
            return events / (time.perf_counter() - start)


async def on_driver(events: int, producers: int) -> float:
    with TemporaryDirectory() as folder:
        return await raw_group_commit(Path(folder) / "events.db", events, producers)


class History:
    """A file with the events of one account, written once for all rounds."""

    def __init__(self, events: int) -> None:
        self.events = events
        self._folder = TemporaryDirectory()
        self._path = Path(self._folder.name) / "events.db"

    async def recover(self) -> float:
        """Events per second from the spawn to the first answer."""
        await self._write()
        async with ActorSystem() as system:
            start = time.perf_counter()
            ref = system.spawn(account(0, SqliteJournal(self._path)))
            while await system.ask(ref, Deposit, 60) <= self.events:
                pass
            return self.events / (time.perf_counter() - start)

    async def on_driver(self) -> float:
        """Events per second of one `fetchall`, the decoder and the fold."""
        await self._write()
        return raw_recovery(self._path, "account-000000", MsgpackSerializer().decode, deposited, 0)

    async def _write(self) -> None:
        if self._path.exists():
            return
        async with SqliteJournal(self._path) as journal:
            for first in range(1, self.events + 1, 1_000):
                numbers = range(first, min(first + 1_000, self.events + 1))
                await journal.persist(
                    "account-000000", [PersistedEvent(number, Deposited(1, NOTE), 0.0) for number in numbers]
                )


async def persist_latency(percentile: int, seconds: float, *, breath: bool = True) -> float:
    """How many milliseconds a command of a hundred entities waits for its event, in a flood of so many seconds."""
    waited: list[float] = []
    with TemporaryDirectory() as folder:
        journal = SqliteJournal(Path(folder) / "events.db")
        async with ActorSystem() as system:
            if not breath:
                system.kernel.threads_wait = lambda: False
            refs = [system.spawn(account(number, journal)) for number in range(IN_FLIGHT)]
            await asyncio.gather(*(system.ask(ref, Deposit, 60) for ref in refs))
            end = time.perf_counter() + seconds

            async def ask_in_a_row(ref: ActorRef[Deposit]) -> None:
                while (start := time.perf_counter()) < end:
                    await system.ask(ref, Deposit, 60)
                    waited.append(time.perf_counter() - start)

            asking = asyncio.gather(*map(ask_in_a_row, refs))
            async with flooded(system):
                await asyncio.sleep(seconds)
            await asking
    return 1e3 * sorted(waited)[len(waited) * percentile // 100]


def measurements(scale: float) -> Sequence[Measurement]:
    def times(number: int) -> int:
        return max(int(number * scale), 100)

    few, some, many = times(2_000), times(30_000), times(60_000)
    crowd = min(1_000, many)
    history = History(many)
    hundred = partial(to_disk, some, 100, 100)
    latency = partial(persist_latency, seconds=max(scale, 0.05))
    return [
        Measurement(name="1 entity", run=partial(to_disk, few, 1, 1), floor=partial(on_driver, few, 1)),
        Measurement(name="100 entities", run=hundred, floor=partial(on_driver, some, 100), target=0.75),
        Measurement(
            name="1,000 entities", run=partial(to_disk, many, crowd, crowd), floor=partial(on_driver, many, crowd)
        ),
        Measurement(
            name="1 entity, 100 in flight; floor: 100 entities",
            run=partial(to_disk, some, 1, IN_FLIGHT),
            floor=hundred,
            target=0.5,
        ),
        Measurement(name="recovery", run=history.recover, floor=history.on_driver, target=0.5),
        Measurement(name="under a flood, wait (p50)", run=partial(latency, 50), unit="ms", target=6.0),
        Measurement(name="under a flood, wait (p99)", run=partial(latency, 99), unit="ms"),
        Measurement(name="the same without a breath (p50)", run=partial(latency, 50, breath=False), unit="ms"),
        Measurement(name="the same without a breath (p99)", run=partial(latency, 99, breath=False), unit="ms"),
    ]


if __name__ == "__main__":
    run_program("Event-sourced actors on SQLite, beside the driver", measurements)
