"""A cluster feature in one file: the actors of a name greet each other when a node joins, and say goodbye when one
leaves. It uses Casty as any other distribution may.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, override

from casty import ActorRef, Behavior, Mailbox, message
from casty.behaviors.clustered import ClusteredBehavior
from casty.member import ClusterState, NodeId
from casty.plugins import ClusterFeatureProvider, hookimpl
from casty.spi.cluster_feature import (
    ClusterFeature,
    ClusterNode,
    ReceiveMessage,
    ShutdownPhase,
    ShutdownTask,
    SpawnBehavior,
)


@message("example.greetings.Hello")
@dataclass(frozen=True)
class Hello:
    text: str


@message("example.greetings.Goodbye")
@dataclass(frozen=True)
class Goodbye:
    text: str


@dataclass(frozen=True, slots=True)
class GreetedBehavior[M](ClusteredBehavior[M]):
    """An actor that receives the greetings of all other nodes."""

    behavior: Behavior[M]


@dataclass(frozen=True, slots=True)
class GreetingOptions:
    phrase: str = "this is"


class Greetings(ClusterFeature):
    def __init__(self, node: ClusterNode, options: GreetingOptions) -> None:
        self._node = node
        self._phrase = options.phrase
        self._actors: list[ActorRef[Any]] = []
        self._greeted: set[NodeId] = set()

    @override
    def behaviors(self) -> Mapping[type[Any], SpawnBehavior]:
        return {GreetedBehavior: self._spawn}

    @override
    def messages(self) -> Mapping[type[Any], ReceiveMessage]:
        return {Hello: self._received, Goodbye: self._received}

    @override
    def shutdown(self) -> Mapping[ShutdownPhase, ShutdownTask]:
        return {ShutdownPhase.stop_accepting: ShutdownTask(self._say_goodbye, timeout=1.0)}

    @override
    def view_changed(self, view: ClusterState | None) -> None:
        others = frozenset[NodeId]() if view is None else frozenset(view.others)
        for node in others - self._greeted:
            self._node.send(node, Hello(self._signed))
        self._greeted = set(others)

    @property
    def _signed(self) -> str:
        return f"{self._phrase} {self._node.local.node_id}"

    def _spawn(self, greeted: GreetedBehavior[Any], name: str, mailbox: Mailbox | None) -> ActorRef[Any]:
        self._actors.append(self._node.spawn(greeted.behavior, name, mailbox=mailbox, restarts_when_downed=True))
        return self._actors[-1]

    def _received(self, sender: NodeId, greeting: Hello | Goodbye) -> None:
        for actor in self._actors:
            actor.tell(greeting)

    async def _say_goodbye(self) -> None:
        for node in self._greeted:
            self._node.send(node, Goodbye(self._signed))


@hookimpl
def casty_cluster_features() -> list[ClusterFeatureProvider[GreetingOptions]]:
    return [ClusterFeatureProvider(names=("greetings",), create=Greetings, options=GreetingOptions)]
