"""The actor system of a node: what users see of a cluster."""

import asyncio
import logging
from collections.abc import Sequence
from contextvars import copy_context
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self, Unpack, cast, overload, override

from casty import (
    ActorRef,
    ActorSystem,
    Behavior,
    BroadcastRef,
    CastyConfig,
    Mailbox,
    ServiceKey,
)
from casty.address import ActorAddress
from casty.behaviors.clustered import BroadcastedBehavior, ClusteredBehavior
from casty.behaviors.discovery import Listing, ReceptionistMessage
from casty.clock import Clock
from casty.config.schema import WhenDowned, WhenRejected
from casty.errors import ArgumentError, JoinError, NodeDownedError
from casty.events import NodeDowned, NodeRejected, NodeRejoined
from casty.extension import Kernel, checked_config
from casty.member import ClusterState, Member, NodeId
from casty.quantities import check_count, checked_seconds
from casty.spi.cluster_feature import ShutdownPhase

from casty_cluster.features.composition import compose
from casty_cluster.features.features import Features
from casty_cluster.node.membership_log import REPEATED
from casty_cluster.node.node import Node
from casty_cluster.node.termination import Termination
from casty_cluster.protocol.membership.effects import Out
from casty_cluster.receptionist.receptionist import Receptionist
from casty_cluster.settings import NodeArguments, node_settings

logger = logging.getLogger("casty.cluster")

REJOIN_PAUSE: Final = 1.0
"""Seconds before a node that was given up comes back, so that the others have let go of it."""
DOWNED_EXIT_CODE: Final = 86


class ClusteredActorSystem(ActorSystem):
    """An actor system that is one node of a cluster. Use it with `async with`.

    Nodes of one cluster have the same `name`, and find each other through `seed_nodes`: the same list on every node, in
    which a node's own address may stand. Without seed nodes it begins a cluster of its own. What is not given counts as
    the configuration says. `host` and `port` are where it listens, and where the others reach it unless
    `advertised_host` and `advertised_port` say otherwise; `bind_host` where it listens instead. Port 0 is any free one.

    `required_quorum` members must be up before `async with` lets go on, within `quorum_timeout` seconds, else
    `JoinError`. A node that listens beyond this machine needs a `cookie` or `tls`, or `insecure=True`.

    A node that was given up by the others while it could not reach them stops what is the cluster's at once, says so
    by `NodeDowned`, and then, as `when_downed` says, comes back as another incarnation, its users' actors begun again
    (`rejoin`), or ends the process with exit code 86 (`exit`).

    A node that is rejected for good, or whose address another process has taken, publishes `NodeRejected` and shuts
    down: `async with` raises `JoinError`. With `when_rejected="stay"` it goes on, in no cluster.

    SIGTERM, where nobody else handles it, cancels the task that entered the system: the node leaves in order.
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
        """That of whoever made the system: nothing of the one whose frame or timer ends an incarnation."""
        self._rejoining: asyncio.Task[None] | None = None
        self._termination = Termination()

    @classmethod
    def from_config(cls, config: CastyConfig, **overrides: Any) -> Self:
        """A node as `[cluster]` describes it; any argument of the class may be given besides, and wins."""
        return cls(config=config, **overrides)

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
    def node(self) -> Node:
        """The running inside, for extensions of the cluster. Raises `SystemStoppedError` outside of `async with`."""
        if self._node is None:
            _ = self.kernel
            raise JoinError("this node does not listen yet")
        return self._node

    @property
    def features(self) -> Features:
        """What runs on this node for the cluster. Raises as `node` does."""
        if self._features is None:
            _ = self.node
            raise JoinError("this node does not listen yet")
        return self._features

    @property
    def is_running(self) -> bool:
        """Whether it is inside of `async with`."""
        return self._node is not None

    @property
    def self_node(self) -> Member:
        """This node as a member."""
        return self.node.local

    @property
    def members(self) -> tuple[Member, ...]:
        """All members that this node knows of, by node; empty while it is in no cluster."""
        state = self.node.views.current
        return () if state is None else state.members

    def get_cluster_state(self) -> ClusterState | None:
        """What this node knows of its cluster; None while it is in none."""
        return self.node.views.current

    async def wait_for(self, count: int, timeout: float = 60.0) -> None:
        """Until `count` members are up. Raises `TimeoutError`, or `JoinError` if this node is refused for good."""
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
        self, behavior: Behavior[M], name: str | None = None, *, mailbox: Mailbox | None = None
    ) -> ActorRef[M]: ...
    @override
    def spawn[M](
        self, behavior: Behavior[M], name: str | None = None, *, mailbox: Mailbox | None = None
    ) -> ActorRef[M]:
        """See `ActorSystem.spawn`. Behaviors that belong to the cluster are spawned under the same name on every node:
        `Behaviors.broadcasted`, whose reference is a `BroadcastRef`, and `Behaviors.singleton`.
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
        """The living actor at a path of this node; or, with `node` (a member, its `NodeId` or its name), a reference to
        whatever actor has that path there, None if there is no such member. With a `ServiceKey`: who is known under it.
        """
        if isinstance(path, ServiceKey):
            return self.features.find(Receptionist).listing(path)
        if not isinstance(cast("object", node), Member | NodeId | str | None):
            raise ArgumentError(f"node= of lookup is a member, its NodeId or its name, not {node!r}")
        if node is None or node in (self.self_node.node, self.self_node.node_id):
            return self.features.lookup(path) or super().lookup(path)
        member = next((member for member in self.members if node in (member.node, member.node_id)), None)
        if member is None:
            return None
        host, port = member.address
        return self.resolve(ActorAddress(system=self.name, path=path, host=host, port=port, node_id=member.node_id))

    @property
    def receptionist(self) -> ActorRef[ReceptionistMessage]:
        """Takes `Register`, `Deregister`, `Find` and `Subscribe`."""
        return self.features.find(Receptionist).ref

    async def leave(self) -> None:
        """Leave the cluster in good order, and stop: what is the cluster's is handed over, the others are told."""
        await self.shutdown()

    async def _join(self) -> None:
        node = self._node = Node(self.kernel, self._settings, out=self._out, rejected=self._rejected)
        await node.listen()
        self._features = compose(self, node)
        await self._features.start()
        node.begin()
        if self._required_quorum is not None:
            await self._wait_for_quorum(self._required_quorum)

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
        """This node is no member any more, without having wished to."""
        self.event_stream.publish(NodeDowned(out.reason))
        if self._settings.when_downed is WhenDowned.exit:
            self._termination.end(SystemExit(DOWNED_EXIT_CODE))
            return
        self.features.node.restart_users_actors(NodeDownedError(out.reason))
        if out.rejoin:
            self._rejoining = asyncio.create_task(self._rejoin(), name="casty-rejoin", context=self._context)

    def _rejected(self, error: JoinError) -> None:
        """This node is in no cluster, and will not be in one."""
        self.event_stream.publish(NodeRejected(str(error)))
        if self._settings.when_rejected is WhenRejected.exit:
            # A program that waits for members gets the error first, and ends by it.
            asyncio.get_running_loop().call_soon(self._termination.end, error, context=self._context)

    async def _rejoin(self) -> None:
        while True:
            await asyncio.sleep(REJOIN_PAUSE)
            try:
                await self.node.reopen()
            except Exception:
                logger.exception("this node cannot rejoin yet, and tries again in %s s", REJOIN_PAUSE)
            else:
                break
        try:
            await self.node.wait_until(lambda state: self.self_node in state.up)
        except JoinError:
            return  # the system knows
        self.event_stream.publish(NodeRejoined(self.self_node))

    @override
    async def _shut_down(self, kernel: Kernel) -> None:
        self._termination.stopping()
        try:
            await self._run(ShutdownPhase.stop_accepting)
            if self._node is not None:
                self._node.retire()
            await self._run(ShutdownPhase.hand_off)
        finally:  # also where the program ends and cancels this task
            await super()._shut_down(kernel)

    @override
    async def _depart(self) -> None:
        if self._rejoining is not None:
            self._rejoining.cancel()
            await asyncio.gather(self._rejoining, return_exceptions=True)
        await self._run(ShutdownPhase.stop_actors)
        await self._run(ShutdownPhase.leave)
        if self._node is not None:
            await self._node.leave()

    @override
    async def _finish(self, kernel: Kernel) -> None:
        try:
            await self._run(ShutdownPhase.close)
            if self._node is not None:
                await self._node.close()
        finally:
            kernel.remote = None
            await super()._finish(kernel)
            self._node = self._features = None
            self._termination.stop_listening()

    async def _run(self, phase: ShutdownPhase) -> None:
        if self._features is not None:
            await self._features.run(phase)
