"""The bank of two nodes, started in any order and at any time. `CASTY_SIM_SEEDS=1000` runs more starts."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any, override

import pytest
from casty import ActorContext, Behavior, Behaviors, RegionRef, ShardEnvelope
from casty.testing import simulation
from casty.testing.simulation import Simulation, simulate_seeds
from casty_cluster import ClusteredActorSystem

from tests.cluster.sharding.accounts import Deposit, GetBalance
from tests.simulation.clusters import SimulatedCluster

SEEDS = 20
PORTS = (25520, 25521)
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


async def first_program(entered_first: int) -> int:
    """The program of a first tutorial: two nodes in one process, each with the other as its only seed."""
    async with AsyncExitStack() as nodes:
        entered: dict[int, ClusteredActorSystem] = {}
        for port in sorted(PORTS, key=entered_first.__ne__):
            [seed] = [other for other in PORTS if other != port]
            node = ClusteredActorSystem(
                name="bank",
                host="127.0.0.1",
                port=port,
                seed_nodes=[("127.0.0.1", seed)],
                transport="sim",
                plugins=[simulation.plugin],
            )
            entered[port] = await nodes.enter_async_context(node)
        node1, node2 = (entered[port] for port in PORTS)
        accounts1 = node1.spawn(Behaviors.sharded(lambda _: account(), num_shards=100), "accounts")
        accounts2 = node2.spawn(Behaviors.sharded(lambda _: account(), num_shards=100), "accounts")
        await asyncio.sleep(0.3)
        accounts1.tell(ShardEnvelope("alice", Deposit(100)))
        accounts1.tell(ShardEnvelope("bob", Deposit(200)))
        await asyncio.sleep(0.3)
        accounts2.tell(ShardEnvelope("alice", Deposit(50)))
        await asyncio.sleep(0.3)
        return await node1.ask(accounts1, lambda r: ShardEnvelope("alice", GetBalance(r)), timeout=2.0)


@pytest.mark.parametrize("first", PORTS)
def test_the_first_program_prints_150_whichever_node_is_entered_first(first: int) -> None:
    async def scenario(sim: Simulation) -> None:
        assert await sim.host("127.0.0.1").run(lambda: first_program(first)) == 150

    simulate_seeds(scenario, SEEDS)
