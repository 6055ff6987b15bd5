"""Nodes that leave and start again at the address that they had."""

import asyncio

from casty import ActorContext, Behavior, Behaviors
from casty.errors import JoinError
from casty.member import MemberStatus
from casty.testing import simulation
from casty.testing.simulation import Simulation, simulate_seeds
from casty_cluster import ClusteredActorSystem

from tests.simulation.clusters import PORT, Where

SEEDS = 10
NAMES = ("n1", "n2", "n3")


def node(name: str) -> ClusteredActorSystem:
    seeds = [(other, PORT) for other in NAMES]
    return ClusteredActorSystem(
        name="sim", host=name, port=PORT, seed_nodes=seeds, transport="sim", plugins=[simulation.plugin]
    )


async def reply(ctx: ActorContext[Where], message: Where) -> Behavior[Where]:
    message.reply_to.tell("here")
    return Behaviors.same()


def test_a_node_that_is_back_and_asks_at_once_is_answered() -> None:
    """The node that answers has heard the question over a connection of the new incarnation, and may not have learned
    from the membership yet that there is one.
    """

    async def scenario(sim: Simulation) -> None:
        answered: list[str] = []
        finished: list[bool] = []

        async def staying(name: str) -> None:
            async with node(name) as system:
                system.spawn(Behaviors.receive(reply), "porter")
                await asyncio.Event().wait()

        async def returning() -> None:
            async with node("n3") as system:
                await system.wait_for(3)
            async with node("n3") as system:
                while not (up := [m for m in system.members if m.status is MemberStatus.up]):  # noqa: ASYNC110
                    await asyncio.sleep(0.001)  # virtual time
                for member in up:
                    porter = system.lookup("/porter", node=member.node)
                    if porter is not None and member.node != system.self_node.node:
                        answered.append(await system.ask(porter, Where, timeout=3.0))
            finished.append(True)

        for name in NAMES[:2]:
            sim.host(name).start(lambda name=name: staying(name))
        sim.host("n3").start(returning)
        await sim.eventually(lambda: bool(finished), within=120.0)
        assert answered

    simulate_seeds(scenario, SEEDS)


def test_of_two_processes_with_one_address_the_older_one_ends_with_an_error_at_once() -> None:
    async def scenario(sim: Simulation) -> None:
        ended: list[JoinError] = []
        systems: dict[str, ClusteredActorSystem] = {}

        async def run(name: str, advertised: str) -> None:
            system = systems[name] = ClusteredActorSystem(
                name="sim",
                bind_host=name,
                port=PORT,
                advertised_host=advertised,
                seed_nodes=[(other, PORT) for other in NAMES],
                transport="sim",
                plugins=[simulation.plugin],
            )
            try:
                async with system:
                    await asyncio.Event().wait()
            except JoinError as error:
                ended.append(error)

        for name in NAMES:
            sim.host(name).start(lambda name=name: run(name, name))
        await sim.eventually(lambda: len(systems) == 3 and len(systems["n3"].members) == 3, within=60.0)
        older = systems["n3"].self_node.node
        sim.host("n4").start(lambda: run("n4", "n3"))
        await sim.eventually(lambda: bool(ended), within=10.0)
        assert "another process has been started with this node's address, n3:7000" in str(ended[0])
        await sim.eventually(lambda: len(systems["n4"].members) == 3, within=30.0)
        await asyncio.sleep(60.0)
        assert len(ended) == 1, "there is no second fight"
        nodes = [{member.node for member in systems[name].members} for name in ("n1", "n2", "n4")]
        assert nodes[0] == nodes[1] == nodes[2]
        assert older not in nodes[0]
        assert len(nodes[0]) == 3

    simulate_seeds(scenario, SEEDS)
