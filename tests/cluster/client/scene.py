"""The cluster and the actors that tests of clients use."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from casty import (
    ActorContext,
    ActorRef,
    Behavior,
    Behaviors,
    CastyConfig,
    Request,
    ServiceKey,
)
from casty.cluster import ClusterClient, ClusteredActorSystem, DevelopmentCluster
from casty.config.schema import ClientsConfig
from casty_cluster.client.serving import ClientService

from tests.cluster.system.actors import Do, Identify, answering
from tests.cluster.system.waiting import until

WORKERS: Final = ServiceKey[Identify]("workers")


@dataclass(frozen=True)
class Where(Request[str]):
    """Which node are you on?"""

    padding: str = ""


@dataclass(frozen=True)
class Introduce(Request[ActorRef[Identify]]):
    """A reference in a reply."""


@dataclass
class Scene:
    """What the actors of all nodes share with a test."""

    received: list[Any] = field(default_factory=list[Any])
    kept: list[Any] = field(default_factory=list[Any])
    """Requests that have no reply yet."""

    def populate(self, system: ClusteredActorSystem) -> None:
        name = system.self_node.node_id
        system.spawn(self._local(name), "local")
        system.spawn(Behaviors.singleton(lambda: answering(name)), "single")
        system.spawn(Behaviors.discoverable(answering(name), WORKERS), "worker")
        system.spawn(self._keeping(), "slow")

    def _local(self, name: str) -> Behavior[Any]:
        async def receive(ctx: ActorContext[Any], message: Any) -> Behavior[Any]:
            match message:
                case Where(reply_to=reply_to):
                    reply_to.tell(name)
                case Introduce(reply_to=reply_to):
                    worker = ctx.system.lookup("/worker")
                    assert worker is not None
                    reply_to.tell(worker)
                case Do("raise"):
                    raise ValueError(f"{name} is broken")
                case _:
                    self.received.append(message)
            return Behaviors.same()

        return Behaviors.receive(receive)

    def _keeping(self) -> Behavior[Any]:
        async def receive(_: ActorContext[Any], message: Any) -> Behavior[Any]:
            self.kept.append(message)
            return Behaviors.same()

        return Behaviors.receive(receive)


@asynccontextmanager
async def cluster(size: int = 2, scene: Scene | None = None, **settings: Any) -> AsyncGenerator[DevelopmentCluster]:
    scene = scene or Scene()
    async with DevelopmentCluster(size, **settings) as nodes:
        for node in nodes:
            scene.populate(node)
        await until(lambda: all(len(node.lookup(WORKERS).instances) == size for node in nodes))
        yield nodes


def at(nodes: DevelopmentCluster, index: int, **settings: Any) -> ClusterClient:
    """A client with that node as its only contact point."""
    return nodes.client(contact_points=[nodes[index].self_node.address], **settings)


async def kill(nodes: DevelopmentCluster, index: int) -> None:
    """Kill a node, and have it downed, so that the other ones need not find out before they can leave."""
    node = nodes[index].self_node.node
    await nodes.kill(index)
    for other in nodes:
        other.node.down(node)


def service_of(system: ClusteredActorSystem) -> ClientService:
    service = system.node.client_service
    assert isinstance(service, ClientService)
    return service


def allowing(*patterns: str) -> CastyConfig:
    config = CastyConfig()
    return replace(config, cluster=replace(config.cluster, clients=ClientsConfig(allow=patterns)))
