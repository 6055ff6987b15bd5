"""A class-based actor with copies of its state is one object, whatever befalls nodes and disks. `CASTY_SIM_SEEDS=1000`
runs more of these.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, override

import pytest
from casty import Actor, CastyConfig, CastyError, Context
from casty.cluster import ClusterScope
from casty.config import JournalConfig
from casty.testing.linearizability import CounterModel, History, check_linearizable
from casty.testing.simulation import Simulation, simulate_seeds
from casty_cluster import ClusteredActorSystem

from tests.simulation.replication.disks import CopyingCluster

SEEDS = 2
SECONDS = 40.0
PACE = 0.4
CALLERS = 2
"""On each node."""


class Counter(Actor[int]):
    def __init__(self) -> None:
        self.total = 0

    async def receive(self, msg: int, ctx: Context) -> None:
        self.total += msg
        await ctx.reply(self.total)


class Counting(CopyingCluster):
    """Callers on each node increment and read one counter."""

    region = "class-actors-2-1"

    def __init__(self, sim: Simulation, size: int, journal: str | None) -> None:
        config = CastyConfig(journal=JournalConfig(url=journal))
        super().__init__(sim, size, config=config)
        self.in_memory = journal is None
        self.history = History(sim.time)

    @override
    def work(self, name: str, system: ClusteredActorSystem) -> Iterable[Coroutine[Any, Any, None]]:
        return [self._count(f"{name}-{number}", system) for number in range(CALLERS)]

    async def _count(self, process: str, system: ClusteredActorSystem) -> None:
        while await self.goes_on(system, PACE):
            n = self.sim.random.choice((0, 0, 1, 2))
            try:
                counter = await system.actor(Counter, name="x", scope=ClusterScope(replication=3))
                call = ("increment", n) if n else ("get",)
                await self.history.record(process, call, counter.ask(n, timeout=self.sim.random.choice((0.5, 5.0))))
            except (CastyError, TimeoutError):
                pass


@pytest.mark.parametrize("journal", ["sim-disk://counters", None])
def test_a_counter_with_copies_is_linearizable_whatever_befalls_nodes_and_disks(journal: str | None) -> None:
    async def scenario(sim: Simulation) -> int:
        counting = Counting(sim, 3, journal)
        await counting.begin()
        await counting.outlive(SECONDS)
        before = len(counting.history.operations)
        await sim.eventually(lambda: len(counting.history.operations) > before + 20)
        counting.is_busy = False
        await asyncio.sleep(10.0)
        check_linearizable(counting.history.operations, CounterModel())
        return sum(operation.returned < float("inf") for operation in counting.history.operations)

    runs = [run.result for run in simulate_seeds(scenario, SEEDS)]
    assert sum(runs) > 50 * len(runs)
