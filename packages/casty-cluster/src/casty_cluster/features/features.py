"""The features of one node at work: they run behaviors, take messages, follow the membership, and shut down in phases.

Nothing here knows a feature by name. A failure of one is reported with its name, and keeps nothing from the others.
"""

import asyncio
import logging
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, cast

from casty import ActorRef, Mailbox
from casty.behaviors.clustered import ClusteredBehavior
from casty.errors import ActorNameError, PluginError, ScopeError
from casty.extension import Kernel, Throttle
from casty.interruption import described, raise_unless_failure
from casty.member import ClusterState, NodeId
from casty.spi.cluster_feature import ClusterFeature, ReceiveMessage, ShutdownPhase, ShutdownTask

from casty_cluster.features.claims import Named, claimed_behaviors, claimed_messages, claimed_transfers, shutdown_tasks
from casty_cluster.features.feature_node import FeatureNode
from casty_cluster.node.node import Node

logger = logging.getLogger("casty.cluster")

START_TIMEOUT: Final = 30.0
"""Seconds that a feature has to start."""


class Features:
    """All features of a node, in the order of their start. Raises `PluginError` if two of them claim the same thing."""

    def __init__(self, features: Named, feature_node: FeatureNode, kernel: Kernel, node: Node) -> None:
        self.node = feature_node
        self._node = node
        self._features = features
        self._behaviors = claimed_behaviors(features)
        self._messages = claimed_messages(features)
        self._transfers = claimed_transfers(features)
        self._shutdown = shutdown_tasks(features)
        self._patience = kernel.patience
        self._throttle = Throttle(kernel.clock)
        self._links = node.links
        self._bulk = node.bulk
        self._views = node.views
        self._started: list[str] = []
        self._refs: dict[str, ActorRef[Any]] = {}
        """What features returned for their behaviors, by path."""

    def find[F: ClusterFeature](self, kind: type[F]) -> F:
        """The feature of that class, which must be there."""
        return next(feature for feature in self._features.values() if isinstance(feature, kind))

    async def start(self) -> None:
        """Start one after the other. Raises `PluginError` that names the feature which did not start."""
        for kind, (name, receive) in self._messages.items():
            self._links.on(kind, partial(self._receive, name, receive))
        for kind, (_, receive) in self._transfers.items():
            self._bulk.on(kind, receive)
        for name, feature in self._features.items():
            await self._start(name, feature)
        self._views.observe(self._show)

    def spawn(self, behavior: ClusteredBehavior[Any], name: str | None, mailbox: Mailbox | None) -> ActorRef[Any]:
        """Have the feature that claims the behavior run it. Raises `ScopeError` where none does."""
        kind = type(behavior).__name__
        claim = next((self._behaviors[base] for base in type(behavior).__mro__ if base in self._behaviors), None)
        if claim is None:
            raise ScopeError(
                f"no cluster feature of this node runs a {kind}; there are: {', '.join(self._features)}; casty plugins "
                "shows which plugins were found"
            )
        if name is None:
            raise ActorNameError(
                f"a {kind} belongs to the whole cluster and needs a name that is the same on every node: "
                'system.spawn(behavior, "name")'
            )
        if str(name).startswith("_"):
            raise ActorNameError(f"{name!r} cannot name a {kind}: other nodes cannot reach names with '_' in front")
        feature, spawn = claim
        ref = spawn(behavior, name, mailbox)
        if not isinstance(cast(object, ref), ActorRef):
            raise PluginError(f"the cluster feature {feature} returned {ref!r} for {name!r}, not a reference")
        self._refs[ref.address.path] = ref
        return ref

    def lookup(self, path: str) -> ActorRef[Any] | None:
        """The reference that the feature returned which runs the behavior at that path."""
        return self._refs.get(path)

    async def hand_over(self) -> None:
        """Have the members that stay take over what the features run here, and give this node nothing new."""
        await self.run(ShutdownPhase.stop_accepting)
        self._node.retire()
        await self.run(ShutdownPhase.hand_off)

    async def run(self, phase: ShutdownPhase) -> None:
        """Carry out a phase of the shutdown: it ends when each feature's task has ended or timed out."""
        tasks = [(name, self._shutdown[name][phase]) for name in self._started if phase in self._shutdown[name]]
        async with asyncio.TaskGroup() as group:
            for name, task in tasks:
                group.create_task(self._carry_out(name, phase, task))

    async def _start(self, name: str, feature: ClusterFeature) -> None:
        has_started = False

        async def start() -> None:
            nonlocal has_started
            await feature.start()
            has_started = True

        error = await self._patience.see_through(start, f"the start of the cluster feature {name}", START_TIMEOUT)
        if error is not None:
            raise_unless_failure(error)
            raise PluginError(f"the cluster feature {name} failed to start: {described(error)}") from error
        if not has_started:
            raise PluginError(f"the cluster feature {name} did not start within {START_TIMEOUT:g} s")
        self._started.append(name)

    async def _carry_out(self, name: str, phase: ShutdownPhase, task: ShutdownTask) -> None:
        title = f"the cluster feature {name}, in the shutdown phase {phase.value},"
        error = await self._patience.see_through(task.run, title, task.timeout)
        if error is not None:
            logger.error("%s failed; the shutdown goes on: %s", title, described(error), exc_info=error)

    def _show(self, view: ClusterState | None) -> None:
        for name in self._started:
            with self._reporting(name, "at a view of the cluster"):
                self._features[name].view_changed(view)

    def _receive(self, name: str, receive: ReceiveMessage, node: NodeId, message: Any) -> None:
        with self._reporting(name, f"at a {type(message).__name__}"):
            receive(node, message)

    @contextmanager
    def _reporting(self, name: str, when: str) -> Generator[None]:
        """Keep a failure of a feature from the others, and from the transport that calls."""
        try:
            yield
        except BaseException as error:
            raise_unless_failure(error)
            if self._throttle.admits((name, when)):
                logger.error("the cluster feature %s failed %s: %s", name, when, described(error), exc_info=error)
