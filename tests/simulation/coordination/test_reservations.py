"""Items that consumers reserve, and acknowledge, give back or forget: none is lost, and none comes after it is done."""

import asyncio
from collections.abc import Coroutine, Iterable
from itertools import count
from typing import Any, Final, override

from casty import CastyError
from casty.distributed import Delivery, DistributedQueue
from casty.testing.simulation import Simulation, simulate_seeds
from casty_cluster import ClusteredActorSystem

from tests.simulation.busy import BusyCluster
from tests.simulation.coordination.structures import JOURNAL

SEEDS = 2
SECONDS = 40.0
PACE: Final = 0.1
"""Virtual seconds, on average, after which a producer or a consumer goes on."""
VISIBLE: Final = 3.0
"""Virtual seconds of a reservation; some consumers take longer."""
SLOW: Final = (0.1, 1.0, 5.0)
PATIENCE: Final = 60.0
LEAST = 10
"""Items that are done while the faults last; on average, as some seeds leave no node in peace."""


class Jobs(BusyCluster):
    """A producer and a consumer on each node."""

    def __init__(self, sim: Simulation, size: int) -> None:
        super().__init__(sim, size)
        self.tried: set[int] = set()
        self.enqueued: set[int] = set()
        """Those of the tried ones whose producer has learned that they are in the queue."""
        self.done: dict[int, float] = {}
        """When each item was acknowledged."""
        self.perhaps: set[int] = set()
        """Items whose consumers do not know whether they have been acknowledged."""
        self._numbers = count(1)

    @override
    def work(self, name: str, system: ClusteredActorSystem) -> Iterable[Coroutine[Any, Any, None]]:
        queue = system.distributed(JOURNAL).queue[int]("jobs")
        return self._produce(system, queue), self._consume(system, queue)

    async def _produce(self, system: ClusteredActorSystem, queue: DistributedQueue[int]) -> None:
        while await self.goes_on(system, PACE):
            self.tried.add(item := next(self._numbers))
            try:
                await queue.enqueue(item)
            except (CastyError, TimeoutError):
                continue
            self.enqueued.add(item)

    async def _consume(self, system: ClusteredActorSystem, queue: DistributedQueue[int]) -> None:
        random = self.sim.random
        while await self.goes_on(system, PACE):
            began = self.sim.time()
            try:
                delivery = await queue.reserve(visibility=VISIBLE, wait=1.0)
                if delivery is None:
                    continue
                self.expect_undone(delivery.value, began)
                await asyncio.sleep(random.choice(SLOW))
                match random.choice(("ack", "ack", "ack", "nack", "forget")):
                    case "ack":
                        await self.acknowledge(delivery)
                    case "nack":
                        await delivery.nack()
                    case _:
                        pass
            except (CastyError, TimeoutError):
                continue

    def expect_undone(self, item: int, began: float) -> None:
        if self.done.get(item, began) < began:
            self.wrong.append(f"{item} was reserved at {began} or later, after it had been acknowledged")

    async def acknowledge(self, delivery: Delivery[int]) -> None:
        item = delivery.value
        self.perhaps.add(item)  # before, as its host may die meanwhile
        if await delivery.ack():
            if item in self.done:
                self.wrong.append(f"{item} was acknowledged twice")
            self.done[item] = self.sim.time()

    async def work_off(self, system: ClusteredActorSystem) -> set[int]:
        """Acknowledge all that is left. Returns these items."""
        queue, left = system.distributed(JOURNAL).queue[int]("jobs", timeout=PATIENCE), set[int]()
        while await queue.size():
            began = self.sim.time()
            delivery = await queue.reserve(visibility=PATIENCE, wait=PATIENCE)
            assert delivery is not None
            self.expect_undone(delivery.value, began)
            await self.acknowledge(delivery)
            left.add(delivery.value)
        return left


async def reserve_while_all_befalls_the_nodes(sim: Simulation) -> int:
    jobs = Jobs(sim, 3)
    await jobs.begin()
    await jobs.outlive(SECONDS)
    jobs.is_busy = False
    await asyncio.sleep(10.0)
    during = len(jobs.done)
    name, system = next(iter(jobs.systems.items()))
    left = await sim.host(name).run(lambda: jobs.work_off(system))
    assert jobs.enqueued <= {*jobs.done, *jobs.perhaps, *left}, "an item is lost"
    assert left <= jobs.done.keys() <= jobs.tried
    return during


def test_no_item_is_lost_or_delivered_after_it_was_acknowledged() -> None:
    done = [run.result for run in simulate_seeds(reserve_while_all_befalls_the_nodes, SEEDS)]
    assert sum(done) > LEAST * len(done)
