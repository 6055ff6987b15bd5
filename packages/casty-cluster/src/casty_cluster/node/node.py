"""This node for as long as its actor system runs, through all its incarnations: it joins them to the actors.

It shows the shells of actors what the membership reports, and carries messages between the two. It decides nothing.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from functools import partial
from typing import override

from casty.address import PeerAddress
from casty.errors import JoinError
from casty.extension import Kernel
from casty.member import ClusterState, Member, NodeId
from casty.plugins.serializers import make_serializer
from casty.printable import printable
from casty.spi.downing import Acquire
from casty.spi.serializer import Serializer
from casty.spi.transport import Lane

from casty_cluster.node.bulk_transfers import BulkTransfers
from casty_cluster.node.clients import Clients, ServesClients
from casty_cluster.node.departures import Departures
from casty_cluster.node.endpoint import Listening, NodeEndpoint
from casty_cluster.node.incarnation import OUT, Incarnation
from casty_cluster.node.lease_decisions import LeaseDecisions
from casty_cluster.node.membership_log import MembershipLog
from casty_cluster.node.reception import Reception
from casty_cluster.node.system_links import SystemLinks
from casty_cluster.node.view import Views
from casty_cluster.protocol import view_tracker
from casty_cluster.protocol.membership.effects import (
    AcquireLease,
    Effect,
    Ignored,
    JoinDelayed,
    Joined,
    MemberDowned,
    MembersChanged,
    Out,
    Publish,
    Refused,
    Rejected,
    Send,
    Undecided,
)
from casty_cluster.protocol.membership.inputs import Down, LeaseDecided, Leave, Start
from casty_cluster.protocol.system_link import SendSystem
from casty_cluster.protocol.view_tracker import KeepLinks, MarkDepartures, RepeatTo, ShowView
from casty_cluster.remoting.delivery import Delivery, Wire
from casty_cluster.settings import NodeSettings
from casty_cluster.wire.system import Retiring

logger = logging.getLogger("casty.cluster")


class Node(Wire):
    """One node of a cluster."""

    def __init__(
        self,
        kernel: Kernel,
        settings: NodeSettings,
        *,
        out: Callable[[Out], None],
        rejected: Callable[[JoinError], None],
    ) -> None:
        self.views = Views()
        self.links = SystemLinks(kernel.clock, self._send_control, self.down)
        self.bulk = BulkTransfers(kernel.clock, self._send_control)
        self.delivery = Delivery(kernel, self, self._serializer)
        self.client_service: ServesClients | None = None
        """None until the features of this node have been made."""
        self.join_blocked_reason = ""
        """What has kept this node out of a cluster lately."""
        self._kernel = kernel
        self._settings = settings
        self._on_out = out
        self._on_rejected = rejected
        self._endpoint = NodeEndpoint(kernel, settings)
        self._log = MembershipLog(kernel.clock)
        self._leases = LeaseDecisions(kernel.plugins, kernel.system.name)
        self._departures = Departures()
        self._listening: Listening | None = None
        self._incarnation: Incarnation | None = None
        """None while this node is neither a member nor trying to become one."""
        self._contacts: tuple[PeerAddress, ...] = ()
        """Where the next incarnation looks for the cluster, beside its seed nodes."""
        self._left: asyncio.Future[None] | None = None
        self.links.on(Retiring, self._retires)

    @property
    def local(self) -> Member:
        """This node as a member, with the status of the current view. Raises `JoinError` before it listens."""
        if self._listening is None:
            raise JoinError("this node does not listen yet; use the system inside of 'async with'")
        local, view = self._listening.local, self.views.current
        known = () if view is None else view.members
        return next((member for member in known if member.node == local.node), local)

    async def listen(self) -> None:
        """Listen as a new incarnation; each one at the address of the first."""
        reception = Reception(
            self._kernel.clock,
            links=self.links,
            bulk=self.bulk,
            delivery=self.delivery,
            departures=self._departures,
        )
        accepts_clients = bool(self._kernel.config.cluster.clients.allow)
        clients = Clients(reception, self.delivery, lambda: self.client_service) if accepts_clients else None
        self._listening = await self._endpoint.open(reception, clients)
        self._log.starts_as(self._listening.local)

    def begin(self) -> None:
        """Start to join the cluster."""
        assert self._listening is not None, "a node listens before it joins"
        self._incarnation = self._listening.reception.incarnation = Incarnation(
            self._listening.local,
            self._listening.outlet,
            self._kernel.clock,
            system=self._kernel.system.name,
            settings=self._settings,
            contacts=self._contacts,
            report=self._carry_out,
            show=self._show,
        )
        self._incarnation.handle(Start())

    async def close(self) -> None:
        """Stop listening, and send nothing any more."""
        self._end()
        self.links.out()
        self.bulk.out()
        await self._leases.close()
        self.views.fail_waiting(JoinError("the actor system was shut down"))
        error = await self._kernel.patience.see_through(self._endpoint.close, "closing the transport")
        if error is not None:
            raise error

    def fall_silent(self) -> None:
        """Send nothing any more, not even that this node leaves: for tests of how the other nodes find out."""
        self._end()
        self.views.show(None)

    async def reopen(self) -> None:
        """Rejoin as a new incarnation."""
        await self._endpoint.close()
        self._departures.clear()
        await self.listen()
        self.begin()

    async def wait_until(self, holds: Callable[[ClusterState], bool]) -> None:
        """Return once `holds` of the view. Raises `JoinError` if this node is rejected for good."""
        if self._incarnation is None and self.join_blocked_reason:
            raise JoinError(self.join_blocked_reason)
        await self.views.wait_until(holds)

    def retire(self) -> None:
        """Announce that this node is about to leave."""
        if self._incarnation is not None:
            self._incarnation.retire()

    async def leave(self) -> None:
        """Leave the cluster. It takes a few rounds of gossip, and ends in any case."""
        if self._incarnation is not None:
            self._left = asyncio.get_running_loop().create_future()
            self._incarnation.handle(Leave())
            await self._left

    def down(self, node: NodeId, reason: str = "by order") -> None:
        """Have that member downed, whatever its state."""
        if self._incarnation is not None:
            self._incarnation.handle(Down(node, reason))

    @override
    def send(self, peer: PeerAddress, frame: bytes) -> str | None:
        incarnation = self._incarnation
        if incarnation is None:
            return OUT
        if self.is_gone(peer):
            return _gone(peer)
        return incarnation.send(peer, frame, Lane.user)

    def is_gone(self, peer: PeerAddress) -> bool:
        """Whether the member at that address was removed: no frame will be sent to it."""
        return self._departures.is_gone(peer)

    def _carry_out(self, effect: Effect) -> None:
        self._log.tell(effect)
        match effect:
            case Publish(event):
                self._kernel.event_stream.publish(event)
            case Joined():
                self.join_blocked_reason = ""
            case JoinDelayed(reason):
                self.join_blocked_reason = f"this node has not joined a cluster yet: {reason}"
            case Refused(reason, final):
                self.join_blocked_reason = f"the cluster rejects this node: {reason}"
                if final:
                    self._end()
                    self._reject()
            case AcquireLease(acquire):
                self._leases.request(acquire, partial(self._lease_decided, acquire))
            case Out():
                self._out(effect)
            case Ignored(sender, reason):
                logger.debug("a message of %s does not count: %s", printable(sender), printable(reason))
            case MembersChanged() | MemberDowned() | Rejected() | Undecided():
                pass  # the log has it, and the view tracker takes the members
            case Send():
                raise AssertionError("messages are sent by the incarnation")

    def _show(self, effect: view_tracker.Effect) -> None:
        match effect:
            case MarkDepartures(present, departed):
                self._departures.members(present, departed)
                self._discard(departed)
            case KeepLinks(local, others):
                self.links.members(local, others)
                self.bulk.members(local, others)
            case SendSystem(to, message):
                self.links.send(to, message)
            case RepeatTo(node):
                self.links.met(node)
                self.bulk.met(node)
            case ShowView(view):
                self.views.show(view)

    def _discard(self, departed: Collection[NodeId]) -> None:
        """Take back what waits for connections to removed members, before anything is said of their removal: what is
        known not to have been sent can go elsewhere.
        """
        if self._listening is not None:
            for address in sorted({node.address for node in departed}):
                self._listening.reception.take_back(address, _gone(address))

    def _out(self, out: Out) -> None:
        """This incarnation is over."""
        self._contacts = out.contacts
        self._end()
        self.views.show(None)
        self.links.out()
        self.bulk.out()
        if self._left is not None:
            if not self._left.done():
                self._left.set_result(None)
            return
        self._on_out(out)
        if not out.rejoin:
            self.join_blocked_reason = out.reason
            self._reject()

    def _reject(self) -> None:
        """This node will not become a member any more: what waits for that fails."""
        error = JoinError(self.join_blocked_reason)
        self.views.fail_waiting(error)
        self._on_rejected(error)

    def _end(self) -> None:
        if self._incarnation is not None and self._listening is not None:
            self._incarnation.end()
            self._listening.reception.incarnation = self._incarnation = None

    def _retires(self, node: NodeId, _: Retiring) -> None:
        if self._incarnation is not None:
            self._incarnation.retires(node)

    def _lease_decided(self, acquire: Acquire, won: bool) -> None:
        if self._incarnation is not None:
            self._incarnation.handle(LeaseDecided(acquire, won))

    def _send_control(self, to: NodeId, frame: bytes) -> None:
        if self._incarnation is not None:
            self._incarnation.send(to.address, frame, Lane.control)

    def _serializer(self, name: str) -> Serializer:
        kernel = self._kernel
        return make_serializer(kernel.plugins, kernel.config.serialization, kernel.system.resolve, name=name)


def _gone(address: PeerAddress) -> str:
    return f"the node at {address} is no member of the cluster any more"
