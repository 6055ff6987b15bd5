"""Journals that ignore their cancellation: a shutdown ends all the same, and so does the program."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from casty import ActorSystem, Behavior, Behaviors, DeadLetter, JournalUnavailableError, SnapshotEvery
from casty.journals.memory import InMemoryJournal
from casty.persistence.journal import StoreJournal
from casty.testing import settle

from tests.core.objects.stores import Steered, system_over
from tests.core.runtime.probe import Ctx
from tests.core.runtime.stubborn import ENOUGH, Stubborn, hasty_config, stubborn


def account(journal: Any) -> Behavior[Any]:
    async def on_command(_ctx: Ctx, _state: int, command: object) -> Behavior[Any]:
        return Behaviors.persisted([command])

    def on_event(state: int, _event: object) -> int:
        return state + 1

    return Behaviors.event_sourced(
        entity_id="e",
        initial_state=0,
        on_event=on_event,
        on_command=on_command,
        journal=journal,
        snapshot_policy=SnapshotEvery(1),
    )


class PlainJournal:
    """The four methods, of which one ignores its cancellation."""

    def __init__(self, code: Stubborn, method: str) -> None:
        setattr(self, method, code.wait)

    async def persist(self, entity_id: str, events: Sequence[Any]) -> None: ...

    async def load(self, entity_id: str, from_sequence_nr: int = 1) -> Sequence[Any]:
        return ()

    async def save_snapshot(self, entity_id: str, snapshot: Any) -> None: ...

    async def load_snapshot(self, entity_id: str) -> None: ...


class PartlyStubborn:
    """A store of which one method ignores its cancellation."""

    def __init__(self, store: object, code: Stubborn, method: str) -> None:
        self._store = store
        self._code = code
        self._method = method

    def __getattr__(self, name: str) -> Any:
        return self._code.wait if name == self._method else getattr(self._store, name)


def store_journal(code: Stubborn, method: str) -> StoreJournal:
    memory = InMemoryJournal()

    @asynccontextmanager
    async def open_store() -> AsyncGenerator[Any]:
        if method == "open":
            await code.wait()
        opened = await memory.open()
        yield PartlyStubborn(opened.store, code, method)
        if method == "close":
            await code.wait()
        await memory.aclose()

    return StoreJournal(open_store, capabilities=memory.capabilities)


async def shut_down_with(journal: Any) -> set[asyncio.Task[Any]]:
    """The tasks for which `asyncio.run` would wait after a shutdown."""
    before = asyncio.all_tasks()
    async with asyncio.timeout(ENOUGH), ActorSystem(config=hasty_config()) as system:
        system.spawn(account(journal), "x").tell("deposit")
        await settle()
    return asyncio.all_tasks() - before


@pytest.mark.parametrize("method", ["persist", "load", "save_snapshot", "load_snapshot"])
async def test_a_program_ends_though_a_journal_ignores_its_cancellation(
    method: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with stubborn() as code:
        assert await shut_down_with(PlainJournal(code, method)) == set()
        assert code.cancelled
        assert "/x" in caplog.text
        assert "stubborn.py" in caplog.text


@pytest.mark.parametrize("method", ["open", "append", "replay", "save_snapshot", "load_snapshot", "close"])
async def test_a_program_ends_though_a_store_ignores_its_cancellation(
    method: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with stubborn() as code:
        assert await shut_down_with(store_journal(code, method)) == set()
        assert code.cancelled
        assert "has ignored its cancellation" in caplog.text


async def test_a_journal_that_another_system_opens_is_not_taken_from_it() -> None:
    gate = asyncio.Event()
    memory = InMemoryJournal()

    @asynccontextmanager
    async def open_store() -> AsyncGenerator[Any]:
        await gate.wait()
        yield (await memory.open()).store
        await memory.aclose()

    journal = StoreJournal(open_store, capabilities=memory.capabilities)
    async with asyncio.timeout(ENOUGH), ActorSystem("other") as other:
        letters = list[DeadLetter]()
        other.event_stream.subscribe(DeadLetter, letters.append)
        other.spawn(account(journal), "x").tell("deposit")
        async with ActorSystem(config=hasty_config()) as system:
            system.spawn(account(journal), "x").tell("deposit")
            await settle()
        gate.set()
        await settle()
        assert letters == []
        assert len(await journal.load("e")) == 1


async def test_a_journal_may_fail_to_open_when_nothing_waits_for_it_any_more() -> None:
    """What event loops report fails each test."""
    store = Steered()
    store.hangs = asyncio.Event()
    async with system_over(store) as system:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(system.kernel.class_regions.check_journal(), timeout=0.01)
        store.away = JournalUnavailableError("the server cannot be reached")
        store.hangs.set()
        await settle()
        assert system.kernel.journals.opening == []
