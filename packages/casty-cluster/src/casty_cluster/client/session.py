"""The connections of one client: the shell of `protocol.client.contact`, and the asks that are under way on each."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final, final, override

from casty.address import PeerAddress
from casty.entropy import source
from casty.errors import ConfigError, DecodeError, MailboxFullError, NoContactError, NodeLostError, SystemStoppedError
from casty.extension import Kernel, Throttle
from casty.member import NodeId
from casty.plugins.serializers import make_serializer
from casty.printable import printable
from casty.spi.serializer import Serializer
from casty.spi.transport import ConnectFailure, FrameReceiver, Lane

from casty_cluster.client.lookups import Lookups
from casty_cluster.client.refs import CONTACT, ROUTER, ClientDelivery, Connections
from casty_cluster.client.settings import ClientSettings
from casty_cluster.node.driver import Driver
from casty_cluster.node.outlet import Outlet
from casty_cluster.protocol.client.contact import Contact
from casty_cluster.protocol.client.effects import (
    Abandon,
    ContactLost,
    Drop,
    Effect,
    Failure,
    Forward,
    Found,
    Send,
    Unreachable,
)
from casty_cluster.protocol.client.inputs import Begin, ConnectFailed, Hold, Input, Lost, Received
from casty_cluster.protocol.sharding.sender import TELL_TIMEOUT
from casty_cluster.remoting.delivery import Wire
from casty_cluster.wire import client as wire
from casty_cluster.wire import codec
from casty_cluster.wire import frames as kinds
from casty_cluster.wire.catalogue import TO_CLIENTS

logger = logging.getLogger("casty.client")

KEPT_PROBLEMS: Final = 1_000


@final
class Session(Wire, FrameReceiver, Connections):
    """What a client has while it runs."""

    def __init__(self, kernel: Kernel, settings: ClientSettings) -> None:
        self.delivery = ClientDelivery(kernel, self, self._serializer)
        self.delivery.connections = self
        self.lookups = Lookups(self._look_up)
        self._kernel = kernel
        self._settings = settings
        self._contact = Contact(settings.points, source().random())
        # It remembers no inputs: messages of users are among them.
        self._driver: Driver[Input, Effect] = Driver(self._contact, kernel.clock, self._carry_out, remembered=0)
        self._open = AsyncExitStack()
        self._outlet: Outlet | None = None
        self._connected: dict[PeerAddress, NodeId] = {}
        self._problems: dict[PeerAddress, str] = {}
        """Why the last attempt to connect to an address failed."""
        self._asked: dict[int, PeerAddress] = {}
        """The node that each pending ask has been sent to, by the uid of its reply reference."""
        self._abandoning: dict[PeerAddress, asyncio.Task[None]] = {}
        self._first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._throttle = Throttle(kernel.clock)

    @property
    def contact(self) -> NodeId | None:
        """The node that the client is attached to."""
        return self._contact.open

    async def open(self) -> None:
        """Open the transport and look for a contact. Raises `NoContactError` if none accepts in time."""
        transport = await self._open.enter_async_context(self._settings.open_transport(self._kernel, self))
        self._outlet = Outlet(transport, self._kernel.clock)
        self._driver.handle(Begin())
        seconds = self._settings.connect_timeout
        try:
            async with asyncio.timeout(seconds):
                await self._first
        except TimeoutError:
            raise NoContactError(f"{self._no_contact()}; abandoned after {seconds:g} s") from None

    async def close(self) -> None:
        """Send what is queued, as far as that can be done soon, and end all connections."""
        self._driver.stop()
        self._first.cancel()
        error = SystemStoppedError("the client was closed before the reply came; the outcome is unknown")
        self.lookups.fail(error)
        asked, self._asked = self._asked, {}
        for reply_uid in asked:
            self._kernel.asks.fail(reply_uid, error)
        self._dropped(self._contact.close(), "the client was closed before it had a contact")
        for task in list(self._abandoning.values()):
            task.cancel()
        failure = await self._kernel.patience.see_through(self._open.aclose, "closing the transport of a client")
        if failure is not None:
            raise failure

    @property
    def problem_of_contact(self) -> str:
        """What keeps the client from a contact; empty while it has one."""
        return self.problem(CONTACT)

    @override
    def problem(self, peer: PeerAddress) -> str:
        if not peer.is_client:
            return self._problems.get(peer, "")
        return "" if self.contact is not None else self._no_contact()

    @override
    def answered(self, reply_uid: int) -> None:
        self._asked.pop(reply_uid, None)

    # Messages

    @override
    def send(self, peer: PeerAddress, frame: bytes) -> str | None:
        if not peer.is_client:
            return self._send(peer, frame)
        contact = self._contact.open_for_entities if peer == ROUTER else self._contact.open
        if contact is not None:
            return self._send(contact.address, frame)
        seconds = kinds.read_asked(frame).seconds if frame[0] == kinds.ASK else TELL_TIMEOUT
        self._driver.handle(Hold(frame, self._kernel.clock.time() + seconds))
        return None

    def _send(self, peer: PeerAddress, frame: bytes) -> str | None:
        if self._outlet is None:
            return "the client is not connected"
        if frame[0] == kinds.ASK:
            self._asked[kinds.read_asked(frame).reply_uid] = peer
        return self._outlet.send(peer, frame, Lane.user)

    def _look_up(self, lookup: wire.Lookup) -> None:
        if (contact := self._contact.open) is not None:
            self._send(contact.address, codec.encode(kinds.CLIENT, lookup))

    def _dropped(self, lost: Sequence[bytes], reason: str) -> None:
        self.delivery.dropped(CONTACT, lost, reason)

    # What the transport reports

    @override
    def peer_connected(self, peer: NodeId) -> None:
        self._connected[peer.address] = peer
        self._problems.pop(peer.address, None)
        if (mistake := self._settings.mistake_about(peer.address)) is not None and not self._first.done():
            self._first.set_exception(ConfigError(mistake))

    @override
    def peer_lost(self, peer: NodeId, reason: str) -> None:
        if self._connected.get(peer.address) == peer:
            del self._connected[peer.address]
        for reply_uid in [uid for uid, address in self._asked.items() if address == peer.address]:
            error = (
                f"the connection to {peer.address} was lost before the reply came, and the outcome is unknown: {reason}"
            )
            self._kernel.asks.fail(reply_uid, NodeLostError(error))
        self._driver.handle(Lost(peer, reason))

    @override
    def frame_received(self, peer: NodeId, frame: bytes) -> None:
        try:
            bare = kinds.bare(frame)
            if bare[0] != kinds.CLIENT:
                self.delivery.received(peer, bare)
                return
            message: wire.ToClient = codec.decode(bare, *TO_CLIENTS)
        except DecodeError as error:
            if self._throttle.admits((peer.address, "frame")):
                logger.warning("a frame of %s cannot be read and is dropped: %s", printable(peer), printable(error))
            return
        if isinstance(message, wire.Found):
            self.lookups.received(message)
        else:
            self._driver.handle(Received(peer, message))

    @override
    def connect_failed(self, peer: PeerAddress, failure: ConnectFailure, reason: str) -> None:
        while len(self._problems) >= KEPT_PROBLEMS:
            del self._problems[next(iter(self._problems))]
        self._problems[peer] = reason
        self._driver.handle(ConnectFailed(peer, failure, reason))
        self._abandon(peer)  # an ask must not wait for attempts, when its caller can look for another actor

    @override
    def frames_dropped(self, peer: PeerAddress, frames: Sequence[bytes], reason: str) -> None:
        lost = [frame for frame in map(kinds.bare, frames) if frame[0] >= kinds.TELL]
        self.delivery.dropped(peer, lost, self._problems.get(peer, reason))

    @override
    def replaced(self, by: NodeId) -> None:
        """Never called: each client draws a name of its own."""

    # What the machine decides

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Send(to, message):
                self._send(to, codec.encode(kinds.CLIENT, message))
            case Forward(to, frame):
                self._forward(to, frame)
            case Drop(frame, has_expired):
                self._drop(frame, has_expired=has_expired)
            case Found(node):
                self._has_found(node)
            case ContactLost(node, reason):
                logger.warning("the contact %s is lost, and the client looks for another one: %s", node.address, reason)
            case Unreachable(failures):
                self._has_not_found(failures)
            case Abandon(node):
                self._abandon(node.address)

    def _forward(self, to: NodeId, frame: bytes) -> None:
        try:
            refusal = self._send(to.address, frame)
        except ValueError as error:  # it is too large
            refusal = str(error)
        if refusal is not None:
            self._dropped([frame], refusal)

    def _drop(self, frame: bytes, *, has_expired: bool) -> None:
        reason = self._no_contact() if has_expired else f"too many messages wait: {self._no_contact()}"
        if frame[0] == kinds.ASK:
            error = TimeoutError(f"not asked in time: {reason}") if has_expired else MailboxFullError(reason)
            self._kernel.asks.fail(kinds.read_asked(frame).reply_uid, error)
        self._dropped([frame], reason)

    def _has_found(self, node: NodeId) -> None:
        logger.info("%s is the contact of this client", node.address)
        self.lookups.repeat()
        if not self._first.done():
            self._first.set_result(None)

    def _has_not_found(self, failures: tuple[Failure, ...]) -> None:
        if self.contact is None and self._throttle.admits("no contact"):
            logger.warning("%s; the client goes on trying", self._no_contact())
        if not self._first.done() and all(failure.is_final for failure in failures):
            self._first.set_exception(NoContactError(self._no_contact()))

    def _no_contact(self) -> str:
        failures = {failure.address: failure.reason for failure in self._contact.failures}
        if not failures:
            return f"no reply yet of a contact point: {', '.join(map(str, self._settings.points))}"
        tried = ", ".join(f"{point} ({printable(reason)})" for point, reason in failures.items())
        return f"no contact point has accepted this client: {tried}"

    def _abandon(self, address: PeerAddress) -> None:
        """Drop what is queued for an address that cannot be reached."""
        if self._outlet is not None and address not in self._abandoning:
            transport = self._outlet.transport
            task = asyncio.get_running_loop().create_task(transport.disconnect(address), name="casty-disconnect")
            self._abandoning[address] = task
            task.add_done_callback(lambda _: self._abandoning.pop(address, None))

    def _serializer(self, name: str) -> Serializer:
        kernel = self._kernel
        return make_serializer(kernel.plugins, kernel.config.serialization, kernel.system.resolve, name=name)
