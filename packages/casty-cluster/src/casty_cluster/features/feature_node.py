"""The node as its features see it: the contract is `ClusterNode`."""

from typing import Any, cast, override
from weakref import WeakKeyDictionary

from casty import ActorRef, ActorSystem, Behavior, Mailbox
from casty.address import ActorAddress
from casty.clock import Clock
from casty.event_stream import EventStream
from casty.extension import LocalRef, restart
from casty.member import ClusterState, Member, NodeId
from casty.spi.cluster_feature import ClusterNode

from casty_cluster.node.node import Node


class FeatureNode(ClusterNode):
    """One for all features of a node."""

    def __init__(self, system: ActorSystem, node: Node) -> None:
        self._system = system
        self._node = node
        self._restarts: WeakKeyDictionary[LocalRef[Any], bool] = WeakKeyDictionary()
        """Whether an actor that a feature has spawned restarts when this node is downed."""

    @property
    @override
    def system_name(self) -> str:
        return self._system.name

    @property
    @override
    def local(self) -> Member:
        return self._node.local

    @property
    @override
    def view(self) -> ClusterState | None:
        return self._node.views.current

    @property
    @override
    def clock(self) -> Clock:
        return self._system.kernel.clock

    @property
    @override
    def event_stream(self) -> EventStream:
        return self._system.event_stream

    @override
    def send(self, to: NodeId, message: object) -> None:
        self._node.links.send(to, message)

    @override
    async def send_bulk(self, to: NodeId, kind: str, data: bytes) -> None:
        await self._node.bulk.send(to, kind, data)

    @override
    def spawn(
        self, behavior: Any, name: str, *, mailbox: Mailbox | None = None, restarts_when_downed: bool = False
    ) -> ActorRef[Any]:
        ref = self._system.spawn(cast("Behavior[Any]", behavior), name, mailbox=mailbox)
        if isinstance(ref, LocalRef):
            self._restarts[ref] = restarts_when_downed
        return ref

    @override
    def actor_on(self, node: NodeId, path: str) -> ActorRef[Any]:
        address = ActorAddress(system=self._system.name, path=path, host=node.host, port=node.port)
        return self._system.resolve(address)

    @override
    def dead_letter(self, message: object, intended: ActorRef[Any], reason: str) -> None:
        self._system.kernel.dead_letters.publish(message, intended, reason)

    def restart_users_actors(self, cause: BaseException) -> None:
        """Restart the actors of users, also those that a feature runs: this node has been downed."""
        for ref in self._system.kernel.top_level_actors():
            if self._restarts.get(ref, not ref.address.path.startswith("/_")):
                restart(ref, cause)
