"""What event-sourced actors have acknowledged outlives crashes in the middle of a write. `CASTY_SIM_SEEDS=300` runs
more; with a runtime or a disk that acknowledges too early, few are needed.
"""

import asyncio
from typing import Any

import pytest
from casty.persistence.entity import EventSourcedEntity
from casty.testing.simulation import DiskFaults, Settings, Simulation, faults, nemesis, simulate_seeds

from tests.simulation.bank import Bank, crashes

SEEDS = 8
FEW = 10


def test_what_was_acknowledged_outlives_crashes() -> None:
    acknowledged = [run.result for run in simulate_seeds(crashes, SEEDS)]
    assert sum(acknowledged) > 10 * len(acknowledged)


def test_what_was_acknowledged_outlives_crashes_with_callbacks_in_order() -> None:
    simulate_seeds(crashes, FEW, settings=Settings(in_order=True))


def test_a_bank_that_has_crashed_writes_nothing_more() -> None:
    async def scenario(sim: Simulation) -> None:
        bank = Bank(sim)
        bank.start()
        await asyncio.sleep(sim.random.uniform(0.05, 0.1))
        bank.host.crash()
        stored = await bank.stored()
        await asyncio.sleep(10.0)
        assert await bank.stored() == stored

    simulate_seeds(scenario, FEW)


def test_a_runtime_that_acknowledges_before_the_events_are_durable_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    accept = EventSourcedEntity._accept

    def accept_and_release(entity: EventSourcedEntity, entry: Any, answer: Any) -> Any:
        following = accept(entity, entry, answer)
        while entity._in_flight:
            entity._in_flight.popleft().release()
        return following

    monkeypatch.setattr(EventSourcedEntity, "_accept", accept_and_release)
    with pytest.raises(AssertionError):
        simulate_seeds(crashes, FEW)


def test_a_disk_that_acknowledges_what_it_has_not_written_is_caught() -> None:
    async def scenario(sim: Simulation) -> None:
        sim.host("bank").disk.faults = DiskFaults(lying=True)
        await crashes(sim)

    with pytest.raises(AssertionError):
        simulate_seeds(scenario, FEW)


def test_bad_disks_pauses_and_crashes_lose_nothing_either() -> None:
    async def scenario(sim: Simulation) -> None:
        bank = Bank(sim)
        bank.start()
        await nemesis(sim, [*faults.DISKS, faults.kill, faults.pause], seconds=6.0, lasting=(0.1, 2.0))
        before = len(bank.acknowledged)
        await sim.eventually(lambda: len(bank.acknowledged) > before + 20, within=60.0)
        await bank.check()

    simulate_seeds(scenario, FEW)


def test_an_actor_that_was_paused_and_replaced_acknowledges_nothing_more() -> None:
    """Two banks with the same accounts on one server: the one that took over last may write."""

    async def scenario(sim: Simulation) -> None:
        old, new = (Bank(sim, name, "sim-database://bank") for name in ("old", "new"))
        new.begin_at(500_000)
        old.start()
        await asyncio.sleep(sim.random.uniform(0.1, 0.5))
        old.host.pause()
        new.start()
        await asyncio.sleep(sim.random.uniform(0.1, 0.5))
        # What it had on its way arrives, its accounts are refused, and they take over in their turn.
        old.host.resume()
        await asyncio.sleep(1.0)
        old.host.crash()
        await asyncio.sleep(5.0)
        before = len(new.acknowledged)
        await sim.eventually(lambda: len(new.acknowledged) > before + 20)
        new.acknowledged += old.acknowledged
        await new.check()

    simulate_seeds(scenario, FEW)
