"""Durable producers: what they have taken over survives them."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from casty import ActorSystem, InMemoryJournal, JournalError, ServiceKey
from casty.delivery import Send, Transfer, consumer, producer
from casty.delivery.messages import Backlog, Confirmed, Queued
from casty.extension import restart, stop
from casty.journal import PersistedEvent, Snapshot, SqliteJournal
from casty.testing import ManualClock, settle

from tests.core.delivery.handlers import TEXTS, Boom, Recorder

KEY = ServiceKey[Transfer[str]]("consumers")
PROGRAM = """
import asyncio, sys
from casty import ActorSystem, ServiceKey
from casty.delivery import Send, producer
from casty.journal import SqliteJournal

async def main():
    async with SqliteJournal(sys.argv[1]) as journal, ActorSystem() as system:
        sender = system.spawn(producer(ServiceKey("absent"), producer_id="orders", journal=journal))
        for number in range(int(sys.argv[2])):
            await sender.ask(Send(f"text {number}"), timeout=60.0)
            print(number, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


class Full:
    """A journal without room."""

    async def persist(self, entity_id: str, events: Sequence[PersistedEvent[Any]]) -> None:
        raise JournalError("the disk is full")

    async def load(self, entity_id: str, from_sequence_nr: int = 0) -> list[PersistedEvent[Any]]:
        return []

    async def save_snapshot(self, entity_id: str, snapshot: Snapshot[Any]) -> None: ...

    async def load_snapshot(self, entity_id: str) -> Snapshot[Any] | None:
        return None


async def events(journal: InMemoryJournal) -> list[Any]:
    return [stored.event for stored in await journal.load("delivery/orders")]


async def test_a_reply_says_that_the_message_is_stored(system: ActorSystem) -> None:
    journal = InMemoryJournal()
    sender = system.spawn(producer(KEY, producer_id="orders", journal=journal))
    await sender.ask(Send("one"))
    assert await events(journal) == [Queued("one")]


async def test_unconfirmed_messages_are_sent_by_the_next_producer_of_that_id(system: ActorSystem) -> None:
    journal, recorder = InMemoryJournal(), Recorder()
    first: Any = system.spawn(producer(KEY, producer_id="orders", journal=journal))
    for text in TEXTS[:5]:
        await first.ask(Send(text))
    stop(first)
    await settle()
    receiver = system.spawn(consumer(recorder.behavior()))
    second = system.spawn(producer(receiver, producer_id="orders", journal=journal))
    await second.ask(Send("last", confirmed=True))
    assert recorder.seen == [*TEXTS[:5], "last"]
    assert recorder.positions == [1, 2, 3, 4, 5, 6]


async def test_confirmed_messages_are_not_sent_again(system: ActorSystem, clock: ManualClock) -> None:
    journal, recorder = InMemoryJournal(), Recorder()
    receiver = system.spawn(consumer(recorder.behavior()))
    sender: Any = system.spawn(producer(receiver, producer_id="orders", journal=journal))
    for text in TEXTS[:5]:
        await sender.ask(Send(text, confirmed=True))
    restart(sender, Boom())
    await sender.ask(Send("last", confirmed=True))
    await clock.advance(20.0)
    assert recorder.seen == [*TEXTS[:5], "last"]
    stored = await events(journal)
    assert [position for event in stored if isinstance(event, Confirmed) for position in event.positions] == [
        1, 2, 3, 4, 5, 6,
    ]  # fmt: skip


async def test_a_message_that_cannot_be_stored_is_not_sent(system: ActorSystem, clock: ManualClock) -> None:
    recorder = Recorder()
    receiver = system.spawn(consumer(recorder.behavior()))
    sender = system.spawn(producer(receiver, producer_id="orders", journal=Full()))
    with pytest.raises(JournalError, match="the disk is full"):
        await sender.ask(Send("text"))
    assert recorder.seen == []


async def test_what_a_killed_process_has_stored_is_sent_by_the_next(tmp_path: Path, system: ActorSystem) -> None:
    path = tmp_path / "orders.db"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(path), "1000", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    replied = [int(await process.stdout.readline()) for _ in range(20)]
    os.kill(process.pid, signal.SIGKILL)
    replied += [int(line) for line in (await process.stdout.read()).splitlines() if line]
    await process.wait()
    recorder = Recorder()
    async with SqliteJournal(str(path)) as journal:
        sender: Any = system.spawn(
            producer(system.spawn(consumer(recorder.behavior())), producer_id="orders", journal=journal)
        )
        await sender.ask(Send("last", confirmed=True), timeout=60.0)
        stop(sender)
        await settle()
    count = len(recorder.seen) - 1
    assert recorder.seen == [*(f"text {number}" for number in range(count)), "last"]
    assert count >= len(replied)


async def test_a_backlog_is_the_fold_of_its_events() -> None:
    journal, backlog = InMemoryJournal(), Backlog()
    happened = [Queued("one"), Queued("two"), Confirmed((1,)), Queued("three"), Confirmed((2, 3)), Queued("four")]
    await journal.persist("e", [PersistedEvent(n, event, 0.0) for n, event in enumerate(happened, 1)])
    for stored in await journal.load("e"):
        backlog = backlog.after(stored.event)
    assert backlog == Backlog(4, ((4, "four"),))
