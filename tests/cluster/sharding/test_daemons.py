"""Daemons over several nodes: spread evenly, each on one node, started anew where one is lost."""

from collections import Counter
from typing import Any

from casty import ActorContext, Behavior, Behaviors
from casty_cluster import ClusteredActorSystem, DevelopmentCluster

from tests.cluster.system.waiting import until


class Running:
    """Which daemons run where."""

    def __init__(self) -> None:
        self.nodes: dict[int, list[str]] = {}

    def on(self, node: ClusteredActorSystem) -> Behavior[Any]:
        """What to spawn on that node: it keeps the record of the daemons that run there."""
        name = node.self_node.node_id

        def daemon(number: int) -> Behavior[Any]:
            async def setup(_: ActorContext[Any]) -> Behavior[Any]:
                self.nodes.setdefault(number, []).append(name)
                return Behaviors.ignore()

            async def stop(_: ActorContext[Any]) -> None:
                self.nodes[number].remove(name)

            return Behaviors.with_lifecycle(Behaviors.setup(setup), post_stop=stop)

        return Behaviors.daemons(daemon, 6)

    def counts(self) -> Counter[str]:
        """How many daemons each node runs."""
        return Counter(name for names in self.nodes.values() for name in names)

    def run_on(self, nodes: int) -> bool:
        """Whether all run, spread over so many nodes."""
        counts = self.counts()
        return counts.total() == 6 and len(counts) == nodes


async def test_daemons_are_spread_evenly_and_move_with_the_nodes() -> None:
    running = Running()
    async with DevelopmentCluster(3) as cluster:
        for node in cluster:
            node.spawn(running.on(node), "daemons")
        await until(lambda: running.run_on(3))
        assert sorted(running.counts().values()) == [2, 2, 2]
        assert all(len(names) == 1 for names in running.nodes.values())
        await cluster[1].leave()
        await until(lambda: running.run_on(2))
        assert all(len(names) == 1 for names in running.nodes.values())


async def test_daemons_of_a_node_that_is_lost_start_on_the_others() -> None:
    running = Running()
    async with DevelopmentCluster(3) as cluster:
        for node in cluster:
            node.spawn(running.on(node), "daemons")
        await until(lambda: running.run_on(3))
        lost = cluster[2].self_node.node_id
        await cluster.kill(2)
        for names in running.nodes.values():  # no hook runs where a node is killed
            names[:] = [name for name in names if name != lost]
        await until(lambda: running.run_on(2))


async def test_a_role_says_which_nodes_run_daemons() -> None:
    running = Running()
    async with DevelopmentCluster(1) as cluster:
        worker = await cluster.add_node(roles=("worker",))
        for node in cluster:
            behavior: Any = running.on(node)
            node.spawn(Behaviors.daemons(lambda n, b=behavior: b.entity_factory(f"{n}."), 6, role="worker"), "daemons")
        await until(lambda: running.run_on(1))
        assert set(running.counts()) == {worker.self_node.node_id}
