"""Simulated clusters: a program for each host, what must always be true, and what must become true again."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random
from typing import Any, Final

from casty import ActorContext, ActorRef, Behavior, Behaviors, BroadcastRef, CastyError
from casty.member import ClusterState, MemberStatus, NodeId
from casty.testing import simulation
from casty.testing.simulation import Simulation
from casty_cluster import ClusteredActorSystem

PORT: Final = 7000
RECOVERY: Final = 120.0
"""Virtual seconds within which a cluster whose faults are over must be one again."""
DEPARTURE: Final = 25.0
"""Virtual seconds within which a node that leaves has left, whatever becomes of the others."""

LOOK: Final = 0.05
"""Virtual seconds between two looks at it."""


@dataclass(frozen=True)
class Where:
    """Which node are you on?"""

    reply_to: ActorRef[str]


def view_of(system: ClusteredActorSystem) -> ClusterState | None:
    """The members as a node sees them, None while it is none of them. Nothing is said of regions, which costs more than
    all that happens between two looks.
    """
    return system.node.views.current if system.is_running else None


class SimulatedCluster:
    """Hosts `n1` to `nN` that are each other's seed nodes. Each runs a singleton and takes part in a broadcast.

    `mutual`: a node is not among its own seed nodes. `systems` names actor systems that are not called like the others.
    """

    def __init__(
        self,
        sim: Simulation,
        size: int,
        *,
        mutual: bool = False,
        systems: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> None:
        self.sim = sim
        self.names = [f"n{number}" for number in range(1, size + 1)]
        self.systems: dict[str, ClusteredActorSystem] = {}
        """The newest on each host, whether it lives or not."""
        self.running: set[str] = set()
        """Where the singleton runs now."""
        self._begun_by: dict[str, NodeId] = {}
        """Which incarnation of a host has begun the singleton last."""
        self.left_at: dict[ClusteredActorSystem, float] = {}
        """When each system that has left by itself began to do so."""
        self._leaving: dict[str, asyncio.Event] = {}
        """What the program of a host waits for."""
        self._mutual = mutual
        self._system_names = systems or {}
        self._arguments = arguments
        sim.invariant(self.no_two_singletons_know_each_other)

    def start(self, names: Sequence[str] | None = None) -> None:
        for name in names or self.names:
            self.sim.host(name).start(lambda name=name: self._booted(name))

    async def begin(self) -> None:
        """Start them all, until they are one cluster."""
        self.start()
        await self.sim.eventually(self.is_one, within=30.0)

    async def recover(self) -> None:
        """Once all faults are over: until they are one cluster again, in which every node gets its answers."""
        await self.sim.eventually(self.is_one, within=RECOVERY)
        await self.answers()

    def _booted(self, name: str) -> Coroutine[Any, Any, None]:
        # What was known of the process before this one counts no more.
        self.systems.pop(name, None)
        self.running.discard(name)
        return self._node(name)

    async def _node(self, name: str) -> None:
        system = ClusteredActorSystem(
            name=self._system_names.get(name, "sim"),
            host=name,
            port=PORT,
            seed_nodes=[(other, PORT) for other in self.names if other != name or not self._mutual],
            transport="sim",
            plugins=[simulation.plugin],
            **self._arguments,
        )
        self.systems[name] = system
        self._leaving[name] = asyncio.Event()
        async with system:
            self.populate(name, system)
            await self._leaving[name].wait()

    def populate(self, name: str, system: ClusteredActorSystem) -> None:
        """Spawn what runs on a node."""
        system.spawn(Behaviors.singleton(lambda: self._where(name, self.running)), "singleton")
        system.spawn(Behaviors.broadcasted(self._where(name, set())), "everywhere")

    def _where(self, name: str, running: set[str]) -> Behavior[Where]:
        async def begin(_: ActorContext[Where]) -> None:
            running.add(name)
            self._begun_by[name] = self.systems[name].self_node.node

        async def end(_: ActorContext[Where]) -> None:
            running.discard(name)

        async def receive(_: ActorContext[Where], message: Where) -> Behavior[Where]:
            message.reply_to.tell(name)
            return Behaviors.same()

        return Behaviors.with_lifecycle(Behaviors.receive(receive), pre_start=begin, post_stop=end)

    async def departure(self, sim: Simulation, random: Random, seconds: float) -> None:
        """A fault that is none: a node leaves, in time, and is started again so many seconds later."""
        await self.depart(random.choice(self.names), seconds)

    async def depart(self, name: str, seconds: float) -> None:
        """The node of that name leaves, if it is there, and is started again."""
        host, system = self.sim.host(name), self.systems.get(name)
        if system is None or not self.is_there(name):
            return
        self.sim.fault(f"{name} leaves for {seconds:.3f} s")
        self.leave(name)
        waited = 0.0
        while host.is_up and self.systems.get(name) is system and system.is_running:
            assert waited < DEPARTURE, f"{name} has not left within {DEPARTURE} s"
            await asyncio.sleep(LOOK)
            waited += 0.0 if host.is_paused else LOOK
        await asyncio.sleep(seconds)
        if host.is_up and self.systems.get(name) is system:
            host.restart()

    def leave(self, name: str) -> None:
        """Have a node leave, if it is there."""
        self.left_at[self.systems[name]] = self.sim.time()
        self._leaving[name].set()

    def is_there(self, name: str) -> bool:
        system = self.systems.get(name)
        return self.sim.host(name).is_up and system is not None and system.is_running

    def up_number(self, name: str) -> int:
        """The oldest node has the lowest."""
        return self.systems[name].node.local.up_number

    @property
    def alive(self) -> list[ClusteredActorSystem]:
        return [self.systems[host.name] for host in self.sim.hosts if host.is_up and host.name in self.systems]

    def no_two_singletons_know_each_other(self) -> None:
        """Two may run only while a cluster is being divided, and never where each one's node has the other's as a
        member (decision 10).
        """
        running = sorted(name for name in self.running if self.sim.host(name).is_up)
        for one, other in combinations(running, 2):
            assert not (self._knows(one, other) and self._knows(other, one)), f"it runs on {one} and on {other}"

    def _knows(self, one: str, other: str) -> bool:
        system = self.systems[one]
        view = view_of(system)
        return view is not None and view.local == self._begun_by[one] and self._begun_by[other] in view.others

    def is_one(self) -> bool:
        """Whether all hosts are up in one cluster, as all of them see it, and the singleton runs once."""
        views = [view_of(system) for system in self.alive]
        if len(views) != len(self.names) or any(view is None or view.unreachable for view in views):
            return False
        members = {
            tuple((member.node, member.up_number) for member in view.members if member.status is MemberStatus.up)
            for view in views
            if view is not None
        }
        return len(members) == 1 and len(next(iter(members))) == len(self.names) and len(self.running) == 1

    async def answers(self, attempts: int = 5) -> None:
        """Every node reaches the singleton, and all nodes by a broadcast; while connections are made anew, messages may
        be lost.
        """
        for attempt in range(1, attempts + 1):
            try:
                return await self._ask_on_every_node()
            except (TimeoutError, CastyError):
                if attempt == attempts:
                    raise

    async def _ask_on_every_node(self) -> None:
        for name in self.names:
            system = self.systems[name]

            async def ask(system: ClusteredActorSystem = system) -> tuple[str, tuple[str, ...]]:
                singleton, everywhere = system.lookup("/singleton"), system.lookup("/everywhere")
                assert singleton is not None
                assert everywhere is not None
                assert isinstance(everywhere, BroadcastRef)
                return await system.ask(singleton, Where), await system.ask(everywhere, Where)

            place, places = await self.sim.host(name).run(ask)
            assert {place} == self.running
            assert sorted(places) == self.names
