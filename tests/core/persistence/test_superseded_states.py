"""Superseded states are deleted, and no command waits for that."""

import asyncio
from typing import override

import pytest
from casty import ActorStopped, ActorSystem
from casty.persistence.durable_state import KEPT
from casty.testing import settle

from tests.core.persistence.ledger import Event, HandJournal, adding
from tests.core.persistence.ledger import ledger as event_sourced
from tests.core.persistence.states import WatchedStore, note
from tests.core.runtime.probe import Events


async def update(system: ActorSystem, store: WatchedStore, times: int) -> str:
    """Add `x` so often, with an actor that then is left alone."""
    ref, state = system.spawn(note(store.journal())), ""
    for _ in range(times):
        state = await system.ask(ref, adding("x"))
    await settle()
    return state


async def test_superseded_states_are_deleted(system: ActorSystem) -> None:
    store = WatchedStore()
    await update(system, store, KEPT - 1)
    assert len(await store.numbers()) == KEPT - 1
    await update(system, store, 1)
    assert await store.numbers() == [KEPT], "also where each actor stores less than a hundred"
    assert len(await update(system, store, KEPT + 5)) == 2 * KEPT + 5
    assert await store.numbers() == [*range(2 * KEPT, 2 * KEPT + 6)]


async def test_no_command_waits_for_a_deletion_and_there_is_one_at_a_time(system: ActorSystem) -> None:
    store = WatchedStore()
    store.deleting.clear()
    assert len(await update(system, store, 4 * KEPT)) == 4 * KEPT
    assert store.deleted == [KEPT - 1]
    store.deleting.set()
    await settle()
    assert len(await store.numbers()) == 3 * KEPT + 1
    await update(system, store, KEPT)
    assert await store.numbers() == [5 * KEPT]


async def test_a_state_is_superseded_when_the_newer_one_is_durable(system: ActorSystem) -> None:
    store = WatchedStore()
    store.gate.clear()
    ref = system.spawn(note(store.journal()))
    asks = [asyncio.ensure_future(system.ask(ref, adding("x"))) for _ in range(KEPT)]
    await settle()
    too_early = [*store.deleted]
    store.gate.set()
    await asyncio.gather(*asks)
    await settle()
    assert too_early == []
    assert store.deleted == [KEPT - 1]


async def test_a_failed_deletion_is_a_line_in_the_log_and_made_up_for(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    store = WatchedStore()
    store.deletion_failure = OSError("the disk is away")
    assert len(await update(system, store, KEPT)) == KEPT
    assert "the states of note that are superseded could not be deleted" in caplog.text
    store.deletion_failure = None
    assert len(await update(system, store, KEPT)) == 2 * KEPT
    assert await store.numbers() == [2 * KEPT]


async def test_a_stop_waits_for_a_deletion_under_way() -> None:
    store = WatchedStore()
    store.deleting.clear()
    async with ActorSystem() as system:
        await update(system, store, KEPT)
        closing = asyncio.ensure_future(system.shutdown())
        await settle()
        assert not closing.done()
        store.deleting.set()
        await closing
    assert await store.numbers() == [KEPT]


async def test_a_store_that_deletes_nothing_keeps_every_state_and_answers_the_newest(system: ActorSystem) -> None:
    store = WatchedStore(deleting=False)
    await update(system, store, KEPT + 1)
    assert store.deleted == []
    assert len(await update(system, store, 1)) == KEPT + 2
    assert store.answered == [KEPT + 1]


async def test_in_a_journal_of_four_methods_a_snapshot_shortens_what_is_read(system: ActorSystem) -> None:
    class Journal(HandJournal):
        asked_from = 0

        @override
        async def load(self, entity_id: str, from_sequence_nr: int = 0) -> list[Event]:
            self.asked_from = from_sequence_nr
            return await super().load(entity_id, from_sequence_nr)

    journal = Journal()
    ref = system.spawn(note(journal))
    for _ in range(KEPT + 5):
        await system.ask(ref, adding("x"))
    assert len(journal.events) == KEPT + 5
    assert [(kept.sequence_nr, len(kept.state)) for kept in journal.snapshots] == [(KEPT, KEPT)]
    assert len(await system.ask(system.spawn(note(journal)), adding("x"))) == KEPT + 6
    assert journal.asked_from == KEPT + 1
    journal.events = journal.events[:KEPT]
    assert len(await system.ask(system.spawn(note(journal)), adding("x"))) == KEPT + 1


async def test_a_state_that_is_superseded_and_deleted_while_it_is_looked_for_is_not_taken_for_none(
    system: ActorSystem,
) -> None:
    class BusyStore(WatchedStore):
        """Another writer writes right after the highest number was read."""

        @override
        async def highest_sequence_nr(self, entity_id: str) -> int:
            highest = await super().highest_sequence_nr(entity_id)
            for record in await super().replay(entity_id, highest, highest, 1):
                await self.append([[record._replace(sequence_nr=highest + 1, event_id=bytes(16))]])
                await self.delete_events(entity_id, highest)
            return highest

    store = BusyStore()
    assert await update(system, store, 3) == "xxx"
    assert await update(system, store, 1) == "xxxx"
    assert await store.numbers() == [4, 5]


async def test_an_entity_of_which_everything_is_deleted_begins_anew_with_the_next_number(system: ActorSystem) -> None:
    store = WatchedStore()
    await update(system, store, 3)
    await store.delete_events("note", 3)
    assert await update(system, store, 1) == "x"
    assert await store.numbers() == [4]


async def test_an_event_sourced_actor_without_the_beginning_of_its_history_does_not_start(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    store, stopped = WatchedStore(), Events(system, ActorStopped)
    ref = system.spawn(event_sourced(store.journal()))
    for text in "abc":
        await system.ask(ref, adding(text))
    await store.delete_events("ledger", 2)
    system.spawn(event_sourced(store.journal()))
    await settle()
    assert "the history of 'ledger' is incomplete: after number 0 comes event 3" in caplog.text
    assert stopped.seen == [], "it waits for the history to be restored, as in any outage"
