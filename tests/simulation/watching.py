"""Actors that come and go on all nodes of a simulated cluster, others that watch them, and the notices of these."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, override

from casty import ActorContext, ActorRef, Behavior, Behaviors, Terminated
from casty.address import PeerAddress
from casty.testing.simulation import Simulation
from casty_cluster import ClusteredActorSystem
from casty_cluster.node.view import ClusterState
from casty_cluster.protocol.watching import PATIENCE

from tests.simulation.busy import BusyCluster
from tests.simulation.clusters import PORT

AT_MOST: Final = 6
"""Actors that live on a node at a time, to be watched."""
OFTEN: Final = 40
"""How many of the last actors are watched: also some that are gone."""
PACE: Final = 0.5
"""Virtual seconds, on average, between two things that a node does."""
SETTLED: Final = 300.0
"""Virtual seconds after which all that was said has arrived, also where much is lost."""


@dataclass(eq=False)
class Life:
    """That of an actor, as only a test can know it."""

    host: str
    system: ClusteredActorSystem
    ref: ActorRef[Any] = field(init=False)
    has_stopped: bool = False

    @property
    def address(self) -> PeerAddress:
        """That of its node."""
        return PeerAddress(self.host, PORT)


@dataclass(eq=False, kw_only=True)
class Watch:
    """One actor's watch of another."""

    life: Life
    system: ClusteredActorSystem
    """The watcher's."""
    began: float
    losses: int
    """How often a member at the watched actor's address had been lost when it began."""
    is_first: bool
    """Whether its watcher has not begun again."""
    is_over: bool = False
    """Whether the watcher has stopped or begun again."""
    told: int = 0


class Members:
    """How often one system has lost a member, by its address."""

    def __init__(self) -> None:
        self.losses: Counter[PeerAddress] = Counter()
        self._view: ClusterState | None = None

    def see(self, view: ClusterState | None) -> None:
        before, self._view = self._view, view
        if before is not None:
            now = () if view is None else view.others
            self.losses.update(node.address for node in before.others if node not in now)

    def has(self, address: PeerAddress) -> bool:
        return self._view is not None and any(node.address == address for node in self._view.others)


class WatchingCluster(BusyCluster):
    """Each node has actors that come and go, and actors that watch those of the others."""

    def __init__(self, sim: Simulation, size: int) -> None:
        super().__init__(sim, size)
        self.lives: list[Life] = []
        self.watches: list[Watch] = []

    @override
    def work(self, name: str, system: ClusteredActorSystem) -> list[Coroutine[Any, Any, None]]:
        members = Members()
        system.node.views.observe(members.see)
        return [self._come_and_go(name, system, members)]

    async def _come_and_go(self, name: str, system: ClusteredActorSystem, members: Members) -> None:
        random = self.sim.random
        while await self.goes_on(system, PACE):
            own = [life for life in self.lives if life.system is system and not life.has_stopped]
            others = [life for life in self.lives[-OFTEN:] if life.host != name]
            if len(own) < AT_MOST:
                life = Life(name, system)
                life.ref = system.spawn(_mortal(life))
                self.lives.append(life)
            if others:
                system.spawn(self._watcher(random.choice(others), system, members))
            if own and random.random() < 0.5:
                random.choice(own).ref.tell("stop")

    def _watcher(self, life: Life, system: ClusteredActorSystem, members: Members) -> Behavior[Any]:
        watches: list[Watch] = []

        async def setup(ctx: ActorContext[Any]) -> Behavior[Any]:
            await end(ctx)
            losses = members.losses[life.address]
            watches.append(Watch(life=life, system=system, began=self.sim.time(), losses=losses, is_first=not watches))
            self.watches.append(watches[-1])
            ctx.watch(system.resolve(life.ref.address))
            return Behaviors.receive(receive)

        async def receive(_: ActorContext[Any], message: Any) -> Behavior[Any]:
            assert isinstance(message, Terminated)
            watches[-1].told += 1
            self._judge(watches[-1], message, members)
            return Behaviors.same()

        async def end(_: ActorContext[Any]) -> None:
            for watch in watches:
                watch.is_over = True

        return Behaviors.with_lifecycle(Behaviors.setup(setup), post_stop=end)

    def _judge(self, watch: Watch, told: Terminated, members: Members) -> None:
        life = watch.life
        # What was in the mailbox when the watcher began again is still there.
        if watch.told > 1 and watch.is_first:
            self.wrong.append(f"the end of {life.ref.address} was reported {watch.told} times")
        first = min(other.began for other in self.watches if other.life is life and other.system is watch.system)
        waited_for = self.sim.time() - first > PATIENCE - 0.001 and not members.has(life.address)
        if self._lives(life) and members.losses[life.address] == watch.losses and not waited_for:
            self.wrong.append(f"{life.ref.address} lives, and its node was never lost: {told}")

    def _lives(self, life: Life) -> bool:
        return not life.has_stopped and self.systems[life.host] is life.system and life.system in self.alive

    async def end_all(self) -> None:
        """Let everything settle, in which what lives is watched on; then stop all actors: each watch ends."""
        self.is_busy = False
        await asyncio.sleep(PATIENCE)
        await self.sim.eventually(self._every_end_was_reported, within=SETTLED)
        for life in filter(self._lives, self.lives):
            await self.sim.host(life.host).run(lambda life=life: _end(life))
        await self.sim.eventually(lambda: not any(map(self._lives, self.lives)))
        await self.sim.eventually(self._every_end_was_reported, within=SETTLED)

    def _every_end_was_reported(self) -> None:
        alive = self.alive
        for watch in self.watches:
            if not watch.is_over and not watch.told and watch.system in alive:
                assert self._lives(watch.life), f"no watcher was notified of the end of {watch.life.ref.address}"


def _mortal(life: Life) -> Behavior[Any]:
    async def receive(_: ActorContext[Any], message: Any) -> Behavior[Any]:
        return Behaviors.stopped()

    async def end(_: ActorContext[Any]) -> None:
        life.has_stopped = True

    return Behaviors.with_lifecycle(Behaviors.receive(receive), post_stop=end)


async def _end(life: Life) -> None:
    life.ref.tell("stop")
