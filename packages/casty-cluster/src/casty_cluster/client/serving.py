"""The part of a node that serves clients: it is their contact, lets them look actors up, and delivers their messages.

A node that is about to leave notifies the clients that are attached to it, and keeps its actors until each client has
found another contact, within `LEAVE_TIMEOUT`. It goes on to route their messages for entities. When its own actors have
stopped, so that it sends nothing else to entities, it releases the clients: see `protocol.client.contact`.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, final, override

from casty import ServiceKey
from casty.address import PeerAddress
from casty.errors import ClientRefusedError
from casty.extension import Kernel
from casty.member import ClusterState, NodeId
from casty.printable import printable
from casty.spi.cluster_feature import ClusterFeature, ClusterNode, ShutdownPhase, ShutdownTask

from casty_cluster.client.allowance import Allowance
from casty_cluster.client.asks import ClientAsks
from casty_cluster.node.clients import ServesClients
from casty_cluster.receptionist.receptionist import Receptionist
from casty_cluster.remoting.delivery import Delivery
from casty_cluster.sharding.feature import Sharding
from casty_cluster.wire import codec, frames
from casty_cluster.wire.catalogue import FROM_CLIENTS
from casty_cluster.wire.client import (
    Attach,
    Attached,
    Detach,
    Detached,
    Found,
    Instance,
    Leaving,
    Lookup,
    Moved,
    Release,
    ToNode,
)
from casty_cluster.wire.permissions import NotAllowedError
from casty_cluster.wire.portions import portions

logger = logging.getLogger("casty.cluster")

LEAVE_TIMEOUT: Final = 5.0
"""Seconds for which a leaving node waits for its clients to find another contact, and for their pending asks."""
MAX_NODES: Final = 100
"""Addresses of nodes that a client is sent: enough to find the cluster again."""


@final
class ClientService(ClusterFeature, ServesClients):
    """Serves the clients of one node."""

    def __init__(
        self,
        node: ClusterNode,
        kernel: Kernel,
        delivery: Delivery,
        receptionist: Receptionist,
        sharding: Sharding,
        send: Callable[[PeerAddress, bytes], str | None],
    ) -> None:
        self._node = node
        self._delivery = delivery
        self._receptionist = receptionist
        self._sharding = sharding
        self._send_frame = send
        self._asks = ClientAsks(kernel, delivery)
        self._allowance = Allowance(kernel.config.cluster.clients.allow, self._keys_at)
        self._find = kernel.find
        self._attached: dict[NodeId, bool] = {}
        """Whether each client has found another contact."""
        self._detached: dict[NodeId, int] = {}
        """The clients that wait until their messages have arrived, with the number of `Detach`."""
        self._nodes: tuple[PeerAddress, ...] = ()
        self._is_up = self._is_leaving = False
        self._changed = asyncio.Event()
        """Set when a client moves, detaches or is lost."""

    @property
    def clients(self) -> int:
        """How many clients have this node as their contact."""
        return len(self._attached)

    @property
    def pending_asks(self) -> Sequence[object]:
        """The asks that this node makes on behalf of clients."""
        return self._asks.pending

    @override
    def shutdown(self) -> Mapping[ShutdownPhase, ShutdownTask]:
        return {
            ShutdownPhase.hand_off: ShutdownTask(self._leave, LEAVE_TIMEOUT),
            ShutdownPhase.stop_actors: ShutdownTask(self._release, LEAVE_TIMEOUT),
        }

    @override
    def view_changed(self, view: ClusterState | None) -> None:
        up = () if view is None else view.up
        self._is_up = any(member.node == self._node.local.node for member in up)
        staying = [member.node for member in up if view is not None and member.node not in view.retiring]
        self._nodes = tuple(node.address for node in staying if node != self._node.local.node)[:MAX_NODES]

    @override
    def frame_received(self, client: NodeId, frame: bytes) -> None:
        match frame[0]:
            case frames.CLIENT:
                message: ToNode = codec.decode(frame, *FROM_CLIENTS)
                self._received(client, message)
            case frames.ASK:
                self._asked(client, frame)
            case _:
                self._check(frame)
                self._delivery.told_by_client(client, frame)

    @override
    def client_lost(self, client: NodeId) -> None:
        self._asks.lost(client)
        self._attached.pop(client, None)
        self._detached.pop(client, None)
        self._changed.set()

    def _received(self, client: NodeId, message: ToNode) -> None:
        match message:
            case Attach(number):
                is_accepted = self._is_up and not self._is_leaving
                if is_accepted:
                    self._attached[client] = False
                self._send(client, Attached(number, is_accepted, self._nodes))
            case Moved():
                if client in self._attached:
                    self._attached[client] = True
                    self._changed.set()
            case Detach(number):
                self._attached.pop(client, None)
                self._detached[client] = number
                self._changed.set()
                if not self._is_leaving:
                    self._confirm()  # it had come too late, and sent nothing
            case Lookup():
                for found in self._look_up(message):
                    self._send(client, found)

    def _asked(self, client: NodeId, frame: bytes) -> None:
        try:
            self._check(frame)
        except NotAllowedError as error:
            refused = ClientRefusedError(f"{self._node.local.node.address} refuses a client: {error}")
            self._delivery.refuse(client.address, frames.read_asked(frame).reply_uid, refused)
            raise
        self._asks.ask(client, frame)

    def _check(self, frame: bytes) -> None:
        """Before the actor is looked for, so that a client does not learn which of the others there are."""
        refusal = self._allowance.refusal(frames.read_target(frames.split(frame)[0]).path)
        if refusal is not None:
            raise NotAllowedError(refusal)

    def _keys_at(self, path: str) -> Iterable[str]:
        ref = self._find(path)
        return () if ref is None else self._receptionist.keys_of(ref)

    def _look_up(self, lookup: Lookup) -> Iterator[Found]:
        number, key = lookup
        is_allowed = self._allowance.allows_name(key)
        listing = self._receptionist.listing(ServiceKey(key)) if key else None
        allowed = [
            Instance(instance.ref.address.to_uri(), instance.node)
            for instance in (() if listing is None else listing.instances)
            if is_allowed or self._allowance.refusal(instance.ref.address.path) is None
        ]
        if not allowed and not is_allowed:
            why = f"{self._node.local.node.address} lets clients look up neither {printable(key)!r} nor an actor of it"
            yield Found(number, (), is_last=True, refusal=f"{why}, see [cluster.clients] allow of that node")
            return
        for portion in portions(allowed):
            yield Found(number, portion, is_last=False)
        yield Found(number, (), is_last=True)

    def _send(self, client: NodeId, message: object) -> None:
        refusal = self._send_frame(client.address, codec.encode(frames.CLIENT, message))
        if refusal is not None:
            logger.debug("a message to the client %s is dropped: %s", client, refusal)

    async def _leave(self) -> None:
        """Until each client sends its messages for actors of each node to another one."""
        self._is_leaving = True
        if self._nodes:  # else they have nowhere to go
            self._send_all(Leaving())
            await self._until(lambda: all(self._attached.values()))
            await self._until_asked()

    async def _release(self) -> None:
        """Until all messages for entities have arrived, and their replies have come."""
        self._send_all(Release())
        if self._nodes:
            await self._until(lambda: not self._attached)
            await self._sharding.settle()
            self._confirm()
            await self._until_asked()

    def _confirm(self) -> None:
        detached, self._detached = self._detached, {}
        for client, number in detached.items():
            self._send(client, Detached(number))

    def _send_all(self, message: object) -> None:
        for client in self._attached:
            self._send(client, message)

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._changed.clear()
            await self._changed.wait()

    async def _until_asked(self) -> None:
        if pending := self._asks.pending:
            await asyncio.wait(pending)
