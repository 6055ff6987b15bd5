"""Messages over system links, whatever the network does: once and in order for each pair of incarnations."""

from collections import defaultdict
from collections.abc import Coroutine
from typing import Any, Final, NamedTuple, override

import pytest
from casty.member import NodeId
from casty.serialization import message
from casty.testing.simulation import Link, Settings, Simulation, simulate_seeds
from casty_cluster import ClusteredActorSystem
from casty_cluster.protocol import system_link

from tests.simulation.busy import BusyCluster

SEEDS = 3
LOSSY = Settings(link=Link(lossy=True, loss=0.05, duplication=0.1, reordering=0.1))
PACE: Final = 0.7
"""Virtual seconds, on average, between two bursts of a node's."""
MANY: Final = 100
ARRIVED: Final = 300.0
"""Virtual seconds after which all has arrived, also where much is lost."""
BEFORE_ANY_DECISION: Final = 7.0
"""Virtual seconds within which no node is downed because it cannot be reached."""


@message("tests.Note")
class Note(NamedTuple):
    """Which message it is of those between two incarnations."""

    to: int
    number: int


class CorrespondingCluster(BusyCluster):
    """All nodes write to all members that they know."""

    def __init__(self, sim: Simulation, size: int, pace: float = PACE) -> None:
        super().__init__(sim, size)
        self._pace = pace
        self.sent: defaultdict[tuple[NodeId, NodeId], int] = defaultdict(int)
        self.taken: defaultdict[tuple[NodeId, NodeId], int] = defaultdict(int)

    @override
    def work(self, name: str, system: ClusteredActorSystem) -> list[Coroutine[Any, Any, None]]:
        system.node.links.on(Note, lambda sender, note: self._take(sender, system.self_node.node, note))
        return [self._write(system)]

    def _take(self, sender: NodeId, local: NodeId, note: Note) -> None:
        if note.to != local.uid:
            self.wrong.append(f"{local} got a message for another incarnation, {note.to:x}")
        if note.number != self.taken[sender, local] + 1:
            self.wrong.append(f"{local} took {note.number} of {sender} after {self.taken[sender, local]}")
        self.taken[sender, local] = note.number

    async def _write(self, system: ClusteredActorSystem) -> None:
        random = self.sim.random
        while await self.goes_on(system, self._pace):
            view = system.get_cluster_state()
            others = () if view is None else view.others
            for other in random.choices(others, k=random.randint(1, 5)) if others else ():
                pair = system.self_node.node, other
                self.sent[pair] += 1
                system.node.links.send(other, Note(other.uid, self.sent[pair]))

    def all_has_arrived(self) -> None:
        """Between those that are members now."""
        nodes = [system.self_node.node for system in self.alive]
        for pair in ((one, other) for one in nodes for other in nodes if one != other):
            assert self.taken[pair] == self.sent[pair], f"{pair}: {self.taken[pair]} of {self.sent[pair]}"

    def counts_out(self, name: str, node: NodeId) -> bool:
        view = self.systems[name].get_cluster_state()
        return view is not None and node not in view.others


@pytest.mark.parametrize("settings", [Settings(), LOSSY], ids=["usual", "lossy"])
def test_every_message_is_taken_once_and_in_order(settings: Settings) -> None:
    async def scenario(sim: Simulation) -> int:
        cluster = CorrespondingCluster(sim, 4)
        await cluster.begin()
        await cluster.outlive(30.0)
        await sim.eventually(lambda: sum(cluster.taken.values()) > MANY, within=ARRIVED)
        cluster.is_busy = False
        await sim.eventually(cluster.all_has_arrived, within=ARRIVED)
        return sum(cluster.taken.values())

    assert all(run.result > MANY for run in simulate_seeds(scenario, SEEDS, settings=settings))


def test_a_node_that_acknowledges_nothing_is_downed_and_rejoins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario(sim: Simulation) -> None:
        cluster = CorrespondingCluster(sim, 3, pace=0.1)
        await cluster.begin()
        deaf = cluster.systems["n3"].self_node.node
        before = [system.self_node.node for system in cluster.alive]
        with monkeypatch.context() as patch, sim.network.partition(["n3"], ["n1", "n2"], one_way=True):
            patch.setattr(system_link, "CAPACITY", 10)
            await sim.eventually(
                lambda: cluster.counts_out("n1", deaf) and cluster.counts_out("n2", deaf), within=BEFORE_ANY_DECISION
            )
        await cluster.recover()
        assert [system.self_node.node for system in cluster.alive] != before
        cluster.is_busy = False
        await sim.eventually(cluster.all_has_arrived)

    simulate_seeds(scenario, SEEDS)
