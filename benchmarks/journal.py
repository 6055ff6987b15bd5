"""The cost of event-sourced actors on SQLite and PostgreSQL, compared with the drivers alone and the same rows
(`journal_sqlite.py`, `journal_postgres.py`).

    uv run benchmarks/journal.py [--json] [--rounds 5] [--only NAME] [--scale 1.0]

Every event is on disk before its command is answered. The last rows are measured while a hundred other actors never
rest, which starves SQLite's thread unless the dispatcher yields to it; without that, a write waits for the flood's end.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, override

from casty import ActorContext, ActorRef, ActorSystem, Behavior, Behaviors, PersistedEvent
from casty.journal import StoreJournal
from casty.persistence.entity_log import Claim, EntityLog, LogFactory, LogRequest, WrappedLog
from casty.serialization import MsgpackSerializer, message
from flood import flooded
from journal_postgres import PostgresPlace
from journal_raw import Place
from journal_sqlite import SqlitePlace
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


def account(number: int, journal: StoreJournal) -> Behavior[Deposit]:
    return Behaviors.event_sourced(
        entity_id=f"account-{number:06}", initial_state=0, on_event=deposited, on_command=deposit, journal=journal
    )


_names = count(1)


@asynccontextmanager
async def new_name(place: Place) -> AsyncGenerator[str]:
    """A name for a new journal, which is deleted afterwards."""
    name = f"run_{next(_names)}"
    await place.drop(name)
    try:
        yield name
    finally:
        await place.drop(name)


class ShardLog(WrappedLog):
    """The log of an entity that is written under the fence of its shard, not under its own."""

    @override
    async def take_over(self, claim: Claim | None = None) -> None:
        await super().take_over(Claim("shard/accounts/1", "uid/accounts/1", 1 << 32))


def sharded(make: LogFactory) -> LogFactory:
    async def log_of(request: LogRequest) -> EntityLog:
        return ShardLog(await make(request))

    return log_of


async def to_disk(place: Place, events: int, entities: int, in_flight: int, *, shard: bool = False) -> float:
    """Events per second of entities with `in_flight` commands in flight together."""
    async with new_name(place) as name, ActorSystem() as system:
        if shard:
            system.kernel.journals.wrap(sharded)
        journal = place.journal(name)
        refs = [system.spawn(account(number, journal)) for number in range(entities)]
        await asyncio.gather(*(system.ask(ref, Deposit, 60) for ref in refs))

        async def ask_in_a_row(ref: ActorRef[Deposit]) -> None:
            for _ in range(events // in_flight):
                await system.ask(ref, Deposit, 60)

        start = time.perf_counter()
        await asyncio.gather(*(ask_in_a_row(refs[number % entities]) for number in range(in_flight)))
        return events / (time.perf_counter() - start)


async def on_driver(place: Place, events: int, producers: int) -> float:
    async with new_name(place) as name:
        return await place.raw_group_commit(name, events, producers)


class History:
    """A journal with the events of one account, written once for all rounds."""

    def __init__(self, place: Place, events: int) -> None:
        self.events = events
        self._place = place
        self._written = False

    async def recover(self) -> float:
        """Events per second from the spawn to the first reply."""
        await self._write()
        async with ActorSystem() as system:
            start = time.perf_counter()
            ref = system.spawn(account(0, self._place.journal("history")))
            while await system.ask(ref, Deposit, 60) <= self.events:
                pass
            return self.events / (time.perf_counter() - start)

    async def on_driver(self) -> float:
        """Events per second of one fetch, the decoder and the fold."""
        await self._write()
        decode = MsgpackSerializer().decode
        return await self._place.raw_recovery("history", "account-000000", decode, deposited, 0)

    async def _write(self) -> None:
        if self._written:
            return
        self._written = True
        await self._place.drop("history")
        async with self._place.journal("history") as journal:
            for first in range(1, self.events + 1, 1_000):
                numbers = range(first, min(first + 1_000, self.events + 1))
                await journal.persist(
                    "account-000000", [PersistedEvent(number, Deposited(1, NOTE), 0.0) for number in numbers]
                )


async def persist_latency(place: Place, percentile: int, seconds: float, *, breath: bool = True) -> float:
    """Milliseconds that a command of a hundred entities waits for its event, in a flood of `seconds`."""
    waited: list[float] = []
    async with new_name(place) as name, ActorSystem() as system:
        journal = place.journal(name)
        if not breath:
            system.kernel.dispatcher.threads_wait = lambda: False
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


def throughput(title: str, place: Place, times: partial[int]) -> list[Measurement]:
    """The rows of a database."""
    few, some, many = times(2_000), times(30_000), times(60_000)
    crowd = min(1_000, many)
    history = History(place, many)
    write, floor = partial(to_disk, place), partial(on_driver, place)
    hundred = partial(write, some, 100, 100)
    return [
        Measurement(name=f"{title}, 1 entity", run=partial(write, few, 1, 1), floor=partial(floor, few, 1)),
        Measurement(name=f"{title}, 100 entities", run=hundred, floor=partial(floor, some, 100), target=0.75),
        Measurement(
            name=f"{title}, 1,000 entities", run=partial(write, many, crowd, crowd), floor=partial(floor, many, crowd)
        ),
        Measurement(
            name=f"{title}, 1,000 entities of a shard",
            run=partial(write, many, crowd, crowd, shard=True),
            floor=partial(floor, many, crowd),
        ),
        Measurement(
            name=f"{title}, 1 entity beside 100, 100 in flight",
            run=partial(write, some, 1, IN_FLIGHT),
            floor=hundred,
            target=0.5,
        ),
        Measurement(name=f"{title}, recovery", run=history.recover, floor=history.on_driver, target=0.5),
    ]


def scaled(number: int, *, scale: float) -> int:
    return max(int(number * scale), 100)


def measurements(scale: float) -> Sequence[Measurement]:
    times = partial(scaled, scale=scale)
    sqlite = SqlitePlace()
    latency = partial(persist_latency, sqlite, seconds=max(scale, 0.05))
    return [
        *throughput("SQLite", sqlite, times),
        *throughput("PostgreSQL", PostgresPlace(), times),
        Measurement(name="SQLite, wait in a flood (p50)", run=partial(latency, 50), unit="ms", target=6.0),
        Measurement(name="SQLite, wait in a flood (p99)", run=partial(latency, 99), unit="ms"),
        Measurement(name="the same without a breath (p50)", run=partial(latency, 50, breath=False), unit="ms"),
        Measurement(name="the same without a breath (p99)", run=partial(latency, 99, breath=False), unit="ms"),
    ]


if __name__ == "__main__":
    run_program("Event-sourced actors on SQLite and PostgreSQL, beside the drivers", measurements)
