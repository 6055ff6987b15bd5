"""Large states in simulated clusters: each arrives once and as a whole, or its sender learns why not."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any, Final, override

import pytest
from casty.errors import NodeLostError
from casty.member import NodeId
from casty.testing.simulation import Link, Settings, Simulation, simulate_seeds
from casty_cluster import ClusteredActorSystem

from tests.simulation.busy import BusyCluster

SEEDS = 3
LOSSY = Settings(link=Link(lossy=True, loss=0.05, duplication=0.1, reordering=0.1))
PACE: Final = 1.5
"""Virtual seconds, on average, between two states that a node sends."""
LARGEST: Final = 400_000
ALL_IN: Final = 300.0
"""Virtual seconds after which no transfer is under way any more."""
KIND: Final = "tests.state"


class TransferringCluster(BusyCluster):
    """All nodes send each other states of different sizes."""

    def __init__(self, sim: Simulation, size: int) -> None:
        super().__init__(sim, size)
        self.sent: set[bytes] = set()
        self.taken: Counter[bytes] = Counter()
        self.confirmed = 0
        self.under_way: dict[ClusteredActorSystem, int] = {}

    @override
    def work(self, name: str, system: ClusteredActorSystem) -> list[Coroutine[Any, Any, None]]:
        self.under_way[system] = 0
        system.node.bulk.on(KIND, self._take)
        return [self._transfer(system) for _ in range(2)]

    def _take(self, sender: NodeId, data: bytearray) -> None:
        state = bytes(data)
        self.taken[state] += 1
        if state not in self.sent or self.taken[state] > 1:
            self.wrong.append(f"a state of {len(state)} bytes was delivered {self.taken[state]} times, or never sent")

    async def _transfer(self, system: ClusteredActorSystem) -> None:
        random = self.sim.random
        while await self.goes_on(system, PACE):
            view = system.get_cluster_state()
            if view is None or not view.others:
                continue
            state = random.randbytes(16) * random.randint(1, LARGEST // 16)
            self.sent.add(state)
            await self._send(system, random.choice(list(view.others)), state)

    async def _send(self, system: ClusteredActorSystem, to: NodeId, state: bytes) -> None:
        self.under_way[system] += 1
        try:
            await system.node.bulk.send(to, KIND, state)
        except NodeLostError:
            pass  # it may have arrived all the same
        else:
            self.confirmed += 1
            if self.taken[state] != 1:
                self.wrong.append(f"a state of {len(state)} bytes is confirmed, and was not delivered")
        finally:
            self.under_way[system] -= 1

    def nothing_is_under_way(self) -> None:
        assert not any(self.under_way[system] for system in self.alive)


@pytest.mark.parametrize("settings", [Settings(), LOSSY], ids=["usual", "lossy"])
def test_every_state_arrives_once_and_as_a_whole_or_its_sender_learns_why_not(settings: Settings) -> None:
    async def scenario(sim: Simulation) -> int:
        cluster = TransferringCluster(sim, 3)
        await cluster.begin()
        await cluster.outlive(75.0)
        cluster.is_busy = False
        await sim.eventually(cluster.nothing_is_under_way, within=ALL_IN)
        return cluster.confirmed

    confirmed = [run.result for run in simulate_seeds(scenario, SEEDS, settings=settings)]
    assert sum(confirmed) > 10 * len(confirmed)


def test_a_transfer_delays_no_heartbeat() -> None:
    """A state of many windows is sent while heartbeats share its lane: no node becomes unreachable."""

    async def scenario(sim: Simulation) -> None:
        cluster = TransferringCluster(sim, 2)
        cluster.is_busy = False
        await cluster.begin()
        one, other = (cluster.systems[name] for name in ("n1", "n2"))
        state = sim.random.randbytes(1 << 10) * (32 << 10)
        cluster.sent.add(state)
        sending = asyncio.ensure_future(one.node.bulk.send(other.self_node.node, KIND, state))
        while not sending.done():
            await asyncio.sleep(0.1)
            for system in (one, other):
                view = system.get_cluster_state()
                assert view is not None
                assert not view.unreachable
        await sending
        assert cluster.taken[state] == 1

    simulate_seeds(scenario, 1)
