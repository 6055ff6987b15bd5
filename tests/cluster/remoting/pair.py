"""Two actor systems in one loop whose remoting is joined by a wire that a test owns."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast, override

from casty import ActorRef, ActorSystem, ServiceKey
from casty.address import PeerAddress
from casty.member import ClusterState, Member, MemberStatus, NodeId
from casty.request import NO_RECEIVER
from casty.spi.cluster_feature import ShutdownPhase
from casty.spi.serializer import Serializer
from casty_cluster.features.feature_node import FeatureNode
from casty_cluster.node.node import Node
from casty_cluster.node.system_links import SystemLinks
from casty_cluster.remoting.death_watch import DeathWatch
from casty_cluster.remoting.delivery import Delivery, Wire
from casty_cluster.remoting.remoting import Discovery, Remoting
from casty_cluster.wire import frames


class Cable:
    """Carries frames both ways in a later turn of the loop, as long as it is not cut."""

    def __init__(self) -> None:
        self.ends: dict[PeerAddress, Side] = {}
        self.cut = False
        self.refusal: str | None = None
        """Why user frames are refused, where they are."""
        self.is_slow = False
        """Whether user frames wait for `hurry`."""
        self._waiting: list[Callable[[], None]] = []

    def carry(self, sender: NodeId, to: PeerAddress, frame: bytes) -> None:
        if not self.cut:
            deliver = partial(self.ends[to].received, sender, frame)
            if self.is_slow and frame[0] >= frames.TELL:
                self._waiting.append(deliver)
            else:
                asyncio.get_running_loop().call_soon(deliver)

    def hurry(self) -> None:
        """What waits arrives."""
        self.is_slow = False
        for deliver in self._waiting:
            deliver()
        self._waiting.clear()


class NoReceptionist(Discovery):
    """No actor of these nodes is to be found by a key."""

    def __init__(self) -> None:
        self.ref: ActorRef[Any] = NO_RECEIVER

    @override
    def discovered(self, key: ServiceKey[Any], ref: ActorRef[Any]) -> None:
        raise AssertionError(f"{ref} is discoverable")


@dataclass(eq=False)
class Side(Wire):
    """One node."""

    node: NodeId
    system: ActorSystem
    cable: Cable
    delivery: Delivery
    links: SystemLinks
    watch: DeathWatch

    def __init__(self, node: NodeId, system: ActorSystem, cable: Cable) -> None:
        self.node, self.system, self.cable = node, system, cable
        kernel = system.kernel
        self.delivery = Delivery(kernel, self, self._serializer)
        self.links = SystemLinks(kernel.clock, self._system, self._broken)
        # A side has what death watch needs of a node: links.
        self.watch = DeathWatch(FeatureNode(system, cast(Node, self)), kernel)
        for kind, receive in self.watch.messages().items():
            self.links.on(kind, receive)
        kernel.remote = Remoting(_member(node), self.delivery, self.watch, NoReceptionist())
        cable.ends[node.address] = self

    def send(self, peer: PeerAddress, frame: bytes) -> str | None:
        if self.cable.refusal is None:
            self.cable.carry(self.node, peer, frame)
        return self.cable.refusal

    def received(self, sender: NodeId, frame: bytes) -> None:
        if frame[0] == frames.SYSTEM:
            self.links.received(sender, frame)
        else:
            self.delivery.received(sender, frame)

    def knows(self, *nodes: NodeId) -> None:
        """These are the other members from now on."""
        self.links.members(self.node, nodes)
        self.watch.view_changed(ClusterState(local=self.node, members=tuple(map(_member, (self.node, *nodes)))))

    async def close(self) -> None:
        await self.watch.shutdown()[ShutdownPhase.close].run()
        self.links.out()

    def _system(self, to: NodeId, frame: bytes) -> None:
        self.cable.carry(self.node, to.address, frame)

    def _broken(self, node: NodeId, reason: str) -> None:
        raise AssertionError(f"the link to {node} broke: {reason}")

    def _serializer(self, name: str) -> Serializer:
        return self.system.plugins.serializer(name).create(self.system.resolve, None)


def _member(node: NodeId) -> Member:
    return Member(node=node, node_id=str(node.address), status=MemberStatus.up)


@asynccontextmanager
async def pair(make: Callable[[], ActorSystem]) -> AsyncGenerator[tuple[Side, Side]]:
    """Two nodes that know each other."""
    async with make() as first, make() as second:
        cable = Cable()
        here = Side(NodeId("a", 1, 101), first, cable)
        there = Side(NodeId("b", 2, 202), second, cable)
        here.knows(there.node)
        there.knows(here.node)
        try:
            yield here, there
        finally:
            await here.close()
            await there.close()
