"""How actor systems create class-based actors."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Protocol, override

from casty._doors import of_casty
from casty.config.schema import CastyConfig, ClusterConfig
from casty.errors import ArgumentError
from casty.objects.actor import Actor, ActorsByClass
from casty.objects.entities import clustered_actor
from casty.objects.family import Nursery
from casty.objects.refs import LocalRef
from casty.objects.scope import Scope, checked_scope
from casty.objects.supervision import SupervisorConfig


class ClassActorSystem(ActorsByClass, Protocol):
    """An actor system, by the methods of `System`."""

    @override
    async def actor[M, **P](
        self,
        kind: Callable[P, Actor[M]],
        /,
        name: str | None = None,
        durable: bool = False,
        scope: Scope = "local",
        supervision: SupervisorConfig | None = None,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> LocalRef[M]:
        """See `ActorsByClass.actor`."""
        in_cluster = checked_scope(scope)
        if in_cluster is None:
            return await self._by_class.actor(kind, name, durable, supervision, args, kwargs)
        if supervision is not None or args:
            raise ArgumentError(
                "an actor of the cluster has the supervision that its class declares with @supervised, and is made "
                "with arguments by name: it may start on any node"
            )
        return await clustered_actor(
            self.class_region, self._check_class_journal, in_cluster.copies, kind, name, durable, kwargs
        )

    async def _check_class_journal(self) -> None:
        """Raises what the journal of class-based actors raises, if it cannot be used now."""
        ...

    @cached_property
    def _by_class(self) -> Nursery:
        return Nursery(self, self.spawn)

    @staticmethod
    def clustered(
        host: str = "127.0.0.1",
        port: int = 25520,
        seeds: Sequence[Any] = (),
        *,
        config: CastyConfig | ClusterConfig | None = None,
        **arguments: Any,
    ) -> Any:
        """Make a node of a cluster: a `ClusteredActorSystem` whose `seed_nodes` are `seeds`, such as "node2:8001".

        `config` may be that of the cluster alone. `arguments` are further ones of `ClusteredActorSystem`. Raises
        `ModuleNotFoundError` where casty-cluster is not installed.
        """
        if isinstance(config, ClusterConfig):
            config = CastyConfig(cluster=config)
        kind = of_casty("ClusteredActorSystem")
        return kind(host=host, port=port, seed_nodes=seeds, config=config, **arguments)
