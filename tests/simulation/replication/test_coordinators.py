"""Nodes with copies leave and are killed in the midst of what a coordinator does for others, and it is often the next
one to go. All disks are kept, so nothing may be lost, and everything has to be within reach again.
`CASTY_SIM_SEEDS=500` runs more.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

import pytest
from casty.testing.simulation import Link, Settings, Simulation, simulate_seeds
from casty_cluster.protocol.sharding.table import Allotment
from casty_cluster.sharding.pair import Pair
from casty_cluster.wire.sharding import HostPhase

from tests.simulation.clusters import RECOVERY
from tests.simulation.replication.copied import Copied
from tests.simulation.sharding.regions import machines

SEEDS = 1
UNEVEN = Settings(link=Link(jitter=0.02))
CHANGES: Final = 6
FEW: Final = 20
ATTENTION: Final = 8.0
"""Virtual seconds for which a moment is waited for."""


class Churning(Copied):
    """Whatever a node does is cut short sooner or later."""

    def moments(self) -> list[Callable[[], bool]]:
        """When the next node goes."""
        return [self.starts, self.hands_off, self.waits, self.grants, self.releases]

    def starts(self) -> bool:
        """Whether a node has been granted a shard that it does not run yet."""
        return any(hosted.phase is HostPhase.starting for pair in self._pairs() for hosted in pair.region.owner.hosted)

    def hands_off(self) -> bool:
        """Whether a shard is on the move."""
        return any(pair.coordinator.table.moving for pair in self._pairs())

    def waits(self) -> bool:
        """Whether a shard waits for copies."""
        return any(pair.coordinator._waiting for pair in self._pairs())

    def grants(self) -> bool:
        """Whether a coordinator waits for the start of a shard, granted by itself or by an earlier one."""
        entries = (entry for pair in self._pairs() for entry in pair.coordinator.table.entries.values())
        return any(entry.state is Allotment.granting for entry in entries)

    def releases(self) -> bool:
        """Whether a member that leaves may stop."""
        return any(pair.coordinator._leavers.released for pair in self._pairs())

    def _pairs(self) -> Iterator[Pair]:
        return (pair for system in self.alive if (pair := machines(system)) is not None)

    async def wait_for(self, moment: Callable[[], bool]) -> None:
        until = self.sim.time() + ATTENTION
        while not moment() and self.sim.time() < until:  # noqa: ASYNC110 - some moments last milliseconds
            await asyncio.sleep(0.001)

    def next(self) -> str:
        """The node that goes next: often the oldest one, which coordinates."""
        there = [name for name in self.names if self.is_there(name)]
        return min(there, key=self.up_number) if there and self.sim.random.random() < 0.5 else self._any()

    def _any(self) -> str:
        return self.sim.random.choice(self.names)

    async def go(self, name: str, seconds: float) -> None:
        """The node leaves or is killed, and is started again so many seconds later."""
        host = self.sim.host(name)
        if self.sim.random.random() < 0.5:
            await self.depart(name, seconds)
        elif host.is_up:
            host.crash()
            await asyncio.sleep(seconds)
            host.restart()


async def churn(sim: Simulation, size: int, replicas: int, min_acks: int) -> int:
    random, churning = sim.random, Churning(sim, size, replicas=replicas, min_acks=min_acks)
    await churning.begin()
    await sim.eventually(lambda: len(churning.acknowledged) > FEW and churning.is_complete)
    async with asyncio.TaskGroup() as group:
        for _ in range(CHANGES):
            group.create_task(churning.go(churning.next(), random.choice((0.0, 1.0, 15.0)) * random.random()))
            if random.random() < 0.3:
                await asyncio.sleep(random.uniform(0.0, 12.0))
            await churning.wait_for(random.choice(churning.moments()))
            await asyncio.sleep(random.choice((0.0, 0.01, 0.1)) * random.random())
    await sim.eventually(churning.is_one, within=RECOVERY)
    await churning.every_account_replies()
    return len(churning.acknowledged)


@pytest.mark.parametrize(("size", "replicas", "min_acks"), [(3, 2, 1), (4, 1, 1), (5, 3, 2)])
def test_what_coordinators_leave_undone_is_done_by_others(size: int, replicas: int, min_acks: int) -> None:
    runs = simulate_seeds(lambda sim: churn(sim, size, replicas, min_acks), SEEDS, settings=UNEVEN)
    assert all(run.result > FEW for run in runs)
