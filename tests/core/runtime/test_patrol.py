"""Handlers that await something for long are reported, once for each handling and each doubling of its time."""

import asyncio

import pytest
from casty import ActorSystem, Behavior, Behaviors, CastyConfig, SuspendedHandler
from casty.config import SystemConfig
from casty.runtime.cell import Cell, LocalRef
from casty.testing import settle

from tests.core.runtime.probe import Ctx, Events

LIMIT = SystemConfig().suspended_handler_seconds or 0.0


class Stuck:
    """An actor whose handler waits for a gate of its own for each message."""

    def __init__(self, system: ActorSystem) -> None:
        self.gates = [asyncio.Event() for _ in range(3)]
        self.events = Events(system, SuspendedHandler)
        self.patrol = system.kernel.dispatcher.patrol
        self.ref = system.spawn(Behaviors.receive(self._handle), "stuck")

    async def _handle(self, _ctx: Ctx, message: str) -> Behavior[str]:
        await self.gates[int(message)].wait()
        return Behaviors.same()

    @property
    def cell(self) -> Cell:
        assert isinstance(self.ref, LocalRef)
        return self.ref.cell

    async def started(self, count: int = 1) -> "Stuck":
        for number in range(count):
            self.ref.tell(str(number))
        await settle()
        return self

    def waits(self, seconds: float) -> None:
        """Let so much time have passed for its handler."""
        self.patrol.suspended[self.cell] -= seconds
        for wait in self.patrol._waits.values():
            wait.since -= seconds

    def open(self) -> None:
        for gate in self.gates:
            gate.set()


async def test_a_handler_that_awaits_for_long_is_reported(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    stuck = await Stuck(system).started()
    stuck.waits(LIMIT)
    stuck.patrol.look_around()
    [event] = stuck.events.seen
    assert (event.ref, event.message_type) == (stuck.ref, "str")
    assert event.seconds >= LIMIT
    assert "await self.gates[int(message)].wait()" in event.stack
    line = Stuck._handle.__code__.co_firstlineno + 1
    assert f"/stuck has been suspended for {LIMIT:.1f} s while it handles str, at {__file__}:{line}" in caplog.text
    stuck.open()


async def test_it_is_reported_again_whenever_its_time_has_doubled(system: ActorSystem) -> None:
    stuck = await Stuck(system).started()
    for _ in range(9):
        stuck.waits(LIMIT)
        stuck.patrol.look_around()
    assert [round(event.seconds / LIMIT) for event in stuck.events.seen] == [1, 2, 4, 8]
    stuck.open()


async def test_messages_that_follow_each_other_are_not_taken_for_one(system: ActorSystem) -> None:
    stuck = await Stuck(system).started(3)
    for gate in stuck.gates[:2]:
        stuck.waits(LIMIT * 0.9)
        stuck.patrol.look_around()
        gate.set()
        await settle()
    stuck.waits(LIMIT * 0.9)
    stuck.patrol.look_around()
    assert stuck.events.seen == []
    stuck.waits(LIMIT)
    stuck.patrol.look_around()
    assert len(stuck.events.seen) == 1
    stuck.open()


async def test_a_process_that_was_stopped_makes_no_handler_wait_longer(system: ActorSystem) -> None:
    stuck = await Stuck(system).started()
    stuck.waits(3600.0)
    stuck.patrol._due -= 3600.0
    stuck.patrol.look_around()
    assert stuck.events.seen == []
    stuck.open()


async def test_a_start_that_awaits_for_long_is_reported(system: ActorSystem) -> None:
    gate, events = asyncio.Event(), Events(system, SuspendedHandler)
    patrol = system.kernel.dispatcher.patrol

    async def setup(_ctx: Ctx) -> Behavior[str]:
        await gate.wait()
        return Behaviors.ignore()

    ref = system.spawn(Behaviors.setup(setup))
    await settle()
    assert isinstance(ref, LocalRef)
    patrol.suspended[ref.cell] -= LIMIT
    patrol.look_around()
    assert [event.message_type for event in events.seen] == ["(starting)"]
    gate.set()


async def test_the_patrol_goes_by_real_time() -> None:
    async with ActorSystem(config=CastyConfig(system=SystemConfig(suspended_handler_seconds=0.02))) as system:
        stuck = await Stuck(system).started()
        assert (await stuck.events.receive()).seconds >= 0.02
        stuck.open()


@pytest.mark.parametrize("off", [0, False, None])
async def test_it_can_be_switched_off(off: float | None) -> None:
    async with ActorSystem(config=CastyConfig(system=SystemConfig(suspended_handler_seconds=off))) as system:
        stuck = await Stuck(system).started()
        stuck.waits(3600.0)
        stuck.patrol.look_around()
        assert stuck.events.seen == []
        stuck.open()


async def test_many_suspended_actors_are_looked_at_in_slices(
    system: ActorSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("casty.runtime.patrol.SLICE", 2)
    stuck = [await Stuck(system).started() for _ in range(1)]
    gate = stuck[0].gates[0]

    async def handler(_ctx: Ctx, _message: str) -> Behavior[str]:
        await gate.wait()
        return Behaviors.same()

    for _ in range(6):
        system.spawn(Behaviors.receive(handler)).tell("x")
    await settle()
    patrol = system.kernel.dispatcher.patrol
    for cell in patrol.suspended:
        patrol.suspended[cell] -= LIMIT
    patrol.look_around()
    assert len(stuck[0].events.seen) == 2
    await settle()
    assert len(stuck[0].events.seen) == 7
    stuck[0].open()
