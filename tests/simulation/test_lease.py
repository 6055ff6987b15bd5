"""Clusters of two, of which either node is to outlive the other: a lease decides which one goes on."""

import asyncio
from typing import override

import pytest
from casty.testing.simulation import Simulation, simulate_seeds
from casty_cluster.protocol.downing import LeaseMajority, LeaseMajorityOptions

from tests.simulation.clusters import SimulatedCluster

SEEDS = 5
DECIDED = 40.0
"""Virtual seconds within which nodes that cannot reach each other have decided, and downed ones have stopped."""


class Pair(SimulatedCluster):
    """Two nodes with a lease store that both reach whatever becomes of the network between them."""

    def __init__(self, sim: Simulation) -> None:
        super().__init__(sim, 2, downing=LeaseMajority(LeaseMajorityOptions(url="sim-database://leases")))
        self.was_alone: set[str] = set()
        sim.invariant(self._note_nodes_alone)

    def _note_nodes_alone(self) -> None:
        self.was_alone |= {
            name for name, system in self.systems.items() if system.is_running and len(system.members) == 1
        }

    @override
    async def begin(self) -> None:
        await super().begin()
        self.was_alone.clear()


def test_of_two_halves_the_one_with_the_lease_goes_on() -> None:
    async def scenario(sim: Simulation) -> None:
        pair = Pair(sim)
        await pair.begin()
        with sim.network.partition(["n1"], ["n2"]):
            await asyncio.sleep(DECIDED)
            assert len(pair.running) == 1
            assert pair.was_alone <= pair.running, "the other one must not have gone on for a moment"
        await sim.eventually(pair.is_one, within=60.0)
        await pair.answers()

    simulate_seeds(scenario, SEEDS)


@pytest.mark.parametrize(("killed", "left"), [("n1", "n2"), ("n2", "n1")])
def test_whichever_dies_the_other_one_goes_on(killed: str, left: str) -> None:
    async def scenario(sim: Simulation) -> None:
        pair = Pair(sim)
        await pair.begin()
        sim.host(killed).crash()
        pair.running.discard(killed)
        await sim.eventually(lambda: pair.running == {left}, within=DECIDED)

    simulate_seeds(scenario, SEEDS)


def test_without_the_store_no_side_survives() -> None:
    async def scenario(sim: Simulation) -> None:
        pair = Pair(sim)
        await pair.begin()
        with sim.network.partition(["n1"], ["n2"]), sim.network.partition(["n1", "n2"], ["database"]):
            await asyncio.sleep(DECIDED)
            assert (pair.running, pair.was_alone) == (set(), set())
        await sim.eventually(pair.is_one, within=60.0)

    simulate_seeds(scenario, SEEDS)
