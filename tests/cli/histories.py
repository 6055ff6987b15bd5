"""Journals that commands are about: what is written into them, and what is found there afterwards."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from hashlib import md5
from typing import Any, cast

import msgpack
from casty.plugins import PluginRegistry, build_options
from casty.spi.journal import EventRecord, OrderedEvent, SnapshotRecord
from casty_cli.paging import ordered_pages, snapshots

MISSING = 5
"""How many events of the entity `trimmed` are deleted at the beginning."""


def deposited(entity_id: str, number: int, *, version: int = 2, epoch: int = 0, writer: str = "w") -> EventRecord:
    """Made twice with the same arguments, it is the same event."""
    fields = {"amount": number} if version == 1 else {"amount": number, "currency": "CZK"}
    return EventRecord(
        entity_id=entity_id,
        sequence_nr=number,
        epoch=epoch,
        writer=writer,
        event_id=md5(repr((entity_id, number, epoch, writer)).encode()).digest(),
        manifest="cli.Deposited",
        version=version,
        payload=cast(Any, msgpack).packb(fields),
        timestamp=1_700_000_000.125 + number,
        tags=("even", "grün") if number % 2 == 0 else (),
    )


def deposits(entity_id: str, first: int, last: int) -> list[EventRecord]:
    return [deposited(entity_id, number) for number in range(first, last + 1)]


def balance(entity_id: str, number: int) -> SnapshotRecord:
    return SnapshotRecord(entity_id, number, "", 1, cast(Any, msgpack).packb(number), 1_700_000_000.5)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a journal is, or may come to be."""

    url: str
    options: tuple[str, ...] = ()

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names the journal on a command line."""
        return (self.url, *(part for option in self.options for part in ("--option", option)))

    def open(self) -> AbstractAsyncContextManager[Any]:
        provider = PluginRegistry.discover().journal(self.url)
        table = dict(option.split("=") for option in self.options)
        return provider.open(self.url, build_options(provider, table))

    def run[T](self, work: Callable[[Any], Coroutine[Any, Any, T]]) -> T:
        """Return the result of `work` on the open store."""

        async def opened() -> T:
            async with self.open() as store:
                return await work(store)

        return asyncio.run(opened())

    def write(self, *groups: Sequence[EventRecord], snapshots: Sequence[SnapshotRecord] = ()) -> None:
        async def work(store: Any) -> None:
            assert not any(await store.append(groups))
            for snapshot in snapshots:
                await store.save_snapshot(snapshot, 9)

        self.run(work)

    def write_bank(self) -> None:
        """A little of everything: types, versions, plain values, tags, epochs, snapshots, deleted events."""

        async def work(store: Any) -> None:
            await store.claim("entity/a", "first owner")
            assert not any(await store.append([[deposited("a", 1, epoch=1, writer="first owner")]]))
            await store.claim("entity/a", "second owner")
            plain = deposited("plain", 1)._replace(manifest="", version=1, payload=b"\xa5hello")
            interleaved = [
                [record] for pair in zip(deposits("b", 1, 4), deposits("c", 1, 4), strict=True) for record in pair
            ]
            groups = [
                [deposited("a", number, epoch=2, writer="second owner") for number in (2, 3)],
                *interleaved,
                [deposited("žluťoučký kůň", 1, version=1), deposited("žluťoučký kůň", 2)],
                [plain],
                deposits("trimmed", 1, MISSING + 2),
                deposits("b", 5, 6),
            ]
            assert not any(await store.append(groups))
            await store.delete_events("trimmed", MISSING)
            for entity_id, number in (("a", 1), ("a", 3), ("c", 2)):
                await store.save_snapshot(balance(entity_id, number), 9)

        self.run(work)

    def write_much(self, entities: int, events: int) -> None:
        """So many events of each entity, in turns, and a snapshot of each."""

        async def work(store: Any) -> None:
            for number in range(1, events + 1):
                assert not any(await store.append([[deposited(f"e{entity}", number)] for entity in range(entities)]))
            for entity in range(entities):
                await store.save_snapshot(balance(f"e{entity}", events), 2)

        self.run(work)

    def contents(self) -> "Contents":
        return self.run(contents_of)


@dataclass(frozen=True, slots=True)
class Contents:
    """All that is in a journal but fences."""

    events: list[OrderedEvent]
    snapshots: list[SnapshotRecord]
    highest: dict[str, int]

    def as_history(self) -> tuple[list[EventRecord], list[SnapshotRecord], dict[str, int]]:
        """What an import makes of it: offsets and epochs are those of the journal into which it comes."""
        return [entry.record._replace(epoch=0) for entry in self.events], self.snapshots, self.highest


async def contents_of(store: Any) -> Contents:
    events = [entry async for page in ordered_pages(store) for entry in page]
    entities = sorted({entry.record.entity_id for entry in events})
    return Contents(
        events,
        [snapshot for entity_id in entities async for snapshot in snapshots(store, entity_id)],
        {entity_id: await store.highest_sequence_nr(entity_id) for entity_id in entities},
    )
