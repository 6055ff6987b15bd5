"""Simulated clusters whose nodes are at work while all that may befall a cluster befalls it."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from typing import Any, override

from casty import CastyError
from casty.testing.simulation import Simulation, faults, nemesis
from casty_cluster import ClusteredActorSystem

from tests.simulation.clusters import RECOVERY, SimulatedCluster


class BusyCluster(SimulatedCluster, ABC):
    """Each node does its `work` as long as the cluster `is_busy`; what goes `wrong` is noted, and ends the run."""

    def __init__(self, sim: Simulation, size: int, **arguments: Any) -> None:
        super().__init__(sim, size, **arguments)
        self.is_busy = True
        self.wrong: list[str] = []
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}
        sim.invariant(self.nothing_is_wrong)

    def nothing_is_wrong(self) -> None:
        assert not self.wrong, self.wrong[0]

    @override
    def populate(self, name: str, system: ClusteredActorSystem) -> None:
        super().populate(name, system)
        self._tasks[name] = [asyncio.create_task(_as_long_as_it_can(work)) for work in self.work(name, system)]

    @abstractmethod
    def work(self, name: str, system: ClusteredActorSystem) -> Iterable[Coroutine[Any, Any, None]]:
        """What a node does beside its actors."""

    async def goes_on(self, system: ClusteredActorSystem, pace: float) -> bool:
        """Wait for the next moment to do something, on average `pace` seconds; False where there is none."""
        await asyncio.sleep(self.sim.random.expovariate(1 / pace))
        return self.is_busy and system.is_running

    async def outlive(self, seconds: float) -> None:
        """Faults of the network and of nodes, two at a time, for so many seconds; after them it has to be one again."""
        await asyncio.gather(
            nemesis(self.sim, faults.NETWORK, seconds=seconds, lasting=(0.5, 25.0)),
            nemesis(self.sim, [faults.kill, faults.pause, self.departure], seconds=seconds, lasting=(0.1, 20.0)),
        )
        await self.sim.eventually(self.is_one, within=RECOVERY)


async def _as_long_as_it_can(work: Coroutine[Any, Any, None]) -> None:
    with suppress(CastyError):
        await work
