"""The actor system of a node: the face of a cluster that users see."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, Unpack, cast, overload, override

from casty import (
    ActorRef,
    Behavior,
    BroadcastRef,
    CastyConfig,
    Mailbox,
    ServiceKey,
)
from casty.address import ActorAddress
from casty.behaviors.clustered import (
    BroadcastedBehavior,
    ClusteredBehavior,
    RegionRef,
    ShardedBehavior,
    ShardEnvelope,
)
from casty.behaviors.discovery import Listing
from casty.behaviors.routing import RouterBehavior, RouterRef
from casty.clock import Clock
from casty.config.schema import WhenDowned, WhenRejected
from casty.errors import ArgumentError, JoinError, NodeDownedError
from casty.events import NodeDowned, NodeRejected, NodeRejoined
from casty.extension import checked_config
from casty.member import Member, NodeId
from casty.objects.regions import starter_of
from casty.quantities import check_count, checked_seconds
from casty.spi.cluster_feature import ShutdownPhase

from casty_cluster.features.composition import compose
from casty_cluster.features.features import Features
from casty_cluster.node.membership_log import REPEATED
from casty_cluster.node.node import Node
from casty_cluster.node.termination import Termination
from casty_cluster.operated_system import OperatedSystem
from casty_cluster.protocol.membership.effects import Out
from casty_cluster.receptionist.receptionist import Receptionist
from casty_cluster.settings import NodeArguments, node_settings
from casty_cluster.sharding.feature import Sharding

logger = logging.getLogger("casty.cluster")

REJOIN_PAUSE: Final = 1.0
"""Seconds before a downed node rejoins, so that the other members have removed it."""
DOWNED_EXIT_CODE: Final = 86


class ClusteredActorSystem(OperatedSystem):
    """An actor system that is one node of a cluster. Use it with `async with`.

    Nodes of one cluster have the same `name`, and find each other through `seed_nodes`: the same list on every node,
    which may contain the node's own address. Without seed nodes the node forms a cluster of its own. Arguments that are
    not given are taken from the configuration. The node listens at `host` and `port`, or at `bind_host` if that is
    given; other nodes connect to `host` and `port`, or to `advertised_host` and `advertised_port`. Port 0 is any free
    port.

    `required_quorum` members must be up within `quorum_timeout` seconds before `async with` returns, else it raises
    `JoinError`. A node that listens beyond this machine needs a `cookie` or `tls`, or `insecure=True`.

    A node that is downed while it is still alive stops its singletons at once and publishes `NodeDowned`. Then it
    rejoins as a new incarnation and restarts the users' actors (`when_downed="rejoin"`), or the process ends with exit
    code 86 (`"exit"`).

    A node that is permanently rejected, or whose address another process has taken, publishes `NodeRejected` and shuts
    down: `async with` raises `JoinError`. With `when_rejected="stay"` it keeps running without a cluster.

    SIGTERM, unless the program handles it, cancels the task that entered the system: the node leaves in order.
    """

    def __init__(
        self,
        *,
        name: str | None = None,
        config: CastyConfig | None = None,
        required_quorum: int | None = None,
        quorum_timeout: float = 60.0,
        serializer: str | None = None,
        plugins: Sequence[object] = (),
        clock: Clock | None = None,
        **node: Unpack[NodeArguments],
    ) -> None:
        config = checked_config(config)
        if serializer is not None:
            config = replace(config, serialization=replace(config.serialization, default=serializer))
        super().__init__(name, config=config, plugins=plugins, clock=clock)
        self._settings = node_settings(node, config, self.plugins)
        self._required_quorum = required_quorum
        self._quorum_timeout = quorum_timeout
        self._node: Node | None = None
        self._features: Features | None = None
        self._context = copy_context()
        """The context in which the system was made, for tasks that a frame or a timer starts."""
        self._rejoining: asyncio.Task[None] | None = None
        self._termination = Termination()

    @classmethod
    def from_config(cls, config: CastyConfig, **overrides: Any) -> Self:
        """Make a node as `[cluster]` describes it. `overrides` are arguments of the class, and take precedence."""
        return cls(config=config, **overrides)

    @property
    @override
    def _party(self) -> str:
        """This node at barriers and elections, unless the caller has a name of its own."""
        return str(self.self_node.node.address)

    @override
    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._termination.listen()
        try:
            await self._join()
        except BaseException as error:
            self._termination.stopping()
            await self.shutdown()
            self._termination.finish(error)
            raise
        return self

    @override
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._termination.stopping()
        await super().__aexit__(kind, error, traceback)
        self._termination.finish(error)

    @property
    @override
    def node(self) -> Node:
        """The membership of this node, for features. Raises `SystemStoppedError` outside of `async with`."""
        if self._node is None:
            _ = self.kernel
            raise JoinError("this node does not listen yet")
        return self._node

    @property
    @override
    def features(self) -> Features:
        """The features of this node. Raises as `node` does."""
        if self._features is None:
            _ = self.node
            raise JoinError("this node does not listen yet")
        return self._features

    @property
    def is_running(self) -> bool:
        """Whether the program is inside of `async with`."""
        return self._node is not None

    @property
    @override
    def self_node(self) -> Member:
        """This node as a member."""
        return self.node.local

    @property
    @override
    def members(self) -> tuple[Member, ...]:
        """All members that this node knows of, by node; empty while the node is not a member itself."""
        state = self.node.views.current
        return () if state is None else state.members

    async def wait_for(self, count: int, timeout: float = 60.0) -> None:
        """Wait until `count` members are up.

        Raises `TimeoutError`, or `JoinError` if this node is permanently rejected.
        """
        check_count(count, "count of wait_for", 0)
        timeout = checked_seconds(timeout, "timeout of wait_for")
        try:
            async with asyncio.timeout(timeout):
                await self.node.wait_until(lambda state: len(state.up) >= count)
        except TimeoutError:
            raise TimeoutError(self._missing(count, timeout)) from None

    @overload
    def spawn[M](
        self, behavior: BroadcastedBehavior[M], name: str | None = None, *, mailbox: Mailbox | None = None
    ) -> BroadcastRef[M]: ...
    @overload
    def spawn[M](
        self, behavior: ShardedBehavior[M], name: str | None = None, *, mailbox: Mailbox | None = None
    ) -> RegionRef[M]: ...
    @overload
    def spawn[M](
        self, behavior: RouterBehavior[M], name: str | None = None, *, mailbox: Mailbox | None = None
    ) -> RouterRef[M]: ...
    @overload
    def spawn[M](
        self, behavior: Behavior[M], name: str | None = None, *, mailbox: Mailbox | None = None
    ) -> ActorRef[M]: ...
    @override
    def spawn[M](  # pyright: ignore[reportIncompatibleMethodOverride]  # it has every overload of the base: generic ones are not matched
        self, behavior: Behavior[M], name: str | None = None, *, mailbox: Mailbox | None = None
    ) -> ActorRef[M]:
        """See `ActorSystem.spawn`. A behavior that belongs to the whole cluster is run by the feature that claims it,
        and is spawned under the same name on every node: `Behaviors.sharded`, whose reference is a `RegionRef`,
        `Behaviors.broadcasted`, whose reference is a `BroadcastRef`, `Behaviors.singleton`, and those of plugins.
        Raises `ScopeError` if no feature claims it.
        """
        if isinstance(behavior, ClusteredBehavior):
            return self.features.spawn(behavior, name, mailbox)
        return super().spawn(behavior, name, mailbox=mailbox)

    @overload
    def lookup(self, path: str, *, node: Member | NodeId | str | None = None) -> ActorRef[Any] | None: ...
    @overload
    def lookup[M](self, path: ServiceKey[M]) -> Listing[M]: ...
    @override
    def lookup(
        self, path: str | ServiceKey[Any], *, node: Member | NodeId | str | None = None
    ) -> ActorRef[Any] | Listing[Any] | None:
        """Return the living actor at a path of this node; or, with `node` (a member, its `NodeId` or its name), a
        reference to that path on the other node, None if there is no such member. With a `ServiceKey`: the actors that
        are registered under it.
        """
        if isinstance(path, ServiceKey):
            return self.features.find(Receptionist).listing(path)
        if not isinstance(cast("object", node), Member | NodeId | str | None):
            raise ArgumentError(f"node= of lookup is a member, its NodeId or its name, not {node!r}")
        if node is None or node in (self.self_node.node, self.self_node.node_id):
            return self.features.lookup(path) or super().lookup(path)
        member = self._member(node)
        if member is None:
            return None
        host, port = member.address
        return self.resolve(ActorAddress(system=self.name, path=path, host=host, port=port, node_id=member.node_id))

    @overload
    def entity_ref[M](self, region: ActorRef[ShardEnvelope[M]], entity_id: str) -> ActorRef[M]: ...
    @overload
    def entity_ref(self, region: str, entity_id: str) -> ActorRef[Any]: ...
    @override
    def entity_ref(self, region: ActorRef[ShardEnvelope[Any]] | str, entity_id: str) -> ActorRef[Any]:
        """See `ActorSystem.entity_ref`. `region` may be the name of a region that is not spawned on this node: messages
        wait until a node that has it makes itself known.
        """
        if isinstance(region, str):
            return self.features.find(Sharding).entity_ref(region, entity_id)
        return super().entity_ref(region, entity_id)

    async def leave(self) -> None:
        """Announce the departure, hand over, leave the cluster and stop."""
        await self.shutdown()

    async def _join(self) -> None:
        node = self._node = Node(self.kernel, self._settings, out=self._out, rejected=self._rejected)
        await node.listen()
        self._features = compose(self, node)
        await self._features.start()
        self._features.find(Sharding).offer(self._class_region_starter)
        node.begin()
        if self._required_quorum is not None:
            await self._wait_for_quorum(self._required_quorum)

    def _class_region_starter(self, name: str) -> Callable[[], object] | None:
        """In the context of the system, whichever frame or actor names the region first."""
        start = starter_of(name, self.class_region)
        return None if start is None else partial(self._context.copy().run, start)

    async def _wait_for_quorum(self, count: int) -> None:
        left = self._quorum_timeout
        while left > 0:
            period = min(left, REPEATED)
            try:
                async with asyncio.timeout(period):
                    return await self.node.wait_until(lambda state: len(state.up) >= count)
            except TimeoutError:
                left -= period
            if left > 0:
                missing = self._missing(count, self._quorum_timeout - left)
                logger.info("%s waits for its required quorum: %s", self.self_node.node, missing)
        raise JoinError(f"the required quorum was not reached: {self._missing(count, self._quorum_timeout)}")

    def _missing(self, count: int, waited: float) -> str:
        state = self.node.views.current
        up = 0 if state is None else len(state.up)
        why = f": {self.node.join_blocked_reason}" if self.node.join_blocked_reason else ""
        return f"{up} members are up after {waited:g} s, and {count} are wanted{why}"

    def _out(self, out: Out) -> None:
        """This node is no longer a member, and did not leave by itself."""
        self.event_stream.publish(NodeDowned(out.reason))
        if self._settings.when_downed is WhenDowned.exit:
            self._termination.end(SystemExit(DOWNED_EXIT_CODE))
            return
        if self._stopping is not None:
            return  # its actors stop, and it would leave a new cluster at once
        self.features.node.restart_users_actors(NodeDownedError(out.reason))
        if out.rejoin:
            self._rejoining = asyncio.create_task(self._rejoin(), name="casty-rejoin", context=self._context)

    def _rejected(self, error: JoinError) -> None:
        """This node is permanently rejected, and will not become a member."""
        self.event_stream.publish(NodeRejected(str(error)))
        if self._settings.when_rejected is WhenRejected.exit:
            # A program that waits for members gets the error first, and may end with it.
            asyncio.get_running_loop().call_soon(self._termination.end, error, context=self._context)

    async def _rejoin(self) -> None:
        while True:
            await asyncio.sleep(REJOIN_PAUSE)
            try:
                await self.node.reopen()
            except Exception:
                logger.exception("this node cannot rejoin yet and tries again in %s s", REJOIN_PAUSE)
            else:
                break
        try:
            await self.node.wait_until(lambda state: self.self_node in state.up)
        except JoinError:
            return  # `_rejected` has been called
        if self._draining is not None:
            self.node.retire()
        self.event_stream.publish(NodeRejoined(self.self_node))

    @override
    async def _shut_down(self) -> None:
        self._termination.stopping()
        try:
            await self._stop_rejoining()
            if self._features is not None:
                await self._start_to_drain()
        finally:  # also where the program ends and cancels this task
            await super()._shut_down()

    async def _stop_rejoining(self) -> None:
        if self._rejoining is not None:
            self._rejoining.cancel()
            await asyncio.gather(self._rejoining, return_exceptions=True)

    @override
    async def _depart(self) -> None:
        await self._run(ShutdownPhase.stop_actors)
        await self._run(ShutdownPhase.leave)
        if self._node is not None:
            await self._node.leave()

    @override
    async def _finish(self) -> None:
        try:
            try:
                await self._run(ShutdownPhase.close)
            finally:  # also where the program ends and cancels this task
                if self._node is not None:
                    await self._node.close()
        finally:
            self.kernel.remote = None
            await super()._finish()
            self._node = self._features = self._draining = None
            self._termination.stop_listening()

    async def _run(self, phase: ShutdownPhase) -> None:
        if self._features is not None:
            await self._features.run(phase)
