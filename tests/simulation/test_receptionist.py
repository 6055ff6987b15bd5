"""Listings of actors on all nodes, through all faults of a cluster. `CASTY_SIM_SEEDS=1000` runs more."""

from collections.abc import Coroutine
from typing import Any, Final, override

from casty import ActorContext, ActorRef, Behavior, Behaviors, Listing, ServiceKey
from casty.behaviors.discovery import Deregister, Subscribe
from casty.testing.simulation import Simulation, simulate_seeds
from casty_cluster import ClusteredActorSystem

from tests.simulation.busy import BusyCluster

SEEDS = 3
KEYS: Final = tuple(ServiceKey[Any](name) for name in ("red", "green"))
AT_MOST: Final = 5
"""Actors of a node that can be found."""
PACE: Final = 1.0
"""Virtual seconds, on average, between two changes on a node."""
AROUND: Final = 10.0
"""Virtual seconds within which news gets around."""


class Directory(BusyCluster):
    """Actors come and go on all nodes, some of them can be found, and each node has subscribers."""

    def __init__(self, sim: Simulation, size: int) -> None:
        super().__init__(sim, size)
        self.registered: dict[ActorRef[Any], tuple[ClusteredActorSystem, ServiceKey[Any]]] = {}
        """Those that live and have not been taken from the register, and those of nodes that have crashed."""
        self.told: dict[tuple[ClusteredActorSystem, ServiceKey[Any]], set[str]] = {}
        """What the subscribers know."""

    @override
    def work(self, name: str, system: ClusteredActorSystem) -> list[Coroutine[Any, Any, None]]:
        for key in KEYS:
            system.receptionist.tell(Subscribe(key, system.spawn(self._subscriber(system, key))))
        return [self._come_and_go(system)]

    def _subscriber(self, system: ClusteredActorSystem, key: ServiceKey[Any]) -> Behavior[Any]:
        async def receive(_: ActorContext[Any], listing: Any) -> Behavior[Any]:
            self.told[system, key] = _addresses(listing)
            return Behaviors.same()

        return Behaviors.receive(receive)

    def _findable(self, system: ClusteredActorSystem, key: ServiceKey[Any]) -> Behavior[Any]:
        async def begin(ctx: ActorContext[Any]) -> None:
            self.registered[ctx.self] = system, key

        async def receive(ctx: ActorContext[Any], message: Any) -> Behavior[Any]:
            if message == "hide":
                del self.registered[ctx.self]
                system.receptionist.tell(Deregister(key, ctx.self))
                return Behaviors.same()
            return Behaviors.stopped()

        async def end(ctx: ActorContext[Any]) -> None:
            self.registered.pop(ctx.self, None)

        inner = Behaviors.with_lifecycle(Behaviors.receive(receive), pre_start=begin, post_stop=end)
        return Behaviors.discoverable(inner, key)

    async def _come_and_go(self, system: ClusteredActorSystem) -> None:
        random = self.sim.random
        own: list[ActorRef[Any]] = []
        while await self.goes_on(system, PACE):
            if len(own) < AT_MOST:
                own.append(system.spawn(self._findable(system, random.choice(KEYS))))
            else:
                own.pop(random.randrange(len(own))).tell(random.choice(["hide", "stop"]))

    def all_nodes_know(self) -> None:
        """Each node and each subscriber knows all that can be found, and nothing else."""
        alive = self.alive
        for key in KEYS:
            lives = {
                ref.address.to_uri() for ref, (home, its) in self.registered.items() if home in alive and its == key
            }
            for system in alive:
                node = system.self_node.node
                assert _addresses(system.lookup(key)) == lives, f"{node} lists others under {key.name}"
                assert self.told[system, key] == lives, f"a subscriber of {node} got a wrong listing of {key.name}"


def _addresses(listing: Listing[Any]) -> set[str]:
    found = [instance.ref.address.to_uri() for instance in listing.instances]
    assert len(set(found)) == len(found), "one is listed twice"
    return set(found)


def test_after_it_all_every_node_lists_exactly_the_live_actors() -> None:
    async def scenario(sim: Simulation) -> int:
        directory = Directory(sim, 4)
        await directory.begin()
        await directory.outlive(30.0)
        directory.is_busy = False
        await sim.eventually(directory.all_nodes_know, within=AROUND)
        return len(directory.registered)

    listed = [run.result for run in simulate_seeds(scenario, SEEDS)]
    assert sum(listed) > 5 * len(listed)
