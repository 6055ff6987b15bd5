"""This node for as long as its actor system runs, through all its incarnations: it joins them to the actors.

It shows the shells of actors what the membership says, and carries messages between the two. It decides nothing.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from typing import Any, override

from casty.address import PeerAddress
from casty.entropy import source
from casty.errors import JoinError
from casty.extension import Kernel
from casty.member import Member, MemberStatus, NodeId
from casty.plugins import build_options
from casty.plugins.serializers import make_serializer
from casty.printable import printable
from casty.spi.failure_detector import DetectorContext
from casty.spi.serializer import Serializer
from casty.spi.transport import Endpoint, Lane, Transport

from casty_cluster.node.departures import Departures
from casty_cluster.node.incarnation import Incarnation, Upward
from casty_cluster.node.leases import decide_by_lease
from casty_cluster.node.story import Story
from casty_cluster.node.system_links import SystemLinks
from casty_cluster.node.view import ClusterState, Views
from casty_cluster.protocol.membership.effects import (
    AcquireLease,
    Downed,
    Effect,
    Ignored,
    Joined,
    KeepsSeeking,
    MembersChanged,
    Out,
    Publish,
    Refused,
    Rejected,
    Send,
)
from casty_cluster.protocol.membership.inputs import GiveUp, LeaseDecided, Leave
from casty_cluster.protocol.membership.settings import MembershipSettings
from casty_cluster.remoting.delivery import Delivery, Wire
from casty_cluster.settings import NodeSettings
from casty_cluster.wire.system import Retiring

logger = logging.getLogger("casty.cluster")


class Node(Wire):
    """One place in a cluster."""

    def __init__(
        self,
        kernel: Kernel,
        settings: NodeSettings,
        *,
        out: Callable[[Out], None],
        rejected: Callable[[JoinError], None],
    ) -> None:
        self.views = Views()
        self.links = SystemLinks(kernel.clock, self._send_system, self._break_with)
        self.delivery = Delivery(kernel, self, self._serializer)
        self._kernel = kernel
        self._settings = settings
        self._out = out
        self._rejected = rejected
        self._story = Story(kernel.clock)
        self._incarnation: Incarnation | None = None
        self._transport = AsyncExitStack()
        self._local: Member | None = None
        self._contacts: tuple[PeerAddress, ...] = ()
        """Where the next incarnation looks for the cluster beside its seed nodes."""
        self._departures = Departures()
        self._retiring: set[NodeId] = set()
        self._waiting: dict[asyncio.Future[None], Callable[[ClusterState], bool]] = {}
        """For which kind of view."""
        self._begin: Callable[[], None] | None = None
        self.hindrance = ""
        """What has kept this node out of a cluster lately."""
        self._departed: asyncio.Future[None] | None = None
        self._context = copy_context()
        self._tasks: set[asyncio.Task[None]] = set()
        self.links.on(Retiring, lambda node, _: self._retires(node))

    @property
    def local(self) -> Member:
        """This node as a member; its status is that of the last view. Raises `JoinError` before it listens."""
        if self._local is None:
            raise JoinError("this node does not listen yet; use the system inside of 'async with'")
        state = self.views.current
        known = () if state is None else state.members
        return next((member for member in known if member.node == self._local.node), self._local)

    async def listen(self) -> None:
        """Be reachable, as a new incarnation. A second time it is at the same address."""
        settings, kernel = self._settings, self._kernel
        uid = int.from_bytes(source().token(8)) or 1
        incarnation = Incarnation(kernel.clock, self._upward())
        provider = kernel.plugins.transport(settings.url)
        transport = await self._transport.enter_async_context(
            provider.open(
                settings.url,
                incarnation,
                Endpoint(
                    cluster=kernel.system.name,
                    uid=uid,
                    advertised=settings.advertised,
                    cookies=settings.cookies,
                    tls=settings.tls,
                    insecure=settings.insecure,
                ),
                build_options(provider, settings.transport_options),
            )
        )
        host, port = transport.local
        self._settings = replace(settings, port=port if settings.port == 0 else settings.port)
        node = NodeId(host, port, uid)
        self._local = Member(node=node, node_id=settings.node_id or str(node.address), roles=settings.roles)
        self._story.starts_as(self._local)
        self._begin = partial(self._begin_as, incarnation, transport, self._local)

    def begin(self) -> None:
        """Look for the cluster."""
        if self._begin is not None:
            self._begin()

    def _begin_as(self, incarnation: Incarnation, transport: Transport, local: Member) -> None:
        settings, random = self._settings, source().random()
        self._incarnation = incarnation
        detector = settings.detector(
            DetectorContext(
                local=local.node,
                random=random,
                interval=settings.heartbeat_interval,
                check_interval=settings.check_interval,
            )
        )
        membership = MembershipSettings(
            system=self._kernel.system.name,
            seeds=settings.seeds,
            contacts=self._contacts,
            configuration=settings.configuration,
            gossip_interval=settings.gossip_interval,
            stable_share=settings.pace.stable_share,
            refused_share=settings.pace.refused_share,
        )
        incarnation.begin(
            transport,
            local,
            detector,
            settings=membership,
            strategy=settings.downing,
            random=random,
            refused_patience=settings.pace.refused_patience,
        )

    async def close(self) -> None:
        """Stop listening; nothing is said to anybody any more."""
        self._end()
        self.links.out()
        for task in self._tasks:
            task.cancel()
        if self._tasks:  # gathering nothing needs an event loop all the same
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._fail_waiting(JoinError("the actor system was shut down"))
        error = await self._kernel.patience.see_through(self._transport.aclose, "closing the transport")
        if error is not None:
            raise error

    def fall_silent(self) -> None:
        """Say nothing to anybody any more, and not that either: for tests of what the others do."""
        self._end()
        self.views.show(None)

    async def reopen(self) -> None:
        """Come back as another incarnation."""
        await self._transport.aclose()
        self._retiring.clear()
        self._departures.clear()
        await self.listen()
        self.begin()

    async def wait_until(self, holds: Callable[[ClusterState], bool]) -> None:
        """Until the view is like that. Raises `JoinError` if this node is refused for good."""
        state = self.views.current
        if self._incarnation is None and self.hindrance:
            raise JoinError(self.hindrance)
        if state is None or not holds(state):
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting[future] = holds
            try:
                await future
            finally:
                del self._waiting[future]

    def retire(self) -> None:
        """Say that this node is about to leave."""
        state = self.views.current
        if state is not None:
            self._retires(state.local)
            for node in state.others:
                self.links.send(node, Retiring(state.local.uid))

    async def leave(self) -> None:
        """Leave the cluster; it takes a few rounds of gossip, and comes to an end in any case."""
        if self._incarnation is not None:
            self._departed = asyncio.get_running_loop().create_future()
            self._incarnation.handle(Leave())
            await self._departed

    def give_up(self, node: NodeId, reason: str = "by order") -> None:
        """Have that member downed, whatever its state."""
        if self._incarnation is not None:
            self._incarnation.handle(GiveUp(node, reason))

    @override
    def send(self, peer: PeerAddress, frame: bytes) -> str | None:
        incarnation = self._incarnation
        if incarnation is None:
            return "this node is no member of its cluster now"
        if self._departures.is_gone(peer):
            return f"the node at {peer} is no member of the cluster any more"
        if not incarnation.send(peer, frame, Lane.user):
            return f"the queue for {peer} is full: it takes messages more slowly than they are sent"
        return None

    def validate(self) -> None:
        """Raises AssertionError where the membership contradicts itself: for tests."""
        if self._incarnation is not None:
            self._incarnation.validate()

    def _upward(self) -> Upward:
        return Upward(
            effect=self._carry_out,
            connected=self._connected,
            lost=self._departures.lost,
            system=self.links.received,
            user=self.delivery.received,
            dropped=self.delivery.dropped,
        )

    def _connected(self, peer: NodeId) -> None:
        self._departures.connected(peer)
        self.links.met(peer)

    def _carry_out(self, effect: Effect) -> None:
        self._story.tell(effect)
        match effect:
            case MembersChanged():
                self._show(effect)
            case Publish(event):
                self._kernel.event_stream.publish(event)
            case Joined():
                self.hindrance = ""
            case KeepsSeeking(reason):
                self.hindrance = f"this node has not joined a cluster yet: {reason}"
            case Refused(reason, final):
                self.hindrance = f"the cluster rejects this node: {reason}"
                if final:
                    self._end()
                    self._reject()
            case AcquireLease(acquire):
                self._start(self._ask_for_lease(effect), f"casty-lease-{acquire.lease}")
            case Out():
                self._leave_off(effect)
            case Ignored(sender, reason):
                logger.debug("a message of %s does not count: %s", printable(sender), printable(reason))
            case Downed() | Rejected():
                pass  # is in the log
            case Send():
                raise AssertionError("messages are sent where they are made")

    def _reject(self) -> None:
        """This node will not become a member any more, and whatever waits for that fails."""
        error = JoinError(self.hindrance)
        self._fail_waiting(error)
        self._rejected(error)

    def _show(self, changed: MembersChanged) -> None:
        before = self.views.current
        present = {member.node for member in changed.members if member.status is not MemberStatus.down}
        was = {member.node for member in before.members} if before is not None else set[NodeId]()
        was_up = {member.node for member in before.up} if before is not None else set[NodeId]()
        self._departures.members(present, was - present)
        self._retiring &= present
        state = ClusterState(
            local=self.local.node,
            members=changed.members,
            unreachable=changed.unreachable,
            retiring=frozenset(self._retiring),
            leader=changed.leader,
        )
        self.links.members(state.local, state.others)
        if state.local in self._retiring:
            for node in sorted(set(state.others) - was):
                self.links.send(node, Retiring(state.local.uid))
        came_up = {member.node for member in state.up} - was_up
        for node in state.others:
            if node in came_up or state.local in came_up:
                self.links.met(node)
        self.views.show(state)
        for future, holds in self._waiting.items():
            if holds(state) and not future.done():
                future.set_result(None)

    def _retires(self, node: NodeId) -> None:
        self._retiring.add(node)
        state = self.views.current
        if state is not None:
            self.views.show(replace(state, retiring=frozenset(self._retiring)))

    def _leave_off(self, out: Out) -> None:
        """This incarnation is over."""
        self._contacts = out.contacts
        self._end()
        self.views.show(None)
        self.links.out()
        if self._departed is not None:
            if not self._departed.done():
                self._departed.set_result(None)
            return
        self._out(out)
        if not out.rejoin:
            self.hindrance = out.reason
            self._reject()

    def _end(self) -> None:
        if self._incarnation is not None:
            self._incarnation.end()
            self._incarnation = None

    def _send_system(self, to: NodeId, frame: bytes) -> None:
        if self._incarnation is not None:
            self._incarnation.send(to.address, frame, Lane.control)

    def _break_with(self, node: NodeId, reason: str) -> None:
        self.give_up(node, reason)

    def _serializer(self, name: str) -> Serializer:
        kernel = self._kernel
        return make_serializer(kernel.plugins, kernel.config.serialization, kernel.system.resolve, name=name)

    async def _ask_for_lease(self, effect: AcquireLease) -> None:
        won = await decide_by_lease(self._kernel.plugins, self._kernel.system.name, effect.acquire)
        if self._incarnation is not None:
            self._incarnation.handle(LeaseDecided(effect.acquire, won))

    def _start(self, work: Any, name: str) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work, name=name, context=self._context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _fail_waiting(self, error: JoinError) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_exception(error)
