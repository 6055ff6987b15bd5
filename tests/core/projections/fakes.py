"""Deposits for projections, a database in memory to project them into, and a journal that fails when told to."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import override

from casty import event
from casty.journal import EventEnvelope, PersistedEvent, StoreJournal
from casty.journals.memory import CAPABILITIES, MemoryStore
from casty.projections import InMemoryOffsets, OffsetTransaction
from casty.spi.journal import EventRecord, OrderedEvent


@event("projections.Deposited")
@dataclass(frozen=True, slots=True)
class Deposited:
    amount: int


type Envelope = EventEnvelope[Deposited]


async def deposit(journal: StoreJournal, account: str, *amounts: int, first: int = 1, at: float = 1.5) -> None:
    """Events numbered from `first` on, one after the other."""
    for number, amount in enumerate(amounts, first):
        await journal.persist(account, [PersistedEvent(number, Deposited(amount), at)])


async def store_record(journal: StoreJournal, record: EventRecord) -> None:
    """One event as it is, with tags or an unknown manifest; `made` makes it."""
    opened = await journal.open()
    assert await opened.store.append([[record]]) == [None]


async def made(journal: StoreJournal, account: str, number: int, amount: int, *tags: str) -> EventRecord:
    manifest, version, payload = (await journal.open()).serializers.events.encode(Deposited(amount))
    event_id = f"{account} {number}".encode().ljust(16)
    return EventRecord(account, number, 0, "w", event_id, manifest, version, payload, 1.5, tags)


@dataclass(frozen=True, slots=True)
class Database:
    """An offset store with rows: a list that a transaction copies, and puts in place when it is committed.

    It has one transaction at a time, or that of one slice would undo what another one has committed meanwhile.
    """

    rows: list[int]
    offsets: InMemoryOffsets
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator["Database"]:
        yield self

    async def offset(self, name: str) -> int:
        return await self.offsets.offset(name)

    @asynccontextmanager
    async def transaction(self, name: str) -> AsyncGenerator["Transaction"]:
        async with self.writing, self.offsets.transaction(name) as alone:
            transaction = Transaction(alone, list(self.rows))
            yield transaction
            self.rows[:] = transaction.connection


class Transaction:
    def __init__(self, alone: OffsetTransaction[None], rows: list[int]) -> None:
        self.offset = alone.offset
        self.connection = rows
        self.advance = alone.advance


def database() -> Database:
    return Database([], InMemoryOffsets())


class FailingStore(MemoryStore):
    """Raises `failure` to readers while it is set."""

    failure: Exception | None = None

    @override
    async def read(self, after: int, limit: int, tags: Sequence[str] = ()) -> Sequence[OrderedEvent]:
        if self.failure is not None:
            raise self.failure
        return await super().read(after, limit, tags)


def journal_over(store: MemoryStore) -> StoreJournal:
    return StoreJournal(lambda: nullcontext(store), capabilities=CAPABILITIES)


async def insert(rows: list[int], envelope: Envelope) -> None:
    rows.append(envelope.event.amount)


async def empty(rows: list[int]) -> None:
    rows.clear()
