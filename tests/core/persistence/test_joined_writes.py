"""A write that waits for its turn takes what follows it, and they share one fate."""

import asyncio

import pytest
from casty.errors import JournalOverloadedError
from casty.persistence.writer import BATCH_BYTES, BATCH_EVENTS, JournalWriter

from tests.core.persistence.fakes import Outcomes, SteeredStore, event


async def test_what_joins_a_waiting_write_is_stored_with_it_and_told_of_once() -> None:
    store, outcomes = SteeredStore(), Outcomes()
    writer = JournalWriter(store)
    write = writer.submit([event("a", 1)], outcomes.of("a"))
    assert writer.join(write, [event("a", 2)], 1)
    await writer.drain()
    assert [[len(group) for group in batch] for batch in store.batches] == [[2]]
    assert outcomes.told == {"a": None}


async def test_a_write_that_is_being_stored_takes_no_more() -> None:
    store, outcomes = SteeredStore(), Outcomes()
    writer = JournalWriter(store)
    store.gate.clear()
    write = writer.submit([event("a", 1)], outcomes.of("a"))
    await store.started.wait()
    assert not writer.join(write, [event("a", 2)], 1)
    store.gate.set()
    await writer.drain()
    assert await store.highest_sequence_nr("a") == 1


@pytest.mark.parametrize("size", [1, BATCH_BYTES])
async def test_a_write_as_large_as_a_batch_takes_no_more(size: int) -> None:
    writer, outcomes = JournalWriter(SteeredStore()), Outcomes()
    write = writer.submit([event("a", 1)], outcomes.of("a"))
    joined = 1
    while writer.join(write, [event("a", joined + 1)], size):
        joined += 1
    assert joined == (BATCH_EVENTS if size == 1 else 2)
    await writer.drain()


async def test_what_has_joined_counts_as_waiting_until_it_is_taken() -> None:
    writer, outcomes = JournalWriter(SteeredStore(), capacity=2), Outcomes()
    write = writer.submit([event("a", 1)], outcomes.of("a"))
    assert writer.join(write, [event("a", 2)], 1)
    with pytest.raises(JournalOverloadedError, match="2 writes with 2 bytes are waiting"):
        writer.join(write, [event("a", 3)], 1)
    await writer.drain()
    assert not writer.join(write, [event("a", 3)], 1)
    writer.submit([event("a", 3)], outcomes.of("there is room again"))
    await writer.drain()
    assert outcomes.told == {"a": None, "there is room again": None}


async def test_the_bytes_of_what_has_joined_count_as_well() -> None:
    writer, outcomes = JournalWriter(SteeredStore(), capacity_bytes=1_000), Outcomes()
    write = writer.submit([event("a", 1, bytes(400))], outcomes.of("a"))
    assert writer.join(write, [event("a", 2, bytes(400))], 400)
    with pytest.raises(JournalOverloadedError, match="2 writes with 800 bytes are waiting"):
        writer.join(write, [event("a", 3, bytes(400))], 400)
    await writer.drain()
    writer.submit([event("a", 3, bytes(1_000))], outcomes.of("there is room again"))
    await writer.drain()
    assert outcomes.told == {"a": None, "there is room again": None}


async def test_a_cancelled_flush_leaves_no_write_to_join() -> None:
    store, outcomes = SteeredStore(), Outcomes()
    writer = JournalWriter(store)
    store.gate.clear()
    writer.submit([event("a", 1)], outcomes.of("a"))
    await store.started.wait()
    waiting = writer.submit([event("b", 1)], outcomes.of("b"))
    (flush,) = (task for task in asyncio.all_tasks() if task.get_name() == "casty-journal-writer")
    flush.cancel()
    await asyncio.wait([flush])
    assert not writer.join(waiting, [event("b", 2)], 1)
