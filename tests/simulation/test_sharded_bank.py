"""The bank of two nodes, started in any order and at any time. `CASTY_SIM_SEEDS=1000` runs more starts."""

import asyncio
from typing import Any, override

from casty import ActorContext, Behavior, Behaviors, RegionRef, ShardEnvelope
from casty.testing.simulation import Simulation, simulate_seeds
from casty_cluster import ClusteredActorSystem

from tests.cluster.sharding.accounts import Deposit, GetBalance
from tests.simulation.clusters import SimulatedCluster

SEEDS = 20
SPREAD = 3.0
"""Virtual seconds within which the nodes start, which is longer than it takes to form a cluster."""
IN_TIME = 2.0
"""Virtual seconds within which the deposits arrive."""


def account(balance: int = 0) -> Behavior[Any]:
    async def receive(_: ActorContext[Any], message: Any) -> Behavior[Any]:
        match message:
            case Deposit(amount):
                return account(balance + amount)
            case GetBalance(reply_to):
                reply_to.tell(balance)
            case _:
                raise AssertionError(f"unexpected: {message!r}")
        return Behaviors.same()

    return Behaviors.receive(receive)


class Bank(SimulatedCluster):
    """Each node has the accounts, and deposits to one of them at once."""

    def __init__(self, sim: Simulation) -> None:
        super().__init__(sim, 2)
        self.regions: dict[str, RegionRef[Any]] = {}

    @override
    def populate(self, name: str, system: ClusteredActorSystem) -> None:
        super().populate(name, system)
        region = system.spawn(Behaviors.sharded(lambda _: account(), num_shards=100), "accounts")
        region.tell(ShardEnvelope("alice", Deposit({"n1": 100, "n2": 50}[name])))
        self.regions[name] = region

    async def balance(self, name: str) -> int:
        return await self.sim.host(name).run(lambda: self.regions[name].entity("alice").ask(GetBalance))


def test_it_has_150_whichever_node_starts_first() -> None:
    async def scenario(sim: Simulation) -> None:
        bank = Bank(sim)
        names = ["n1", "n2"]
        sim.random.shuffle(names)
        for name in names:
            bank.start([name])
            await asyncio.sleep(sim.random.uniform(0.0, SPREAD))
        await sim.eventually(bank.is_one, within=30.0)
        await asyncio.sleep(IN_TIME)
        assert [await bank.balance(name) for name in names] == [150, 150]

    simulate_seeds(scenario, SEEDS)
