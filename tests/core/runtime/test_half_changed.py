"""A call that fails leaves the runtime as it was: nothing is changed before it has succeeded."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from casty import ActorSystem, Behavior, Behaviors, PersistedEvent, Snapshot
from casty.runtime.cell import IDLE, STOPPED, LocalRef
from casty.runtime.signals import Stop
from casty.testing import TestProbe

from tests.core.runtime.probe import PATIENCE, PATIENT, Ctx, Question, begins, does, echo, nothing, questioning


async def in_a_thread(call: Callable[[], object]) -> None:
    """Asyncio's debug mode refuses what another thread asks of the event loop."""
    with pytest.raises(RuntimeError, match="Non-thread-safe"):
        await asyncio.to_thread(call)


@pytest.fixture
async def debugged() -> AsyncIterator[ActorSystem]:
    asyncio.get_running_loop().set_debug(True)
    async with ActorSystem(config=PATIENT) as system:
        yield system
        async with asyncio.timeout(PATIENCE):
            await system.shutdown()


async def test_a_tell_that_fails_in_a_thread_does_no_harm(debugged: ActorSystem) -> None:
    probe = TestProbe[str](debugged)
    one, other = (debugged.spawn(Behaviors.receive(echo)) for _ in range(2))
    assert isinstance(one, LocalRef)
    await in_a_thread(lambda: one.tell(Question(probe.ref)))
    assert one.cell.state == IDLE
    assert one.cell.queue is None
    assert await debugged.ask(one, questioning("one")) == "one"
    assert await debugged.ask(other, questioning("other")) == "other"


async def test_a_spawn_that_fails_in_a_thread_leaves_the_name_free(debugged: ActorSystem) -> None:
    behavior = begins(lambda _ctx: does(lambda ctx, message: None))
    await in_a_thread(lambda: debugged.spawn(behavior, "x"))
    assert debugged.lookup("/x") is None
    debugged.spawn(behavior, "x")


async def test_a_signal_that_fails_in_a_thread_is_not_left_in_the_lane(debugged: ActorSystem) -> None:
    ref = debugged.spawn(Behaviors.receive(echo))
    assert isinstance(ref, LocalRef)
    cell = ref.cell
    await in_a_thread(lambda: cell.signal(Stop()))
    assert cell.state == IDLE
    assert not cell.own_extras().signals


async def test_every_shutdown_stops_its_actors_whatever_the_task_factory() -> None:
    loop = asyncio.get_running_loop()
    loop.set_task_factory(asyncio.eager_task_factory)
    try:
        system = ActorSystem()
        for _ in range(3):
            async with system:
                ref = system.spawn(Behaviors.receive(nothing))
                assert isinstance(ref, LocalRef)
            assert ref.cell.state == STOPPED
    finally:
        loop.set_task_factory(None)


def count(state: int, event: int) -> int:
    return state + event


class Methods:
    """A journal of four methods, none of which suspends."""

    def __init__(self) -> None:
        self.stored: list[PersistedEvent[Any]] = []

    async def persist(self, entity_id: str, events: Sequence[PersistedEvent[Any]]) -> None:
        self.stored += events

    async def load(self, entity_id: str, from_sequence_nr: int = 0) -> list[PersistedEvent[Any]]:
        return [event for event in self.stored if event.sequence_nr >= from_sequence_nr]

    async def save_snapshot(self, entity_id: str, snapshot: Snapshot[Any]) -> None: ...

    async def load_snapshot(self, entity_id: str) -> Snapshot[Any] | None:
        return None


async def test_a_journal_of_four_methods_is_written_to_whatever_the_task_factory() -> None:
    loop = asyncio.get_running_loop()
    loop.set_task_factory(asyncio.eager_task_factory)

    async def on_command(_ctx: Ctx, state: int, command: Any) -> Behavior[Any]:
        return Behaviors.persisted([1], reply=(command.reply_to, str(state)))

    counter = Behaviors.event_sourced(
        entity_id="x",
        initial_state=0,
        on_event=count,
        on_command=on_command,
        journal=Methods(),
    )
    try:
        async with ActorSystem() as system:
            ref = system.spawn(counter)
            assert [await system.ask(ref, questioning(), 2.0) for _ in range(3)] == ["0", "1", "2"]
    finally:
        loop.set_task_factory(None)
